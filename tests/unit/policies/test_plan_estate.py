"""The estate of a plan has resources by their current types."""

import pytest

from mlpctl.policies.plan_estate import current_type


@pytest.mark.parametrize(
    ("type", "current"),
    [
        ("aws:s3/bucketV2:BucketV2", "aws:s3/bucket:Bucket"),
        ("aws:s3/bucketVersioningV2:BucketVersioningV2", "aws:s3/bucketVersioning:BucketVersioning"),
        ("aws:alb/loadBalancer:LoadBalancer", "aws:lb/loadBalancer:LoadBalancer"),
        ("aws:alb/listener:Listener", "aws:lb/listener:Listener"),
        ("aws:s3/bucket:Bucket", "aws:s3/bucket:Bucket"),
        ("kubernetes:core/v1:Pod", "kubernetes:core/v1:Pod"),
    ],
)
def test_an_older_name_of_a_type_counts_as_the_current_one(type: str, current: str) -> None:
    assert current_type(type) == current

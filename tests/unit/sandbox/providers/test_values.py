"""Known and unknown values in the preview of a new resource."""

from mlsandbox.providers.aws import values
from mlsandbox.providers.aws.eks import CLUSTER
from mlsandbox.providers.aws.settings import Settings
from mlsandbox.providers.protocol import UNKNOWN


def test_nested_properties_computed_by_aws_are_unknown_in_a_known_input() -> None:
    """Dependents, e.g. a rule of the cluster security group, wait for such a value."""
    inputs = {"name": "main", "vpcConfig": {"subnetIds": ["subnet-a", "subnet-b"]}}
    found = values.expected_outputs(CLUSTER, Settings("us-east-1"), inputs)["vpcConfig"]
    assert found["subnetIds"] == ["subnet-a", "subnet-b"]
    assert found["clusterSecurityGroupId"] is UNKNOWN

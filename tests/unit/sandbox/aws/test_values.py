"""What a preview knows of a resource that does not exist yet."""

from mlsandbox.providers.aws import values
from mlsandbox.providers.aws.eks import CLUSTER
from mlsandbox.providers.aws.settings import Settings
from mlsandbox.providers.protocol import UNKNOWN


def test_what_aws_chooses_inside_an_input_is_unknown_where_the_input_is_known() -> None:
    """Whoever depends on it, e.g. a rule of the cluster's security group, waits for it."""
    inputs = {"name": "main", "vpcConfig": {"subnetIds": ["subnet-a", "subnet-b"]}}
    found = values.expected_outputs(CLUSTER, Settings("us-east-1"), inputs)["vpcConfig"]
    assert found["subnetIds"] == ["subnet-a", "subnet-b"]
    assert found["clusterSecurityGroupId"] is UNKNOWN

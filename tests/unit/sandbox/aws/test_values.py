"""What a preview knows of a resource that does not exist yet."""

from mlpctl.sandbox.aws import values
from mlpctl.sandbox.aws.eks import CLUSTER
from mlpctl.sandbox.aws.settings import Settings
from mlpctl.sandbox.provider import UNKNOWN


def test_what_aws_chooses_inside_an_input_is_unknown_where_the_input_is_known() -> None:
    """Whoever depends on it, e.g. a rule of the cluster's security group, waits for it."""
    inputs = {"name": "main", "vpcConfig": {"subnetIds": ["subnet-a", "subnet-b"]}}
    found = values.expected_outputs(CLUSTER, Settings("us-east-1"), inputs)["vpcConfig"]
    assert found["subnetIds"] == ["subnet-a", "subnet-b"]
    assert found["clusterSecurityGroupId"] is UNKNOWN

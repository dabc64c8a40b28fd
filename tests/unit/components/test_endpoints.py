"""VPC endpoints: their names and policies."""

import json
from typing import Any

import grpc
import pulumi
import pulumi_aws as aws
import pytest

from mlplatform import Network, NetworkSpec
from mlplatform.checks.arguments import ArgumentsError
from mlplatform.foundation.network.endpoint_services import (
    Limits,
    gateway_policy,
    interface_policy,
    service_name,
    unknown,
)
from mlplatform.testing import ACCOUNT_ID, declare

LIMITS = Limits(ACCOUNT_ID, "aws", "eu-west-1")
OTHERS = Limits(ACCOUNT_ID, "aws", "eu-west-1", other_accounts=["210987654321"], readable_buckets=["open-data"])


def statements(policy: str | None) -> dict[str, Any]:
    assert policy
    return {each["Sid"]: each for each in json.loads(policy)["Statement"]}


@pytest.mark.parametrize(
    ("service", "region", "name"),
    [
        ("sts", "eu-west-1", "com.amazonaws.eu-west-1.sts"),
        ("sts", "us-gov-west-1", "com.amazonaws.us-gov-west-1.sts"),
        ("ecr.dkr", "cn-north-1", "cn.com.amazonaws.cn-north-1.ecr.dkr"),
        ("logs", "cn-north-1", "com.amazonaws.cn-north-1.logs"),
        ("s3", "cn-north-1", "com.amazonaws.cn-north-1.s3"),
        ("transcribe", "cn-northwest-1", "cn.com.amazonaws.cn-northwest-1.transcribe.cn"),
    ],
)
def test_an_endpoint_service_name_follows_its_region(service: str, region: str, name: str) -> None:
    assert service_name(service, region) == name


def test_a_service_without_an_endpoint_is_rejected_with_similar_names() -> None:
    assert unknown(["sts", "ecr.api"]) == []
    (message,) = unknown(["secretmanager"])
    assert message.startswith("secretmanager: allowed: services with an interface endpoint, e.g. secretsmanager")


def test_the_s3_endpoint_allows_only_account_data_and_image_layers() -> None:
    found = statements(gateway_policy("s3", LIMITS))
    assert {*found} == {"DataOfTheAccount", "LayersOfImages"}
    own = found["DataOfTheAccount"]["Condition"]["StringEquals"]
    assert own == {"aws:PrincipalAccount": [ACCOUNT_ID], "aws:ResourceAccount": [ACCOUNT_ID]}
    assert found["LayersOfImages"]["Action"] == ["s3:GetObject"]
    assert found["LayersOfImages"]["Resource"] == [
        "arn:aws:s3:::prod-eu-west-1-starport-layer-bucket/*",
        "arn:aws:s3:::prod-registry-k8s-io-eu-west-1/*",
    ]


def test_the_s3_endpoint_allows_layers_of_docker_hub_and_quay_in_the_region_of_their_buckets() -> None:
    found = statements(gateway_policy("s3", Limits(ACCOUNT_ID, "aws", "us-east-1")))["LayersOfImages"]["Resource"]
    assert {"arn:aws:s3:::docker-images-prod/*", "arn:aws:s3:::quayio-production-s3/*"} <= {*found}


def test_endpoints_allow_other_accounts_and_buckets_that_the_file_lists() -> None:
    found = statements(gateway_policy("s3", OTHERS))
    own = found["DataOfTheAccount"]["Condition"]["StringEquals"]
    assert own["aws:ResourceAccount"] == [ACCOUNT_ID, "210987654321"]
    public = found["BucketsOfOthers"]
    assert public["Resource"] == ["arn:aws:s3:::open-data", "arn:aws:s3:::open-data/*"]
    assert public["Action"] == ["s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket"]


@pytest.mark.parametrize("service", ["sqs", "secretsmanager", "kms", "logs"])
def test_endpoints_of_queues_and_logs_allow_only_account_resources(service: str) -> None:
    (only,) = statements(interface_policy(service, LIMITS)).values()
    assert only["Condition"]["StringEquals"]["aws:ResourceAccount"] == [ACCOUNT_ID]


@pytest.mark.parametrize("service", ["ec2", "autoscaling", "elasticloadbalancing", "ec2messages", "ssm", "ssmmessages"])
def test_endpoints_reject_credentials_of_other_accounts(service: str) -> None:
    (only,) = statements(interface_policy(service, LIMITS)).values()
    assert only["Condition"]["StringEquals"] == {"aws:PrincipalAccount": [ACCOUNT_ID]}


@pytest.mark.parametrize("service", ["ecr.api", "ecr.dkr"])
def test_images_can_be_pulled_from_any_account_and_pushed_only_to_the_own(service: str) -> None:
    found = statements(interface_policy(service, LIMITS))
    assert "aws:ResourceAccount" in found["RepositoriesOfTheAccount"]["Condition"]["StringEquals"]
    pulls = found["PullsFromEverywhere"]
    assert "aws:ResourceAccount" not in pulls["Condition"]["StringEquals"]
    assert not [action for action in pulls["Action"] if "Put" in action or "Upload" in action]


@pytest.mark.parametrize("service", ["eks", "eks-auth"])
def test_an_endpoint_without_policy_support_has_none(service: str) -> None:
    """https://docs.aws.amazon.com/eks/latest/userguide/vpc-interface-endpoints.html"""
    assert interface_policy(service, LIMITS) is None


def refused(services: dict[str, Any], **vpc: Any) -> str:
    """The error for a network whose region and zones have these endpoints of services."""

    class Missing(grpc.RpcError):
        def code(self) -> grpc.StatusCode:
            return grpc.StatusCode.UNKNOWN

        def details(self) -> str:
            return "reading EC2 VPC Endpoint Services: InvalidServiceName: The Vpc Endpoint Service does not exist"

    def answer(asked: Any) -> dict[str, Any]:
        assert asked["serviceType"] == "Interface"
        zones = services[asked["serviceName"].removeprefix("com.amazonaws.us-east-1.")]
        if zones is None:
            raise Missing
        private = "" if asked["serviceName"].endswith("iot.data") else "sts.us-east-1.amazonaws.com"
        return {"id": "r", "availabilityZones": zones, "privateDnsName": private}

    wanted = NetworkSpec.model_validate({"zones": ["use1-az6", "us-east-1b"], **vpc})
    args: Any = {
        "vpc": wanted,
        "region": "us-east-1",
        "account_id": ACCOUNT_ID,
        "logs_key_arn": "arn:aws:kms:us-east-1:123456789012:key/key",
    }
    look_ups = {"aws:ec2/getVpcEndpointService:getVpcEndpointService": answer}
    try:
        declare(lambda: Network("net", args), look_ups=look_ups)
    except pulumi.RunError as error:
        return str(error)
    return ""


def test_an_interface_endpoint_that_is_not_available_is_rejected_before_anything_is_created() -> None:
    everywhere, some = ["us-east-1a", "us-east-1b"], ["us-east-1b", "us-east-1c"]
    assert refused({"sts": everywhere, "sqs": everywhere}, interfaceEndpoints=["sts", "sqs"]) == ""
    assert refused({"sts": some, "sqs": None, "kms": everywhere}, interfaceEndpoints=["sts", "sqs", "kms"]) == (
        "the network can't have these interface endpoints:\n"
        "sts: not available in use1-az6; allowed: zones of us-east-1b, us-east-1c, or a network without this endpoint\n"
        "sqs: not available in us-east-1; allowed: a network without this endpoint"
    )


def test_an_interface_endpoint_without_a_private_dns_name_is_rejected() -> None:
    assert refused({"sts": [], "iot.data": ["us-east-1a", "us-east-1b"]}, interfaceEndpoints=["sts", "iot.data"]) == (
        "the network can't have these interface endpoints:\n"
        "iot.data: has no private DNS name, so clients would not find the endpoint; allowed: a network without this "
        "endpoint, and an endpoint with DNS records of your own"
    )


@pytest.mark.parametrize("name", ["sg", "sg-data"])
def test_a_network_with_endpoints_has_no_name_that_ec2_reserves_for_ids(name: str) -> None:
    args: Any = {
        "vpc": NetworkSpec(zones=["us-east-1a", "us-east-1b"], interface_endpoints=["sts"]),
        "region": "us-east-1",
        "account_id": ACCOUNT_ID,
        "logs_key_arn": "arn:aws:kms:us-east-1:123456789012:key/key",
    }
    with pytest.raises(ArgumentsError, match=f"name is {name}; allowed: names that do not begin with sg-"):
        declare(lambda: Network(name, args))
    declare(lambda: Network("sgx", args))


def test_an_empty_list_of_zones_as_in_govcloud_is_accepted() -> None:
    assert refused({"sts": []}, interfaceEndpoints=["sts"]) == ""


def test_network_endpoints_have_these_policies() -> None:
    vpc = NetworkSpec(
        zones=["us-east-1a", "us-east-1b"], interface_endpoints=["sqs", "eks"], readable_buckets=["open-data"]
    )
    args: Any = {
        "vpc": vpc,
        "region": "us-east-1",
        "account_id": ACCOUNT_ID,
        "logs_key_arn": "arn:aws:kms:us-east-1:123456789012:key/key",
    }
    plan = declare(lambda: Network("net", args))
    limits = Limits(ACCOUNT_ID, "aws", "us-east-1", readable_buckets=["open-data"])
    policies = {each.name: each.inputs.get("policy") for each in plan.of(aws.ec2.VpcEndpoint)}
    assert policies == {
        "net-s3-endpoint": gateway_policy("s3", limits),
        "net-dynamodb-endpoint": gateway_policy("dynamodb", limits),
        "net-sqs-endpoint": interface_policy("sqs", limits),
        "net-eks-endpoint": None,
    }

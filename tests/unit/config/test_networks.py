"""Networks in stack files: which are valid, and the rules that depend on the network."""

from typing import Any

import pytest
from pydantic import ValidationError

from mlpctl.config import Platform
from mlplatform import ImageRegistrySpec

ECR = "123456789012.dkr.ecr.us-east-1.amazonaws.com/mlplatform/dev/serving:v1"
CLOSED = {"zones": ["us-east-1a", "us-east-1b"], "nat": "none", "endpointPreset": "private"}
EXISTING = {
    "vpcId": "vpc-0a1b2c3d4e5f60718",
    "privateSubnets": {"us-east-1a": "subnet-0a1b2c3d", "use1-az1": "subnet-1a1b2c3d"},
}


def platform(network: Any, region: str = "us-east-1", pool: Any = None, **model: Any) -> Platform:
    values = {
        "profile": "dev",
        "owner": "a",
        "network": network,
        "cluster": {"privateAccessCidrs": ["192.168.0.0/20"]},
        "gpuPools": {"pool": {"instanceTypes": ["g6.2xlarge"], "nodes": 2, "maxNodes": 4, **(pool or {})}},
        "inference": {"chat": {"image": "vllm/vllm-openai:v0.11.0", "pool": "pool", "egress": ["10.0.0.0/8"], **model}},
        "workloads": {"chat": {"queues": {"jobs": "consume"}}},
    }
    return Platform.model_validate(values, context={"region": region})


@pytest.mark.parametrize(
    ("network", "region"),
    [
        ({"cidr": "100.64.0.0/16", "zones": ["eu-west-1a", "eu-west-1b"]}, "eu-west-1"),
        ({"zones": [f"us-east-1{letter}" for letter in "abcd"]}, "us-east-1"),
        ({"zones": ["use1-az1", "use1-az2", "use1-az4", "use1-az5", "use1-az6"]}, "us-east-1"),
        ({"zones": ["us-gov-west-1a", "usgw1-az2"]}, "us-gov-west-1"),
        ({"zones": ["cnn1-az1", "cn-north-1b"]}, "cn-north-1"),
        ({"cidr": "10.1.0.0/16", "podCidr": "100.64.0.0/16", "zones": ["us-east-1a", "us-east-1b"]}, "us-east-1"),
        ({"existing": EXISTING}, "us-east-1"),
    ],
)
def test_the_network_is_valid(network: Any, region: str) -> None:
    assert len(platform(network, region).network.zone_names) >= 2


def test_a_pool_is_in_zones_of_the_existing_network() -> None:
    assert platform({"existing": EXISTING}, pool={"zones": ["use1-az1"]}).gpu_pools["pool"].zones == ["use1-az1"]
    with pytest.raises(ValidationError, match=r"zones has us-east-1c; allowed: .* \(us-east-1a, use1-az1\)"):
        platform({"existing": EXISTING}, pool={"zones": ["us-east-1c"]})


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["/models/qwen"],
        ["s3://models/qwen"],
        ["$$(MODEL)", "Qwen/Qwen3-8B"],
        ["--model", "/models/qwen"],
        ["--model=s3://models/qwen"],
        ["--model-path", "/models/qwen"],
        ["--served-model-name", "Qwen/Qwen3-8B"],
    ],
)
def test_a_closed_network_serves_models_that_need_no_internet(args: list[str]) -> None:
    assert platform(CLOSED, image=ECR, commandArgs=args).network.closed


@pytest.mark.parametrize("args", [["--model", "Qwen/Qwen3-8B"], ["--model=Qwen/Qwen3-8B"], ["--model-path", "a/b"]])
def test_a_closed_network_cannot_reach_a_model_hub(args: list[str]) -> None:
    message = r"chat\.commandArgs has (--model )?\S+/\S+; allowed: .*, since network\.nat is none and the internet"
    with pytest.raises(ValidationError, match=message):
        platform(CLOSED, image=ECR, commandArgs=args)
    assert platform({**CLOSED, "nat": "single"}, commandArgs=args)


def test_a_closed_network_can_reach_only_ecr() -> None:
    with pytest.raises(ValidationError, match="allowed: an image in ECR"):
        platform(CLOSED)


def test_no_rule_depends_on_the_routes_of_an_existing_network_because_they_are_looked_up() -> None:
    network = {"existing": EXISTING, "nat": "none", "endpointPreset": "private"}
    assert not platform(network, commandArgs=["--model", "Qwen/Qwen3-8B"]).network.closed


def test_the_network_gets_the_requirements_of_the_stack() -> None:
    made = platform(CLOSED, image=ECR)
    assert made.needs == {
        "services": {"sqs": "queues of workloads.chat"},
        "outside": [],
        "nodes": {"us-east-1a": 2, "us-east-1b": 2},
    }
    assert made.pools == {"cluster.system": (["m7i.large"], []), "gpuPools.pool": (["g6.2xlarge"], [])}
    assert "sqs" in made.network.services([*made.services])


def test_an_existing_network_needs_a_route_to_the_internet_if_images_or_models_do() -> None:
    args = ["--model", "Qwen/Qwen3-8B"]
    made = platform({"existing": EXISTING}, pool={"nodes": 3, "zones": ["use1-az1"]}, commandArgs=args)
    assert made.outside == [
        "inference.chat.image is vllm/vllm-openai:v0.11.0",
        "inference.chat.commandArgs has --model Qwen/Qwen3-8B",
    ]
    assert made.nodes_by_zone == {"us-east-1a": 1, "use1-az1": 4}
    caches = made.model_copy(
        update={"images": ImageRegistrySpec.model_validate({"pullThrough": {"quay": {"upstream": "quay.io"}}})}
    )
    assert caches.outside[0] == "images.pullThrough has quay, whose first pull leaves the network"


def test_a_closed_network_cannot_reach_an_image_in_another_region() -> None:
    with pytest.raises(ValidationError, match="allowed: an image in ECR in us-east-1"):
        platform(CLOSED, image=ECR.replace("us-east-1", "us-east-2"))
    assert platform({"existing": EXISTING}, image=ECR).outside == []


def test_a_queue_needs_an_endpoint_in_a_closed_network() -> None:
    nodes = ["ec2", "ecr.api", "ecr.dkr", "eks", "eks-auth", "logs", "sts"]
    closed = {**CLOSED, "endpointPreset": "none", "interfaceEndpoints": nodes}
    with pytest.raises(ValidationError, match="interfaceEndpoints has no sqs; allowed"):
        platform(closed, image=ECR)
    assert platform({**closed, "interfaceEndpoints": [*nodes, "sqs"]}, image=ECR)

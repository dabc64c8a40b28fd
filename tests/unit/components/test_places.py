"""Regions, partitions and registries that do not match."""

import json
from importlib.resources import files
from typing import Any

import pulumi
import pytest

import mlplatform
from awsfacts import partitions
from mlplatform import grammar
from mlplatform.checks.arguments import ArgumentsError
from mlplatform.testing import declare

ACCOUNT = "123456789012"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000"


def refused(make: Any, args: Any, later: tuple[str, ...] = ()) -> dict[str, str]:
    def program() -> None:
        make("example", {key: pulumi.Output.from_input(each) if key in later else each for key, each in args.items()})

    with pytest.raises(ArgumentsError) as error:
        declare(program)
    return {each.path: each.reason for each in error.value.problems}


def test_the_list_of_regions_matches_botocore_s() -> None:
    """If this fails, update the list and its date."""
    listed = json.loads((files("botocore") / "data" / "partitions.json").read_bytes())["partitions"]
    known = {region: each["id"] for each in listed for region in each["regions"] if not region.endswith("-global")}
    assert partitions._data()["regions"] == sorted(known)
    assert {region: partitions.partition_of(region) for region in known} == known


@pytest.mark.parametrize(
    "host",
    [
        "dkr.ecr.us-east-1.amazonaws.com",
        "dkr.ecr.cn-north-1.amazonaws.com.cn",
        "dkr.ecr.us-gov-west-1.amazonaws.com",
        "dkr.ecr-fips.us-gov-west-1.amazonaws.com",
        "dkr.ecr.eusc-de-east-1.amazonaws.eu",
        "dkr-ecr.eu-central-1.on.aws",
        "dkr-ecr-fips.us-east-2.on.aws",
        "DKR.ECR.us-east-1.amazonaws.com",
    ],
)
def test_a_registry_in_an_existing_region_is_accepted(host: str) -> None:
    assert grammar.pinned_image(f"{ACCOUNT}.{host}/serving:v1")


@pytest.mark.parametrize(
    ("host", "message"),
    [
        (f"{ACCOUNT}.dkr.ecr.us-east-9.amazonaws.com", r"in a region of AWS .* its region is us-east-9"),
        (f"{ACCOUNT}.dkr.ecr.us-east-1a.amazonaws.com", r"its region is us-east-1a"),
        (f"{ACCOUNT}.dkr.ecr.amazonaws.com", r"its region is amazonaws"),
        (f"{ACCOUNT}.dkr.ecr", r"its region is empty"),
        (f"{ACCOUNT}.dkr.ecr.us-east-1", r"the registry .*\.us-east-1\.amazonaws\.com, as us-east-1 is in aws"),
        (f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com.cn", r"the registry .*\.amazonaws\.com, as us-east-1 is in aws"),
        (f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com", r"the registry .*\.amazonaws\.com\.cn, as .* in aws-cn"),
        (f"{ACCOUNT}.dkr.ecr.eusc-de-east-1.amazonaws.com", r"the registry .*\.amazonaws\.eu"),
        (f"{ACCOUNT}.dkr-ecr.us-east-1.amazonaws.com", r"the registry .*\.dkr-ecr\.us-east-1\.on\.aws"),
        (f"{ACCOUNT}.dkr-ecr.cn-north-1.on.aws", r"\.on\.amazonwebservices\.com\.cn"),
        ("12345.dkr.ecr.us-east-1.amazonaws.com", r"whose account ID has 12 digits"),
        ("serving.dkr.ecr.us-east-1.amazonaws.com", r"whose account ID has 12 digits"),
    ],
)
def test_a_registry_that_cannot_exist_is_rejected(host: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^allowed: .*{message}"):
        grammar.pinned_image(f"{host}/serving:v1")


RING = {"keys": {}, "account_id": ACCOUNT, "region": "us-east-1"}


@pytest.mark.parametrize("later", [(), ("region",), ("partition",), ("region", "partition")])
def test_the_partition_must_match_the_region(later: tuple[str, ...]) -> None:
    args = {**RING, "partition": "aws-cn"}
    assert refused(mlplatform.KeyRing, args, later) == {
        "partition": 'is "aws-cn"; allowed: aws, the partition of us-east-1'
    }
    right = {**RING, "region": "cn-north-1", "partition": "aws-cn"}
    outputs = lambda: {key: pulumi.Output.from_input(each) if key in later else each for key, each in right.items()}  # noqa: E731
    assert declare(lambda: mlplatform.KeyRing("keys", outputs())) == declare(lambda: mlplatform.KeyRing("keys", right))


@pytest.mark.parametrize("later", [(), ("region",)])
def test_the_default_partition_must_match_the_region(later: tuple[str, ...]) -> None:
    args = {**RING, "region": "us-gov-west-1"}
    assert refused(mlplatform.KeyRing, args, later) == {
        "partition": 'is "aws"; allowed: aws-us-gov, the partition of us-gov-west-1'
    }


@pytest.mark.parametrize("later", [(), ("region",)])
@pytest.mark.parametrize("region", ["us-east-99", "us-east-1a", "eu", "US-EAST-1", "aws-global"])
def test_a_region_must_exist(region: str, later: tuple[str, ...]) -> None:
    problems = refused(mlplatform.KeyRing, {**RING, "region": region}, later)
    assert problems["region"].startswith(f'is "{region}"; allowed: a region of AWS')


def test_a_partition_without_a_region_must_exist() -> None:
    args = {
        "cluster": {"privateAccessCidrs": ["192.168.0.0/20"]},
        "subnet_ids": ["subnet-aaaaaaaa", "subnet-bbbbbbbb"],
        "partition": "aws-china",
    }
    args |= {f"{each}_key_arn": KEY for each in ("secrets", "logs", "disks")}
    assert refused(mlplatform.EksCluster, args)["partition"].startswith('is "aws-china"; allowed: a partition of AWS')


CHINESE_KEY = KEY.replace("aws", "aws-cn", 1).replace("us-east-1", "cn-north-1")

REGISTRY = {"images": {}, "images_key_arn": KEY, "account_id": ACCOUNT, "region": "us-east-1"}
CACHE = {"upstream": "quay.io"}


def test_images_can_be_copied_only_to_other_regions_of_the_partition() -> None:
    for region, message in (("us-east-1", "regions other than"), ("cn-north-1", "regions of the partition aws")):
        args = {**REGISTRY, "images": {"account": {"replicateTo": [region]}}}
        reason = refused(mlplatform.ImageRegistry, args)["images.account.replicateTo"]
        assert reason.startswith(f"has {region}; allowed: {message}")


def test_caches_are_rejected_in_a_partition_without_them() -> None:
    args = {**REGISTRY, "images": {"pullThrough": {"quay": CACHE}}, "images_key_arn": CHINESE_KEY}
    args |= {"region": "cn-north-1", "partition": "aws-cn"}
    assert refused(mlplatform.ImageRegistry, args)["images.pullThrough"].startswith(
        "has quay; allowed: none in cn-north-1"
    )


@pytest.mark.parametrize(
    ("namespace", "cache"), [(None, "mlplatform"), ("acme", "acme"), ("acme/ml/prod", "acme"), ("acme", "acme")]
)
def test_a_cache_cannot_have_the_prefix_of_own_repositories(namespace: str | None, cache: str) -> None:
    images = {"repositories": {"serving": {}}, "pullThrough": {cache: CACHE}}
    problems = refused(mlplatform.ImageRegistry, {**REGISTRY, "images": images, "namespace": namespace})
    assert problems["images.pullThrough"].startswith(f"has {cache}; allowed: another name, since the registry's own")


@pytest.mark.parametrize("cache", ["acm", "acme-mirror", "ml"])
def test_a_cache_with_another_prefix_is_accepted(cache: str) -> None:
    images = {"repositories": {"serving": {}}, "pullThrough": {cache: CACHE}}
    make: Any = mlplatform.ImageRegistry
    assert declare(lambda: make("example", {**REGISTRY, "images": images, "namespace": "acme/ml"}))


def test_an_arn_of_an_unknown_cache_is_rejected() -> None:
    images = {"pullThrough": {"docker": {"upstream": "docker.io", "credentials": "ecr-pullthroughcache/hub"}}}
    arn = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:ecr-pullthroughcache/hub-AbCdEf"
    args = {**REGISTRY, "images": images, "credential_arns": {"docker": arn, "dokcer": arn}}
    assert refused(mlplatform.ImageRegistry, args) == {"credential_arns.dokcer": "has no cache; allowed: docker"}
    none = {**REGISTRY, "credential_arns": {"docker": arn}}
    assert refused(mlplatform.ImageRegistry, none) == {
        "credential_arns.docker": "has no cache; allowed: none is defined"
    }


def test_services_and_zones_that_a_network_does_not_have_are_rejected() -> None:
    args = {
        "vpc": {"zones": ["us-east-1a", "us-east-1b"]},
        "region": "us-east-1",
        "account_id": ACCOUNT,
        "logs_key_arn": KEY,
        "services": {"sqs": "queues", "sqss": "queues", "s3": "weights"},
        "nodes": {"us-east-1a": 1, "us-east-1c": 1},
    }
    problems = refused(mlplatform.Network, args)
    assert problems["nodes.us-east-1c"] == "is unknown; allowed: zones of vpc (us-east-1a, us-east-1b)"
    assert problems["services"].startswith("has s3; allowed: services without a gateway endpoint")


def test_arns_must_be_of_the_component_s_partition() -> None:
    china = KEY.replace("aws", "aws-cn", 1)
    make: Any = mlplatform.DataBucket
    expected = {"images_key_arn": "is an ARN of the partition aws-cn; allowed: ARNs of aws, the component's"}
    assert refused(mlplatform.ImageRegistry, {**REGISTRY, "images_key_arn": china}) == expected
    assert declare(lambda: make("example", {"bucket": {}, "data_key_arn": china})), "it has no partition of its own"
    workload = {
        "workload": {"buckets": {"data": {"access": "read"}}},
        "cluster_name": "c",
        "account_id": ACCOUNT,
        "region": "us-east-1",
        "bucket_arns": {"data": "arn:aws-cn:s3:::data"},
    }
    assert refused(mlplatform.WorkloadIdentity, workload) == {
        "bucket_arns": "is an ARN of the partition aws-cn; allowed: ARNs of aws, the component's"
    }
    right = {
        **workload,
        "bucket_arns": {"data": "arn:aws:s3:::data"},
        "permissions_boundary_arn": "arn:aws:iam::123456789012:policy/boundary",
    }
    assert declare(lambda: mlplatform.WorkloadIdentity("example", right))  # type: ignore[arg-type]

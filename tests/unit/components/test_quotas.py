"""Lists of a user that become rules, endpoints or policies fit AWS's quotas, or are rejected."""

from typing import Any

import pulumi
import pytest
from pydantic import ValidationError

import mlplatform
from mlplatform import iam
from mlplatform.buckets import bucket_policy
from mlplatform.checks.arguments import ArgumentsError
from mlplatform.compute.eks_cluster.access import MAX_SOURCES
from mlplatform.foundation.key_ring import KeyDomain, key_policy
from mlplatform.foundation.network import endpoint_services, flow_log
from mlplatform.foundation.network.spec import MAX_ENDPOINTS
from mlplatform.registries.image_registry import spec as images
from mlplatform.security.workload_identity import spec as workloads
from mlplatform.testing import ACCOUNT_ID, REGION, declare

KEY = f"arn:aws:kms:{REGION}:{ACCOUNT_ID}:key/00000000-0000-0000-0000-000000000000"

ENDPOINT_POLICY = 20_480
"""https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-limits-endpoints.html"""

REPOSITORY_POLICY = 10_240
LIFECYCLE_POLICY = 30_720
"""https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html"""


def cluster(cidrs: int, groups: int, given: int) -> None:
    spec: Any = {
        "privateAccessCidrs": [f"10.0.{number}.0/24" for number in range(cidrs)],
        "privateAccessSecurityGroups": [f"sg-{number:08x}" for number in range(groups)],
    }
    args: Any = {"cluster": spec, "subnet_ids": ["subnet-aaaaaaaa", "subnet-bbbbbbbb"]}
    args |= {f"{use}_key_arn": KEY for use in ("secrets", "logs", "disks")}

    def program() -> None:
        more = {f"g{number}": pulumi.Output.from_input(f"sg-{number + 999:08x}") for number in range(given)}
        mlplatform.EksCluster("c", {**args, "private_access_security_groups": more})

    declare(program)


@pytest.mark.parametrize(("cidrs", "groups", "given"), [(59, 0, 0), (0, 59, 0), (0, 0, 59), (20, 20, 19)])
def test_the_cluster_security_group_has_room_for_the_maximum_of_sources(cidrs: int, groups: int, given: int) -> None:
    assert cidrs + groups + given == MAX_SOURCES
    cluster(cidrs, groups, given)


@pytest.mark.parametrize(("cidrs", "groups", "given"), [(60, 0, 0), (0, 60, 0), (0, 0, 60), (20, 20, 20), (59, 0, 1)])
def test_more_sources_are_rejected(cidrs: int, groups: int, given: int) -> None:
    with pytest.raises(ArgumentsError, match=r"privateAccessCidrs has 60 networks and security groups .* allowed: 59"):
        cluster(cidrs, groups, given)


def test_a_registry_has_a_maximum_of_caches() -> None:
    made = mlplatform.ImageRegistrySpec.model_validate
    caches = {f"cache{number}": {"upstream": "quay.io"} for number in range(51)}
    with pytest.raises(ValidationError, match="50"):
        made({"pullThrough": caches})
    del caches["cache50"]
    made({"pullThrough": caches})
    # The longest names of caches.
    arns = [images.repository_arn(f"{'x' * 30}/*", ACCOUNT_ID, "ap-southeast-1", "aws-us-gov") for _ in caches]
    assert iam.size(images.cache_maker_policy(arns, KEY)) < iam.ROLE_SIZE
    assert iam.size(images.filling_policy(arns)) < iam.ROLE_SIZE


def test_a_network_has_a_maximum_of_interface_endpoints() -> None:
    services = sorted({*endpoint_services._data()["services"]} - {*endpoint_services.GATEWAY_SERVICES})
    zones = ["us-east-1a", "us-east-1b"]
    with pytest.raises(ValidationError):
        mlplatform.NetworkSpec(zones=zones, interface_endpoints=services[: MAX_ENDPOINTS + 1])
    others = [each for each in services if each not in endpoint_services.NODES_NEED][: MAX_ENDPOINTS - 3]
    with pytest.raises(ValidationError, match=r"interfaceEndpoints has .* allowed: 50 endpoints in all"):
        mlplatform.NetworkSpec.model_validate(
            {"zones": zones, "interfaceEndpoints": others, "endpointPreset": "private"}
        )


@pytest.mark.parametrize(
    "service", [*endpoint_services.GATEWAY_SERVICES, *endpoint_services.NODES_NEED, "sqs", "kms", "ssm"]
)
def test_the_largest_endpoint_policy_fits_the_ec2_limit(service: str) -> None:
    limits = endpoint_services.Limits(
        ACCOUNT_ID,
        "aws",
        "us-east-1",
        [f"{number:012}" for number in range(50)],
        ["x" * 61 + f"{n:02}" for n in range(50)],
    )
    mlplatform.NetworkSpec(
        zones=["us-east-1a", "us-east-1b"],
        other_accounts=[*limits.other_accounts],
        readable_buckets=[*limits.readable_buckets],
    )
    made = (
        endpoint_services.gateway_policy
        if service in endpoint_services.GATEWAY_SERVICES
        else endpoint_services.interface_policy
    )
    assert len(made(service, limits) or "") <= ENDPOINT_POLICY


def test_the_largest_repository_policies_fit_the_ecr_limits() -> None:
    patterns = [f"{number:03}{'x' * 123}*" for number in range(10)]
    made = images.ImageRepository(release_tags=patterns, shared_with=[f"{number:012}" for number in range(50)])
    assert len(images.repository_policy(made.shared_with, "aws-us-gov")) <= REPOSITORY_POLICY
    assert len(images.repository_lifecycle(made)) <= LIFECYCLE_POLICY


@pytest.mark.parametrize("later", [False, True])
def test_a_workload_s_policy_must_fit_the_iam_limit(later: bool) -> None:
    def program(count: int) -> None:
        secrets = [f"team/{number:03}/{'x' * 200}" for number in range(count)]
        place: Any = pulumi.Output.from_input(ACCOUNT_ID) if later else ACCOUNT_ID
        mlplatform.WorkloadIdentity(
            "w",
            {
                "workload": mlplatform.WorkloadIdentitySpec(secrets=secrets),
                "cluster_name": "c",
                "account_id": place,
                "region": REGION,
                "secrets_key_arn": KEY,
            },
        )

    declare(lambda: program(15))
    with pytest.raises(ArgumentsError, match=r"workload is access to 40 secrets, a policy of [0-9]+ .* allowed: 10240"):
        declare(lambda: program(40))


TRUST_POLICY = 2_048
MANAGED_POLICY = 6_144
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""

KEY_POLICY = 32_768
"""Bytes: https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html"""

BUCKET_POLICY = 20_480
"""Bytes: https://docs.aws.amazon.com/AmazonS3/latest/userguide/add-bucket-policy.html"""


def test_policies_without_lists_fit_with_the_longest_names() -> None:
    place = (ACCOUNT_ID, "ap-southeast-1", "aws-us-gov")
    trust = workloads.trust_policy("c" * 100, "n" * 63, "s" * 253, *place)
    assert iam.size(trust) <= TRUST_POLICY and iam.size(flow_log.trust(*place)) <= TRUST_POLICY
    assert iam.size(workloads.boundary(ACCOUNT_ID)) <= MANAGED_POLICY
    assert (
        iam.size(flow_log.policy(f"arn:aws-us-gov:logs:{place[1]}:{ACCOUNT_ID}:log-group:{'l' * 512}")) <= iam.ROLE_SIZE
    )
    assert len(key_policy(frozenset(KeyDomain), *place)) <= KEY_POLICY
    assert len(bucket_policy(f"arn:aws-us-gov:s3:::{'b' * 63}", KEY)) <= BUCKET_POLICY

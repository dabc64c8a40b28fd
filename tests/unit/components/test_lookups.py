"""Lookups and their errors."""

import datetime
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from accounts import VPC, Account
from mlplatform import EksCluster, EksClusterSpec, GpuNodePool, ImageRegistry, Network
from mlplatform.component import Component
from mlplatform.compute.eks_cluster.access import (
    a_new_cluster_has_standard_support,
    creator_has_no_entry,
)
from mlplatform.lookups import caller, look_up
from mlplatform.testing import ACCOUNT_ID, declare


def test_an_error_is_reported_without_the_engine_s_prefix() -> None:
    def ask() -> None:
        raise Exception(
            "invoke of aws:a/b:b failed: invocation of aws:a/b:b returned an error: invoking aws:a/b:b: gone\n"
        )

    with pytest.raises(pulumi.RunError, match=r"^the secret x can't be looked up: gone\nMake it\.$"):
        look_up(ask, "the secret x", "Make it.")


def test_the_result_is_returned() -> None:
    assert look_up(lambda: 5, "the answer", "") == 5


ROLE = "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Admin_0123456789abcdef"
AS_ROLE = {
    "aws:index/getCallerIdentity:getCallerIdentity": {
        "arn": "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/me",
        "accountId": "123456789012",
    },
    "aws:iam/getSessionContext:getSessionContext": {"issuerArn": ROLE},
}


def checked(cluster: dict[str, Any], **look_ups: Any) -> None:
    declare(
        lambda: creator_has_no_entry("cluster", EksClusterSpec.model_validate(cluster)),
        look_ups={**AS_ROLE, **look_ups},
    )


def test_an_access_entry_for_the_cluster_s_creator_is_rejected_before_anything_is_created() -> None:
    """EKS creates an entry for the creator, and would reject a second one after the cluster is created."""
    access = {"ops": {"principalArn": ROLE, "level": "clusterAdmin"}}
    message = r"^cluster\.access\.ops is for .*Remove this entry, or set cluster\.creatorIsAdmin to false"
    with pytest.raises(pulumi.RunError, match=message):
        checked({"access": access})


def test_the_creator_may_have_an_entry_if_eks_creates_none() -> None:
    checked({"access": {"ops": {"principalArn": ROLE, "level": "clusterAdmin"}}, "creatorIsAdmin": False})


def test_another_principal_may_have_an_entry() -> None:
    checked({"access": {"ops": {"principalArn": ROLE[:-1] + "0", "level": "view"}}})


def test_the_principal_that_updates_an_existing_cluster_may_have_an_entry() -> None:
    """The cluster may have been created by another principal."""
    access = {"ops": {"principalArn": ROLE, "level": "clusterAdmin"}}
    checked({"access": access}, **{"aws:eks/getClusters:getClusters": {"names": ["mlplatform-test-cluster"]}})


def test_a_cluster_without_access_entries_needs_no_lookup() -> None:
    nothing = {"aws:iam/getSessionContext:getSessionContext": None}
    checked({}, **nothing)


@pytest.mark.parametrize(
    ("day", "names", "message"),
    [
        ("2026-12-02", [], None),
        (
            "2026-12-03",
            [],
            r"^cluster\.version is 1\.34; allowed for a new cluster: 1\.35, 1\.36, since its standard support ",
        ),
        ("2026-12-03", ["mlplatform-test-other"], "cluster"),
        ("2026-12-03", ["mlplatform-test-cluster"], None),
    ],
)
def test_a_new_cluster_has_a_version_in_standard_support(day: str, names: list[str], message: str | None) -> None:
    def program() -> None:
        spec = EksClusterSpec.model_validate({"version": "1.34"})
        a_new_cluster_has_standard_support("cluster", spec, datetime.date.fromisoformat(day))

    look_ups: Any = {"aws:eks/getClusters:getClusters": {"names": names}}
    if message is None:
        declare(program, look_ups=look_ups)
    else:
        with pytest.raises(pulumi.RunError, match=message):
            declare(program, look_ups=look_ups)


@pytest.mark.parametrize("allowed", [[], [ACCOUNT_ID], ["210987654321", ACCOUNT_ID]])
def test_a_stack_can_be_deployed_to_the_accounts_that_it_allows(allowed: list[str]) -> None:
    found: list[tuple[str, str]] = []
    declare(lambda: found.append(caller(allowed)))
    assert found == [(ACCOUNT_ID, "aws")]


def test_credentials_of_another_account_are_rejected_before_anything_is_created() -> None:
    with pytest.raises(pulumi.RunError, match=rf"^the AWS account is {ACCOUNT_ID}; allowed: 210987654321, since"):
        declare(lambda: caller(["210987654321"]))


PRIVATE = {"us-east-1a": "subnet-aaaaaaaa", "use1-az1": "subnet-bbbbbbbb"}
RELEASE = "1.65.0-0be31b34"
EVERYTHING: dict[type[Component], dict[str, Any]] = {
    Network: {
        "vpc": {"existing": {"vpcId": VPC, "privateSubnets": PRIVATE, "gatewayEndpoints": True}},
        "region": "us-east-1",
        "account_id": ACCOUNT_ID,
        "logs_key_arn": "arn:aws:kms:us-east-1:123456789012:key/key",
    },
    EksCluster: {
        "cluster": {
            "privateAccessCidrs": ["192.168.0.0/20"],
            "access": {"ops": {"role": "ops", "level": "view"}},
            "system": {"amiRelease": RELEASE},
        },
        **{f"{key}_key_arn": "arn:aws:kms:us-east-1:123456789012:key/key" for key in ("secrets", "logs", "disks")},
        "subnet_ids": ["subnet-aaaaaaaa", "subnet-bbbbbbbb"],
    },
    GpuNodePool: {
        "pool": {"instanceTypes": ["g6.2xlarge"], "amiRelease": RELEASE},
        "cluster_name": "cluster",
        "cluster_version": "1.36",
        "cluster_endpoint": "https://127.0.0.1",
        "cluster_certificate_authority": "Q0E=",
        "cluster_service_cidr": "172.20.0.0/16",
        "subnet_ids": ["subnet-aaaaaaaa", "subnet-bbbbbbbb"],
        "disks_key_arn": "arn:aws:kms:us-east-1:123456789012:key/key",
    },
    ImageRegistry: {
        "images": {"pullThrough": {"hub": {"upstream": "docker.io", "credentials": "ecr-pullthroughcache/hub"}}},
        "images_key_arn": "arn:aws:kms:us-east-1:123456789012:key/key",
        "account_id": ACCOUNT_ID,
        "region": "us-east-1",
    },
}


@pytest.mark.parametrize("component", EVERYTHING, ids=lambda each: each.__name__)
def test_lookups_of_a_component_use_the_provider_of_its_children(component: type[Component]) -> None:
    """The provider may belong to another account, in which the default provider finds nothing or the wrong thing."""
    make: Any = component
    account = Account()
    account.closed()
    account.endpoint("s3")
    for service in ("ec2", "ecr.api", "ecr.dkr", "eks", "eks-auth", "logs", "sts"):
        account.endpoint(service)

    def program() -> None:
        other = aws.Provider("other", region="us-east-1")
        make("example", EVERYTHING[component], pulumi.ResourceOptions(providers=[other]))

    plan = declare(program, look_ups={**account.look_ups(), "aws:secretsmanager/getSecret:getSecret": {"arn": "arn:s"}})
    assert plan.asked
    assert [each.token for each in plan.asked if "::other::" not in each.provider] == []
    assert [each.name for each in plan if each.custom and each.parent and "::other::" not in each.provider] == []

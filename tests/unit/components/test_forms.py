"""Validation of IDs, principals and tags, both plain values and outputs."""

from typing import Any

import pulumi
import pytest

import mlplatform
from mlplatform.checks.arguments import ArgumentsError
from mlplatform.testing import ACCOUNT_ID, REGION, declare

KEY = f"arn:aws:kms:{REGION}:{ACCOUNT_ID}:key/00000000-0000-0000-0000-000000000000"
KEYS: Any = {f"{use}_key_arn": KEY for use in ("secrets", "logs", "disks")}
SUBNETS = ["subnet-aaaaaaaa", "subnet-0a1b2c3d4e5f60718"]
IAM = f"arn:aws:iam::{ACCOUNT_ID}"
ROLE = f"{IAM}:role/team/ml"
STRANGER = "arn:aws:iam::210987654321:role/team/ml"


class Later:
    """A value that is an output when the program runs."""

    def __init__(self, value: Any) -> None:
        self.value = value


def made(value: Any) -> Any:
    if isinstance(value, Later):
        return pulumi.Output.from_input(value.value)
    if isinstance(value, dict):
        return {key: made(each) for key, each in value.items()}
    return [made(each) for each in value] if isinstance(value, list) else value


def cluster(access: Any = None, **more: Any) -> Any:
    spec = {"privateAccessCidrs": ["192.168.0.0/20"], "access": access or {}}
    args: Any = {"cluster": spec, "subnet_ids": SUBNETS, **KEYS, **more}
    return declare(lambda: mlplatform.EksCluster("c", made(args)))


def pool(**more: Any) -> Any:
    spec: Any = {"instanceTypes": ["g6.2xlarge"]}
    args: Any = {"pool": spec, "cluster_name": "c", "subnet_ids": SUBNETS, "disks_key_arn": KEY, **more}
    return declare(lambda: mlplatform.GpuNodePool("p", made(args)))


def keys(**more: Any) -> Any:
    args: Any = {"keys": {}, "account_id": ACCOUNT_ID, "region": REGION, **more}
    return declare(lambda: mlplatform.KeyRing("k", made(args)))


def refused(make: Any, **more: Any) -> dict[str, str]:
    with pytest.raises(ArgumentsError) as error:
        make(**more)
    return {each.path: each.reason for each in error.value.problems}


CLOSED = ["ec2", "ecr.api", "ecr.dkr", "eks", "eks-auth", "logs", "sts"]
WRONG_SUBNETS = ["", "subnet-1", "subnet-ABCDEF01", "vpc-aaaaaaaa", "subnet-aaaaaaaa\n", "arn:aws:ec2:::subnet/x", "*"]
WRONG_GROUPS = ["sg-1", "default", "SG-12345678", "sg-1234567g", "subnet-aaaaaaaa", "sg-12345678 "]


@pytest.mark.parametrize("wrong", WRONG_SUBNETS)
@pytest.mark.parametrize("make", [cluster, pool])
def test_subnets_must_be_subnet_ids(make: Any, wrong: str) -> None:
    for given in ([SUBNETS[0], wrong], [SUBNETS[0], Later(wrong)], Later([SUBNETS[0], wrong])):
        ((place, reason),) = refused(make, subnet_ids=given).items()
        if wrong:
            assert place == "subnet_ids[1]" and "; allowed: IDs such as subnet-0a1b2c3d4e5f60718" in reason


@pytest.mark.parametrize("wrong", WRONG_SUBNETS[1:])
def test_pod_subnets_must_be_subnet_ids(wrong: str) -> None:
    for given in ({"us-east-1a": wrong}, {"us-east-1a": Later(wrong)}, Later({"us-east-1a": wrong})):
        assert "IDs such as subnet-" in refused(cluster, pod_subnet_ids=given)["pod_subnet_ids.us-east-1a"]


@pytest.mark.parametrize("wrong", WRONG_GROUPS)
def test_security_groups_must_be_security_group_ids(wrong: str) -> None:
    for given in (wrong, Later(wrong)):
        groups = {"private_access_security_groups": {"runners": given}}
        assert "IDs such as sg-" in refused(cluster, **groups)["private_access_security_groups.runners"]
        assert "IDs such as sg-" in refused(pool, cluster_security_group_id=given)["cluster_security_group_id"]


def test_valid_ids_are_accepted() -> None:
    for ids in (SUBNETS, [SUBNETS[0], Later(SUBNETS[1])], Later(SUBNETS)):
        assert cluster(subnet_ids=ids, private_access_security_groups={"a": Later("sg-12345678")}) and pool(
            subnet_ids=ids
        )


@pytest.mark.parametrize("later", [False, True])
def test_a_security_group_is_named_once(later: bool) -> None:
    """Its second rule would be a duplicate, which EC2 rejects."""
    group, other = "sg-12345678", "sg-87654321"
    again = Later(group) if later else group
    for listed, given in (([], {"a": group, "b": again}), ([group], {"b": again})):
        spec = {"privateAccessCidrs": ["192.168.0.0/20"], "privateAccessSecurityGroups": listed}
        found = refused(cluster, cluster=spec, private_access_security_groups=given)
        assert found["private_access_security_groups.b"].startswith(f'is "{group}", which ')
    assert cluster(private_access_security_groups={"a": group, "b": Later(other) if later else other})


WRONG_TAGS = [
    ({"name": "a"}, "tags"),
    ({"NAME": "a"}, "tags"),
    ({"": "a"}, "tags"),
    ({" team": "a"}, "tags"),
    ({"team?": "a"}, "tags"),
    ({"team\n": "a"}, "tags"),
    ({"x" * 129: "a"}, "tags"),
    ({"aws:team": "a"}, "tags"),
    ({"MLplatform:team": "a"}, "tags"),
    ({"Team": "a", "team": "b"}, "tags"),
    ({f"t{number}": "a" for number in range(43)}, "tags"),
    ({"team": "x" * 257}, "tags.team"),
    ({"team": "a,b"}, "tags.team"),
    ({"team": " a"}, "tags.team"),
    ({"team": "a\n"}, "tags.team"),
    ({"team": "\U0001f680"}, "tags.team"),
    ({"team": "AWS:a"}, "tags.team"),
]


@pytest.mark.parametrize(("tags", "place"), WRONG_TAGS)
def test_invalid_tags_are_rejected(tags: dict[str, str], place: str) -> None:
    for given in (tags, Later(tags)):
        found = refused(keys, tags=given)
        assert place in found and "allowed: " in found[place]
    if place != "tags":
        assert place in refused(keys, tags={key: Later(value) for key, value in tags.items()})


def test_valid_tags_are_accepted() -> None:
    right = {"Name": "mine", "Cost Centre": "Team ML/1 + x=y@z", "é": "", "x" * 128: "y" * 256, "number": "7"}
    assert keys(tags=right) and keys(tags=Later(right)) and keys(tags={key: Later(each) for key, each in right.items()})


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize(
    ("argument", "wrong"),
    [
        *(("cluster_version", each) for each in ("v1.36", "1.99", "1.36.1", "latest")),
        *(("cluster_name", each) for each in ("a b", "x" * 101, "-c", "arn:aws:eks:us-east-1:123456789012:cluster/c")),
    ],
)
def test_the_cluster_that_nodes_join_has_a_name_of_eks(argument: str, wrong: str, later: bool) -> None:
    assert "; allowed: " in refused(pool, **{argument: Later(wrong) if later else wrong})[argument]


@pytest.mark.parametrize("wrong", ["a b", "x" * 101])
@pytest.mark.parametrize("later", [False, True])
def test_the_cluster_of_a_workload_has_a_name_of_eks(wrong: str, later: bool) -> None:
    def identity(**more: Any) -> Any:
        spec: Any = {"queues": {"jobs": "consume"}}
        args: Any = {"workload": spec, "account_id": ACCOUNT_ID, "region": REGION, **more}
        return declare(lambda: mlplatform.WorkloadIdentity("w", made(args)))

    assert "; allowed: " in refused(identity, cluster_name=Later(wrong) if later else wrong)["cluster_name"]


@pytest.mark.parametrize("again", [SUBNETS[0], Later(SUBNETS[0])])
def test_nodes_are_in_each_subnet_once(again: Any) -> None:
    assert refused(pool, subnet_ids=[SUBNETS[0], again]) == {
        "subnet_ids": f"has {SUBNETS[0]} twice; allowed: each once"
    }


def model(**more: Any) -> Any:
    args: Any = {
        "inference": {"image": "a/b:v1", "pool": "gpu", "model": {"bucket": "m", "revision": "v1"}},
        "bucket_names": {"m": "models-0a1b"},
        "region": REGION,
        "s3_cidrs": ["52.216.0.0/15"],
        **more,
    }
    return declare(lambda: mlplatform.InferenceService("chat", made(args)))


@pytest.mark.parametrize("later", [False, True])
def test_the_weights_of_a_model_are_in_a_bucket_that_it_reaches(later: bool) -> None:
    assert model()
    wrong = Later("M_Bucket") if later else "M_Bucket"
    assert "; allowed: the name of an S3 bucket" in refused(model, bucket_names={"m": wrong})["bucket_names.m"]
    assert [*refused(model, s3_cidrs=Later([]) if later else [])] == ["s3_cidrs"]


@pytest.mark.parametrize("pool_name", ["a b", "-x", "x" * 64, ""])
def test_the_pool_of_a_model_is_a_label_s_value(pool_name: str) -> None:
    spec = {"image": "a/b:v1", "pool": pool_name}
    assert "inference.pool" in refused(lambda **more: model(inference=spec, **more))


def network(vpc: Any = None, **more: Any) -> Any:
    spec = {"zones": ["us-east-1a", "us-east-1b"], **(vpc or {})}
    args: Any = {"vpc": spec, "account_id": ACCOUNT_ID, "region": REGION, "logs_key_arn": KEY, **more}
    return declare(lambda: mlplatform.Network("n", args))


def test_a_network_has_room_for_its_nodes_and_endpoints_for_its_services() -> None:
    assert network(nodes={"us-east-1a": 3, "us-east-1b": 0}, services={"sqs": "queues"})
    assert refused(network, nodes={"us-east-1a": -1}) == {"nodes.us-east-1a": "is -1; allowed: 0 or more"}
    assert "has 59 addresses" in refused(network, vpc={"cidr": "10.0.0.0/24"}, nodes={"us-east-1a": 50})["vpc.cidr"]
    closed = {"nat": "none", "endpointPreset": None, "interfaceEndpoints": CLOSED}
    found = refused(network, vpc=closed, services={"sqs": "queues"})
    assert found["vpc.interfaceEndpoints"].startswith("has no sqs; allowed: sqs as well, or endpointPreset: private")


ACCESS = {"ml": {"level": "view"}}


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize(
    "arn",
    [
        "ml",
        "*",
        f"arn:aws:iam::{ACCOUNT_ID}:root",
        f"arn:aws:iam::{ACCOUNT_ID}:group/ml",
        f"arn:aws:iam::{ACCOUNT_ID}:role/*",
        f"arn:aws:iam::{ACCOUNT_ID}:role/team*/ml",
        f"arn:aws:iam::{ACCOUNT_ID}:role/te?m/ml",
        "arn:aws:iam::*:role/ml",
        "arn:aws:iam::1:role/ml",
        f"arn:aws:sts::{ACCOUNT_ID}:assumed-role/ml/session",
        f"arn:aws:iam::{ACCOUNT_ID}:role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS",
        f"arn:aws-cn:iam::{ACCOUNT_ID}:role/ml",
        KEY,
    ],
)
def test_a_principal_must_be_a_role_or_user_of_the_partition(arn: str, later: bool) -> None:
    found = refused(cluster, access=ACCESS, principal_arns={"ml": Later(arn) if later else arn})
    ((place, reason),) = found.items()
    assert place in ("principal_arns", "principal_arns.ml") and "allowed: " in reason


@pytest.mark.parametrize("later", [False, True])
def test_a_principal_may_belong_to_another_account(later: bool) -> None:
    arn = "arn:aws:iam::210987654321:user/me@example.com"
    assert cluster(access=ACCESS, principal_arns={"ml": Later(arn) if later else arn})


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize("other", [{"role": "ml"}, {"principalArn": ROLE}, {"principalArn": f"{IAM}:role/ml"}, {}])
def test_a_principal_can_have_only_one_entry(other: dict[str, str], later: bool) -> None:
    access = {"ops": {"level": "view", **other}, "ml": {"level": "view"}}
    given = {} if other else {"ops": Later(ROLE) if later else ROLE}
    found = refused(cluster, access=access, principal_arns={**given, "ml": Later(ROLE) if later else ROLE})
    assert found == {
        "principal_arns.ml": "is that of ops; allowed: another principal, since EKS allows one entry per principal"
    }


@pytest.mark.parametrize("other", [{"principalArn": ROLE}, {"principalArn": f"{IAM}:role/ml"}])
def test_a_role_s_name_and_its_arn_are_the_same_principal(other: dict[str, str]) -> None:
    found = refused(cluster, access={"ops": {"level": "view", "role": "ml"}, "ml": {"level": "view", **other}})
    assert found["cluster.access.ml"].startswith("is for ") and "one entry per principal" in found["cluster.access.ml"]


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize(
    "other", [{"role": "ml"}, {"principalArn": ROLE}, {"principalArn": f"{IAM}:user/ml"}, {"principalArn": STRANGER}]
)
def test_accounts_may_have_roles_of_the_same_name(other: dict[str, str], later: bool) -> None:
    stranger = STRANGER.replace("210987654321", "333333333333")
    assert cluster(access={"ops": {"level": "view", **other}, "ml": {"level": "view", "principalArn": stranger}})
    access = {"ops": {"level": "view", **other}, "ml": {"level": "view"}}
    assert cluster(access=access, principal_arns={"ml": Later(stranger) if later else stranger})
    both = {each: Later(arn) if later else arn for each, arn in (("ops", ROLE), ("ml", STRANGER))}
    assert cluster(access={"ops": {"level": "view"}, "ml": {"level": "view"}}, principal_arns=both)

"""Resources of a plan that are, or only seem to be, the same resource in the cloud."""

import time
from typing import Any

import pytest

from changes import change, plan
from mlpctl.review.dangers.twins import twins
from mlpctl.review.plan.model import Change, Op
from mlpctl.review.values.plain import Unknown

LOGS, PASSWORD = "aws:cloudwatch/logGroup:LogGroup", "random:index/randomPassword:RandomPassword"
ELSEWHERE = "urn:pulumi:dev::shop::pulumi:providers:aws::tokyo::1"
DEFAULT = "urn:pulumi:dev::shop::pulumi:providers:aws::default_7_0_0::1"


def gone(type: str, inputs: Any = None, name: str = "old", **fields: Any) -> Change:
    return change(type, Op.DELETE, name=name, inputs=inputs or {}, **fields)


def stays(type: str, inputs: Any = None, name: str = "new", **fields: Any) -> Change:
    return change(type, Op.SAME, name=name, inputs=inputs or {}, **fields)


def test_a_deleted_resource_with_the_id_of_another_is_reported() -> None:
    for op in (Op.SAME, Op.UPDATE, Op.IMPORT, Op.READ):
        other = change(LOGS, op, name="new", inputs={"name": "/a"}, id="/a")
        ((urn, text),) = twins(plan(gone(LOGS, {"name": "/a"}, id="/a"), other))
        assert urn.endswith("::old") and "both are the same resource (/a)" in text


@pytest.mark.parametrize(
    ("type", "id"),
    [
        (PASSWORD, "none"),
        ("random:index/randomInteger:RandomInteger", "7"),
        ("random:index/randomShuffle:RandomShuffle", "-"),
        ("time:index/static:Static", "2026-01-01T00:00:00Z"),
        ("local:index/file:File", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ("pulumi-nodejs:dynamic:Resource", "none"),
    ],
)
def test_equal_ids_of_resources_that_are_only_in_the_state_mean_nothing(type: str, id: str) -> None:
    assert [*twins(plan(gone(type, id=id), stays(type, id=id)))] == []
    assert [*twins(plan(gone(type, {"length": 16}, id=id), change(type, Op.CREATE, inputs={"length": 16})))] == []


def test_equal_ids_in_different_places_are_not_the_same_resource() -> None:
    there = stays(LOGS, {"name": "/a"}, id="/a", provider=ELSEWHERE)
    assert [*twins(plan(gone(LOGS, {"name": "/a"}, id="/a", provider=DEFAULT), there))] == []
    region = stays(LOGS, {"name": "/a", "region": "eu-west-1"}, id="/a")
    assert [*twins(plan(gone(LOGS, {"name": "/a", "region": "us-east-1"}, id="/a"), region))] == []
    first, second = ({"bucket": bucket, "key": "k"} for bucket in ("a", "b"))
    objects = "aws:s3/bucketObject:BucketObject"
    assert [*twins(plan(gone(objects, first, id="k"), stays(objects, second, id="k")))] == []


def test_a_unique_id_is_the_same_resource_with_any_provider() -> None:
    for id in ("vpc-0123456789abcdef0", "arn:aws:sns:eu-west-1:1:a"):
        there = stays("aws:ec2/vpc:Vpc", id=id, provider=ELSEWHERE)
        assert len([*twins(plan(gone("aws:ec2/vpc:Vpc", id=id, provider=DEFAULT), there))]) == 1


def test_a_deleted_resource_with_the_names_of_a_new_one_is_reported_once() -> None:
    new = [change(LOGS, Op.CREATE, name=name, inputs={"name": "/a", "kmsKeyId": "k"}) for name in ("one", "two")]
    ((_, text),) = twins(plan(gone(LOGS, {"name": "/a", "kmsKeyId": "k"}, id="/a"), *new))
    assert "both name the same resource (name /a)" in text
    other = change(LOGS, Op.CREATE, name="new", inputs={"name": "/a", "region": "eu-west-1"})
    assert [*twins(plan(gone(LOGS, {"name": "/a"}, id="/a"), other))] == []


@pytest.mark.parametrize(
    ("type", "inputs"),
    [
        (PASSWORD, {"length": 16}),
        ("acme:index/thing:Thing", {"size": 1}),
        ("acme:index/thing:Thing", {"clusterName": "c"}),
        ("acme:index/thing:Thing", {"name": "c"}),
    ],
)
def test_the_time_is_linear_in_the_number_of_resources(type: str, inputs: Any) -> None:
    def seconds(number: int) -> float:
        old = [gone(type, inputs, name=f"old-{each}", id="none") for each in range(number)]
        new = [change(type, Op.CREATE, name=f"new-{each}", inputs=inputs) for each in range(number)]
        kept = [stays(type, {**inputs, "x": each}, name=f"kept-{each}", id="none") for each in range(number)]
        start = time.process_time()
        for _ in twins(plan(*old, *new, *kept)):
            pass
        return time.process_time() - start

    seconds(50)
    assert seconds(4_000) < 3


ENTRY, IDENTITY = "aws:eks/accessEntry:AccessEntry", "aws:eks/podIdentityAssociation:PodIdentityAssociation"
HOLDER = {"clusterName": "prod", "principalArn": "arn:aws:iam::123456789012:role/ops"}
ACCOUNT = {"clusterName": "prod", "namespace": "training", "serviceAccount": "trainer"}


@pytest.mark.parametrize(
    ("type", "same", "may_differ", "others"),
    [
        (ENTRY, HOLDER, {"type": "EC2_LINUX"}, ("clusterName", "principalArn")),
        (IDENTITY, ACCOUNT, {"roleArn": Unknown()}, ("clusterName", "namespace", "serviceAccount")),
        ("aws:s3/bucketPolicy:BucketPolicy", {"bucket": "logs"}, {"policy": "{}"}, ("bucket",)),
        (
            "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
            {"role": "nodes", "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
            {},
            ("role", "policyArn"),
        ),
    ],
)
def test_inputs_that_identify_a_resource_are_compared(
    type: str, same: dict[str, Any], may_differ: dict[str, Any], others: tuple[str, ...]
) -> None:
    coming = change(type, Op.CREATE, name="new", inputs=same | may_differ)
    ((urn, text),) = twins(plan(gone(type, same), coming))
    assert urn.endswith("::old")
    assert "is created, but both name the same resource (" in text
    for field in others:
        assert f"{field} {same[field]}"[:40] in text
        other = change(type, Op.CREATE, name="new", inputs=same | may_differ | {field: "another"})
        assert [*twins(plan(gone(type, same), other))] == []
        unknown = change(type, Op.CREATE, name="new", inputs=same | may_differ | {field: Unknown()})
        assert [*twins(plan(gone(type, same), unknown))] == []
    there = change(type, Op.CREATE, name="new", inputs=same | may_differ | {"region": "eu-west-1"})
    assert [*twins(plan(gone(type, same), there))] == []

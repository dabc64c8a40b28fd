"""Reasons for replacements and deletions: one for every kind, and no unrelated ones."""

import json
from typing import Any

import pytest

from changes import STACK, change, plan, update, urn
from mlpctl.review.dangers.groups import groups
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.plan.model import Change, Op
from mlpctl.review.reading.reader import read
from mlpctl.review.values.plain import UNKNOWN

DATABASE, BUCKET, TEMPLATE = (
    "aws:rds/instance:Instance",
    "aws:s3/bucket:Bucket",
    "aws:ec2/launchTemplate:LaunchTemplate",
)
PROVIDER = "pulumi:providers:aws"
SAME: Any = {"engine": "postgres"}


def replaced(type: str = DATABASE, old: Any = SAME, new: Any = SAME, **more: Any) -> Change:
    return update(type, old, new, op=Op.REPLACE, **more)


REASONS: dict[str, tuple[Any, tuple[Change, ...], str]] = {
    "tainted": ({"tainted": True, "forced_by": ("id",)}, (), "it is tainted"),
    "tainted, where the engine names no key": ({"tainted": True}, (), "it is tainted"),
    "asked for": ({"forced_by": ("id",)}, (), "an option of the preview requests its replacement"),
    "replaced with another": (
        {"forced_by": ("replaceWith",), "replaced_with": (urn(BUCKET, "b"),)},
        (change(BUCKET, Op.REPLACE, name="b"),),
        "replaceWith: S3 bucket b is replaced",
    ),
    "replaced with another, without a key": (
        {"replaced_with": (urn(BUCKET, "b"),)},
        (change(BUCKET, Op.REPLACE, name="b"),),
        "replaceWith: S3 bucket b is replaced",
    ),
    "another provider": ({"forced_by": ("provider",), "provider": urn(PROVIDER, "p")}, (), "its provider changes"),
    "a provider that is replaced": (
        {"forced_by": ("provider",), "provider": urn(PROVIDER, "p")},
        (change(PROVIDER, Op.REPLACE, name="p"),),
        "its provider p is replaced",
    ),
    "a creation that failed": ({"forced_by": ("#initerror",)}, (), "its last creation or update failed partway"),
    "a trigger": ({"triggered": True}, (), "its replacementTrigger changes"),
    "a dependency that is deleted first": (
        {"after": (urn(BUCKET, "b"),)},
        (change(BUCKET, Op.REPLACE, name="b"),),
        "S3 bucket b is replaced",
    ),
    "an interrupted update": ({"pending": True}, (), "an interrupted update already deleted it"),
    "nothing that is known": ({}, (), "the engine gives no reason"),
}


@pytest.mark.parametrize("name", REASONS)
def test_every_kind_of_replacement_has_its_reason(name: str) -> None:
    fields, others, reason = REASONS[name]
    reported = [each for each in dangers(plan(*others, replaced(**fields))) if each.name == "it"]
    assert reported[0].because == (reason,)
    # Changes that are not a danger have a reason in the list of changes too.
    rows = {row.name: row for each in groups(plan(*others, replaced(TEMPLATE, **fields))) for row in each.rows}
    assert rows["it"].reasons == (reason,) and rows["it"].differences == ()


def test_a_property_that_forces_the_replacement_is_the_only_reason() -> None:
    (danger,) = dangers(plan(replaced(new={"engine": "mysql"}, forced_by=("engine",))))
    assert danger.because == ("engine: postgres → mysql",)
    (danger,) = dangers(plan(replaced(new={"engine": "mysql"}, forced_by=("engine",), replaces_on=("engine",))))
    assert danger.because == ("engine: postgres → mysql (by replaceOnChanges)",)
    (danger,) = dangers(plan(replaced(new={"engine": "mysql"}, forced_by=("engine",), tainted=True)))
    assert danger.because == ("engine: postgres → mysql", "it is tainted")


def test_an_input_with_the_name_of_an_engine_key_is_a_property() -> None:
    (danger,) = dangers(plan(replaced(old={"provider": "a"}, new={"provider": "b"}, forced_by=("provider",))))
    assert danger.because == ("provider: a → b",)


def test_a_deletion_with_another_resource_names_that_resource() -> None:
    whole = change("aws:ec2/vpc:Vpc", Op.DELETE, name="net")
    reported = dangers(plan(whole, change(DATABASE, Op.DELETE, deleted_with=whole.urn)))
    assert reported[0].because == ("deletedWith: VPC net is deleted",)
    assert dangers(plan(change(DATABASE, Op.DELETE, deleted_with=whole.urn)))[0].because == ()


@pytest.mark.parametrize("op", [Op.UPDATE, Op.REPLACE])
def test_removed_protection_is_also_reported_without_a_danger(op: Op) -> None:
    (group,) = groups(
        plan(update(TEMPLATE, {"a": 1}, {"a": 2}, op=op, forced_by=("a",), unprotected=True, unretained=True))
    )
    assert group.rows[0].reasons == ("protect: true → false", "retainOnDelete: true → false")


def test_a_cause_is_an_existing_property() -> None:
    nodes = "aws:eks/nodeGroup:NodeGroup"
    old = {"instanceTypes": ["m5.xlarge"], "diskSize": 50}
    new = {"instanceTypes": ["m6i.2xlarge"], "diskSize": 100}
    (danger,) = dangers(plan(update(nodes, old, new, op=Op.REPLACE, forced_by=("instanceTypes", "diskSize"))))
    assert danger.because == ("diskSize: 50 → 100", "instanceTypes[0]: m5.xlarge → m6i.2xlarge")
    assert (
        "its nodes are replaced with another instance type" in danger.text and "fewer instance types" not in danger.text
    )


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (["a.large", "b.large"], ["b.large"], "fewer instance types"),
        (["g6.large"], ["g5.large"], "replaced with another instance type"),
        (["a.large"], ["a.large", "b.large"], ""),
        (["a.large"], ["a.large"], ""),
    ],
)
def test_fewer_and_other_instance_types_are_distinguished(old: Any, new: Any, says: str) -> None:
    reported = dangers(plan(update("aws:eks/nodeGroup:NodeGroup", {"instanceTypes": old}, {"instanceTypes": new})))
    assert len(reported) == bool(says)
    assert all(says in each.text and ("fewer" in each.text) is ("fewer" in says) for each in reported)


def step(op: str, old: Any, new: Any, **more: Any) -> dict[str, Any]:
    name = urn(DATABASE, "db")
    state = {"urn": name, "custom": True, "type": DATABASE, "inputs": SAME, "outputs": SAME, "id": "x", "parent": STACK}
    return {"op": op, "urn": name, "oldState": {**state, **old}, "newState": {**state, **new}, **more}


@pytest.mark.parametrize(
    ("old", "new", "keys", "reason"),
    [
        ({"taint": True}, {}, None, "it is tainted"),
        ({}, {}, ["id"], "an option of the preview requests its replacement"),
        ({"initErrors": ["x"]}, {}, ["#initerror"], "its last creation or update failed partway"),
        ({"replacementTrigger": 1}, {"replacementTrigger": 2}, None, "its replacementTrigger changes"),
        ({"pendingReplacement": True}, {}, None, "an interrupted update already deleted it"),
        ({}, {"replaceWith": [urn(BUCKET, "b")]}, ["replaceWith"], "replaceWith"),
    ],
)
def test_the_reasons_come_from_a_real_preview(old: Any, new: Any, keys: Any, reason: str) -> None:
    document = {
        "steps": [step("replace", old, new, replaceReasons=keys)],
        "changeSummary": {"replace": 1},
        "duration": 1,
    }
    (danger,) = dangers(read(json.dumps(document)))
    assert danger.because == (reason,)


def test_the_source_of_an_unknown_value_is_reported() -> None:
    change_ = replaced(new={"engine": UNKNOWN}, forced_by=("engine",), depends={"engine": (urn(BUCKET, "b"),)})
    reported = dangers(plan(change(BUCKET, Op.CREATE, name="b"), change_))
    assert reported[0].because == ("engine: postgres → (known after the update), since S3 bucket b is created",)

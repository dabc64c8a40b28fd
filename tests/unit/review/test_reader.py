"""Reading the output of `pulumi preview --json`: the digest, the stream of events, and invalid input."""

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from benchmarks.plans import plan_of

from mlpctl.review.plan.model import Change, Message, Op, Plan, PlanError
from mlpctl.review.reading import reader
from mlpctl.review.values.plain import UNKNOWN, Secret
from review_plans import bounded
from unit.review.canaries import PREFIX, STACK, resource

PLANS = Path(__file__).parents[2] / "golden" / "plans"
THING = "aws:index/thing:Thing"
DONE = {"duration": 1, "changeSummary": {}}


def read(*steps: dict[str, Any], **more: Any) -> Plan:
    return reader.read(json.dumps({"steps": list(steps), **DONE, **more}))


def one(*steps: dict[str, Any]) -> Change:
    (change,) = read(*steps)
    return change


def summary_of(plan: Plan) -> dict[str, tuple[Op, bool, tuple[str, ...]]]:
    return {change.name: (change.op, change.deletes_first, change.forced_by) for change in plan}


@pytest.mark.parametrize(
    "name", ["replacements.json", "replacements-shown.json", "replacements-refreshed.json", "replacements.jsonl"]
)
def test_all_four_formats_of_a_preview_give_the_same_plan(name: str) -> None:
    plan = reader.load(PLANS / name)
    assert summary_of(plan) == {
        "shapes-bench": (Op.SAME, False, ()),
        "dbr": (Op.REPLACE, True, ("cidrBlock",)),
        "cbd": (Op.REPLACE, False, ("cidrBlock",)),
        "sub": (Op.REPLACE, False, ("vpcId",)),
        "prot": (Op.UPDATE, False, ()),
        "gone": (Op.DELETE, False, ()),
        "kept": (Op.FORGET, False, ()),
    }
    assert (plan.project, plan.stack, plan.incomplete) == ("shapes", "bench", "")
    assert plan.messages == (Message("warning", "hello"),)
    assert plan.config == {"aws:region": "us-east-1"}
    by_name = {change.name: change for change in plan}
    assert by_name["cbd"].old == {"cidrBlock": "10.0.0.0/16", **_VPC}
    assert by_name["cbd"].new == {"cidrBlock": "10.9.0.0/16", **_VPC}
    assert by_name["cbd"].provider == "urn:pulumi:bench::shapes::pulumi:providers:aws::default_7_51_1"
    assert by_name["cbd"].parent == "urn:pulumi:bench::shapes::pulumi:pulumi:Stack::shapes-bench"
    assert by_name["cbd"].id.startswith("vpc-")
    assert by_name["prot"].protected and not by_name["cbd"].protected
    assert by_name["kept"].retained and not by_name["gone"].retained
    assert by_name["prot"].reported == ("tags.Name", "tags.a", "tagsAll.Name", "tagsAll.a")
    assert by_name["sub"].new is not None and by_name["sub"].new["vpcId"] is UNKNOWN
    assert by_name["sub"].forced_by_unknown and not by_name["cbd"].forced_by_unknown
    assert by_name["gone"].new is None and not by_name["shapes-bench"].custom


_VPC = {"enableDnsSupport": True, "instanceTenancy": "default", "tagsAll": {}}


def test_a_digest_contains_the_dependencies_of_inputs() -> None:
    plan = reader.load(PLANS / "replacements.json")
    subnet = next(change for change in plan if change.name == "sub")
    assert [cause.name for cause in plan.causes(subnet, "vpcId")] == ["dbr"]
    assert "cidrBlock" not in subnet.depends


def test_the_name_that_a_provider_generated_is_read_unless_it_is_secret() -> None:
    step = resource("t", THING, op="update", old={"namePrefix": "t-"}, new={"namePrefix": "t-"})
    step["oldState"]["outputs"] = {"name": "t-2026"}
    assert one(step).called == "t-2026"
    step["oldState"]["additionalSecretOutputs"] = ["name"]
    assert one(step).called == ""
    for outputs in (
        {},
        {"name": 5},
        {"name": {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}},
    ):
        assert one({**step, "oldState": {**step["oldState"], "outputs": outputs}}).called == ""


def test_the_plan_of_another_program_is_read() -> None:
    plan = reader.load(PLANS / "foreign.json")
    counts = {op: sum(change.op is op for change in plan) for op in Op}
    assert counts == {
        Op.CREATE: 5,
        Op.UPDATE: 5,
        Op.REPLACE: 2,
        Op.DELETE: 1,
        Op.IMPORT: 1,
        Op.READ: 1,
        Op.SAME: 4,
        Op.FORGET: 0,
        Op.REFRESH: 0,
        Op.GONE: 0,
    }
    by_type = {change.type: change for change in plan}
    database = by_type["aws:rds/instance:Instance"]
    assert database.deletes_first and database.forced_by == ("storageEncrypted",)
    assert database.old and database.new
    assert (database.old["storageEncrypted"], database.new["storageEncrypted"]) == (False, True)
    assert "__defaults" not in database.new
    assert not by_type["aws:secretsmanager/secretVersion:SecretVersion"].deletes_first
    function = by_type["aws:lambda/function:Function"]
    assert function.unknowns == (("environment", "variables", "SESSION_SECRET"), ("role",))
    assert function.inputs["code"] == "archive ./dist 5e884898da28"
    assert plan.component(by_type["aws:ec2/vpc:Vpc"]) == f"{_SHOP}awsx:ec2:Vpc::net"
    assert by_type["gcp:sql/databaseInstance:DatabaseInstance"].protected
    assert by_type["aws:ec2/securityGroup:SecurityGroup"].id == "sg-0d1e2f3a4b5c6d7e8"
    assert by_type["aws:s3/bucket:Bucket"].id == "shop-invoices-eu"
    assert plan.config["shop:dbPassword"] == Secret("secret")


_SHOP = "urn:pulumi:prod::shop::"


def test_the_sandbox_flag_is_stored() -> None:
    assert reader.read(json.dumps(DONE), sandbox=True).sandbox
    assert not reader.read(json.dumps(DONE)).sandbox


def test_replacement_keys_come_from_the_detailed_diff_if_there_are_none() -> None:
    step = resource("a", THING, op="replace", old={"x": 1, "y": 1}, new={"x": 2, "y": 2})
    step["detailedDiff"] = {"x.deep[0]": {"kind": "add-replace"}, "y": {"kind": "update"}}
    assert one(step).forced_by == ("x.deep[0]",)
    assert one(step).reported == ("x.deep[0]", "y")


def test_differences_are_listed_by_name_without_a_detailed_diff() -> None:
    step = resource("a", THING, op="update", old={"x": 1}, new={"x": 2}) | {"diffReasons": ["x"]}
    assert one(step).reported == ("x",)


@pytest.mark.parametrize("op", ["import-replacement", "read-replacement", "create-replacement"])
def test_every_kind_of_replacement_is_one_change(op: str) -> None:
    new = resource("a", THING, op=op, old={"x": 1}, new={"x": 2})
    last = resource("a", THING, op="delete-replaced", old={"x": 1})
    assert (one(new, last).op, one(new, last).deletes_first) == (Op.REPLACE, False)
    assert (one(last, new).op, one(last, new).deletes_first) == (Op.REPLACE, True)
    assert (one(new, last).old, one(new, last).new) == ({"x": 1}, {"x": 2})


def test_the_deletion_of_only_an_old_copy_is_a_deletion_with_a_note() -> None:
    plan = read(resource("a", THING, op="delete-replaced", old={"x": 1}, delete=True))
    assert [(change.op, change.name) for change in plan] == [(Op.DELETE, "a (old copy id-a)")]
    (note,) = plan.notes
    assert note.text == "An old copy (id-a) that an interrupted replacement left behind is deleted."


def test_an_old_copy_of_an_unchanged_resource_is_a_separate_change() -> None:
    same = resource("a", THING, op="same", old={"x": 2}, new={"x": 2})
    plan = read(same, resource("a", THING, op="delete-replaced", old={"x": 1}, delete=True))
    assert [(change.op, change.inputs) for change in plan] == [(Op.SAME, {"x": 2}), (Op.DELETE, {"x": 1})]
    assert plan.by_urn[same["urn"]].op is Op.SAME


def test_a_resource_deleted_by_an_interrupted_replacement_is_gone() -> None:
    plan = read(resource("a", THING, op="remove-pending-replace", old={"x": 1}))
    assert [change.op for change in plan] == [Op.GONE]
    assert plan.notes[0].text == "An interrupted replacement already deleted it; only the state still contains it."


@pytest.mark.parametrize(
    ("op", "more", "meaning"),
    [
        ("delete", {}, Op.DELETE),
        ("delete", {"retainOnDelete": True}, Op.FORGET),
        ("delete", {"external": True}, Op.FORGET),
        ("delete", {"retainOnDelete": True, "custom": False}, Op.DELETE),
        ("discard", {"external": True}, Op.FORGET),
    ],
)
def test_a_resource_that_leaves_the_stack_and_stays_in_the_cloud_is_forgotten(
    op: str, more: dict[str, Any], meaning: Op
) -> None:
    change = one(resource("a", THING, op=op, old={"x": 1}, **more))
    assert (change.op, change.old, change.new) == (meaning, {"x": 1}, None)


def test_the_later_of_two_steps_counts_if_the_preview_refreshed_first() -> None:
    found = resource("a", THING, op="update", old={"x": 1}, new={"x": 5})
    wanted = resource("a", THING, op="update", old={"x": 5}, new={"x": 1})
    assert (one(found, wanted).old, one(found, wanted).new) == ({"x": 5}, {"x": 1}), (
        "before the update is what the refresh found"
    )
    vanished = resource("a", THING, op="delete", old={"x": 1})
    again = resource("a", THING, op="create", new={"x": 1})
    assert (one(vanished, again).op, one(vanished, again).old) == (Op.CREATE, None)
    assert one(resource("a", THING, op="refresh", old={"x": 1}, new={"x": 1})).op is Op.SAME


def test_an_unknown_step_of_a_newer_engine_is_reported() -> None:
    plan = read(resource("a", THING, op="evaporate", old={"x": 1}))
    assert [change.op for change in plan] == [Op.DELETE]
    assert plan.incomplete == "The operation 'evaporate' of a is unknown."


def test_messages_lose_colors_and_duplicate_severities() -> None:
    plan = read(
        diagnostics=[
            {
                "severity": "error",
                "urn": STACK,
                "message": "<{%fg 1%}>error: <{%reset%}>it \x1b[31mfailed\x1b[0m\nmore\n",
            },
            {"severity": "info#err", "prefix": "note: ", "message": "said"},
            {"severity": "info", "message": "  \n"},
            {"severity": "debug", "message": "not shown"},
        ]
    )
    assert plan.messages == (Message("error", "it failed\nmore", STACK), Message("info", "note: said"))
    assert plan.incomplete == "The preview failed: it failed"


def test_an_incomplete_plan_contains_the_reason() -> None:
    assert read(maybeCorrupt=True).incomplete == "The engine reports that the state may be corrupt."
    assert reader.read('{"steps": []}').incomplete == "The preview ended before the engine's summary."
    lines = (PLANS / "replacements.jsonl").read_text().splitlines()
    cut = reader.read("\n".join(lines[:-3]) + "\n" + lines[-3][:40])
    assert cut.incomplete == "The events end before the engine's summary."
    assert reader.read("\n".join(lines) + '\n{"sequence": 99, "timest').incomplete == "The last event is truncated."
    canceled = {"summaryEvent": {"maybeCorrupt": True, "result": "canceled"}}
    plan = reader.read(json.dumps({"sequence": 0}) + "\n" + json.dumps(canceled))
    assert plan.incomplete == "The engine reports that the state may be corrupt. The preview was canceled."


def test_names_with_redacted_secrets_remain_distinct() -> None:
    names = ["ghp_" + letter * 30 + "1A" for letter in "ab"]
    parent = resource(names[0], THING, new={})
    other = resource(names[1], THING, new={})
    child = resource("child", THING, new={"x": 1}, parent=parent["urn"], propertyDependencies={"x": [other["urn"]]})
    plan = read(parent, other, child)
    assert [change.urn for change in plan][:2] == [f"{PREFIX}{THING}::(secret)", f"{PREFIX}{THING}::(secret) 2"]
    assert plan.by_urn[plan.changes[2].parent] is plan.changes[0]
    assert list(plan.causes(plan.changes[2], "x")) == [plan.changes[1]]


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_is_read_in_the_encodings_of_common_shells(coding: str, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_bytes(json.dumps({"steps": [resource("ä", THING, new={})], **DONE}, ensure_ascii=False).encode(coding))
    assert [change.name for change in reader.load(file)] == ["ä"]


def test_a_plan_is_read_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(json.dumps(DONE).encode())))
    assert reader.load(Path("-")).changes == ()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"")))
    with pytest.raises(PlanError, match=r"^Standard input: The input is empty;"):
        reader.load(Path("-"))


@pytest.mark.engine  # seconds in all
@bounded
def test_two_thousand_resources_are_read() -> None:
    text = json.dumps(plan_of(2000))
    assert len(text) > 5_000_000
    plan = reader.read(text)
    assert len(plan.changes) == 2000
    assert {change.op for change in plan} == {Op.CREATE, Op.UPDATE, Op.REPLACE, Op.DELETE, Op.SAME}
    assert not plan.incomplete


def test_a_generated_plan_is_deterministic() -> None:
    assert plan_of(100, 1) == plan_of(100, 1) != plan_of(100, 2)


def test_removed_protection_is_detected() -> None:
    urn = "urn:pulumi:dev::p::aws:s3/bucket:Bucket::data"
    state = {"urn": urn, "type": "aws:s3/bucket:Bucket", "custom": True, "inputs": {}}
    guarded = {**state, "protect": True, "retainOnDelete": True}

    def change(op: str, old: dict[str, Any], new: dict[str, Any]) -> Any:
        step = {"op": op, "urn": urn, "oldState": old, "newState": new}
        (found,) = reader.read(json.dumps({"steps": [step], "changeSummary": {}}))
        return found

    bare = change("same", guarded, state)
    assert (bare.unprotected, bare.unretained) == (True, True)
    for found in (change("same", state, guarded), change("update", guarded, guarded)):
        assert (found.unprotected, found.unretained) == (False, False)


def test_unchanged_resources_that_are_counted_but_not_listed() -> None:
    urn = "urn:pulumi:dev::p::aws:s3/bucket:Bucket::data"
    state = {"urn": urn, "type": "aws:s3/bucket:Bucket", "custom": True, "inputs": {"bucket": "data"}}
    step = {"op": "same", "urn": urn, "newState": state}
    plan = reader.read(json.dumps({"steps": [step], "changeSummary": {"same": 5}}))
    assert plan.unlisted == 4
    (same,) = plan
    assert same.old == same.new == {"bucket": "data"}
    with pytest.raises(PlanError, match=r"changeSummary\.same is a string, not an integer"):
        reader.read(json.dumps({"steps": [], "changeSummary": {"same": "5"}}))

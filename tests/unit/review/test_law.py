"""Verdict, dangers, counts and exit code of a review never contradict each other, for all engine output."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpctl import urns
from mlpctl.review import assemble
from mlpctl.review.cost import book
from mlpctl.review.plan.model import Op
from mlpctl.review.reading import reader
from mlpctl.review.report import wording
from mlpctl.review.report.model import Certainty, Harm, Outcome, Report
from mlpctl.review.writers import verdict
from mlpctl.review.writers.markdown import markdown
from unit.review.engine import PREFIX, ROOT, STACK, State, Step, counted, digest, events, state

BOOK = book.load()
DAY = date(2026, 11, 1)
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
K8S = f"{PREFIX}pulumi:providers:kubernetes::k8s"

KINDS: Sequence[tuple[str, dict[str, Any], str, Any]] = [
    ("aws:rds/instance:Instance", {"engine": "postgres", "allocatedStorage": 20}, "engine", "mysql"),
    ("aws:s3/bucket:Bucket", {"bucket": "logs"}, "bucket", "other"),
    ("aws:eks/nodeGroup:NodeGroup", {"instanceTypes": ["g5.xlarge"], "diskSize": 100}, "diskSize", 200),
    ("aws:iam/role:Role", {"name": "trainer"}, "name", "server"),
    ("aws:lb/loadBalancer:LoadBalancer", {"name": "front"}, "name", "back"),
    ("kubernetes:core/v1:Namespace", {"metadata": {"name": "prod"}}, "metadata", {"name": "test"}),
    ("pulumi:providers:kubernetes", {"kubeconfig": "one"}, "kubeconfig", "two"),
    ("my:index:Component", {}, "size", 2),
]

Maker = Callable[[State, State, str], list[Step]]


def _copy(old: State, **more: Any) -> State:
    return {**old, "id": "old-0", "delete": True, **more}


def _replaced(old: State, new: State, path: str) -> list[Step]:
    marked = {**old, "delete": True}
    return [
        Step("create-replacement", old, new, (path,), logical=False),
        Step("replace", old, new, (path,)),
        Step("delete-replaced", marked, logical=False),
    ]


MAKERS: dict[str, Maker] = {
    "same": lambda old, new, path: [Step("same", old, old)],
    "create": lambda old, new, path: [Step("create", None, {**new, "id": ""})],
    "update": lambda old, new, path: [Step("update", old, new, (path,))],
    "delete": lambda old, new, path: [Step("delete", old)],
    "replace": _replaced,
    "may replace": lambda old, new, path: _replaced(old, {**new, "inputs": {**new["inputs"], path: UNKNOWN}}, path),
    "replaced first": lambda old, new, path: [
        Step("delete-replaced", old, logical=False),
        Step("replace", old, new, (path,)),
        Step("create-replacement", old, new, (path,), logical=False),
    ],
    "retained": lambda old, new, path: [Step("delete", {**old, "retainOnDelete": True})],
    "replaced and retained": lambda old, new, path: _replaced(
        {**old, "retainOnDelete": True}, {**new, "retainOnDelete": True}, path
    ),
    "discarded": lambda old, new, path: [Step("discard", {**old, "external": True})],
    "read": lambda old, new, path: [Step("read", {**old, "external": True}, {**old, "external": True})],
    "no longer managed": lambda old, new, path: [Step("read", old, {**old, "external": True})],
    "imported": lambda old, new, path: [Step("import", None, new)],
    "gone": lambda old, new, path: [Step("remove-pending-replace", old, logical=False)],
    "old copy": lambda old, new, path: [Step("same", old, old), Step("delete-replaced", _copy(old), logical=False)],
    "retained old copy": lambda old, new, path: [
        Step("same", old, old),
        Step("delete-replaced", _copy(old, retainOnDelete=True), logical=False),
    ],
    "unprotected": lambda old, new, path: [Step("same", {**old, "protect": True}, old)],
    "protected": lambda old, new, path: [Step("delete", {**old, "protect": True})],
    "drift put back": lambda old, new, path: [
        Step("refresh", old, new, (path,), logical=False),
        Step("update", new, old, (path,)),
    ],
}


@st.composite
def plans(draw: st.DrawFn) -> list[Step]:
    """Steps of a few resources, each in its own situation."""
    steps = [ROOT]
    for number in range(draw(st.integers(0, 5))):
        type, inputs, path, value = draw(st.sampled_from(KINDS))
        custom = type != "my:index:Component"
        maker = draw(st.sampled_from(sorted(MAKERS) if custom else ["same", "create", "update", "delete"]))
        more: dict[str, Any] = {} if custom else {"custom": False, "provider": "", "id": ""}
        old = state(type, f"{draw(st.sampled_from(['a', 'a::b', 'c']))}{number}", inputs, **more)
        steps += MAKERS[maker](old, {**old, "inputs": {**inputs, path: value}}, path)
    return steps + draw(modules()) + draw(containers())


@st.composite
def containers(draw: st.DrawFn) -> list[Step]:
    """Steps of a bucket and of a retained object in it, or none."""
    if not (maker := draw(st.sampled_from(["", "same", "delete", "replace", "replaced first", "retained"]))):
        return []
    inputs = {"bucket": "shop", "forceDestroy": draw(st.booleans())}
    bucket = state("aws:s3/bucket:Bucket", "whole", inputs)
    part = state("aws:s3/bucketObject:BucketObject", "part", {"bucket": "shop", "key": "a"}, retainOnDelete=True)
    other = {**part, "inputs": {"bucket": "other", "key": "a"}}
    steps = MAKERS[maker](bucket, {**bucket, "inputs": {**inputs, "bucket": "other"}}, "bucket")
    return steps + MAKERS[draw(st.sampled_from(["same", "delete", "replace"]))](part, other, "bucket")


@st.composite
def modules(draw: st.DrawFn) -> list[Step]:
    """Steps of a Terraform module and of its resources, or none."""
    if not (makers := draw(st.lists(st.sampled_from(["same", "create", "update", "delete", "replace"]), max_size=3))):
        return []
    module = state("net:index:Module", "m", {"size": 1})
    steps = [Step("same", module, module)]
    for number, maker in enumerate(makers):
        more = {"custom": False, "id": "", "provider": "", "parent": module["urn"], "viewOf": module["urn"]}
        old = state("net:tf:aws_s3_bucket", f"view{number}", {"bucket": "logs"}, **more)
        steps += MAKERS[maker](old, {**old, "inputs": {"bucket": "other"}}, "bucket")
    return steps


def review(text: str) -> Report:
    return assemble.review(reader.read(text), BOOK, DAY)


def check(report: Report) -> None:
    """Check the invariants."""
    rows = [row for group in report.groups for row in group.rows]
    by_urn = {row.urn: row for row in rows}
    assert len(by_urn) == len(rows)
    quiet = verdict.NOTHING in report.verdict or verdict.NO_DRIFT in report.verdict
    made = Counter(row.op for row in rows if not urns.kind(row.urn).startswith(urns.PROVIDER_TYPE))
    assert made == {op: count for op, count in report.counts.items() if op not in (Op.SAME, Op.READ)}
    if quiet:
        assert not rows and not made and not report.dangers and not report.outputs and not report.incomplete
        assert report.outcome is (Outcome.KEPT if report.passes else Outcome.BROKEN)
    for op, count in wording.counts(report.counts):
        may = sum(row.certainty is Certainty.MAY for row in rows if row.op is op and row.urn in by_urn)
        assert op is Op.REPLACE or not may
        assert op is Op.REPLACE or wording.total(op, count) in report.verdict
    assert bool(report.incomplete) == report.verdict.startswith(verdict.AS_FAR)
    assert not (report.incomplete and report.outcome is Outcome.KEPT)
    broken = [each for each in report.limits if each.broken]
    assert (report.outcome is Outcome.BROKEN) == bool(
        broken or report.invalid or any(each.mandatory for each in report.violations)
    )
    for danger in report.dangers:
        row = by_urn.get(danger.urn)
        assert (row.op if row else Op.SAME) is danger.op
        if row is None:
            assert "no longer protected" in report.verdict
            continue
        assert row.op not in (Op.FORGET, Op.GONE, Op.REFRESH)
        if row.retained and row.op in wording.DESTRUCTIVE:
            assert danger.harm not in (Harm.DATA, Harm.CAPACITY)
            assert "is lost" not in danger.text and "are lost" not in danger.text and "restarts" not in danger.text
            assert "retained" in wording.standing(danger)
        if row.certainty is Certainty.MAY:
            assert not danger.text.startswith("Replaces")
        if row.op in wording.DESTRUCTIVE and danger.text.startswith(("Replaces", "Deletes")):
            assert row.certainty is Certainty.WILL and danger.certainty is Certainty.WILL
    kept = any(wording.stays(row) for row in rows)
    assert any("that stay in the cloud" in each for each in wording.next_steps(report)) is kept
    for group in report.groups:
        gone = any(row.op in wording.DESTRUCTIVE and not row.retained for row in group.rows)
        assert wording.component_state(report, group) != "gone" or gone
    text = markdown(report)
    for row in rows:
        if row.op in wording.LEAVING:
            assert row.name in text


@given(plans())
def test_a_digest_satisfies_the_invariants(steps: list[Step]) -> None:
    check(review(digest(*steps)))


@pytest.mark.engine  # takes seconds
@given(plans())
def test_events_satisfy_the_invariants_and_match_the_digest(steps: list[Step]) -> None:
    one, other = review(digest(*steps)), review(events(*steps))
    check(other)
    assert (one.verdict, one.counts, one.dangers) == (other.verdict, other.counts, other.dangers)
    assert one.groups == other.groups


@given(modules())
def test_resources_of_a_module_are_counted_and_checked(steps: list[Step]) -> None:
    report = review(digest(ROOT, *steps))
    goes = {each.urn for each in steps if each.op in ("delete", "replace")}
    assert {danger.urn for danger in report.dangers} == goes
    assert sum(report.counts.values()) == len({each.urn for each in steps})


@pytest.mark.engine  # takes seconds
@given(plans(), st.data())
def test_a_truncated_plan_is_always_reported(steps: list[Step], data: st.DataObject) -> None:
    document = json.loads(digest(*steps))
    if not any(op not in ("same", "read", "discard") for op in counted(steps)):
        return
    place = data.draw(st.sampled_from(["steps", "oldState", "newState", "custom"]))
    for each in document["steps"]:
        if each["op"] != "same":
            each.pop(place, None)
            for side in ("oldState", "newState"):
                each.get(side, {}).pop(place, None)
    if place == "steps":
        document["steps"] = document["steps"][:1]
    report = review(json.dumps(document))
    assert verdict.NOTHING not in report.verdict
    check(report)


@given(st.lists(st.tuples(st.sampled_from(KINDS[:6]), st.sampled_from(["same", "drift", "gone"])), max_size=5))
def test_a_refresh_is_recognized_and_changes_nothing(found: list[tuple[Any, str]]) -> None:
    root = {"urn": STACK, "type": "pulumi:pulumi:Stack", "custom": False}
    steps = [Step("refresh", root, root)]
    for number, ((type, inputs, path, value), happens) in enumerate(found):
        old = state(type, f"r{number}", inputs)
        new = {**old, "inputs": {**inputs, path: value}}
        steps.append(
            {
                "same": Step("refresh", old, old),
                "drift": Step("update", old, new, (path,)),
                "gone": Step("delete", old),
            }[happens]
        )
    report = review(digest(*steps))
    check(report)
    assert report.refresh and not report.dangers and report.outcome is Outcome.KEPT
    assert report.verdict.startswith(verdict.REFRESH)
    assert not {Op.UPDATE, Op.DELETE} & report.counts.keys()


@pytest.mark.parametrize("mandatory", [True, False])
def test_a_mandatory_violation_fails_a_review(mandatory: bool) -> None:
    level = "mandatory" if mandatory else "advisory"
    event = {"policyEvent": {"message": "no", "policyName": "p", "policyPackName": "q", "enforcementLevel": level}}
    report = review(events(ROOT, more=[event]))
    check(report)
    assert report.outcome is (Outcome.BROKEN if mandatory else Outcome.KEPT)
    assert ("1 mandatory policy violation" in report.verdict) is mandatory

"""The stream of events: every content is read or rejected, and secrets are redacted."""

import copy
import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlpctl.review import assemble
from mlpctl.review.cost import book
from mlpctl.review.plan.model import Message, Op, PlanError
from mlpctl.review.reading import reader, stream
from unit.review.engine import ROOT, STACK, Step, digest, events, state

BUCKET = state("aws:s3/bucket:Bucket", "logs", {"bucket": "logs"})
POLICY = {"policyEvent": {"message": "no", "policyName": "p", "policyPackName": "q", "enforcementLevel": "advisory"}}
REMEDIATION = {"policyRemediationEvent": {"policyName": "p", "policyPackName": "q", "before": {"a": 1}, "after": {}}}
ERROR = {"errorEvent": {"error": "integrity"}}


def outputs(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """The event with the stack outputs."""
    sides = [{"urn": STACK, "type": "pulumi:pulumi:Stack", "outputs": each} for each in (old, new)]
    return {"resOutputsEvent": {"metadata": {"op": "same", "urn": STACK, "old": sides[0], "new": sides[1]}}}


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_WHOLE = [
    json.loads(line)
    for line in events(
        ROOT, Step("delete", BUCKET), more=[POLICY, REMEDIATION, ERROR, outputs({"a": 1}, {"a": 2})]
    ).splitlines()
]


@settings(max_examples=200)
@given(number=st.integers(0, len(_WHOLE) - 1), data=st.data())
def test_every_event_is_either_read_or_rejected(number: int, data: st.DataObject) -> None:
    every = copy.deepcopy(_WHOLE)
    inner: Any = every[number]
    for _ in range(data.draw(st.integers(0, 4))):
        keys = [key for key, each in inner.items() if isinstance(each, dict) and each]
        if not keys:
            break
        inner = inner[data.draw(st.sampled_from(keys))]
    inner[data.draw(st.sampled_from(sorted(inner)))] = data.draw(_ANY)
    try:
        repr(reader.read("\n".join(map(json.dumps, every))))
    except PlanError as error:
        assert "\n" not in str(error)


def test_secrets_in_policies_outputs_and_errors_are_redacted() -> None:
    token = "ghp_" + "a1B2" * 9
    marked = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "plaintext": '"tulip-hoe-42"'}
    written = events(
        ROOT,
        more=[
            {"policyEvent": {**POLICY["policyEvent"], "message": f"token {token}"}},
            {"errorEvent": {"error": f"failed with {token}"}},
            outputs({"dbPassword": "first-petunia-1", "key": marked}, {"dbPassword": "next-petunia-2", "key": "x"}),
        ],
    )
    shown = assemble.review(reader.read(written), book.load(), date(2026, 11, 1)).to_json()
    assert not [secret for secret in (token, "petunia", "tulip") if secret in shown]


def test_a_remediation_of_a_policy_is_a_warning_that_names_the_inputs() -> None:
    plan = reader.read(events(ROOT, more=[REMEDIATION]))
    assert plan.messages == (Message("warning", "The policy p of q changes its inputs: a."),)


def test_an_operation_that_failed_makes_a_plan_incomplete() -> None:
    failed = {"resOpFailedEvent": {"metadata": {"op": "delete", "urn": BUCKET["urn"], "old": BUCKET}, "status": 1}}
    assert "The operation delete failed." in reader.read(events(ROOT, more=[failed])).incomplete


def test_the_events_of_an_update_are_not_accepted_as_a_preview() -> None:
    done = events(ROOT).replace('"isPreview": true', '"isPreview": false')
    assert [each.text for each in reader.read(done).messages] == [stream.DONE_ALREADY]
    assert not reader.read(events(ROOT)).messages


def test_old_copies_of_one_urn_are_refreshed_separately() -> None:
    old = {**BUCKET, "id": "old", "delete": True}
    found = {**BUCKET, "inputs": {"bucket": "logs", "acl": "private"}}
    plan = reader.read(events(Step("refresh", old, old, logical=False), Step("refresh", BUCKET, found, ("acl",))))
    assert [(each.op, each.id) for each in plan] == [(Op.REFRESH, "logs-1")]


@pytest.mark.parametrize("text", ["", "\n", "\ufeff"])
def test_two_plans_in_one_file_are_rejected(text: str) -> None:
    with pytest.raises(PlanError, match="Another JSON document begins on line 1;"):
        reader.read(text.strip() + digest(ROOT) + digest(ROOT))


def test_plain_text_between_events_is_rejected_with_its_line() -> None:
    first, *rest = events(ROOT).splitlines()
    with pytest.raises(PlanError, match="Line 2 is not an engine event: it is plain text"):
        reader.read("\n".join([first, "warning: the disk is full", *rest]))

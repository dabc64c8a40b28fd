"""Levels, waivers and outcomes of rules."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pulumi_aws as aws
import pytest
from pydantic import ValidationError

from mlpctl.policies import (
    ALWAYS,
    FROM_STAGING,
    Estate,
    Level,
    Levels,
    NotApplicable,
    Resource,
    Rule,
    Setting,
    Severity,
    rule,
    stack_rule,
)
from mlpctl.policies.approvals import APPROVAL
from mlpctl.policies.evaluate import Evaluation, Outcome, evaluate
from mlpctl.policies.rules import rules
from mlpctl.policies.stack import StackRules
from mlpctl.review.values.plain import UNKNOWN, Secret
from mlpctl.settings.policies import MOST_DAYS, PolicySettings
from mlpctl.settings.rule_ids import RULE_IDS

TODAY = date(2026, 11, 29)
QUEUE = "aws:sqs/queue:Queue"
WAIVER = {"rule": "ACME-01", "resource": "b*", "reason": "moves next month", "owner": "ml", "expires": str(TODAY)}


def named(levels: Levels = ALWAYS) -> Rule:
    @rule("ACME-01", aws.sqs.Queue, reason="So.", remedy="Name it.", severity=Severity.LOW, levels=levels)
    def queue_has_a_name(queue: Resource) -> Iterator[str]:
        """A queue has a name."""
        if not queue.get("name"):
            yield "has no name"

    return queue_has_a_name


def estate(*, whole: bool = True, **queues: Any) -> Estate:
    def make(made: Estate) -> Iterator[Resource]:
        for name, inputs in queues.items():
            yield Resource(f"urn:pulumi:dev::shop::{QUEUE}::{name}", QUEUE, inputs, made)

    return Estate(make, {}, whole)


def evaluated(
    *rules: Rule, profile: str = "prod", queues: Any = None, whole: bool = True, **settings: Any
) -> Evaluation:
    found = estate(whole=whole, **({"a": {"name": "a"}, "b": {}} if queues is None else queues))
    return evaluate(rules or (named(),), found, PolicySettings(**settings), profile, TODAY)


def outcomes(found: Evaluation) -> list[Outcome]:
    return [each.outcome for each in found.results]


def test_a_rule_is_evaluated_for_each_resource_of_its_classes() -> None:
    found = evaluated()
    assert outcomes(found) == [Outcome.PASS, Outcome.FAIL]
    assert found.results[1].text == "has no name" and found.results[1].urn.endswith("::b")
    assert not found.passes
    assert outcomes(evaluated(queues={})) == [Outcome.NOT_APPLICABLE]


def test_a_waived_violation_does_not_hide_what_cannot_be_evaluated() -> None:
    @rule("ACME-01", aws.sqs.Queue, reason="So.", remedy="Name it.", severity=Severity.LOW, levels=ALWAYS)
    def queue_has_a_name_and_a_key(queue: Resource) -> Iterator[str]:
        """A queue has a name and a key."""
        if not queue.get("name"):
            yield "has no name"
        if not queue.get("key"):
            yield "has no key"

    queues = {"a": {"key": UNKNOWN}, "b": {"key": UNKNOWN}, "c": {"key": "k"}}
    found = evaluated(queue_has_a_name_and_a_key, queues=queues, waivers=[WAIVER])
    assert [(each.urn[-1], each.outcome) for each in found.results] == [
        ("a", Outcome.FAIL),
        ("b", Outcome.WAIVED),
        ("b", Outcome.NOT_EVALUATED),
        ("c", Outcome.FAIL),
    ]


def test_the_profile_decides_on_the_level() -> None:
    levels = Levels(Level.OFF, Level.ADVISORY, Level.MANDATORY)
    assert evaluated(named(levels), profile="dev").results == ()
    staging = evaluated(named(levels), profile="staging")
    assert staging.passes and staging.results[1].level is Level.ADVISORY
    assert not evaluated(named(levels), profile="prod").passes
    assert evaluated(named(ALWAYS), profile="").passes, "without a profile, rules are advisory"


def test_a_stack_can_make_an_advisory_rule_mandatory() -> None:
    assert evaluated(named(FROM_STAGING), profile="dev").passes
    assert not evaluated(named(FROM_STAGING), profile="dev", mandatory=["ACME-01"]).passes


def test_a_waiver_accepts_a_violation_until_its_last_day() -> None:
    found = evaluated(waivers=[WAIVER])
    assert outcomes(found) == [Outcome.PASS, Outcome.WAIVED]
    assert found.passes and found.unused == ()
    yesterday = WAIVER | {"expires": str(TODAY - timedelta(days=1))}
    expired = evaluated(waivers=[yesterday])
    assert outcomes(expired) == [Outcome.PASS, Outcome.FAIL]
    assert len(expired.expired) == 1 and not expired.passes


def test_an_expired_waiver_blocks_even_if_nothing_is_violated() -> None:
    yesterday = WAIVER | {"expires": str(TODAY - timedelta(days=1))}
    assert not evaluated(queues={"a": {"name": "a"}}, waivers=[yesterday]).passes


@pytest.mark.parametrize("other", [{"resource": "c*"}, {"rule": "ACME-02"}])
def test_a_waiver_that_matches_nothing_is_reported(other: dict[str, str]) -> None:
    found = evaluated(waivers=[WAIVER | other])
    assert not found.passes and len(found.unused) == 1


def test_an_unknown_or_secret_value_is_not_evaluated_and_does_not_pass() -> None:
    found = evaluated(queues={"a": {"name": UNKNOWN}, "b": {"name": Secret("secret")}})
    assert outcomes(found) == [Outcome.NOT_EVALUATED] * 2
    assert [each.text for each in found.results] == ["name is not known yet", "name is secret"]
    assert found.passes


def test_a_rule_that_fails_itself_blocks_if_it_is_mandatory() -> None:
    @rule("ACME-03", aws.sqs.Queue, reason="So.", remedy="So.", severity=Severity.LOW, levels=ALWAYS)
    def broken(queue: Resource) -> Iterator[str]:
        """A rule with a fault."""
        yield from queue.inputs["missing"]

    found = evaluated(broken)
    assert outcomes(found) == [Outcome.ERROR] * 2
    assert "the rule failed: KeyError: 'missing'" in found.results[0].text
    assert not found.passes


class Hushed(BaseException):
    def __str__(self) -> str:
        raise ValueError


@pytest.mark.parametrize("error", [SystemExit(0), SystemExit("over"), GeneratorExit(), BaseException("base"), Hushed()])
def test_nothing_that_a_rule_raises_ends_the_evaluation(error: BaseException) -> None:
    @rule("ACME-03", aws.sqs.Queue, reason="So.", remedy="So.", severity=Severity.LOW, levels=ALWAYS)
    def ends(queue: Resource) -> Iterator[str]:
        """A rule that ends the program."""
        raise error

    @stack_rule("ACME-06", reason="So.", remedy="So.", severity=Severity.LOW, levels=ALWAYS)
    def ends_late(stack: Estate) -> Iterator[str]:
        """A rule that ends the program after a violation."""
        yield "has a fault"
        raise error

    found = evaluated(ends, ends_late)
    assert outcomes(found) == [Outcome.ERROR, Outcome.ERROR, Outcome.FAIL, Outcome.ERROR]
    assert type(error).__name__ in found.results[0].text
    assert not found.passes


def test_the_user_s_interrupt_ends_the_evaluation() -> None:
    @rule("ACME-03", aws.sqs.Queue, reason="So.", remedy="So.", severity=Severity.LOW, levels=ALWAYS)
    def interrupted(queue: Resource) -> Iterator[str]:
        """A rule that takes long."""
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluated(interrupted)


def test_relations_are_deferred_if_the_stack_is_not_whole() -> None:
    @rule("ACME-04", aws.sqs.Queue, reason="So.", remedy="So.", severity=Severity.LOW, levels=ALWAYS)
    def has_a_policy(queue: Resource) -> Iterator[str]:
        """A queue has a policy."""
        if not queue.referring(aws.sqs.QueuePolicy, "queueUrl"):
            yield "has no policy"

    @stack_rule("ACME-05", reason="So.", remedy="So.", severity=Severity.LOW, levels=ALWAYS)
    def one_queue(stack: Estate) -> Iterator[str]:
        """A stack has one queue."""
        if len(found := stack.of(aws.sqs.Queue)) > 1:
            yield f"has {len(found)} queues"

    alone = evaluated(has_a_policy, one_queue, whole=False)
    assert outcomes(alone) == [Outcome.NOT_EVALUATED] * 3
    assert all(each.deferred for each in alone.results)
    assert outcomes(evaluated(has_a_policy, one_queue)) == [Outcome.FAIL] * 3
    assert evaluated(one_queue).results[0].urn == ""


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"expires": "soon"}, "expires"),
        ({"reason": "short"}, "reason"),
        ({"rule": "acme-1"}, "rule"),
        ({"owner": ""}, "owner"),
        ({"resource": "*"}, "resource"),
        ({"resource": "**"}, "resource"),
        ({"resource": "*-*"}, "resource"),
        ({"expires": "9999-12-31"}, "expires"),
        ({"rule": "ML-S3-99"}, "did you mean ML-S3-09"),
    ],
)
def test_a_waiver_needs_a_rule_a_reason_an_owner_and_a_last_day(change: dict[str, str], place: str) -> None:
    with pytest.raises(ValidationError, match=place):
        PolicySettings(waivers=[WAIVER | change])


@pytest.mark.parametrize("change", [{"resource": "*"}, {"resource": "data*"}, {"expires": "9999-12-31"}])
def test_an_approval_is_for_one_resource_and_a_year(change: dict[str, str]) -> None:
    approval = {key: value for key, value in WAIVER.items() if key != "rule"} | {"resource": "b"}
    PolicySettings(approvals=[approval])
    with pytest.raises(ValidationError, match=next(iter(change))):
        PolicySettings(approvals=[approval | change])


def test_the_longest_term_is_a_year() -> None:
    last = datetime.now(UTC).date() + timedelta(days=MOST_DAYS)
    PolicySettings(waivers=[WAIVER | {"expires": str(last)}])
    with pytest.raises(ValidationError, match="within 366 days"):
        PolicySettings(waivers=[WAIVER | {"expires": str(last + timedelta(days=1))}])


def test_the_ids_of_the_platform_are_those_of_its_rules() -> None:
    assert {each.id for each in rules()} | {APPROVAL.id} == RULE_IDS
    with pytest.raises(ValidationError, match="did you mean ML-S3-07"):
        PolicySettings(mandatory=["ML-S3-7"])


def test_ids_of_own_rules_are_checked_when_all_are_loaded() -> None:
    stack = StackRules("prod", PolicySettings(mandatory=["ACME-01", APPROVAL.id], waivers=[WAIVER]), {})
    assert stack.unknown(["ACME-01"]) == ""
    for wrong in ({"mandatory": ["ACME-02"]}, {"waivers": [WAIVER | {"rule": "ACME-02"}]}):
        text = StackRules("prod", PolicySettings(**wrong), {}).unknown(["ACME-01"])
        assert "is ACME-02, which is no rule" in text and "Did you mean ACME-01?" in text


def test_a_waiver_names_the_stack_for_its_own_violation() -> None:
    @stack_rule("ACME-05", reason="So.", remedy="So.", severity=Severity.LOW, levels=ALWAYS)
    def queues(stack: Estate) -> Iterator[str]:
        """A stack has no queues."""
        yield "has queues"

    assert evaluated(queues, waivers=[WAIVER | {"rule": "ACME-05", "resource": "stack"}]).passes
    assert not evaluated(queues, waivers=[WAIVER | {"rule": "ACME-05"}]).passes


def test_a_rule_for_the_stack_may_name_a_field_or_not_apply() -> None:
    @stack_rule("ACME-05", reason="So.", remedy="So.", severity=Severity.LOW, levels=ALWAYS)
    def logs(stack: Estate) -> Iterator[tuple[Setting, str]]:
        """A stack with queues keeps its logs."""
        if not stack.of(aws.sqs.Queue):
            raise NotApplicable("the stack has no queues")
        yield Setting("cluster.logDays"), "keeps logs for 7 days"

    (found,) = evaluated(logs).results
    assert (found.outcome, found.field, found.name) == (Outcome.FAIL, "cluster.logDays", "cluster.logDays")
    assert evaluated(logs, waivers=[WAIVER | {"rule": "ACME-05", "resource": "cluster.logDays"}]).passes
    (found,) = evaluated(logs, queues={}).results
    assert (found.outcome, found.text) == (Outcome.NOT_APPLICABLE, "the stack has no queues")


@pytest.mark.parametrize(
    ("path", "known"),
    [("buckets.a.retain", True), ('tags["a.b"]', True), ("policies.waivers[0]", True), ("no.such.field", False)],
)
def test_a_field_that_no_stack_file_can_have_is_a_defect_of_the_rule(path: str, known: bool) -> None:
    @stack_rule("ACME-05", reason="So.", remedy="So.", severity=Severity.LOW, levels=ALWAYS)
    def breaks(stack: Estate) -> Iterator[tuple[Setting, str]]:
        """A stack has a field."""
        yield Setting(path), "has no such field"

    (found,) = evaluated(breaks).results
    assert (found.outcome, found.field) == ((Outcome.FAIL, path) if known else (Outcome.ERROR, ""))
    assert known or "it names no.such.field, which no stack file can have" in found.text


def test_a_rule_needs_sentences_and_classes() -> None:
    with pytest.raises(ValueError, match="acme is not the ID of a rule"):
        rule("acme", aws.sqs.Queue, reason="So.", remedy="So.", severity=Severity.LOW, levels=ALWAYS)(checks)
    with pytest.raises(ValueError, match="ACME-06: remedy is 'So'; allowed: one sentence"):
        rule("ACME-06", aws.sqs.Queue, reason="So.", remedy="So", severity=Severity.LOW, levels=ALWAYS)(checks)
    with pytest.raises(ValueError, match="name the SDK classes that it is for, or use stack_rule"):
        rule("ACME-06", reason="So.", remedy="So.", severity=Severity.LOW, levels=ALWAYS)(checks)


def checks(queue: Resource) -> list[str]:
    """A rule that finds nothing."""
    return []

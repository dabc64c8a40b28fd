"""The harness with which teams test their rules."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pulumi_aws as aws
import pytest

from mlpctl.policies import FROM_STAGING, ONLY_PROD, Estate, Level, Levels, Resource, Severity, rule, stack_rule
from mlpctl.policies.testing import SECRET, UNKNOWN, cases, resource, results

ABOUT = {"reason": "Messages block the queue.", "remedy": "Set it.", "severity": Severity.MEDIUM}
QUEUE = "aws:sqs/queue:Queue"


@rule("ACME-SQS-01", aws.sqs.Queue, levels=FROM_STAGING, **ABOUT)
def has_a_dead_letter_queue(queue: Resource) -> Iterator[str]:
    """A queue has a dead-letter queue."""
    if not queue.get("redrivePolicy"):
        yield "has no dead-letter queue"


@rule("ACME-SQS-02", aws.sqs.Queue, levels=FROM_STAGING, **ABOUT)
def has_a_policy(queue: Resource) -> Iterator[str]:
    """A queue has a policy."""
    if not queue.referring(aws.sqs.QueuePolicy, "queueUrl"):
        yield "has no policy"


@stack_rule("ACME-SQS-03", levels=ONLY_PROD, **ABOUT)
def has_few_queues(estate: Estate) -> Iterator[str]:
    """A stack has few queues."""
    if len(estate.of(aws.sqs.Queue)) > estate.settings["most"]:
        yield "has too many queues"


@rule("ACME-SQS-04", aws.sqs.Queue, levels=FROM_STAGING, **ABOUT)
def is_broken(queue: Resource) -> Iterator[str]:
    """A queue is judged."""
    raise KeyError("x")


def test_each_kind_of_result() -> None:
    given = [
        resource(QUEUE, {"redrivePolicy": "{}"}, name="set"),
        resource(QUEUE, name="missing"),
        resource(QUEUE, {"redrivePolicy": UNKNOWN}, name="unknown"),
        resource(QUEUE, {"redrivePolicy": SECRET}, name="hidden"),
    ]
    assert results(has_a_dead_letter_queue, *given) == {
        "set": "pass",
        "missing": "has no dead-letter queue",
        "unknown": "notEvaluated",
        "hidden": "notEvaluated",
    }
    assert results(has_a_dead_letter_queue) == {"stack": "notApplicable"}
    assert results(is_broken, given[0]) == {"set": "error: the rule failed: KeyError: 'x'"}


def test_relations_by_dependencies_names_and_ids() -> None:
    policy = "aws:sqs/queuePolicy:QueuePolicy"
    queues = [resource(QUEUE, name="a"), resource(QUEUE, name="b", id="https://b"), resource(QUEUE, name="c")]
    by_dependency = resource(policy, {"queueUrl": UNKNOWN}, name="p", depends={"queueUrl": "a"})
    by_id = resource(policy, {"queueUrl": "https://b"}, name="q")
    found = results(has_a_policy, *queues, by_dependency, by_id)
    assert found == {"a": "pass", "b": "pass", "c": "has no policy"}


def test_rules_for_the_stack_read_its_settings_and_profile() -> None:
    assert results(has_few_queues, resource(QUEUE), settings={"most": 0}) == {"stack": "has too many queues"}
    assert results(has_few_queues, resource(QUEUE), settings={"most": 1}) == {"stack": "pass"}


def test_cases_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "queues.yaml").write_text(
        "ACME-SQS-01:\n- about: unknown\n  resources:\n"
        '    jobs: {type: "aws:sqs/queue:Queue", inputs: {redrivePolicy: !unknown }}\n'
        "  expected: {jobs: notEvaluated}\n"
    )
    (case,) = cases(tmp_path)
    assert (case.rule, case.about) == ("ACME-SQS-01", "unknown")
    assert results(has_a_dead_letter_queue, *case.resources, settings=case.settings) == case.expected


def test_arguments_of_other_types_are_one_sentence_when_the_rule_is_made() -> None:
    good = {**ABOUT, "levels": FROM_STAGING}
    for wrong, said in (
        ({"levels": None}, "ACME-1: levels is None; allowed: ALWAYS, FROM_STAGING"),
        ({"levels": "mandatory"}, "levels is 'mandatory'"),
        ({"levels": Levels("advisory", None, Level.OFF)}, "levels.dev is 'advisory'; allowed: Level.OFF"),
        ({"severity": "low"}, "severity is 'low'; allowed: Severity.LOW, Severity.MEDIUM"),
        ({"severity": None}, "severity is None"),
        ({"serves": "nist:1"}, "serves is 'nist:1'; allowed: a list"),
        ({"serves": None}, "serves is None"),
        ({"serves": ["nist:"]}, "serves has 'nist:'; allowed: a framework and its control"),
        ({"serves": [":1"]}, "serves has ':1'"),
        ({"serves": ["nist"]}, "serves has 'nist'"),
        ({"serves": ["nist: "]}, "serves has 'nist: '"),
        ({"serves": [3]}, "serves has 3"),
        ({"serves": ["nist:1\n2"]}, "serves has"),
        ({"reason": None}, "reason is None"),
        ({"remedy": 3}, "remedy is 3"),
        ({"remedy": "."}, "remedy is '.'"),
    ):
        for made in (rule("ACME-1", aws.sqs.Queue, **{**good, **wrong}), stack_rule("ACME-1", **{**good, **wrong})):
            with pytest.raises(ValueError) as error:
                made(lambda_with_a_title)
            assert said in str(error.value) and "\n" not in str(error.value)
    for other in (None, "aws:sqs/queue:Queue", int):
        with pytest.raises(ValueError, match="is no class of a resource"):
            rule("ACME-1", other, **good)(lambda_with_a_title)
    with pytest.raises(ValueError, match="3 is not the ID of a rule"):
        rule(3, aws.sqs.Queue, **good)(lambda_with_a_title)
    assert rule("ACME-1", aws.sqs.Queue, **good, serves=["acme:7.2", "cis-aws:3.1 a"])(lambda_with_a_title).serves


def lambda_with_a_title(given: Any) -> Any:
    """It has a title."""


def test_what_is_no_sentence_is_an_error_and_no_violation() -> None:
    def yields(*found: Any) -> Callable[[Any], Any]:
        def check(given: Any) -> Iterator[Any]:
            """It has a title."""
            yield from found

        return check

    def returns(found: Any) -> Callable[[Any], Any]:
        def check(given: Any) -> Any:
            """It has a title."""
            return found

        return check

    good = {**ABOUT, "levels": FROM_STAGING}
    returned, yielded = (
        "error: the rule failed: TypeError: it returned",
        "error: the rule failed: TypeError: it yielded",
    )
    for check, said in (
        (returns("abc"), f"{returned} a text instead of yielding a sentence for each violation"),
        (returns(""), f"{returned} an empty text"),
        (returns(b"abc"), f"{returned} a value of type bytes"),
        (returns(None), f"{returned} None"),
        (returns(True), f"{returned} a value of type bool"),
        (returns({"a": 1}), f"{returned} a value of type dict"),
        (yields(None), f"{yielded} None instead of a sentence"),
        (yields(" "), f"{yielded} an empty text"),
        (yields(7), f"{yielded} a value of type int"),
        (yields(["abc"]), f"{yielded} a value of type list"),
    ):
        for made in (rule("ACME-1", aws.sqs.Queue, **good)(check), stack_rule("ACME-1", **good)(check)):
            (found,) = results(made, resource(QUEUE, name="a")).values()
            assert found.startswith(said), found
    for found in (("a", "b"), (None, "b"), ("a",)):
        (said,) = results(stack_rule("ACME-1", **good)(yields(found)), resource(QUEUE, name="a")).values()
        assert said.startswith(f"{yielded} a tuple that is no resource with a sentence")
    assert results(rule("ACME-1", aws.sqs.Queue, **good)(returns(["a b"])), resource(QUEUE, name="a")) == {"a": "a b"}
    assert results(rule("ACME-1", aws.sqs.Queue, **good)(returns(())), resource(QUEUE, name="a")) == {"a": "pass"}

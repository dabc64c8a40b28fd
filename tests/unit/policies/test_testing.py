"""The harness with which teams test their rules."""

from collections.abc import Iterator
from pathlib import Path

import pulumi_aws as aws

from mlpctl.policies import FROM_STAGING, ONLY_PROD, Estate, Resource, Severity, rule, stack_rule
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

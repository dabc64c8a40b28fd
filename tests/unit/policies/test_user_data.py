"""Secrets in user data that were redacted before the rules see them, as in a plan."""

import pytest

from mlpctl.policies.rules import rules
from mlpctl.policies.testing import resource, results
from mlpctl.review.values.plain import Masked, Secret, Value

RULE = next(each for each in rules() if each.id == "ML-EC2-04")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (Masked("export DB_PASSWORD=(secret)", b"1"), "contains a secret in userData"),
        (Secret("an AWS access key"), "contains a secret in userData"),
        (Secret("secret"), "notEvaluated"),
    ],
)
def test_redacted_user_data_contains_a_secret(text: Value, expected: str) -> None:
    host = resource("aws:ec2/instance:Instance", {"userData": text}, name="host")
    assert results(RULE, host) == {"host": expected}

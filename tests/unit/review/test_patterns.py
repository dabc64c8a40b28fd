"""Wildcards of IAM, and how long their evaluation takes."""

import json
import random
import re
import time
from typing import Any

from mlpctl.review.iam.broad import more_powers, more_widths
from mlpctl.review.iam.everybody import Answer, admits_everybody
from mlpctl.review.iam.patterns import matches

SECOND = 1.0


def expression(pattern: str) -> str:
    return "".join({"*": ".*", "?": "."}.get(each) or re.escape(each) for each in pattern)


def test_patterns_match_as_the_equal_regular_expressions_do() -> None:
    made = random.Random(7)
    found = 0
    for _ in range(2000):
        pattern = "".join(made.choice("ab*?") for _ in range(made.randrange(7)))
        text = "".join(made.choice("ab\n*") for _ in range(made.randrange(7)))
        found += matches(pattern, text)
        assert matches(pattern, text) is bool(re.fullmatch(expression(pattern), text, re.DOTALL)), (pattern, text)
    assert found > 200


def test_other_letters_of_regular_expressions_are_letters() -> None:
    assert not matches("a.c", "abc")
    assert matches("a[b]?*", "a[b]cd")
    assert not matches("a[b]*", "ab")


def test_patterns_with_many_wildcards_take_no_time() -> None:
    started = time.monotonic()
    for each in ("*a", "*a?", "?*a", "**a"):
        assert not matches(each * 200 + "x", "a" * 5000)
        assert matches(each * 200 + "*", "a" * 5000)
    assert time.monotonic() - started < SECOND


def policy(*found: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": found})


def denial(**more: Any) -> dict[str, Any]:
    organization = {"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}
    return {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", "Condition": organization, **more}


def allow(**more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*", **more}


def test_a_policy_of_the_maximum_size_is_evaluated_at_once() -> None:
    names = [f"s3:Get{number}" for number in range(400)]
    allowed = [allow(Action=names[start::20], Resource=f"arn:aws:s3:::b/{start}/*") for start in range(20)]
    started = time.monotonic()
    assert admits_everybody(policy(*allowed, *(denial(Action=names[start::20]) for start in range(20)))) is Answer.NO
    assert admits_everybody(policy(*allowed, *(denial(Action=names[start::20]) for start in range(19)))) is Answer.YES
    assert time.monotonic() - started < SECOND


def test_a_question_that_needs_too_many_comparisons_leaves_a_doubt() -> None:
    actions = [f"s3:*{number}*" for number in range(900)]
    started = time.monotonic()
    assert admits_everybody(policy(allow(Action=actions), denial(Action=actions))) is Answer.MAY
    services = [allow(Action=f"a{number}:*", Resource=f"*{number}*") for number in range(400)]
    assert [*more_widths(policy(*services[1:]), policy(*services))] == [False]
    assert [*more_powers([], [policy(*services)])] == []
    assert time.monotonic() - started < SECOND

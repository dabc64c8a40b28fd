"""Each rule says what its cases say: it passes, it fails, a property is missing, or it is not known yet."""

import re
from collections import defaultdict

import pytest

from mlpctl.policies.frameworks import BY_KEY
from mlpctl.policies.rules import rules
from rule_cases import CASES, Case, results

RULES = {each.id: each for each in rules()}
KINDS = ("pass", "violation", "notEvaluated")


@pytest.mark.parametrize("case", CASES, ids=lambda each: f"{each.rule}: {each.about}")
def test_a_case_has_its_result(case: Case) -> None:
    assert results(RULES[case.rule], case) == case.expected


def test_every_rule_has_cases_of_every_kind() -> None:
    found: dict[str, set[str]] = defaultdict(set)
    for case in CASES:
        for text in case.expected.values():
            found[case.rule].add(text if text in ("pass", "notEvaluated", "notApplicable") else "violation")
    missing = {id: sorted({*KINDS} - found[id]) for id in RULES if not {*KINDS} <= found[id]}
    assert missing == {}


def test_the_ids_of_rules_are_unique() -> None:
    assert len(RULES) == len(rules())


def test_every_control_is_of_a_known_framework() -> None:
    for rule in rules():
        for control in rule.serves:
            key, _, id = control.partition(":")
            assert key in BY_KEY and re.fullmatch(r"\S+", id), (rule.id, control)
        assert len({*rule.serves}) == len(rule.serves)

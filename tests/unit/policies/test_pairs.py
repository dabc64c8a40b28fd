"""Candidates by keys and values contain every item that matches."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpctl.policies.pairs import Pairs
from mlpctl.review.values.plain import UNKNOWN

LABELS = st.dictionaries(st.sampled_from("ab"), st.sampled_from(["x", "y", 1, True]), max_size=2)


@given(st.lists(LABELS, max_size=6), LABELS)
def test_candidates_contain_what_matches_in_order(all_labels: list[dict[str, Any]], wanted: dict[str, Any]) -> None:
    found = Pairs([*enumerate(all_labels)])
    over = [number for number, labels in enumerate(all_labels) if wanted.items() <= labels.items()]
    under = [number for number, labels in enumerate(all_labels) if labels.items() <= wanted.items()]
    for candidates, matching in (([*found.with_all(wanted)], over), ([*found.within(wanted)], under)):
        assert candidates == sorted(candidates)
        assert {*matching} <= {*candidates}


@pytest.mark.parametrize("unknown", [UNKNOWN, {"a": UNKNOWN}, {"a": "x", "b": None}])
def test_what_is_not_known_is_a_candidate(unknown: Any) -> None:
    found = Pairs([("unknown", unknown), ("other", {"a": "z"}), ("none", None)])
    assert [*found.with_all({"a": "x"})] == ["unknown"]
    assert [*found.within({"a": "x"})] == ["unknown", "none"]
    assert [*found.within(unknown)] == ["unknown", "other", "none"]

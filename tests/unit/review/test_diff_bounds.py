"""Differences of any inputs: within bounds, and none between equal values."""

import base64
import copy
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changes import update
from mlpctl.review.compare.diff import MAX_SHOWN, differences
from mlpctl.review.plan.model import Op
from mlpctl.review.values.plain import UNKNOWN, Secret
from review_plans import bounded

TYPE = "aws:x/thing:Thing"


def shown(old: Any, new: Any, **fields: Any) -> list[tuple[str, str | None, str | None]]:
    return [(each.path, each.old, each.new) for each in differences(update(TYPE, old, new, **fields)).shown]


MANY = range(10_000)
LARGE: dict[str, tuple[Any, Any]] = {
    "a text of many lines": ("\n".join(f"a{n}" for n in MANY), "\n".join(f"b{n}" for n in MANY)),
    "user data of a megabyte": (
        base64.b64encode(b"one\n" * 200_000).decode(),
        base64.b64encode(b"two\n" * 200_000).decode(),
    ),
    "a single line of a megabyte": ("a" * 1_000_000, "a" * 500_000 + "b" * 500_000),
    "a list of many texts": ([f"a{n}" for n in MANY], [f"b{n}" for n in [*MANY, 10_000]]),
    "a list of many objects": (
        [{"name": str(n), "v": n} for n in MANY],
        [{"name": str(n), "v": -n} for n in MANY[:9_000]],
    ),
    "a list of objects without a name": ([{"v": [n]} for n in MANY], [{"v": [n + 5_000]} for n in MANY]),
    "an object of many properties": ({str(n): n for n in MANY}, {str(n): -n for n in MANY}),
}


@bounded
@pytest.mark.parametrize("name", LARGE)
def test_large_inputs_are_bounded_in_time_and_size(name: str) -> None:
    old, new = LARGE[name]
    reported = tuple(f"x[{number}]" for number in range(10_000))
    found = differences(update(TYPE, {"x": old}, {"x": new}, reported=reported))
    assert 0 < len(found.shown) <= MAX_SHOWN
    assert sum(len(each.model_dump_json()) for each in found.shown) < 60_000


def test_omitted_differences_are_counted() -> None:
    old, new = ({"x": {str(n): n * factor for n in range(1, 251)}} for factor in (1, 2))
    found = differences(update(TYPE, old, new))
    assert (len(found.shown), found.more) == (MAX_SHOWN, 250 - MAX_SHOWN)


SCALARS = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just(UNKNOWN) | st.just(Secret("s", b"1"))
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["name", "key", "subnetIds", "args", "policy", "Statement"]), inner, max_size=4
        )
    ),
    max_leaves=20,
)
INPUTS = st.dictionaries(st.text(min_size=1, max_size=6), VALUES, max_size=5)


@given(INPUTS)
def test_equal_values_have_no_differences(inputs: Any) -> None:
    found = differences(update(TYPE, inputs, copy.deepcopy(inputs)))
    assert (found.shown, found.noise) == ((), 0)


@given(
    st.sampled_from(["subnetIds", "securityGroups", "tags", "verbs", "cidrBlocks", "ingress", "resources"]),
    st.lists(VALUES, max_size=6),
    st.randoms(use_true_random=False),
)
def test_sets_in_another_order_do_not_differ(name: str, items: list[Any], chance: random.Random) -> None:
    other = items.copy()
    chance.shuffle(other)
    assert shown({name: items}, {name: other}) == []


@pytest.mark.engine  # takes seconds
@given(INPUTS, INPUTS)
def test_every_pair_is_shown_within_bounds(old: Any, new: Any) -> None:
    found = differences(update(TYPE, old, new, op=Op.REPLACE, forced_by=tuple(old)))
    assert len(found.shown) <= MAX_SHOWN
    assert all(len(each.model_dump_json()) < 2_000 for each in found.shown)
    assert "Secret(" not in str(found) and "Unknown(" not in str(found)


@given(INPUTS, st.text(min_size=1, max_size=6), st.integers(), st.integers())
def test_a_changed_number_is_never_noise(rest: Any, name: str, one: int, other: int) -> None:
    found = shown({**rest, f"x{name}": one}, {**rest, f"x{name}": other})
    assert len(found) == (one != other)

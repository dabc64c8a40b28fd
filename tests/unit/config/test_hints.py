"""Hints for keys of other tools."""

import pytest

from mlpctl.config import Platform, hints
from mlpctl.config.shape import Shape


@pytest.mark.parametrize("path", hints.UNKNOWN)
def test_a_hint_for_an_unknown_key_is_for_a_key_that_does_not_exist(path: str) -> None:
    """When the field is added, the hint must be removed."""
    *holder, key = path.split(".")
    shape = Shape.of(Platform).at(tuple(holder))
    assert shape is not None
    assert key not in shape.keys


@pytest.mark.parametrize("path", [*hints.SINCE, *hints.MAPPINGS])
def test_a_hint_for_a_value_is_for_an_existing_field(path: str) -> None:
    assert Shape.of(Platform).at(tuple(path.split("."))) is not None


def test_a_hint_matches_the_whole_path() -> None:
    assert hints.find(hints.UNKNOWN, ("inference", "chat", "replicas"))
    assert hints.find(hints.UNKNOWN, ("inference", "chat", "env", "replicas")) is None
    assert hints.find(hints.UNKNOWN, ("gpuPools", "chat", "replicas")) is None

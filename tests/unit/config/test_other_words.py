"""A field that someone knows by another tool's word: what is named instead of it is there."""

import re

import pytest

from mlpctl.config import Platform
from mlpctl.config.other_words import INSTEAD
from mlpctl.config.shape import Shape


@pytest.mark.parametrize("word", INSTEAD)
def test_what_is_named_instead_is_there(word: str) -> None:
    section, field = word.split(".")
    shape = Shape.of(Platform).at((section,) if section == "network" else (section, "*"))
    assert shape
    assert field not in shape.keys, "it is a field now: take the word out"
    for named in re.findall(r"`([^`]+)`", INSTEAD[word]):
        path = tuple(named.split("."))
        assert Shape.of(Platform).at(path) if len(path) > 1 else named in shape.keys

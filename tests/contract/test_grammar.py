"""Properties of every text in a stack file, in any field."""

import copy
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

import stack_files
from mlpctl.config import ConfigError, Platform
from mlpctl.config.shape import Shape

Place = tuple[str | int, ...]

FREE_TEXT = re.compile(r"inference\.[^.]+\.(commandArgs|env)\.[^.]+")
"""Arguments and variables of programs, in which line breaks are allowed."""


SEEN: set[Place] = set()
"""Fields that were tested already. One text per field is enough."""


@pytest.mark.engine  # seconds in all
@settings(max_examples=60, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])
@given(stack_files.valid_ish())
def test_a_trailing_line_break_in_any_text_or_name_is_rejected_with_its_path(made: Any) -> None:
    loaded = stack_files.repaired(made)
    if loaded is None:
        return
    right = loaded.platform.model_dump(mode="json", by_alias=True, exclude_none=True)
    stack_files.read(stack_files.written(stack_files.stack_file(right)))
    for place, broken in with_line_breaks(right):
        if FREE_TEXT.fullmatch(".".join(map(str, place))) or field(place) in SEEN:
            continue
        with pytest.raises(ConfigError) as error:
            stack_files.read(stack_files.written(stack_files.stack_file(broken)))
        assert any(place[: len(each.path)] == each.path[: len(place)] for each in error.value.problems), place
        SEEN.add(field(place))


def test_no_pattern_matches_digits_or_letters_of_another_script() -> None:
    """`\\d` and `\\w` do so in pydantic's patterns. AWS and Kubernetes allow only ASCII."""
    schema = Platform.model_json_schema(by_alias=True)
    assert [found for found in patterns(schema) if re.search(r"\\[dw]", found)] == []


def field(place: Place) -> Place:
    """A path, with `*` for names that authors choose and for positions in lists."""
    shapes = [Shape.of(Platform).at(place[:size]) for size in range(len(place))]
    return tuple(key if shape and key in shape.keys else "*" for key, shape in zip(place, shapes, strict=True))


def with_line_breaks(data: Any, path: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Each way to append a line break to one text or one name that authors choose, with its path."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield (*path, f"{key}\n"), {**{each: data[each] for each in data if each != key}, f"{key}\n": value}
            for place, changed in with_line_breaks(value, (*path, key)):
                yield place, {**data, key: changed}
    elif isinstance(data, list):
        for index, value in enumerate(data):
            for place, changed in with_line_breaks(value, (*path, index)):
                made = copy.copy(data)
                made[index] = changed
                yield place, made
    elif isinstance(data, str):
        yield path, f"{data}\n"


def patterns(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (value for key, value in node.items() if key == "pattern" and isinstance(value, str))
        for value in node.values():
            yield from patterns(value)
    elif isinstance(node, list):
        for value in node:
            yield from patterns(value)

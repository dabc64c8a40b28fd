"""Wrong stack files as data: the file in `wrong/NAME.yaml`, what a person is told in `wrong/NAME.txt`."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mlpctl import config

HERE = Path(__file__).parent
CASES = sorted((HERE / "wrong").glob("*.yaml"))
LOCAL = yaml.safe_load((HERE.parents[2] / "stacks" / "Pulumi.local.yaml").read_text())


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_wrong_stack_file_is_told(path, monkeypatch, golden):
    monkeypatch.chdir(path.parent)
    with pytest.raises(config.ConfigError) as error:
        config.read(path)
    golden(path.with_suffix(".txt"), f"{error.value}\n")


def test_every_message_has_its_file():
    assert {path.with_suffix(".txt") for path in CASES} == set((HERE / "wrong").glob("*.txt"))
    assert len(CASES) >= 105


def places(data: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    below = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path, *(place for key, value in below for place in places(value, (*path, key)))]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.just("secure"), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None)
@given(st.sampled_from(places(LOCAL)[1:]), values)
def test_a_right_file_with_any_one_value_changed_loads_or_is_told(tmp_path_factory, place, value):
    data = copy.deepcopy(LOCAL)
    holder = data
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = value
    path = tmp_path_factory.getbasetemp() / "Pulumi.changed.yaml"
    path.write_bytes(yaml.safe_dump(data).encode())
    try:
        loaded = config.read(path)
    except config.ConfigError as error:
        assert error.problems
    else:
        assert loaded.platform.owner

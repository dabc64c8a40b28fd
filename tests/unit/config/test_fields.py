"""Each field has the syntax of what it becomes in AWS or Kubernetes: rejected values, and some accepted ones."""

import copy
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlpctl.config import ConfigError, Platform, profiles
from mlpctl.config.problems import Problem
from mlpctl.config.shape import Shape
from mlpctl.config.stack_file import check
from mlpctl.config.yaml_file import Document

DATA = yaml.safe_load(Path(__file__).with_name("fields.yaml").read_text(encoding="utf-8"))
REGION = "us-east-1"


def cases(kind: str) -> list[Any]:
    return [
        pytest.param(place, repeated(value), id=f"{place}-{number}")
        for place, values in DATA[kind].items()
        for number, value in enumerate(values)
    ]


def repeated(value: Any) -> Any:
    """Expand `x<3>` to `xxx`."""
    if not isinstance(value, str):
        return value
    return re.sub(r"(.)<(\d+)>", lambda found: found[1] * int(found[2]), value)


def with_value(place: str, value: Any) -> tuple[dict[str, Any], tuple[str | int, ...]]:
    """The valid file with one value or one name replaced, and the path of the replacement."""
    path = [int(part) if part.isdigit() else part for part in place.strip("[]").split(".")]
    made = copy.deepcopy(DATA["base"])
    holder = made
    for key in path[:-1]:
        holder = holder[key]
    if place.startswith("["):
        holder[value] = holder.pop(path[-1])
        return made, (*path[:-1], value)
    holder[path[-1]] = value
    return made, tuple(path)


def load(platform: Any) -> Any:
    values = {"config": {"aws:region": REGION, "mlplatform:platform": platform}}
    return check(Document(values), "Pulumi.made.yaml", Platform, profiles.PROFILES)


OTHER = {**DATA["base"], "network": DATA["existing"]}
FREE = re.compile(r"inference\.[^.]+\.(commandArgs|env)\..*")
"""Fields that may contain any text, because they are passed to a program."""

LETTERS = re.compile(r"owner|tags\..*|policies\..*\.(owner|reason)")
"""Fields that may contain letters and digits of any script."""

ANY_TEXT = re.compile(r"buckets\..*\.expirePrefixes\..*")
"""Prefixes of object keys, which may contain any printable character."""

BROKEN: dict[str, Callable[[str], str]] = {
    "a line break": lambda text: f"{text}\n",
    "a zero byte": lambda text: f"{text}\0",
    "a trailing space": lambda text: f"{text} ",
    "a leading space": lambda text: f" {text}",
    "a zero-width space": lambda text: f"{text}\u200b",
    "a text direction override": lambda text: f"\u202e{text}",
    "an emoji": lambda text: f"{text}\U0001f680",
    "too many characters": lambda text: text + "x" * 2500,
    "a quotation mark": lambda text: f'{text}"',
    "digits of another script": lambda text: text.translate({ord(str(each)): 0xFF10 + each for each in range(10)}),
}


def leaves(data: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Every scalar and every list, with its path."""
    if isinstance(data, list):
        yield path, data
    below = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else None
    if below is None:
        yield path, data
    for key, value in below or ():
        yield from leaves(value, (*path, key))


def put(data: Any, path: tuple[str | int, ...], value: Any) -> Any:
    if not path:
        return value
    made = copy.copy(data)
    made[path[0]] = put(data[path[0]], path[1:], value)
    return made


def fields(shape: Shape, path: str = "") -> Iterator[tuple[str, Shape]]:
    """Every field with plain values; `*` stands for arbitrary names and list indexes."""
    node = shape.node
    children = {key: shape.child(key) for key in shape.keys}
    if not shape.keys and (below := shape.child("*") if node.get("type") == "object" else shape.child(0)):
        children = {"*": below}
    if not children:
        yield path, shape
    for key, child in children.items():
        if child:
            yield from fields(child, f"{path}.{key}".lstrip("."))


@pytest.mark.parametrize("platform", [DATA["base"], OTHER], ids=["base", "existing"])
def test_the_unchanged_file_is_valid(platform: Any) -> None:
    load(platform)


def test_the_files_set_every_text_field_of_a_stack_file() -> None:
    wanted = {
        path
        for path, shape in fields(Shape.of(Platform))
        if shape.node.get("type") == "string" and "enum" not in shape.node
    }
    known = {path for platform in (DATA["base"], OTHER) for path in map(general, map(first, leaves(platform)))}
    assert wanted - known == set()


def first(pair: tuple[Any, Any]) -> Any:
    return pair[0]


def general(path: tuple[str | int, ...]) -> str:
    """A path with `*` for arbitrary names and list indexes."""
    shapes = [Shape.of(Platform).at(path[:size]) for size in range(len(path))]
    keys = (str(key) if shape and key in shape.keys else "*" for key, shape in zip(path, shapes, strict=True))
    return ".".join(keys)


@pytest.mark.parametrize("fault", BROKEN)
@pytest.mark.parametrize("platform", [DATA["base"], OTHER], ids=["base", "existing"])
def test_no_text_is_accepted_with(platform: Any, fault: str) -> None:
    broken = {path: BROKEN[fault](text) for path, text in leaves(platform) if isinstance(text, str)}
    broken = {path: text for path, text in broken.items() if not is_allowed(path, text, fault)}
    if platform is OTHER:
        broken = {path: text for path, text in broken.items() if path[0] == "network"}
    # First all at once; then one by one those that were not reported, because only rules between fields check them.
    together = platform
    for path, text in broken.items():
        together = put(together, path, text)
    problems = [each.path for each in refusal(together)]
    alone = [path for path in broken if not any(each == path[: len(each)] for each in problems)]
    assert [path for path in alone if not refusal(put(platform, path, broken[path]))] == []


LEAKS = ("password=hunter2", "x --api-key hunter2", "bob:hunter2@ghcr.io/x", "AUTH: hunter2", "https://a:hunter2@b/c")


@pytest.mark.engine  # takes seconds for each leak
@pytest.mark.parametrize("leak", LEAKS)
@pytest.mark.parametrize("platform", [DATA["base"], OTHER], ids=["base", "existing"])
def test_no_message_contains_a_secret_in_a_name_or_a_url(platform: Any, leak: str) -> None:
    together = platform
    for path, text in leaves(platform):
        if isinstance(text, str):
            together = put(together, path, leak)
            problems = refusal(put(platform, path, leak)) if len(path) < 3 else ()
            assert "hunter2" not in " ".join(map(str, problems))
    problems = refusal(together)
    assert len(problems) > 10
    assert "hunter2" not in " ".join(map(str, problems))
    for path, value in leaves(platform):
        if path and not isinstance(value, list) and isinstance(path[-1], str):
            renamed = put(platform, path[:-1], {leak: value})
            assert "hunter2" not in " ".join(map(str, refusal(renamed)))


def is_allowed(path: tuple[str | int, ...], text: str, fault: str) -> bool:
    place = ".".join(map(str, path))
    free = bool(FREE.fullmatch(place)) and "\0" not in text
    unchanged = fault == "digits of another script" and (text.isascii() or bool(LETTERS.fullmatch(place)))
    return free or unchanged or bool(ANY_TEXT.fullmatch(place) and text.isascii() and text.isprintable())


def refusal(platform: Any) -> tuple[Problem, ...]:
    try:
        load(platform)
    except ConfigError as error:
        return error.problems
    return ()


def test_no_list_is_accepted_with_a_duplicate_entry() -> None:
    for path, entries in leaves(DATA["base"]):
        if isinstance(entries, list) and path[-1] != "commandArgs":
            with pytest.raises(ConfigError, match=r" again; |mutableTags"):
                load(put(DATA["base"], path, [*entries, entries[0]]))


def test_every_number_has_limits_that_are_enforced() -> None:
    for place, shape in fields(Shape.of(Platform)):
        if shape.node.get("type") not in ("integer", "number") or "enum" in shape.node:
            continue
        path = here(place)
        low, high = shape.node.get("minimum"), shape.node.get("maximum")
        if place not in LISTED:
            assert low is not None, place
            assert high is not None, place
        for wrong in (-1 if low is None else low - 1, 10**30 if high is None else high + 1, True):
            with pytest.raises(ConfigError) as error:
                load(deep(DATA["base"], path, wrong))
            assert [each for each in error.value.problems if each.path[: len(path)] == path], (path, wrong)


LISTED = (
    "network.flowLogDays",
    "cluster.logDays",
    "sharedFilesystems.*.archiveDays",
    "sharedFilesystems.*.infrequentAccessDays",
)
"""Numbers for which only listed values are allowed."""

NAMES = {
    "buckets": "models",
    "inference": "chat",
    "images.repositories": "serve",
    "images.pullThrough": "hub",
    "guardrails.namespaces": "guarded",
    "guardrails.namespaces.*.egressRules": 0,
    "guardrails.namespaces.*.egressRules.*.ports": 0,
    "teams": "lab",
    "teams.*.namespaces": "lab",
    "teams.*.namespaces.*.egressRules": 0,
    "teams.*.namespaces.*.egressRules.*.ports": 0,
    "inference.*.egressRules": 0,
    "inference.*.egressRules.*.ports": 0,
    "sharedFilesystems": "files",
    "sharedFilesystems.*.accessPoints": "files",
    "sharedFilesystems.*.accessPoints.*.secondaryGids": 0,
}
"""A name or an index in the file for each `*`."""


def here(place: str) -> tuple[str | int, ...]:
    """A path in the file that matches a path with `*`."""
    keys = place.split(".")
    return tuple(NAMES.get(".".join(keys[:number]), "gpu") if key == "*" else key for number, key in enumerate(keys))


def deep(data: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """As `put`, but sections may be missing."""
    if not path:
        return value
    if isinstance(data, list):
        return [deep(each, path[1:], value) if index == path[0] else each for index, each in enumerate(data)]
    return {**(data or {}), path[0]: deep((data or {}).get(path[0]), path[1:], value)}


@pytest.mark.parametrize(("place", "value"), cases("refused"))
def test_a_rejected_value_is_reported_with_its_path_and_what_is_allowed(place: str, value: Any) -> None:
    made, path = with_value(place, value)
    with pytest.raises(ConfigError) as error:
        load(made)
    around = [each for each in error.value.problems if each.path and each.path[: len(path)] == path[: len(each.path)]]
    assert around, str(error.value)
    assert all(each.allowed or each.suggestion or "line break" in each.message for each in around)


@pytest.mark.parametrize(("place", "value"), cases("taken"))
def test_an_accepted_value_loads(place: str, value: Any) -> None:
    load(with_value(place, value)[0])

"""Reads a stack file, `Pulumi.<stack>.yaml`, into a model, or reports all its problems."""

import re
from collections.abc import Container, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic

import yaml

from awsfacts import credentials, zones
from mlpctl import project
from mlpctl.config import profiles, regions
from mlpctl.config.problems import ConfigError, Keys, Problem, shortened, shown
from mlpctl.config.shape import Shape
from mlpctl.config.validation import ModelT, validate
from mlpctl.config.yaml_file import Document, YamlError, parse
from mlpctl.keys import NAMESPACE, PLATFORM, REGION
from mlpctl.text import any_of, nearest, similar
from mlplatform import plain

REGION_PATTERN = f"^{zones.REGION}$"
"""The format of a region's name: `eu-central-1`, `us-gov-west-1`, `eusc-de-east-1`."""

TOP_LEVEL = ("secretsprovider", "encryptedkey", "encryptionsalt", "environment", "config")
"""The top-level keys of a stack file that the engine reads."""

_SEVERAL_LINES = "contains a line break or another control character"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_FREE_TEXT = (("commandArgs",), ("env",))
"""Fields whose entries may contain any text, because they are passed to a program."""

_REGION_HINT = "a region such as eu-central-1"
_PROVIDER_HINT = "an encrypted value: `pulumi config set --secret KEY`"


@dataclass(frozen=True)
class Loaded(Generic[ModelT]):
    """A stack's config, and the origin of each value."""

    platform: ModelT
    """The config, with all defaults."""

    region: str
    """AWS region of the stack."""

    path: Path | str
    """The stack file, as it appears in messages."""

    profile: str
    """The profile that set defaults; empty if the model has no profiles."""

    lines: dict[Keys, int] = field(repr=False)
    """Line of each value in the file, starting at 1; that of the region under its key."""

    from_profile: frozenset[Keys] = field(repr=False)
    """The values that the profile set."""


def find(root: Path, stack: str) -> Path:
    """The path of a stack's file, whether it exists or not.

    Args:
        root: folder of Pulumi.yaml, whose `stackConfigDir` is used.
        stack: name of the stack; only the last part of `organization/project/stack` is used.

    Raises:
        ConfigError: there is no readable Pulumi.yaml in `root`.

    """
    project_file = root / project.PROJECT_FILE
    try:
        settings = project.settings(root)
    except OSError as error:
        raise ConfigError([_unreadable(project_file, error)], _shown(project_file)) from None
    except yaml.YAMLError:
        settings = None
    if not isinstance(settings, dict):
        raise ConfigError([Problem((), "is not a Pulumi project file")], _shown(project_file))
    return project.stack_file(root, settings, stack)


def read(path: Path, model: type[ModelT], table: profiles.Profiles) -> Loaded[ModelT]:
    """Read a stack file.

    Raises:
        ConfigError: the file is missing or invalid; the error contains all problems.

    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError([_unreadable(path, error)], _shown(path)) from None
    try:
        document = parse(content)
    except YamlError as error:
        raise ConfigError([error.problem], _shown(path)) from None
    return check(document, _shown(path), model, table, _project_of(path))


def check(
    document: Document, path: Path | str, model: type[ModelT], table: profiles.Profiles, project_name: str | None = None
) -> Loaded[ModelT]:
    """Validate the values of a stack file. The context of the model's rules contains `region` and `project`.

    Args:
        document: the values.
        path: their file, as it appears in messages.
        model: the model to build.
        table: the defaults of each profile.
        project_name: the Pulumi project; None if it is not known.

    Raises:
        ConfigError: the values are invalid; the error contains all problems, with `path` as their file.

    """
    exposed = dict(credentials.find(document.data))
    leaks = [_at(document, place, plain.holds(sort), _hint(place)) for place, sort in exposed.items()]
    problems = [_within_platform(problem) for problem in (*document.problems, *_structure(document), *leaks)]
    if not has_platform(document.data):
        raise ConfigError(problems, path)
    # Redacted, so that no rule can quote them.
    document = replace(document, data=without(exposed, document.data), unread={*document.unread, *exposed})
    platform = document.under(("config", PLATFORM))
    for place in secrets(platform.data):
        platform.unread.add(place)
        problems.append(_at(platform, place or (PLATFORM,), "contains a secret (`secure:`)", plain.INSTEAD))
    broken = dict.fromkeys(_of_several_lines(platform.data))
    platform.unread.update(broken)
    # Removed, so that no rule quotes them.
    platform.data = _lacking(broken, platform.data)
    problems += [_at(platform, place, _SEVERAL_LINES, "text on one line") for place in broken]
    changed = _changed_numbers(platform, Shape.of(model))
    platform.unread.update(problem.path for problem in changed)
    problems += changed
    filled = profiles.fill(table, model, platform.data)
    platform.data = filled.data
    built, wrong = validate(model, platform, {"region": _region(document), "project": project_name})
    # A redacted value is not missing.
    problems += [replace(each, path=each.path or (PLATFORM,)) for each in wrong if each.path not in platform.unread]
    if built is None or problems:
        raise ConfigError(problems, path)
    lines = {place: position.line for place, position in platform.positions.items()}
    region = document.positions.get(("config", REGION))
    return Loaded(
        built,
        document.data["config"][REGION],
        path,
        filled.profile,
        lines | ({(REGION,): region.line} if region else {}),
        filled.paths,
    )


def _project_of(path: Path) -> str | None:
    """The name of the project that a stack file belongs to; None if there is none."""
    for folder in path.absolute().parents:
        if (folder / project.PROJECT_FILE).is_file():
            # The engine reports problems of the project file.
            with suppress(KeyError, TypeError, yaml.YAMLError, OSError):
                return project.name(folder)
            return None
    return None


def _hint(place: Keys) -> str:
    """What to do with a credential: a provider can read an encrypted value, the platform cannot."""
    return _PROVIDER_HINT if place[:1] == ("config",) and place[1:2] != (PLATFORM,) else plain.INSTEAD


def has_platform(data: Any) -> bool:
    """Whether a stack file's values contain a platform, valid or not."""
    return isinstance(data, dict) and isinstance(data.get("config"), dict) and PLATFORM in data["config"]


def secrets(data: Any, path: Keys = ()) -> Iterator[Keys]:
    """List the paths of values that the engine encrypted."""
    if isinstance(data, dict):
        if data.keys() == {"secure"} and isinstance(data["secure"], str):
            yield path
        else:
            for key, value in data.items():
                yield from secrets(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from secrets(value, (*path, index))


def has_secrets(data: Any) -> bool:
    """Whether values contain an encrypted value."""
    return next(secrets(data), None) is not None


def without(places: Container[Keys], data: Any, path: Keys = ()) -> Any:
    """Copy values, with None at the given paths."""
    if path in places:
        return None
    if isinstance(data, dict):
        return {key: without(places, value, (*path, key)) for key, value in data.items()}
    if isinstance(data, list):
        return [without(places, value, (*path, index)) for index, value in enumerate(data)]
    return data


def _of_several_lines(data: Any, path: Keys = ()) -> Iterator[Keys]:
    """List the paths of keys and texts with a line break or another control character, which AWS names cannot have."""
    if isinstance(data, dict):
        for key, value in data.items():
            if _CONTROL.search(key):
                yield (*path, key)
            else:
                yield from _of_several_lines(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _of_several_lines(value, (*path, index))
    elif isinstance(data, str) and _CONTROL.search(data) and path[-2:-1] not in _FREE_TEXT:
        yield path


def _changed_numbers(document: Document, shape: Shape) -> list[Problem]:
    """Report numbers in text fields whose digits would differ from how the file writes them."""
    return [
        replace(_at(document, place, f"is {shortened(written)}", "text in quotes"), value=written)
        for place, written in document.respelled.items()
        if (below := shape.at(place)) and below.node.get("type") == "string"
    ]


def _lacking(places: Container[Keys], data: Any, path: Keys = ()) -> Any:
    """Copy values without those at the given paths; in lists, None replaces them."""
    if isinstance(data, dict):
        below = {key: (*path, key) for key in data}
        return {key: _lacking(places, data[key], place) for key, place in below.items() if place not in places}
    if isinstance(data, list):
        return [
            None if (*path, index) in places else _lacking(places, value, (*path, index))
            for index, value in enumerate(data)
        ]
    return data


def _structure(document: Document) -> Iterator[Problem]:
    """Report problems outside the platform's config."""
    data = document.data
    if () in document.unread:
        return
    if data is None:
        yield Problem((), "is empty", allowed=f"`config` with {REGION} and {PLATFORM}")
        return
    if not isinstance(data, dict):
        yield Problem((), f"is {shown(data)}", 1, 1, allowed="a mapping with `config`")
        return
    for key in data.keys() - set(TOP_LEVEL):
        if key in (REGION, PLATFORM):
            yield _at(document, (key,), "must be under `config`")
            continue
        near = nearest(key, TOP_LEVEL)
        yield _at(document, (key,), "is an unknown key", None if near else any_of(TOP_LEVEL), near)
    config = data.get("config")
    if "config" not in data:
        if not any(nearest(key, ["config"]) for key in data):
            yield Problem(("config",), "is missing", allowed=f"a mapping with {REGION} and {PLATFORM}")
    elif not isinstance(config, dict):
        yield _at(document, ("config",), f"is {shown(config)}", allowed=f"a mapping with {REGION} and {PLATFORM}")
    else:
        yield from _config_keys(document, config)


def _config_keys(document: Document, config: dict[str, Any]) -> Iterator[Problem]:
    """Report problems of the keys of `config` and of the region."""
    meant = set()
    for key, value in config.items():
        if key in (REGION, PLATFORM):
            continue
        namespace, colon, name = key.partition(":")
        near = next((right for right in (REGION, PLATFORM) if right not in config and _resembles(key, right)), None)
        ours = namespace == NAMESPACE and not has_secrets(value)
        if near or ours or not colon or not namespace or not name:
            meant.add(near)
            allowed = f"{PLATFORM}, or an encrypted value" if ours else "NAMESPACE:NAME"
            yield _at(document, ("config", key), "is an unknown key", None if near else allowed, near)
    for key, hint in ((REGION, _REGION_HINT), (PLATFORM, "the platform's config")):
        if key not in config and key not in meant and key not in document.data:
            yield _at(document, ("config", key), "is missing", hint)
    region = config.get(REGION)
    place = ("config", REGION)
    if REGION in config and _region(document) is None and place not in document.unread:
        right = [each for each in regions.partitions() if regions.problem(each) is None]
        misspelled = region if isinstance(region, str) and region not in regions.partitions() else ""
        close = similar(misspelled, right, cutoff=0.8)
        named = isinstance(region, str) and re.fullmatch(REGION_PATTERN, region)
        hint = (regions.problem(named[0]) if named else None) or _REGION_HINT
        yield _at(document, place, f"is {shown(region)}", hint, *close)


def _region(document: Document) -> str | None:
    """The stack's region, if it is valid."""
    region = document.data["config"].get(REGION)
    return region if isinstance(region, str) and regions.problem(region) is None else None


def _resembles(key: str, right: str) -> bool:
    """Whether a key is a misspelling of a valid key: in its name or its namespace, or without a namespace."""
    namespace, colon, name = key.rpartition(":")
    right_namespace, _, right_name = right.partition(":")
    return nearest(name, [right_name]) is not None and (not colon or nearest(namespace, [right_namespace]) is not None)


def _within_platform(problem: Problem) -> Problem:
    """Shorten a path in the file to a path in the platform's config."""
    path = problem.path
    if path[:2] == ("config", PLATFORM):
        return replace(problem, path=path[2:] or (PLATFORM,))
    return replace(problem, path=path[1:] or path if path[:1] == ("config",) else path)


def _at(
    document: Document, path: Keys, message: str, allowed: str | None = None, suggestion: str | None = None
) -> Problem:
    position = document.at(path)
    line, column = (position.line, position.column) if position else (None, None)
    return Problem(path, message, line, column, allowed=allowed, suggestion=suggestion)


def _unreadable(path: Path, error: OSError) -> Problem:
    if not isinstance(error, FileNotFoundError):
        return Problem((), f"can't be read: {error.strerror}")
    stacks = {
        file.name.removeprefix("Pulumi.").removesuffix(".yaml"): file for file in path.parent.glob("Pulumi.*.yaml")
    }
    near = nearest(path.name.removeprefix("Pulumi.").removesuffix(".yaml"), stacks)
    return Problem(
        (), "does not exist", allowed=f"the stacks {any_of(sorted(stacks))}" if stacks else None, suggestion=near
    )


def _shown(path: Path) -> Path:
    """Make a path relative to the current folder, if it is inside."""
    absolute = path.absolute()
    return absolute.relative_to(Path.cwd()) if absolute.is_relative_to(Path.cwd()) else path

"""Validates plain values against a model and reports all problems in the words of stack files."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails, core_schema

from mlpctl.config import hints
from mlpctl.config.problems import HIDDEN, Keys, Problem, shown
from mlpctl.config.shape import Shape
from mlpctl.config.yaml_file import Document
from mlpctl.text import any_of, nearest, number, visible

ModelT = TypeVar("ModelT", bound=BaseModel)

_MISSING = "is missing"
_SIZES = {"too_short", "too_long"}
_LIMITS = _SIZES | {
    "greater_than",
    "greater_than_equal",
    "less_than",
    "less_than_equal",
    "multiple_of",
    "string_too_short",
    "string_too_long",
    "string_pattern_mismatch",
}
_BUILT_IN = set(get_args(core_schema.ErrorType)) - {"value_error", "assertion_error"}
_PATH = re.compile(r"[A-Za-z_][\w-]*(?:\.[\w-]+|\[\d+\])*")
_VERB = re.compile(r" (?:is|are|has|have|needs?|must|may|can|holds?)\b")
_NAMED = re.compile(r'has (?P<whole>(?P<word>"(?:[^"\\]|\\.)*"|\S+?)(?=[,;:]?(?:\s|$)).*)', re.DOTALL)
_OF = re.compile(r' for (".*")$', re.DOTALL)
_SNAKE = re.compile(r"\b[a-z][a-z0-9]*(?:_[a-z0-9]+)+\b")


def validate(
    model: type[ModelT], document: Document, context: Mapping[str, Any] | None = None
) -> tuple[ModelT | None, list[Problem]]:
    """Build a model from a document's values.

    A model's own rules report problems by raising `ValueError`, with one problem per line. If a line starts with a
    field, or with a dotted path below the model, followed by a verb, the problem is reported for that path and with its
    line in the file: `min_nodes is 5; allowed: up to max_nodes (3)`. The rule of a field may consist of `allowed: …`
    only; the value is then added before it. Names may be spelled as in Python or as in YAML.

    Args:
        model: the model to build.
        document: its values and their positions.
        context: pydantic's `ValidationInfo.context` for the rules.

    Returns:
        The model, or None if there are problems, and the problems without duplicates.

    """
    shape = Shape.of(model)
    translate = _Translation(shape, document)
    built, errors = _attempt(model, document.data, context)
    problems = translate.all(errors)
    # pydantic runs a model's own rules only if all its fields are valid: omit the invalid ones and validate again.
    wrong = {_place(error) for error in errors}
    rest, kept = _without(wrong, document.data, shape)
    if errors and rest is not None:
        doubtful = wrong | {(*problem.path[:-1], problem.suggestion) for problem in problems if problem.suggestion}
        _, later = _attempt(model, rest, context)
        problems += [
            problem
            for problem in _Translation(shape, document, kept).all(
                error for error in later if error["type"] not in _BUILT_IN
            )
            if problem not in problems
            and (_names_an_entry(problem, document.data) or not any(_depends(problem, path) for path in doubtful))
        ]
    return built, problems


def _attempt(
    model: type[ModelT], data: Any, context: Mapping[str, Any] | None
) -> tuple[ModelT | None, list[ErrorDetails]]:
    try:
        # Strict validation of JSON: "5" is not a number, but enumerations and CIDR blocks may be text.
        text = json.dumps(data)
        return model.model_validate_json(text, strict=True, context=context, by_alias=True, by_name=False), []
    except ValidationError as error:
        return None, error.errors(include_url=False)


def _place(error: ErrorDetails) -> Keys:
    """The path of an error, without pydantic's marker for the key itself."""
    path = error["loc"]
    return path[:-1] if _is_about_key(error) else path


def _is_about_key(error: ErrorDetails) -> bool:
    return error["loc"][-1:] == ("[key]",)


def _without(wrong: Iterable[Keys], data: Any, shape: Shape) -> tuple[Any, dict[Keys, list[int]]]:
    """Copy values without the invalid ones and the values that require these.

    Returns:
        The copy, or None if nothing remains; and for each list without some entries, the places that the others had.
    """
    rest = json.loads(json.dumps(data))
    entries: dict[Keys, set[int]] = {}
    for path in wrong:
        while path and not _can_go(path, shape):
            path = path[:-1]
        if not path:
            return None, {}
        parent, last = _value(rest, path[:-1]), path[-1]
        if isinstance(parent, dict):
            parent.pop(last, None)
        elif isinstance(last, int):
            entries.setdefault(path[:-1], set()).add(last)
    kept: dict[Keys, list[int]] = {}
    # The deepest lists first: their paths contain the places of entries in other lists.
    for path in sorted(entries, key=len, reverse=True):
        values = _value(rest, path)
        if isinstance(values, list):
            kept[path] = [index for index in range(len(values)) if index not in entries[path]]
            values[:] = [values[index] for index in kept[path]]
    return rest, kept


def _can_go(path: Keys, shape: Shape) -> bool:
    """Whether a key, or an entry of a list, can be omitted. In a list of fixed length, no entry can."""
    parent = shape.at(path[:-1])
    if isinstance(path[-1], int):
        return parent is not None and "items" in parent.node and "prefixItems" not in parent.node
    return parent is not None and path[-1] not in parent.node.get("required", ())


def _depends(problem: Problem, path: Keys) -> bool:
    """Whether an omitted value may have caused a problem: it contains the value, is below it, or mentions it."""
    size = min(len(problem.path), len(path))
    named = set(re.findall(r"[\w-]+", f"{problem.message} {problem.allowed or ''}"))
    return problem.path[:size] == path[:size] or not named.isdisjoint(path)


def _names_an_entry(problem: Problem, data: Any) -> bool:
    """Whether a problem of a list is about one of its entries: `has Web; allowed: …`. It does not depend on others."""
    value = _value(data, problem.path)
    return isinstance(value, list) and any(name in value for name in _names(problem.message))


def _names(message: str) -> Iterator[str]:
    """What a message may name, most likely first: a key or an item, in quotes or not, or the key that has a value."""
    if not (found := _NAMED.match(message)):
        return
    key = _OF.search(found["whole"])
    for name in (*([key[1]] if key else []), found["word"], found["whole"]):
        try:
            yield str(json.loads(name)) if name.startswith('"') else name
        except ValueError:
            yield name


def _value(data: Any, path: Keys) -> Any:
    for key in path:
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            return None
    return data


class _Translation:
    """Translates pydantic's errors into problems.

    Args:
        shape: the shape of the model.
        document: the values.
        kept: for each list that was validated without some entries, the places of the others in the document.
    """

    def __init__(self, shape: Shape, document: Document, kept: Mapping[Keys, list[int]] | None = None) -> None:
        self._shape = shape
        self._document = document
        self._kept = kept or {}

    def _in_document(self, path: Keys) -> Keys:
        """The path in the document of a value that was validated without some entries of lists."""
        found: Keys = ()
        for key in path:
            places = self._kept.get(found)
            found += (places[key] if places and isinstance(key, int) and key < len(places) else key,)
        return found

    def all(self, errors: Iterable[ErrorDetails]) -> list[Problem]:
        """The problems of errors, without those that only follow from others."""
        errors = list(errors)
        places = {_place(error) for error in errors}
        # pydantic also reports a tuple without its invalid entry as too short.
        holders = {place[:size] for place in places for size in range(len(place))}
        problems = [
            problem
            for error in errors
            if not any(_place(error)[: len(path)] == path for path in self._document.unread)
            and not (error["type"] in _SIZES and _place(error) in holders)
            for problem in self._one(error, _place(error))
        ]
        meant = {(*problem.path[:-1], problem.suggestion) for problem in problems}
        return [problem for problem in problems if problem.message != _MISSING or problem.path not in meant]

    def _one(self, error: ErrorDetails, path: Keys) -> Iterator[Problem]:
        parent, shape = self._shape.at(path[:-1]), self._shape.at(path)
        if error["type"] == "missing":
            yield self._problem(path, _MISSING, shape.allowed() if shape else None)
        elif error["type"] == "extra_forbidden":
            keys = parent.keys if parent else []
            hint = hints.find(hints.UNKNOWN, path)
            near = None if hint else (parent and parent.deeper(str(path[-1]))) or nearest(str(path[-1]), keys)
            yield self._problem(path, "is an unknown key", hint or (None if near else any_of(keys)), near)
        elif _is_about_key(error):
            # The message of a name's rule contains what is allowed; for a pattern, only the shape knows it.
            _, _, allowed = error["msg"].partition("allowed: ")
            message = "is not an allowed name"
            yield self._problem(self._in_document(path), message, allowed or (parent.names() if parent else None))
        elif error["type"] not in _BUILT_IN:
            yield from self._rule(error, path)
        else:
            yield self._wrong_value(error, path, shape)

    def _wrong_value(self, error: ErrorDetails, path: Keys, shape: Shape | None) -> Problem:
        value = _value(self._document.data, path)
        written = self._shown(value, path)
        message = f"is {written}"
        if error["type"] in _SIZES and value:
            message = f"has {number(len(value), 'entry')}"
        near = nearest(value, shape.words()) if shape and isinstance(value, str) else None
        allowed = (shape.limits() if error["type"] in _LIMITS else shape.allowed(value)) if shape else None
        hint = hints.find(hints.MAPPINGS if isinstance(value, dict) else hints.SINCE, path)
        allowed = ", since ".join(filter(None, [allowed or error["msg"], hint]))
        return self._problem(path, message, allowed, near, written)

    def _shown(self, value: Any, path: Keys) -> str:
        """A value for a message, with `HIDDEN` for the items of a list that were redacted."""
        hidden = {each[-1] for each in self._document.unread if each and each[:-1] == path}
        if not isinstance(value, list) or not hidden:
            return shown(value, path)
        parts = (HIDDEN if index in hidden else shown(each, path) for index, each in enumerate(value))
        return f"[{', '.join(parts)}]"

    def _rule(self, error: ErrorDetails, path: Keys) -> Iterator[Problem]:
        """The problems in the message of a model's or a field's own rule."""
        cause = error.get("ctx", {}).get("error")
        for line in str(cause or error["msg"]).splitlines():
            text, _, allowed = self._in_yaml(path, line).partition("allowed: ")
            text = text.rstrip(" ;:,")
            named = _PATH.match(text)
            below = self._below(path, named.group()) if named else None
            below = self._in_document(below) if below else None
            if named and below and _VERB.match(text, named.end()):
                message = text[named.end() :].strip()
                yield self._problem(below, message, allowed, place=self._named(below, message))
            elif named and below:
                message = "is not allowed" if named.end() == len(text) else f"is invalid: {text}"
                yield self._problem(below, message, allowed)
            else:
                yield self._ruled_value(self._in_document(path), text, allowed)

    def _named(self, path: Keys, message: str) -> Keys:
        """The place of the key or the item that a message names: `has system`; the path itself if it names none."""
        value = _value(self._document.data, path)
        for name in _names(message):
            if isinstance(value, dict) and name in value:
                return (*path, name)
            if isinstance(value, list) and name in value:
                return (*path, value.index(name))
        return path

    def _ruled_value(self, path: Keys, text: str, allowed: str) -> Problem:
        """The problem in a rule's message about the whole value of its field."""
        value, shape = _value(self._document.data, path), self._shape.at(path)
        written = shown(value, path)
        if isinstance(value, dict) or (isinstance(value, list) and text and not allowed):
            return self._problem(path, f"is invalid: {text}" if text else "is invalid", allowed)
        if isinstance(value, list) and text:
            return self._problem(path, f"contains {text}", allowed, value=written)
        if not allowed and shape and "format" in shape.node:
            allowed = shape.allowed() or ""
        return self._problem(
            path, f"is {written}" + (f": {text}" if text and written != HIDDEN else ""), allowed, value=written
        )

    def _below(self, path: Keys, name: str) -> Keys | None:
        """The path that a rule's message starts with: below the rule's model, or the rule's own field."""
        shape, below = self._shape.at(path), path
        words = re.findall(r"[\w-]+", name)
        if shape and not shape.keys and path and to_camel(words[0]) == path[-1]:
            words = words[1:]
        for word in words:
            key: str | int = word
            if shape and shape.keys:
                key = to_camel(word)
            elif shape and word.isdigit() and shape.node.get("type") == "array":
                key = int(word)
            shape, below = (shape.child(key) if shape else None), (*below, key)
        return below if shape else None

    def _in_yaml(self, path: Keys, text: str) -> str:
        """Spell the model's own fields as in the file."""
        shape = self._shape.at(path)
        keys = shape.keys if shape else []
        return _SNAKE.sub(lambda name: camel if (camel := to_camel(name.group())) in keys else name.group(), text)

    def _problem(
        self,
        path: Keys,
        message: str,
        allowed: str | None = None,
        suggestion: str | None = None,
        value: str | None = None,
        place: Keys | None = None,
    ) -> Problem:
        position = self._document.at(path if place is None else place)
        line, column = (position.line, position.column) if position else (None, None)
        # A model's own rules quote values without escaping them.
        message, allowed = visible(message), visible(allowed) if allowed else None
        return Problem(path, message, line, column, value, allowed, suggestion)

"""Parses YAML as the Pulumi engine does, and records the line of every value.

The grammar is PyYAML's; `yaml_words` interprets plain scalars.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from awsfacts.credentials import is_credential
from mlpctl.config.problems import HIDDEN, Keys, Problem, shortened
from mlpctl.config.yaml_words import Ambiguous, meaning

MAX_BYTES = 256 * 1024
"""Maximum size of a stack file in bytes: thousands of lines."""

MAX_VALUES = 10_000
"""Maximum number of values after aliases are expanded, so that a few lines cannot exhaust the memory."""

MAX_DEPTH = 40
"""Maximum nesting depth, far below the depth at which a recursive parser fails."""

_TOO_DEEP = f"nests values more than {MAX_DEPTH} levels deep"
_BEGINS = {"found undefined alias": "*", "found undefined tag handle": "!"}
"""PyYAML's messages about a name, and the character that such a name starts with."""

_NAMED = re.compile(rf"({'|'.join(_BEGINS)}).*", re.DOTALL)
_PLAIN = "plain"
_STRING = "tag:yaml.org,2002:str"
_SCALARS = {
    "tag:yaml.org,2002:int": ((int,), "int"),
    "tag:yaml.org,2002:float": ((int, float), "float"),
    "tag:yaml.org,2002:bool": ((bool,), "bool"),
    "tag:yaml.org,2002:null": ((type(None),), "null"),
}
"""The types that a scalar with a standard YAML tag must have, quoted or not, and the tag's short name."""

_SEQUENCE = "tag:yaml.org,2002:seq"
_MAPPING = "tag:yaml.org,2002:map"


class YamlError(Exception):
    """The text is not YAML, or exceeds a limit."""

    def __init__(self, problem: Problem) -> None:
        """Store the only problem: nothing after it can be parsed."""
        self.problem = problem
        super().__init__(str(problem))


@dataclass(frozen=True)
class Position:
    """A position in the file; line and column start at 1."""

    line: int
    column: int


@dataclass
class Document:
    """A YAML file as plain values: mappings with text keys, lists, text, numbers, booleans, None."""

    data: Any = None
    """The values."""

    positions: dict[Keys, Position] = field(default_factory=dict)
    """The position of each value: that of its key in a mapping, or its own in a list."""

    problems: list[Problem] = field(default_factory=list)
    """Problems of valid YAML that a stack file must not contain."""

    unread: set[Keys] = field(default_factory=set)
    """Paths at which `data` has None because the value was rejected."""

    respelled: dict[Keys, str] = field(default_factory=dict)
    """Integers that the file does not write as plain digits, as it writes them, e.g. `1.0`, `1_000`, `0x1f`."""

    def at(self, path: Keys) -> Position | None:
        """The position of a value, or of the innermost mapping or list that contains it."""
        while path and path not in self.positions:
            path = path[:-1]
        return self.positions.get(path)

    def under(self, prefix: Keys) -> "Document":
        """The part of the document below a path, with paths relative to it."""
        data = self.data
        for key in prefix:
            data = data[key]
        size = len(prefix)
        return Document(
            data,
            {path[size:]: position for path, position in self.positions.items() if path[:size] == prefix},
            self.problems,
            {path[size:] for path in self.unread if path[:size] == prefix},
            {path[size:]: text for path, text in self.respelled.items() if path[:size] == prefix},
        )


def parse(content: bytes) -> Document:
    """Parse a YAML file.

    Raises:
        YamlError: it is not UTF-8, not YAML, or exceeds `MAX_BYTES`, `MAX_VALUES` or `MAX_DEPTH`.

    """
    if len(content) > MAX_BYTES:
        raise YamlError(Problem((), f"has {len(content)} bytes", allowed=f"at most {MAX_BYTES}"))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise YamlError(Problem((), "is not UTF-8 text", line)) from None
    try:
        root = _Composer(text).get_single_node()
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise YamlError(Problem((), "contains a control character, which YAML does not allow", line)) from None
    except yaml.MarkedYAMLError as error:
        raise YamlError(_syntax_problem(error, text)) from None
    return Document() if root is None else _Reading(root).document


class _Composer(Reader, Scanner, Parser, Composer, BaseResolver):
    """PyYAML up to the node tree, in which a plain `5` differs from a quoted one."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        BaseResolver.__init__(self)
        self._depth = 0

    def scan_to_next_token(self) -> None:
        # Unlike PyYAML, the engine's parser accepts tabs between tokens where no key can start, as they do not indent.
        super().scan_to_next_token()
        while self.peek() == "\t" and (self.flow_level or not self.allow_simple_key):
            self.forward()
            super().scan_to_next_token()

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise yaml.MarkedYAMLError(problem=_TOO_DEEP, problem_mark=self.get_mark())
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def resolve(self, kind: type[yaml.Node], value: str | None, implicit: Any) -> str:
        if kind is yaml.ScalarNode:
            return _PLAIN if implicit[0] else _STRING
        return _SEQUENCE if kind is yaml.SequenceNode else _MAPPING


def _syntax_problem(error: yaml.MarkedYAMLError, text: str) -> Problem:
    mark, began = error.problem_mark or error.context_mark, error.context_mark
    reason = HIDDEN if is_credential(str(error.problem)) else str(error.problem)
    if reason.startswith("but "):
        reason = f"{error.context}, {reason}"
    elif error.context and mark and began and began.line < mark.line:
        reason = f"{reason} {error.context} that starts in line {began.line + 1}"
    # Names of anchors, aliases and tags are hidden: an unquoted password may start with the same characters.
    reason = _NAMED.sub(r"\1", reason)
    if found := _NAMED.match(str(error.problem)):
        reason += f"; put text that starts with {_BEGINS[found[1]]} in quotes"
    message = f"is not valid YAML: {reason}"
    if error.problem == _TOO_DEEP:
        message = error.problem
    elif mark and "\t" in text[mark.index - mark.column : mark.index + 1]:
        message = "has a tab where YAML allows only spaces"
    return Problem((), message, mark.line + 1 if mark else None, mark.column + 1 if mark else None)


class _Reading:
    """Converts the node tree into a document."""

    def __init__(self, root: yaml.Node) -> None:
        self.document = Document()
        self._values = 0
        self.document.data = self._value(root, ())

    def _value(self, node: yaml.Node, path: Keys) -> Any:
        self._count(node, len(path))
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if node.tag not in (_SEQUENCE, _MAPPING):
            self._refuse(path, node, _foreign(node.tag))
            self.document.unread.add(path)
            return None
        if isinstance(node, yaml.SequenceNode):
            return [self._entry(item, item, (*path, index)) for index, item in enumerate(node.value)]
        return self._mapping(node, path)

    def _entry(self, mark: yaml.Node, node: yaml.Node, path: Keys) -> Any:
        self.document.positions[path] = _position(mark)
        return self._value(node, path)

    def _mapping(self, node: yaml.Node, path: Keys) -> dict[str, Any] | None:
        entries: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if _is_merge(key_node):
                continue
            key = self._key(key_node, path)
            if key in entries:
                first = self.document.positions[*path, key].line
                self._refuse((*path, key), key_node, f"is a duplicate key, already set in line {first}")
            elif key is not None:
                entries[key] = self._entry(key_node, value_node, (*path, key))
        for key_node, value_node in self._merged(node, path):
            key = self._key(key_node, path)
            if key is not None and key not in entries:
                entries[key] = self._entry(key_node, value_node, (*path, key))
        if node.value and not entries:
            self.document.unread.add(path)
            return None
        return entries

    def _merged(self, node: yaml.Node, path: Keys, depth: int = 1) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        """The entries that a mapping merges from others by `<<`, the nearest first."""
        for key_node, value_node in node.value:
            if not _is_merge(key_node):
                continue
            for source in value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]:
                self._count(source, len(path) + depth)
                if isinstance(source, yaml.MappingNode):
                    yield from (pair for pair in source.value if not _is_merge(pair[0]))
                    yield from self._merged(source, path, depth + 1)
                else:
                    self._refuse(
                        path, key_node, "merges (`<<`) a value that is not a mapping", allowed="aliases of mappings"
                    )

    def _key(self, node: yaml.Node, path: Keys) -> str | None:
        if not isinstance(node, yaml.ScalarNode) or not _is_unicode(node.value):
            self._refuse(path, node, "has a key that is not text; put text that starts with a bracket in quotes")
        elif node.tag == _STRING or (node.tag == _PLAIN and isinstance(meaning(node.value), str)):
            return str(node.value)
        else:
            self._refuse(path, node, f"has the key {shortened(node.value)}, which is not text; put it in quotes")
        return None

    def _scalar(self, node: yaml.ScalarNode, path: Keys) -> Any:
        if not _is_unicode(node.value):
            problem = "contains an unpaired surrogate, which is not valid text"
        elif node.tag == _STRING:
            return str(node.value)
        elif node.tag == _PLAIN:
            value = meaning(node.value)
            if not isinstance(value, Ambiguous):
                if type(value) is int and str(value) != node.value:
                    self.document.respelled[path] = node.value
                return value
            problem = f"is {shortened(node.value)}, {value.reason}"
        elif node.tag in _SCALARS:
            kinds, word = _SCALARS[node.tag]
            value = meaning(node.value)
            if type(value) in kinds:
                return value
            problem = f"has the YAML tag !!{word}, but is {shortened(node.value)}"
        else:
            problem = _foreign(node.tag)
        self._refuse(path, node, problem)
        self.document.unread.add(path)
        return None

    def _count(self, node: yaml.Node, depth: int) -> None:
        self._values += 1
        if self._values > MAX_VALUES:
            raise YamlError(_problem((), node, f"contains more than {MAX_VALUES} values after aliases are expanded"))
        if depth > MAX_DEPTH:
            raise YamlError(_problem((), node, _TOO_DEEP))

    def _refuse(self, path: Keys, node: yaml.Node, message: str, allowed: str | None = None) -> None:
        self.document.problems.append(_problem(path, node, message, allowed))


def _problem(path: Keys, node: yaml.Node, message: str, allowed: str | None = None) -> Problem:
    position = _position(node)
    return Problem(path, message, position.line, position.column, allowed=allowed)


def _position(node: yaml.Node) -> Position:
    return Position(node.start_mark.line + 1, node.start_mark.column + 1)


def _is_merge(key: yaml.Node) -> bool:
    return key.tag == _PLAIN and key.value == "<<"


def _foreign(tag: str) -> str:
    if tag.startswith("tag:yaml.org,"):
        return f"has the YAML tag {shortened(tag)}, which is not supported"
    return "has a YAML tag, which is not supported; put text that starts with ! in quotes"


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in text)

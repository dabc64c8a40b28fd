"""Values of a plan: plain JSON, with marks where a value is not known or not shown."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

Value: TypeAlias = Any
"""JSON's values, `UNKNOWN`, `Secret` and, among the texts, `Masked`."""

Path: TypeAlias = tuple[str | int, ...]
"""Way to a value below a resource's inputs: keys of mappings, positions in lists."""


@dataclass(frozen=True)
class Unknown:
    """A value that is known only once something else has been made."""

    def __str__(self) -> str:
        """Return what a reader sees."""
        return "(known after the update)"


UNKNOWN: Final = Unknown()


HIDDEN: Final = "(secret)"
"""What a reader sees of a secret, or of a secret part of a text."""


@dataclass(frozen=True)
class Secret:
    """A value that is never shown; equal to another if both hide the same, as far as that can be told."""

    why: str = field(compare=False)
    """What gave it away, e.g. `secret`, `key name`, `private key`."""

    mark: bytes = field(default=b"", repr=False)
    """A keyed digest of the value, with a key that this process alone has; empty where the engine hid the value."""

    def __str__(self) -> str:
        """Return what a reader sees."""
        return HIDDEN


class Masked(str):
    """A text with `(secret)` in place of its secret parts; equal to another if the whole texts were equal."""

    __slots__ = ("mark",)

    mark: bytes
    """A keyed digest of the whole text, as in `Secret`."""

    def __new__(cls, text: str, mark: bytes) -> "Masked":
        """Keep the digest beside the text."""
        made = super().__new__(cls, text)
        made.mark = mark
        return made

    def __eq__(self, other: object) -> bool:
        """Tell texts apart that differ in what is hidden."""
        return isinstance(other, Masked) and self.mark == other.mark and str.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        """Answer the opposite; `str` has its own."""
        return not self == other

    def __hash__(self) -> int:
        """Hash what equality is about."""
        return hash((str(self), self.mark))


def walk(value: Value, path: Path = ()) -> Iterator[tuple[Path, Value]]:
    """Every value that is no mapping or list, and every empty one, with the way to it."""
    if isinstance(value, Mapping) and value:
        for key, each in value.items():
            yield from walk(each, (*path, str(key)))
    elif isinstance(value, list) and value:
        for number, each in enumerate(value):
            yield from walk(each, (*path, number))
    else:
        yield path, value


def paths(value: Value, wanted: Callable[[Value], bool]) -> tuple[Path, ...]:
    """Ways to all values that are wanted."""
    return tuple(path for path, each in walk(value) if wanted(each))


def items(value: Value) -> list[Value]:
    """A list as it is, nothing as an empty one, and anything else as its only item."""
    return value if isinstance(value, list) else [] if value is None else [value]


def root(path: str) -> str:
    """The property that a way begins with, as a provider writes it: `ebs` of `ebs[0].iops`."""
    return path.split(".")[0].split("[")[0]


def document(text: str) -> Any:
    """The object or list that a text is in JSON; None where it is none, or says one thing twice.

    Of two, readers of JSON differ on which counts.
    """
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError
    return made


def dotted(path: Path) -> str:
    """A way as Pulumi writes it, e.g. `scalingConfig.maxSize` or `ebs[0].iops`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part.replace("_", "a").replace("-", "a").isalnum():
            text += f".{part}" if text else part
        else:
            text += f'["{part}"]'
    return text

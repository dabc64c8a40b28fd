"""What one of the sandbox's resource providers answers, in plain values: the engine's protocol is in `servicer`."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

Properties = dict[str, Any]
"""Property values by their Pulumi (camelCase) names: JSON values and `UNKNOWN`."""

Path = tuple[str | int, ...]
"""Where a value lies inside `Properties`: keys and list indices from the top."""


class _Unknown:
    """The one value that stands for what only the update itself will tell."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = _Unknown()


def has_unknown(value: object) -> bool:
    """Whether `value` is, or holds at any depth, `UNKNOWN`."""
    if isinstance(value, Mapping):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in value)
    return value is UNKNOWN


@dataclass(frozen=True)
class Subject:
    """The resource that a request is about."""

    urn: str
    type: str
    name: str


@dataclass(frozen=True)
class Failure:
    """One refused input property."""

    path: str
    """Path of the property, e.g. `scalingConfig.maxSize`; empty for the resource as a whole."""

    reason: str
    """A sentence for the user."""


class Kind(Enum):
    """What happened to a property."""

    ADD = "ADD"
    DELETE = "DELETE"
    UPDATE = "UPDATE"


@dataclass(frozen=True)
class Change:
    """One property that differs between the old and the new inputs."""

    path: Path
    kind: Kind
    replaces: bool = False


@dataclass(frozen=True)
class Difference:
    """What a provider says of an update."""

    changes: Sequence[Change] = ()
    delete_before_replace: bool = False


class ProviderError(Exception):
    """An operation failed; the message is shown to the user as it is."""


@dataclass
class NotReadyError(ProviderError):
    """A resource was made (or changed) but did not become ready: it is kept in the state as such."""

    id: str
    outputs: Properties
    inputs: Properties
    reasons: Sequence[str] = field(default_factory=tuple)

    def __str__(self) -> str:
        return "; ".join(self.reasons)


class Provider(ABC):
    """What one provider answers, in plain values.

    `client` names the provider instance that asks: one server serves every provider resource of every engine, and
    requests carry nothing else to tell them apart.
    """

    name: str
    version: str

    def check_config(self, config: Properties) -> Sequence[Failure]:
        """Refuse a wrong provider configuration."""
        return ()

    @abstractmethod
    def configure(self, client: str, config: Properties) -> None:
        """Take the configuration of the provider instance `client`."""

    def cancel(self, client: str) -> None:  # noqa: B027 - a provider that waits for nothing has nothing to end
        """End the waits of `client`: its user interrupted it, or it is done and waits for nothing anyway."""

    @abstractmethod
    def check(
        self, client: str, subject: Subject, olds: Properties, news: Properties, seed: bytes
    ) -> tuple[Properties, Sequence[Failure]]:
        """Fill in defaults and automatic names; refuse what is wrong."""

    @abstractmethod
    def diff(
        self, client: str, subject: Subject, id: str, old_inputs: Properties, outputs: Properties, news: Properties
    ) -> Difference:
        """Compare the inputs of the last update with the new ones."""

    @abstractmethod
    def create(
        self, client: str, subject: Subject, inputs: Properties, preview: bool, timeout_s: float
    ) -> tuple[str, Properties]:
        """Make the resource; id and outputs. In a preview: empty id, what is not known yet is `UNKNOWN`."""

    @abstractmethod
    def read(
        self, client: str, subject: Subject, id: str, inputs: Properties, outputs: Properties
    ) -> tuple[str, Properties, Properties] | None:
        """Id, inputs and outputs as they are now; None when the resource is gone. `inputs` is empty on an import."""

    @abstractmethod
    def update(
        self,
        client: str,
        subject: Subject,
        id: str,
        old_inputs: Properties,
        outputs: Properties,
        news: Properties,
        preview: bool,
        timeout_s: float,
    ) -> Properties:
        """Change the resource in place; its outputs."""

    @abstractmethod
    def delete(
        self, client: str, subject: Subject, id: str, inputs: Properties, outputs: Properties, timeout_s: float
    ) -> None:
        """Delete the resource and wait until it is gone. One that is gone already is no error."""

    @abstractmethod
    def invoke(self, client: str, token: str, args: Properties, preview: bool) -> Properties | Sequence[Failure]:
        """Answer a look-up."""


def compare(old: object, new: object, path: Path = ()) -> Iterator[Change]:
    """Yield the leaves in which two property values differ.

    An `UNKNOWN` differs from everything. A missing key and a null are the same.
    """
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            yield from compare(old.get(key), new.get(key), (*path, key))
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            before = old[index] if index < len(old) else None
            after = new[index] if index < len(new) else None
            yield from compare(before, after, (*path, index))
    elif old is None and new is not None:
        yield Change(path, Kind.ADD)
    elif old is not None and new is None:
        yield Change(path, Kind.DELETE)
    elif new is UNKNOWN or old != new or isinstance(old, bool) != isinstance(new, bool):
        yield Change(path, Kind.UPDATE)


def path_text(path: Iterable[str | int]) -> str:
    """A property path as the engine writes it: `rules[0].filter["a.b"]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part and all(letter not in part for letter in '."[]'):
            text += f".{part}" if text else part
        else:
            text += '["' + part.replace('"', '\\"') + '"]'
    return text

"""The interface of the sandbox's resource providers, with plain values; `servicer` implements the gRPC protocol."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

Properties = dict[str, Any]
"""Property values by Pulumi (camelCase) name: JSON values and `UNKNOWN`."""

Path = tuple[str | int, ...]
"""The path of a value in `Properties`: keys and list indexes, from the top."""


class _Unknown:
    """The placeholder for a value that is known only after the update."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = _Unknown()


def has_unknown(value: object) -> bool:
    """Whether `value` is `UNKNOWN` or contains it at any depth."""
    if isinstance(value, Mapping):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in value)
    return value is UNKNOWN


@dataclass(frozen=True)
class Subject:
    """The resource of a request."""

    urn: str
    type: str
    name: str


@dataclass(frozen=True)
class Failure:
    """An invalid input property."""

    path: str
    """Path of the property, e.g. `scalingConfig.maxSize`; empty for the resource as a whole."""

    reason: str
    """A sentence for the user."""


class Kind(Enum):
    """The kind of change of a property."""

    ADD = "ADD"
    DELETE = "DELETE"
    UPDATE = "UPDATE"


@dataclass(frozen=True)
class Change:
    """A property that differs between the old and the new inputs."""

    path: Path
    kind: Kind
    replaces: bool = False


@dataclass(frozen=True)
class Difference:
    """A provider's diff of an update."""

    changes: Sequence[Change] = ()
    delete_before_replace: bool = False


class ProviderError(Exception):
    """An operation failed. The message is shown to the user unchanged."""


@dataclass
class NotReadyError(ProviderError):
    """A resource was created or updated but did not become ready. The engine stores it in the state as such."""

    id: str
    outputs: Properties
    inputs: Properties
    reasons: Sequence[str] = field(default_factory=tuple)

    def __str__(self) -> str:
        return "; ".join(self.reasons)


class Provider(ABC):
    """A resource provider, with plain values.

    `client` identifies the provider instance that sends a request. One server serves all provider instances of all
    engines, and requests contain nothing else to distinguish them.
    """

    name: str
    version: str

    def check_config(self, config: Properties) -> Sequence[Failure]:
        """Validate the provider configuration."""
        return ()

    @abstractmethod
    def configure(self, client: str, config: Properties) -> None:
        """Configure the provider instance `client`."""

    def cancel(self, client: str) -> None:  # noqa: B027 - a provider that never waits has nothing to cancel
        """Cancel the waits of `client`, because the user interrupted it or because it has finished."""

    @abstractmethod
    def check(
        self, client: str, subject: Subject, olds: Properties, news: Properties, seed: bytes
    ) -> tuple[Properties, Sequence[Failure]]:
        """Set defaults and automatic names, and validate the inputs."""

    @abstractmethod
    def diff(
        self, client: str, subject: Subject, id: str, old_inputs: Properties, outputs: Properties, news: Properties
    ) -> Difference:
        """Compare the inputs of the last update with the new ones."""

    @abstractmethod
    def create(
        self, client: str, subject: Subject, inputs: Properties, preview: bool, timeout_s: float
    ) -> tuple[str, Properties]:
        """Create the resource; its ID and outputs. In a preview, the ID is empty and outputs may be `UNKNOWN`."""

    @abstractmethod
    def read(
        self, client: str, subject: Subject, id: str, inputs: Properties, outputs: Properties
    ) -> tuple[str, Properties, Properties] | None:
        """The current ID, inputs and outputs; None if the resource is gone. `inputs` is empty for an import."""

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
        """Update the resource in place; returns its outputs."""

    @abstractmethod
    def delete(
        self, client: str, subject: Subject, id: str, inputs: Properties, outputs: Properties, timeout_s: float
    ) -> None:
        """Delete the resource and wait until it is gone. If it is already gone, this is not an error."""

    @abstractmethod
    def invoke(self, client: str, token: str, args: Properties, preview: bool) -> Properties | Sequence[Failure]:
        """Call a provider function."""


def compare(old: object, new: object, path: Path = ()) -> Iterator[Change]:
    """Yield the leaves in which two property values differ.

    `UNKNOWN` differs from everything. A missing key is equal to null.
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
    """A property path in the engine's notation: `rules[0].filter["a.b"]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part and all(letter not in part for letter in '."[]'):
            text += f".{part}" if text else part
        else:
            text += '["' + part.replace('"', '\\"') + '"]'
    return text

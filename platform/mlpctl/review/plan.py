"""What the engine says that it will do: `pulumi preview --json`, read into frozen dataclasses."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from mlpctl import urns
from mlpctl.errors import InputError
from mlpctl.review.diff import Differences, differences
from mlpctl.review.resource import OLD_COPY, PROVIDER, Change, Op
from mlpctl.review.values import Value

__all__ = ["OLD_COPY", "PROVIDER", "Change", "Message", "Op", "Plan", "PlanError", "Violation"]

_AS_BEFORE: Final = frozenset({Op.SAME, Op.READ})
_NOTHING: Final = Differences()


class PlanError(InputError):
    """What was given is no plan; the text is for the user."""


@dataclass(frozen=True)
class Message:
    """What the engine, a provider or the program said while the plan was made."""

    severity: str
    """`info`, `warning` or `error`."""

    text: str
    urn: str = ""


@dataclass(frozen=True)
class Violation:
    """What a policy has against a resource or the stack."""

    policy: str
    pack: str
    mandatory: bool
    """Whether the engine refuses the update for it."""

    text: str
    urn: str = ""
    """Empty for one of the whole stack."""


@dataclass(frozen=True)
class Plan:
    """What the engine says that it will do."""

    changes: tuple[Change, ...]
    """Every resource, unchanged ones too, each once, in the engine's order; old copies beside those in use."""

    project: str = ""
    stack: str = ""
    config: Mapping[str, Value] = field(default_factory=dict)
    """The stack's config, without secrets."""

    messages: tuple[Message, ...] = ()
    sandbox: bool = False
    """Whether a sandbox stood in for AWS: what replaces is then as right as the sandbox's declarations."""

    unlisted: int = 0
    """Unchanged resources that the engine counted and did not write down."""

    incomplete: str = ""
    """Why the plan may not be all of it; empty where nothing speaks for that."""

    notes: tuple[Message, ...] = ()
    """What the steps of a resource come to that no change of it shows."""

    refresh_only: bool = False
    """Whether it is one of `pulumi refresh`: nothing changes but the state."""

    streamed: bool = False
    """Whether it came as the stream of events, which tells more than the digest, but not what depends on what."""

    has_events: bool = False
    """Whether a digest was completed with violations and outputs from the events of the same preview."""

    hides_refreshes: bool = False
    """Whether it is a digest with steps of a refresh and no result of any: an older engine writes none."""

    shows_replacements: bool = False
    """Whether it lists the steps of replacements, and with them the deletion of old copies."""

    violations: tuple[Violation, ...] = ()
    outputs: tuple[Mapping[str, Value], Mapping[str, Value]] | None = None
    """What the stack exports until now and from now on, without secrets; None where the plan does not tell."""

    def __iter__(self) -> Iterator[Change]:
        """Iterate over the changes."""
        return iter(self.changes)

    @cached_property
    def by_urn(self) -> Mapping[str, Change]:
        """The changes by their URNs."""
        return {each.urn: each for each in self.changes}

    @cached_property
    def differences(self) -> Mapping[str, Differences]:
        """What differs in each resource that does not stay as it is, by its URN."""
        return {each.urn: differences(each) for each in self.changes if each.op not in _AS_BEFORE}

    def differs(self, change: Change) -> Differences:
        """What differs in a resource of the plan; nothing in one that stays as it is."""
        return self.differences.get(change.urn, _NOTHING)

    @cached_property
    def parents(self) -> Mapping[str, str]:
        """URN of each resource's parent, or an empty text."""
        return {each.urn: each.parent for each in self.changes}

    @cached_property
    def makers(self) -> frozenset[str]:
        """URNs of the resources that made others."""
        return frozenset(each.view_of for each in self.changes if each.view_of)

    def component(self, change: Change) -> str:
        """URN of the outermost component that a resource belongs to; its own where it stands alone."""
        return urns.outermost(change.urn, self.parents)

    def causes(self, change: Change, name: str) -> Iterable[Change]:
        """The resources that an input property comes from."""
        return (self.by_urn[urn] for urn in change.depends.get(name, ()) if urn in self.by_urn)

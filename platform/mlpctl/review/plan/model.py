"""The plan of `pulumi preview --json` as frozen dataclasses."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from mlpctl import urns
from mlpctl.errors import InputError
from mlpctl.review.compare.diff import Differences, differences
from mlpctl.review.values.plain import Value
from mlpctl.review.values.resource import OLD_COPY, PROVIDER, Change, Op

__all__ = ["OLD_COPY", "PROVIDER", "Change", "Message", "Op", "Plan", "PlanError", "Violation"]

_AS_BEFORE: Final = frozenset({Op.SAME, Op.READ})
_NOTHING: Final = Differences()


class PlanError(InputError):
    """The input is not a plan; the message is for the user."""


@dataclass(frozen=True)
class Message:
    """A message of the engine, a provider or the program during the preview."""

    severity: str
    """`info`, `warning` or `error`."""

    text: str
    urn: str = ""


@dataclass(frozen=True)
class Violation:
    """A violation of a policy by a resource or the stack."""

    policy: str
    pack: str
    mandatory: bool
    """Whether the engine stops the update because of it."""

    text: str
    urn: str = ""
    """Empty for a violation by the whole stack."""


@dataclass(frozen=True)
class Plan:
    """The changes that the engine would make."""

    changes: tuple[Change, ...]
    """All resources in the engine's order, including unchanged ones; old copies are separate entries."""

    project: str = ""
    stack: str = ""
    config: Mapping[str, Value] = field(default_factory=dict)
    """The stack's config, without secrets."""

    messages: tuple[Message, ...] = ()
    sandbox: bool = False
    """Whether a sandbox replaced AWS: replacements are then only as accurate as the sandbox's declarations."""

    unlisted: int = 0
    """Number of unchanged resources that the engine counted but did not list."""

    incomplete: str = ""
    """Why the plan may be incomplete; empty if it is complete."""

    notes: tuple[Message, ...] = ()
    """Facts about the steps of resources that their changes do not show."""

    refresh_only: bool = False
    """Whether it is a plan of `pulumi refresh`: only the state changes."""

    streamed: bool = False
    """Whether it was read from the stream of events, which lacks the dependencies that the digest contains."""

    has_events: bool = False
    """Whether violations and outputs from the events of the same preview were added to a digest."""

    hides_refreshes: bool = False
    """Whether it is a digest with refresh steps but without their results, which older engines do not write."""

    shows_replacements: bool = False
    """Whether it lists the steps of replacements, including the deletion of old copies."""

    violations: tuple[Violation, ...] = ()
    outputs: tuple[Mapping[str, Value], Mapping[str, Value]] | None = None
    """Old and new stack outputs, without secrets; None if the plan does not contain them."""

    def __iter__(self) -> Iterator[Change]:
        """Iterate over the changes."""
        return iter(self.changes)

    @cached_property
    def by_urn(self) -> Mapping[str, Change]:
        """The changes by their URNs."""
        return {each.urn: each for each in self.changes}

    @cached_property
    def differences(self) -> Mapping[str, Differences]:
        """Differences of each changing resource, by URN."""
        return {each.urn: differences(each) for each in self.changes if each.op not in _AS_BEFORE}

    def differs(self, change: Change) -> Differences:
        """Differences of a resource of the plan; empty for an unchanged one."""
        return self.differences.get(change.urn, _NOTHING)

    @cached_property
    def parents(self) -> Mapping[str, str]:
        """URN of each resource's parent; empty without one."""
        return {each.urn: each.parent for each in self.changes}

    @cached_property
    def makers(self) -> frozenset[str]:
        """URNs of the resources that created others, such as Terraform modules."""
        return frozenset(each.view_of for each in self.changes if each.view_of)

    def component(self, change: Change) -> str:
        """URN of the outermost component of a resource; its own URN if it has none."""
        return self._components.get(change.urn) or urns.outermost(change.urn, self.parents)

    @cached_property
    def _components(self) -> Mapping[str, str]:
        return urns.outermosts(self.parents)

    def causes(self, change: Change, name: str) -> Iterable[Change]:
        """The resources that an input property depends on."""
        return (self.by_urn[urn] for urn in change.depends.get(name, ()) if urn in self.by_urn)

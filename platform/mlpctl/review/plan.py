"""What the engine says that it will do: `pulumi preview --json`, read into frozen dataclasses."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Final

from mlpctl import urns
from mlpctl.errors import InputError
from mlpctl.review.values import UNKNOWN, Masked, Path, Secret, Value, paths, root

PROVIDER: Final = "provider"
"""What the engine names as the property that forces a replacement where that is another provider."""

OLD_COPY: Final = "(old copy)"
"""How the name of an old copy ends that an interrupted replacement left behind; with its id, where that is known."""

NO_INPUTS: Final[Mapping[str, Value]] = {}


class PlanError(InputError):
    """What was given is no plan; the text is for the user."""


class Op(Enum):
    """What happens to a resource."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    IMPORT = "import"
    READ = "read"
    SAME = "same"
    FORGET = "forget"
    """The stack no longer manages it, and it stays where it is."""

    REFRESH = "refresh"
    """It was changed outside of Pulumi, and the state takes that over; nothing changes in the cloud."""

    GONE = "gone"
    """It is gone from the cloud already, and the state drops it."""


@dataclass(frozen=True)
class Change:
    """One resource of a plan."""

    urn: str
    op: Op

    old: Mapping[str, Value] | None = None
    """Inputs until now, without secrets; None where there is no such resource yet."""

    new: Mapping[str, Value] | None = None
    """Inputs from now on, without secrets; None where the resource goes."""

    parent: str = ""
    """URN of the parent; empty at the top."""

    id: str = ""
    """The provider's id of what is there already."""

    custom: bool = True
    """Whether a provider makes it; a component is made by the program alone."""

    view_of: str = ""
    """URN of the resource that made it, such as a Terraform module; empty for all others."""

    old_copy: bool = False
    """Whether it is what an interrupted replacement left behind beside the one in use; its URN says so at its end."""

    protected: bool = False
    """Whether the engine refuses to delete it."""

    retained: bool = False
    """Whether it stays in the cloud when the stack deletes or replaces it."""

    unprotected: bool = False
    """Whether the engine refused to delete it until now, and no longer does."""

    unretained: bool = False
    """Whether it would have stayed in the cloud until now, and no longer would."""

    tainted: bool = False
    """Whether the state marks it to be replaced, with `pulumi state taint`."""

    doubtful_provider: tuple[str, ...] = ()
    """Inputs of its provider, not known yet, for which that may be replaced: then so may this."""

    deletes_first: bool = False
    """Whether the old one goes before its replacement comes."""

    pending: bool = False
    """Whether an update that was interrupted deleted the old one already."""

    triggered: bool = False
    """Whether the value changes whose change the program replaces it for: the option `replacementTrigger`."""

    replaces_on: tuple[str, ...] = ()
    """Properties for whose change the program replaces it: the option `replaceOnChanges`."""

    replaced_with: tuple[str, ...] = ()
    """URNs of those with which the program replaces it: the option `replaceWith`."""

    deleted_with: str = ""
    """URN of what takes it with it when it goes: the option `deletedWith`."""

    held_by: tuple[str, ...] = ()
    """What stays in it, by its words and name, so that its deletion fails."""

    forced_by: tuple[str, ...] = ()
    """Input properties that force a replacement, as the provider names them."""

    reported: tuple[str, ...] = ()
    """Properties that the provider reports as different, with the way below them where it tells it."""

    depends: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """URNs that each input property comes from."""

    after: tuple[str, ...] = ()
    """URNs of everything that it is made after; the stream of events does not tell them."""

    provider: str = ""
    """URN of its provider; empty for a component."""

    old_provider: str = ""
    """URN of its provider until now; empty where there was none, or where it is not said."""

    def __hash__(self) -> int:
        """Hash what tells one from others of its plan, since inputs cannot be hashed."""
        return hash((self.urn, self.op))

    @property
    def type(self) -> str:
        """Type token, e.g. `aws:s3/bucket:Bucket`."""
        return urns.kind(self.urn)

    @property
    def name(self) -> str:
        """Logical name."""
        return urns.name(self.urn)

    @property
    def inputs(self) -> Mapping[str, Value]:
        """The inputs that tell most of it: the new ones, or the old ones of what goes."""
        return self.new if self.new is not None else self.old if self.old is not None else NO_INPUTS

    @cached_property
    def unknowns(self) -> tuple[Path, ...]:
        """Ways to the new inputs that are not known yet."""
        return paths(self.new or {}, lambda value: value is UNKNOWN)

    @cached_property
    def secrets(self) -> tuple[Path, ...]:
        """Ways to the inputs that are not shown, or not all of it."""
        return paths(self.inputs, lambda value: isinstance(value, (Secret, Masked)))

    @property
    def forced_by_unknown(self) -> bool:
        """Whether only values that are not known yet speak for the replacement: it may turn out as an update."""
        roots = {root(name) for name in self.forced_by}
        waiting = {str(path[0]) for path in self.unknowns} | ({PROVIDER} if self.doubtful_provider else set())
        return self.op is Op.REPLACE and bool(roots) and roots <= waiting

    @property
    def is_provider(self) -> bool:
        """Whether it is a provider, which makes other resources and is none in the cloud."""
        return self.type.startswith(urns.PROVIDER_TYPE)


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

"""What happens to one resource: its inputs until now and from now on, without secrets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Final

from mlpctl import urns
from mlpctl.review.values import UNKNOWN, Masked, Path, Secret, Value, paths, root

PROVIDER: Final = "provider"
"""What the engine names as the property that forces a replacement where that is another provider."""

OLD_COPY: Final = "(old copy)"
"""How the name of an old copy ends that an interrupted replacement left behind; with its id, where that is known."""

NO_INPUTS: Final[Mapping[str, Value]] = {}


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

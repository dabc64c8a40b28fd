"""The change of one resource: its old and new inputs, without secrets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Final

from mlpctl import urns
from mlpctl.review.values.plain import UNKNOWN, Masked, Path, Secret, Value, paths, root

PROVIDER: Final = "provider"
"""The key that the engine reports if a change of the provider forces a replacement."""

OLD_COPY: Final = "(old copy)"
"""End of the name of an old copy that an interrupted replacement left behind; contains its ID if that is known."""

NO_INPUTS: Final[Mapping[str, Value]] = {}


class Op(Enum):
    """The operation on a resource."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    IMPORT = "import"
    READ = "read"
    SAME = "same"
    FORGET = "forget"
    """The stack no longer manages it, and it stays in the cloud."""

    REFRESH = "refresh"
    """It was changed outside of Pulumi, and the state adopts the change; nothing changes in the cloud."""

    GONE = "gone"
    """It no longer exists in the cloud and is removed from the state."""


@dataclass(frozen=True)
class Change:
    """One resource of a plan."""

    urn: str
    op: Op

    old: Mapping[str, Value] | None = None
    """Old inputs, without secrets; None if the resource does not exist yet."""

    new: Mapping[str, Value] | None = None
    """New inputs, without secrets; None if the resource is removed."""

    parent: str = ""
    """URN of the parent; empty without one."""

    id: str = ""
    """The provider's ID of the existing resource."""

    called: str = ""
    """The name of the existing resource, which the provider may have generated; empty if it has none."""

    custom: bool = True
    """Whether a provider manages it; false for components."""

    view_of: str = ""
    """URN of the resource that created it, such as a Terraform module; empty for all others."""

    old_copy: bool = False
    """Whether it is an old copy that an interrupted replacement left behind; its URN ends with `OLD_COPY`."""

    protected: bool = False
    """Whether the engine rejects its deletion."""

    retained: bool = False
    """Whether it is retained in the cloud when the stack deletes or replaces it."""

    unprotected: bool = False
    """Whether its protection is removed: the engine no longer rejects its deletion."""

    unretained: bool = False
    """Whether its retention is removed: a deletion would no longer retain it in the cloud."""

    tainted: bool = False
    """Whether the state marks it for replacement (`pulumi state taint`)."""

    doubtful_provider: tuple[str, ...] = ()
    """Unknown inputs of its provider that may cause the provider's, and therefore its own, replacement."""

    deletes_first: bool = False
    """Whether the old resource is deleted before its replacement is created."""

    pending: bool = False
    """Whether an interrupted update already deleted the old resource."""

    triggered: bool = False
    """Whether the value of the option `replacementTrigger` changes."""

    replaces_on: tuple[str, ...] = ()
    """Properties of the option `replaceOnChanges`, whose change replaces it."""

    replaced_with: tuple[str, ...] = ()
    """URNs of the option `replaceWith`: it is replaced together with them."""

    deleted_with: str = ""
    """URN of the option `deletedWith`: its deletion deletes this resource too."""

    held_by: tuple[str, ...] = ()
    """Kinds and names of the resources that remain in it, so that its deletion fails."""

    forced_by: tuple[str, ...] = ()
    """Input properties that force a replacement, as the provider names them."""

    reported: tuple[str, ...] = ()
    """Properties that the provider reports as different, with the path below them if it is known."""

    depends: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """URNs of the dependencies of each input property."""

    after: tuple[str, ...] = ()
    """URNs of all dependencies; the stream of events does not contain them."""

    provider: str = ""
    """URN of its provider; empty for a component."""

    old_provider: str = ""
    """URN of its old provider; empty if there was none or it is unknown."""

    def __hash__(self) -> int:
        """Hash the identity within a plan, since inputs are not hashable."""
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
        """The new inputs, or the old ones of a removed resource."""
        return self.new if self.new is not None else self.old if self.old is not None else NO_INPUTS

    @property
    def remaining(self) -> Mapping[str, Value] | None:
        """The inputs of the resource in the cloud after the update; None if it is not there."""
        return self.old if self.op is Op.FORGET else self.new

    @cached_property
    def unknowns(self) -> tuple[Path, ...]:
        """Paths of the unknown new inputs."""
        return paths(self.new or {}, lambda value: value is UNKNOWN)

    @cached_property
    def secrets(self) -> tuple[Path, ...]:
        """Paths of the inputs that are fully or partly redacted."""
        return paths(self.inputs, lambda value: isinstance(value, (Secret, Masked)))

    @property
    def forced_by_unknown(self) -> bool:
        """Whether only unknown values cause the replacement, which may then turn out to be an update."""
        roots = {root(name) for name in self.forced_by}
        waiting = {str(path[0]) for path in self.unknowns} | ({PROVIDER} if self.doubtful_provider else set())
        return self.op is Op.REPLACE and bool(roots) and roots <= waiting

    @property
    def is_provider(self) -> bool:
        """Whether it is a provider, which is not a resource in the cloud."""
        return self.type.startswith(urns.PROVIDER_TYPE)

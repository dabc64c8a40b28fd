"""The form of a record: everything that is known of a resource type.

The records of AWS's types are in `types/`, one file a service; `awsfacts.types` reads them. Records of the types of
other packages have the same form.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final, Self

from pydantic import model_validator

from awsfacts.recovery import Recovery
from awsfacts.tables import Row


class Holding(Enum):
    """What a resource holds, the worst to lose first."""

    DATA = "data"
    CAPACITY = "capacity"
    SERVING = "serving"
    IDENTITY = "identity"


class Note(Row):
    """What to add to a sentence."""

    when: Mapping[str, Any] = {}
    """Inputs with which it applies, all of them, by path; null for one that is not set."""

    says: str


class Watch(Row):
    """A property whose change harms, although nothing is deleted."""

    property: str
    """Path of the property; `[]` stands for every item of a list."""

    test: str
    """How it has to change: a name in `mlpctl.review.watches.TESTS`."""

    value: Sequence[Any] = ()
    """What the test compares with."""

    harm: Holding
    says: str
    """What the change means, as the end of a sentence."""

    when: Mapping[str, Any] = {}
    """Inputs with which it harms, by path."""

    unless: Sequence[Mapping[str, Any]] = ()
    """Inputs with which it does not, by path: any of these."""

    grave: bool = False
    """Whether it is as bad as losing the resource."""

    guard: bool = False
    """Whether nothing is lost by it, and only what guards the data from a later loss is weaker."""

    accelerated: bool = False
    """Whether it harms only what has GPUs or other accelerators."""

    alone: bool = False
    """Whether it harms only where no resource that depends on this one changes too."""

    created: str = ""
    """Property that names an existing resource which the creation of this one changes in the same way."""

    anew: bool = False
    """Whether the creation of the resource harms in the same way, whatever it is of."""

    fresh: bool = False
    """Whether only a creation harms."""


class Secrets(Row):
    """Properties whose values are secret."""

    properties: Sequence[str]
    """Their names, at any depth of the inputs."""

    when: Mapping[str, Any] = {}
    """Top-level inputs with which they are."""


class Keeps(Enum):
    """What a deletion leaves in the cloud."""

    ALL = "all"
    """The provider drops the resource from the state and touches nothing, as with the option `retainOnDelete`."""

    DATA = "data"
    """The resource goes, and what it holds is kept elsewhere."""


class Retention(Row):
    """Inputs with which a provider leaves something in the cloud although the engine deletes the resource."""

    when: Mapping[str, Any] = {}
    """Values that the inputs have, all of them, by path; null for one that is not set."""

    present: Sequence[str] = ()
    """Paths of inputs that have to be set."""

    keeps: Keeps = Keeps.DATA
    says: str = ""
    """Of data, what is kept, as the end of a sentence."""

    @model_validator(mode="after")
    def _says_what_is_kept(self) -> Self:
        if bool(self.says) is (self.keeps is Keeps.ALL):
            raise ValueError("says: required where data is kept, and allowed only there")
        return self


class Record(Row):
    """What a resource type is. Every field may be left out."""

    like: str = ""
    """Another type that this one is an older or a parallel name of: a class of the same file, or `service/Class`.

    Fields that this record leaves out are those of the other.
    """

    words: str = ""
    """What reviewers call it, e.g. `S3 bucket`; words are made of the type's name where it is empty."""

    holds: Sequence[Holding] = ()
    """What its deletion or replacement harms, the worst first."""

    holds_nothing: str = ""
    """Why neither harms anything."""

    then: str = ""
    """What happens when it is deleted, as the end of a sentence."""

    part_of: str = ""
    """Property that names the resource it is a part of: where that is deleted too, its own deletion adds no harm."""

    guards: bool = False
    """Whether it holds nothing itself, and only guards what another resource holds."""

    given: bool = False
    """Whether its data is given by its inputs, so that a replacement holds what the program says."""

    moves: bool | str = False
    """What a replacement interrupts even if the new resource is created first; true where that is its address."""

    unless: Mapping[str, Any] = {}
    """Inputs with which it holds nothing, by path."""

    notes: Sequence[Note] = ()
    """What to add to `then`."""

    facts: Sequence[str] = ()
    """Paths of the inputs that tell a reader most about it."""

    retains: Sequence[Retention] = ()
    """What a deletion leaves in the cloud; the first that applies counts, and `all` before `data`."""

    watches: Sequence[Watch] = ()
    """Properties whose change harms."""

    opening: str = ""
    """Form in `mlpctl/review/openings.yaml` in which it writes what may connect."""

    expiry: str = ""
    """Form in `mlpctl/review/expiries.yaml` in which it writes life cycle rules."""

    carries_instances: bool = False
    """Whether its inputs say which instance types the resources that name it have."""

    priced: str = ""
    """Function that prices it, as module and name in `mlpctl.review.cost`, e.g. `storage.bucket`."""

    free: str = ""
    """Why it costs nothing by itself."""

    unpriced: str = ""
    """Why it costs something that cannot be priced."""

    large: str = ""
    """What makes it expensive: while it has no price, a limit in dollars cannot be said to hold."""

    sets: Sequence[str] = ()
    """Paths, without indices, of lists of objects whose order means nothing to the API."""

    ordered: Sequence[str] = ()
    """Paths of lists of plain values whose order does mean something."""

    documents: Sequence[str] = ()
    """Paths of texts that are JSON documents."""

    secrets: Secrets | None = None
    """Properties whose values are secret though neither their names nor the SDK say so."""

    recovery: Recovery | None = None
    """How it is found again after an interrupted update."""

    @model_validator(mode="after")
    def _one_cost(self) -> Self:
        if sum(map(bool, (self.priced, self.free, self.unpriced))) > 1:
            raise ValueError("allowed: one of priced, free, unpriced")
        return self

    @model_validator(mode="after")
    def _one_holding(self) -> Self:
        if self.holds and self.holds_nothing:
            raise ValueError("allowed: one of holds, holdsNothing")
        return self

    @property
    def describes(self) -> bool:
        """Whether it says anything of what the type is for reviewers."""
        return bool(self.model_fields_set & DESCRIPTION)

    def completed(self, other: "Record") -> "Record":
        """This record, where it says nothing of its description, its cost and so on, with what another says of that."""
        groups = [group for group in _GROUPS if not self.model_fields_set & group]
        return self._with(other, frozenset[str]().union(*groups))

    def likened(self, other: "Record") -> "Record":
        """This record with the other's fields where it has none; its cost counts as one field."""
        missing = Record.model_fields.keys() - self.model_fields_set - {"like"}
        return self._with(other, missing - COST if self.model_fields_set & COST else missing)

    def _with(self, other: "Record", names: frozenset[str] | set[str]) -> "Record":
        taken = {name: getattr(other, name) for name in names & other.model_fields_set}
        return self.model_copy(update=taken) if taken else self


DESCRIPTION: Final = frozenset(
    ("words", "holds", "holds_nothing", "then", "part_of", "guards", "given", "moves", "unless", "notes", "facts")
)
"""Fields that together say what a type is; one taken alone from another record would be wrong."""

COST: Final = frozenset(("priced", "free", "unpriced"))

_GROUPS: Final = (
    DESCRIPTION,
    COST,
    *(frozenset((name,)) for name in Record.model_fields.keys() - DESCRIPTION - COST - {"like"}),
)

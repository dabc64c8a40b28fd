"""Schema of a record: the facts about a resource type.

The records of AWS's types are in `types/`, one file or folder per service; `awsfacts.types` reads them. Records of
other packages' types have the same schema.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final, Self

from pydantic import model_validator

from awsfacts.recovery import Recovery
from awsfacts.tables import Row


class Holding(Enum):
    """What is lost with a resource, most severe first."""

    DATA = "data"
    CAPACITY = "capacity"
    SERVING = "serving"
    IDENTITY = "identity"


class Note(Row):
    """A remark to append to a sentence."""

    when: Mapping[str, Any] = {}
    """Inputs for which it applies, by path. All of them must match; null matches an input that is not set."""

    says: str


class Watch(Row):
    """A property whose change is harmful although nothing is deleted."""

    property: str
    """Path of the property; `[]` stands for every item of a list."""

    test: str
    """The kind of change: a name in `mlpctl.review.watch_tests.TESTS`."""

    value: Sequence[Any] = ()
    """The values that the test compares with."""

    harm: Holding
    says: str
    """The effect of the change, as the end of a sentence."""

    when: Mapping[str, Any] = {}
    """Inputs for which the change is harmful, by path."""

    unless: Sequence[Mapping[str, Any]] = ()
    """Inputs for which it is not, by path. One match is enough."""

    unless_in: Mapping[str, str] = {}
    """Properties that refer to a resource, with an input of that resource: if it is set, the change is harmless."""

    grave: bool = False
    """Whether it is as severe as the loss of the resource."""

    guard: bool = False
    """Whether the change loses nothing by itself and only weakens the protection against a later data loss."""

    accelerated: bool = False
    """Whether it is harmful only for resources with GPUs or other accelerators."""

    only_if_dependents_unchanged: bool = False
    """Whether it is harmful only if no dependent of the resource changes too."""

    created: str = ""
    """Property that refers to an existing resource that the creation of this one changes in the same way."""

    also_on_create: bool = False
    """Whether the creation of the resource is harmful in the same way, whichever resource it belongs to."""

    only_on_create: bool = False
    """Whether only the creation is harmful."""


class Secrets(Row):
    """Properties whose values are secret."""

    properties: Sequence[str]
    """Their names, at any depth of the inputs."""

    when: Mapping[str, Any] = {}
    """Top-level inputs for which they are secret."""


class Keeps(Enum):
    """What a deletion retains in the cloud."""

    ALL = "all"
    """The provider removes the resource only from the state, as with the option `retainOnDelete`."""

    DATA = "data"
    """The resource is deleted, but its data is retained elsewhere."""


class Retention(Row):
    """Inputs for which the provider retains something in the cloud although the engine deletes the resource."""

    when: Mapping[str, Any] = {}
    """Values of the inputs, by path. All of them must match; null matches an input that is not set."""

    present: Sequence[str] = ()
    """Paths of inputs that must be set."""

    keeps: Keeps = Keeps.DATA
    says: str = ""
    """The data that is retained, as the end of a sentence."""

    @model_validator(mode="after")
    def _says_what_is_kept(self) -> Self:
        if bool(self.says) is (self.keeps is Keeps.ALL):
            raise ValueError("says: required if keeps is data, and allowed only then")
        return self


class Record(Row):
    """Facts about a resource type. Every field is optional."""

    like: str = ""
    """A type that this one is an older or an alternative name of: a class of the same file, or `service/Class`.

    Fields that this record omits are taken from the other type's record.
    """

    words: str = ""
    """Name for reviewers, e.g. `S3 bucket`; if empty, it is derived from the type's name."""

    holds: Sequence[Holding] = ()
    """What is lost with its deletion or replacement, most severe first."""

    holds_nothing: str = ""
    """Why its deletion and replacement are harmless."""

    then: str = ""
    """What happens when it is deleted, as the end of a sentence."""

    part_of: str = ""
    """Property that refers to the resource it is a part of. If that is deleted too, its own deletion adds no harm."""

    unique: Sequence[str] = ()
    """Inputs that identify it in its account and region, although its name or ID does not: AWS refuses a second
    resource with the same values, or both are one resource. `a|b` stands for the one of two inputs that is set."""

    guards: bool = False
    """Whether it holds nothing itself and only protects what another resource holds."""

    restorable_from_inputs: bool = False
    """Whether all its data comes from its inputs, so that a replacement restores it."""

    moves: bool | str = False
    """What a replacement interrupts even if the new resource is created first; true if that is its address."""

    unless: Mapping[str, Any] = {}
    """Inputs for which it holds nothing, by path."""

    data_if: Mapping[str, Any] = {}
    """Inputs without which its deletion destroys no data although it holds some, by path."""

    notes: Sequence[Note] = ()
    """Remarks to append to `then`."""

    facts: Sequence[str] = ()
    """Paths of the inputs that describe it best to a reader."""

    retains: Sequence[Retention] = ()
    """What a deletion retains in the cloud. The first that applies is used, `all` before `data`."""

    watches: Sequence[Watch] = ()
    """Properties whose change is harmful."""

    opening: str = ""
    """Name in `mlpctl/review/firewalls/openings.yaml` of the format in which its inputs allow connections."""

    expiry: str = ""
    """Name in `mlpctl/review/lifecycle/expiries.yaml` of the format of its lifecycle rules."""

    carries_instances: bool = False
    """Whether its inputs set the instance types of the resources that refer to it."""

    priced: str = ""
    """Function that prices it, as module and name in `mlpctl.review.cost`, e.g. `storage.bucket`."""

    free: str = ""
    """Why it has no separate cost."""

    unpriced: str = ""
    """Why its cost cannot be calculated."""

    large: str = ""
    """What makes it expensive. While such a resource is unpriced, a cost limit cannot be verified."""

    large_if: Sequence[str] = ()
    """Paths of inputs that make it expensive: it is `large` only if one of them is set to a value that is not `cheap`,
    or one of `large_above` is exceeded. If both are empty, it always is."""

    large_above: Mapping[str, float] = {}
    """Paths of numbers, with the highest one at which it is not yet expensive."""

    cheap: Sequence[str] = ()
    """Values in `large_if` that do not make it expensive."""

    large_unless: Mapping[str, Any] = {}
    """Inputs with which it is never expensive: it is billed by usage, whatever else is set."""

    sets: Sequence[str] = ()
    """Paths, without indexes, of lists of objects whose order the API ignores."""

    ordered: Sequence[str] = ()
    """Paths of lists of plain values whose order is significant."""

    documents: Sequence[str] = ()
    """Paths of strings that are JSON documents."""

    secrets: Secrets | None = None
    """Properties whose values are secret although neither their names nor the SDK mark them as secret."""

    recovery: Recovery | None = None
    """How the resource is found again after an interrupted update."""

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
        """Whether it has any of the fields in `DESCRIPTION`."""
        return bool(self.model_fields_set & DESCRIPTION)

    def completed(self, other: "Record") -> "Record":
        """This record, with each group of fields (description, cost, ...) that it omits entirely taken from `other`."""
        groups = [group for group in _GROUPS if not self.model_fields_set & group]
        return self._with(other, frozenset[str]().union(*groups))

    def likened(self, other: "Record") -> "Record":
        """This record, with the fields that it omits taken from `other`; the cost fields count as one."""
        missing = Record.model_fields.keys() - self.model_fields_set - {"like"}
        return self._with(other, missing - COST if self.model_fields_set & COST else missing)

    def _with(self, other: "Record", names: frozenset[str] | set[str]) -> "Record":
        taken = {name: getattr(other, name) for name in names & other.model_fields_set}
        return self.model_copy(update=taken) if taken else self


DESCRIPTION: Final = frozenset(
    (
        "words",
        "holds",
        "holds_nothing",
        "then",
        "part_of",
        "guards",
        "restorable_from_inputs",
        "moves",
        "unless",
        "data_if",
        "notes",
        "facts",
    )
)
"""Fields that describe a type together; to take only some of them from another record would be wrong."""

COST: Final = frozenset(("priced", "free", "unpriced"))

_SIZE: Final = frozenset(("large", "large_if", "large_above", "cheap", "large_unless"))

_GROUPS: Final = (
    DESCRIPTION,
    COST,
    _SIZE,
    *(frozenset((name,)) for name in Record.model_fields.keys() - DESCRIPTION - COST - _SIZE - {"like"}),
)

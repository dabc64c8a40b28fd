"""The engine's steps as written in either format, with checked types and unredacted secrets.

They exist only while a plan is read.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from mlpctl import urns
from mlpctl.review.plan.model import Message, PlanError, Violation
from mlpctl.review.reading import checked
from mlpctl.review.reading.checked import EXPECTED
from mlpctl.review.values import marks

REFRESH: Final = "refresh"
OLD_GOES: Final = ("delete-replaced", "discard-replaced")
"""The last step of a replacement, or the deletion of an old copy that an interrupted replacement left behind."""

FORGOTTEN: Final = "remove-pending-replace"
"""Removes a resource from the state that an interrupted replacement already deleted."""

REPLACING: Final = ("replace", "create-replacement", "read-replacement", "import-replacement")
"""The other steps of a replacement."""

REPLACEMENT_STEPS: Final = (*REPLACING[1:], *OLD_GOES)
"""Steps that a digest omits without `--show-replacement-steps` (`IsReplacementStep` in Pulumi's
pkg/resource/deploy/step.go)."""

RESULTS: Final = ("same", "update", "delete")
"""What `pulumi refresh` writes instead of `refresh` once the result of a refresh is known (`RefreshStep.ResultOp`)."""


@dataclass(frozen=True)
class State:
    """The part of a resource's state that is used here."""

    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    """Only of the stack itself: its outputs."""

    secret: frozenset[str] = frozenset()
    """Names of properties that the engine marks as secret."""

    id: str = ""
    name: str = ""
    """The output `name`, which the provider may have generated."""

    parent: str = ""
    provider: str = ""
    view_of: str = ""
    deleted_with: str = ""
    """URN of the resource whose deletion deletes it too, so that the engine does not delete it separately."""

    depends: Mapping[str, Sequence[str]] = field(default_factory=dict)
    after: Sequence[str] = ()
    custom: bool | None = None
    """None if the state does not contain it."""

    protect: bool = False
    retain: bool = False
    external: bool = False
    pending: bool = False
    """Whether an interrupted replacement already deleted it."""

    delete: bool = False
    """Whether it is an old copy from a replacement."""

    taint: bool = False
    replaces_on: Sequence[str] = ()
    """Properties of the option `replaceOnChanges`."""

    replaced_with: Sequence[str] = ()
    """URNs of the option `replaceWith`."""

    trigger: Any = None
    """Value of the option `replacementTrigger`."""


@dataclass(frozen=True)
class Step:
    """One step of the engine, from either format."""

    op: str
    urn: str
    old: State | None
    new: State | None
    provider: str
    keys: Sequence[str]
    diffs: Sequence[str]
    detailed: Mapping[str, str]
    """Kinds of difference by property."""

    result: str = ""
    """Result of a refresh: one of `RESULTS`, or empty if it is unknown."""

    @property
    def is_old_copy(self) -> bool:
        """Whether it concerns an old copy that a replacement left behind."""
        return self.old is not None and self.old.delete


@dataclass
class Raw:
    """The content of a plan, checked, with unredacted secrets."""

    streamed: bool = False
    """Whether it is the stream of events; otherwise it is the digest."""

    has_events: bool = False
    """Whether a digest was completed from the events of the same preview."""

    config: Mapping[str, Any] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    incomplete: list[str] = field(default_factory=list)
    counted: Mapping[str, int] = field(default_factory=dict)
    """Number of resources in the engine's summary, by operation."""

    outputs: tuple[Mapping[str, Any], Mapping[str, Any]] | None = None
    """The old and new stack outputs; None if the plan does not contain them."""


def step(raw: Mapping[str, Any], place: str, *, streamed: bool) -> Step:
    """Read one step; `streamed` selects the key names of the stream of events."""
    old, new = ("old", "new") if streamed else ("oldState", "newState")
    keys, diffs = ("keys", "diffs") if streamed else ("replaceReasons", "diffReasons")
    op = checked.text(raw.get("op"), f"{place}.op")
    if not op:
        raise PlanError(f"{place} has no op; {EXPECTED}.")
    kind = "diffKind" if streamed else "kind"
    detailed = {}
    for name, each in checked.mapping(raw.get("detailedDiff"), f"{place}.detailedDiff").items():
        where = f"{place}.detailedDiff.{name}"
        detailed[name] = checked.text(checked.mapping(each, where).get(kind), f"{where}.{kind}")
    urn = checked.urn(raw.get("urn"), f"{place}.urn", needed=True)
    is_stack = urns.kind(urn) == urns.STACK_TYPE
    return Step(
        op=op,
        urn=urn,
        old=_state(raw.get(old), f"{place}.{old}", is_stack, streamed=streamed),
        new=_state(raw.get(new), f"{place}.{new}", is_stack, streamed=streamed),
        provider=checked.text(raw.get("provider"), f"{place}.provider"),
        keys=checked.texts(raw.get(keys), f"{place}.{keys}"),
        diffs=checked.texts(raw.get(diffs), f"{place}.{diffs}"),
        detailed=detailed,
    )


def leaves(step: Step) -> bool:
    """Whether a step removes an old copy, or the old resource of a replacement."""
    return step.op in OLD_GOES or (step.op == "delete" and step.is_old_copy)


def exports(step: Step) -> tuple[Mapping[str, Any], Mapping[str, Any]] | None:
    """The old and new stack outputs in a step of the stack itself.

    The step is usually written before the program exports its outputs, and then contains none.
    """
    if step.new is None or not step.new.outputs:
        return None
    return (step.old or State()).outputs, step.new.outputs


def summary(raw: Raw, counts: Any, place: str) -> None:
    """Store the engine's counts."""
    found = checked.mapping(counts, place)
    raw.counted = {op: checked.count(each, f"{place}.{op}") for op, each in found.items()}


def _state(value: Any, place: str, is_stack: bool, *, streamed: bool) -> State | None:
    if value is None:
        return None
    state = checked.mapping(value, place)
    outputs = checked.mapping(state.get("outputs"), f"{place}.outputs")
    depends = checked.mapping(state.get("propertyDependencies"), f"{place}.propertyDependencies")

    def text(name: str) -> str:
        return checked.text(state.get(name), f"{place}.{name}")

    def flag(name: str) -> bool:
        return checked.flag(state.get(name), f"{place}.{name}")

    more = checked.texts(state.get("additionalSecretOutputs"), f"{place}.additionalSecretOutputs")
    # An event omits false values; a digest always contains `custom`.
    known = streamed or "custom" in state
    return State(
        inputs=checked.mapping(state.get("inputs"), f"{place}.inputs"),
        outputs=outputs if is_stack else {},
        secret=marks.secrets(outputs) | set(more),
        id=text("id") or text("importID"),
        name=found if isinstance(found := outputs.get("name"), str) and "name" not in more else "",
        parent=checked.urn(state.get("parent"), f"{place}.parent"),
        provider=text("provider"),
        view_of=checked.urn(state.get("viewOf"), f"{place}.viewOf"),
        deleted_with=checked.urn(state.get("deletedWith"), f"{place}.deletedWith"),
        depends={name: checked.texts(each, f"{place}.propertyDependencies.{name}") for name, each in depends.items()},
        after=checked.texts(state.get("dependencies"), f"{place}.dependencies"),
        custom=flag("custom") if known else None,
        protect=flag("protect"),
        retain=flag("retainOnDelete"),
        external=flag("external"),
        pending=flag("pendingReplacement"),
        delete=flag("delete"),
        taint=flag("taint"),
        replaces_on=checked.texts(state.get("replaceOnChanges"), f"{place}.replaceOnChanges"),
        replaced_with=[
            checked.urn(each, f"{place}.replaceWith")
            for each in checked.texts(state.get("replaceWith"), f"{place}.replaceWith")
        ],
        trigger=state.get("replacementTrigger"),
    )


def sides(these: Sequence[Step]) -> Iterator[State]:
    """All states of the steps."""
    for each in these:
        yield from (state for state in (each.new, each.old) if state)

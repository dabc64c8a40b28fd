"""Combines the engine's steps of one resource into one change of it, and one of each old copy."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from mlpctl import urns
from mlpctl.review.plan.model import Op
from mlpctl.review.reading import order
from mlpctl.review.reading.steps import (
    FORGOTTEN,
    OLD_GOES,
    REFRESH,
    REPLACEMENT_STEPS,
    REPLACING,
    State,
    Step,
    leaves,
    sides,
)
from mlpctl.review.types import terraform

_OPS: Final = {
    "create": Op.CREATE,
    "update": Op.UPDATE,
    "delete": Op.DELETE,
    "replace": Op.REPLACE,
    "create-replacement": Op.REPLACE,
    "read-replacement": Op.REPLACE,
    "import-replacement": Op.REPLACE,
    "import": Op.IMPORT,
    "read": Op.READ,
    "discard": Op.FORGET,
    "same": Op.SAME,
    "diff": Op.SAME,
    "extend-parameterize": Op.SAME,
}
"""Meaning of the engine's steps (pkg/resource/deploy/step.go)."""

KNOWN: Final = frozenset({*_OPS, *OLD_GOES, FORGOTTEN, REFRESH})

_NEEDS_OLD: Final = frozenset({"update", "delete", "replace", "discard", *OLD_GOES})
_NEEDS_NEW: Final = frozenset({"create", "update", "replace", "import", "read", *REPLACING})

_GONE_ALREADY: Final = "An interrupted replacement already deleted it; only the state still contains it."


@dataclass(frozen=True)
class Resolved:
    """The change of a resource, or of an old copy of it."""

    op: Op
    steps: Sequence[Step]
    old: State | None
    new: State | None
    is_old_copy: bool = False
    retained: bool = False
    """Whether the old resource stays in the cloud."""

    deletes_first: bool = False
    notes: Sequence[str] = ()


@dataclass
class _Steps:
    """Steps of one resource, by role."""

    found: list[Step] = field(default_factory=list)
    """Results of a refresh."""

    main: list[Step] = field(default_factory=list)
    leaving: list[Step] = field(default_factory=list)
    """`OLD_GOES`."""

    forgotten: list[Step] = field(default_factory=list)


def resolve(steps: Sequence[Step]) -> Iterator[Resolved]:
    """The change of a resource, then that of each old copy."""
    parts = _Steps()
    for each in steps:
        if each.op == REFRESH:
            parts.found += [] if each.is_old_copy and each.result != "delete" else [each]
        elif leaves(each):
            parts.leaving.append(each)
        elif each.op == FORGOTTEN:
            parts.forgotten.append(each)
        else:
            parts.main.append(each)
    copies = [*_copies(parts)]
    if parts.main:
        yield _happens(parts, steps)
    elif parts.forgotten:
        yield Resolved(Op.GONE, parts.forgotten, parts.forgotten[-1].old, None, notes=[_GONE_ALREADY])
    elif parts.found:
        yield _refreshed(parts.found)
    for each in copies:
        op = Op.FORGET if _stays(each.old) else Op.DELETE
        is_copy = each.is_old_copy or bool(parts.main)
        notes = [_left_behind(each)] if is_copy else ()
        yield Resolved(op, [each], each.old, None, is_copy, op is Op.FORGET, notes=notes)


def missing(steps: Sequence[Step]) -> str:
    """What is missing from the states of a resource although its steps need it; empty if nothing is."""
    for each in steps:
        if each.op in _NEEDS_OLD and each.old is None:
            return f"the state before the {each.op}"
        if each.op in _NEEDS_NEW and each.new is None:
            return f"the state after the {each.op}"
        if each.op in _OPS and each.old is None and each.new is None:
            return f"the states of the {each.op}"
    for each in steps:
        differs = each.op in ("update", "replace") and (each.detailed or each.diffs or each.keys)
        made = any(state.custom is not False for state in sides([each]))
        if differs and made and not any(state.inputs for state in sides([each])) and not _has_no_inputs(each):
            return f"the inputs of the {each.op}"
    if any(state.custom is None for state in sides(steps)) and urns.kind(steps[0].urn) != urns.STACK_TYPE:
        return "custom in the states"
    return ""


def is_custom(steps: Sequence[Step], view_of: str) -> bool:
    """Whether a provider manages a resource; true unless it is known to be a component."""
    states = [*sides(steps)]
    if view_of or terraform.is_resource(urns.kind(steps[0].urn)):
        return True
    if not states:
        return urns.kind(steps[0].urn) != urns.STACK_TYPE
    known = [each.custom for each in states if each.custom is not None]
    if known:
        return known[0]
    return urns.kind(steps[0].urn) != urns.STACK_TYPE


def _has_no_inputs(step: Step) -> bool:
    """Whether the only reason for a step is its provider, or not an input."""
    return set(step.keys or step.diffs) <= {"provider"} and not step.detailed


def _happens(parts: _Steps, steps: Sequence[Step]) -> Resolved:
    """The change that results from the steps of the resource in use."""
    main = parts.main
    ops = [_meaning(step) for step in main]
    if Op.REPLACE in ops:
        return _replaced(main, steps, [*_drift(parts.found)])
    acting = [(op, step) for op, step in zip(ops, main, strict=True) if op is not Op.SAME]
    if not acting:
        drift = next((each for each in parts.found if has_drifted(each)), None)
        if drift:
            return _refreshed([drift])
        new = _last(main, _new)
        old = _last(main, _old) or new
        return Resolved(Op.SAME, main, old, new or old)
    op, step = acting[-1]
    notes = [*_drift(parts.found)]
    gone = next((each for found, each in acting if found is Op.DELETE), None)
    if op is Op.CREATE and gone:
        return Resolved(Op.REPLACE, [gone, step], gone.old, step.new, deletes_first=True)
    if op is Op.UPDATE and any(each is Op.IMPORT for each, _ in acting):
        notes.append("It is imported first and then changed.")
    before = _last(parts.found, _new)
    if op in (Op.DELETE, Op.FORGET):
        old = step.old or _last(main, _old) or before
        return Resolved(op, [step], old, None, retained=op is Op.FORGET, notes=notes)
    if op is Op.CREATE:
        return Resolved(op, [step], None, step.new or _last(main, _new), notes=notes)
    # A refresh or an import may have changed the state before the last step.
    return Resolved(op, [step], step.old or before, step.new or _last(main, _new), notes=notes)


def _drift(found: Sequence[Step]) -> Iterator[str]:
    """Notes about a resource that changes after a refresh found a difference between the cloud and its state."""
    for each in found:
        if each.result == "delete":
            yield "The refresh did not find it in the cloud."
        elif has_drifted(each):
            what = ", ".join(each.detailed or each.diffs)
            yield "The refresh found it changed outside of Pulumi" + (f": {what}." if what else ".")


def _replaced(main: Sequence[Step], steps: Sequence[Step], notes: Sequence[str]) -> Resolved:
    replacing = [each for each in main if each.op in REPLACING]
    old, new = _last(replacing, _old), _last(replacing, _new)
    if old and old.external:
        imported = any(each.op == "import-replacement" for each in replacing)
        note = "Until now it was only read; the existing resource stays in the cloud."
        return Resolved(Op.IMPORT if imported else Op.CREATE, replacing, None, new, notes=[*notes, note])
    shown = any(each.op in REPLACEMENT_STEPS for each in replacing)
    if old and old.pending and shown and not any(each.op in OLD_GOES for each in steps):
        note = "An interrupted replacement already deleted the old one."
        return Resolved(Op.CREATE, replacing, None, new, notes=[*notes, note])
    notes = [*notes]
    if any(each.op == "read-replacement" for each in replacing) or (new and new.external):
        notes.append("The new one is only read, and the old one, with another ID, is deleted.")
    elif any(each.op == "import-replacement" for each in replacing):
        notes.append("The new one is imported, and the old one, with another ID, is deleted.")
    retained = bool(old and old.retain)
    first = _deletes_first(steps) if _tells_order(steps) else _deletes_first(steps) or order.has_to_go_first(replacing)
    return Resolved(Op.REPLACE, replacing, old, new, retained=retained, deletes_first=first, notes=notes)


def has_drifted(step: Step) -> bool:
    """Whether a refresh found a resource changed outside of Pulumi."""
    if step.result:
        return step.result == "update"
    if step.old is None or step.new is None:
        return False
    return bool(step.detailed or step.diffs) or step.old.inputs != step.new.inputs


def _refreshed(found: Sequence[Step]) -> Resolved:
    """The change that results from a refresh alone."""
    step = found[-1]
    if step.result == "delete":
        return Resolved(Op.GONE, [step], step.old, None, notes=["The refresh did not find it in the cloud."])
    if has_drifted(step):
        return Resolved(Op.REFRESH, [step], step.old or step.new, step.new or step.old)
    state = step.new or step.old
    return Resolved(Op.SAME, [step], state, state)


def _meaning(step: Step) -> Op:
    if step.op == "delete" and _stays(step.old):
        return Op.FORGET
    if step.op == "read" and step.old and step.old.custom and not step.old.external and _is_external(step.new):
        return Op.FORGET
    if step.op in _OPS:
        return _OPS[step.op]
    return Op.UPDATE if step.old and step.new else Op.CREATE if step.new else Op.DELETE


def _is_external(state: State | None) -> bool:
    return state is not None and state.external


def _stays(state: State | None) -> bool:
    """Whether a resource that leaves the state stays in the cloud."""
    return state is not None and (state.external or (state.retain and state.custom is not False))


def _copies(parts: _Steps) -> Iterator[Step]:
    """Steps that delete an old copy, one per copy; without the deletion that belongs to a replacement of this plan."""
    leaving = parts.leaving
    replaced = _last([each for each in parts.main if each.op in REPLACING], _old)
    if any(each.op in REPLACING for each in parts.main):
        known = replaced.id if replaced else ""
        own = next((each for each in leaving if each.old and each.old.id == known), None)
        leaving = [each for each in leaving if each is not own]
        if own is None and not known:
            leaving = leaving[1:]
        elif known:
            leaving = [each for each in leaving if not each.old or each.old.id != known]
    seen = set()
    for number, each in enumerate(leaving):
        key = (each.old.id if each.old else "") or number
        if key not in seen:
            seen.add(key)
            yield each


def _left_behind(step: Step) -> str:
    known = step.old.id if step.old else ""
    what = f"An old copy ({known})" if known else "An old copy"
    then = "leaves the state and stays in the cloud" if _stays(step.old) else "is deleted"
    return f"{what} that an interrupted replacement left behind {then}."


def _tells_order(steps: Sequence[Step]) -> bool:
    """Whether the steps of a replacement are listed one by one."""
    return any(each.op in REPLACEMENT_STEPS for each in steps)


def _deletes_first(steps: Sequence[Step]) -> bool:
    """Whether the old resource is deleted before the new one is created.

    A digest without `--show-replacement-steps` lacks the steps that show this. Then the old state shows it: the engine
    marks a resource that it deleted first with `pendingReplacement`.
    """
    for step in steps:
        if step.op in OLD_GOES:
            return True
        if step.op in REPLACING[1:]:
            return False
    return any(step.old is not None and step.old.pending for step in steps)


def _old(step: Step) -> State | None:
    return step.old


def _new(step: Step) -> State | None:
    return step.new


def _last(steps: Sequence[Step], side: Callable[[Step], State | None]) -> State | None:
    """The last state on one side."""
    return next((state for each in reversed(steps) if (state := side(each))), None)

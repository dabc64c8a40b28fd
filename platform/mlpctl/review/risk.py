"""What a plan may destroy: data, capacity that may not come back, serving, and who may do what."""

import fnmatch
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Final

from mlpctl import urns
from mlpctl.review.diff import CHANGED_SECRET, compared, differences
from mlpctl.review.groups import component_of
from mlpctl.review.kinds import Holding, Kind, Row, kind, rows, short_type
from mlpctl.review.plan import PROVIDER, Change, Op, Plan
from mlpctl.review.report import Certainty, Danger, Difference, Harm
from mlpctl.review.values import HIDDEN, UNKNOWN, Secret, Unknown, Value, root, walk
from mlpctl.review.watches import TESTS, holds, joined, value_at

MAX_CAUSES: Final = 5
"""Properties that a danger names at most."""

HARMS: Final = {
    Holding.DATA: Harm.DATA,
    Holding.CAPACITY: Harm.CAPACITY,
    Holding.SERVING: Harm.SERVING,
    Holding.IDENTITY: Harm.IDENTITY,
}

MOVES: Final = "the new one has another address, which its callers have to find"
"""What the replacement of something with an address interrupts."""

_GOES: Final = frozenset({Op.DELETE, Op.REPLACE})
_STAYS: Final = frozenset({Op.SAME, Op.UPDATE, Op.IMPORT, Op.READ, Op.REFRESH})
_KEPT: Final = frozenset({Harm.DATA, Harm.CAPACITY})
"""What the old one still has where it stays in the cloud."""

_HARM_ORDER: Final = [*Harm]
_OP_ORDER: Final = [Op.DELETE, Op.REPLACE, Op.FORGET, Op.UPDATE]

_THEN: Final = {
    Holding.DATA: "what it holds is lost",
    Holding.CAPACITY: "its capacity is given up",
    Holding.SERVING: "what it serves stops",
    Holding.IDENTITY: "who may do what changes",
}
"""What happens when something goes that the table of kinds says no more of."""

_HAPPENS: Final = {
    Op.CREATE: "is made",
    Op.UPDATE: "changes",
    Op.REPLACE: "is replaced",
    Op.DELETE: "goes",
    Op.IMPORT: "is imported",
}


class Watch(Row):
    """A property whose change harms."""

    property: str
    test: str
    value: Sequence[Any] = ()
    harm: Holding
    says: str
    when: Mapping[str, Any] = {}
    grave: bool = False
    accelerated: bool = False
    alone: bool = False
    created: str = ""


class Watched(Row):
    """The properties to watch of some types."""

    types: Sequence[str]
    watch: Sequence[Watch]


class Harms(Row):
    """`harms.yaml`, where all fields are explained."""

    instances: Sequence[str]
    accelerators: Sequence[str]
    marks: Sequence[str]
    carriers: Sequence[str]
    watches: Sequence[Watched]


@dataclass(frozen=True)
class _Finding:
    """One reason to see a danger in a change."""

    harm: Harm
    tier: int
    """0 for what is lost, 1 for what has no way back, 2 for what is weaker."""

    says: str
    """The whole sentence's beginning for what goes, or its end for a property."""

    certainty: Certainty = Certainty.WILL
    because: tuple[str, ...] = ()
    lead: bool = False
    """Whether it says what happens to the whole resource."""


@dataclass(frozen=True)
class _Context:
    """A plan, and what is asked of it more than once."""

    plan: Plan

    @cached_property
    def by_id(self) -> Mapping[str, Change]:
        """What is there already, by the provider's ids, as other resources name it."""
        return {each.id: each for each in self.plan if each.custom and each.id}

    @cached_property
    def grows(self) -> bool:
        """Whether anything of the stack is there already."""
        return any(each.custom and each.op is not Op.CREATE and not each.is_provider for each in self.plan)

    def exists(self, change: Change, name: str) -> bool:
        """Whether what a property of a new resource names is there already."""
        # A plan need not list what stays as it is.
        if any(urn not in self.plan.by_urn for urn in change.depends.get(name, ())):
            return True
        if named := self.named(change, name):
            return any(each.op in _STAYS for each in named)
        return self.grows and isinstance((change.new or {}).get(name), str)

    @cached_property
    def changing_users(self) -> frozenset[str]:
        """What something that changes is made from."""
        changing = (each for each in self.plan if each.op not in (Op.SAME, Op.READ))
        return frozenset(urn for each in changing for found in each.depends.values() for urn in found)

    @cached_property
    def made_with(self) -> Counter[str]:
        """How many resources each provider makes."""
        return Counter(each.provider for each in self.plan if each.custom)

    def named(self, change: Change, name: str) -> tuple[Change, ...]:
        """The resources that a property names: by the plan's dependencies, or by their ids."""
        found = [*self.plan.causes(change, name)]
        for inputs in (change.old, change.new):
            value = (inputs or {}).get(name)
            if isinstance(value, str) and value in self.by_id:
                found.append(self.by_id[value])
        return tuple({each.urn: each for each in found if each.custom}.values())


def dangers(plan: Plan) -> tuple[Danger, ...]:
    """What a reviewer must see of a plan, the worst first; the order is the same for the same plan."""
    context = _Context(plan)
    found: list[tuple[tuple[Any, ...], Danger]] = []
    for change in plan:
        if not change.custom or change.op is Op.READ:
            continue
        by_harm: dict[Harm, list[_Finding]] = {}
        for finding in _findings(context, change):
            by_harm.setdefault(finding.harm, []).append(finding)
        found += [_ranked(context, change, findings) for findings in by_harm.values()]
    return tuple(danger for _, danger in sorted(found, key=lambda each: each[0]))


@cache
def harms() -> Harms:
    """The table of properties to watch."""
    return Harms.model_validate(rows("harms.yaml"))


def _findings(context: _Context, change: Change) -> Iterator[_Finding]:
    """Every reason to see a danger in a change."""
    if change.op in _GOES or change.op is Op.FORGET:
        yield from _going(context, change)
    if change.op in (Op.UPDATE, Op.REPLACE):
        # A replacement that leaves the old one where it is destroys nothing of it.
        left = change.retained and change.op is Op.REPLACE
        yield from (each for each in _changing(context, change) if not (left and each.harm in _KEPT))
    if change.op is Op.CREATE:
        yield from _coming(context, change)
    if change.op in (Op.SAME, Op.UPDATE, Op.REPLACE):
        yield from _unguarded(change)


def _going(context: _Context, change: Change) -> Iterator[_Finding]:
    """What goes with a resource that is deleted, replaced or forgotten."""
    found = kind(change.type)
    old = change.old or change.inputs
    given = found.given and change.op is Op.REPLACE
    holdings = [each for each in found.holds if not (given and each is Holding.DATA)]
    if not holdings or (found.unless and holds(old, found.unless)):
        return
    holding = holdings[0]
    # What stays in the cloud keeps what it holds; only who calls it by its address has to follow.
    if change.op is Op.FORGET or (change.retained and not (Holding.SERVING in holdings and found.moves)):
        return
    holding = Holding.SERVING if change.retained else holding
    if change.is_provider and (change.op is Op.DELETE or not context.made_with[change.urn]):
        return
    if found.part_of and any(whole.op in _GOES for whole in context.named(change, found.part_of)):
        return
    if holding is Holding.SERVING and change.op is Op.REPLACE and not (change.deletes_first or found.moves):
        return
    may = change.forced_by_unknown
    verb = "Deletes" if change.op is Op.DELETE else "May replace" if may else "Replaces"
    scarce = _accelerators(context, change, "old") if Holding.CAPACITY in found.holds else ()
    parts = [
        _consequence(change, found, holding),
        *(note.says for note in found.notes if holds(old, note.when) and not change.retained),
        f"resources made with it: {context.made_with[change.urn]:,}" if change.is_provider else "",
        _scarce(scarce),
    ]
    yield _Finding(
        HARMS[holding],
        0 if scarce or not (found.guards or holding is Holding.CAPACITY) else 2,
        f"{verb} {_called(change, found)}: {joined(parts)}",
        Certainty.MAY if may else Certainty.WILL,
        tuple(_forcing(context, change)),
        lead=True,
    )


def _consequence(change: Change, found: Kind, holding: Holding) -> str:
    """What happens when a resource goes."""
    if change.retained:
        moves = found.moves if isinstance(found.moves, str) else MOVES
        return f"{moves}; the old one stays in the cloud, where the stack no longer manages it"
    then = found.then or _THEN[holding]
    if change.op is Op.REPLACE and holding in (Holding.SERVING, Holding.CAPACITY):
        if change.deletes_first:
            return f"{then} before the new one is there"
        if holding is Holding.SERVING:
            return found.moves if isinstance(found.moves, str) else MOVES
    return then


def _forcing(context: _Context, change: Change) -> Iterator[str]:
    """The properties that force a replacement, and where their values come from."""
    if change.op is not Op.REPLACE:
        return
    found = [each for each in differences(change).shown if each.forces]
    shown = [each for each in found if each.path != PROVIDER or change.provider != change.old_provider]
    for each in shown:
        source = _sources(context, change, each.path) if each.new == str(UNKNOWN) else ""
        yield _told(each) + source
    provider = context.plan.by_urn.get(change.provider)
    if not shown and not change.tainted and provider and provider.op is Op.REPLACE:
        yield _replaced_provider(context, provider)


def _replaced_provider(context: _Context, provider: Change) -> str:
    happens = "may be replaced" if provider.forced_by_unknown else "is replaced"
    why = next(iter(_forcing(context, provider)), "")
    return f"its provider {provider.name} {happens}" + (f", since {why}" if why else "")


def _sources(context: _Context, change: Change, path: str) -> str:
    """What a value that is not known yet waits for."""
    moving = [each for each in context.named(change, root(path)) if each.op in _HAPPENS]
    moving.sort(key=lambda each: (each.op is not Op.REPLACE, each.urn))
    told = [f"{kind(each.type).words} {each.name} {_HAPPENS[each.op]}" for each in moving[:2]]
    more = [f"{len(moving) - 2} more change"] if len(moving) > 2 else []
    return f", since {' and '.join([*told, *more])}" if told else ""


def _changing(context: _Context, change: Change) -> Iterator[_Finding]:
    """What the change of a property harms."""
    old, new = change.old or {}, change.new or {}
    scarce = None
    for watch in _watches(short_type(change.type)):
        if (watch.when and not holds(new, watch.when)) or (watch.alone and change.urn in context.changing_users):
            continue
        certainty, because = _asked(
            context, change, watch, value_at(old, watch.property), value_at(new, watch.property)
        )
        if certainty is None:
            continue
        if watch.harm is Holding.CAPACITY:
            scarce = _accelerators(context, change, "old") if scarce is None else scarce
            if watch.accelerated and (not scarce or change.op is Op.REPLACE):
                continue
        tier = 1 if watch.grave and (scarce or watch.harm is not Holding.CAPACITY) else 2
        if watch.test == "otherInstances":
            wanted = _accelerators(context, change, "new")
            more = f"there may be no {' and no '.join(wanted[:3])} to be had" if wanted else ""
        else:
            more = _scarce(scarce or ()) if watch.harm is Holding.CAPACITY else ""
        yield _Finding(HARMS[watch.harm], tier, joined([watch.says, more]), certainty, because)


def _asked(
    context: _Context, change: Change, watch: Watch, old: Value, new: Value
) -> tuple[Certainty | None, tuple[str, ...]]:
    """Whether a property changed as a watch asks, and how; None where it did not."""
    if watch.test == "otherInstances":
        before, after = (_instances(context, change, side) for side in ("old", "new"))
        if not before or not after or not set(before) - set(after):
            return None, ()
        return Certainty.WILL, (f"{watch.property}: {', '.join(before)} → {', '.join(after)}",)
    if isinstance(new, Unknown):
        if isinstance(old, Unknown) or old is None or watch.test in _NEEDS_BOTH:
            return None, ()
        told = _told(Difference(path=watch.property, old=_brief(old), new=str(UNKNOWN), forces=False))
        return Certainty.MAY, (told + _sources(context, change, watch.property),)
    shown = compared(old, new, watch.property, strict=change.type.startswith(urns.KUBERNETES))
    if not shown and watch.test == "changed" and _changes_unseen(change, watch.property, old):
        return Certainty.WILL, (f"{watch.property}: {HIDDEN} → {CHANGED_SECRET}",)
    if not shown or not TESTS[watch.test](old, new, watch.value):
        return None, ()
    unknown = [each.new == str(UNKNOWN) for each in shown]
    source = _sources(context, change, watch.property) if any(unknown) else ""
    because = tuple(_told(each) + (source if waits else "") for each, waits in zip(shown, unknown, strict=True))
    return Certainty.MAY if all(unknown) else Certainty.WILL, because


def _changes_unseen(change: Change, way: str, old: Value) -> bool:
    """Whether the provider reports that a property changes whose secret values the engine hides on both sides."""
    hidden = any(isinstance(each, Secret) and not each.mark for _, each in walk(old))
    told = (*change.reported, *change.forced_by)
    return hidden and any(path == way or path.startswith((f"{way}.", f"{way}[")) for path in told)


_NEEDS_BOTH: Final = frozenset({"fewer", "added", "widened", "opened", "administers", "becomesAny", "lowersAny"})
"""Tests for which a value that is not known yet speaks too little: the test for any change has told it already."""


def _coming(context: _Context, change: Change) -> Iterator[_Finding]:
    """What a new resource changes of one that is there already."""
    new = change.new or {}
    for watch in _watches(short_type(change.type)):
        value = value_at(new, watch.property)
        if not watch.created or (watch.when and not holds(new, watch.when)):
            continue
        if (isinstance(value, Unknown) and watch.test != "added") or not TESTS[watch.test](None, value, watch.value):
            continue
        if context.exists(change, watch.created):
            told = _told(Difference(path=watch.property, old=None, new=_brief(value), forces=False))
            yield _Finding(HARMS[watch.harm], 1 if watch.grave else 2, watch.says, because=(told,))


def _unguarded(change: Change) -> Iterator[_Finding]:
    """Protection that the program takes away."""
    found = kind(change.type)
    if found.holds and change.unprotected:
        yield _Finding(
            HARMS[found.holds[0]], 2, "the engine no longer refuses to delete it", because=("protect: true → false",)
        )
    if found.holds and change.unretained:
        says = "a deletion will no longer leave it in the cloud"
        yield _Finding(HARMS[found.holds[0]], 2, says, because=("retainOnDelete: true → false",))


def _ranked(context: _Context, change: Change, findings: Sequence[_Finding]) -> tuple[tuple[Any, ...], Danger]:
    """One danger of everything that speaks for one harm, and its place among others."""
    found = kind(change.type)
    lead = next((each for each in findings if each.lead), None)
    told = lead.says if lead else ""
    ends = [
        part for each in sorted(findings, key=lambda each: each.tier) if not each.lead for part in each.says.split("; ")
    ]
    says = joined(part for part in ends if part not in told)
    verb = {Op.CREATE: "Adds", Op.SAME: "Unguards"}.get(change.op, "Changes")
    text = joined([told, says]) if lead else f"{verb} {_called(change, found)}: {says}"
    if change.protected and change.op in _GOES:
        text += "; the engine refuses that, since it is protected"
    certain = any(each.certainty is Certainty.WILL for each in ([lead] if lead else findings))
    because = [*dict.fromkeys(each for finding in findings for each in finding.because)]
    harm = findings[0].harm
    danger = Danger(
        urn=change.urn,
        name=change.name,
        words=found.words,
        component=component_of(context.plan, change),
        op=change.op,
        harm=harm,
        certainty=Certainty.WILL if certain else Certainty.MAY,
        because=_limited(because),
        protected=change.protected,
        retained=change.retained or change.op is Op.FORGET,
        text=f"{text}.",
    )
    rank = (
        _HARM_ORDER.index(harm),
        danger.retained and change.op in _GOES,
        min(each.tier for each in findings),
        not certain,
        _OP_ORDER.index(change.op) if change.op in _OP_ORDER else len(_OP_ORDER),
        change.urn,
    )
    return rank, danger


def _limited(texts: Sequence[str]) -> tuple[str, ...]:
    if len(texts) <= MAX_CAUSES:
        return tuple(texts)
    return (*texts[: MAX_CAUSES - 1], f"and {len(texts) - MAX_CAUSES + 1:,} more")


def _called(change: Change, found: Kind) -> str:
    return f"the {found.words} {change.name}"


def _told(difference: Difference) -> str:
    """A difference in one line: `scalingConfig.maxSize: 6 → 2`."""
    old, new = difference.old, difference.new
    if old == new:
        return difference.path
    return f"{difference.path}: {'(none)' if old is None else old} → {'(none)' if new is None else new}"


def _brief(value: Value) -> str:
    shown = compared(None, value, "x")
    return shown[0].new or "" if shown else "(none)"


def _scarce(types: Sequence[str]) -> str:
    return f"{' and '.join(types[:3])} may not be had again" if types else ""


@cache
def _watches(type: str) -> Sequence[Watch]:
    """The properties to watch of a type."""
    return tuple(
        watch
        for each in harms().watches
        if any(type == pattern or ("*" in pattern and fnmatch.fnmatchcase(type, pattern)) for pattern in each.types)
        for watch in each.watch
    )


def _instances(context: _Context, change: Change, side: str) -> tuple[str, ...]:
    """Instance types that a resource names, old or new, itself or through its launch template."""
    found = [text for text in _texts(context, change, side) if _pattern("instances")(text)]
    return tuple(dict.fromkeys(found))


def _accelerators(context: _Context, change: Change, side: str) -> tuple[str, ...]:
    """Instance types with accelerators, old or new, or another mark of such instances; empty for none."""
    texts = [*_texts(context, change, side)]
    types = [text for text in texts if _pattern("accelerators")(text) and _pattern("instances")(text)]
    if types:
        return tuple(dict.fromkeys(types))
    return ("accelerators",) if any(_pattern("marks")(text) for text in texts) else ()


def _texts(context: _Context, change: Change, side: str) -> Iterator[str]:
    """Every text in the inputs of a resource and of what carries its instances, keys of mappings too."""
    carriers = harms().carriers
    names = {*change.depends, *(change.old or {}), *(change.new or {})}
    carrying = {each.urn: each for name in sorted(names) for each in _carrier(context, change, name)}
    for each in (change, *(each for each in carrying.values() if short_type(each.type) in carriers)):
        inputs = each.old if side == "old" else each.new
        # A launch template that stays as it is may have only one side.
        for path, value in walk(each.inputs if inputs is None and each is not change else inputs or {}):
            yield from (str(step) for step in path if isinstance(step, str))
            if isinstance(value, str):
                yield value


def _carrier(context: _Context, change: Change, name: str) -> Iterable[Change]:
    """What a property, or the id in it, names."""
    yield from context.named(change, name)
    for inputs in (change.old, change.new):
        value = (inputs or {}).get(name)
        if isinstance(value, Mapping):
            ids = (each for _, each in walk(value) if isinstance(each, str))
            yield from (context.by_id[each] for each in ids if each in context.by_id)


@cache
def _pattern(name: str) -> Callable[[str], Any]:
    return re.compile("|".join(getattr(harms(), name))).search

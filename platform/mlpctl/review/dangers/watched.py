"""Finds harmful changes of properties by the types' records, and instances that may not be available again."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Final

from awsfacts.records import Holding, Watch
from mlpctl import urns
from mlpctl.review.compare import aws_rules
from mlpctl.review.compare.delta import CHANGED_SECRET, compared, differs
from mlpctl.review.compare.equality import same_caseless
from mlpctl.review.compare.paths import holds, value_at
from mlpctl.review.dangers import kubernetes_tests
from mlpctl.review.dangers.context import Context
from mlpctl.review.dangers.reasons import sources
from mlpctl.review.dangers.watch_tests import DOUBTS, TESTS, joined, matched
from mlpctl.review.firewalls import foreign
from mlpctl.review.firewalls.openings import opening_of, ways
from mlpctl.review.kubernetes import pods
from mlpctl.review.plan.finding import HARMS, Finding, causes, line, tier_of
from mlpctl.review.plan.model import Change, Op
from mlpctl.review.report.model import Certainty, Difference, Harm
from mlpctl.review.types import machines, records
from mlpctl.review.types.kinds import short_type
from mlpctl.review.values.plain import HIDDEN, UNKNOWN, Secret, Unknown, Value, root, walk


def changing(context: Context, change: Change, *, reported: Container[str] = ()) -> Iterator[Finding]:
    """Findings about changed properties. For those in `reported`, the change itself is not reported again."""
    scarce = None
    moved = context.apart.moved(change)
    for watch in watches_of(change):
        if watch.only_on_create or root(watch.property) in moved or not _applies(context, change, watch):
            continue
        if watch.only_if_dependents_unchanged and change.urn in context.changing_users:
            continue
        if watch.test == "changed" and root(watch.property) in reported:
            continue
        certainty, because = _asked(context, change, watch)
        if certainty is None:
            continue
        if watch.harm is Holding.CAPACITY:
            scarce = accelerators(context, change, "old") if scarce is None else scarce
            if watch.accelerated and (not scarce or change.op is Op.REPLACE):
                continue
        grave = watch.grave and bool(scarce or watch.harm is not Holding.CAPACITY)
        if watch.test in _OTHER_INSTANCES:
            wanted = accelerators(context, change, "new")
            more = f"{' and '.join(wanted[:3])} capacity may be unavailable" if wanted else scarcity(scarce or ())
        else:
            more = scarcity(scarce or ()) if watch.harm is Holding.CAPACITY else ""
        harm = _harm(watch)
        yield Finding(harm, tier_of(harm, grave=grave), joined([watch.says, more]), certainty, because)


def moving(context: Context, change: Change) -> Iterator[Finding]:
    """Findings about what a changed resource grants to another target or principal than before."""
    grants = any(watch.also_on_create or watch.created for watch in watches_of(change))
    moved = context.targets.new(change) if grants else ()
    if not moved:
        return
    old, new = change.old or {}, change.new or {}
    because = tuple(each for name in moved for each in causes(value_at(old, name), value_at(new, name), name))
    certainty = Certainty.MAY if all(isinstance(value_at(new, name), Unknown) for name in moved) else Certainty.WILL
    for each in coming(context, change, targets=moved):
        yield replace(each, certainty=certainty, because=because)


def coming(context: Context, change: Change, *, targets: Container[str] | None = None) -> Iterator[Finding]:
    """Findings about a new resource: changes of an existing resource, and access that it grants.

    Args:
        context: The plan.
        change: The resource.
        targets: For an existing resource, the properties that refer to something else than before.
    """
    new = change.new or {}
    for watch in watches_of(change):
        value = value_at(new, watch.property)
        if not (watch.created or watch.also_on_create) or not _applies(context, change, watch):
            continue
        if (isinstance(value, Unknown) and watch.test != "added") or not TESTS[watch.test](None, value, watch.value):
            continue
        if targets is not None and not (_grants(watch) or watch.created in targets):
            continue
        if watch.also_on_create or context.exists(change, watch.created):
            harm = _harm(watch)
            because = causes(None, value, watch.property) or (watch.property,)
            certainty = Certainty.MAY if _is_doubtful(watch, None, value) else Certainty.WILL
            yield Finding(harm, tier_of(harm, grave=watch.grave), watch.says, certainty, because)


def _is_doubtful(watch: Watch, old: Value, new: Value) -> bool:
    """Whether a test that holds leaves a doubt, e.g. because of a deny statement with unknown conditions."""
    return watch.test in DOUBTS and DOUBTS[watch.test](old, new)


def _grants(watch: Watch) -> bool:
    """Whether a watch is about what a resource grants, and not about a setting such as a public address."""
    return watch.also_on_create and watch.harm is Holding.IDENTITY and watch.test != "turnedOn"


def _applies(context: Context, change: Change, watch: Watch) -> bool:
    """Whether a watch applies to the inputs of a resource and of those that it refers to."""
    inputs = change.new or {}
    if not holds(inputs, watch.when) or any(holds(inputs, each) for each in watch.unless):
        return False
    return not any(
        value_at(each.inputs, path) for name, path in watch.unless_in.items() for each in context.owners(change, name)
    )


def _harm(watch: Watch) -> Harm:
    return Harm.PROTECTION if watch.guard else HARMS[watch.harm]


_NEEDS_BOTH: Final = frozenset(
    {
        *("fewer", "shrunk", "swapped", "added", "widened", "administers", "becomesAny", "lowersAny", "opened"),
        *("federated", "allowsAnything", "losesAny", "becomesLike", "sharedIssuer", *kubernetes_tests.TESTS),
    }
)
"""Tests that cannot be answered with an unknown value: the test for any change already reports it."""

_OTHER_INSTANCES: Final = frozenset({"otherInstances", "swapped"})


def _asked(context: Context, change: Change, watch: Watch) -> tuple[Certainty | None, tuple[str, ...]]:
    """Whether a property changed in the way of a watch, and how; None if not."""
    if watch.test == "otherInstances":
        before, after = (_instances(context, change, watch.property, side) for side in ("old", "new"))
        if not before or not after or not set(before) - set(after):
            return None, ()
        return Certainty.WILL, (f"{watch.property}: {', '.join(before)} → {', '.join(after)}",)
    doubts: list[Certainty] = []
    because: list[str] = []
    for way, old, new in matched(change.old or {}, change.new or {}, watch.property, watch.test):
        certainty, lines = _compared(context, change, watch, (way, old, new))
        doubts += [certainty] if certainty else []
        because += lines
    if not doubts:
        return None, ()
    return Certainty.WILL if Certainty.WILL in doubts else Certainty.MAY, tuple(because)


def _compared(
    context: Context, change: Change, watch: Watch, values: tuple[str, Value, Value]
) -> tuple[Certainty | None, tuple[str, ...]]:
    """Whether the value at a path changed in the way of a watch, and how."""
    way, old, new = values
    if isinstance(new, Unknown):
        if isinstance(old, Unknown) or old is None or watch.test in _NEEDS_BOTH:
            return None, ()
        lines = map(line, _differences(context, change, way, old, new))
        return Certainty.MAY, tuple(each + sources(context, change, way) for each in lines)
    if (old is None and new is None) or (old == new and watch.test != "changed"):
        return None, ()
    # The comparison is the more expensive check, so it comes second.
    if not TESTS[watch.test](old, new, watch.value) or _means_the_same(context, change, watch, way, old, new):
        return None, ()
    shown = _differences(context, change, way, old, new)
    if not shown and watch.test == "changed" and _changes_unseen(change, way, old):
        return Certainty.WILL, (f"{way}: {HIDDEN} → {CHANGED_SECRET}",)
    if not shown:
        # The key of an empty object may be the setting itself, e.g. `allow: {}`, without a difference of values.
        return (Certainty.WILL, (way,)) if watch.test == "mentions" else (None, ())
    if "[]" in way:
        # A finding in several items is reported as the difference of their list.
        way = way.split("[]")[0]
        old, new = value_at(change.old or {}, way), value_at(change.new or {}, way)
        shown = _differences(context, change, way, old, new) or shown
    unknown = [each.new == str(UNKNOWN) for each in shown]
    source = sources(context, change, way) if any(unknown) else ""
    because = tuple(line(each) + (source if waits else "") for each, waits in zip(shown, unknown, strict=True))
    return Certainty.MAY if all(unknown) or _is_doubtful(watch, old, new) else Certainty.WILL, because


def _differences(context: Context, change: Change, way: str, old: Value, new: Value) -> tuple[Difference, ...]:
    """The differences of a property, which are computed once for all watches of the resource."""
    key = change.urn, way
    if key not in context.compared:
        strict = change.type.startswith(urns.KUBERNETES)
        context.compared[key] = compared(old, new, way, strict=strict, type=change.type)
    return context.compared[key]


def _means_the_same(context: Context, change: Change, watch: Watch, way: str, old: Value, new: Value) -> bool:
    """Whether rules differ only in notation, grouping or description."""
    if watch.harm is Holding.IDENTITY and watch.test == "changed" and _is_equal(change, way, old, new):
        return True
    if way in aws_rules.NOTATION and aws_rules.same(change.old, change.new):
        return True
    if watch.test != "changed" or watch.harm is not Holding.IDENTITY or not isinstance(old, list):
        return False
    return context.reaches.keeps(change, way) or (
        _described(old) and not differs(_bare(old), _bare(new), way, type=change.type)
    )


def _is_equal(change: Change, way: str, old: Value, new: Value) -> bool:
    """Whether a firewall, or a value of Azure, which ignores case, differs only in notation."""
    form = opening_of(short_type(change.type))
    if form and root(way) in map(root, ways(form)) and foreign.same(form, change.old or {}, change.new or {}):
        return True
    return change.type.startswith("azure") and same_caseless(old, new)


def _described(rules: Sequence[Value]) -> bool:
    return any(isinstance(each, Mapping) and "description" in each for each in rules)


def _bare(rules: Value) -> Value:
    """Rules without their descriptions."""
    if not isinstance(rules, list):
        return rules
    return [
        {key: item for key, item in each.items() if key != "description"} if isinstance(each, Mapping) else each
        for each in rules
    ]


def _changes_unseen(change: Change, way: str, old: Value) -> bool:
    """Whether the provider reports a change of a property whose old and new values the engine hides."""
    hidden = any(isinstance(each, Secret) and not each.mark for _, each in walk(old))
    reported = (*change.reported, *change.forced_by)
    return hidden and any(path == way or path.startswith((f"{way}.", f"{way}[")) for path in reported)


def scarcity(types: Sequence[str]) -> str:
    """The remark about instances that may not be available again."""
    return f"{' and '.join(types[:3])} may not be available again" if types else ""


def watches_of(change: Change) -> Sequence[Watch]:
    """The watched properties of a resource: those of its type, and those of pods in it."""
    type = short_type(change.type)
    found = _watches(type)
    if not pods.may_have_pods(type):
        return found
    return (*found, *pods.watches(*(each for each in (change.old, change.new) if each)))


def weakening(change: Change) -> Iterator[Finding]:
    """Findings about pods that are less limited than before."""
    if not pods.may_have_pods(short_type(change.type)) or change.old is None or change.new is None:
        return
    for path, old, new, says in pods.weakened(change.old, change.new):
        because = causes(old, new, path, strict=True)
        yield Finding(Harm.IDENTITY, tier_of(Harm.IDENTITY, grave=False), says, Certainty.WILL, because)


@cache
def _watches(type: str) -> Sequence[Watch]:
    """The watched properties of a type."""
    if type.startswith(urns.KUBERNETES):
        # A patch changes part of such an object: https://www.pulumi.com/registry/packages/kubernetes/how-to-guides
        type = type.removesuffix("Patch")
    return records.record(type).watches


def _instances(context: Context, change: Change, name: str, side: str) -> tuple[str, ...]:
    """Old or new instance types of a property, in its value or in the resources that it refers to."""
    inputs = change.old if side == "old" else change.new
    if root(name) not in (change.old or {}) and root(name) not in (change.new or {}) and not change.depends.get(name):
        return ()
    own = [each for _, each in walk(value_at(inputs or {}, name)) if isinstance(each, str)]
    carried = [
        text for each in _carriers(context, change, [root(name)]) for text in _own_texts(each, side, carrier=True)
    ]
    return tuple(dict.fromkeys(text for text in (*own, *carried) if machines.pattern("instances")(text)))


def accelerators(context: Context, change: Change, side: str) -> tuple[str, ...]:
    """Old or new instance types with accelerators, or another sign of them; empty if there are none."""
    return machines.accelerated(_texts(context, change, side))


def _texts(context: Context, change: Change, side: str) -> Iterator[str]:
    """All texts in the inputs of a resource and of the resources that define its instances, including mapping keys."""
    yield from _own_texts(change, side, carrier=False)
    names = sorted({*change.depends, *(change.old or {}), *(change.new or {})})
    for each in _carriers(context, change, names):
        yield from _own_texts(each, side, carrier=True)


def _own_texts(change: Change, side: str, *, carrier: bool) -> Iterator[str]:
    inputs = change.old if side == "old" else change.new
    if inputs is None and carrier:
        # An unchanged launch template may have only one side.
        inputs = change.inputs
    yield from machines.texts(inputs or {})


def _carriers(context: Context, change: Change, names: Iterable[str]) -> Iterable[Change]:
    """The resources with instance types that some properties, or the IDs in them, refer to."""
    found: dict[str, Change] = {}
    for name in names:
        for each in context.named(change, name):
            found[each.urn] = each
        for inputs in (change.old, change.new):
            value = (inputs or {}).get(name)
            if isinstance(value, Mapping):
                ids = (each for _, each in walk(value) if isinstance(each, str))
                found |= {each.urn: each for id in ids for each in context.by_id.all(id)}
    return [each for each in found.values() if records.record(short_type(each.type)).carries_instances]

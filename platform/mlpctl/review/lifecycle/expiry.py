"""Compares lifecycle rules one by one, to find what newly expires or expires sooner.

The format of a type's rules is data: `expiries.yaml`. The formats of all clouds are converted to clauses, each of
which lets something expire within limits. A new clause is harmless if an old one has the same effect and no limit that
the new one lacks: then everything that expires by the new clause also expired by the old one.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

from awsfacts.records import Holding
from awsfacts.tables import Row, read_table
from mlpctl.review.compare.paths import holds, value_at
from mlpctl.review.lifecycle.limits import TIGHTER, Index, as_number
from mlpctl.review.plan.finding import HARMS, Finding, causes, tier_of
from mlpctl.review.plan.model import Change
from mlpctl.review.report.model import Certainty
from mlpctl.review.types import records
from mlpctl.review.types.kinds import short_type
from mlpctl.review.values.plain import Secret, Unknown, Value, document

KEYS: Final = ("id", "name", "rulePriority")
"""Properties that identify the rules of a list."""


class Limit(Row):
    """A condition that limits a rule."""

    ways: Sequence[str]
    """Its paths in a rule; the first one that is set applies."""

    test: str
    """How two limits are compared: a name in `TIGHTER`."""

    none: Sequence[Any] = ()
    """Values that mean no limit."""


class Clause(Row):
    """An effect of a rule."""

    each: str = ""
    """Path of a list in the rule whose items are such clauses; empty for the rule itself."""

    has: Sequence[str] = ()
    """Paths of which one must be set for the rule to have this clause; empty for every rule."""

    when: Mapping[str, Any] = {}
    """Values that the rule must have; one of them for a list."""

    limits: Mapping[str, Limit] = {}
    """Limits that apply only to this clause."""

    harm: Holding = Holding.DATA
    grave: bool = False
    says: str
    """The effect, as the end of a sentence."""

    sooner: str = ""
    """The effect if the same objects already expired, only later."""

    after: str = ""
    """The limit whose number of days is included in the sentence."""


class Form(Row):
    """The format of rules that some types share."""

    rules: str
    """Path of the list of rules."""

    document: str = ""
    """Path of the JSON text that contains the rules."""

    created: str = ""
    """Property that refers to the resource that the rules apply to, if they are a separate resource.

    The document itself if its rules name the resources."""

    dry_run: Mapping[str, Any] = {}
    """Inputs of the resource with which no rule has an effect."""

    disabled: Mapping[str, Any] = {}
    """Values that disable a rule."""

    order: str = ""
    """Property with the priority, if only the first matching rule applies."""

    scope: Mapping[str, Limit] = {}
    """Limits of every clause of a rule: the objects that it applies to."""

    clauses: Sequence[Clause]


@dataclass(frozen=True)
class _Effect:
    """A clause of one rule."""

    clause: Clause
    rule: Value
    path: str
    order: float
    limits: Mapping[str, tuple[str, Value]]
    """The limits that are set: test and value by name."""

    doubtful: bool = False
    """Whether a part of the rule is unknown."""


def paths(form: Form) -> Iterator[str]:
    """All paths of inputs that a form reads."""
    if form.document:
        return
    yield from form.dry_run
    lead = f"{form.rules}[]."
    yield from (f"{lead}{way}" for limit in form.scope.values() for way in limit.ways)
    yield from (f"{lead}{way}" for way in (*form.disabled, *filter(None, [form.order])))
    for clause in form.clauses:
        below = f"{lead}{clause.each}[]." if clause.each else lead
        yield from (f"{below}{way}" for way in (*clause.has, *clause.when))
        yield from (f"{below}{way}" for limit in clause.limits.values() for way in limit.ways)


def expiries(
    change: Change, *, exists: Callable[[str], bool], named: Callable[[str], Sequence[Change]]
) -> Iterator[Finding]:
    """Findings about what newly expires.

    Args:
        change: The resource with the rules.
        exists: Returns whether the resource that a property refers to already exists.
        named: Returns the resources that a property refers to.
    """
    form = form_of(short_type(change.type))
    if form is None or (change.old is None and not (form.created and exists(form.created))):
        return
    old, new = change.old or {}, change.new or {}
    if form.created not in ("", form.document) and change.old is not None and _moved(old, new, form.created):
        old = {}
    inline = [effect for each in named(form.created) for effect in _inline(each)] if form.created else []
    yield from _compared(form, old, new, inline)


def _inline(change: Change) -> Sequence[_Effect]:
    """The clauses of the old rules in the own inputs of a resource."""
    form = form_of(short_type(change.type))
    if form is None or form.created or change.old is None:
        return ()
    return [
        effect for number, rule in enumerate(_rules(form, change.old) or ()) for effect in _effects(form, rule, number)
    ]


def _compared(
    form: Form, old: Mapping[str, Value], new: Mapping[str, Value], inline: Sequence[_Effect]
) -> Iterator[Finding]:
    """Findings about what expires by the new inputs and did not by the old ones, nor by inline rules."""
    if _is_dry_run(form, new):
        return
    before, after = _rules(form, old), _rules(form, new)
    if after is None or any(isinstance(rule, Unknown) for rule in after):
        yield from _hidden(form, old, new)
    if after is None:
        return
    dry = _is_dry_run(form, old)
    applied = () if dry else before or ()
    had = [effect for number, rule in enumerate(applied) for effect in _effects(form, rule, number)]
    had += inline
    switched = [each for way in form.dry_run if dry for each in causes(value_at(old, way), value_at(new, way), way)]
    doubtful = any(isinstance(value_at(new, way), Unknown) for way in form.dry_run)
    has = [effect for number, rule in enumerate(after) for effect in _effects(form, rule, number)]
    older = _Older(had)
    twins: dict[str, Value] = {}
    for number, rule in enumerate(before or ()):
        twins.setdefault(_path(form, rule, number), rule)
    sentences: dict[tuple[str, Certainty], list[tuple[str, ...]]] = {}
    kinds: dict[str, Clause] = {}
    for effect in has:
        candidates = older.of(effect)
        certainty = _widened(form, effect, candidates, had, has)
        if certainty is None:
            continue
        same = any(_within(effect, each, effect.clause.after) for each in candidates)
        says = effect.clause.sooner if same and effect.clause.sooner else _says(effect)
        kinds[says] = effect.clause
        lines = (*switched, *causes(twins.get(effect.path), effect.rule, effect.path))
        sentences.setdefault((says, Certainty.MAY if doubtful else certainty), []).append(lines)
    for (says, certainty), because in sentences.items():
        clause = kinds[says]
        harm = HARMS[clause.harm]
        lines = tuple(dict.fromkeys(line for each in because for line in each))
        yield Finding(harm, tier_of(harm, grave=clause.grave), says, certainty, lines)


class _Older:
    """The old clauses, from which those that may cover a new one are found without comparing all."""

    def __init__(self, had: Sequence[_Effect]) -> None:
        self._index: dict[str, Index[_Effect]] = {}
        for each in had:
            self._index.setdefault(each.clause.says, Index()).add(each, each.limits)

    def of(self, effect: _Effect) -> Sequence[_Effect]:
        """The old clauses with the same effect that may cover a clause."""
        found = self._index.get(effect.clause.says)
        return found.covering(effect.limits) if found else ()


def _says(effect: _Effect) -> str:
    """The effect of a clause, with the number of days if it is known."""
    _, days = effect.limits.get(effect.clause.after, ("", None))
    if isinstance(days, int | float | str) and str(days).isdigit():
        return f"{effect.clause.says}, after {days} {'day' if str(days) == '1' else 'days'}"
    return effect.clause.says


def _hidden(form: Form, old: Mapping[str, Value], new: Mapping[str, Value]) -> Iterator[Finding]:
    """A finding about unknown new rules, which may let anything expire."""
    way = form.document or form.rules.split(".")[0].split("[")[0]
    if because := causes(value_at(old, way), value_at(new, way), way):
        clause = form.clauses[0]
        harm = HARMS[clause.harm]
        yield Finding(harm, tier_of(harm, grave=clause.grave), clause.says, Certainty.MAY, because)


def _widened(
    form: Form, effect: _Effect, candidates: Sequence[_Effect], had: Sequence[_Effect], has: Sequence[_Effect]
) -> Certainty | None:
    """Whether a clause lets more expire than before, if only `candidates` may cover it; None if not."""
    found: list[bool | None] = []
    for each in candidates:
        covered = _within(effect, each)
        if covered and form.order and not _sheltered(form, effect, each, had, has):
            covered = False
        found.append(covered)
    if any(found):
        return None
    return Certainty.MAY if None in found or effect.doubtful else Certainty.WILL


def _within(inner: _Effect, outer: _Effect, without: str = "") -> bool | None:
    """Whether one clause covers everything of another; None if unknown."""
    doubt = False
    for name, (test, wide) in outer.limits.items():
        if name == without:
            continue
        if name not in inner.limits:
            return False
        narrow = inner.limits[name][1]
        if isinstance(narrow, Unknown) or isinstance(wide, Unknown):
            doubt = doubt or narrow is not wide
        elif not TIGHTER[test](narrow, wide):
            return False
    return None if doubt else True


def _sheltered(form: Form, effect: _Effect, twin: _Effect, had: Sequence[_Effect], has: Sequence[_Effect]) -> bool:
    """Whether every rule with precedence over a clause, which protects its objects from it, still exists."""
    names = {*form.scope}

    def scoped(each: _Effect) -> _Effect:
        limits = {name: limit for name, limit in each.limits.items() if name in names}
        return replace(each, limits=limits)

    ahead = [scoped(each) for each in has if each.order < effect.order]
    return all(any(_within(scoped(each), other) for other in ahead) for each in had if each.order < twin.order)


def _effects(form: Form, rule: Value, number: int) -> Iterator[_Effect]:
    """The clauses of an enabled rule."""
    if not isinstance(rule, Mapping) or (
        form.disabled and any(holds(rule, {way: value}) for way, value in form.disabled.items())
    ):
        return
    path = _path(form, rule, number)
    order = value_at(rule, form.order) if form.order else 0
    for clause in form.clauses:
        parts = value_at(rule, clause.each) if clause.each else [rule]
        for part in parts if isinstance(parts, list) else [parts] if parts is not None else []:
            if isinstance(part, Mapping) and _has(clause, part):
                scope = {
                    name: (limit.test, found)
                    for name, limit in form.scope.items()
                    if _is(found := _at(rule, limit), limit)
                }
                own = {
                    name: (limit.test, found)
                    for name, limit in clause.limits.items()
                    if _is(found := _at(part, limit), limit)
                }
                limits = scope | own
                states = [value for _, value in limits.values()] + [value_at(rule, way) for way in form.disabled]
                doubtful = any(isinstance(each, Unknown) for each in states)
                yield _Effect(clause, rule, path, as_number(order), limits, doubtful)


def _has(clause: Clause, part: Mapping[str, Value]) -> bool:
    for way, wanted in clause.when.items():
        if not any(holds(part, {way: each}) for each in (wanted if isinstance(wanted, list) else [wanted])):
            return False
    return not clause.has or any(_there(value_at(part, way)) for way in clause.has)


def _at(rule: Value, limit: Limit) -> Value:
    return next((found for way in limit.ways if _there(found := value_at(rule, way))), None)


def _is(value: Value, limit: Limit) -> bool:
    return _there(value) and (isinstance(value, Unknown) or value not in limit.none)


def _there(value: Value) -> bool:
    return isinstance(value, Unknown) or value not in (None, "", [], {})


def _path(form: Form, rule: Value, number: int) -> str:
    way = ".".join(filter(None, (form.document, form.rules)))
    names = KEYS if isinstance(rule, Mapping) else ()
    key = next((rule[name] for name in names if isinstance(rule.get(name), str | int)), number)
    return f"{way}[{json.dumps(key)}]"


def _is_dry_run(form: Form, inputs: Mapping[str, Value]) -> bool:
    return bool(form.dry_run) and holds(inputs, form.dry_run)


def _rules(form: Form, inputs: Mapping[str, Value]) -> Sequence[Value] | None:
    """The rules; None if they cannot be read."""
    found: Value = inputs
    if form.document:
        found = value_at(inputs, form.document)
        if isinstance(found, str):
            found = document(found) or ({} if not found.strip() else None)
        elif found is None:
            found = {}
        if not isinstance(found, Mapping):
            return None
    found = value_at(found, form.rules)
    if isinstance(found, Unknown | Secret):
        return None
    return found if isinstance(found, list) else [found] if isinstance(found, Mapping) else []


def _moved(old: Mapping[str, Value], new: Mapping[str, Value], name: str) -> bool:
    """Whether the rules move to another resource."""
    before, after = old.get(name), new.get(name)
    return isinstance(before, str) and isinstance(after, str) and before != after


@cache
def forms() -> Mapping[str, Form]:
    """The forms of `expiries.yaml`."""
    return {
        name: Form.model_validate(each)
        for name, each in read_table("expiries.yaml", "mlpctl.review.lifecycle")["forms"].items()
    }


def form_of(type: str) -> Form | None:
    """The format of a type's lifecycle rules; None without any."""
    name = records.record(type).expiry
    return forms()[name] if name else None

"""Life cycle rules, compared rule by rule: what expires from now on that did not, or expires sooner.

How the rules of a type are written is data: `expiries.yaml`. Of every cloud's forms the same is made: clauses, each of
which lets something expire within limits. A new clause is harmless where an old one has the same effect and no limit
that the new one lacks: then everything that expires by the new one expired by the old one.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

from awsfacts.records import Holding
from awsfacts.tables import Row, read_table
from mlpctl.review import records
from mlpctl.review.finding import HARMS, Finding, causes, tier_of
from mlpctl.review.kinds import short_type
from mlpctl.review.plan import Change
from mlpctl.review.report import Certainty
from mlpctl.review.values import Secret, Unknown, Value, document
from mlpctl.review.watches import holds, value_at

KEYS: Final = ("id", "name", "rulePriority")
"""Properties that tell the rules of a list apart."""


class Limit(Row):
    """What keeps a rule from some things."""

    ways: Sequence[str]
    """Where it stands in a rule; the first that is there counts."""

    test: str
    """How a limit is at least as tight as another, by a name of `TIGHTER`."""

    none: Sequence[Any] = ()
    """Values that say that there is no limit."""


class Clause(Row):
    """What a rule may let expire."""

    each: str = ""
    """Way to a list within the rule of which every item is such a clause; empty for the rule itself."""

    has: Sequence[str] = ()
    """Ways of which one has to be there for the rule to have this clause; none for every rule."""

    when: Mapping[str, Any] = {}
    """Values with which it does; of a list, any."""

    limits: Mapping[str, Limit] = {}
    """Limits of this clause alone."""

    harm: Holding = Holding.DATA
    grave: bool = False
    says: str
    """What happens by it, as the end of a sentence."""

    sooner: str = ""
    """What is said where the same happened already, only later."""

    after: str = ""
    """The limit that is a number of days, to be told."""


class Form(Row):
    """How some types write their rules."""

    rules: str
    """Way to the list of rules."""

    document: str = ""
    """Way to the text in JSON that has the rules."""

    created: str = ""
    """Property that names what the rules are for, where they are a resource of their own."""

    disabled: Mapping[str, Any] = {}
    """Values with which a rule does nothing."""

    order: str = ""
    """Number by which the first rule that fits something counts and no other."""

    scope: Mapping[str, Limit] = {}
    """Limits that every clause of a rule has: which things it is about."""

    clauses: Sequence[Clause]


@dataclass(frozen=True)
class _Effect:
    """A clause of one rule."""

    clause: Clause
    rule: Value
    path: str
    order: float
    limits: Mapping[str, tuple[str, Value]]
    """The limits that there are: the test and the value by name."""

    doubtful: bool = False
    """Whether something of the rule is not known yet."""


def paths(form: Form) -> Iterator[str]:
    """Every path in the inputs of a resource that a form reads."""
    if form.document:
        return
    lead = f"{form.rules}[]."
    yield from (f"{lead}{way}" for limit in form.scope.values() for way in limit.ways)
    yield from (f"{lead}{way}" for way in (*form.disabled, *filter(None, [form.order])))
    for clause in form.clauses:
        below = f"{lead}{clause.each}[]." if clause.each else lead
        yield from (f"{below}{way}" for way in (*clause.has, *clause.when))
        yield from (f"{below}{way}" for limit in clause.limits.values() for way in limit.ways)


def expiries(change: Change, *, exists: Callable[[str], bool]) -> Iterator[Finding]:
    """What expires by a change's new rules and did not by its old ones.

    Args:
        change: The resource with the rules.
        exists: Whether what a property of a new resource names is there already.
    """
    form = form_of(short_type(change.type))
    if form is None or (change.old is None and not (form.created and exists(form.created))):
        return
    old, new = change.old or {}, change.new or {}
    if form.created and change.old is not None and _moved(old, new, form.created):
        old = {}
    yield from _compared(form, old, new)


def _compared(form: Form, old: Mapping[str, Value], new: Mapping[str, Value]) -> Iterator[Finding]:
    """What expires by the new inputs and did not by the old ones."""
    before, after = _rules(form, old), _rules(form, new)
    if after is None or any(isinstance(rule, Unknown) for rule in after):
        yield from _hidden(form, old, new)
    if after is None:
        return
    had = [effect for number, rule in enumerate(before or ()) for effect in _effects(form, rule, number)]
    has = [effect for number, rule in enumerate(after) for effect in _effects(form, rule, number)]
    said: dict[tuple[str, Certainty], list[tuple[str, ...]]] = {}
    kinds: dict[str, Clause] = {}
    for effect in has:
        certainty = _widened(form, effect, had, has)
        if certainty is None:
            continue
        same = [each for each in had if each.clause is effect.clause and _within(effect, each, effect.clause.after)]
        says = effect.clause.sooner if same and effect.clause.sooner else _says(effect)
        kinds[says] = effect.clause
        said.setdefault((says, certainty), []).append(_because(form, effect, before or ()))
    for (says, certainty), because in said.items():
        clause = kinds[says]
        harm = HARMS[clause.harm]
        lines = tuple(dict.fromkeys(line for each in because for line in each))
        yield Finding(harm, tier_of(harm, grave=clause.grave), says, certainty, lines)


def _says(effect: _Effect) -> str:
    """What happens by a clause, and after how many days where that is known."""
    _, days = effect.limits.get(effect.clause.after, ("", None))
    if isinstance(days, int | float | str) and str(days).isdigit():
        return f"{effect.clause.says}, after {days} {'day' if str(days) == '1' else 'days'}"
    return effect.clause.says


def _hidden(form: Form, old: Mapping[str, Value], new: Mapping[str, Value]) -> Iterator[Finding]:
    """New rules that nobody can read yet may let anything expire."""
    way = form.document or form.rules.split(".")[0].split("[")[0]
    if because := causes(value_at(old, way), value_at(new, way), way):
        clause = form.clauses[0]
        harm = HARMS[clause.harm]
        yield Finding(harm, tier_of(harm, grave=clause.grave), clause.says, Certainty.MAY, because)


def _widened(form: Form, effect: _Effect, had: Sequence[_Effect], has: Sequence[_Effect]) -> Certainty | None:
    """Whether more expires by a clause than did; None where all of it did before."""
    found: list[bool | None] = []
    for each in had:
        if each.clause is effect.clause:
            covered = _within(effect, each)
            if covered and form.order and not _sheltered(form, effect, each, had, has):
                covered = False
            found.append(covered)
    if any(found):
        return None
    return Certainty.MAY if None in found or effect.doubtful else Certainty.WILL


def _within(inner: _Effect, outer: _Effect, without: str = "") -> bool | None:
    """Whether everything of one clause is of another too; None where that is not known yet."""
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
    """Whether every rule that came before a clause, and so kept things from it, still does."""
    names = {*form.scope}

    def scoped(each: _Effect) -> _Effect:
        limits = {name: limit for name, limit in each.limits.items() if name in names}
        return replace(each, limits=limits)

    ahead = [scoped(each) for each in has if each.order < effect.order]
    return all(any(_within(scoped(each), other) for other in ahead) for each in had if each.order < twin.order)


def _effects(form: Form, rule: Value, number: int) -> Iterator[_Effect]:
    """The clauses of a rule that is on."""
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
                yield _Effect(clause, rule, path, _number(order), limits, doubtful)


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


def _because(form: Form, effect: _Effect, before: Sequence[Value]) -> tuple[str, ...]:
    """What differs of the rule."""
    twin = next((rule for number, rule in enumerate(before) if _path(form, rule, number) == effect.path), None)
    return causes(twin, effect.rule, effect.path)


def _path(form: Form, rule: Value, number: int) -> str:
    way = ".".join(filter(None, (form.document, form.rules)))
    names = KEYS if isinstance(rule, Mapping) else ()
    key = next((rule[name] for name in names if isinstance(rule.get(name), str | int)), number)
    return f"{way}[{json.dumps(key)}]"


def _rules(form: Form, inputs: Mapping[str, Value]) -> Sequence[Value] | None:
    """The rules; None where they cannot be read."""
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
    """Whether rules are for something else from now on."""
    before, after = old.get(name), new.get(name)
    return isinstance(before, str) and isinstance(after, str) and before != after


def _seconds(value: Value) -> float:
    """A duration as Google writes it, `2592000s` or `30d`, in seconds."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", str(value))
    return float(found[1]) * {"s": 1, "m": 60, "h": 3_600, "d": 86_400}[found[2]] if found else _number(value)


def _number(value: Value) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0


def _texts(value: Value) -> list[str]:
    return [str(each) for each in (value if isinstance(value, list) else [value])]


def _pairs(value: Value) -> set[str]:
    """Tags, whether as a mapping, as `{key, value}` or as a list of those."""
    if isinstance(value, Mapping):
        key = value.get("key", value.get("Key"))
        named = {"key", "value", "Key", "Value"} >= value.keys() and isinstance(key, str)
        pairs: Iterable[tuple[Any, Any]] = [(key, value.get("value", value.get("Value")))] if named else value.items()
        return {json.dumps(pair, default=str) for pair in pairs}
    if isinstance(value, list):
        return {pair for each in value for pair in (_pairs(each) if isinstance(each, Mapping) else {str(each)})}
    return {str(value)}


TIGHTER: Final[Mapping[str, Callable[[Value, Value], bool]]] = {
    "least": lambda narrow, wide: _number(narrow) >= _number(wide),
    "most": lambda narrow, wide: _number(narrow) <= _number(wide),
    "leastSeconds": lambda narrow, wide: _seconds(narrow) >= _seconds(wide),
    "mostSeconds": lambda narrow, wide: _seconds(narrow) <= _seconds(wide),
    "later": lambda narrow, wide: str(narrow) >= str(wide),
    "earlier": lambda narrow, wide: str(narrow) <= str(wide),
    "prefix": lambda narrow, wide: str(narrow).startswith(str(wide)),
    "prefixes": lambda narrow, wide: all(
        any(each.startswith(other) for other in _texts(wide)) for each in _texts(narrow)
    ),
    "suffixes": lambda narrow, wide: all(
        any(each.endswith(other) for other in _texts(wide)) for each in _texts(narrow)
    ),
    "some": lambda narrow, wide: {*_texts(narrow)} <= {*_texts(wide)},
    "all": lambda narrow, wide: _pairs(narrow) >= _pairs(wide),
    "allPrefixes": lambda narrow, wide: all(
        any(each.startswith(other) for each in _texts(narrow)) for other in _texts(wide)
    ),
    "same": lambda narrow, wide: str(narrow).lower() == str(wide).lower(),
}
"""Whether a limit is at least as tight as another: every item of `some` is one of several, of `all` all are needed."""


@cache
def forms() -> Mapping[str, Form]:
    """The forms of `expiries.yaml`."""
    return {
        name: Form.model_validate(each) for name, each in read_table("expiries.yaml", "mlpctl.review")["forms"].items()
    }


def form_of(type: str) -> Form | None:
    """The form in which a type writes life cycle rules; None where it has none."""
    name = records.record(type).expiry
    return forms()[name] if name else None

"""Determines whether firewalls of Google and Azure allow the same as before, whatever the notation of their rules.

Protocols may be names or numbers, ports and addresses are sets however they are listed, and of the rules inside one
resource only the order of their priorities is significant, and only if one of them denies something.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from mlpctl.review.compare.equality import canonical
from mlpctl.review.compare.paths import value_at
from mlpctl.review.firewalls.openings import (
    Opening,
    denies,
    is_for_incoming,
    named_targets,
    ports_of,
    services_of,
    targets_of,
    unlimited,
)
from mlpctl.review.values import addresses
from mlpctl.review.values.addresses import Addresses
from mlpctl.review.values.plain import Value, finite, is_hidden, items

_COMPUTED: Final = "__"
"""Prefix of properties that Pulumi's providers add."""


def same(opening: Opening, old: Mapping[str, Value], new: Mapping[str, Value]) -> bool:
    """Whether the rules of a resource have the same effect as before; False if that is not known."""
    if not opening.labels:
        return False
    before, after = (_form(opening, side) for side in (old, new))
    return before is not None and before == after


def _form(opening: Opening, inputs: Mapping[str, Value]) -> Any:
    """The rules of a resource in normal form; None if a part of them is unknown, redacted or not valid."""
    rules = items(value_at(inputs, opening.rules)) if opening.rules else [inputs]
    if not all(isinstance(each, Mapping) for each in rules) or is_hidden(rules):
        return None
    made = [(order, _rule(opening, each)) for each in rules if (order := _order(opening, each)) is not None]
    if len(made) < len(rules):
        return None
    if not opening.rules:
        return made
    if any(denies(opening, each) for each in rules):
        return [each for _, each in sorted(made, key=lambda pair: (pair[0], repr(pair[1])))]
    return frozenset(each for _, each in made)


def _order(opening: Opening, rule: Mapping[str, Value]) -> float | None:
    """The priority of a rule; None if it is not a number."""
    given = value_at(rule, opening.order)
    return opening.assumed_order if given is None else finite(given)


def _rule(opening: Opening, rule: Mapping[str, Value]) -> Any:
    """A rule in normal form, without its name and priority."""
    # What is everything behind the firewall is not everything that may be reached from behind it.
    incoming = is_for_incoming(opening, rule, *opening.unless)
    targets = targets_of(opening, rule)[0] if incoming else named_targets(opening, rule)
    return (
        frozenset(_services(opening, rule)),
        _sources(opening, rule),
        frozenset(_word(opening, each) for each in targets),
        tuple(frozenset(_words(opening, rule, pair)) for pair in opening.pairs),
        _rest(opening, rule),
    )


def _services(opening: Opening, rule: Mapping[str, Value]) -> Iterator[tuple[str, str, Addresses]]:
    """The ports of each protocol, as spans, that a rule names."""
    for way in (opening.services, opening.refusals) if opening.refusals else (opening.services,):
        found: dict[str, Addresses] = {}
        for service in services_of(opening, rule, way):
            for protocol, low, high, _ in ports_of(opening, service):
                found[protocol] = found.get(protocol, Addresses()) | Addresses(((low, high),))
        yield from ((way, protocol, ports) for protocol, ports in found.items())


def _sources(opening: Opening, rule: Mapping[str, Value]) -> tuple[Any, ...]:
    """The sources of a rule: addresses, and others such as service tags."""
    if unlimited(opening, rule):
        return (*addresses.everything(opening.open_family).values(), frozenset())
    texts = [each for way in opening.sources for one in items(value_at(rule, way)) for each in str(one).split(",")]
    found, others = addresses.split(texts)
    return (*found.values(), frozenset(_word(opening, each) for each in others))


def _words(opening: Opening, rule: Mapping[str, Value], names: Iterable[str]) -> Iterator[str]:
    return (_word(opening, each) for name in names for each in items(rule.get(name)))


def _word(opening: Opening, value: Value) -> str:
    return str(value).strip().lower() if opening.caseless else str(value)


def _rest(opening: Opening, rule: Mapping[str, Value]) -> str:
    """All other properties of a rule, as text."""
    read = (
        *(opening.sources if opening.services or opening.ports else ()),
        *(opening.services, opening.refusals, opening.protocol, *opening.ports, *opening.targets, opening.order),
        *(name for pair in opening.pairs for name in pair),
        *opening.labels,
    )
    left = _without({**opening.defaults, **_set(rule)}, {way.split("[]")[0] for way in read if way})
    text = json.dumps({name: canonical(each) for name, each in sorted(left.items())})
    return text.lower() if opening.caseless else text


def _set(rule: Mapping[str, Value]) -> dict[str, Value]:
    """The properties of a rule that are set."""
    return {
        name: each for name, each in rule.items() if each not in (None, "", [], {}) and not name.startswith(_COMPUTED)
    }


def _without(values: Mapping[str, Value], ways: set[str]) -> dict[str, Value]:
    """Values without those at some dotted paths, and without mappings that are then empty."""
    made: dict[str, Value] = {}
    for name, each in values.items():
        below = {way.removeprefix(f"{name}.") for way in ways if way.startswith(f"{name}.")}
        if name in ways:
            continue
        kept = _without(each, below) if below and isinstance(each, Mapping) else each
        if kept != {}:
            made[name] = kept
    return made

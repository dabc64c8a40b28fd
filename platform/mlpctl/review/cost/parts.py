"""What a resource is charged for: the parts that pricing functions are made of."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from mlpctl import urns
from mlpctl.review.cost.book import MONTH_HOURS, Price
from mlpctl.review.cost.world import EVERYTHING, World
from mlpctl.review.plan import Change
from mlpctl.review.report_cost import Assumption
from mlpctl.review.values import Secret, Unknown, Value, walk

MOST: Final = 1e12
"""No number of things that a plan names is larger."""


class NoPrice(Exception):
    """A resource cannot be priced; the text says why."""


@dataclass(frozen=True)
class Range:
    """Units a month."""

    min: float
    expected: float
    max: float

    @classmethod
    def of(cls, quantity: "float | Range") -> "Range":
        """The same at the least, expected and at the most."""
        return quantity if isinstance(quantity, Range) else cls(quantity, quantity, quantity)

    def __mul__(self, factor: float) -> "Range":
        """Return it so many times."""
        return Range(self.min * factor, self.expected * factor, self.max * factor)

    def __add__(self, other: "Range") -> "Range":
        """Return the sum."""
        return Range(self.min + other.min, self.expected + other.expected, self.max + other.max)


@dataclass(frozen=True)
class Line:
    """Units of one price."""

    price: Price
    quantity: Range
    assumption: Assumption | None = None
    """The use that the quantity was made of."""


@dataclass(frozen=True)
class Missing:
    """A part that the figure leaves out."""

    text: str = ""
    """What and why; empty where the stack's config assumes no use."""

    field: str = ""
    """The field of `cost.usage` that says nothing."""

    large: bool = False
    """Whether it may be much of the cost, as disks are: no limit in dollars is held without it."""


@dataclass(frozen=True)
class Free:
    """The resource costs nothing, and why."""

    because: str


Part: TypeAlias = Line | Missing | Free
Parts: TypeAlias = Iterator[Part]


@dataclass(frozen=True)
class Subject:
    """A resource that is to be priced: as it was until now, or as it will be."""

    world: World
    change: Change
    before: bool = False
    below: Value = None
    """The inputs that are read, where they are not the resource's own: an entry of one of its lists."""

    @property
    def inputs(self) -> Mapping[str, Value]:
        """Its inputs."""
        if self.below is not None:
            return self.below if isinstance(self.below, Mapping) else {}
        return (self.change.old if self.before else self.change.new) or {}

    def get(self, path: str) -> Value:
        """The input at a dotted path; None where it is not there, and not known where something above it is not.

        A list with one entry is read as that entry: providers write a block that there is once in either way.
        """
        found: Any = self.inputs
        for key in path.split("."):
            if isinstance(found, list) and len(found) == 1:
                (found,) = found
            if isinstance(found, Unknown | Secret):
                return found
            found = found.get(key) if isinstance(found, Mapping) else None
        return found

    def known(self, path: str) -> Value:
        """The input at a dotted path; None where it is not there.

        Raises:
            NoPrice: it is not known.
        """
        found = self.get(path)
        if isinstance(found, Unknown):
            raise NoPrice(f"{path} is known only after the update")
        if isinstance(found, Secret):
            raise NoPrice(f"{path} is secret")
        return found

    def number(self, path: str, default: float | None = None) -> float:
        """The number at a dotted path.

        Raises:
            NoPrice: it is not known, not there and without default, or no number of things.
        """
        found = self.known(path)
        if found is None:
            if default is None:
                raise NoPrice(f"{path} is not given")
            return default
        try:
            number = float(found)
        except (TypeError, ValueError):
            number = math.nan
        if not 0 <= number <= MOST:
            raise NoPrice(f"{path} is no number that can be priced")
        return number

    def text(self, path: str, default: str = "") -> str:
        """The text at a dotted path.

        Raises:
            NoPrice: it is not known.
        """
        found = self.known(path)
        return default if found is None else str(found)

    def needed(self, path: str) -> str:
        """The text at a dotted path, without which there is no price.

        Raises:
            NoPrice: it is not known, or not there.
        """
        if found := self.text(path):
            return found
        raise NoPrice(f"{path} is not given")

    def true(self, path: str) -> bool:
        """Whether the input at a dotted path is true; Pulumi writes some truths as text.

        Raises:
            NoPrice: it is not known.
        """
        return self.text(path).lower() == "true"

    def each(self, path: str) -> "list[Subject]":
        """The entries of a list, or the one mapping where there is no list.

        Raises:
            NoPrice: the list is not known.
        """
        found = self.known(path)
        entries = found if isinstance(found, list) else [] if found is None else [found]
        return [replace(self, below=each) for each in entries]

    def causes(self, path: str) -> "list[Subject]":
        """The resources that an input property comes from, at the same time as this one."""
        return [self.beside(each) for each in self.world.plan.causes(self.change, path)]

    def linked(self, path: str, kind: str) -> "list[Subject]":
        """The resources of a type that an input names, at the same time as this one.

        What it was linked with is told by the id in the old inputs, since the plan's dependencies are the new ones;
        the stream of events tells no dependencies at all.
        """
        named = {each for _, each in walk(self.get(path)) if isinstance(each, str)}
        found = [each for each in self.causes(path) if each.change.type == kind]
        if self.before:
            found = [each for each in found if not each.change.id or each.change.id in named]
        return found or [self.beside(each) for each in self.world.named(kind, named)]

    def beside(self, change: Change) -> "Subject":
        """Another resource, at the same time as this one."""
        return Subject(self.world, change, self.before)

    def count(self, path: str, kind: str) -> int:
        """How many things of a type a list names, known or not.

        Raises:
            NoPrice: neither the list nor where it comes from is known.
        """
        found = self.get(path)
        if isinstance(found, list):
            return len(found)
        if sources := [each for each in self.causes(path) if each.change.type == kind]:
            return len(sources)
        self.known(path)
        return 0

    @property
    def region(self) -> str:
        """Its own region, its provider's, or the stack's.

        Raises:
            NoPrice: it is not known.
        """
        own = replace(self, below=None)
        provider = self.world.plan.by_urn.get(self.change.provider)
        found = (
            own.text("region")
            or (provider and Subject(self.world, provider, self.before).text("region"))
            or self.world.region
        )
        if not found:
            raise NoPrice("its region is not known")
        return found

    def price(self, service: str, item: str) -> Price:
        """The price of one unit.

        Raises:
            NoPrice: the book has none.
        """
        if (found := self.world.book.find(service, self.region, item)) is None:
            raise NoPrice(f"the price book has no {service}/{item} in {self.region}")
        return found

    def monthly(self, service: str, item: str, quantity: float | Range = 1) -> Parts:
        """Lines of so many units a month, by the tiers of their price.

        Raises:
            NoPrice: the book has no price.
        """
        yield from self._lines(service, item, Range.of(quantity))

    def hourly(self, service: str, item: str, count: float | Range = 1) -> Parts:
        """Lines of so many things that are there for the whole month.

        Raises:
            NoPrice: the book has no price.
        """
        yield from self._lines(service, item, Range.of(count) * MONTH_HOURS)

    def used(self, field: str, service: str, item: str, times: float = 1) -> Parts:
        """Lines of a use that the stack's config assumes, or what is missing for them.

        `times` is how many of the price's units one of the field's is.
        """
        assumed = self.assumption(field)
        if assumed is None:
            yield Missing(field=field)
        else:
            yield from aside(self._lines(service, item, Range.of(assumed.value * times), assumed), field, large=True)

    def _lines(self, service: str, item: str, quantity: Range, assumed: Assumption | None = None) -> Parts:
        self.price(service, item)
        tiers = self.world.book.tiers(service, self.region, item)
        ends = [*(start for start, _ in tiers[1:]), math.inf]
        for number, ((start, price), end) in enumerate(zip(tiers, ends, strict=True)):
            units = (quantity.min, quantity.expected, quantity.max)
            within = Range(*(max(0.0, min(each, end) - start) for each in units))
            if within.max or not number:
                yield Line(price, within, assumed)

    def default(self, field: str, value: float, unit: str) -> Assumption:
        """What the plan does not say and AWS documents."""
        return Assumption(name=f"{self.change.name}.{field}", value=value, unit=unit, given=False)

    def assumption(self, field: str) -> Assumption | None:
        """What the stack's config assumes of a use: for this resource, a component around it, or everything."""
        urn, parents = self.change.urn, self.world.plan.parents
        names = []
        while urn:
            names.append(urns.name(urn))
            urn = parents.get(urn, "")
        for name in (*names, EVERYTHING):
            if (value := self.world.usage.get(name, {}).get(field)) is not None:
                return Assumption(name=f"{name}.{field}", value=value, unit=unit(field), given=True)
        return None


UNITS: Final = {"Gb": "GB", "Lcu": "LCU", "Requests": "requests", "Reads": "reads", "Writes": "writes"}
"""Units of the fields of `cost.usage`, by the last word of their names."""


def unit(field: str) -> str:
    """The unit of a field of `cost.usage`."""
    return next(words for end, words in UNITS.items() if field.endswith(end))


def assuming(parts: Parts, assumed: Assumption | None) -> Parts:
    """The same parts, each of which says what it rests on."""
    for part in parts:
        yield replace(part, assumption=assumed) if isinstance(part, Line) and assumed else part


def aside(parts: Parts, what: str, *, large: bool = False) -> Parts:
    """The same parts; where they have no price, the figure leaves them out and says so."""
    try:
        yield from [*parts]
    except NoPrice as error:
        yield Missing(f"{what}: {error}", large=large)

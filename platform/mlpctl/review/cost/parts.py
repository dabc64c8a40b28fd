"""The parts of a resource's price: what pricing functions read and return."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from mlpctl.review.cost.book import MONTH_HOURS, Price
from mlpctl.review.cost.world import EVERYTHING, World
from mlpctl.review.plan.model import Change
from mlpctl.review.report.cost import Assumption
from mlpctl.review.values.plain import Secret, Unknown, Value, finite, walk

MOST: Final = 1e12
"""The largest quantity that is accepted from a plan."""


class NoPrice(Exception):
    """A resource cannot be priced; the text is the reason."""


@dataclass(frozen=True)
class Range:
    """Units per month."""

    min: float
    expected: float
    max: float

    @classmethod
    def of(cls, quantity: "float | Range") -> "Range":
        """A range whose minimum, expected value and maximum are equal."""
        return quantity if isinstance(quantity, Range) else cls(quantity, quantity, quantity)

    def __mul__(self, factor: float) -> "Range":
        """Return the range multiplied by a factor."""
        return Range(self.min * factor, self.expected * factor, self.max * factor)

    def __add__(self, other: "Range") -> "Range":
        """Return the sum."""
        return Range(self.min + other.min, self.expected + other.expected, self.max + other.max)


@dataclass(frozen=True)
class Line:
    """A quantity of units at one price."""

    price: Price
    quantity: Range
    assumption: Assumption | None = None
    """The assumption that the quantity is based on."""


@dataclass(frozen=True)
class Missing:
    """A part that is not included in the figure."""

    text: str = ""
    """What is missing and why; empty if the stack's config sets no usage for it."""

    field: str = ""
    """The field of `cost.usage` that is not set."""

    large: bool = False
    """Whether it may be a large part of the cost, e.g. disks; without it, no limit in dollars can be checked."""


@dataclass(frozen=True)
class Free:
    """The resource is free, for a reason."""

    because: str


Part: TypeAlias = Line | Missing | Free
Parts: TypeAlias = Iterator[Part]


@dataclass(frozen=True)
class Subject:
    """A resource to price, before or after the update."""

    world: World
    change: Change
    before: bool = False
    below: Value = None
    """The entry of one of the resource's lists to read from, instead of all of its inputs."""

    @property
    def inputs(self) -> Mapping[str, Value]:
        """The inputs to read from."""
        if self.below is not None:
            return self.below if isinstance(self.below, Mapping) else {}
        return (self.change.old if self.before else self.change.new) or {}

    def get(self, path: str) -> Value:
        """The input at a dotted path; None if it is not set, and unknown or secret if a parent is.

        A list with one entry is read as that entry, because providers write a single block in both ways.
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
        """The input at a dotted path; None if it is not set.

        Raises:
            NoPrice: it is unknown or secret.
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
            NoPrice: it is unknown or secret, not set and without a default, or not a valid quantity.
        """
        found = self.known(path)
        if found is None:
            if default is None:
                raise NoPrice(f"{path} is not set")
            return default
        number = finite(found)
        if number is None or not 0 <= number <= MOST:
            raise NoPrice(f"{path} is not a valid quantity")
        return number

    def text(self, path: str, default: str = "") -> str:
        """The text at a dotted path.

        Raises:
            NoPrice: it is not known.
        """
        found = self.known(path)
        return default if found is None else str(found)

    def needed(self, path: str) -> str:
        """The text at a dotted path, which is required for a price.

        Raises:
            NoPrice: it is unknown, secret or not set.
        """
        if found := self.text(path):
            return found
        raise NoPrice(f"{path} is not set")

    def true(self, path: str) -> bool:
        """Whether the input at a dotted path is true; Pulumi writes some booleans as text.

        Raises:
            NoPrice: it is not known.
        """
        return self.text(path).lower() == "true"

    def each(self, path: str) -> "list[Subject]":
        """The entries of a list, or the only entry if the input is a mapping.

        Raises:
            NoPrice: the list is not known.
        """
        found = self.known(path)
        entries = found if isinstance(found, list) else [] if found is None else [found]
        return [replace(self, below=each) for each in entries]

    def causes(self, path: str) -> "list[Subject]":
        """The resources that an input property depends on, on the same side of the update as this one."""
        return [self.beside(each) for each in self.world.plan.causes(self.change, path)]

    def linked(self, path: str, kind: str) -> "list[Subject]":
        """The resources of a type that an input refers to, on the same side of the update as this one.

        The plan's dependencies are those after the update; for another value before it, the IDs and names in that value
        decide. Event streams contain no dependencies at all.
        """
        value = self.get(path)
        texts = {each: way for way, each in walk(value) if isinstance(each, str)}
        names = {each for each, way in texts.items() if not way or str(way[-1]).lower().endswith("name")}
        found = [each for each in self.causes(path) if each.change.type == kind]
        if self.before and value != replace(self, before=False).get(path):
            found = [
                each
                for each in found
                if not each.change.id or each.change.id in texts or self.world.name_of(each.change, True) in names
            ]
        return found or [
            self.beside(each)
            for each in self.world.named(kind, texts) or self.world.with_name(self.change, kind, names, self.before)
        ]

    def beside(self, change: Change) -> "Subject":
        """Another resource, on the same side of the update as this one."""
        return Subject(self.world, change, self.before)

    def count(self, path: str, kind: str) -> int:
        """How many resources of a type a list refers to, known or not.

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
        """The region of the resource, its provider or the stack, in this order.

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
        """Lines for a number of units per month, by price tier.

        Raises:
            NoPrice: the book has no price.
        """
        yield from self._lines(service, item, Range.of(quantity))

    def hourly(self, service: str, item: str, count: float | Range = 1) -> Parts:
        """Lines for a number of units that exist for the whole month.

        Raises:
            NoPrice: the book has no price.
        """
        yield from self._lines(service, item, Range.of(count) * MONTH_HOURS)

    def used(self, field: str, service: str, item: str, times: float = 1) -> Parts:
        """Lines for usage that the stack's config sets, or the missing field.

        `times` converts the field's unit into the unit of the price.
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
        """An assumption that is documented by AWS and not part of the plan."""
        return Assumption(name=f"{self.change.name}.{field}", value=value, unit=unit, given=False)

    def assumption(self, field: str) -> Assumption | None:
        """The usage in the stack's config: for this resource, one of its parent components, or by default."""
        for name in filter(None, (self.world.used_by(self.change.urn, field), EVERYTHING)):
            if (value := self.world.usage.get(name, {}).get(field)) is not None:
                return Assumption(name=f"{name}.{field}", value=value, unit=unit(field), given=True)
        return None


UNITS: Final = {"Gb": "GB", "Lcu": "LCU", "Requests": "requests", "Reads": "reads", "Writes": "writes"}
"""Units of the fields of `cost.usage`, by the suffix of their names."""


def unit(field: str) -> str:
    """The unit of a field of `cost.usage`."""
    return next(words for end, words in UNITS.items() if field.endswith(end))


def assuming(parts: Parts, assumed: Assumption | None) -> Parts:
    """The same parts, with an assumption that their lines are based on."""
    for part in parts:
        yield replace(part, assumption=assumed) if isinstance(part, Line) and assumed else part


def aside(parts: Parts, what: str, *, large: bool = False) -> Parts:
    """The same parts, or a missing part if they have no price."""
    try:
        yield from [*parts]
    except NoPrice as error:
        yield Missing(f"{what}: {error}", large=large)

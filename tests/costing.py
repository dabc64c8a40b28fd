"""Small plans and price books for tests of cost estimates."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from mlpctl.review.cost.book import Price, Source
from mlpctl.review.cost.estimate import estimate
from mlpctl.review.plan.model import Change, Op, Plan
from mlpctl.review.report.cost import Cost, Money, ResourceCost

TODAY: Final = date(2026, 11, 26)
REGION: Final = "us-east-1"
PRICED_ON: Final = date(2026, 11, 1)

Rows = Mapping[str, float | Mapping[float, float]]


@dataclass(frozen=True)
class Prices:
    """A price book for one region. Rows: `service/item` → dollars, or start of each tier in units → dollars."""

    rows: Rows
    spots: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    region: str = REGION
    day: date = PRICED_ON

    def find(self, service: str, region: str, item: str) -> Price | None:
        found = self.tiers(service, region, item)
        return found[0][1] if found else None

    def tiers(self, service: str, region: str, item: str) -> tuple[tuple[float, Price], ...]:
        row = self.rows.get(f"{service}/{item}")
        if row is None or region != self.region:
            return ()
        steps = row if isinstance(row, Mapping) else {0.0: row}
        return tuple((start, self._price(service, item, usd)) for start, usd in steps.items())

    def spot(self, region: str, instance_type: str) -> tuple[Price, Price] | None:
        if region != self.region or instance_type not in self.spots:
            return None
        low, high = self.spots[instance_type]
        return self._price("spot-min", instance_type, low), self._price("spot-max", instance_type, high)

    def _price(self, service: str, item: str, usd: float) -> Price:
        return Price(service, self.region, item, usd, "unit", Source("test", "Rows of a test", "here", self.day))


def urn(type: str, name: str, parents: str = "") -> str:
    return f"urn:pulumi:test::shop::{parents}{type}::{name}"


def change(
    type: str,
    inputs: Mapping[str, Any] | None,
    name: str = "it",
    old: Mapping[str, Any] | None = None,
    op: Op = Op.CREATE,
    depends: Mapping[str, Iterable[Change]] | None = None,
    **more: Any,
) -> Change:
    """A resource with `inputs`, or with the previous inputs `old` and an `op`."""
    sources = {path: tuple(each.urn for each in found) for path, found in (depends or {}).items()}
    return Change(urn(type, name), op, old=old, new=inputs, depends=sources, **more)


def plan(*changes: Change) -> Plan:
    return Plan(changes, project="shop", stack="test")


def cost(
    book: Any,
    *changes: Change,
    usage: Mapping[str, Mapping[str, float]] | None = None,
    region: str = REGION,
    today: date = TODAY,
) -> Cost:
    return estimate(plan(*changes), book, region=region, usage=usage or {}, today=today)


def only(book: Any, *changes: Change, **how: Any) -> ResourceCost:
    """The cost of the last of these resources."""
    return cost(book, *changes, **how).resources[-1]


def money(least: float, expected: float | None = None, most: float | None = None) -> Money:
    """Dollars, rounded to the cent. A single figure is used for all three."""
    figures = [least if each is None else each for each in (least, expected, most)]
    return Money(min=figures[0], expected=figures[1], max=figures[2])

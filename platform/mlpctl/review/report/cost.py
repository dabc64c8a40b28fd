"""The cost part of a report's model."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final

from pydantic import AfterValidator

from mlpctl.model import Model
from mlpctl.review.values.resource import Op


def _to_cents(usd: float) -> float:
    return round(usd, 2) + 0.0


Usd = Annotated[float, AfterValidator(_to_cents)]


class Money(Model):
    """US dollars per month of 730 hours, rounded to cents: totals are sums of the rounded amounts."""

    min: Usd
    expected: Usd
    max: Usd

    def __add__(self, other: "Money") -> "Money":
        return Money(min=self.min + other.min, expected=self.expected + other.expected, max=self.max + other.max)

    def __sub__(self, other: "Money") -> "Money":
        return Money(min=self.min - other.min, expected=self.expected - other.expected, max=self.max - other.max)


ZERO: Final = Money(min=0, expected=0, max=0)


class PriceUse(Model):
    """A row of the price book that an estimate uses."""

    row: str
    """Its key, e.g. `ec2/us-east-1/g6e.2xlarge`."""

    usd: float
    unit: str
    quantity: float
    """Expected units per month."""

    source: str
    date: str
    """Date of the source, `2026-10-01`."""

    stale: bool
    """Whether the price is older than 90 days."""


class Assumption(Model):
    """An assumption of an estimate that the plan does not contain: a usage, or a default or ratio of AWS."""

    name: str
    """Its field below `cost.usage`; or the resource's name and a fact that AWS documents, e.g. `db.standby`."""

    value: float
    unit: str
    given: bool
    """Whether it is set in the stack's config; otherwise it is the default."""


class ResourceCost(Model):
    """Cost of one resource per month."""

    urn: str
    type: str
    words: str
    """Kind of the resource for readers: `S3 bucket`."""

    component: str
    """Class and name of its component; empty if it has none."""

    team: str
    """Value of its team tag; empty without one."""

    op: Op
    monthly_usd: Money | None
    """0 if it is free or deleted; null if it has no price."""

    before_monthly_usd: Money | None
    """Cost before the change; 0 if it did not exist; null if it has no price."""

    free: str
    """Why it is free; empty otherwise."""

    unpriced: str
    """Why it has no price, before or after the change; empty otherwise."""

    missing: Sequence[str] = ()
    """What the amount does not include, and why."""

    large: str = ""
    """Unpriced parts that may be expensive, e.g. `instances`, `disks`, `databases`; empty without any."""

    prices: Sequence[PriceUse] = ()
    assumptions: Sequence[Assumption] = ()


class CostTotals(Model):
    """Totals of the resources that have a price."""

    monthly_usd: Money
    before_monthly_usd: Money
    delta_monthly_usd: Money
    """Change of the total of the resources that have a price before and after."""

    by_component: Mapping[str, Money]
    by_team: Mapping[str, Money]
    unpriced: int
    """Number of resources that cost something and have no price."""

    partly: int = 0
    """Number of resources whose price does not include all of their cost."""

    unlisted: int = 0
    """Number of unchanged resources that the plan does not list; the totals do not include them."""

    free: int
    stale: int
    """Number of used price rows that are older than 90 days."""


class Cost(Model):
    """Cost of a plan."""

    region: str
    totals: CostTotals
    resources: Sequence[ResourceCost]


class Limit(Model):
    """A limit in the stack's config that the plan is checked against."""

    name: str
    """Its field, e.g. `cost.maxMonthlyUsd`."""

    allowed: float
    found: float
    broken: bool
    text: str

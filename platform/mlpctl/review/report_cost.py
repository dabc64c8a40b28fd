"""What a report says of cost, and the base of its models."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from mlpctl.review.resource import Op


class Model(BaseModel):
    """A part of a report: immutable, camelCase outside."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
    )


def _to_cents(usd: float) -> float:
    return round(usd, 2) + 0.0


Usd = Annotated[float, AfterValidator(_to_cents)]


class Money(Model):
    """US dollars a month of 730 hours, to the cent: a sum is the sum of what is shown."""

    min: Usd
    expected: Usd
    max: Usd

    def __add__(self, other: "Money") -> "Money":
        return Money(min=self.min + other.min, expected=self.expected + other.expected, max=self.max + other.max)

    def __sub__(self, other: "Money") -> "Money":
        return Money(min=self.min - other.min, expected=self.expected - other.expected, max=self.max - other.max)


ZERO: Final = Money(min=0, expected=0, max=0)


class PriceUse(Model):
    """A row of the price book that an estimate used."""

    row: str
    """Its key, e.g. `ec2/us-east-1/g6e.2xlarge`."""

    usd: float
    unit: str
    quantity: float
    """Expected units a month."""

    source: str
    date: str
    """Day of the source, `2026-10-01`."""

    stale: bool
    """Whether the price is older than 90 days."""


class Assumption(Model):
    """What a figure rests on and nobody can read from a plan: a use, or a default or ratio of AWS."""

    name: str
    """Its field below `cost.usage`; or the resource's name and what AWS documents, e.g. `db.standby`."""

    value: float
    unit: str
    given: bool
    """Whether the stack's config says so, or it is the default."""


class ResourceCost(Model):
    """What one resource costs a month."""

    urn: str
    type: str
    words: str
    """What it is, for people: `S3 bucket`."""

    component: str
    """Class and name of its component; empty where it stands alone."""

    team: str
    """Its team tag; empty without one."""

    op: Op
    monthly_usd: Money | None
    """0 where it is free or goes; None where it has no price."""

    before_monthly_usd: Money | None
    """What it costs today, 0 where it is not there; None where it has no price."""

    free: str
    """Why it costs nothing; empty otherwise."""

    unpriced: str
    """Why it has no price, now or before; empty otherwise."""

    missing: Sequence[str] = ()
    """What the figure leaves out, and why: `cost.usage has no value for natDataGb`."""

    large: str = ""
    """What has no price and may be much of the cost: `instances`, `disks`, `databases`; empty where nothing is."""

    prices: Sequence[PriceUse] = ()
    assumptions: Sequence[Assumption] = ()


class CostTotals(Model):
    """Sums over the resources that have a price."""

    monthly_usd: Money
    before_monthly_usd: Money
    delta_monthly_usd: Money
    """The change of each figure, over the resources that have a price before and after."""

    by_component: Mapping[str, Money]
    by_team: Mapping[str, Money]
    unpriced: int
    """Resources that cost something and have no price."""

    partly: int = 0
    """Resources with a price that leaves something out."""

    unlisted: int = 0
    """Resources that stay as they are and that the plan does not list: they are in no figure."""

    free: int
    stale: int
    """Price rows in use that are older than 90 days."""


class Cost(Model):
    """What a plan costs."""

    region: str
    totals: CostTotals
    resources: Sequence[ResourceCost]


class Limit(Model):
    """A limit of the stack's config that the plan is held to."""

    name: str
    """Its field, e.g. `cost.maxMonthlyUsd`."""

    allowed: float
    found: float
    broken: bool
    text: str

"""The price book: AWS's list prices in US dollars, each with its source and its day."""

from dataclasses import dataclass
from datetime import date
from typing import Final

MONTH_HOURS: Final = 730
"""Hours of a month, as AWS's own calculator counts them."""

STALE_DAYS: Final = 90
"""Days after which a price is said to be stale."""


@dataclass(frozen=True)
class Source:
    """Where prices were read."""

    key: str
    title: str
    where: str
    day: date
    """Day of which the prices are."""


@dataclass(frozen=True)
class Price:
    """One list price."""

    service: str
    """E.g. `ec2`."""

    region: str
    item: str
    """E.g. `g6e.2xlarge`, `gp3-storage`."""

    usd: float
    unit: str
    """E.g. `hour`, `GB-month`."""

    source: Source

    @property
    def key(self) -> str:
        """The row's name in reports, e.g. `ec2/us-east-1/g6e.2xlarge`."""
        return f"{self.service}/{self.region}/{self.item}"

    def stale(self, today: date) -> bool:
        """Whether it is older than `STALE_DAYS`."""
        return (today - self.source.day).days > STALE_DAYS

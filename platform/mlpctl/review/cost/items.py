"""The catalog of the price book: all services, items and units."""

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pydantic import Field

from awsfacts.tables import Row, read_table

GLOBAL: Final = "global"
"""The region of items with the same price in all regions."""

_ANY: Final = "{}"
_NAME: Final = r"([a-z0-9-]+(?:\.[a-z0-9-]+)+)"


class Item(Row):
    """An item with a price, or a family of items that differ in a name."""

    item: str
    """Its key within the service; in a family, `{}` is a placeholder for the name."""

    words: str
    unit: str
    """One of the catalog's units."""

    usage: str
    """`usagetype` without the region's prefix."""

    where: Mapping[str, str] = {}
    """Filters for the Price List API."""

    region: str = "regionCode"
    """Attribute with the region; empty if all regions have the same price."""

    start: float = Field(default=0, alias="from")
    """Start of the price tier in units, if AWS lists each tier as a separate product."""

    @property
    def is_family(self) -> bool:
        """Whether it is a family of items."""
        return _ANY in self.item

    def name(self, item: str) -> str | None:
        """The name within the family, e.g. `db.t4g.medium`, or the item itself; None if the item does not match."""
        if not self.is_family:
            return item if item == self.item else None
        found = self._pattern.fullmatch(item)
        return found and found[1]

    @functools.cached_property
    def _pattern(self) -> re.Pattern[str]:
        return pattern(self.item)

    def title(self, item: str) -> str:
        """The description of one of its items."""
        return self.words.replace(_ANY, self.name(item) or item)


class Service(Row):
    """A service of the price book."""

    words: str
    code: str
    """The Price List API's ServiceCode."""

    items: Sequence[Item]

    def find(self, item: str) -> Item | None:
        """The entry for an item, e.g. `gp3-storage` or `g6e.2xlarge`."""
        return next((each for each in self.items if each.name(item)), None)


class Catalogue(Row):
    """All services and units."""

    units: Mapping[str, Mapping[str, float]]
    """Units of the price book, each with the API's spellings and their factors."""

    services: Mapping[str, Service]

    def find(self, service: str, item: str) -> Item | None:
        """The entry for an item of a service."""
        return self.services[service].find(item) if service in self.services else None

    def title(self, service: str, item: str) -> str:
        """A description of an item, e.g. `EBS: gp3 volume`."""
        entry = self.find(service, item)
        return f"{self.services[service].words}: {entry.title(item)}" if entry else f"{service}: {item}"

    @property
    def entries(self) -> Iterator[tuple[str, Service, Item]]:
        """All entries, each with the name of its service and the service."""
        return ((name, service, item) for name, service in self.services.items() for item in service.items)


def pattern(text: str) -> re.Pattern[str]:
    """A pattern for a text of the catalog; the first group is the name in place of `{}`."""
    return re.compile(re.escape(text).replace(re.escape(_ANY), _NAME))


@functools.cache
def catalogue() -> Catalogue:
    """The catalog of the package."""
    return Catalogue.model_validate(read_table("items.yaml", "mlpctl.review.cost"))

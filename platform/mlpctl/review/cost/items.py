"""What the price book may have: the one list of services, items and units."""

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from awsfacts.tables import read_table

GLOBAL: Final = "global"
"""The region of what costs the same everywhere."""

_ANY: Final = "{}"
_NAME: Final = r"([a-z0-9-]+(?:\.[a-z0-9-]+)+)"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Item(_Model):
    """One thing that is sold, or a family of them that differ by a name."""

    item: str
    """Its key below the service; `{}` stands for the name in a family."""

    words: str
    unit: str
    """One of the units of the list."""

    usage: str
    """`usagetype` without the region's prefix."""

    where: Mapping[str, str] = {}
    """Attributes that the Price List API filters by."""

    region: str = "regionCode"
    """Attribute that names the region; empty where all regions have one price."""

    start: float = Field(default=0, alias="from")
    """Units from which on the price holds, where AWS sells each step as a product of its own."""

    @property
    def is_family(self) -> bool:
        """Whether it stands for many."""
        return _ANY in self.item

    def name(self, item: str) -> str | None:
        """What tells an item from others of its family, e.g. `db.t4g.medium`, or the item itself; None for another."""
        if not self.is_family:
            return item if item == self.item else None
        found = self._pattern.fullmatch(item)
        return found and found[1]

    @functools.cached_property
    def _pattern(self) -> re.Pattern[str]:
        return pattern(self.item)

    def title(self, item: str) -> str:
        """Its words, for one item of it."""
        return self.words.replace(_ANY, self.name(item) or item)


class Service(_Model):
    """What the price book calls a service."""

    words: str
    code: str
    """The Price List API's ServiceCode."""

    items: Sequence[Item]

    def find(self, item: str) -> Item | None:
        """The entry for an item, e.g. `gp3-storage` or `g6e.2xlarge`."""
        return next((each for each in self.items if each.name(item)), None)


class Catalogue(_Model):
    """The list."""

    units: Mapping[str, Mapping[str, float]]
    """Our units, each with the API's spellings and how many of ours one of them is."""

    services: Mapping[str, Service]

    def find(self, service: str, item: str) -> Item | None:
        """The entry for an item of a service."""
        return self.services[service].find(item) if service in self.services else None

    def title(self, service: str, item: str) -> str:
        """An item in words, e.g. `EBS: gp3 volume`."""
        entry = self.find(service, item)
        return f"{self.services[service].words}: {entry.title(item)}" if entry else f"{service}: {item}"

    @property
    def entries(self) -> Iterator[tuple[str, Service, Item]]:
        """All entries, each with its service's name and the service."""
        return ((name, service, item) for name, service in self.services.items() for item in service.items)


def pattern(text: str) -> re.Pattern[str]:
    """A pattern for a text of the list; `{}` in it stands for a name, which is its first group."""
    return re.compile(re.escape(text).replace(re.escape(_ANY), _NAME))


@functools.cache
def catalogue() -> Catalogue:
    """The list of the package."""
    return Catalogue.model_validate(read_table("items.yaml", "mlpctl.review.cost"))

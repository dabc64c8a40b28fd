"""Queries for the Price List API."""

from dataclasses import dataclass, field
from typing import Final

from mlpctl.errors import UserError
from mlpctl.review.cost.items import Item

REGION: Final = r"(?:(?:EU|[A-Z]{2,3}\d{1,2})-|[a-z]{2}(?:-[a-z]+)+-\d-)?"


class RefreshError(UserError):
    """Prices could not be refreshed; the text is for the user."""


@dataclass(frozen=True)
class Query:
    """A query to the Price List API for one region, and the items whose prices the response contains."""

    region: str
    """The region, or `global`."""

    code: str
    region_attribute: str
    where: tuple[tuple[str, str], ...]
    entries: tuple[tuple[str, Item], ...] = field(compare=False)
    """Entries of the catalog, each with its service."""

    def __str__(self) -> str:
        """Return the text for messages."""
        return f"{self.code} in {self.region}"

    @property
    def filters(self) -> list[dict[str, str]]:
        """The filters in the API's format."""
        region = [(self.region_attribute, self.region)] if self.region_attribute else []
        return [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in [*region, *self.where]]

"""Converts responses of the Price List API to rows of the price book."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from mlpctl.review.cost import items
from mlpctl.review.cost.book import Row
from mlpctl.review.cost.items import Item
from mlpctl.review.cost.query import REGION, Query, RefreshError


@dataclass(frozen=True)
class Offer:
    """One product of the Price List API."""

    usage: str
    attributes: Mapping[str, str]
    unit: str
    steps: tuple[tuple[Decimal, Decimal], ...]
    """Price tiers: start of the tier in `unit`, and US dollars; empty if it has no price in dollars."""

    published: str
    """Day of publication by AWS."""


def offer(text: str, today: date) -> Offer:
    """Read one entry of the API's `PriceList`.

    Raises:
        RefreshError: it does not have the documented format.
    """
    try:
        read = json.loads(text)
        attributes = read["product"]["attributes"]
        term = _in_force(read.get("terms", {}).get("OnDemand", {}).values(), today)
        dimensions = [*term["priceDimensions"].values()] if term else []
        prices = sorted(
            (Decimal(each["beginRange"]), Decimal(each["pricePerUnit"]["USD"]))
            for each in dimensions
            if "USD" in each["pricePerUnit"]
        )
        unit = dimensions[0]["unit"] if dimensions else ""
        return Offer(attributes["usagetype"], attributes, unit, tuple(prices), read.get("publicationDate", "")[:10])
    except (AttributeError, InvalidOperation, KeyError, TypeError, ValueError) as error:
        raise RefreshError(f"AWS returned a price in an unknown format ({error!r}): {text[:200]}") from None


def rows(query: Query, offers: Iterable[Offer], source: str, problems: list[str]) -> list[Row]:
    """The rows for a response; omitted items are reported in `problems`."""
    regional = [each for each in offers if _is_regional(each)]
    made = []
    for service, item in query.entries:
        found = _sold(item, regional)
        if not found and not item.is_family:
            problems.append(f"{service}/{query.region}/{item.item}: AWS lists no price; any existing price is kept.")
        for name, candidates in found.items():
            try:
                steps_ = _steps(item, candidates)
            except _Unclear as unclear:
                problems.append(f"{service}/{query.region}/{name}: AWS {unclear}; any existing price is kept.")
            else:
                made += [Row(service, query.region, name, start, usd, source) for start, usd in steps_]
    return made


def _in_force(terms: Iterable[Mapping[str, Any]], today: date) -> Mapping[str, Any] | None:
    """The newest terms that are in effect today; AWS also lists future terms."""
    begun = [each for each in terms if each.get("effectiveDate", "")[:10] <= today.isoformat()]
    return max(begun, key=lambda term: str(term.get("effectiveDate", "")), default=None)


class _Unclear(Exception):
    """A price cannot be used; the text follows `AWS` in a sentence."""


def _is_regional(each: Offer) -> bool:
    """Whether it is an on-demand product of the region itself, not of local zones, Outposts or capacity blocks."""
    return (
        each.attributes.get("locationType", "AWS Region") in ("AWS Region", "Other")
        and each.attributes.get("marketoption", "OnDemand") == "OnDemand"
    )


def _sold(item: Item, offers: Iterable[Offer]) -> Mapping[str, list[Offer]]:
    """The products of a catalog entry, by item."""
    usage = re.compile(REGION + items.pattern(item.usage).pattern)
    found: dict[str, list[Offer]] = {}
    for each in offers:
        if match := usage.fullmatch(each.usage):
            found.setdefault(item.item.replace("{}", match[1]) if item.is_family else item.item, []).append(each)
    return found


def _steps(item: Item, candidates: Iterable[Offer]) -> list[tuple[float, float]]:
    """The tiers of a price in the item's unit: start of each tier, and US dollars.

    Raises:
        _Unclear: the products have no price, different prices, or a price in an unknown unit.
    """
    priced = {(each.unit, charged) for each in candidates if (charged := _charged(each.steps))}
    if not priced:
        raise _Unclear("lists no price above 0 in US dollars")
    if len(priced) > 1:
        raise _Unclear(f"lists {len(priced)} different prices")
    ((unit, charged),) = priced
    spelled = {name.lower(): scale for name, scale in items.catalogue().units[item.unit].items()}
    if unit.lower() not in spelled:
        raise _Unclear(f"prices it per {unit!r}, an unknown unit")
    scale = Decimal(str(spelled[unit.lower()]))
    return [(float(begin * scale) + item.start, float(usd / scale)) for begin, usd in charged]


def _charged(priced: Sequence[tuple[Decimal, Decimal]]) -> tuple[tuple[Decimal, Decimal], ...]:
    """Prices without a free first tier, which applies once per account and not to each resource."""
    paid = [each for each in priced if each[1] > 0]
    return ((Decimal(0), paid[0][1]), *paid[1:]) if paid else ()

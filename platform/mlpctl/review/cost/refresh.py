"""Renews the price book from the AWS Price List API, and its spot prices from EC2."""

import difflib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from mlpctl.errors import UserError
from mlpctl.review.cost import book, items
from mlpctl.review.cost.book import Row, Source, SpotRow
from mlpctl.review.cost.items import Item

ENDPOINT: Final = "us-east-1"
"""Region whose endpoint tells the prices of all regions; few have one.

https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html
"""

SPOT: Final = "spot"
"""What spot prices are called among the services."""

SPOT_PRODUCT: Final = "Linux/UNIX (Amazon VPC)"

SPOT_WEEKS: Final = 13
"""Weeks of spot prices that are looked at; EC2 keeps 90 days."""

# The region in front of a usage type: `USE1-`, `EU-`, and for KMS `us-east-1-`; nothing in us-east-1, mostly.
_REGION: Final = r"(?:(?:EU|[A-Z]{2,3}\d{1,2})-|[a-z]{2}(?:-[a-z]+)+-\d-)?"

_CHINA: Final = "aws-cn"
_DENIED: Final = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")


class RefreshError(UserError):
    """Prices could not be renewed; the text is for the user."""


@dataclass(frozen=True)
class Query:
    """One question to the Price List API about one region, and what its answer tells the prices of."""

    region: str
    """The region, or `global`."""

    code: str
    region_attribute: str
    where: tuple[tuple[str, str], ...]
    entries: tuple[tuple[str, Item], ...] = field(compare=False)
    """Entries of the catalogue, each with its service."""

    def __str__(self) -> str:
        """Return what a reader sees of it."""
        return f"{self.code} in {self.region}"

    @property
    def filters(self) -> list[dict[str, str]]:
        """As the API takes them."""
        region = [(self.region_attribute, self.region)] if self.region_attribute else []
        return [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in [*region, *self.where]]


@dataclass(frozen=True)
class SpotQuery:
    """The question for a region's spot prices."""

    region: str

    def __str__(self) -> str:
        """Return what a reader sees of it."""
        return f"spot prices in {self.region}"


Step = Query | SpotQuery


@dataclass(frozen=True)
class Offer:
    """What the Price List API says of one product."""

    usage: str
    attributes: Mapping[str, str]
    unit: str
    steps: tuple[tuple[Decimal, Decimal], ...]
    """Quantities in `unit` from which on a price in US dollars holds; empty where it has none in dollars."""

    published: str
    """Day on which AWS published it."""


@dataclass
class Outcome:
    """What a refresh did."""

    renewed: int = 0
    """Prices that were read."""

    changed: int = 0
    """Those of them that are new or differ from what the book had."""

    already: int = 0
    """Questions that were answered today already."""

    problems: list[str] = field(default_factory=list)
    """What was left out and why, a sentence each."""


def refresh(
    regions: Iterable[str],
    services: Iterable[str] | None = None,
    *,
    session: Any = None,
    folder: Path = book.FOLDER,
    again: bool = False,
    watch: Callable[[Sequence[Step]], Iterable[Step]] = iter,
    today: date | None = None,
) -> Outcome:
    """Renew the prices of some regions in the book.

    What AWS tells replaces older rows; the others stay as they are and get stale. The book is written after every
    question, so whoever stops this loses nothing: what was answered today is not asked again.

    Args:
        regions: regions whose prices are wanted.
        services: services of the price book, or `spot`. Default: all.
        session: boto3 session. Default: the shell's credentials.
        folder: where the book is.
        again: ask what was answered today as well.
        watch: goes through the questions, e.g. with a progress bar.
        today: the day of the prices. Default: today in UTC.

    Raises:
        RefreshError: a region or service is not known, or AWS could not be asked.
        BookError: the book that is there cannot be read.

    """
    session = session or boto3.Session()
    day = today or datetime.now(UTC).date()
    outcome = Outcome()
    wanted = [each for each in _known_regions(regions, session) if not _chinese(each, session, outcome)]
    shelf = _Shelf(folder)
    planned = steps(wanted, _known_services(services))
    todo = [step for step in planned if again or not shelf.answered(step, day)]
    outcome.already = len(planned) - len(todo)
    pricing = session.client("pricing", region_name=ENDPOINT, config=_CONFIG)
    for step in watch(todo):
        if isinstance(step, SpotQuery):
            _renew_spot(step, session, shelf, day, outcome)
        else:
            _renew(step, pricing, shelf, day, outcome)
    return outcome


def summary(done: Outcome, folder: Path) -> str:
    """What a refresh did, in a sentence or two."""
    already = f" {done.already} questions were answered today already; --again asks them anew." if done.already else ""
    left = f" {len(done.problems)} left out, as told above." if done.problems else ""
    return f"{done.renewed:,} prices read, {done.changed:,} of them new or changed, into {folder}.{left}{already}"


def steps(regions: Sequence[str], services: Sequence[str]) -> list[Step]:
    """The questions that have to be asked for the prices of services in regions."""
    asked: dict[Query, list[tuple[str, Item]]] = {}
    for name, service, item in items.catalogue().entries:
        if name in services:
            for region in regions if item.region or not regions else [items.GLOBAL]:
                query = Query(region, service.code, item.region, tuple(sorted(item.where.items())), ())
                asked.setdefault(query, []).append((name, item))
    queries = [
        Query(each.region, each.code, each.region_attribute, each.where, tuple(of)) for each, of in asked.items()
    ]
    order = [*regions, items.GLOBAL]
    found: list[Step] = sorted(queries, key=lambda query: order.index(query.region))
    return [*found, *(SpotQuery(region) for region in regions if SPOT in services)]


def offer(text: str, today: date) -> Offer:
    """Read one entry of the API's `PriceList`.

    Raises:
        RefreshError: it is not in the documented form.
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
        raise RefreshError(f"AWS told a price in a form that is not known here ({error!r}): {text[:200]}") from None


def rows(query: Query, offers: Iterable[Offer], source: str, problems: list[str]) -> list[Row]:
    """The rows that an answer gives; what is left out is told in `problems`."""
    regional = [each for each in offers if _is_regional(each)]
    made = []
    for service, item in query.entries:
        found = _sold(item, regional)
        if not found and not item.is_family:
            problems.append(f"{service}/{query.region}/{item.item}: AWS lists no price for it; it stays as it was.")
        for name, candidates in found.items():
            try:
                steps_ = _steps(item, candidates)
            except _Unclear as unclear:
                problems.append(f"{service}/{query.region}/{name}: AWS {unclear}; it stays as it was.")
            else:
                made += [Row(service, query.region, name, start, usd, source) for start, usd in steps_]
    return made


def spot_rows(region: str, history: Iterable[Mapping[str, Any]], source: str) -> list[SpotRow]:
    """The lowest and the highest price of each instance type, from entries of `SpotPriceHistory`."""
    prices: dict[str, list[float]] = {}
    for each in history:
        if (usd := float(each["SpotPrice"])) > 0 and items.catalogue().find("ec2", each["InstanceType"]):
            prices.setdefault(each["InstanceType"], []).append(usd)
    return [SpotRow(region, name, min(seen), max(seen), source) for name, seen in prices.items()]


# Both APIs throttle whoever reads many pages; this mode waits as long as they ask for.
_CONFIG: Final = Config(retries={"mode": "adaptive", "max_attempts": 10})


class _Shelf:
    """The book while it is renewed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        there = book.load(folder)
        self._sources = dict(there.sources)
        self._rows: dict[tuple[str, str, str], list[Row]] = {}
        self._answers: dict[tuple[str, str, str], list[str]] = {}
        for row in there.rows:
            self._rows.setdefault(row[:3], []).append(row)
            self._answers.setdefault((row.service, row.region, row.source), []).append(row.item)
        self._spot = {(row.region, row.item): row for row in there.spot_rows}

    def answered(self, step: Step, day: date) -> bool:
        """Whether the book has an answer of this day to a question."""
        if isinstance(step, SpotQuery):
            return any(row.region == step.region and row.source == _spot_source(day).key for row in self._spot.values())
        key = _key(step, day)
        return any(
            entry.name(item)
            for service, entry in step.entries
            for item in self._answers.get((service, step.region, key), ())
        )

    def put(self, fresh: Sequence[Row], source: Source, outcome: Outcome) -> None:
        """Replace the prices of what these rows are about, and write the book."""
        renewed: dict[tuple[str, str, str], list[Row]] = {}
        for row in sorted(fresh):
            renewed.setdefault(row[:3], []).append(row)
        for key, now in renewed.items():
            before = [(row.start, row.usd) for row in self._rows.get(key, ())]
            outcome.changed += before != [(row.start, row.usd) for row in now]
        outcome.renewed += len(renewed)
        self._rows |= renewed
        self._write(source)

    def put_spot(self, fresh: Sequence[SpotRow], source: Source, outcome: Outcome) -> None:
        """Replace the spot prices of these types, and write the book."""
        for row in fresh:
            before = self._spot.get((row.region, row.item))
            outcome.changed += before is None or (before.low, before.high) != (row.low, row.high)
            self._spot[row.region, row.item] = row
        outcome.renewed += len(fresh)
        self._write(source)

    def _write(self, source: Source) -> None:
        self._sources[source.key] = source
        all_rows = (row for found in self._rows.values() for row in found)
        book.save(self._folder, all_rows, self._spot.values(), self._sources.values())


def _renew(query: Query, pricing: Any, shelf: _Shelf, day: date, outcome: Outcome) -> None:
    try:
        pages = pricing.get_paginator("get_products").paginate(
            ServiceCode=query.code, FormatVersion="aws_v1", Filters=query.filters
        )
        offers = [offer(text, day) for page in pages for text in page["PriceList"]]
    except (BotoCoreError, ClientError) as error:
        raise _refused(f"the prices of {query}", error, "pricing:GetProducts") from error
    if not offers:
        outcome.problems.append(f"{query}: AWS lists nothing there; its prices stay as they were.")
        return
    published = max(each.published for each in offers)
    source = Source(_key(query, day), f"AWS Price List API, {query.code}", f"GetProducts, published {published}", day)
    shelf.put(rows(query, offers, source.key, outcome.problems), source, outcome)


def _renew_spot(query: SpotQuery, session: Any, shelf: _Shelf, day: date, outcome: Outcome) -> None:
    source = _spot_source(day)
    try:
        paginator = session.client("ec2", region_name=query.region, config=_CONFIG).get_paginator(
            "describe_spot_price_history"
        )
        now = datetime.combine(day, datetime.min.time(), UTC)
        history: list[Mapping[str, Any]] = []
        for week in range(SPOT_WEEKS):
            # EC2 tells the price of every type and zone that was in force at a moment; all changes of 90 days are
            # hundreds of thousands.
            moment = now - timedelta(weeks=week)
            pages = paginator.paginate(ProductDescriptions=[SPOT_PRODUCT], StartTime=moment, EndTime=moment)
            history += [each for page in pages for each in page["SpotPriceHistory"]]
    except ClientError as error:
        # Another partition's region, or one that the account has not opted in to, refuses the account altogether.
        if error.response["Error"]["Code"] in (*_DENIED, "AuthFailure", "OptInRequired"):
            outcome.problems.append(str(_refused(f"the {query}", error, "ec2:DescribeSpotPriceHistory")))
            return
        raise _refused(f"the {query}", error, "") from error
    except BotoCoreError as error:
        raise _refused(f"the {query}", error, "") from error
    shelf.put_spot(spot_rows(query.region, history, source.key), source, outcome)


def _refused(what: str, error: Exception, permission: str) -> RefreshError:
    response = getattr(error, "response", {})
    needs = f" It needs the permission {permission}." if response.get("Error", {}).get("Code") in _DENIED else ""
    return RefreshError(f"AWS did not tell {what}: {str(error).rstrip('.')}.{needs}")


def _known_regions(regions: Iterable[str], session: Any) -> list[str]:
    named = list(dict.fromkeys(regions))
    known = [
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("ec2", partition_name=partition)
    ]
    _refuse_unknown("region", named, known)
    return named


def _known_services(services: Iterable[str] | None) -> list[str]:
    known = [*items.catalogue().services, SPOT]
    named = known if services is None else list(dict.fromkeys(services))
    _refuse_unknown("service of the price book", named, known)
    return named


def _refuse_unknown(what: str, named: Iterable[str], known: Sequence[str]) -> None:
    if unknown := [each for each in named if each not in known]:
        near = difflib.get_close_matches(unknown[0], known, 1)
        hint = f"did you mean {near[0]}?" if near else f"allowed: {', '.join(known)}."
        raise RefreshError(f"{unknown[0]} is no {what}; {hint}")


def _chinese(region: str, session: Any, outcome: Outcome) -> bool:
    if session.get_partition_for_region(region) != _CHINA:
        return False
    outcome.problems.append(f"{region}: AWS in China sells in yuan, and the price book has US dollars; it is left out.")
    return True


def _in_force(terms: Iterable[Mapping[str, Any]], today: date) -> Mapping[str, Any] | None:
    """The newest terms that hold today: AWS lists those of the future as well."""
    begun = [each for each in terms if each.get("effectiveDate", "")[:10] <= today.isoformat()]
    return max(begun, key=lambda term: str(term.get("effectiveDate", "")), default=None)


class _Unclear(Exception):
    """A price cannot be taken over; the text is to be read after `AWS`."""


def _is_regional(each: Offer) -> bool:
    """Whether it is sold in the region itself, on demand: local zones, Outposts and capacity blocks are not."""
    return (
        each.attributes.get("locationType", "AWS Region") in ("AWS Region", "Other")
        and each.attributes.get("marketoption", "OnDemand") == "OnDemand"
    )


def _sold(item: Item, offers: Iterable[Offer]) -> Mapping[str, list[Offer]]:
    """The products of an entry of the catalogue, by the items that they are."""
    usage = re.compile(_REGION + items.pattern(item.usage).pattern)
    found: dict[str, list[Offer]] = {}
    for each in offers:
        if match := usage.fullmatch(each.usage):
            found.setdefault(item.item.replace("{}", match[1]) if item.is_family else item.item, []).append(each)
    return found


def _steps(item: Item, candidates: Iterable[Offer]) -> list[tuple[float, float]]:
    """The steps of a price in the unit of its item: where each begins, and US dollars.

    Raises:
        _Unclear: the products have no price, different ones, or one for another unit.
    """
    priced = {(each.unit, charged) for each in candidates if (charged := _charged(each.steps))}
    if not priced:
        raise _Unclear("lists it without a price above 0 in US dollars")
    if len(priced) > 1:
        raise _Unclear(f"lists {len(priced)} different prices for it")
    ((unit, charged),) = priced
    spelled = {name.lower(): scale for name, scale in items.catalogue().units[item.unit].items()}
    if unit.lower() not in spelled:
        raise _Unclear(f"prices it by {unit!r}, which is not known here")
    scale = Decimal(str(spelled[unit.lower()]))
    return [(float(begin * scale) + item.start, float(usd / scale)) for begin, usd in charged]


def _charged(priced: Sequence[tuple[Decimal, Decimal]]) -> tuple[tuple[Decimal, Decimal], ...]:
    """Prices without a first step that costs nothing: that is an account's allowance, not one of each resource."""
    paid = [each for each in priced if each[1] > 0]
    return ((Decimal(0), paid[0][1]), *paid[1:]) if paid else ()


def _key(query: Query, day: date) -> str:
    return f"price-list.{query.code}.{day.isoformat()}"


def _spot_source(day: date) -> Source:
    where = f"DescribeSpotPriceHistory, {SPOT_PRODUCT}, all zones, once a week for {SPOT_WEEKS} weeks"
    return Source(f"spot-price-history.{day.isoformat()}", "Amazon EC2 API", where, day)

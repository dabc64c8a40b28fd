"""Refreshes the price book from the AWS Price List API, and its spot prices from EC2."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from mlpctl.review.cost import book, items
from mlpctl.review.cost.book import Row, Source, SpotRow
from mlpctl.review.cost.items import Item
from mlpctl.review.cost.offers import offer, rows
from mlpctl.review.cost.query import Query, RefreshError
from mlpctl.text import similar

ENDPOINT: Final = "us-east-1"
"""Region of the API endpoint, which serves the prices of all regions; only a few regions have one.

https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html
"""

SPOT: Final = "spot"
"""Name of spot prices in the list of services."""

SPOT_PRODUCT: Final = "Linux/UNIX (Amazon VPC)"

SPOT_WEEKS: Final = 13
"""Weeks of spot price history to read; EC2 keeps 90 days."""

_CHINA: Final = "aws-cn"
_DENIED: Final = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")


@dataclass(frozen=True)
class SpotQuery:
    """A query for the spot prices of a region."""

    region: str

    def __str__(self) -> str:
        """Return the text for messages."""
        return f"spot prices in {self.region}"


Step = Query | SpotQuery


@dataclass
class Outcome:
    """The result of a refresh."""

    renewed: int = 0
    """Number of prices that were read."""

    changed: int = 0
    """Number of these prices that are new or changed."""

    already: int = 0
    """Number of queries that were already answered today."""

    problems: list[str] = field(default_factory=list)
    """One sentence for each omission, with its reason."""


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
    """Refresh the prices of regions in the book.

    Prices from AWS replace older rows; other rows do not change and become stale. The book is written after every
    query, and queries that were already answered today are skipped, so an interrupted refresh can be resumed.

    Args:
        regions: regions to refresh.
        services: services of the price book, or `spot`. Default: all.
        session: boto3 session. Default: the shell's credentials.
        folder: folder of the book.
        again: repeat queries that were already answered today.
        watch: iterates over the queries, e.g. with a progress bar.
        today: the day of the prices. Default: today in UTC.

    Raises:
        RefreshError: a region or service is unknown, or a request to AWS failed.
        BookError: the existing book cannot be read.

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
    """A summary of a refresh in one or more sentences."""
    already = f" {done.already} queries were already answered today; --again repeats them." if done.already else ""
    left = f" {len(done.problems)} omitted, see above." if done.problems else ""
    return f"{done.renewed:,} prices read, {done.changed:,} of them new or changed, into {folder}.{left}{already}"


def steps(regions: Sequence[str], services: Sequence[str]) -> list[Step]:
    """The queries for the prices of services in regions."""
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


def spot_rows(region: str, history: Iterable[Mapping[str, Any]], source: str) -> list[SpotRow]:
    """The lowest and the highest price of each instance type in entries of `SpotPriceHistory`."""
    prices: dict[str, list[float]] = {}
    for each in history:
        if (usd := float(each["SpotPrice"])) > 0 and items.catalogue().find("ec2", each["InstanceType"]):
            prices.setdefault(each["InstanceType"], []).append(usd)
    return [SpotRow(region, name, min(seen), max(seen), source) for name, seen in prices.items()]


# Both APIs throttle clients that read many pages; the adaptive mode backs off.
_CONFIG: Final = Config(retries={"mode": "adaptive", "max_attempts": 10})


class _Shelf:
    """The book during a refresh."""

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
        """Whether the book already has the response to a query from this day."""
        if isinstance(step, SpotQuery):
            return any(row.region == step.region and row.source == _spot_source(day).key for row in self._spot.values())
        key = _key(step, day)
        return any(
            entry.name(item)
            for service, entry in step.entries
            for item in self._answers.get((service, step.region, key), ())
        )

    def put(self, fresh: Sequence[Row], source: Source, outcome: Outcome) -> None:
        """Replace the prices of the items in these rows, and write the book."""
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
        """Replace the spot prices of the instance types in these rows, and write the book."""
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
        outcome.problems.append(f"{query}: AWS returns no products; any existing prices are kept.")
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
            # For a single moment, EC2 returns one price per instance type and zone. The complete history of 90 days
            # has hundreds of thousands of entries.
            moment = now - timedelta(weeks=week)
            pages = paginator.paginate(ProductDescriptions=[SPOT_PRODUCT], StartTime=moment, EndTime=moment)
            history += [each for page in pages for each in page["SpotPriceHistory"]]
    except ClientError as error:
        # A region of another partition, or one that the account has not opted in to, denies every request.
        if error.response["Error"]["Code"] in (*_DENIED, "AuthFailure", "OptInRequired"):
            outcome.problems.append(str(_refused(f"the {query}", error, "ec2:DescribeSpotPriceHistory")))
            return
        raise _refused(f"the {query}", error, "") from error
    except BotoCoreError as error:
        raise _refused(f"the {query}", error, "") from error
    shelf.put_spot(spot_rows(query.region, history, source.key), source, outcome)


def _refused(what: str, error: Exception, permission: str) -> RefreshError:
    response = getattr(error, "response", {})
    needs = f" The permission {permission} is required." if response.get("Error", {}).get("Code") in _DENIED else ""
    return RefreshError(f"AWS did not return {what}: {str(error).rstrip('.')}.{needs}")


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
        near = similar(unknown[0], known)
        hint = f"did you mean {near[0]}?" if near else f"allowed: {', '.join(known)}."
        raise RefreshError(f"{unknown[0]} is not a {what}; {hint}")


def _chinese(region: str, session: Any, outcome: Outcome) -> bool:
    if session.get_partition_for_region(region) != _CHINA:
        return False
    outcome.problems.append(
        f"{region}: skipped, since AWS China prices are in yuan, and the price book is in US dollars."
    )
    return True


def _key(query: Query, day: date) -> str:
    return f"price-list.{query.code}.{day.isoformat()}"


def _spot_source(day: date) -> Source:
    where = f"DescribeSpotPriceHistory, {SPOT_PRODUCT}, all zones, once a week for {SPOT_WEEKS} weeks"
    return Source(f"spot-price-history.{day.isoformat()}", "Amazon EC2 API", where, day)

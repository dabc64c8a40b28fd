"""Renews the price book from the AWS Price List API, and its spot prices from EC2."""

import difflib
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

_CHINA: Final = "aws-cn"
_DENIED: Final = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")


@dataclass(frozen=True)
class SpotQuery:
    """The question for a region's spot prices."""

    region: str

    def __str__(self) -> str:
        """Return what a reader sees of it."""
        return f"spot prices in {self.region}"


Step = Query | SpotQuery


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


def _key(query: Query, day: date) -> str:
    return f"price-list.{query.code}.{day.isoformat()}"


def _spot_source(day: date) -> Source:
    where = f"DescribeSpotPriceHistory, {SPOT_PRODUCT}, all zones, once a week for {SPOT_WEEKS} weeks"
    return Source(f"spot-price-history.{day.isoformat()}", "Amazon EC2 API", where, day)

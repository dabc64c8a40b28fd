"""Shows what the price book has."""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from rich.table import Table
from rich.text import Text

from mlpctl.review.cost import items
from mlpctl.review.cost.book import MONTH_HOURS, SPOT_MIN, Book, Price, plain

_HOUR = "hour"
_MONTH = "-month"
_NAMES = ("", "ml.", "db.")
"""How services put it before the name of an instance type."""


class UnknownItem(Exception):
    """The price book has no such item; the text is for the user."""


@dataclass(frozen=True)
class Shown:
    """One price, or the range of a spot price."""

    key: str
    """E.g. `ec2/us-east-1/g6e.2xlarge`."""

    words: str
    """What it is, for people."""

    region: str
    start: float
    """Units a month from which on the price holds."""

    usd: tuple[float, ...]
    """One price, or the lowest and the highest."""

    unit: str
    source: str
    day: date
    stale: bool

    @property
    def monthly_usd(self) -> tuple[float, ...] | None:
        """US dollars for one that is there for a month of 730 hours; None where it is not paid by time."""
        if self.unit.endswith(_HOUR):
            return tuple(each * MONTH_HOURS for each in self.usd)
        return self.usd if self.unit.endswith(_MONTH) else None


def show(book: Book, name: str, regions: Sequence[str], today: date) -> list[Shown]:
    """Every price of an item, whatever service sells it.

    Args:
        book: the price book.
        name: an instance type (`g6e.2xlarge`: SageMaker's `ml.g6e.2xlarge` is shown as well), an item
            (`gp3-storage` or `ebs/gp3-storage`), or a service (`ebs`: all of it that is no instance).
        regions: regions that are wanted. Default: all that have a price.
        today: tells what is stale.

    Raises:
        UnknownItem: there is no such item, or no price of it in these regions.
        BookError: the book is damaged.

    """
    found = [shown for each in _matching(book, name, regions) for shown in _shown(book, *each, today)]
    spot = [region for region in regions or sorted(book.spot_lines) if book.spot(region, name)]
    found += [shown for region in spot for shown in _spot(book, region, name, today)]
    if not found:
        raise UnknownItem(_unknown(book, name, regions))
    order = [*items.catalogue().services, SPOT_MIN]
    return sorted(found, key=lambda each: (order.index(each.key.split("/")[0]), each.words, each.region, each.start))


def table(rows: Iterable[Shown]) -> Table:
    """Lay prices out for a terminal."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    made.add_column("Price", overflow="fold")
    made.add_column("Region", no_wrap=True)
    made.add_column("USD", justify="right", no_wrap=True)
    made.add_column("per", no_wrap=True)
    made.add_column("USD a month", justify="right", no_wrap=True)
    made.add_column("Day", no_wrap=True)
    made.add_column("Source", style="dim", overflow="fold")
    for each in rows:
        step = f", from {plain(each.start)}" if each.start else ""
        month = " to ".join(f"{usd:,.2f}" for usd in each.monthly_usd or ())
        day = Text(f"{each.day} stale", style="yellow") if each.stale else Text(str(each.day))
        made.add_row(each.words + step, each.region, _usd(each.usd), each.unit, month, day, each.source)
    return made


@dataclass(frozen=True)
class Coverage:
    """How much of a service is priced."""

    service: str
    words: str
    items: int
    """Different items that have a price somewhere."""

    regions: tuple[str, ...]
    prices: int
    oldest: date
    newest: date
    stale: int
    """Prices that are older than 90 days."""


def coverage(book: Book, today: date) -> list[Coverage]:
    """What the book has of each service that it has something of; spot prices last.

    Raises:
        BookError: the book is damaged.
    """
    known = items.catalogue().services
    cells = [(row.service, row.region, row.item, row.source) for row in book.rows]
    cells += [("spot", row.region, row.item, row.source) for row in book.spot_rows]
    titles = {name: service.words for name, service in known.items()} | {"spot": "EC2 spot instance, Linux"}
    made = []
    for service, words in titles.items():
        own = [cell for cell in cells if cell[0] == service]
        if own:
            sources = [book.sources[cell[3]] for cell in own]
            old = [Price(service, "", "", 0, "", source).stale(today) for source in sources]
            regions, names = {cell[1] for cell in own}, {cell[2] for cell in own}
            days = [source.day for source in sources]
            made.append(
                Coverage(service, words, len(names), tuple(sorted(regions)), len(own), min(days), max(days), sum(old))
            )
    return made


def coverage_table(rows: Iterable[Coverage]) -> Table:
    """Lay the coverage out for a terminal."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    made.add_column("Service", no_wrap=True)
    made.add_column("What", overflow="fold")
    for heading in ("Items", "Regions", "Prices", "Stale"):
        made.add_column(heading, justify="right", no_wrap=True)
    made.add_column("Days", no_wrap=True)
    for each in rows:
        days = str(each.oldest) if each.oldest == each.newest else f"{each.oldest} to {each.newest}"
        stale = Text(f"{each.stale:,}", style="yellow" if each.stale else "")
        regions = items.GLOBAL if each.regions == (items.GLOBAL,) else str(len(each.regions))
        made.add_row(each.service, each.words, f"{each.items:,}", regions, f"{each.prices:,}", stale, days)
    return made


def _matching(book: Book, name: str, regions: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Service, region and item of everything that bears a name."""
    only, _, of = name.rpartition("/")
    for service in items.catalogue().services:
        if only not in ("", service):
            continue
        for region in book.regions(service):
            if not regions or region in regions or region == items.GLOBAL:
                yield from (
                    (service, region, item) for item in book.items(service, region) if _bears(service, item, of)
                )


def _bears(service: str, item: str, name: str) -> bool:
    entry = items.catalogue().find(service, item)
    if entry is None or name == item:
        return entry is not None
    if entry.is_family:
        return entry.name(item) in [f"{each}{name}" for each in _NAMES]
    return name == service


def _shown(book: Book, service: str, region: str, item: str, today: date) -> Iterator[Shown]:
    words = items.catalogue().title(service, item)
    for start, price in book.tiers(service, region, item):
        if price.region == region:
            source = price.source
            yield Shown(
                price.key, words, region, start, (price.usd,), price.unit, source.title, source.day, price.stale(today)
            )


def _spot(book: Book, region: str, name: str, today: date) -> Iterator[Shown]:
    if found := book.spot(region, name):
        low, high = found
        usd = (low.usd,) if low.usd == high.usd else (low.usd, high.usd)
        words = f"EC2 spot instance, Linux: {name}"
        yield Shown(low.key, words, region, 0, usd, low.unit, low.source.title, low.source.day, low.stale(today))


def _usd(usd: Sequence[float]) -> str:
    return " to ".join(plain(each) for each in usd)


def _unknown(book: Book, name: str, regions: Sequence[str]) -> str:
    known: dict[str, set[str]] = {}
    for service, region in book.lines:
        for item in book.items(service, region):
            entry = items.catalogue().find(service, item)
            for each in (service, item, f"{service}/{item}", (entry and entry.name(item)) or item):
                known.setdefault(each, set()).add(region)
    if name in known:
        return f"The price book has {name} in {', '.join(sorted(known[name]))}, and not in {', '.join(regions)}."
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.7)
    hint = f"did you mean {' or '.join(near)}?" if near else "`mlpctl prices list` shows what it has."
    return f"The price book has no {name}; {hint}"

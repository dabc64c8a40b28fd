"""Shows the contents of the price book."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from rich.console import Group
from rich.table import Table
from rich.text import Text

from mlpctl.errors import UserError
from mlpctl.review.cost import items
from mlpctl.review.cost.book import MONTH_HOURS, SPOT_MIN, Book, Price, Source
from mlpctl.text import decimal, similar

_NAMES = ("", "ml.", "db.")
"""Prefixes that services add to the name of an instance type."""


_FEW = 5
"""Up to this number, regions are listed by name; otherwise only their number is shown."""


class UnknownItem(UserError):
    """The price book does not contain the item; the text is for the user."""


@dataclass(frozen=True)
class Shown:
    """One price, or the range of a spot price."""

    key: str
    """E.g. `ec2/us-east-1/g6e.2xlarge`."""

    words: str
    """A description for people."""

    region: str
    start: float
    """Units per month at which the price begins to apply."""

    usd: tuple[float, ...]
    """One price, or the lowest and the highest."""

    unit: str
    source: Source
    stale: bool

    @property
    def monthly_usd(self) -> tuple[float, ...]:
        """US dollars for a month of 730 hours; empty if the item is not billed by the hour."""
        return tuple(each * MONTH_HOURS for each in self.usd) if self.unit == "hour" else ()


def show(book: Book, name: str, regions: Sequence[str], today: date) -> list[Shown]:
    """Find every price of an item, in all services.

    Args:
        book: the price book.
        name: an instance type (`g6e.2xlarge`, which includes SageMaker's `ml.g6e.2xlarge`), an item (`gp3-storage` or
            `ebs/gp3-storage`), or a service (`ebs`: all of its items that are not instances).
        regions: the regions to show. Default: all with a price.
        today: the day to determine stale prices.

    Raises:
        UnknownItem: the item does not exist, or has no price in these regions.
        BookError: the book is invalid.

    """
    found = [shown for each in _matching(book, name, regions) for shown in _shown(book, *each, today)]
    spot = [region for region in regions or book.spot_regions if book.spot(region, name)]
    found += [shown for region in spot for shown in _spot(book, region, name, today)]
    if not found:
        raise UnknownItem(_unknown(book, name, regions))
    order = [*items.catalogue().services, SPOT_MIN]
    return sorted(found, key=lambda each: (order.index(each.key.split("/")[0]), each.words, each.region, each.start))


def page(rows: Sequence[Shown]) -> Group:
    """Format prices for a terminal: a table for each item, followed by the sources."""
    sources = [*{each.source.key: each.source for each in rows}.values()]
    numbers = {source.key: str(number) for number, source in enumerate(sources, 1)}
    tables = [_table(words, [*own], numbers) for words, own in groupby(rows, key=lambda each: each.words)]
    below = Table(box=None, pad_edge=False, show_header=False)
    below.add_column(justify="right", no_wrap=True)
    below.add_column(overflow="fold", style="dim")
    for source in sources:
        below.add_row(numbers[source.key], Text(f"{source.title}; {source.where}"))
    return Group(*tables, below)


def _table(words: str, rows: Sequence[Shown], numbers: Mapping[str, str]) -> Table:
    made = Table(
        box=None, pad_edge=False, header_style="dim", title=Text(words, style="bold"), title_justify="left", caption=" "
    )
    made.add_column("Region", no_wrap=True)
    if steps := any(each.start for each in rows):
        made.add_column("From", justify="right", no_wrap=True)
    made.add_column("USD", justify="right", no_wrap=True)
    made.add_column("per", no_wrap=True)
    if hourly := any(each.monthly_usd for each in rows):
        made.add_column("USD a month", justify="right", no_wrap=True)
    made.add_column("Day", no_wrap=True)
    made.add_column("Source", justify="right", no_wrap=True)
    for each in rows:
        day = Text(f"{each.source.day} stale", style="yellow") if each.stale else Text(str(each.source.day))
        cells = [
            *([f"{each.start:,.0f}"] if steps else []),
            _range(each.usd, decimal),
            each.unit,
            *([_range(each.monthly_usd, "{:,.2f}".format)] if hourly else []),
        ]
        made.add_row(each.region, *cells, day, numbers[each.source.key])
    return made


@dataclass(frozen=True)
class Coverage:
    """How many items of a service are priced."""

    service: str
    words: str
    items: int
    """Number of items with a price in at least one region."""

    regions: tuple[str, ...]
    prices: int
    oldest: date
    newest: date
    stale: int
    """Number of prices that are older than 90 days."""

    @property
    def where(self) -> str:
        """Number of regions; `global` if all regions have the same price."""
        return items.GLOBAL if self.regions == (items.GLOBAL,) else str(len(self.regions))


def coverage(book: Book, today: date) -> list[Coverage]:
    """The coverage of each service that has prices; spot prices last.

    Raises:
        BookError: the book is invalid.
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


@dataclass(frozen=True)
class Listed:
    """An item that can have a price in the book."""

    key: str
    """E.g. `ebs/gp3-storage`."""

    words: str
    unit: str
    regions: str
    """The regions with a price, or their number."""


def listed(book: Book) -> list[Listed]:
    """All items that are not instances, with the regions that have a price.

    Raises:
        BookError: the book is invalid.
    """
    made = {}
    for service, _, item in items.catalogue().entries:
        if not item.is_family:
            found = [book.find(service, each, item.item) for each in book.regions(service)]
            regions = sorted({price.region for price in found if price})
            words = items.catalogue().title(service, item.item)
            where = ", ".join(regions) if len(regions) <= _FEW else f"{len(regions)} regions"
            key = f"{service}/{item.item}"
            made[key] = Listed(key, words, item.unit, where or "none")
    return [*made.values()]


def coverage_table(rows: Iterable[Coverage]) -> Table:
    """Format the coverage for a terminal."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    made.add_column("Service", no_wrap=True)
    for heading in ("Items", "Regions", "Prices", "Stale", "Oldest", "Newest"):
        made.add_column(heading, justify="right", no_wrap=True)
    for each in rows:
        stale = Text(f"{each.stale:,}", style="yellow" if each.stale else "")
        counts = (f"{each.items:,}", each.where, f"{each.prices:,}")
        made.add_row(each.service, *counts, stale, str(each.oldest), str(each.newest))
    return made


def _matching(book: Book, name: str, regions: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Service, region and item of everything that matches a name."""
    only, _, of = name.rpartition("/")
    for service in items.catalogue().services:
        if only not in ("", service):
            continue
        for region in book.regions(service):
            if not regions or region in regions or region == items.GLOBAL:
                yield from (
                    (service, region, item) for item in book.items(service, region) if _matches(service, item, of)
                )


def _matches(service: str, item: str, name: str) -> bool:
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
            yield Shown(price.key, words, region, start, (price.usd,), price.unit, price.source, price.stale(today))


def _spot(book: Book, region: str, name: str, today: date) -> Iterator[Shown]:
    if found := book.spot(region, name):
        low, high = found
        usd = (low.usd,) if low.usd == high.usd else (low.usd, high.usd)
        words = f"EC2 spot instance, Linux: {name}"
        yield Shown(low.key, words, region, 0, usd, low.unit, low.source, low.stale(today))


def _range(numbers: Sequence[float], written: Callable[[float], str]) -> str:
    return " to ".join(written(each) for each in numbers)


def _unknown(book: Book, name: str, regions: Sequence[str]) -> str:
    known: dict[str, set[str]] = {}
    for service, region in book.lines:
        for item in book.items(service, region):
            entry = items.catalogue().find(service, item)
            for each in (service, item, f"{service}/{item}", (entry and entry.name(item)) or item):
                known.setdefault(each, set()).add(region)
    if name in known:
        return f"The price book has {name} in {', '.join(sorted(known[name]))}, but not in {', '.join(regions)}."
    near = similar(name, known, most=3, cutoff=0.7)
    hint = f"did you mean {' or '.join(near)}?" if near else "`mlpctl prices list` shows its contents."
    return f"The price book has no {name}; {hint}"

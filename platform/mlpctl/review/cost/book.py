"""The price book: AWS list prices in US dollars, each with its source and date.

Its data is in `prices.csv`, `spot.csv` and `sources.yaml`; `mlpctl prices refresh` updates them. An item without a row
has no price: no price is guessed.
"""

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache, cached_property
from pathlib import Path
from typing import Final, NamedTuple, NoReturn

import yaml

from awsfacts.tables import LOADER
from mlpctl import files
from mlpctl.errors import UserError
from mlpctl.review.cost import items
from mlpctl.text import decimal

MONTH_HOURS: Final = 730
"""Hours per month, as in the AWS Pricing Calculator."""

STALE_DAYS: Final = 90
"""Days after which a price is stale."""

FOLDER: Final = Path(__file__).parent
"""Folder of the package's price book."""

SPOT_MIN: Final = "spot-min"
SPOT_MAX: Final = "spot-max"
"""Service names of the lowest and the highest spot price."""

PRICES: Final = "prices.csv"
SPOT: Final = "spot.csv"
SOURCES: Final = "sources.yaml"

_Line = tuple[int, str]
"""A line of a file: number and text."""


class BookError(UserError):
    """The price book cannot be read; the text is for the user."""


@dataclass(frozen=True)
class Source:
    """The source of prices."""

    key: str
    title: str
    where: str
    day: date
    """Date of the prices."""


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
        """The name of the row in reports, e.g. `ec2/us-east-1/g6e.2xlarge`."""
        return f"{self.service}/{self.region}/{self.item}"

    def stale(self, today: date) -> bool:
        """Whether it is older than `STALE_DAYS`."""
        return (today - self.source.day).days > STALE_DAYS


class Row(NamedTuple):
    """A row of `prices.csv`; rows sort in the order of the file."""

    service: str
    region: str
    item: str
    start: float
    """Units per month at which the price begins to apply."""

    usd: float
    source: str


class SpotRow(NamedTuple):
    """A row of `spot.csv`: an instance type's lowest and highest spot price per hour."""

    region: str
    item: str
    low: float
    high: float
    source: str


_COLUMNS: Final = ("service", "region", "item", "from_quantity", "usd", "source")
_SPOT_COLUMNS: Final = ("region", "item", "min", "max", "source")


@dataclass(frozen=True)
class Book:
    """List prices. The prices of a service and region are parsed on first use."""

    sources: Mapping[str, Source]
    lines: Mapping[tuple[str, ...], Sequence[_Line]] = field(repr=False)
    """Lines of `prices.csv` by service and region."""

    folder: Path
    """Folder of the book."""

    _read: dict[tuple[str, str], Mapping[str, Sequence[Row]]] = field(default_factory=dict, repr=False)
    _spot_read: dict[str, Mapping[str, SpotRow]] = field(default_factory=dict, repr=False)

    def find(self, service: str, region: str, item: str) -> Price | None:
        """The price of one unit, that of the first tier if there are several; None if the book has none.

        Raises:
            BookError: one of these rows is invalid.
        """
        found = self.tiers(service, region, item)
        return found[0][1] if found else None

    def tiers(self, service: str, region: str, item: str) -> tuple[tuple[float, Price], ...]:
        """The price tiers of an item, each with its start in units per month; empty if the book has none.

        Raises:
            BookError: one of these rows is invalid.
        """
        rows = self._rows(service, region).get(item) or self._rows(service, items.GLOBAL).get(item) or ()
        return tuple((row.start, self._price(row)) for row in rows)

    def spot(self, region: str, instance_type: str) -> tuple[Price, Price] | None:
        """The lowest and the highest spot price per hour over a region's zones; None if the book has none.

        Raises:
            BookError: one of these rows is invalid.
        """
        row = self._spot(region).get(instance_type)
        if not row:
            return None
        source = self.sources[row.source]
        return (
            Price(SPOT_MIN, region, instance_type, row.low, "hour", source),
            Price(SPOT_MAX, region, instance_type, row.high, "hour", source),
        )

    def items(self, service: str, region: str) -> tuple[str, ...]:
        """The items of a service with a price in a region.

        Raises:
            BookError: one of these rows is invalid.
        """
        return tuple(sorted({*self._rows(service, region), *self._rows(service, items.GLOBAL)}))

    @property
    def rows(self) -> Iterator[Row]:
        """All rows, in the order of the file.

        Raises:
            BookError: a row is invalid.
        """
        for service, region in sorted(self.lines):
            found = self._rows(service, region)
            yield from (row for item in sorted(found) for row in found[item])

    @property
    def spot_rows(self) -> Iterator[SpotRow]:
        """All rows of spot prices, in the order of the file.

        Raises:
            BookError: a row is invalid.
        """
        for region in self.spot_regions:
            found = self._spot(region)
            yield from (found[item] for item in sorted(found))

    @property
    def spot_regions(self) -> tuple[str, ...]:
        """The regions with spot prices."""
        return tuple(sorted(region for (region,) in self._spot_lines))

    def regions(self, service: str) -> tuple[str, ...]:
        """The regions with prices of a service."""
        return tuple(sorted(region for each, region in self.lines if each == service))

    @cached_property
    def _spot_lines(self) -> Mapping[tuple[str, ...], Sequence[_Line]]:
        return _grouped(_text(self.folder / SPOT), SPOT, _SPOT_COLUMNS, 1)

    def _price(self, row: Row) -> Price:
        entry = items.catalogue().find(row.service, row.item)
        unit = entry.unit if entry else ""
        return Price(row.service, row.region, row.item, row.usd, unit, self.sources[row.source])

    def _rows(self, service: str, region: str) -> Mapping[str, Sequence[Row]]:
        if (found := self._read.get((service, region))) is None:
            found = self._read[service, region] = self._parse(self.lines.get((service, region), ()))
        return found

    def _spot(self, region: str) -> Mapping[str, SpotRow]:
        if (found := self._spot_read.get(region)) is None:
            found = self._spot_read[region] = self._parse_spot(self._spot_lines.get((region,), ()))
        return found

    def _parse(self, lines: Sequence[_Line]) -> Mapping[str, Sequence[Row]]:
        found: dict[str, list[Row]] = {}
        for number, (service, region, item, start, usd, source) in _fields(lines, PRICES, _COLUMNS):
            wrong = _Wrong(PRICES, number)
            if service not in items.catalogue().services:
                wrong("service", service, "is not a service of the price book")
            if not items.catalogue().find(service, item):
                wrong("item", item, f"is not an item of {service}")
            row = Row(service, region, item, self._start(start, wrong), _usd(usd, "usd", wrong), source)
            self._known(source, wrong)
            steps = found.setdefault(item, [])
            if any(each.start == row.start for each in steps):
                wrong("item", item, "is a duplicate")
            steps.append(row)
        return {item: sorted(steps) for item, steps in found.items()}

    def _parse_spot(self, lines: Sequence[_Line]) -> Mapping[str, SpotRow]:
        found: dict[str, SpotRow] = {}
        for number, (region, item, low, high, source) in _fields(lines, SPOT, _SPOT_COLUMNS):
            wrong = _Wrong(SPOT, number)
            if not items.catalogue().find("ec2", item):
                wrong("item", item, "is not an instance type")
            if item in found:
                wrong("item", item, "is a duplicate")
            row = SpotRow(region, item, _usd(low, "min", wrong), _usd(high, "max", wrong), source)
            if row.low > row.high:
                wrong("max", high, f"is below the lowest price, {low}")
            self._known(source, wrong)
            found[item] = row
        return found

    def _known(self, source: str, wrong: "_Wrong") -> None:
        if source not in self.sources:
            wrong("source", source, f"is not in {SOURCES}")

    @staticmethod
    def _start(text: str, wrong: "_Wrong") -> float:
        start = _number(text or "0")
        if start is None or start < 0:
            wrong("from_quantity", text, "is not a quantity")
        return start


class _Wrong(NamedTuple):
    """Raises an error with the position in a file."""

    file: str
    line: int

    def __call__(self, column: str, value: str, what: str) -> NoReturn:
        raise BookError(f"The price book is invalid: {self.file}, line {self.line}, column {column}: {value!r} {what}.")


def load(path: Path | None = None) -> Book:
    """Load a price book.

    Args:
        path: folder of the book. Default: the package's book.

    Raises:
        BookError: a file is missing or has an invalid structure. Invalid rows are reported on first use.
    """
    return _load(path) if path else _cached(FOLDER)


def _load(folder: Path) -> Book:
    return Book(_sources(_text(folder / SOURCES)), _grouped(_text(folder / PRICES), PRICES, _COLUMNS, 2), folder)


_cached: Final = cache(_load)


def save(folder: Path, rows: Iterable[Row], spot_rows: Iterable[SpotRow], sources: Iterable[Source]) -> None:
    """Write a sorted price book. If the process is interrupted, the book on disk remains readable.

    Args:
        folder: folder of the book.
        rows: prices.
        spot_rows: spot prices.
        sources: sources of these rows and of the existing book; only those of these rows are kept.
    """
    kept, kept_spot, known = sorted(rows), sorted(spot_rows), sorted(sources, key=lambda source: source.key)
    used = {row.source for row in kept} | {row.source for row in kept_spot}
    prices = ((*row[:3], decimal(row.start) if row.start else "", decimal(row.usd), row.source) for row in kept)
    spots = ((row.region, row.item, decimal(row.low), decimal(row.high), row.source) for row in kept_spot)
    # A row must never refer to a missing source, so old sources are removed last.
    files.replace(folder / SOURCES, _sources_text(known), mode=0o644)
    files.replace(folder / PRICES, _csv_text(_COLUMNS, prices), mode=0o644)
    files.replace(folder / SPOT, _csv_text(_SPOT_COLUMNS, spots), mode=0o644)
    files.replace(folder / SOURCES, _sources_text(source for source in known if source.key in used), mode=0o644)


def _usd(text: str, column: str, wrong: _Wrong) -> float:
    usd = _number(text)
    if usd is None or usd <= 0:
        wrong(column, text, "is not a price above 0")
    return usd


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise BookError(f"The price book cannot be read: {path}: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise BookError(f"The price book is invalid: {path.name}, line {line}: the text is not UTF-8.") from None


def _grouped(text: str, file: str, columns: Sequence[str], keys: int) -> Mapping[tuple[str, ...], Sequence[_Line]]:
    """The lines of a file, grouped by the first columns."""
    head, *lines = text.splitlines() or [""]
    if head != ",".join(columns):
        raise BookError(f"The price book is invalid: {file}, line 1: the columns are not {', '.join(columns)}.")
    found: dict[tuple[str, ...], list[_Line]] = {}
    for number, line in enumerate(lines, 2):
        *key, _ = line.split(",", keys)
        found.setdefault(tuple(key), []).append((number, line))
    for short in (key for key in found if len(key) < keys):
        [*_fields(found[short], file, columns)]
    return found


def _fields(lines: Sequence[_Line], file: str, columns: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """The fields of lines, each with its line number."""
    reader = csv.reader((line for _, line in lines), strict=True)
    for number, _ in lines:
        try:
            fields = next(reader)
        except csv.Error as error:
            raise BookError(f"The price book is invalid: {file}, line {number}: {error}.") from None
        if len(fields) != len(columns):
            last = columns[min(max(len(fields), 1), len(columns)) - 1]
            raise BookError(
                f"The price book is invalid: {file}, line {number}, column {last}: "
                f"the line has {len(fields)} fields instead of {len(columns)}."
            )
        yield number, fields


def _sources(text: str) -> Mapping[str, Source]:
    try:
        read = yaml.load(text, Loader=LOADER)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        what = getattr(error, "problem", None) or "not valid YAML"
        raise BookError(f"The price book is invalid: {SOURCES}{place}: {what}.") from None
    found = {}
    for key, entry in (read or {}).items() if isinstance(read or {}, Mapping) else [(SOURCES, None)]:
        if (
            not isinstance(entry, Mapping)
            or entry.keys() != {"title", "where", "day"}
            or type(entry["day"]) is not date
        ):
            raise BookError(f"The price book is invalid: {SOURCES}: {key} must have the keys title, where and day.")
        found[key] = Source(key, str(entry["title"]), str(entry["where"]), entry["day"])
    return found


def _sources_text(sources: Iterable[Source]) -> str:
    entries = {each.key: {"title": each.title, "where": each.where, "day": each.day} for each in sources}
    return yaml.safe_dump(entries, allow_unicode=True, sort_keys=False, width=10_000)


def _csv_text(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    made = io.StringIO(newline="")
    writer = csv.writer(made, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return made.getvalue()

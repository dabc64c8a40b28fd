"""All type records, of AWS and of other providers."""

from collections.abc import Iterator, Sequence

from awsfacts import types
from awsfacts.records import Record
from mlpctl.review.types import records


def aws() -> Iterator[tuple[str, Record]]:
    """The records of AWS types by token, including the facts about their whole service."""
    return ((token, types.record(token)) for token in types.tokens())


def others() -> Iterator[tuple[Sequence[str], Record]]:
    """The records of other types, by tokens and patterns, and the records of whole AWS services."""
    for file in records.FILES:
        yield from ((row.types, row) for row in records.rows(file))
    for service in types.services():
        yield (f"aws:{service}/*",), types.others(service)


def every() -> Iterator[Record]:
    """All records."""
    yield from (record for _, record in aws())
    yield from (record for _, record in others())

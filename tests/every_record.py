"""Every record that there is, of AWS's types and of others."""

from collections.abc import Iterator, Sequence

from awsfacts import types
from awsfacts.records import Record
from mlpctl.review import records


def aws() -> Iterator[tuple[str, Record]]:
    """The records of AWS's types by token, with what is known of their whole service."""
    return ((token, types.record(token)) for token in types.tokens())


def others() -> Iterator[tuple[Sequence[str], Record]]:
    """The records of other types, by their tokens and patterns; and those of whole services of AWS."""
    for file in records.FILES:
        yield from ((row.types, row) for row in records.rows(file))
    for service in types.services():
        yield (f"aws:{service}/*",), types.others(service)


def every() -> Iterator[Record]:
    """All of them."""
    yield from (record for _, record in aws())
    yield from (record for _, record in others())

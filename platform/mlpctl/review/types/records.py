"""Records of resource types: those of AWS from `awsfacts`, all others from `tables/`."""

import fnmatch
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from awsfacts import types as aws
from awsfacts.records import Record
from awsfacts.tables import read_tables

_FILES: Final = {
    "mlplatform": "engine",
    "pulumi": "engine",
    "kubernetes": "kubernetes",
    "aws-native": "aws-native",
    "gcp": "google",
    "google-native": "google",
    "azure": "azure",
    "azure-native": "azure",
    "azuread": "azure",
}
"""The file or folder in `tables/` with the types of a package."""

_OTHERS: Final = "others"
"""The file for all other packages."""

_UNLISTED: Final = "unlisted"
"""The file of patterns for types that have no record."""

_EVERY: Final = "every"
"""The file of properties that any type may have."""

FILES: Final = (*dict.fromkeys(_FILES.values()), _OTHERS, _UNLISTED, _EVERY)
"""Every file in `tables/`."""


class Row(Record):
    """A record of several types."""

    types: Sequence[str]
    """Types, or patterns of types, in the form of `short`."""


_ADDED: Final = ("watches", "retains")
"""Fields that a type collects from all matching rows."""


@dataclass(frozen=True)
class _Table:
    """The records of a file."""

    named: Mapping[str, Record]
    patterns: Sequence[tuple[re.Pattern[str], Record]]

    def layers(self, type: str) -> Iterator[Record]:
        """The records of a type; one that names it comes first."""
        if type in self.named:
            yield self.named[type]
        yield from (row for pattern, row in self.patterns if pattern.match(type))


def short(type: str) -> str:
    """A type without its class if that only repeats the module: `aws:s3/bucket` for `aws:s3/bucket:Bucket`."""
    module, _, name = type.rpartition(":")
    return module if "/" in module and module.rsplit("/", 1)[-1].lower() == name.lower() else type


@cache
def record(type: str) -> Record:
    """The record of a type, by its token or its form in `short`."""
    name = short(type)
    own = aws.record(name) if name.startswith(aws.PACKAGE) else _own(name)
    found = _first([own, *_table(_UNLISTED).layers(name)])
    watched = {(each.property, each.test) for each in found.watches}
    every = [each for layer in _table(_EVERY).layers(name) for each in layer.watches]
    more = [each for each in every if (each.property, each.test) not in watched]
    return found.model_copy(update={"watches": [*found.watches, *more]})


@cache
def original(type: str) -> str:
    """The type, in the form of `short`, that a type is an older or an alternative name of; else the type itself."""
    return aws.original(short(type))


def _own(name: str) -> Record:
    """The record of a type of a package other than AWS, from all matching rows."""
    layers = [*_table(_FILES.get(name.partition(":")[0], _OTHERS)).layers(name)]
    found = _first(layers)
    return found.model_copy(
        update={name: [each for layer in layers for each in getattr(layer, name)] for name in _ADDED}
    )


@cache
def names() -> tuple[str, ...]:
    """All types with a description for readers, in the form of `short`; without patterns."""
    of_aws = (short(token) for token in aws.tokens() if aws.record(token).describes)
    named = (_table(file).named for file in FILES)
    return (*of_aws, *(name for table in named for name, row in table.items() if row.describes))


def rows(file: str) -> Iterator[Row]:
    """The rows of a file of `tables/`, or of all files of a folder, in order."""
    return (
        Row.model_validate(each) for table in read_tables(f"tables/{file}", "mlpctl.review.types") for each in table
    )


@cache
def _table(file: str) -> _Table:
    named: dict[str, Record] = {}
    patterns = []
    for row in rows(file):
        for type in row.types:
            if "*" in type:
                patterns.append((re.compile(fnmatch.translate(type)), row))
            else:
                named[type] = row
    return _Table(named, patterns)


def _first(layers: Sequence[Record]) -> Record:
    """A record in which each part (description, cost …) comes from the first layer that has it."""
    found = Record()
    for layer in layers:
        found = found.completed(layer)
    return found

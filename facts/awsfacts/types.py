"""The records of AWS's resource types, by the type tokens of the Pulumi AWS SDK."""

import functools
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Final

from awsfacts.records import Record
from awsfacts.tables import Row, read_tables

PACKAGE: Final = "aws:"

_TOKEN: Final = re.compile(r"aws:(?P<service>\w+)/(?P<member>\w+)(:(?P<name>\w+))?")


class Service(Row):
    """The types of one service: a file in `types/`, e.g. `s3.yaml` with those of the SDK's module `s3`, or a folder."""

    types: Mapping[str, Record]
    """The records by class name, e.g. `Bucket`."""

    others: Record = Record()
    """Defaults for the service's types: for those without a record, and for fields that a record omits."""

    def own(self, name: str) -> Record | None:
        """The record of a class, completed by the record that `like` refers to; None if there is no record."""
        found = self.types.get(name)
        if found is None or not found.like:
            return found
        other, _, cls = found.like.rpartition("/")
        liked = _service(other).own(cls) if other else self.own(cls)
        if liked is None:
            raise LookupError(f"{name}: like is {found.like}, which has no record")
        return found.likened(liked)


@functools.cache
def record(type: str) -> Record:
    """The facts about a type, by its token, or its token without the class name, e.g. `aws:s3/bucket`."""
    found = _TOKEN.fullmatch(type)
    if found is None:
        return Record()
    service = _service(found["service"])
    name = found["member"][:1].upper() + found["member"][1:]
    own = service.own(name) if found["name"] in (None, name) else None
    return service.others if own is None else own.completed(service.others)


def original(type: str) -> str:
    """The type that a type is an older or an alternative name of, without its class name; else the type itself."""
    found = _TOKEN.fullmatch(type)
    if found is None:
        return type
    member = found["member"]
    own = _service(found["service"]).types.get(member[:1].upper() + member[1:])
    if own is None or not own.like:
        return type
    service, _, name = own.like.rpartition("/")
    return original(f"{PACKAGE}{service or found['service']}/{name[:1].lower()}{name[1:]}")


def tokens() -> Iterator[str]:
    """The tokens of all types that have their own record."""
    for name in services():
        yield from (token(name, each) for each in _service(name).types)


def token(service: str, name: str) -> str:
    """The token of a service's class, e.g. `aws:s3/bucket:Bucket` for `s3` and `Bucket`."""
    return f"{PACKAGE}{service}/{name[:1].lower()}{name[1:]}:{name}"


@functools.cache
def services() -> tuple[str, ...]:
    """The services that have records."""
    found = (files("awsfacts") / "types").iterdir()
    return tuple(
        sorted(each.name.removesuffix(".yaml") for each in found if each.is_dir() or each.name.endswith(".yaml"))
    )


def others(service: str) -> Record:
    """The facts about a service's types without a record."""
    return _service(service).others


def own(service: str) -> Mapping[str, Record]:
    """The records of a service's types as they are in the file, by class name."""
    return _service(service).types


@functools.cache
def _service(name: str) -> Service:
    if name not in services():
        return Service(types={})
    data = {type: facts for table in read_tables(f"types/{name}") for type, facts in table.items()}
    others = data.pop("others", {})
    return Service.model_validate({"types": data, "others": others})

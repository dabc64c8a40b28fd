"""A stored resource type and its create, describe, update and delete operations, from botocore's model."""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from botocore.model import ListShape, OperationModel, Shape, StructureShape
from moto.core.exceptions import ServiceException
from moto.core.utils import get_service_model, utcnow

from mlsandbox.endpoint.store.records import Record, StoreBackend
from mlsandbox.endpoint.validation import page

_ACCOUNT: Final = ("accountid", "ownerid", "registryid")
"""Fields that contain the account ID, in lowercase."""


@dataclass(frozen=True)
class Call:
    """The account and region of a request."""

    backend: StoreBackend

    @property
    def account(self) -> str:
        """The account ID."""
        return str(self.backend.account_id)

    @property
    def region(self) -> str:
        """The region."""
        return str(self.backend.region_name)


Check = Callable[[Call, Record], None]


def _as_it_is(call: Call, record: Record) -> Record:
    return record


def _anything(call: Call, record: Record) -> None:
    """Accept everything."""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """An AWS resource type: the facts that botocore's model does not contain."""

    service: str
    """boto3's name of the service."""

    noun: str
    """The name in its operations: `Create<noun>`, `Describe<noun>`, `Update<noun>`, `Delete<noun>`."""

    key: str
    """The field that identifies a resource, in describe responses."""

    exists: str
    """Error code if a resource with the name already exists."""

    missing: str
    """Error code if the resource does not exist."""

    called: str = ""
    """The type's name in error messages; by default the noun."""

    within: str = "in the account with id"
    """The text before the account ID in error messages."""

    id: str = ""
    """Prefix of the IDs that the service generates, e.g. `g-`. If empty, the create request contains the key."""

    arn: str = ""
    """The part of its ARN after the account, with `{key}`. The ARN is set in the model's field for it."""

    names: Mapping[str, str] = field(default_factory=dict)
    """Request fields with another name in describe responses: request → response, with dots for nested fields."""

    defaults: Mapping[str, Any] = field(default_factory=dict)
    """AWS's default values."""

    together: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By field: other fields that an update of this field removes, unless it contains them."""

    lenient: bool = False
    """Whether a describe request for several resources omits those that do not exist."""

    deletes_nothing: bool = False
    """Whether the deletion of a resource that does not exist succeeds."""

    fill: Callable[[Call, Record], Record] = _as_it_is
    """Adds the values that AWS computes when it creates a resource, or rejects the request."""

    check: Check = _anything
    """Rejects a new or updated resource that AWS rejects, for example because an ID or ARN in it does not exist."""

    def model(self, operation: str) -> OperationModel:
        """Botocore's model of an operation."""
        found: OperationModel = get_service_model(self.service).operation_model(operation)
        return found

    @cached_property
    def operations(self) -> Mapping[str, Callable[[Call, Record], Record]]:
        """The type's operations in AWS, with their implementations."""
        known = get_service_model(self.service).operation_names
        answers = {
            f"Create{self.noun}": self._create,
            f"Describe{self.noun}": self._describe,
            f"Describe{self.noun}s": self._describe,
            f"Get{self.noun}": self._describe,
            # The list of a type with this operation contains only keys.
            f"BatchGet{self.noun}s" if f"BatchGet{self.noun}s" in known else f"List{self.noun}s": self._describe,
            f"Update{self.noun}": self._update,
            f"Delete{self.noun}": self._delete,
        }
        return {name: answer for name, answer in answers.items() if name in known}

    def answer(self, operation: str, call: Call, request: Record) -> Record:
        """Execute an operation. Raises `ServiceException` with the service's error."""
        result = self.operations[operation](call, request)
        shape = self.model(operation).output_shape
        return self._shaped(shape, call, result) if isinstance(shape, StructureShape) else {}

    def _create(self, call: Call, request: Record) -> Record:
        record = self.fill(call, {**self.defaults, **self._stored(request)})
        if self.id:
            record[self.key] = f"{self.id}{uuid.uuid4().hex[:10]}"
        key, there = record[self.key], call.backend.of(self.service, self.noun)
        if key in there:
            raise ServiceException(self.exists, self._message(call, key, "already exists"))
        self.check(call, record)
        if self.arn:
            where = f"{self._signed}:{call.region}:{call.account}"
            record |= dict.fromkeys(self._arns(), f"arn:{call.backend.partition}:{where}:{self.arn.format(key=key)}")
        there[key] = record | dict.fromkeys(self._times("creat", "updat", "modif"), utcnow())
        return {"one": there[key]}

    def _describe(self, call: Call, request: Record) -> Record:
        there = call.backend.of(self.service, self.noun)
        if key := self._key_in(request):
            return {"one": self._find(call, key)}
        wanted = request.get(f"{self.key}s") or request.get(f"{self.key}es") or [*there]
        if self.lenient:
            wanted = [key for key in wanted if key in there]
        some, token = page([self._find(call, key) for key in wanted], request)
        return {"all": some, "nextToken": token}

    def _update(self, call: Call, request: Record) -> Record:
        key = self._key_in(request)
        record = dict(self._find(call, key))
        for name, others in self.together.items():
            if name in request:
                record = {member: value for member, value in record.items() if member not in others}
        # In AWS, an empty string removes a value.
        record = {name: value for name, value in {**record, **self._stored(request)}.items() if value != ""}
        self.check(call, record)
        record |= dict.fromkeys(self._times("updat", "modif"), utcnow())
        call.backend.of(self.service, self.noun)[key] = record
        return {"one": record}

    def _delete(self, call: Call, request: Record) -> Record:
        key, there = self._key_in(request), call.backend.of(self.service, self.noun)
        if self.deletes_nothing and key not in there:
            return {}
        record = self._find(call, key)
        del there[record[self.key]]
        return {"one": record}

    def _key_in(self, request: Record) -> str:
        """The resource key in a request, by its name in requests; empty if the request has none."""
        return next((value for name, value in request.items() if self.names.get(name, name) == self.key), "")

    def _find(self, call: Call, key: str) -> Record:
        there = call.backend.of(self.service, self.noun)
        if key not in there:
            raise ServiceException(self.missing, self._message(call, key, "does not exist"))
        return there[key]

    def _message(self, call: Call, key: str, what: str) -> str:
        return f"{self.called or self.noun} '{key}' {what} {self.within} '{call.account}'"

    def _stored(self, request: Record) -> Record:
        """The request's fields that describe responses also contain, by their names there."""
        record: Record = {}
        for name, value in request.items():
            way = self.names.get(name, name).split(".")
            if way[0] in self._described.members and way[0].lower() not in _ACCOUNT:
                place = record
                for part in way[:-1]:
                    place = place.setdefault(part, {})
                place[way[-1]] = value
        return record

    @cached_property
    def _described(self) -> StructureShape:
        """The structure that describes a resource."""
        reading = next(name for name in self.operations if name.startswith(("Describe", "Get", "BatchGet", "List")))
        shape = self.model(reading).output_shape
        assert shape is not None
        return next(each for each in _structures(shape) if self.key in each.members)

    @cached_property
    def _signed(self) -> str:
        service = get_service_model(self.service)
        return str(service.metadata.get("signingName") or service.endpoint_prefix)

    def _times(self, *words: str) -> Iterator[str]:
        for name, shape in self._described.members.items():
            if shape.type_name == "timestamp" and any(word in name.lower() for word in words):
                yield name

    def _arns(self) -> list[str]:
        """The fields that contain the resource's own ARN."""
        own = ("arn", "resourcearn", f"{self.noun.lower()}arn")
        return [name for name in self._described.members if name.lower() in own]

    def _shaped(self, shape: StructureShape, call: Call, result: Record) -> Record:
        """A response with this shape, for one resource or for several."""
        one: Record = result.get("one") or {}
        answer: Record = {}
        for name, member in shape.members.items():
            if name in one:
                answer[name] = one[name]
            elif name.lower() in _ACCOUNT:
                answer[name] = call.account
            elif name == "nextToken" and result.get(name):
                answer[name] = result[name]
            elif isinstance(member, StructureShape) and self.key in member.members and one:
                answer[name] = self._shaped(member, call, result)
            elif isinstance(member, ListShape) and isinstance(member.member, StructureShape) and "all" in result:
                answer[name] = [self._shaped(member.member, call, {"one": each}) for each in result["all"]]
        return answer


def _structures(shape: Shape) -> Iterator[StructureShape]:
    """The response's own structure and those of its direct fields and lists."""
    if isinstance(shape, ListShape):
        yield from _structures(shape.member)
    if isinstance(shape, StructureShape):
        yield shape
        for member in shape.members.values():
            inner = member.member if isinstance(member, ListShape) else member
            if isinstance(inner, StructureShape):
                yield inner

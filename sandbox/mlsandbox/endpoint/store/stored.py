"""A stored type, and its four operations as botocore's model has them."""

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
"""Members, in small letters, that hold the id of the account."""


@dataclass(frozen=True)
class Call:
    """One request: where it goes."""

    backend: StoreBackend

    @property
    def account(self) -> str:
        """The account's id."""
        return str(self.backend.account_id)

    @property
    def region(self) -> str:
        """The region."""
        return str(self.backend.region_name)


Check = Callable[[Call, Record], None]


def _as_it_is(call: Call, record: Record) -> Record:
    return record


def _anything(call: Call, record: Record) -> None:
    """Refuse nothing."""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A type of AWS: what botocore's model does not tell of it."""

    service: str
    """boto3's name."""

    noun: str
    """The name in its operations: `Create<noun>`, `Describe<noun>`, `Update<noun>`, `Delete<noun>`."""

    key: str
    """The member that names one, in descriptions."""

    exists: str
    """Code of the error for a second one of the name."""

    missing: str
    """Code of the error where there is none."""

    called: str = ""
    """What an error's message calls it; the noun if nothing is given."""

    within: str = "in the account with id"
    """What an error's message says before the account's id."""

    id: str = ""
    """Beginning of the ids that the service makes: `g-`. A type without has its key in the request that creates it."""

    arn: str = ""
    """The part of its ARN after the account, with `{key}`; the ARN goes to the member that the model has for it."""

    names: Mapping[str, str] = field(default_factory=dict)
    """Members of requests that descriptions call otherwise: request → description, with dots below a member."""

    defaults: Mapping[str, Any] = field(default_factory=dict)
    """What AWS fills in."""

    together: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Members that an update with a certain member takes away, where it does not give them."""

    lenient: bool = False
    """Whether a description of several leaves out those that do not exist."""

    fill: Callable[[Call, Record], Record] = _as_it_is
    """Adds what AWS makes of the request that creates one, or refuses it."""

    check: Check = _anything
    """Refuses what AWS does, of a thing as it would be; for example ids and ARNs that have to exist."""

    def model(self, operation: str) -> OperationModel:
        """Botocore's model of an operation."""
        found: OperationModel = get_service_model(self.service).operation_model(operation)
        return found

    @cached_property
    def operations(self) -> Mapping[str, Callable[[Call, Record], Record]]:
        """The operations that AWS has for the type, with what answers them."""
        known = get_service_model(self.service).operation_names
        answers = {
            f"Create{self.noun}": self._create,
            f"Describe{self.noun}": self._describe,
            f"Describe{self.noun}s": self._describe,
            f"Get{self.noun}": self._describe,
            f"List{self.noun}s": self._describe,
            f"Update{self.noun}": self._update,
            f"Delete{self.noun}": self._delete,
        }
        return {name: answer for name, answer in answers.items() if name in known}

    def answer(self, operation: str, call: Call, request: Record) -> Record:
        """Carry out an operation. Raises `ServiceException` with the service's error."""
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
        # An empty text is how AWS takes something away.
        record = {name: value for name, value in {**record, **self._stored(request)}.items() if value != ""}
        self.check(call, record)
        record |= dict.fromkeys(self._times("updat", "modif"), utcnow())
        call.backend.of(self.service, self.noun)[key] = record
        return {"one": record}

    def _delete(self, call: Call, request: Record) -> Record:
        record = self._find(call, self._key_in(request))
        del call.backend.of(self.service, self.noun)[record[self.key]]
        return {"one": record}

    def _key_in(self, request: Record) -> str:
        """The key that a request is about, by the name that requests have for it; empty where it has none."""
        return next((value for name, value in request.items() if self.names.get(name, name) == self.key), "")

    def _find(self, call: Call, key: str) -> Record:
        there = call.backend.of(self.service, self.noun)
        if key not in there:
            raise ServiceException(self.missing, self._message(call, key, "does not exist"))
        return there[key]

    def _message(self, call: Call, key: str, what: str) -> str:
        return f"{self.called or self.noun} '{key}' {what} {self.within} '{call.account}'"

    def _stored(self, request: Record) -> Record:
        """The members of a request that a description has too, by the names that it has for them."""
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
        """The structure that describes one."""
        reading = next(name for name in self.operations if name.startswith(("Describe", "Get", "List")))
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
        """The member that holds the type's own ARN."""
        own = ("arn", "resourcearn", f"{self.noun.lower()}arn")
        return [name for name in self._described.members if name.lower() in own]

    def _shaped(self, shape: StructureShape, call: Call, result: Record) -> Record:
        """An answer of the shape, from one thing or from several."""
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
    """The structures of an answer from the outside in, as far as its own lists and members go."""
    if isinstance(shape, ListShape):
        yield from _structures(shape.member)
    if isinstance(shape, StructureShape):
        yield shape
        for member in shape.members.values():
            inner = member.member if isinstance(member, ListShape) else member
            if isinstance(inner, StructureShape):
                yield inner

"""Check requests against AWS's documented limits: the services' models, `limits.yaml`, and checks in code."""

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import jmespath
from botocore.model import OperationModel
from pydantic import BaseModel, ConfigDict

from awsfacts.tables import read_table
from mlsandbox.endpoint.limits import bucket_lifecycle, policies
from mlsandbox.endpoint.limits.request import Refusal, Request
from mlsandbox.endpoint.validation import message, violations

__all__ = ["CHECKED", "Refusal", "Request", "refusal"]

MODELLED: Final[Mapping[str, str]] = {
    "autoscaling": "ValidationError",
    "ecr": "InvalidParameterException",
    "iam": "ValidationError",
    "kms": "ValidationException",
    "logs": "InvalidParameterException",
}
"""Services whose models contain constraints, with the error code for violations."""

CHECKED: Final = frozenset({*MODELLED, "ec2", "eks", "s3"})
"""Services whose requests are checked."""

_SHOWN: Final = 60

_CODED: Final[Mapping[str, Callable[[Request], Refusal | None]]] = {**policies.CHECKS, **bucket_lifecycle.CHECKS}


class Rule(BaseModel):
    """One entry of `limits.yaml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    operations: str
    members: Sequence[str]
    pattern: str = ""
    most: int | None = None
    code: str
    message: str
    source: str
    unconfirmed: bool = False

    def refusal(self, request: Request) -> Refusal | None:
        """The error if the request violates this rule; None if it does not."""
        for member in self.members:
            found = jmespath.search(member, request.parameters)
            values = found if isinstance(found, list) else [] if found is None else [found]
            if self.most is not None and len(values) > self.most:
                return Refusal(self.code, self.message)
            for value in values if self.pattern else ():
                if value is not None and not re.fullmatch(self.pattern, str(value)):
                    return Refusal(self.code, self.message.format(value=_short(str(value))))
        return None


@dataclass(frozen=True)
class _Table:
    rules: Sequence[Rule]

    def of(self, operation: str) -> Iterator[Rule]:
        return (rule for rule in self.rules if re.fullmatch(rule.operations, operation))


def refusal(request: Request, model: OperationModel) -> Refusal | None:
    """AWS's error for a request that changes something; None if no known limit is violated."""
    if code := MODELLED.get(request.service):
        found = list(violations(model.input_shape, request.parameters)) if model.input_shape else []
        if found:
            return Refusal(code, message(found))
    name = f"{request.service}:{request.operation}"
    for rule in table().of(name):
        if wrong := rule.refusal(request):
            return wrong
    check = _CODED.get(name)
    return check(request) if check else None


@functools.cache
def table() -> _Table:
    """The rules of `limits.yaml`."""
    return _Table([Rule.model_validate(each) for each in read_table("limits.yaml", "mlsandbox.endpoint.limits")])


def _short(value: str) -> str:
    return value if len(value) <= _SHOWN else f"{value[:_SHOWN]}…"

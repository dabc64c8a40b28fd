"""The estate of a plan: what exists after the update."""

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from typing import Any, Final

from awsfacts import types as aws
from mlpctl.policies.estate import Estate, Resource
from mlpctl.policies.siblings import Siblings
from mlpctl.review.plan.model import Change, Op, Plan
from mlpctl.review.relations.containers import own_names

_GOES: Final = frozenset({Op.DELETE, Op.FORGET, Op.GONE})


def of_plan(plan: Plan, settings: Mapping[str, Any], today: date, siblings: Siblings | None = None) -> Estate:
    """The resources of a plan that exist after the update.

    Args:
        plan: the plan.
        settings: the platform's section of the stack file with all defaults; empty for a program without it.
        today: the day on which versions are supported or not.
        siblings: the other stacks of the project; None if it is not at hand.
    """

    def make(estate: Estate) -> Iterator[Resource]:
        for change in plan:
            if change.custom and change.op not in _GOES and not change.is_provider and not change.old_copy:
                yield _resource(estate, change)

    return Estate(make, settings, today=today, siblings=siblings)


def _resource(estate: Estate, change: Change) -> Resource:
    inputs = change.new or change.inputs
    return Resource(
        urn=change.urn,
        type=current_type(change.type),
        inputs=inputs,
        estate=estate,
        id=change.id,
        parent=change.parent,
        depends=change.depends,
        read=change.op is Op.READ,
        protected=change.protected,
        retained=change.retained,
        names=names_of(change.type, inputs, change.id),
    )


def names_of(type: str, inputs: Mapping[str, Any], id: str = "") -> frozenset[str]:
    """The ID of a resource and the names in its inputs: what other resources may call it."""
    return frozenset({*own_names(type, inputs), *([id] if id else [])})


@cache
def current_type(type: str) -> str:
    """The token of a type, or of the type that it is an older name of: `aws:s3/bucket:Bucket` of `BucketV2`."""
    found = aws.original(type)
    if found == type:
        return type
    service, _, member = found.removeprefix(aws.PACKAGE).partition("/")
    return aws.token(service, member[:1].upper() + member[1:])

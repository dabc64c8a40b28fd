"""Compares a created resource with the deleted one that is the same in the cloud, as if one had been updated."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from mlpctl.review.dangers.twins import pairs
from mlpctl.review.plan.model import Change, Op, Plan


class Renamed(NamedTuple):
    """A plan without renames."""

    plan: Plan
    """The plan, in which each created resource with a deleted twin is an update of it."""

    twins: Mapping[str, Change]
    """The deleted resources, by the URN of the created one."""


def renamed(plan: Plan) -> Renamed:
    """Replace the creation of each resource that has a deleted twin by an update."""
    twins = {each.come: plan.by_urn[each.gone] for each in pairs(plan) if each.is_renamed}
    if not twins:
        return Renamed(plan, {})
    changes = tuple(_updated(each, twins.get(each.urn)) for each in plan)
    return Renamed(replace(plan, changes=changes), twins)


def _updated(come: Change, gone: Change | None) -> Change:
    return come if gone is None else replace(come, op=Op.UPDATE, old=gone.old, id=gone.id)

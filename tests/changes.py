"""Hand-written plans for tests of the review."""

from collections.abc import Mapping
from typing import Any

from mlpctl.review.plan.model import Change, Op, Plan

STACK = "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev"


def urn(type: str, name: str = "it", parent: str = "") -> str:
    return f"urn:pulumi:dev::shop::{parent + '$' if parent else ''}{type}::{name}"


def change(type: str, op: Op = Op.UPDATE, *, name: str = "it", parent_type: str = "", **fields: Any) -> Change:
    """A change of a resource. For a creation or deletion, only `inputs` is needed."""
    inputs: Mapping[str, Any] = fields.pop("inputs", {})
    sides = {Op.CREATE: {"new": inputs}, Op.DELETE: {"old": inputs}}.get(op, {"old": inputs, "new": inputs})
    return Change(urn(type, name, parent_type), op, **{"parent": STACK, **sides, **fields})


def update(type: str, old: Any, new: Any, **fields: Any) -> Change:
    return change(type, old=old, new=new, **fields)


def plan(*changes: Change) -> Plan:
    return Plan(changes, "shop", "dev")

"""Compact cases of changed Kubernetes objects."""

from collections.abc import Sequence
from typing import Any

from changes import change, plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.plan.model import Op


def spec(**fields: Any) -> dict[str, Any]:
    return {"spec": fields}


def text_of(*changes: Any) -> str:
    return " ".join(each.text for each in dangers(plan(*changes)))


def check(cases: Sequence[tuple[str, Any, Any, str]]) -> None:
    """Each case is a type, old and new inputs, None for none, and a part of the text; empty for no danger."""
    for type, old, new, says in cases:
        op = Op.CREATE if old is None else Op.DELETE
        made = change(type, op, inputs=new or old) if old is None or new is None else update(type, old, new)
        found = text_of(made)
        assert says in found and bool(says) is bool(found), (type, old, new, found)

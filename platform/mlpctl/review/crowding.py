"""Pods that a plan adds and that have no room on their pool until others are gone, which the engine deletes only later.

The engine creates before it deletes, and waits for each Deployment's pods: such an update never ends well.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from awsfacts import instances
from mlpctl import urns
from mlpctl.review.context import Context
from mlpctl.review.finding import listed
from mlpctl.review.kinds import short_type
from mlpctl.review.plan import Change, Op, Plan
from mlpctl.review.values import Value
from mlpctl.review.watched import accelerators
from mlpctl.review.watches import value_at
from mlplatform.compute.gpu_node_pool.spec import GPU_RESOURCE, POOL_LABEL

_SETS: Final = ("kubernetes:apps/v1:Deployment", "kubernetes:apps/v1:StatefulSet")
_NODES: Final = "aws:eks/nodeGroup"
_TAG: Final = "aws:autoscaling/tag"
_STAYS: Final = frozenset({Op.SAME, Op.UPDATE, Op.CREATE, Op.REPLACE, Op.IMPORT})


def crowded(plan: Plan) -> Iterator[tuple[str, str]]:
    """What cannot start before something else is gone, as its URN and a sentence.

    Told where the plan says all that is needed: what each set of pods of a pool asks for, and what its nodes have. Of
    both the least that can be, and the most, so that nothing is told which may still fit.
    """
    context = Context(plan)
    by_pool: dict[str, list[Change]] = {}
    for change in plan:
        if change.type in _SETS and (pool := value_at(change.inputs, f'{_POD}nodeSelector["{POOL_LABEL}"]')):
            by_pool.setdefault(str(pool), []).append(change)
    for pool, sets in by_pool.items():
        coming = [each for each in sets if each.op is Op.CREATE]
        going = [each for each in sets if each.op is Op.DELETE]
        room = _room(context, pool) if coming and going else None
        if room is None:
            continue
        there = sum(map(_gpus, (each for each in sets if each.op in _STAYS)))
        leaving = sum(map(_gpus, going))
        if there <= room < there + leaving:
            yield (
                coming[0].urn,
                f"The pods of {listed(each.name for each in coming)} find no room in the pool {pool} until those of "
                f"{listed(each.name for each in going)} are gone: together they ask for {there + leaving} GPUs, and "
                f"the pool has {room}. The engine deletes what goes only after what comes is ready, so the update "
                "waits and fails. Take out the old one in an update before.",
            )


_POD: Final = "spec.template.spec."


def _gpus(change: Change) -> int:
    """The fewest GPUs that the pods of a set ask for."""
    inputs = (change.old if change.op is Op.DELETE else change.new) or change.inputs
    containers = value_at(inputs, f"{_POD}containers")
    asked = [
        _whole(value_at(each, f'resources.limits["{GPU_RESOURCE}"]'), 0)
        for each in (containers if isinstance(containers, list) else ())
        if isinstance(each, Mapping)
    ]
    # Without a number of its own a set has one pod, or as many as an autoscaler wants: at least one.
    return sum(asked) * _whole(value_at(inputs, "spec.replicas"), 1)


def _room(context: Context, pool: str) -> int | None:
    """The most GPUs that a pool can have; None where the plan does not tell."""
    groups = [
        each
        for each in context.plan
        if short_type(each.type) == _NODES and value_at(each.inputs, f'labels["{POOL_LABEL}"]') == pool
    ]
    if not groups:
        return None
    scaled = any(
        short_type(each.type) == _TAG and urns.name(each.parent) == pool and f"{pool}-hint" in each.name
        for each in context.plan
    )
    total = 0
    for group in groups:
        facts = [*map(instances.find, accelerators(context, group, "new" if group.new is not None else "old"))]
        nodes = value_at(group.inputs, f"scalingConfig.{'maxSize' if scaled else 'desiredSize'}")
        if not facts or None in facts or not isinstance(nodes, int | float):
            return None
        total += int(nodes) * max(each.gpus for each in facts if each)
    return total


def _whole(value: Value, default: int) -> int:
    """A number, or its digits; `default` where there is none or it is not known."""
    if isinstance(value, bool):
        return default
    if isinstance(value, int | float):
        return int(value)
    return int(value) if isinstance(value, str) and value.isdecimal() else default

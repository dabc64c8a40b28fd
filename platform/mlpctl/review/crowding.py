"""Pods that a plan adds and that have no room on their pool until others are gone, which the engine deletes only later.

The engine creates before it deletes, and waits for each Deployment's pods: such an update never ends well.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from awsfacts import instances
from awsfacts.instances import GPU_RESOURCE
from mlpctl.review.context import Context
from mlpctl.review.finding import listed
from mlpctl.review.kinds import short_type
from mlpctl.review.plan import Change, Op, Plan
from mlpctl.review.values import Value
from mlpctl.review.watched import accelerators
from mlpctl.review.watches import value_at

_SETS: Final = ("kubernetes:apps/v1:Deployment", "kubernetes:apps/v1:StatefulSet")
_NODES: Final = "aws:eks/nodeGroup"
_TAG: Final = "aws:autoscaling/tag"
_AUTOSCALER: Final = "k8s.io/cluster-autoscaler/"
"""How the keys of tags begin that tell a cluster autoscaler what a group's nodes are:
https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/cloudprovider/aws/README.md"""

Selector = frozenset[tuple[str, str]]
_STAYS: Final = frozenset({Op.SAME, Op.UPDATE, Op.CREATE, Op.REPLACE, Op.IMPORT})


def crowded(plan: Plan) -> Iterator[tuple[str, str]]:
    """What cannot start before something else is gone, as its URN and a sentence.

    Told where the plan says all that is needed: what each set of pods of a pool asks for, and what its nodes have. Of
    both the least that can be, and the most, so that nothing is told which may still fit.
    """
    context = Context(plan)
    by_selector: dict[Selector, list[Change]] = {}
    for change in plan:
        if change.type in _SETS and (selector := _selector(change)):
            by_selector.setdefault(selector, []).append(change)
    for selector, sets in by_selector.items():
        coming = [each for each in sets if each.op is Op.CREATE]
        going = [each for each in sets if each.op is Op.DELETE]
        groups = _groups(context, selector) if coming and going else []
        room = _room(context, groups)
        if room is None:
            continue
        there = sum(map(_gpus, (each for each in sets if each.op in _STAYS)))
        leaving = sum(map(_gpus, going))
        if there <= room < there + leaving:
            yield (
                coming[0].urn,
                f"The pods of {listed(each.name for each in coming)} do not fit beside those of "
                f"{listed(each.name for each in going)} on the nodes of {listed(each.name for each in groups)}: "
                f"together they request {there + leaving} GPUs, and these nodes have {room}. The engine deletes the "
                "old pods only after the new ones are ready, so the update waits and fails. Remove the old ones in an "
                "update before this one.",
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


def _selector(change: Change) -> Selector:
    """The labels that the nodes of a set's pods have to have; empty where one is not known."""
    wanted = value_at(change.inputs, f"{_POD}nodeSelector")
    items = wanted.items() if isinstance(wanted, Mapping) else ()
    known = {(key, value) for key, value in items if isinstance(value, str)}
    return frozenset(known) if len(known) == len(items) else frozenset()


def _groups(context: Context, selector: Selector) -> list[Change]:
    """The node groups whose nodes have these labels."""
    groups = [each for each in context.plan if short_type(each.type) == _NODES]
    labels = [(each, value_at(each.inputs, "labels")) for each in groups]
    return [each for each, own in labels if isinstance(own, Mapping) and selector <= {*own.items()}]


def _room(context: Context, groups: Sequence[Change]) -> int | None:
    """The most GPUs that node groups can have; None without groups, or where the plan does not contain it."""
    total = 0
    for group in groups:
        scaled = any(
            short_type(each.type) == _TAG
            and each.parent == group.parent
            and str(value_at(each.inputs, "tag.key")).startswith(_AUTOSCALER)
            for each in context.plan
        )
        facts = [*map(instances.find, accelerators(context, group, "new" if group.new is not None else "old"))]
        nodes = value_at(group.inputs, f"scalingConfig.{'maxSize' if scaled else 'desiredSize'}")
        if not facts or None in facts or not isinstance(nodes, int | float):
            return None
        total += int(nodes) * max(each.gpus for each in facts if each)
    return total if groups else None


def _whole(value: Value, default: int) -> int:
    """A number, or its digits; `default` where there is none or it is not known."""
    if isinstance(value, bool):
        return default
    if isinstance(value, int | float):
        return int(value)
    return int(value) if isinstance(value, str) and value.isdecimal() else default

"""Finds new pods that do not fit on their node pool before the engine deletes other pods.

The engine creates resources before it deletes others and waits for each Deployment's pods, so such an update fails.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from awsfacts import instances
from awsfacts.instances import GPU_RESOURCE
from mlpctl.review.compare.paths import value_at
from mlpctl.review.dangers.context import Context
from mlpctl.review.dangers.watched import accelerators
from mlpctl.review.plan.model import Change, Op, Plan
from mlpctl.review.types.kinds import short_type
from mlpctl.review.values.plain import Value, whole
from mlpctl.text import all_of

_SETS: Final = ("kubernetes:apps/v1:Deployment", "kubernetes:apps/v1:StatefulSet")
_NODES: Final = "aws:eks/nodeGroup"
_TAG: Final = "aws:autoscaling/tag"
_AUTOSCALER: Final = "k8s.io/cluster-autoscaler/"
"""Prefix of the tag keys that describe the nodes of a group to a cluster autoscaler:
https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/cloudprovider/aws/README.md"""

Selector = frozenset[tuple[str, str]]
_STAYS: Final = frozenset({Op.SAME, Op.UPDATE, Op.CREATE, Op.REPLACE, Op.IMPORT})


def crowded(plan: Plan) -> Iterator[tuple[str, str]]:
    """The pods that cannot start, each as the URN of their Deployment or StatefulSet and a sentence.

    Reported only if the plan contains the requests of all pods of a pool and the capacity of its nodes. The fewest
    possible requests are compared with the highest possible capacity, so that there are no false reports.
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
                f"The pods of {all_of(each.name for each in coming)} and "
                f"{all_of(each.name for each in going)} do not fit together on the nodes of "
                f"{all_of(each.name for each in groups)}: together they request {there + leaving} GPUs, and the nodes "
                f"have {room}. The engine deletes the old pods only after the new ones are ready, so the update waits "
                "and fails. Remove the old pods in an update before this one.",
            )


_POD: Final = "spec.template.spec."


def _gpus(change: Change) -> int:
    """The minimum number of GPUs that the pods of a set request."""
    inputs = (change.old if change.op is Op.DELETE else change.new) or change.inputs
    containers = value_at(inputs, f"{_POD}containers")
    asked = [
        _whole(value_at(each, f'resources.limits["{GPU_RESOURCE}"]'), 0)
        for each in (containers if isinstance(containers, list) else ())
        if isinstance(each, Mapping)
    ]
    # Without `replicas` a set has one pod, or as many as an autoscaler chooses: at least one.
    return sum(asked) * _whole(value_at(inputs, "spec.replicas"), 1)


def _selector(change: Change) -> Selector:
    """The node labels that the pods of a set require; empty if one of them is unknown."""
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
    """The maximum number of GPUs of node groups; None without groups, or if the plan does not contain it."""
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
        count = whole(nodes)
        if not facts or None in facts or count is None:
            return None
        total += count * max(each.gpus for each in facts if each)
    return total if groups else None


def _whole(value: Value, default: int) -> int:
    """A number, also from its digits; `default` if it is missing or unknown."""
    found = whole(value)
    return default if found is None else found

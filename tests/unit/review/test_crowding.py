"""Models that are exchanged on a full pool: the new one waits for pods that the engine deletes later."""

from typing import Any

import pytest

from changes import change, plan, update, urn
from mlpctl.review.assemble import notes
from mlpctl.review.plan.model import Change, Op
from mlpctl.review.values.plain import UNKNOWN

DEPLOYMENT, NODES, TEMPLATE = (
    "kubernetes:apps/v1:Deployment",
    "aws:eks/nodeGroup:NodeGroup",
    "aws:ec2/launchTemplate:LaunchTemplate",
)
TAG = "aws:autoscaling/tag:Tag"


def model(gpus: Any = 4, replicas: Any = 1, pool: str = "inference") -> Any:
    limits = {"nvidia.com/gpu": str(gpus) if isinstance(gpus, int) else gpus}
    pod = {"nodeSelector": {"mlplatform.io/pool": pool}, "containers": [{"resources": {"limits": limits}}]}
    return {"spec": {"replicas": replicas, "template": {"spec": pod}}}


def group(nodes: Any = 1, types: Any = ("g6e.12xlarge",), pool: str = "inference", most: int = 9) -> Any:
    return {
        "labels": {"mlplatform.io/pool": pool},
        "instanceTypes": [*types],
        "scalingConfig": {"desiredSize": nodes, "maxSize": most, "minSize": 0},
    }


def comes(name: str = "new", **fields: Any) -> Change:
    return change(DEPLOYMENT, Op.CREATE, name=name, new=model(**fields))


def goes(name: str = "old", **fields: Any) -> Change:
    return change(DEPLOYMENT, Op.DELETE, name=name, old=model(**fields))


def stays(type: str, inputs: Any, name: str, **more: Any) -> Change:
    return change(type, Op.SAME, name=name, old=inputs, new=inputs, **more)


def reported(*changes: Change) -> list[str]:
    return [each for each in notes(plan(*changes)) if "do not fit together" in each]


FULL = stays(NODES, group(), "inference-nodes")


def test_a_renamed_model_on_a_full_pool_is_reported() -> None:
    assert reported(comes(), goes(), FULL) == [
        "Deployment new: The pods of new and old do not fit together on the nodes of inference-nodes: together they "
        "request 8 GPUs, and the nodes have 4. The engine deletes the old pods only after the new ones are ready, so "
        "the update waits and fails. Remove the old pods in an update before this one."
    ]


def test_remaining_pods_use_capacity_too() -> None:
    two = stays(NODES, group(2), "inference-nodes")
    assert reported(comes(), goes(), two) == []
    other = stays(DEPLOYMENT, model(), "other")
    assert len(reported(comes(), goes(), other, two)) == 1
    grown = update(NODES, group(2), group(3), name="inference-nodes")
    assert reported(comes(), goes(), other, grown) == []


def test_the_instance_type_of_a_launch_template_is_found() -> None:
    template = stays(TEMPLATE, {"instanceType": "g6e.12xlarge"}, "template", id="lt-1")
    inputs = {**group(types=()), "launchTemplate": {"id": "lt-1"}}
    nodes = stays(NODES, inputs, "inference-nodes", depends={"launchTemplate": (urn(TEMPLATE, "template"),)})
    assert len(reported(comes(), goes(), nodes, template)) == 1


@pytest.mark.parametrize(
    "changes",
    [
        (comes(), FULL),
        (goes(), FULL),
        (comes(), goes()),
        (comes(pool="other"), goes(), FULL),
        (comes(gpus=1), goes(gpus=1), FULL),
        (comes(gpus=0), goes(), FULL),
        (comes(gpus=UNKNOWN), goes(), FULL),
        (comes(), goes(), stays(NODES, group(UNKNOWN), "inference-nodes")),
        (comes(), goes(), stays(NODES, group(types=("x9.huge",)), "inference-nodes")),
        (comes(), goes(), stays(NODES, group(pool="other"), "inference-nodes")),
        (comes(), goes(), FULL, stays(NODES, group(), "more-nodes")),
        # It does not fit even alone, so the order of updates does not help.
        (comes(gpus=8), goes(), FULL),
    ],
)
def test_pods_that_fit_or_are_unknown_are_not_reported(changes: tuple[Change, ...]) -> None:
    assert reported(*changes) == []


def test_an_autoscaled_pool_can_scale_out() -> None:
    pool = urn("mlplatform:index:GpuNodePool", "inference")
    key = "k8s.io/cluster-autoscaler/node-template/resources/nvidia.com/gpu"
    hint = stays(TAG, {"tag": {"key": key, "value": "1"}}, "inference-hint-x", parent=pool)
    assert reported(comes(), goes(), stays(NODES, group(), "inference-nodes", parent=pool), hint) == []
    full = stays(NODES, group(most=1), "inference-nodes", parent=pool)
    assert len(reported(comes(), goes(), full, hint)) == 1


def test_replicas_set_by_an_autoscaler_count_as_at_least_one() -> None:
    assert len(reported(comes(replicas=None), goes(replicas=UNKNOWN), FULL)) == 1

"""Clusters and node groups of pulumi-eks are checked like those of AWS EKS."""

from typing import Any

import pytest

from changes import change, plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.plan.model import Op
from mlpctl.review.report.model import Harm

CLUSTER, OWN_CLUSTER = "eks:index:Cluster", "aws:eks/cluster:Cluster"
GROUPS = ["eks:index:ManagedNodeGroup", "eks:index:NodeGroup", "eks:index:NodeGroupV2"]
OWN_GROUP = "aws:eks/nodeGroup:NodeGroup"
GPU = {"instanceTypes": ["g6.2xlarge"]}


def findings_of(type: str, old: Any, new: Any) -> list[tuple[Harm, str]]:
    return [(each.harm, each.text.split(": ", 1)[1]) for each in dangers(plan(update(type, old, new)))]


def test_a_cluster_upgrade_is_reported_like_that_of_aws_eks() -> None:
    versions = {"version": "1.33"}, {"version": "1.34"}
    assert findings_of(CLUSTER, *versions) == findings_of(OWN_CLUSTER, *versions) != []


@pytest.mark.parametrize("type", GROUPS)
@pytest.mark.parametrize("more", [{}, GPU])
def test_a_node_upgrade_is_reported_like_that_of_aws_eks(type: str, more: Any) -> None:
    versions = {"version": "1.33", **more}, {"version": "1.34", **more}
    assert findings_of(type, *versions) == findings_of(OWN_GROUP, *versions)
    assert bool(findings_of(type, *versions)) is bool(more), "what has accelerators may not come back"


@pytest.mark.parametrize("type", GROUPS)
def test_sizes_are_checked_too(type: str) -> None:
    for old, new in (
        ({**GPU, "desiredCapacity": 4}, {**GPU, "desiredCapacity": 1}),
        ({**GPU, "minSize": 1}, {**GPU, "minSize": 0}),
        ({**GPU, "scalingConfig": {"desiredSize": 4}}, {**GPU, "scalingConfig": {"desiredSize": 1}}),
    ):
        assert [harm for harm, _ in findings_of(type, old, new)] == [Harm.CAPACITY]
        assert findings_of(type, new, old) == []


def test_full_access_to_a_new_cluster_is_reported() -> None:
    admin = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
    entries = {"accessEntries": {"a": {"principalArn": "b", "accessPolicies": {"x": {"policyArn": admin}}}}}
    for inputs in (entries, {"roleMappings": [{"roleArn": "a", "groups": ["system:masters"]}]}):
        (danger,) = dangers(plan(change(CLUSTER, Op.CREATE, inputs=inputs)))
        assert "full access to the cluster" in danger.text
    assert dangers(plan(change(CLUSTER, Op.CREATE, inputs={"roleMappings": [{"groups": ["viewers"]}]}))) == ()


def test_a_component_is_reported_only_by_its_parts() -> None:
    component = update(CLUSTER, {"version": "1.33"}, {"version": "1.34"}, custom=False)
    part = update(OWN_CLUSTER, {"version": "1.33"}, {"version": "1.34"}, parent_type=CLUSTER, parent=component.urn)
    assert [each.urn for each in dangers(plan(component, part))] == [part.urn]

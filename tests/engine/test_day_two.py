"""Day-two changes of a stack: pinned images, Kubernetes versions, tags. Each test continues from the previous one."""

import time
from collections.abc import Iterator
from typing import Any

import kubernetes
import pytest

pytestmark = pytest.mark.engine

BEFORE, AFTER = "1.62.1-ea1afdd6", "1.65.0-0be31b34"
POOL = "mlplatform.io/pool"


@pytest.fixture(scope="module")
def project(project_for: Any) -> Iterator[Any]:
    """The stack `staging`, deployed with a cluster one version behind and small pools."""
    with project_for("staging") as project:
        for section in ("inference", "workloads", "cost", "gpuPools"):
            project.remove(section)
        project.edit("buckets", value={})
        project.edit("images", value={})
        project.edit("cluster", "version", value="1.35")
        project.edit("cluster", "system", value={"amiRelease": BEFORE})
        pinned = {"instanceTypes": ["g6.2xlarge"], "amiRelease": BEFORE, "nodes": 1, "labels": {"team": "nlp"}}
        latest = {"instanceTypes": ["g6.2xlarge"], "nodes": 1, "maxNodes": 4, "autoscaled": True}
        project.edit("gpuPools", value={"pinned": pinned, "latest": latest})
        up(project)
        yield project


def up(project: Any, *options: str) -> None:
    project.pulumi("up", "--yes", "--skip-preview", "--stack", project.stack, *options)


def nodes(sandbox: Any) -> dict[str, set[tuple[str, str, str]]]:
    """The nodes of each pool: UID, image and kubelet version."""
    found: dict[str, set[tuple[str, str, str]]] = {}
    for node in kubernetes.client.CoreV1Api(sandbox.kubernetes()).list_node().items:
        info = node.status.node_info
        seen = (node.metadata.uid, info.os_image, info.kubelet_version.removeprefix("v").rsplit(".", 1)[0])
        found.setdefault(node.metadata.labels[POOL], set()).add(seen)
    return found


def images(sandbox: Any, pool: str) -> set[str]:
    return {image.rsplit("-v", 1)[-1] for _, image, _ in nodes(sandbox)[pool]}


def test_nodes_run_the_pinned_image(project: Any, sandbox: Any) -> None:
    assert images(sandbox, "pinned") == images(sandbox, "system") == {BEFORE}
    assert all("aws-k8s-1.35-nvidia" in image for _, image, _ in nodes(sandbox)["pinned"])
    labels = kubernetes.client.CoreV1Api(sandbox.kubernetes()).list_node(label_selector=f"{POOL}=pinned").items
    assert {node.metadata.labels["team"] for node in labels} == {"nlp"}
    assert {node.status.allocatable["nvidia.com/gpu"] for node in labels} == {"1"}
    up(project, "--expect-no-changes")


def test_a_changed_tag_does_not_replace_nodes(project: Any, sandbox: Any) -> None:
    before = nodes(sandbox)
    project.edit("tags", value={"cost-centre": "4711"})
    up(project)
    assert nodes(sandbox) == before
    tags = sandbox.aws("autoscaling").describe_tags(Filters=[{"Name": "key", "Values": ["cost-centre"]}])["Tags"]
    assert {tag["Value"] for tag in tags} == {"4711"}
    assert all(tag["PropagateAtLaunch"] for tag in tags)


def test_another_release_replaces_only_the_nodes_of_its_pool(project: Any, sandbox: Any) -> None:
    before = nodes(sandbox)
    project.edit("gpuPools", "pinned", "amiRelease", value=AFTER)
    up(project)
    after = nodes(sandbox)
    assert images(sandbox, "pinned") == {AFTER}
    assert after["pinned"].isdisjoint(before["pinned"])
    assert (after["system"], after["latest"]) == (before["system"], before["latest"])
    up(project, "--expect-no-changes")


def test_add_ons_and_nodes_follow_a_version_upgrade_and_keep_their_pins(project: Any, sandbox: Any) -> None:
    project.edit("cluster", "version", value="1.36")
    up(project)
    eks = sandbox.aws("eks")
    (cluster,) = eks.list_clusters()["clusters"]
    assert eks.describe_cluster(name=cluster)["cluster"]["version"] == "1.36"
    proxy = eks.describe_addon(clusterName=cluster, addonName="kube-proxy")["addon"]
    assert proxy["addonVersion"].startswith("v1.36.")
    assert {version for pool in nodes(sandbox).values() for _, _, version in pool} == {"1.36"}
    assert (images(sandbox, "pinned"), images(sandbox, "system")) == ({AFTER}, {BEFORE})
    up(project, "--expect-no-changes")


def test_the_number_of_nodes_set_by_an_autoscaler_is_preserved(project: Any, sandbox: Any) -> None:
    eks, scaling = sandbox.aws("eks"), sandbox.aws("autoscaling")
    (cluster,) = eks.list_clusters()["clusters"]
    (name,) = (each for each in eks.list_nodegroups(clusterName=cluster)["nodegroups"] if each.startswith("latest-"))

    def found() -> dict[str, Any]:
        group: dict[str, Any] = eks.describe_nodegroup(clusterName=cluster, nodegroupName=name)["nodegroup"]
        return group

    (group,) = (each["name"] for each in found()["resources"]["autoScalingGroups"])
    scaling.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=2)
    before = nodes_become(sandbox, "latest", 2)
    up(project, "--expect-no-changes")

    # Pulumi's state contains one node, with a maximum of four.
    project.edit("gpuPools", "latest", "maxNodes", value=6)
    up(project)
    assert found()["scalingConfig"] == {"minSize": 0, "desiredSize": 2, "maxSize": 6}
    assert nodes(sandbox)["latest"] == before
    scaling.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=1)
    nodes_become(sandbox, "latest", 1)
    for field in ("nodes", "minNodes"):
        project.edit("gpuPools", "latest", field, value=2)
    up(project)
    project.pulumi("refresh", "--yes", "--skip-preview", "--stack", project.stack)
    up(project, "--expect-no-changes")
    nodes_become(sandbox, "latest", 2)


def nodes_become(sandbox: Any, pool: str, count: int) -> set[tuple[str, str, str]]:
    deadline = time.monotonic() + 30
    while len(found := nodes(sandbox)[pool]) != count:
        assert time.monotonic() < deadline, found
        time.sleep(0.5)
    return found


def test_a_pin_without_an_image_is_rejected_before_any_change(project: Any, sandbox: Any) -> None:
    before = nodes(sandbox)
    project.edit("gpuPools", "pinned", "amiRelease", value="1.54.0-5043decc")
    refused = project.pulumi("up", "--yes", "--skip-preview", "--stack", project.stack, check=False)
    assert "gpuPools.pinned.amiRelease" in refused.stdout + refused.stderr
    assert refused.returncode != 0
    assert nodes(sandbox) == before
    project.edit("gpuPools", "pinned", "amiRelease", value=AFTER)


def test_a_pool_without_a_pin_uses_the_image_of_eks(project: Any, sandbox: Any) -> None:
    project.remove("gpuPools", "pinned", "amiRelease")
    up(project)
    (cluster,) = sandbox.aws("eks").list_clusters()["clusters"]
    groups = sandbox.aws("eks").list_nodegroups(clusterName=cluster)["nodegroups"]
    (name,) = (group for group in groups if group.startswith("pinned-"))
    group = sandbox.aws("eks").describe_nodegroup(clusterName=cluster, nodegroupName=name)["nodegroup"]
    assert group["amiType"] == "BOTTLEROCKET_x86_64_NVIDIA"
    up(project, "--expect-no-changes")

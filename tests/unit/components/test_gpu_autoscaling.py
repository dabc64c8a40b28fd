"""GPU pools that the autoscaler scales, the repair of their nodes, and nodes of a pinned image."""

from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from awsfacts import instances
from mlplatform import GpuNodePool, GpuNodePoolSpec
from mlplatform.checks.arguments import ArgumentsError
from mlplatform.compute.node_group.bottlerocket import max_pods
from mlplatform.compute.node_group.nodes import named_by
from mlplatform.testing import Plan, declare
from unit.components.gpu_pools import RELEASE, nodes, pool, settings, template

HINTS = "k8s.io/cluster-autoscaler/node-template/"


def hints(**wanted: Any) -> dict[str, Any]:
    found = pool(autoscaled=True, **wanted).of(aws.autoscaling.Tag)
    return {each.name: each for each in found if each.inputs["tag"]["key"].startswith(HINTS)}


def test_tags_describe_a_future_node_to_the_autoscaler() -> None:
    tags = [
        each.inputs["tag"]
        for each in hints(instance_types=["g6.12xlarge", "g5.48xlarge"], labels={"team": "nlp"}).values()
    ]
    assert {tag["key"].removeprefix(HINTS): tag["value"] for tag in tags} == {
        "label/mlplatform.io/pool": "train",
        "label/team": "nlp",
        "taint/nvidia.com/gpu": "true:NoSchedule",
        "resources/nvidia.com/gpu": "4",
    }
    assert not any(tag["propagateAtLaunch"] for tag in tags)


def test_an_additional_label_does_not_change_other_hints() -> None:
    before, after = hints(labels={"team": "nlp"}), hints(labels={"team": "nlp", "aa": "1"})
    assert {name: after[name].inputs for name in before} == {name: each.inputs for name, each in before.items()}
    assert {*after} - {*before} == {f"train-hint-{HINTS}label/aa"}


def test_a_pool_without_autoscaling_has_no_hints() -> None:
    assert not [each for each in pool().of(aws.autoscaling.Tag) if each.inputs["tag"]["key"].startswith(HINTS)]


def test_names_by_key_are_unique_and_have_valid_characters() -> None:
    keys = ["a b", "a-b", "a::b", "a/b", "a+b", "A-b", "k8s.io/x"]
    names = [named_by("x", key) for key in keys]
    assert len({*names}) == len(keys)
    assert not any("::" in name or " " in name for name in names)


def test_the_number_of_nodes_of_an_autoscaled_pool_is_ignored() -> None:
    assert pool(autoscaled=True).one(aws.eks.NodeGroup).ignored == ("scalingConfig.desiredSize",)
    assert pool().one(aws.eks.NodeGroup).ignored == ()


def scaled(*groups: tuple[int, int, int]) -> dict[str, Any]:
    """Lookup results for Auto Scaling groups of the pool, each with its minimum, current and maximum size."""
    found = {f"group-{place}": group for place, group in enumerate(groups)}

    def named(args: Any) -> dict[str, Any]:
        own = {"tag:mlplatform:stack": ["mlplatform/test"], f"tag:{HINTS}label/mlplatform.io/pool": ["train"]}
        assert {each["name"]: each["values"] for each in args["filters"]} == own
        return {"names": [*found], "arns": [], "id": "r"}

    sizes = ("minSize", "desiredCapacity", "maxSize")
    return {
        "aws:autoscaling/getAmiIds:getAmiIds": named,
        "aws:autoscaling/getGroup:getGroup": lambda args: dict(zip(sizes, found[args["name"]], strict=True)),
    }


@pytest.mark.parametrize(
    ("groups", "desired", "ignored"),
    [
        ([(0, 3, 4)], 3, True),
        ([(0, 3, 8)], 3, False),
        ([(0, 6, 8)], 4, False),
        ([(1, 1, 4)], 1, False),
        ([(0, 0, 4), (0, 2, 4)], 2, True),
    ],
)
def test_new_limits_of_an_autoscaled_pool_keep_the_current_number_of_nodes(
    groups: list[tuple[int, int, int]], desired: int, ignored: bool
) -> None:
    """Limits and number are updated together. The number of the last update would terminate nodes added since then."""
    plan = pool(scaled(*groups), autoscaled=True, min_nodes=0, nodes=1, max_nodes=4)
    made = plan.one(aws.eks.NodeGroup)
    assert made.inputs["scalingConfig"] == {"minSize": 0, "desiredSize": desired, "maxSize": 4}
    assert ("scalingConfig.desiredSize" in made.ignored) is ignored


def test_the_group_of_an_autoscaled_pool_is_found_by_its_tags() -> None:
    plan = pool(autoscaled=True)
    (asked,) = [each for each in plan.asked if each.token == "aws:autoscaling/getAmiIds:getAmiIds"]
    tags = {each.inputs["tag"]["key"]: each.inputs["tag"]["value"] for each in plan.of(aws.autoscaling.Tag)}
    assert {
        each["name"].removeprefix("tag:"): each["values"][0] for each in asked.args["filters"]
    }.items() <= tags.items()


def test_a_pool_without_autoscaling_is_not_looked_up() -> None:
    assert pool().asked == ()
    assert pool(nodes=2).one(aws.eks.NodeGroup).inputs["scalingConfig"]["desiredSize"] == 2


def test_unhealthy_nodes_are_repaired_unless_repair_is_false() -> None:
    assert nodes(repair=False)["nodeRepairConfig"] == {"enabled": False}


@pytest.mark.parametrize("most", [1, 5])
def test_the_only_node_of_a_small_pool_is_repaired(most: int) -> None:
    assert nodes(max_nodes=most)["nodeRepairConfig"] == {"enabled": True, "maxParallelNodesRepairedCount": 1}


def test_the_repair_limits_of_a_large_pool_are_counts() -> None:
    assert nodes(max_nodes=40)["nodeRepairConfig"] == {
        "enabled": True,
        "maxParallelNodesRepairedCount": 4,
        "maxUnhealthyNodeThresholdCount": 9,
    }


def test_a_pinned_image_is_set_by_its_id_without_a_version_of_the_node_group() -> None:
    plan = pool(ami_release=RELEASE)
    assert plan.one(aws.ec2.LaunchTemplate).inputs["imageId"] == "ami-0123456789abcdef0"
    group = plan.one(aws.eks.NodeGroup)
    assert not {"amiType", "releaseVersion", "version"} & group.inputs.keys()
    assert group.name == "train-pinned-nodes"


def test_a_pool_without_a_pinned_image_uses_eks_s_image() -> None:
    assert "imageId" not in template()
    assert nodes()["amiType"] == "BOTTLEROCKET_x86_64_NVIDIA"
    assert pool().one(aws.eks.NodeGroup).name == "train-nodes"


def test_user_data_of_a_pinned_image_has_the_settings_to_join() -> None:
    _, found = settings(ami_release=RELEASE, labels={"team": "nlp"})
    assert found["kubernetes"] == {
        "cluster-name": "main",
        "api-server": "https://main.example",
        "cluster-certificate": "Q0E=",
        "cluster-dns-ip": "10.100.0.10",
        "max-pods": 110,
        "node-labels": {"mlplatform.io/pool": "train"},
        "node-taints": {"nvidia.com/gpu": ["true:NoSchedule"]},
    }
    assert "local-disks" in found["bootstrap-commands"]


def test_an_additional_label_replaces_no_node_with_a_pinned_image() -> None:
    assert template(ami_release=RELEASE) == template(ami_release=RELEASE, labels={"team": "nlp"})


def test_max_pods_is_the_number_that_eks_sets() -> None:
    assert max_pods(instances.known(["g6.2xlarge"])) == 110
    assert max_pods(instances.known(["p5.48xlarge"])) == 250
    assert max_pods(instances.known(["p5.48xlarge", "g6.2xlarge"])) == 110


def test_the_image_is_looked_up_by_version_variant_architecture_and_release() -> None:
    plan = pool(ami_release=RELEASE, instance_types=["g5g.xlarge"])
    asked = [each.args["name"] for each in plan.asked if each.token == "aws:ssm/getParameter:getParameter"]
    assert asked == [f"/aws/service/bottlerocket/aws-k8s-1.36-nvidia/arm64/{RELEASE}/image_id"]


def test_an_image_that_does_not_exist_ends_the_program_with_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        raise RuntimeError("invoke of aws:ssm/getParameter:getParameter failed: ParameterNotFound")

    monkeypatch.setattr("pulumi_aws.ssm.get_parameter", refuse)
    with pytest.raises(pulumi.RunError, match=rf"the image {RELEASE} for Kubernetes 1.36 .*can't be looked up: Param"):
        pool(ami_release=RELEASE)


def test_missing_arguments_for_a_pinned_image_are_reported() -> None:
    bare = {
        "cluster_name": "main",
        "subnet_ids": ["subnet-aaaaaaaa"],
        "disks_key_arn": "arn:aws:kms:us-east-1:123456789012:key/disks",
    }
    pinned = GpuNodePoolSpec(instance_types=["g6.2xlarge"], ami_release=RELEASE)
    with pytest.raises(ArgumentsError, match="cluster_service_cidr is missing; required, since pool has amiRelease"):
        declare(lambda: GpuNodePool("train", {"pool": pinned, **bare}))  # type: ignore[typeddict-item]  # as wrong callers do


def test_missing_arguments_for_efa_are_reported() -> None:
    fabric = {"instanceTypes": ["p5.48xlarge"], "efa": True, "zones": ["us-east-1a"]}
    bare = {
        "cluster_name": "main",
        "subnet_ids": ["subnet-aaaaaaaa"],
        "disks_key_arn": "arn:aws:kms:us-east-1:123456789012:key/disks",
    }
    with pytest.raises(ArgumentsError, match=r"\n  cluster_security_group_id is missing; required, since pool has efa"):
        declare(lambda: GpuNodePool("train", {"pool": GpuNodePoolSpec.model_validate(fabric), **bare}))  # type: ignore[typeddict-item]  # as wrong callers do


def test_the_tags_of_an_autoscaled_pool_s_group_fit() -> None:
    """The group has 50 tags at most, of which 5 are EKS's and 4 for the pool, its taint, its GPUs and its stack."""

    def build(labels: int, tags: int, *, autoscaled: bool = True) -> Plan:
        spec = {
            "instanceTypes": ["g6.2xlarge"],
            "autoscaled": autoscaled,
            "labels": {f"l{number}": "v" for number in range(labels)},
        }
        args: Any = {
            "pool": spec,
            "cluster_name": "main",
            "subnet_ids": ["subnet-aaaaaaaa"],
            "disks_key_arn": "arn:aws:kms:us-east-1:123456789012:key/disks",
            "tags": {f"t{number}": "v" for number in range(tags)},
        }
        return declare(lambda: GpuNodePool("train", args))

    # EKS's own 5 are not declared.
    assert len(build(11, 30).of(aws.autoscaling.Tag)) == 50 - 5
    assert build(20, 30, autoscaled=False)
    with pytest.raises(ArgumentsError, match=r"pool\.labels has 12 entries; allowed: up to 11, since the pool is auto"):
        build(12, 30)
    with pytest.raises(ArgumentsError, match=r"pool\.labels has 1 entries; allowed: up to 0"):
        build(1, 41)

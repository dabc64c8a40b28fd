import base64
import tomllib
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from pydantic import ValidationError

from awsfacts import instances
from mlplatform import GpuNodePool, GpuNodePoolSpec
from mlplatform.checks.arguments import ArgumentsError
from mlplatform.compute.node_group.bottlerocket import max_pods
from mlplatform.compute.node_group.nodes import Disk, named_by, volumes
from mlplatform.testing import Plan, declare

RELEASE = "1.65.0-0be31b34"
TAGS = {"owner": "ml", "cost-centre": "4711"}


def pool(look_ups: dict[str, Any] | None = None, **wanted: Any) -> Plan:
    spec = GpuNodePoolSpec(**{"instance_types": ["g6.2xlarge"], **wanted})
    return declare(
        lambda: GpuNodePool(
            "train",
            {
                "pool": spec,
                "cluster_name": "main",
                "cluster_version": "1.36",
                "cluster_endpoint": "https://main.example",
                "cluster_certificate_authority": "Q0E=",
                "cluster_service_cidr": "10.100.0.0/16",
                "cluster_security_group_id": "sg-c1c1c1c1",
                "subnet_ids": ["subnet-aaaaaaaa"],
                "disks_key_arn": "arn:aws:kms:us-east-1:123456789012:key/disks",
                "account_id": "123456789012",
                "region": "us-east-1",
                "tags": TAGS,
            },
        ),
        look_ups=look_ups,
    )


def nodes(**wanted: Any) -> Any:
    return pool(**wanted).one(aws.eks.NodeGroup).inputs


def test_the_metadata_service_requires_tokens_and_is_out_of_reach_of_pods() -> None:
    options = pool().one(aws.ec2.LaunchTemplate).inputs["metadataOptions"]
    assert (options["httpTokens"], options["httpPutResponseHopLimit"]) == ("required", 1)


def test_every_disk_is_encrypted_with_the_platform_s_key() -> None:
    for device in volumes(Disk(100), "arn:aws:kms:us-east-1:123456789012:key/disks"):
        assert device["ebs"]["encrypted"] == "true"
        assert device["ebs"]["kms_key_id"] == "arn:aws:kms:us-east-1:123456789012:key/disks"
        assert device["ebs"]["volume_type"] == "gp3"


def test_the_data_volume_has_the_size_in_the_spec() -> None:
    devices = {
        each["deviceName"]: each["ebs"]
        for each in pool(disk_gb=500).one(aws.ec2.LaunchTemplate).inputs["blockDeviceMappings"]
    }
    assert devices["/dev/xvdb"]["volumeSize"] == 500


def test_gpu_nodes_have_a_taint() -> None:
    assert nodes()["taints"] == [{"key": "nvidia.com/gpu", "value": "true", "effect": "NO_SCHEDULE"}]


def test_nodes_have_a_label_with_the_name_of_their_pool() -> None:
    assert nodes(labels={"team": "nlp"})["labels"] == {"team": "nlp", "mlplatform.io/pool": "train"}


@pytest.mark.parametrize(("capacity", "type"), [("spot", "SPOT"), ("onDemand", "ON_DEMAND")])
def test_nodes_have_the_capacity_type_in_the_spec(capacity: str, type: str) -> None:
    assert nodes(capacity=capacity)["capacityType"] == type


def test_the_node_group_has_the_limits_in_the_spec() -> None:
    assert nodes(min_nodes=1, nodes=2, max_nodes=3)["scalingConfig"] == {
        "minSize": 1,
        "desiredSize": 2,
        "maxSize": 3,
    }


def test_the_node_group_uses_the_latest_version_of_the_template() -> None:
    assert nodes()["launchTemplate"]["version"] == "1"


@pytest.mark.parametrize(
    ("type", "ami"), [("g6.2xlarge", "BOTTLEROCKET_x86_64_NVIDIA"), ("g5g.xlarge", "BOTTLEROCKET_ARM_64_NVIDIA")]
)
def test_the_image_matches_the_processor_architecture(type: str, ami: str) -> None:
    assert nodes(instance_types=[type])["amiType"] == ami


def test_instances_and_volumes_start_with_tags_whose_changes_do_not_replace_them() -> None:
    made = pool().one(aws.ec2.LaunchTemplate)
    specifications = made.inputs["tagSpecifications"]
    assert {each["resourceType"] for each in specifications} == {"instance", "volume", "network-interface"}
    own = {"Name": "train", "mlplatform:stack": "mlplatform/test", "mlplatform:name": "train"}
    assert [each["tags"] for each in specifications] == [{**own, **TAGS}] * 3
    assert made.ignored == ("tagSpecifications",)


def test_changed_tags_reach_new_instances_through_the_scaling_group() -> None:
    plan = pool()
    assert {each.inputs["tag"]["key"]: each.inputs["tag"]["value"] for each in plan.of(aws.autoscaling.Tag)} == TAGS
    assert all(each.inputs["tag"]["propagateAtLaunch"] for each in plan.of(aws.autoscaling.Tag))
    assert plan.one(aws.eks.NodeGroup).inputs["tags"].items() >= TAGS.items()


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"instance_types": ["m7i.large"]}, "m7i.large: allowed: types with NVIDIA GPUs"),
        ({"instance_types": ["g6.2xlrge"]}, r"g6.2xlrge: allowed: EC2's instance types of .*did you mean g6.2xlarge?"),
        ({"reservation": {}}, "allowed: either id or group"),
        ({"reservation": {"id": "cr-0a1b2c3d", "group": "a"}, "zones": ["a"]}, "allowed: either id or group"),
        ({"reservation": {"group": "a"}, "capacity": "spot"}, "capacity is spot; allowed: onDemand or capacityBlock"),
        (
            {"reservation": {"id": "cr-0a1b2c3d"}},
            "zones is empty; allowed: one zone, since reservation.id needs all nodes in one",
        ),
        ({"efa": True, "placement_group": True}, "since efa, placementGroup need all nodes in one"),
        ({"efa": True, "zones": ["a"]}, "instanceTypes has g6.2xlarge; allowed: types with EFA"),
        (
            {"efa": True, "zones": ["a"], "instance_types": ["p5.48xlarge", "p5en.48xlarge"]},
            "allowed: types with the same EFA adapters",
        ),
        ({"capacity": "capacityBlock"}, "reservation needs the ID of the Capacity Block"),
        (
            {"capacity": "capacityBlock", "reservation": {"id": "cr-0a1b2c3d"}, "zones": ["a"]},
            "allowed: one type that is available as Capacity Blocks",
        ),
        ({"ami_release": "latest"}, "String should match pattern"),
        ({"instance_types": ["g6.xlarge", "g5g.xlarge"]}, "one processor architecture"),
        ({"min_nodes": 2, "nodes": 1}, r"nodes is 1; allowed: minNodes \(2\) to maxNodes \(4\)"),
        ({"nodes": 5}, r"nodes is 5; allowed: minNodes \(0\) to maxNodes \(4\)"),
        ({"disk_gb": 10}, "greater than or equal to 20"),
        (
            {"disk_throughput": 1000},
            "diskThroughput is 1000; allowed: up to 750, since diskIops is 3000, or diskIops of",
        ),
        ({"ami_release": "1.54.0"}, "String should match pattern"),
    ],
)
def test_an_invalid_pool_is_rejected(wanted: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        GpuNodePoolSpec(**{"instance_types": ["g6.2xlarge"], **wanted})


def test_nodes_are_upgraded_with_the_cluster_if_its_version_is_passed() -> None:
    given = {
        "pool": {"instanceTypes": ["g6.2xlarge"]},
        "cluster_name": "main",
        "subnet_ids": ["subnet-aaaaaaaa"],
        "disks_key_arn": "arn:aws:kms:us-east-1:123456789012:key/k",
    }
    plan = declare(lambda: GpuNodePool("train", given))  # type: ignore[arg-type]
    assert "version" not in plan.one(aws.eks.NodeGroup).inputs
    assert nodes()["version"] == "1.36"


def test_an_update_of_gpu_nodes_stays_within_the_maximum() -> None:
    assert nodes()["updateConfig"] == {"maxUnavailable": 1, "updateStrategy": "MINIMAL"}


def test_a_large_pool_is_updated_a_tenth_at_a_time() -> None:
    assert nodes(max_nodes=11)["updateConfig"] == {"maxUnavailablePercentage": 10, "updateStrategy": "MINIMAL"}


@pytest.mark.parametrize(
    ("wanted", "minutes"),
    [
        ({}, 100),
        ({"max_nodes": 1}, 60),
        ({"max_nodes": 10}, 250),
        ({"max_nodes": 400}, 250),
        ({"update_minutes": 90}, 90),
    ],
)
def test_the_update_timeout_grows_with_the_rounds(wanted: dict[str, Any], minutes: int) -> None:
    group = pool(**wanted).one(aws.eks.NodeGroup)
    assert {*group.timeouts.values()} == {f"{minutes}m"}
    assert {*group.timeouts} == {"create", "update", "delete"}


@pytest.mark.parametrize("type", ["gr6.4xlarge", "p5.48xlarge", "p4d.24xlarge"])
def test_every_family_with_nvidia_gpus_is_accepted(type: str) -> None:
    assert nodes(instance_types=[type])["amiType"] == "BOTTLEROCKET_x86_64_NVIDIA"


def test_a_type_with_gpus_of_another_vendor_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    radeon = instances.InstanceType("g4ad.xlarge", 4, 16384, "x86_64", gpus=1, gpu_manufacturer="AMD")
    monkeypatch.setattr(instances, "find", lambda name: radeon)
    with pytest.raises(ValidationError, match=r"g4ad\.xlarge: allowed: types with NVIDIA GPUs"):
        GpuNodePoolSpec(instance_types=["g4ad.xlarge"])


def template(**wanted: Any) -> Any:
    return pool(**wanted).one(aws.ec2.LaunchTemplate).inputs


def test_a_single_type_is_in_the_template_so_that_it_can_change() -> None:
    assert template(instance_types=["g6e.xlarge"])["instanceType"] == "g6e.xlarge"
    assert "instanceTypes" not in nodes(instance_types=["g6e.xlarge"])


def test_several_types_are_in_the_node_group() -> None:
    several = ["g6e.xlarge", "g6.xlarge"]
    assert nodes(instance_types=several)["instanceTypes"] == several
    assert "instanceType" not in template(instance_types=several)


@pytest.mark.parametrize(
    ("type", "cards"), [("g5.12xlarge", [0]), ("p4d.24xlarge", [*range(4)]), ("p5.48xlarge", [*range(32)])]
)
def test_every_fabric_adapter_of_the_type_is_used(type: str, cards: list[int]) -> None:
    first, *fabric = template(instance_types=[type], efa=True, zones=["us-east-1a"])["networkInterfaces"]
    assert (first["interfaceType"], first["networkCardIndex"], first["deviceIndex"]) == ("interface", 0, 0)
    assert [each["networkCardIndex"] for each in fabric] == cards
    assert {each["interfaceType"] for each in fabric} == {"efa-only"}


def test_network_interfaces_have_unique_positions() -> None:
    for name in ("p5.48xlarge", "p6-b300.48xlarge", "g6e.48xlarge"):
        facts = instances.find(name)
        assert facts
        places = [(each["network_card_index"], each["device_index"]) for each in instances.efa_interfaces(facts)]
        assert len(places) == len({*places})


def test_a_type_without_efa_on_its_first_card_has_no_adapter_there() -> None:
    facts = instances.find("p6-b300.48xlarge")
    assert facts
    cards = [each["network_card_index"] for each in instances.efa_interfaces(facts)]
    assert cards == [*range(17)]


def test_efa_interfaces_are_in_the_cluster_s_security_group() -> None:
    plan = pool(instance_types=["p5.48xlarge"], efa=True, zones=["us-east-1a"])
    groups = {tuple(each["securityGroups"]) for each in plan.one(aws.ec2.LaunchTemplate).inputs["networkInterfaces"]}
    assert groups == {("sg-c1c1c1c1",)}
    assert not plan.of(aws.ec2.SecurityGroup)


def test_efa_and_placement_groups_are_independent() -> None:
    fabric = pool(instance_types=["p5.48xlarge"], efa=True, zones=["us-east-1a"])
    assert not fabric.of(aws.ec2.PlacementGroup)
    placed = pool(placement_group=True, zones=["us-east-1a"])
    assert placed.one(aws.ec2.PlacementGroup).inputs["strategy"] == "cluster"
    template = placed.one(aws.ec2.LaunchTemplate).inputs
    assert template["placement"] == {"groupName": "train-placement-0000000"}
    assert "networkInterfaces" not in template


def test_reserved_nodes_are_deleted_before_their_replacement_is_created() -> None:
    reserved = {"reservation": {"id": "cr-0a1b2c3d4e5f67890"}, "zones": ["us-east-1a"]}
    assert pool(**reserved).one(aws.eks.NodeGroup).deletes_first
    assert not pool().one(aws.eks.NodeGroup).deletes_first


def test_nodes_run_only_in_their_reservation() -> None:
    by_id = template(reservation={"id": "cr-0a1b2c3d4e5f67890"}, zones=["us-east-1a"])
    assert by_id["capacityReservationSpecification"] == {
        "capacityReservationPreference": "capacity-reservations-only",
        "capacityReservationTarget": {"capacityReservationId": "cr-0a1b2c3d4e5f67890"},
    }
    by_group = template(reservation={"group": "training"})["capacityReservationSpecification"]
    assert by_group["capacityReservationTarget"] == {
        "capacityReservationResourceGroupArn": "arn:aws:resource-groups:us-east-1:123456789012:group/training"
    }


def test_a_capacity_block_has_its_market_type() -> None:
    wanted = {
        "instance_types": ["p5.48xlarge"],
        "capacity": "capacityBlock",
        "reservation": {"id": "cr-0a1b2c3d4e5f67890"},
        "zones": ["us-east-1a"],
    }
    assert template(**wanted)["instanceMarketOptions"] == {"marketType": "capacity-block"}
    assert nodes(**wanted)["capacityType"] == "CAPACITY_BLOCK"


def settings(**wanted: Any) -> tuple[str, dict[str, Any]]:
    """The user data as text, and its settings parsed as TOML."""
    text = base64.b64decode(template(**wanted)["userData"]).decode()
    return text, tomllib.loads(text)["settings"]


def test_local_disks_are_used_if_every_type_has_some() -> None:
    _, found = settings(instance_types=["p5.48xlarge"])
    assert [command[:3] for command in found["bootstrap-commands"]["local-disks"]["commands"]] == [
        ["apiclient", "ephemeral-storage", "init"],
        ["apiclient", "ephemeral-storage", "bind"],
    ]
    assert "userData" not in template(instance_types=["p5.48xlarge"], local_disks=False)
    assert "userData" not in template(instance_types=["g5g.xlarge"])


@pytest.mark.parametrize("release", [None, RELEASE])
def test_arrays_are_on_one_line_without_trailing_commas(release: str | None) -> None:
    text, _ = settings(instance_types=["p5.48xlarge"], ami_release=release)
    for line in text.splitlines():
        assert line.count("[") == line.count("]")
        assert ", ]" not in line
        assert ",]" not in line


@pytest.mark.parametrize(
    ("wanted", "gb"),
    [
        ({"instance_types": ["g6.2xlarge"]}, 30),
        ({"instance_types": ["g6.2xlarge"], "local_disks": False}, 200),
        ({"instance_types": ["g5g.xlarge"]}, 200),
        ({"disk_gb": 500}, 500),
    ],
)
def test_the_data_volume_is_small_if_images_are_on_local_disks(wanted: dict[str, Any], gb: int) -> None:
    assert template(**wanted)["blockDeviceMappings"][1]["ebs"]["volumeSize"] == gb


def test_the_data_volume_has_the_speed_in_the_spec() -> None:
    disk = template(disk_throughput=1000, disk_iops=4000)["blockDeviceMappings"][1]["ebs"]
    assert (disk["throughput"], disk["iops"]) == (1000, 4000)
    assert not {"throughput", "iops"} & template()["blockDeviceMappings"][1]["ebs"].keys()


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

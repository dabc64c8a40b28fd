from typing import Any

import pulumi_aws as aws
import pytest
from pydantic import ValidationError

from awsfacts import instances
from mlplatform import GpuNodePool, GpuNodePoolSpec
from mlplatform.compute.node_group.nodes import Disk, volumes
from mlplatform.testing import declare
from unit.components.gpu_pools import RELEASE, TAGS, nodes, pool, settings, template


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

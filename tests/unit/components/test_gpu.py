import base64
import tomllib
from typing import Any

import pulumi_aws as aws
import pytest
from pydantic import ValidationError

from mlplatform import GpuNodePool, GpuPool, instances
from mlplatform.arguments import ArgumentsError
from mlplatform.nodes import volumes
from mlplatform.testing import Plan, declare


def pool(**wanted: Any) -> Plan:
    spec = GpuPool(**{"instance_types": ["g6.2xlarge"], **wanted})
    return declare(
        lambda: GpuNodePool(
            "train",
            {
                "pool": spec,
                "cluster_name": "main",
                "cluster_security_group_id": "sg-cluster",
                "vpc_id": "vpc-1",
                "subnet_ids": ["subnet-a"],
                "disks_key_arn": "arn:disks",
                "account_id": "123456789012",
                "region": "us-east-1",
            },
        )
    )


def nodes(**wanted: Any) -> Any:
    return pool(**wanted).one(aws.eks.NodeGroup).inputs


def test_nodes_ask_for_metadata_tokens_and_keep_them_from_pods() -> None:
    options = pool().one(aws.ec2.LaunchTemplate).inputs["metadataOptions"]
    assert (options["httpTokens"], options["httpPutResponseHopLimit"]) == ("required", 1)


def test_every_disk_is_encrypted_with_the_platform_s_key() -> None:
    for device in volumes(100, "arn:disks"):
        assert device["ebs"]["encrypted"] == "true"
        assert device["ebs"]["kms_key_id"] == "arn:disks"
        assert device["ebs"]["volume_type"] == "gp3"


def test_the_disk_for_images_has_the_size_that_was_asked_for() -> None:
    devices = {
        each["deviceName"]: each["ebs"]
        for each in pool(disk_gb=500).one(aws.ec2.LaunchTemplate).inputs["blockDeviceMappings"]
    }
    assert devices["/dev/xvdb"]["volumeSize"] == 500


def test_only_pods_that_want_a_gpu_are_put_on_gpu_nodes() -> None:
    assert nodes()["taints"] == [{"key": "nvidia.com/gpu", "value": "true", "effect": "NO_SCHEDULE"}]


def test_nodes_are_found_by_the_name_of_their_pool() -> None:
    assert nodes(labels={"team": "nlp"})["labels"] == {"team": "nlp", "mlplatform.io/pool": "train"}


@pytest.mark.parametrize(("capacity", "type"), [("spot", "SPOT"), ("onDemand", "ON_DEMAND")])
def test_nodes_are_bought_as_asked(capacity: str, type: str) -> None:
    assert nodes(capacity=capacity)["capacityType"] == type


def test_limits_reach_the_node_group() -> None:
    assert nodes(min_nodes=1, nodes=2, max_nodes=3)["scalingConfig"] == {
        "minSize": 1,
        "desiredSize": 2,
        "maxSize": 3,
    }


def test_a_change_of_the_template_reaches_the_nodes() -> None:
    assert nodes()["launchTemplate"]["version"] == "1"


@pytest.mark.parametrize(
    ("type", "ami"), [("g6.2xlarge", "BOTTLEROCKET_x86_64_NVIDIA"), ("g5g.xlarge", "BOTTLEROCKET_ARM_64_NVIDIA")]
)
def test_the_image_fits_the_processor(type: str, ami: str) -> None:
    assert nodes(instance_types=[type])["amiType"] == ami


def test_instances_and_their_volumes_bear_the_pool_s_tags() -> None:
    specifications = pool().one(aws.ec2.LaunchTemplate).inputs["tagSpecifications"]
    assert {each["resourceType"] for each in specifications} == {"instance", "volume", "network-interface"}
    assert {each["tags"]["mlplatform:stack"] for each in specifications} == {"mlplatform/test"}


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"instance_types": ["m7i.large"]}, "m7i.large: allowed: types with NVIDIA GPUs"),
        ({"instance_types": ["g6.2xlrge"]}, r"g6.2xlrge: allowed: EC2's instance types of .*did you mean g6.2xlarge?"),
        ({"reservation": {}}, "allowed: either id or group"),
        ({"reservation": {"id": "cr-0a1b2c3d", "group": "a"}, "zones": ["a"]}, "allowed: either id or group"),
        ({"reservation": {"group": "a"}, "capacity": "spot"}, "capacity is spot; allowed: onDemand or capacityBlock"),
        ({"reservation": {"id": "cr-0a1b2c3d"}}, "zones is empty; allowed: one zone, since reservation.id lies in one"),
        ({"efa": True, "placement_group": True}, "since efa, placementGroup lie in one"),
        ({"efa": True, "zones": ["a"]}, "instanceTypes has g6.2xlarge; allowed: types with EFA"),
        (
            {"efa": True, "zones": ["a"], "instance_types": ["p5.48xlarge", "p5en.48xlarge"]},
            "allowed: types with the same EFA adapters",
        ),
        ({"capacity": "capacityBlock"}, "reservation needs the id of the capacity block"),
        (
            {"capacity": "capacityBlock", "reservation": {"id": "cr-0a1b2c3d"}, "zones": ["a"]},
            "allowed: one type that capacity blocks are sold for",
        ),
        ({"ami_release": "latest"}, "String should match pattern"),
        ({"instance_types": ["g6.xlarge", "g5g.xlarge"]}, "one processor architecture"),
        ({"min_nodes": 2, "nodes": 1}, r"nodes is 1; allowed: minNodes \(2\) to maxNodes \(4\)"),
        ({"nodes": 5}, r"nodes is 5; allowed: minNodes \(0\) to maxNodes \(4\)"),
        ({"disk_gb": 10}, "greater than or equal to 50"),
    ],
)
def test_a_pool_that_makes_no_sense_is_refused(wanted: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        GpuPool(**{"instance_types": ["g6.2xlarge"], **wanted})


def test_nodes_follow_the_cluster_to_another_version_where_they_are_told_it() -> None:
    given = {
        "pool": {"instanceTypes": ["g6.2xlarge"]},
        "cluster_name": "main",
        "subnet_ids": ["a"],
        "disks_key_arn": "k",
    }
    plan = declare(lambda: GpuNodePool("train", {**given, "cluster_version": "1.36"}))  # type: ignore[typeddict-item]
    assert plan.one(aws.eks.NodeGroup).inputs["version"] == "1.36"
    assert "version" not in nodes()


def test_an_update_needs_no_gpu_beyond_the_most() -> None:
    assert nodes()["updateConfig"] == {"maxUnavailable": 1, "updateStrategy": "MINIMAL"}


@pytest.mark.parametrize("type", ["gr6.4xlarge", "p5.48xlarge", "p4d.24xlarge"])
def test_every_family_with_nvidia_gpus_is_taken(type: str) -> None:
    assert nodes(instance_types=[type])["amiType"] == "BOTTLEROCKET_x86_64_NVIDIA"


def test_a_type_with_gpus_of_another_make_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    radeon = instances.InstanceType("g4ad.xlarge", 4, 16384, "x86_64", gpus=1, gpu_manufacturer="AMD")
    monkeypatch.setattr(instances, "find", lambda name: radeon)
    with pytest.raises(ValidationError, match=r"g4ad\.xlarge: allowed: types with NVIDIA GPUs"):
        GpuPool(instance_types=["g4ad.xlarge"])


def template(**wanted: Any) -> Any:
    return pool(**wanted).one(aws.ec2.LaunchTemplate).inputs


def test_a_single_type_lies_in_the_template_where_it_can_be_exchanged() -> None:
    assert template(instance_types=["g6e.xlarge"])["instanceType"] == "g6e.xlarge"
    assert "instanceTypes" not in nodes(instance_types=["g6e.xlarge"])


def test_several_types_lie_in_the_node_group() -> None:
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


def test_no_two_interfaces_share_a_place_on_a_card() -> None:
    for name in ("p5.48xlarge", "p6-b300.48xlarge", "g6e.48xlarge"):
        facts = instances.find(name)
        assert facts
        places = [(each["network_card_index"], each["device_index"]) for each in instances.efa_interfaces(facts)]
        assert len(places) == len({*places})


def test_a_type_whose_first_card_has_no_adapter_has_none_there() -> None:
    facts = instances.find("p6-b300.48xlarge")
    assert facts
    cards = [each["network_card_index"] for each in instances.efa_interfaces(facts)]
    assert cards == [*range(17)]


def test_nodes_with_fabric_reach_the_cluster_and_each_other_in_both_directions() -> None:
    plan = pool(instance_types=["p5.48xlarge"], efa=True, zones=["us-east-1a"])
    groups = {tuple(each["securityGroups"]) for each in plan.one(aws.ec2.LaunchTemplate).inputs["networkInterfaces"]}
    assert groups == {("sg-cluster", "train-fabric-id")}
    for rule in (aws.vpc.SecurityGroupIngressRule, aws.vpc.SecurityGroupEgressRule):
        inputs = plan.one(rule).inputs
        assert (inputs["securityGroupId"], inputs["referencedSecurityGroupId"]) == ("train-fabric-id",) * 2
        assert inputs["ipProtocol"] == "-1"


def test_fabric_needs_no_placement_group_and_a_placement_group_no_fabric() -> None:
    fabric = pool(instance_types=["p5.48xlarge"], efa=True, zones=["us-east-1a"])
    assert not fabric.of(aws.ec2.PlacementGroup)
    placed = pool(placement_group=True, zones=["us-east-1a"])
    assert placed.one(aws.ec2.PlacementGroup).inputs["strategy"] == "cluster"
    template = placed.one(aws.ec2.LaunchTemplate).inputs
    assert template["placement"] == {"groupName": "train-placement-0000000"}
    assert "networkInterfaces" not in template


def test_a_reservation_is_used_and_nothing_beside_it() -> None:
    by_id = template(reservation={"id": "cr-0a1b2c3d4e5f67890"}, zones=["us-east-1a"])
    assert by_id["capacityReservationSpecification"] == {
        "capacityReservationPreference": "capacity-reservations-only",
        "capacityReservationTarget": {"capacityReservationId": "cr-0a1b2c3d4e5f67890"},
    }
    by_group = template(reservation={"group": "training"})["capacityReservationSpecification"]
    assert by_group["capacityReservationTarget"] == {
        "capacityReservationResourceGroupArn": "arn:aws:resource-groups:us-east-1:123456789012:group/training"
    }


def test_a_capacity_block_is_bought_as_one() -> None:
    wanted = {
        "instance_types": ["p5.48xlarge"],
        "capacity": "capacityBlock",
        "reservation": {"id": "cr-0a1b2c3d4e5f67890"},
        "zones": ["us-east-1a"],
    }
    assert template(**wanted)["instanceMarketOptions"] == {"marketType": "capacity-block"}
    assert nodes(**wanted)["capacityType"] == "CAPACITY_BLOCK"


def test_local_disks_are_joined_where_every_type_has_some() -> None:
    settings = base64.b64decode(template(instance_types=["p5.48xlarge"])["userData"]).decode()
    commands = tomllib.loads(settings)["settings"]["bootstrap-commands"]["local-disks"]["commands"]
    assert [command[:3] for command in commands] == [
        ["apiclient", "ephemeral-storage", "init"],
        ["apiclient", "ephemeral-storage", "bind"],
    ]
    assert "userData" not in template(instance_types=["p5.48xlarge"], local_disks=False)
    assert "userData" not in template(instance_types=["g5g.xlarge"])


def test_autoscalers_know_what_a_node_would_have_before_there_is_one() -> None:
    plan = pool(instance_types=["g6.12xlarge", "g5.48xlarge"], labels={"team": "nlp"})
    tags = [each.inputs["tag"] for each in plan.of(aws.autoscaling.Tag)]
    assert {tag["key"].removeprefix("k8s.io/cluster-autoscaler/node-template/"): tag["value"] for tag in tags} == {
        "label/mlplatform.io/pool": "train",
        "label/team": "nlp",
        "taint/nvidia.com/gpu": "true:NoSchedule",
        "resources/nvidia.com/gpu": "4",
    }
    assert {each.inputs["autoscalingGroupName"] for each in plan.of(aws.autoscaling.Tag)} == {"eks-train-nodes"}


def test_ill_nodes_are_repaired_unless_that_is_turned_off() -> None:
    assert nodes()["nodeRepairConfig"]["enabled"] is True
    assert nodes(repair=False)["nodeRepairConfig"] == {"enabled": False}


def test_the_image_is_pinned_where_the_pool_says_so() -> None:
    assert nodes(ami_release="1.54.0-5043decc")["releaseVersion"] == "1.54.0-5043decc"
    assert "releaseVersion" not in nodes()


def test_what_a_pool_needs_for_fabric_is_told() -> None:
    fabric = {"instanceTypes": ["p5.48xlarge"], "efa": True, "zones": ["us-east-1a"]}
    bare = {"cluster_name": "main", "subnet_ids": ["subnet-a"], "disks_key_arn": "arn:disks"}
    told = r"\n  vpc_id is missing; needed, since pool has efa\n  cluster_security_group_id is missing; needed, since"
    with pytest.raises(ArgumentsError, match=told):
        declare(lambda: GpuNodePool("train", {"pool": GpuPool.model_validate(fabric), **bare}))  # type: ignore[typeddict-item]  # as wrong callers do

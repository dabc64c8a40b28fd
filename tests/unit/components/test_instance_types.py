"""The allowed instance types of pools: those that support their image and have room for their pods."""

import re
from typing import Any

import pytest
from pydantic import ValidationError

from awsfacts import allocatable, instances, node_images
from awsfacts.allocatable import Room
from mlplatform import EksClusterSpec, GpuNodePoolSpec
from mlplatform.compute.eks_cluster.system_pool import SystemPool

NEW = re.compile(r"did you mean (.*)\?")


def message_of(model: Any, **fields: Any) -> str:
    with pytest.raises(ValidationError) as error:
        model.model_validate(fields)
    (only,) = error.value.errors()
    return str(only["ctx"]["error"])


@pytest.mark.parametrize("type", ["mac1.metal", "mac2.metal", "mac-m4.metal"])
def test_mac_instances_are_rejected(type: str) -> None:
    assert message_of(SystemPool, instanceTypes=[type]).startswith(
        f"{type}: allowed: types that run Linux, such as m7i.large"
    )
    assert message_of(GpuNodePoolSpec, instanceTypes=[type]).startswith(f"{type}: allowed: types with NVIDIA GPUs")


@pytest.mark.parametrize(
    "type", ["t1.micro", "m1.xlarge", "c1.xlarge", "m3.2xlarge", "t2.large", "c4.large", "r4.large"]
)
def test_types_without_the_nitro_system_are_rejected_because_of_address_prefixes(type: str) -> None:
    assert message_of(SystemPool, instanceTypes=["m7i.large", type]).startswith(
        f"{type}: allowed: types on the Nitro System"
    )


@pytest.mark.parametrize("type", ["m7g.large", "t4g.medium", "a1.large", "hpc7g.4xlarge"])
def test_arm_types_are_rejected_for_system_nodes(type: str) -> None:
    assert message_of(SystemPool, instanceTypes=[type]) == f"{type}: allowed: x86-64 types such as m7i.large"


@pytest.mark.parametrize("type", ["t3.nano", "t3.micro", "t3a.nano", "t3a.micro", "t8i.micro"])
def test_types_without_room_for_the_add_ons_are_rejected_for_system_nodes(type: str) -> None:
    assert message_of(SystemPool, instanceTypes=["m7i.large", type]) == (
        f"instanceTypes has {type}; allowed: types with 4 GiB of memory or more such as m7i.large, since 2 nodes of "
        "this type would have no room for the pods of the cluster's add-ons"
    )


@pytest.mark.parametrize(
    "type", ["t3.medium", "t3.small", "c7i.large", "m7i-flex.large", "m5.metal", "i3en.metal", "g6.xlarge"]
)
def test_common_types_are_accepted_for_system_nodes(type: str) -> None:
    assert SystemPool.model_validate({"instanceTypes": [type]})


def test_a_small_type_requires_two_system_nodes() -> None:
    assert "or 2 nodes, since 1 node of this type" in message_of(
        SystemPool, instanceTypes=["t3.small"], minNodes=1, nodes=1
    )
    assert EksClusterSpec.model_validate({"system": {"instanceTypes": ["t3.medium"], "minNodes": 1, "nodes": 1}})


def test_the_pods_of_the_add_ons_fit_exactly() -> None:
    least = 255 + 11 * 110 + 100 + 30 + 70 + 200
    memory = next(mib for mib in range(4096) if allocatable.capacity_mib(mib) >= least)
    assert allocatable.holds_system_pods(2, memory, 2, secrets_store=False)
    assert not allocatable.holds_system_pods(2, memory - 1, 2, secrets_store=False)
    assert not allocatable.holds_system_pods(2, memory, 2, secrets_store=True)
    assert not allocatable.holds_system_pods(2, memory, 1, secrets_store=False)
    assert allocatable.SYSTEM_PODS["metrics-server"] == Room(100, 200)


@pytest.mark.parametrize("type", ["g7.2xlarge", "g7.48xlarge"])
def test_families_that_the_driver_does_not_support_are_rejected_for_gpu_nodes(type: str) -> None:
    """G7 requires a newer driver than the images have."""
    assert message_of(GpuNodePoolSpec, instanceTypes=[type]).startswith(
        f"{type}: allowed: families that the driver in EKS's images supports"
    )


def test_all_other_families_with_nvidia_gpus_are_supported() -> None:
    names = [name for name in instances._data()["types"] if instances.find(name).gpu_manufacturer == instances.NVIDIA]  # type: ignore[union-attr]
    refused = {name.split(".")[0] for name in names if node_images.not_for_gpu_nodes(instances.find(name))}  # type: ignore[arg-type]
    assert refused == {"g7"}
    assert GpuNodePoolSpec.model_validate({"instanceTypes": ["g5g.xlarge"]})


@pytest.mark.parametrize(
    "model, fields",
    [
        *((SystemPool, {"instanceTypes": [type]}) for type in ("t3.nan", "t3.micr", "mac1.met", "m7g.larg", "t2.larg")),
        *(
            (GpuNodePoolSpec, {"instanceTypes": [type]})
            for type in ("g7.2xlarg", "g5g.xlarg", "m7i.larg", "p5.48xlarg", "mac2.m")
        ),
        (GpuNodePoolSpec, {"instanceTypes": ["g6.2xlarge", "g5g.xlarg"]}),
        (GpuNodePoolSpec, {"instanceTypes": ["g5g.xlarge", "g5.2xlarg"]}),
        (SystemPool, {"instanceTypes": ["t3.smal"], "minNodes": 1, "nodes": 1}),
    ],
)
def test_a_suggested_type_is_valid(model: Any, fields: dict[str, Any]) -> None:
    proposed = NEW.search(message_of(model, **fields))
    for each in proposed[1].split(", ") if proposed else []:
        assert model.model_validate({**fields, "instanceTypes": [*fields["instanceTypes"][:-1], each]})


def test_gpu_types_without_the_nitro_system_are_rejected() -> None:
    older = instances.InstanceType("p3.2xlarge", 8, 62464, "x86_64", xen=True, gpus=1, gpu_manufacturer="NVIDIA")
    reason = node_images.not_for_gpu_nodes(older)
    assert reason and reason.startswith("types on the Nitro System such as g6.2xlarge")


def test_a_reservation_requires_one_instance_type() -> None:
    pool = {"instanceTypes": ["g6.2xlarge", "g5.2xlarge"], "zones": ["us-east-1a"]}
    assert message_of(GpuNodePoolSpec, **pool, reservation={"id": "cr-0a1b2c3d4e5f67890"}) == (
        "instanceTypes is g6.2xlarge, g5.2xlarge; allowed: one type, since the reservation of reservation.id "
        "has one; for several types, use reservation.group"
    )
    assert GpuNodePoolSpec.model_validate({**pool, "reservation": {"group": "ml"}})

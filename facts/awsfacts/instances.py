"""Facts about EC2 instance types, from one dated file, without a call to AWS.

`instance_types.json` contains its source and its date; `mlpctl instances refresh` updates it.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, Final

DATA: Final = Path(__file__).with_name("instance_types.json")

NVIDIA: Final = "NVIDIA"

GPU_RESOURCE: Final = "nvidia.com/gpu"
"""Resource name of NVIDIA GPUs in pod specs: https://github.com/NVIDIA/k8s-device-plugin"""


@dataclass(frozen=True)
class InstanceType:
    """Facts about one instance type."""

    name: str
    vcpus: int
    memory_mib: int
    architecture: str
    """EC2's name for it: `x86_64`, `arm64`, or that of a Mac, which runs only macOS."""

    xen: bool = False
    """Whether it runs on the Xen hypervisor instead of the Nitro System."""

    gpus: int = 0
    """GPUs as Kubernetes counts them: a type with a fractional GPU has one."""

    gpu: str = ""
    """Model of the GPUs, e.g. `H100`."""

    gpu_manufacturer: str = ""
    gpu_memory_mib: int = 0
    """Memory of each GPU."""

    network_cards: int = 1
    efa_cards: tuple[int, ...] = ()
    """Indexes of the network cards that support an Elastic Fabric Adapter."""

    nvme_disks: int = 0
    """Instance store disks, whose data is lost when the instance terminates."""

    nvme_gb: int = 0
    """Total size of these disks, in GB."""

    capacity_blocks: bool = False
    """Whether EC2 Capacity Blocks for ML are offered for it."""


@cache
def find(name: str) -> InstanceType | None:
    """The facts about the type `name`, e.g. `g6.2xlarge`; None if the file has no such type."""
    facts = _data()["types"].get(name)
    return facts and InstanceType(name, **{**facts, "efa_cards": tuple(facts.get("efa_cards", ()))})


def date() -> str:
    """The date of the file, e.g. `2026-10-27`."""
    return str(_data()["date"])


def known(names: Sequence[str], suits: Callable[[InstanceType], bool] = lambda _: True) -> list[InstanceType]:
    """The facts about each of `names`; for use in a field validator.

    Args:
        names: names of types.
        suits: whether the field accepts a type. Only such types are suggested for a misspelled name.

    Raises:
        ValueError: the file does not have some of `names`; the message lists them.
    """
    found = {name: find(name) for name in names}
    if unknown := [name for name, facts in found.items() if facts is None]:
        choices = [name for name in _data()["types"] if (facts := find(name)) and suits(facts)]
        near = [*dict.fromkeys(each for name in unknown for each in get_close_matches(name, choices, n=1))]
        raise ValueError(
            f"{', '.join(unknown)}: allowed: EC2's instance types of {date()} (`mlpctl instances refresh` brings newer "
            "ones)" + (f"; did you mean {', '.join(near)}?" if near else "")
        )
    return [facts for facts in found.values() if facts]


def efa_interfaces(facts: InstanceType) -> list[dict[str, Any]]:
    """The network interfaces of an instance that uses every Elastic Fabric Adapter of its type.

    The first interface is an ordinary one with the node's IP address. The adapters are EFA-only interfaces, without an
    IP address. On the first card the adapter is the second device; on every other card it is the first.

    Source: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/efa-acc-inst-types.html
    """
    return [
        {"network_card_index": 0, "device_index": 0, "interface_type": "interface"},
        *(
            {"network_card_index": card, "device_index": 0 if card else 1, "interface_type": "efa-only"}
            for card in facts.efa_cards
        ),
    ]


def facts_of(described: Mapping[str, Any]) -> dict[str, Any]:
    """The file's facts about an instance type, from its `DescribeInstanceTypes` response; empty values are omitted."""
    gpus = (described.get("GpuInfo") or {}).get("Gpus") or [{}]
    storage = described.get("InstanceStorageInfo") or {}
    nvme = storage if storage.get("NvmeSupport", "unsupported") != "unsupported" else {}
    network = described["NetworkInfo"]
    facts = {
        "vcpus": described["VCpuInfo"]["DefaultVCpus"],
        "memory_mib": described["MemoryInfo"]["SizeInMiB"],
        "architecture": _architecture(described["ProcessorInfo"]["SupportedArchitectures"]),
        "xen": described.get("Hypervisor") == "xen",
        "gpus": sum(gpu.get("Count") or gpu.get("LogicalGpuCount", 0) for gpu in gpus),
        "gpu": gpus[0].get("Name"),
        "gpu_manufacturer": gpus[0].get("Manufacturer", "").upper(),
        "gpu_memory_mib": gpus[0].get("MemoryInfo", {}).get("SizeInMiB"),
        "network_cards": network["MaximumNetworkCards"],
        "efa_cards": [
            card["NetworkCardIndex"]
            for card in network.get("NetworkCards", ())
            if "efa-only" in card.get("InterfaceTypes", ())
        ]
        if network.get("EfaSupported")
        else [],
        "nvme_disks": sum(disk["Count"] for disk in nvme.get("Disks", ())),
        "nvme_gb": nvme.get("TotalSizeInGB"),
        "capacity_blocks": "capacity-block" in described.get("SupportedUsageClasses", ()),
    }
    return {name: value for name, value in facts.items() if value}


def _architecture(supported: Sequence[str]) -> str:
    """The architecture for a node's image; older types support `i386` in addition to a 64-bit one."""
    return next((each for each in ("arm64", "x86_64") if each in supported), supported[0])


@cache
def _data() -> Any:
    return json.loads(DATA.read_text(encoding="utf-8"))

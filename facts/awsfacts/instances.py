"""What EC2 instance types have: facts from one dated file, without a question to AWS.

`instance_types.json` names its source and its date; `mlpctl instances refresh` writes it anew.
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
"""Name under which pods request NVIDIA GPUs: https://github.com/NVIDIA/k8s-device-plugin"""


@dataclass(frozen=True)
class InstanceType:
    """What one instance type has."""

    name: str
    vcpus: int
    memory_mib: int
    architecture: str
    """As EC2 names it: `x86_64`, `arm64`, or that of a Mac, which runs macOS alone."""

    xen: bool = False
    """Whether it runs on the Xen hypervisor, before the Nitro System."""

    gpus: int = 0
    """GPUs as Kubernetes counts them: a type with a part of a GPU offers one."""

    gpu: str = ""
    """Model of the GPUs, e.g. `H100`."""

    gpu_manufacturer: str = ""
    gpu_memory_mib: int = 0
    """Memory of each GPU."""

    network_cards: int = 1
    efa_cards: tuple[int, ...] = ()
    """Indices of the network cards that an Elastic Fabric Adapter fits on."""

    nvme_disks: int = 0
    """Disks of its own that end with the instance."""

    nvme_gb: int = 0
    """Size of all these disks together, in GB."""

    capacity_blocks: bool = False
    """Whether EC2 Capacity Blocks for ML are sold for it."""


@cache
def find(name: str) -> InstanceType | None:
    """The facts of the type `name`, e.g. `g6.2xlarge`; None where the file has no such type."""
    facts = _data()["types"].get(name)
    return facts and InstanceType(name, **{**facts, "efa_cards": tuple(facts.get("efa_cards", ()))})


def date() -> str:
    """The day of the file, e.g. `2026-10-27`."""
    return str(_data()["date"])


def known(names: Sequence[str], suits: Callable[[InstanceType], bool] = lambda _: True) -> list[InstanceType]:
    """The facts of each of `names`; for use in a field validator.

    Args:
        names: names of types.
        suits: whether the field takes a type, so that no other one is proposed.

    Raises:
        ValueError: naming those that the file does not have.
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
    """Network interfaces of an instance that uses every Elastic Fabric Adapter that its type has.

    The first is an ordinary one, with the node's address. The adapters carry nothing but fabric traffic and take no
    address: beside it on the first card, and first on every other card.

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
    """The file's facts of one instance type, from what EC2's `DescribeInstanceTypes` says of it; zeros are left out."""
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
    """The architecture of a node's image, of those that a type has: beside one of 64 bits, an old type has `i386`."""
    return next((each for each in ("arm64", "x86_64") if each in supported), supported[0])


@cache
def _data() -> Any:
    return json.loads(DATA.read_text(encoding="utf-8"))

"""Facts about EC2 instance types, from the table that moto also uses for `DescribeInstanceTypes`."""

from dataclasses import dataclass
from functools import cache

from moto.ec2.models.instance_types import INSTANCE_TYPES

from awsfacts import allocatable


@dataclass(frozen=True)
class InstanceType:
    """Facts about a node with this instance type."""

    name: str
    vcpus: int
    memory_mib: int
    architecture: str
    """Kubernetes' name for it: `amd64` or `arm64`."""

    max_pods: int
    """Maximum number of pods on a managed node if the VPC CNI assigns address prefixes."""

    nvidia_gpus: int = 0
    neuron_devices: int = 0
    neuron_cores: int = 0

    @property
    def accelerated(self) -> bool:
        """Whether it has GPUs or Neuron devices."""
        return bool(self.nvidia_gpus or self.neuron_devices)


@cache
def find(name: str) -> InstanceType | None:
    """The instance type `name`, e.g. `g6.2xlarge`; None if EC2 has no such type."""
    facts = INSTANCE_TYPES.get(name)
    if facts is None:
        return None
    vcpus = facts["VCpuInfo"]["DefaultVCpus"]
    gpus = (facts.get("GpuInfo") or {}).get("Gpus", [])
    neuron = (facts.get("NeuronInfo") or {}).get("NeuronDevices", [])
    network = facts["NetworkInfo"]
    # The first address of a network interface is its own; each other slot holds a prefix of 16 addresses. Two pods use
    # the host network: https://docs.aws.amazon.com/eks/latest/userguide/cni-increase-ip-addresses.html
    slots = network["MaximumNetworkInterfaces"] * (network["Ipv4AddressesPerInterface"] - 1)
    return InstanceType(
        name=name,
        vcpus=vcpus,
        memory_mib=facts["MemoryInfo"]["SizeInMiB"],
        architecture="arm64" if "arm64" in facts["ProcessorInfo"]["SupportedArchitectures"] else "amd64",
        max_pods=min(slots * 16 + 2, allocatable.max_pods(vcpus)),
        # A type with a fractional GPU has 0 physical and 1 logical GPU; the device plugin offers the logical one.
        nvidia_gpus=sum(
            gpu["Count"] or gpu.get("LogicalGpuCount", 0) for gpu in gpus if gpu["Manufacturer"].upper() == "NVIDIA"
        ),
        neuron_devices=sum(device["Count"] for device in neuron),
        neuron_cores=sum(device["Count"] * device["CoreInfo"]["Count"] for device in neuron),
    )

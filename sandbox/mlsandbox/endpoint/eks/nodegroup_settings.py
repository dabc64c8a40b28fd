"""Validation and defaults of a node group's settings, as pure functions."""

import re
from collections.abc import Mapping
from typing import Any, Final

from mlsandbox.endpoint.eks import instance_types, launch
from mlsandbox.endpoint.eks.backend import Shape
from mlsandbox.endpoint.eks.catalog import MOST_MINORS_BEHIND, is_release, latest_release, release_order
from mlsandbox.endpoint.eks.errors import InvalidParameter

DEFAULT_INSTANCE_TYPE = "t3.medium"
MAX_TAINTS = 50
"""https://docs.aws.amazon.com/eks/latest/userguide/node-taints-managed-node-groups.html"""


RESERVED: Final = ("kubernetes.io/", "k8s.io/", "eks.amazonaws.com/")
"""Prefixes of labels and taints that are reserved by EKS."""

# https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
_NAME: Final = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_PART: Final = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
_KEY: Final = re.compile(rf"(?:(?=.{{1,253}}/){_PART}(?:\.{_PART})*/)?{_NAME}")
_VALUE: Final = re.compile(rf"(?:{_NAME})?")


def check_labels(labels: Mapping[str, str]) -> None:
    """Raise `InvalidParameter` for labels that are reserved by EKS or invalid in Kubernetes."""
    for key, value in labels.items():
        _check_pair("Label", key, value)


def _check_pair(what: str, key: str, value: str) -> None:
    if any(prefix in key for prefix in RESERVED):
        raise InvalidParameter(f"{what} cannot contain reserved prefixes [{', '.join(RESERVED)}]")
    if not _KEY.fullmatch(key):
        raise InvalidParameter(f"{what} key {key!r} is not a valid Kubernetes qualified name")
    if not _VALUE.fullmatch(value):
        raise InvalidParameter(
            f"{what} value {value!r} of {key} is invalid; allowed: at most 63 letters, digits, dashes, underscores and "
            "dots, starting and ending with a letter or digit"
        )


def types_of(asked: list[str] | None, start: launch.Launch | None) -> list[str]:
    """The group's instance types from the launch template or from `asked`, in order of preference."""
    if start is not None and start.instance_type:
        return [start.instance_type]
    return asked or [DEFAULT_INSTANCE_TYPE]


def default_ami_type(instance_type: str) -> str:
    """The default AMI type for an instance type, with the driver for its accelerators."""
    facts = instance_types.find(instance_type)
    if facts is None:
        return "AL2023_x86_64_STANDARD"
    cpu = "ARM_64" if facts.architecture == "arm64" else "x86_64"
    if facts.nvidia_gpus:
        return f"AL2023_{cpu}_NVIDIA"
    return "AL2023_x86_64_NEURON" if facts.neuron_devices else f"AL2023_{cpu}_STANDARD"


def check_instance_types(names: list[str], ami_type: str) -> None:
    """Raise `InvalidParameter` for instance types that do not exist or do not support the image."""
    found = {name: instance_types.find(name) for name in names}
    if unknown := [name for name, facts in found.items() if facts is None]:
        raise InvalidParameter(f"The following supplied instance types do not exist: [{', '.join(unknown)}]")
    if ami_type == "CUSTOM":
        return
    for name, facts in found.items():
        assert facts is not None
        wrong = (
            ("arm64" if "ARM_64" in ami_type else "amd64") != facts.architecture
            or (("NVIDIA" in ami_type or ami_type.endswith("_GPU")) and not facts.nvidia_gpus)
            or (ami_type.endswith("_NEURON") and not facts.neuron_devices)
        )
        if wrong:
            raise InvalidParameter(f"[{name}] is not a valid instance type for requested amiType {ami_type}")


def sized(current: Shape, asked: Shape) -> Shape:
    """The `NodegroupScalingConfig` after a change. Raises `InvalidParameter` unless minimum <= desired <= maximum."""
    size = {**current, **asked}
    low, high, wanted = size["minSize"], size["maxSize"], size["desiredSize"]
    if low > high:
        raise InvalidParameter(f"Minimum capacity {low} can't be greater than maximum size {high}")
    if low > wanted:
        raise InvalidParameter(f"Minimum capacity {low} can't be greater than desired size {wanted}")
    if wanted > high:
        raise InvalidParameter(f"desired capacity {wanted} can't be greater than max size {high}")
    return size


def check_taints(taints: list[Shape]) -> list[Shape]:
    """Return `taints`. Raises `InvalidParameter` for an incomplete or duplicate taint, or for too many."""
    for taint in taints:
        if not taint.get("key") or not taint.get("effect"):
            raise InvalidParameter("A taint must have a key and an effect")
        _check_pair("Taint", taint["key"], taint.get("value") or "")
    if len(taints) > MAX_TAINTS:
        raise InvalidParameter(f"A node group can have at most {MAX_TAINTS} taints")
    pairs = [(taint["key"], taint["effect"]) for taint in taints]
    if len(pairs) > len(set(pairs)):
        raise InvalidParameter("Duplicate taint: a key can occur only once per effect")
    return taints


def changed_taints(current: list[Shape], change: dict[str, Any]) -> list[Shape]:
    """The taints after an `UpdateTaintsPayload`."""
    gone = [*check_taints(change.get("addOrUpdateTaints", [])), *check_taints(change.get("removeTaints", []))]
    pairs = {(taint["key"], taint["effect"]) for taint in gone}
    kept = [taint for taint in current if (taint["key"], taint["effect"]) not in pairs]
    return check_taints([*kept, *change.get("addOrUpdateTaints", [])])


def update_config_of(asked: Shape | None, current: Shape | None = None) -> Shape:
    """`current`, a `NodegroupUpdateConfig`, with the requested change applied."""
    if asked is None:
        return current or {"maxUnavailable": 1}
    if "maxUnavailable" in asked and "maxUnavailablePercentage" in asked:
        raise InvalidParameter("Only one of maxUnavailable and maxUnavailablePercentage can be specified")
    if asked.keys() & {"maxUnavailable", "maxUnavailablePercentage"}:
        return asked
    sizes = {key: value for key, value in (current or {"maxUnavailable": 1}).items() if key != "updateStrategy"}
    return {**sizes, **asked}


def check_version(version: str, cluster: str) -> None:
    """Raise `InvalidParameter` if the nodes' version is newer than the cluster's, or too old for it."""
    behind = minors_behind(version, cluster)
    if behind < 0:
        raise InvalidParameter(f"Node group version {version} is newer than cluster version {cluster}")
    if behind > MOST_MINORS_BEHIND:
        raise InvalidParameter(
            f"Node group version {version} is {behind} minor versions older than cluster version {cluster}; allowed: "
            f"at most {MOST_MINORS_BEHIND}"
        )


def minors_behind(version: str, cluster: str) -> int:
    """How many minor versions the nodes are older than their cluster."""
    return int(cluster.split(".")[1]) - int(version.split(".")[1])


def release_of(ami_type: str, version: str, asked: str | None) -> str:
    """The release version of the EKS optimized image: `asked` or the latest. Raises `InvalidParameter`."""
    if asked is None:
        latest = latest_release(ami_type, version)
        if latest is None:
            raise InvalidParameter(f"The sandbox lists no release of {ami_type} for Kubernetes {version}")
        return latest
    if not is_release(ami_type, version, asked):
        raise InvalidParameter(f"Requested release version {asked} is not valid for kubernetes version {version}.")
    return asked


def check_no_way_back(current: Shape, version: str, release: str) -> None:
    """Raise `InvalidParameter` if a node group would be rolled back.

    "You cannot roll back a node group to an earlier Kubernetes version or AMI version":
    https://docs.aws.amazon.com/eks/latest/APIReference/API_UpdateNodegroupVersion.html
    """
    if minors_behind(version, current["version"]) > 0:
        raise InvalidParameter(
            f"You cannot roll back a node group to an earlier Kubernetes version: {current['version']} to {version}"
        )
    if version == current["version"] and release_order(release) < release_order(current["releaseVersion"]):
        raise InvalidParameter(
            f"You cannot roll back a node group to an earlier AMI version: {current['releaseVersion']} to {release}"
        )

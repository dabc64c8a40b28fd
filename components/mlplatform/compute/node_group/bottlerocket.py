"""Settings of Bottlerocket nodes, as TOML for their user data.

Arrays are on one line without trailing commas, because EKS merges the user data of managed images with its own parser,
which "doesn't support all valid TOML": https://docs.aws.amazon.com/eks/latest/userguide/launch-templates.html
"""

import base64
import json
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any, Final

from awsfacts.instances import InstanceType

LOCAL_DISKS: Final = """\
[settings.bootstrap-commands.local-disks]
commands = [["apiclient", "ephemeral-storage", "init"], ["apiclient", "ephemeral-storage", "bind", "--dirs", \
"/var/lib/containerd", "/var/lib/kubelet", "/var/log/pods"]]
mode = "always"
essential = true
"""
"""Joins an instance's local disks as RAID 0 and stores images, pods and their logs there:
https://bottlerocket.dev/en/os/latest/#/api/settings/bootstrap-commands/"""

EFFECTS: Final = {"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute", "PREFER_NO_SCHEDULE": "PreferNoSchedule"}
"""Kubernetes' names of EKS's taint effects."""

_DNS_HOST: Final = 10
"""EKS assigns the tenth address of the service CIDR block to CoreDNS."""


def joining(
    *,
    cluster: str,
    endpoint: str,
    certificate_authority: str,
    service_cidr: str,
    max_pods: int,
    labels: Mapping[str, str],
    taints: Sequence[Mapping[str, str]],
) -> str:
    """The settings that a node needs to join a cluster. EKS does not add them if the launch template has an image.

    Source: https://bottlerocket.dev/en/os/latest/#/api/settings/kubernetes/
    """
    settings = {
        "cluster-name": cluster,
        "api-server": endpoint,
        "cluster-certificate": certificate_authority,
        "cluster-dns-ip": str(IPv4Network(service_cidr)[_DNS_HOST]),
        "max-pods": max_pods,
    }
    keyed: dict[str, list[str]] = {}
    for taint in taints:
        keyed.setdefault(taint["key"], []).append(f"{taint.get('value', '')}:{EFFECTS[taint['effect']]}")
    tables: dict[str, Mapping[str, Any]] = {"": settings, ".node-labels": labels, ".node-taints": keyed}
    return "\n".join(_table(f"settings.kubernetes{name}", table) for name, table in tables.items() if table)


def user_data(*settings: str) -> str:
    """Settings as user data of a launch template."""
    return base64.b64encode("\n".join(settings).encode()).decode()


def max_pods(types: Sequence[InstanceType]) -> int:
    """Maximum number of pods on a node, as EKS sets it for managed images: the lowest of the pool's types.

    Otherwise Bottlerocket computes it from the interfaces' addresses and ignores the prefixes of the network plugin.

    Source: https://docs.aws.amazon.com/eks/latest/userguide/cni-increase-ip-addresses.html
    """
    return min(110 if each.vcpus < 30 else 250 for each in types)


def _table(name: str, values: Mapping[str, Any]) -> str:
    return f"[{name}]\n" + "".join(f"{_key(key)} = {json.dumps(value)}\n" for key, value in values.items())


def _key(key: str) -> str:
    return key if key.replace("-", "").isalnum() and key.isascii() else json.dumps(key)

"""What a cluster may be told, and what it becomes when it is told nothing: plain values in, plain values out."""

import json
from typing import Any

from mlsandbox.endpoint.eks.backend import Shape
from mlsandbox.endpoint.eks.catalog import KUBERNETES_VERSIONS
from mlsandbox.endpoint.eks.errors import InvalidParameter

LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")


def check_version(version: str) -> None:
    """Raise `InvalidParameter` for a Kubernetes version that EKS does not offer."""
    if version not in KUBERNETES_VERSIONS:
        raise InvalidParameter(
            f"unsupported Kubernetes version {version}; supported are {', '.join(KUBERNETES_VERSIONS)}"
        )


def check_endpoint(config: Shape) -> None:
    """Fill in who may reach a public endpoint. Raises `InvalidParameter` for an endpoint that nobody may reach."""
    if not config["endpointPublicAccess"] and not config["endpointPrivateAccess"]:
        raise InvalidParameter("Private and public endpoint access cannot be false")
    if not config["endpointPublicAccess"]:
        config["publicAccessCidrs"] = []
    elif not config.get("publicAccessCidrs"):
        config["publicAccessCidrs"] = ["0.0.0.0/0"]


def network_config(asked: Shape) -> Shape:
    """The cluster's `KubernetesNetworkConfigResponse`. Raises `InvalidParameter` for IPv6."""
    if asked.get("ipFamily") == "ipv6":
        raise InvalidParameter("ipFamily ipv6 is not available: the sandbox's control plane has IPv4 addresses only.")
    # AWS takes 172.20.0.0/16 or 10.100.0.0/16, whichever is apart from the VPC; the sandbox's API server has the first.
    return {
        "serviceIpv4Cidr": "172.20.0.0/16",
        "ipFamily": "ipv4",
        **asked,
        "elasticLoadBalancing": {"enabled": False, **asked.get("elasticLoadBalancing", {})},
    }


def merged_logging(current: Shape, asked: Shape) -> Shape:
    """The `Logging` of a cluster that has `current` and is asked for `asked`."""
    enabled = {kind for setup in current.get("clusterLogging", ()) if setup["enabled"] for kind in setup["types"]}
    for setup in asked.get("clusterLogging", ()):
        types = setup.get("types", ())
        enabled = enabled.union(types) if setup.get("enabled") else enabled.difference(types)
    on = [kind for kind in LOG_TYPES if kind in enabled]
    off = [kind for kind in LOG_TYPES if kind not in enabled]
    setups = [{"types": on, "enabled": True}, {"types": off, "enabled": False}]
    return {"clusterLogging": [setup for setup in setups if setup["types"]]}


def as_json(value: Any) -> str:
    """A value as it stands in the parameters of an `Update`."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))

"""Validation and defaults of a cluster's settings, as pure functions."""

import json
from ipaddress import IPv4Network, ip_network
from typing import Any

from awsfacts import addresses
from awsfacts.eks_settings import CONTROL_PLANE_LOGS
from mlsandbox.endpoint.eks.backend import Shape
from mlsandbox.endpoint.eks.catalog import KUBERNETES_VERSIONS
from mlsandbox.endpoint.eks.errors import InvalidParameter


def check_version(version: str) -> None:
    """Raise `InvalidParameter` for a Kubernetes version that EKS does not offer."""
    if version not in KUBERNETES_VERSIONS:
        raise InvalidParameter(
            f"unsupported Kubernetes version {version}; supported are {', '.join(KUBERNETES_VERSIONS)}"
        )


def check_endpoint(config: Shape) -> None:
    """Set the default of `publicAccessCidrs`. Raises `InvalidParameter` for an endpoint that EKS rejects."""
    if not config["endpointPublicAccess"] and not config["endpointPrivateAccess"]:
        raise InvalidParameter("Private and public endpoint access cannot be false")
    if not config["endpointPublicAccess"]:
        config["publicAccessCidrs"] = []
    elif not config.get("publicAccessCidrs"):
        config["publicAccessCidrs"] = ["0.0.0.0/0"]
    elif reserved := [each for each in config["publicAccessCidrs"] if _is_reserved(each)]:
        raise InvalidParameter(f"The following CIDRs are not allowed in publicAccessCidrs: [{', '.join(reserved)}]")


def _is_reserved(cidr: str) -> bool:
    """Whether EKS rejects a network for clients on the internet.

    https://docs.aws.amazon.com/eks/latest/APIReference/API_VpcConfigRequest.html
    """
    network = ip_network(cidr, strict=False)
    return isinstance(network, IPv4Network) and any(network.subnet_of(each) for each in addresses.NOT_PUBLIC)


def network_config(asked: Shape) -> Shape:
    """The cluster's `KubernetesNetworkConfigResponse`. Raises `InvalidParameter` for IPv6."""
    if asked.get("ipFamily") == "ipv6":
        raise InvalidParameter("ipFamily ipv6 is not available: the sandbox's control plane has only IPv4 addresses.")
    # AWS uses 172.20.0.0/16 or 10.100.0.0/16, whichever does not overlap the VPC; the sandbox always uses the first.
    return {
        "serviceIpv4Cidr": "172.20.0.0/16",
        "ipFamily": "ipv4",
        **asked,
        "elasticLoadBalancing": {"enabled": False, **asked.get("elasticLoadBalancing", {})},
    }


def merged_logging(current: Shape, asked: Shape) -> Shape:
    """The cluster's `Logging` after the change `asked` to `current`."""
    enabled = {kind for setup in current.get("clusterLogging", ()) if setup["enabled"] for kind in setup["types"]}
    for setup in asked.get("clusterLogging", ()):
        types = setup.get("types", ())
        enabled = enabled.union(types) if setup.get("enabled") else enabled.difference(types)
    on = [kind for kind in CONTROL_PLANE_LOGS if kind in enabled]
    off = [kind for kind in CONTROL_PLANE_LOGS if kind not in enabled]
    setups = [{"types": on, "enabled": True}, {"types": off, "enabled": False}]
    return {"clusterLogging": [setup for setup in setups if setup["types"]]}


def as_json(value: Any) -> str:
    """A value in the format of the parameters of an `Update`."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))

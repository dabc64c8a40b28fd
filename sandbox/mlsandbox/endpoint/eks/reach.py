"""Whether a cluster's API server is reachable, by the endpoint access settings and the security group rules."""

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from moto.ec2.models import ec2_backends
from moto.ec2.models.security_groups import SecurityGroup, SecurityGroupRule

from mlsandbox.endpoint.eks.backend import LOCK, EksBackend, Shape, all_clusters

API_PORT: Final = 443
"""Port of EKS's endpoint. In the sandbox, the endpoint has an arbitrary port that represents it."""


@dataclass(frozen=True)
class Source:
    """The source of an ingress rule for `API_PORT`."""

    cidr: str | None = None
    group: str | None = None
    prefix_list: str | None = None


def closed(server: str, origin: str | None = None) -> str | None:
    """Why `origin` (None: anything outside the cluster) cannot reach the cluster with the endpoint `server`.

    Returns None if it can, or if no cluster has this endpoint.

    A connected network can reach the private endpoint only if a rule of the cluster's security groups allows it. By
    default, the rules allow only the groups' own members:
    https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html
    """
    with LOCK:
        found = [(backend, cluster) for backend, cluster in all_clusters() if cluster.shape.get("endpoint") == server]
        if not found:
            return None
        backend, cluster = found[0]
        config = dict(cluster.shape["resourcesVpcConfig"])
        groups = security_groups(config)
        if _public_lets_in(config, origin):
            return None
        sources = list(_ingress(backend, groups))
    if config["endpointPrivateAccess"] and any(_lets_in(source, groups, origin) for source in sources):
        return None
    return _unreachable(server, config, groups, origin)


def security_groups(config: Shape) -> Sequence[str]:
    """The security groups of the control plane, the cluster security group first. `config` is a `VpcConfigResponse`."""
    return [config["clusterSecurityGroupId"], *config.get("securityGroupIds", ())]


def _unreachable(server: str, config: Shape, groups: Sequence[str], origin: str | None) -> str:
    """The error for clients: the timeout that they would get on AWS, the reason and the remedy."""
    who = f"{origin} (`mlsandbox from`)" if origin else "anything outside the cluster"
    named = ", ".join(groups)
    if not config["endpointPrivateAccess"]:
        why = f"the endpoint is only public, and publicAccessCidrs does not contain {who}"
    elif config["endpointPublicAccess"]:
        why = f"neither publicAccessCidrs nor an ingress rule of {named} allows {who} on TCP {API_PORT}"
    else:
        why = f"the endpoint is private, and no ingress rule of {named} allows {who} on TCP {API_PORT}"
    return (
        f"dial tcp {urlsplit(server).netloc}: i/o timeout (sandbox: {why}; "
        f"add such a rule to {groups[0]}, the cluster's security group, before the cluster is used)"
    )


def _public_lets_in(config: Shape, origin: str | None) -> bool:
    if not config["endpointPublicAccess"]:
        return False
    ranges = config.get("publicAccessCidrs") or ["0.0.0.0/0"]
    return origin is None or any(_within(origin, cidr) for cidr in ranges)


def _lets_in(source: Source, own: Sequence[str], origin: str | None) -> bool:
    if origin is None:
        # The members of the control plane's own groups are parts of the cluster.
        return source.group not in own
    if origin.startswith("sg-"):
        return source.group == origin
    # Prefix lists are not resolved; each is assumed to contain the address.
    return source.prefix_list is not None or (source.cidr is not None and _within(origin, source.cidr))


def _within(origin: str, cidr: str) -> bool:
    try:
        return ipaddress.ip_address(origin) in ipaddress.ip_network(cidr)
    except ValueError:
        # A security group ID is not an address.
        return False


def _ingress(backend: EksBackend, group_ids: Sequence[str]) -> Iterator[Source]:
    ec2 = ec2_backends[backend.account_id][backend.region_name]
    for by_id in list(ec2.groups.values()):
        for group_id in group_ids:
            if group_id in by_id:
                yield from _sources(by_id[group_id])


def _sources(group: SecurityGroup) -> Iterator[Source]:
    for rule in list(group.ingress_rules):
        if _on_api_port(rule):
            cidr = rule.ip_range.get("CidrIp") or rule.ip_range.get("CidrIpv6")
            yield Source(cidr, rule.source_group.get("GroupId"), rule.prefix_list_id)


def _on_api_port(rule: SecurityGroupRule) -> bool:
    if rule.ip_protocol == "-1":
        return True
    return rule.ip_protocol == "tcp" and int(rule.from_port or 0) <= API_PORT <= int(rule.to_port or 0)

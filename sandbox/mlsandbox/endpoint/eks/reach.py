"""Whether a network lets anyone reach a cluster's API server: the endpoint's access, and the rules of EC2's groups."""

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from moto.ec2.models import ec2_backends
from moto.ec2.models.security_groups import SecurityGroup, SecurityGroupRule

from mlsandbox.endpoint.eks.backend import LOCK, EksBackend, Shape, all_clusters

API_PORT: Final = 443
"""Port of EKS's endpoint. The sandbox's own port is an accident of the machine and stands for it."""


@dataclass(frozen=True)
class Source:
    """What one ingress rule lets in on `API_PORT`."""

    cidr: str | None = None
    group: str | None = None
    prefix_list: str | None = None


def closed(server: str, origin: str | None = None) -> str | None:
    """Why nothing from `origin` (None: from outside the cluster) reaches the cluster whose endpoint is `server`.

    None where something does, or where no cluster has this endpoint.

    https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html: a connected network reaches the private
    endpoint only through rules of the cluster's security groups, which at first let in nothing but their own members.
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
    """The groups of the control plane's network interfaces, EKS's own first. `config` is a `VpcConfigResponse`."""
    return [config["clusterSecurityGroupId"], *config.get("securityGroupIds", ())]


def _unreachable(server: str, config: Shape, groups: Sequence[str], origin: str | None) -> str:
    """What a client hears of it: the time-out that it would run into, why, and what would help."""
    who = f"{origin} (`mlsandbox from`)" if origin else "anything outside the cluster"
    named = ", ".join(groups)
    if not config["endpointPrivateAccess"]:
        why = f"the endpoint is public only, and publicAccessCidrs has no range with {who}"
    elif config["endpointPublicAccess"]:
        why = f"neither publicAccessCidrs nor an ingress rule of {named} lets in {who} on TCP {API_PORT}"
    else:
        why = f"the endpoint is private, and no ingress rule of {named} lets in {who} on TCP {API_PORT}"
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
        # Members of the control plane's own groups are the cluster itself.
        return source.group not in own
    if origin.startswith("sg-"):
        return source.group == origin
    # A prefix list's ranges are not looked up: it is taken to hold the address.
    return source.prefix_list is not None or (source.cidr is not None and _within(origin, source.cidr))


def _within(origin: str, cidr: str) -> bool:
    try:
        return ipaddress.ip_address(origin) in ipaddress.ip_network(cidr)
    except ValueError:
        # A security group is no address.
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

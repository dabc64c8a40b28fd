"""Networks that pods may call: the spec, and the rules of a network policy."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any, Final

from pydantic import Field, field_validator

from mlplatform import grammar
from mlplatform.spec import Spec, check_entries, entries_up_to
from mlplatform.validators import refuse, refused

HTTPS: Final = 443

MAX_PORTS: Final = 24
"""Maximum number of ports of a network that the VPC CNI enforces:
https://docs.aws.amazon.com/eks/latest/userguide/cni-network-policy.html"""

POD_IDENTITY_AGENT: Final = "169.254.170.23/32"
"""The EKS Pod Identity Agent, from which a pod gets the credentials of its role: https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html"""

DNS: Final[Mapping[str, Any]] = {
    "to": [{"namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": "kube-system"}}}],
    "ports": [{"port": 53, "protocol": protocol} for protocol in ("UDP", "TCP")],
}
"""Egress rule for the cluster's DNS: CoreDNS runs in kube-system, and the platform installs no cache on the nodes."""

TO_IDENTITY_AGENT: Final[Mapping[str, Any]] = {
    "to": [{"ip_block": {"cidr": POD_IDENTITY_AGENT}}],
    "ports": [{"port": 80, "protocol": "TCP"}],
}
"""Egress rule for the EKS Pod Identity Agent."""

PRIVATE_NETWORKS: Final = ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15")
"""Addresses for private use, including those for benchmarks, which some networks use for pods:
https://www.iana.org/assignments/iana-ipv4-special-registry/iana-ipv4-special-registry.xhtml"""


def called(cidr: str) -> str:
    """`cidr` if a model may be allowed to call this network.

    Raises:
        ValueError: states what is allowed.
    """
    network = grammar.network(cidr)
    if cidr == grammar.METADATA_SERVICE:
        raise ValueError("allowed: other networks; this address returns the credentials of the node")
    if any(network.subnet_of(each) for each in grammar.NOT_ROUTED if each != grammar.LINK_LOCAL):
        raise ValueError("allowed: routed addresses, not loopback, multicast or reserved ones")
    return cidr


class EgressRule(Spec):
    """Ports of a network that a model may call."""

    cidr: str
    """The network, as in `egress`. Ports of a wider network that includes it are open here as well, e.g. 443 of one in
    `egress`."""

    ports: list[int] = Field(min_length=1, max_length=MAX_PORTS, json_schema_extra=entries_up_to(grammar.MAX_PORT))
    """TCP ports, e.g. `[6379]`. A network has at most 24, including those of wider networks."""

    @field_validator("cidr")
    @classmethod
    def _cidr_is_a_network(cls, value: str) -> str:
        return called(value)

    @field_validator("ports")
    @classmethod
    def _ports_are_in_range(cls, value: list[int]) -> list[int]:
        check_entries("ports", value, grammar.MAX_PORT)
        return value


def checked_networks(value: list[str]) -> list[str]:
    """The entries of a field `egress`; for use as its validator.

    Raises:
        ValueError: one line per entry that pods cannot be allowed to call.
    """
    refuse(f"{cidr}: {error}" for cidr, error in refused(value, called))
    return value


def checked_rules(value: list[EgressRule]) -> list[EgressRule]:
    """The entries of a field `egressRules`, one per network; for use as its validator.

    Raises:
        ValueError: one line per network with a second rule.
    """
    first: dict[str, int] = {}
    wrong = [
        f"egressRules[{index}].cidr is {rule.cidr}; allowed: a network without another rule; add the ports to "
        f"egressRules[{first[rule.cidr]}]"
        for index, rule in enumerate(value)
        if first.setdefault(rule.cidr, index) != index and rule not in value[:index]
    ]
    refuse(wrong)
    return value


def check_ports(ports: Mapping[str, Sequence[int]], own_networks: Sequence[str] = ()) -> None:
    """Raise `ValueError`, with a line for each network with more ports than the VPC CNI enforces.

    Args:
        ports: ports by networks.
        own_networks: as for `rules`.
    """
    refuse(f"egressRules {each}" for each in too_many_ports(ports, own_networks))


def by_network(egress: Iterable[str], rules: Iterable[EgressRule]) -> dict[str, list[int]]:
    """The TCP ports that a model may call, by network."""
    ports = {cidr: [HTTPS] for cidr in egress}
    for rule in rules:
        ports.setdefault(rule.cidr, []).extend(rule.ports)
    return ports


def too_many_ports(ports: Mapping[str, Sequence[int]], own_networks: Sequence[str] = ()) -> list[str]:
    """Problems of networks with too many ports: one phrase per network, which follows the field.

    The agent of the VPC CNI adds the ports of every wider network that does not exclude it:
    https://github.com/aws/aws-network-policy-agent/blob/main/pkg/fwruleprocessor/fw_rule_processor.go

    Args:
        ports: ports by networks.
        own_networks: as for `rules`.
    """
    near, named = _near(own_networks), [IPv4Network(each) for each in ports]
    wrong = []
    for network in named:
        wider = [each for each in named if network.subnet_of(each) and not _leaves_out(each, network, near, named)]
        count = len({port for each in wider for port in ports[str(each)]})
        if count > MAX_PORTS:
            more = f", those of {', '.join(str(each) for each in wider if each != network)} among them"
            wrong.append(
                f"has {count} ports for {network}{more if len(wider) > 1 else ''}; allowed: {MAX_PORTS}, which is what "
                "the VPC CNI enforces of a network"
            )
    return wrong


def rules(ports: Mapping[str, Sequence[int]], own_networks: Sequence[str]) -> list[dict[str, Any]]:
    """Egress rules of a network policy for TCP ports in networks.

    A network is in one rule only, because the VPC CNI may enforce only one of several
    (https://github.com/aws/aws-network-policy-agent/issues/180). A network that is wider than private ranges, such as
    0.0.0.0/0, means the internet without them. Private networks have to be listed themselves.

    Args:
        ports: TCP ports by network.
        own_networks: networks of the VPC, which may have addresses that are not private.
    """
    by_ports: dict[tuple[int, ...], list[str]] = {}
    for cidr, wanted in ports.items():
        by_ports.setdefault(tuple(sorted({*wanted})), []).append(cidr)
    near = _near(own_networks)
    named = [IPv4Network(each) for each in ports]
    return [
        {
            "to": [{"ip_block": _block(IPv4Network(cidr), near, named)} for cidr in cidrs],
            "ports": [{"port": port, "protocol": "TCP"} for port in wanted],
        }
        for wanted, cidrs in by_ports.items()
    ]


def _near(own_networks: Sequence[str]) -> list[IPv4Network]:
    return [IPv4Network(each) for each in dict.fromkeys([*PRIVATE_NETWORKS, *own_networks])]


def _leaves_out(
    wider: IPv4Network, network: IPv4Network, near: Sequence[IPv4Network], named: Sequence[IPv4Network]
) -> bool:
    return wider != network and any(network[0] in IPv4Network(each) for each in _left_out(wider, near, named))


def _block(network: IPv4Network, near: Sequence[IPv4Network], named: Sequence[IPv4Network]) -> dict[str, Any]:
    left_out = [*_left_out(network, near, named)]
    return {"cidr": str(network), **({"except_": left_out} if left_out else {})}


def _left_out(network: IPv4Network, near: Sequence[IPv4Network], named: Sequence[IPv4Network]) -> Iterator[str]:
    """The networks that are excluded from a network."""
    private = any(network.subnet_of(IPv4Network(each)) for each in PRIVATE_NETWORKS)
    inside = [] if private else [each for each in near if each != network and each.subnet_of(network)]
    for each in inside:
        within_another = any(each != other and each.subnet_of(other) for other in inside)
        asked_for = any(each.subnet_of(other) and any(other.subnet_of(one) for one in near) for other in named)
        if not within_another and not asked_for:
            yield str(each)
    if IPv4Network(grammar.METADATA_SERVICE).subnet_of(network):
        yield grammar.METADATA_SERVICE

"""What a model may call, as specs and as rules of a network policy."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any, Final

from pydantic import Field, JsonValue, field_validator

from mlplatform import grammar
from mlplatform.spec import Spec

HTTPS: Final = 443

MAX_PORTS: Final = 24
"""Most ports of a network, which is what the VPC CNI enforces of one:
https://docs.aws.amazon.com/eks/latest/userguide/cni-network-policy.html"""

POD_IDENTITY_AGENT: Final = "169.254.170.23/32"
"""Where a pod gets the credentials of its own role: https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html"""

PRIVATE_NETWORKS: Final = ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15")
"""Addresses that never leave a network of one's own, those for benchmarks among them, which networks use for pods:
https://www.iana.org/assignments/iana-ipv4-special-registry/iana-ipv4-special-registry.xhtml"""
_PORTS: Final[dict[str, JsonValue]] = {"items": {"type": "integer", "minimum": 1, "maximum": grammar.MAX_PORT}}
"""Words of JSON schema for ports, since the schema for other languages knows no limits of entries."""


def called(cidr: str) -> str:
    """`cidr` if it is a network that a model may be allowed to call.

    Raises:
        ValueError: saying what is allowed.
    """
    network = grammar.network(cidr)
    if cidr == grammar.METADATA_SERVICE:
        raise ValueError("allowed: networks; no model may ask for the credentials of its node")
    if any(network.subnet_of(each) for each in grammar.NOT_ROUTED if each != grammar.LINK_LOCAL):
        raise ValueError("allowed: addresses that are routed, not those of one machine or of groups")
    return cidr


class EgressRule(Spec):
    """Ports of a network that a model may call."""

    cidr: str
    """The network, as in `egress`. Rules add up: where a wider network includes this one, its ports are open here as
    well, e.g. 443 of one in `egress`."""

    ports: list[int] = Field(min_length=1, max_length=MAX_PORTS, json_schema_extra=_PORTS)
    """TCP ports there, e.g. `[6379]`. A network has at most 24, those of wider networks among them."""

    @field_validator("cidr")
    @classmethod
    def _cidr_is_a_network(cls, value: str) -> str:
        return called(value)

    @field_validator("ports")
    @classmethod
    def _ports_are_ports(cls, value: list[int]) -> list[int]:
        wrong = [
            f"ports[{index}] is {port}; allowed: 1 to {grammar.MAX_PORT}"
            for index, port in enumerate(value)
            if not 1 <= port <= grammar.MAX_PORT
        ]
        if wrong:
            raise ValueError("\n".join(wrong))
        return value


def by_network(egress: Iterable[str], rules: Iterable[EgressRule]) -> dict[str, list[int]]:
    """The TCP ports that a model may call, by network."""
    ports = {cidr: [HTTPS] for cidr in egress}
    for rule in rules:
        ports.setdefault(rule.cidr, []).extend(rule.ports)
    return ports


def too_many_ports(ports: Mapping[str, Sequence[int]], own_networks: Sequence[str] = ()) -> list[str]:
    """What is wrong with the ports of networks: a line for each that has too many, to be read after the field.

    The agent of the VPC CNI gives a network the ports of every wider one that does not leave it out:
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
    """Rules of a network policy for TCP ports by the network that they are called in.

    A network stands in one rule: of several, the VPC CNI may enforce only one
    (https://github.com/aws/aws-network-policy-agent/issues/180). One that is wider than private ranges, such as
    0.0.0.0/0, is the internet without them: what lies there is named by itself.

    Args:
        ports: ports by networks.
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
    """The networks inside one that it does not mean."""
    private = any(network.subnet_of(IPv4Network(each)) for each in PRIVATE_NETWORKS)
    inside = [] if private else [each for each in near if each != network and each.subnet_of(network)]
    for each in inside:
        within_another = any(each != other and each.subnet_of(other) for other in inside)
        asked_for = any(each.subnet_of(other) and any(other.subnet_of(one) for one in near) for other in named)
        if not within_another and not asked_for:
            yield str(each)
    if IPv4Network(grammar.METADATA_SERVICE).subnet_of(network):
        yield grammar.METADATA_SERVICE

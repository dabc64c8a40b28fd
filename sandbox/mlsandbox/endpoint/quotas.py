"""Service quotas of the account that are set with `mlsandbox quota`. Usage is counted as on AWS."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from moto.ec2.models import ec2_backends
from moto.s3.models import s3_backends

from awsfacts.errors import wording
from awsfacts.quotas import counted, quotas
from mlsandbox.endpoint.limits.request import Refusal, Request
from mlsandbox.ground.conditions import Conditions
from mlsandbox.ground.layout import Layout

_source: Callable[[], Mapping[str, int]] = dict


def serve(layout: Layout) -> None:
    """Apply the quotas of `layout` in this process, which serves one AWS API, from the next request on."""
    global _source
    _source = lambda: Conditions.of(layout).quotas  # noqa: E731 -- reads the file at each call


def limits() -> Mapping[str, int]:
    """The quotas that are set, by code."""
    return _source()


def refusal(request: Request) -> Refusal | None:
    """The error if the request exceeds a quota; None if it does not."""
    counted = _COUNTED.get(f"{request.service}:{request.operation}")
    if counted is None:
        return None
    limit, code, count = counted
    most = limits().get(limit)
    if most is None or count(request) < most:
        return None
    return Refusal(code, wording(code))


def _vpcs(request: Request) -> int:
    return len(ec2_backends[request.account][request.region].vpcs)


def _addresses(request: Request) -> int:
    return len(ec2_backends[request.account][request.region].addresses)


def _nat_gateways(request: Request) -> int:
    """The NAT gateways in the zone of the request's subnet."""
    ec2 = ec2_backends[request.account][request.region]
    zones = {id: subnet.availability_zone for by_id in ec2.subnets.values() for id, subnet in by_id.items()}
    zone = zones.get(request.parameters.get("SubnetId", ""))
    gateways = ec2.nat_gateways.values()
    return sum(zones.get(one.subnet_id) == zone for one in gateways if one.state not in ("deleted", "failed"))


def _buckets(request: Request) -> int:
    return sum(len(backend.buckets) for backend in s3_backends[request.account].values())


_COUNTED: Final[Mapping[str, tuple[str, str, Callable[[Request], int]]]] = {
    "ec2:AllocateAddress": ("L-0263D0A3", "AddressLimitExceeded", _addresses),
    "ec2:CreateNatGateway": ("L-FE5A380F", "NatGatewayLimitExceeded", _nat_gateways),
    "ec2:CreateVpc": ("L-F678F1CE", "VpcLimitExceeded", _vpcs),
    "s3:CreateBucket": ("L-DC2B2D3D", "TooManyBuckets", _buckets),
}
"""The operations that count against a quota, with the quota code, the error code and a function for current usage."""


def known() -> Iterator[tuple[str, str]]:
    """The code of every quota that can be set, and what it counts."""
    limited = {code for code, _, _ in _COUNTED.values()}
    named = {each.code: each.name for each in counted() if each.code in limited}
    for each in quotas():
        for text in filter(None, (each.on_demand, each.spot)):
            code, _, name = text.partition(" ")
            named[code] = f"vCPUs: {name.strip('()')}"
    yield from sorted(named.items())

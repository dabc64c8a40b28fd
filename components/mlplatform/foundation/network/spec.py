"""The spec of networks."""

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic.alias_generators import to_camel

from awsfacts import zones
from mlplatform import grammar
from mlplatform.foundation.network import addressing, endpoint_services
from mlplatform.logs import retention
from mlplatform.spec import Spec

ACCOUNT: Final = re.compile(r"[0-9]{12}")

POD_PREFIXES: Final = (16, 22)
"""Widest and narrowest prefix length of the pods' range. A node reserves addresses in blocks of 16."""


class Nat(Enum):
    """NAT gateways, through which private subnets reach the internet."""

    NONE = "none"
    SINGLE = "single"
    PER_ZONE = "perZone"


class EndpointPreset(Enum):
    """A set of interface endpoints."""

    NONE = "none"
    PRIVATE = "private"


class ExistingVpc(Spec):
    """An existing VPC and its subnets, which the platform uses and does not change."""

    vpc_id: str = Field(pattern=grammar.VPC_ID, examples=["vpc-0a1b2c3d4e5f60718"])
    """ID of the VPC. Its DHCP options must use AmazonProvidedDNS, or servers that forward to it, and its network ACLs
    must allow traffic between nodes and control plane. Neither is checked. In a VPC that another account shares, tags
    and endpoints are not visible and not checked. Cannot change after the first deployment."""

    private_subnets: dict[str, str]
    """ID of the private subnet in each zone, by the zone's name or ID, e.g. `us-east-1a: subnet-0a1b2c3d4e5f60718`.
    They contain nodes, pods and the control plane's network interfaces. Cannot change after the first deployment."""

    public_subnets: dict[str, str] = Field(default={})
    """ID of the public subnet in each zone, for internet-facing load balancers. Default: none."""

    pod_subnets: dict[str, str] = Field(default={})
    """ID of the subnet in each zone from which pods get their addresses, for the zones of `privateSubnets`. Default:
    pods use addresses of the private subnets."""

    gateway_endpoints: bool = False
    """Create gateway endpoints for S3 and DynamoDB, with routes in the private subnets' route tables. Default: the
    VPC's existing endpoints are used."""

    flow_logs: bool = False
    """Record the VPC's traffic in a log group of this stack. Default: the VPC's owner is responsible for flow logs."""

    @field_validator("private_subnets", "public_subnets", "pod_subnets")
    @classmethod
    def _zones_have_subnets(cls, value: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        name = to_camel(str(info.field_name))
        problems = [f"{name}{wrong.removeprefix('zones')}" for zone in value if (wrong := zones.problem(zone))]
        problems += [
            f"{name} has {id}; allowed: subnet IDs, e.g. subnet-0a1b2c3d4e5f60718"
            for id in value.values()
            if not re.fullmatch(grammar.SUBNET_ID, id)
        ]
        if problems:
            raise ValueError("\n".join(problems))
        return value

    @model_validator(mode="after")
    def _subnets_fit_together(self) -> "ExistingVpc":
        problems = []
        if not 2 <= len(self.private_subnets) <= MAX_SUBNETS:
            problems.append(
                f"privateSubnets has a wrong number of entries ({len(self.private_subnets)}); allowed: 2 to "
                f"{MAX_SUBNETS}, each in its own zone, since EKS needs two zones"
            )
        if self.pod_subnets and {*self.pod_subnets} != {*self.private_subnets}:
            problems.append(
                f"podSubnets has {', '.join(self.pod_subnets)}; allowed: the zones of privateSubnets "
                f"({', '.join(self.private_subnets)})"
            )
        groups = (self.private_subnets, self.public_subnets, self.pod_subnets)
        ids = [id for group in groups for id in group.values()]
        if twice := sorted({id for id in ids if ids.count(id) > 1}):
            problems.append(f"{', '.join(twice)} is used more than once; allowed: each subnet once")
        if problems:
            raise ValueError("\n".join(problems))
        return self


MAX_ENDPOINTS: Final = 50
"""Maximum number of interface endpoints of a VPC:
https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-limits-endpoints.html"""

MAX_SUBNETS: Final = 16
"""Maximum number of subnets of a cluster: https://docs.aws.amazon.com/eks/latest/userguide/service-quotas.html"""


class NetworkSpec(Spec):
    """The platform's network."""

    cidr: str = "10.0.0.0/16"
    """CIDR block of the network, /16 to /24. Cannot change after the first deployment."""

    zones: list[str] = Field(default=[], max_length=addressing.MAX_ZONES)
    """Availability zones, two to five, by name or ID, e.g. `us-east-1a` or `use1-az1`. With two or three zones, a
    private subnet has a quarter of the addresses; with four or five, an eighth. Cannot change after the first
    deployment, because EKS cannot move a cluster to other zones. Required unless `existing` is set."""

    nat: Nat = Nat.PER_ZONE
    """NAT gateways: one per zone, a single one (cheaper, but if its zone fails, all zones lose internet access), or
    none. An `existing` VPC keeps its own routes."""

    pod_cidr: str | None = None
    """A separate CIDR block for pods, /16 to /22, e.g. `100.64.0.0/16`. Each node then needs only one address of
    `cidr`. Default: pods use addresses of the private subnets. Cannot change after the first deployment."""

    existing: ExistingVpc | None = None
    """An existing VPC, instead of `cidr`, `zones`, `nat` and `podCidr`. Default: the platform creates a VPC."""

    endpoint_preset: EndpointPreset = EndpointPreset.NONE
    """Interface endpoints in addition to `interfaceEndpoints`: `private` for all services that nodes and pods of this
    stack use, which a network without NAT needs; or `none`. AWS charges for each endpoint per hour and zone."""

    interface_endpoints: list[str] = Field(default=[], max_length=MAX_ENDPOINTS)
    """AWS services with an interface endpoint in the network, e.g. `ecr.api`. AWS charges for each endpoint per hour
    and zone."""

    other_accounts: list[str] = Field(default=[], max_length=50)
    """IDs of other AWS accounts whose roles, buckets, queues and other resources may be used through the endpoints.
    Default: only the stack's own account."""

    readable_buckets: list[str] = Field(default=[], max_length=50)
    """Buckets of other accounts that may be read through the S3 endpoint, e.g. public datasets. Default: only those
    that contain layers of container images."""

    flow_log_days: int = 30
    """Retention period in days of flow logs, which record accepted and rejected traffic."""

    @property
    def zone_names(self) -> list[str]:
        """The zones, in the spelling of the spec: names or IDs."""
        return [*self.existing.private_subnets] if self.existing else self.zones

    @property
    def closed(self) -> bool:
        """Whether the network has no route to the internet. For an existing VPC, which may have one, it is false."""
        return self.nat is Nat.NONE and self.existing is None

    def services(self, more: Sequence[str] = ()) -> list[str]:
        """Services with an interface endpoint. With the preset `private`, these include `more`."""
        preset = [*endpoint_services.NODES_NEED, *more] if self.endpoint_preset is EndpointPreset.PRIVATE else []
        return [*dict.fromkeys([*preset, *self.interface_endpoints])]

    def without_endpoint(self, services: Mapping[str, str]) -> list[str]:
        """Problems of `interfaceEndpoints` in a network without NAT: a phrase per service, which follows the field.

        Args:
            services: services that nodes and pods use in addition to those of every cluster, with the reason.
        """
        there = self.services([*services]) if self.closed else [*services]
        return [
            f"has no {service}; allowed: {service} as well, or endpointPreset: private, since nat is none and "
            f"{purpose} need it"
            for service, purpose in services.items()
            if service not in there
        ]

    @field_validator("cidr")
    @classmethod
    def _cidr_can_be_cut(cls, value: str) -> str:
        network = grammar.network(value)
        if not addressing.WIDEST_PREFIX <= network.prefixlen <= addressing.NARROWEST_PREFIX:
            raise ValueError(f"allowed: /{addressing.WIDEST_PREFIX} to /{addressing.NARROWEST_PREFIX}")
        if not any(network.subnet_of(block) for block in addressing.ALLOWED):
            raise ValueError(
                f"allowed: addresses that are not used on the internet ({', '.join(map(str, addressing.ALLOWED))})"
            )
        return value

    @field_validator("pod_cidr")
    @classmethod
    def _pod_cidr_has_an_allowed_size(cls, value: str | None) -> str | None:
        if value is not None:
            widest, narrowest = POD_PREFIXES
            if not widest <= grammar.network(value).prefixlen <= narrowest:
                raise ValueError(f"allowed: /{widest} to /{narrowest}")
        return value

    @field_validator("zones")
    @classmethod
    def _zones_have_control_planes(cls, value: list[str]) -> list[str]:
        if problems := [wrong for zone in value if (wrong := zones.problem(zone))]:
            raise ValueError("\n".join(problems))
        return value

    @field_validator("other_accounts")
    @classmethod
    def _accounts_are_numbers(cls, value: list[str]) -> list[str]:
        if wrong := [each for each in value if not ACCOUNT.fullmatch(each)]:
            raise ValueError(f"{', '.join(wrong)}: allowed: AWS account IDs, 12 digits in quotes")
        return value

    @field_validator("readable_buckets")
    @classmethod
    def _buckets_are_names(cls, value: list[str]) -> list[str]:
        if wrong := [each for each in value if not grammar.bucket(each)]:
            raise ValueError(f"{', '.join(wrong)}: allowed: bucket names, e.g. public-datasets")
        return value

    @field_validator("interface_endpoints")
    @classmethod
    def _services_have_endpoints(cls, value: list[str]) -> list[str]:
        if problems := endpoint_services.unknown(value):
            raise ValueError("\n".join(problems))
        return value

    @field_validator("flow_log_days")
    @classmethod
    def _flow_log_days_are_known(cls, value: int) -> int:
        return retention(value)

    @model_validator(mode="after")
    def _it_is_one_network(self) -> "NetworkSpec":
        problems = []
        if self.existing:
            since = "since existing is set, and that VPC has its own addresses and zones"
            if self.zones:
                problems.append(f"zones is {', '.join(self.zones)}; allowed: no zones, {since}")
            if self.cidr != type(self).model_fields["cidr"].default:
                problems.append(f"cidr is {self.cidr}; allowed: no cidr, {since}")
            if self.pod_cidr:
                problems.append(f"podCidr is {self.pod_cidr}; allowed: existing.podSubnets, {since}")
        elif len(self.zones) < 2:
            problems.append(
                f"zones has too few entries ({len(self.zones)}); allowed: 2 to {addressing.MAX_ZONES}, since EKS needs "
                "two and existing is not set"
            )
        elif self.pod_cidr and (wrong := addressing.cannot_be_added(self.cidr, self.pod_cidr)):
            problems.append(f"podCidr is {self.pod_cidr}; {wrong}")
        if problems:
            raise ValueError("\n".join(problems))
        return self

    @model_validator(mode="after")
    def _endpoints_are_not_too_many(self) -> "NetworkSpec":
        if (count := len(self.services())) > MAX_ENDPOINTS:
            raise ValueError(
                f"interfaceEndpoints has {len(self.interface_endpoints)} entries; allowed: {MAX_ENDPOINTS} endpoints "
                f"in all, and with those of endpointPreset there are {count}"
            )
        return self

    @model_validator(mode="after")
    def _nodes_reach_what_they_need(self) -> "NetworkSpec":
        missing = [name for name in endpoint_services.NODES_NEED if name not in self.services()]
        if self.closed and missing:
            raise ValueError(
                f"interfaceEndpoints has no {', '.join(missing)}; allowed: a list with these, or endpointPreset: "
                "private, since nat is none and nodes cannot join the cluster without them"
            )
        return self

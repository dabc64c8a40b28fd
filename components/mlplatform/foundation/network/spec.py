"""Networks, as specs, and the policies that they need."""

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic.alias_generators import to_camel

from awsfacts import zones
from mlplatform import grammar
from mlplatform.foundation.network import addressing, endpoints
from mlplatform.logs import retention
from mlplatform.spec import Spec

ACCOUNT: Final = re.compile(r"[0-9]{12}")

POD_PREFIXES: Final = (16, 22)
"""Widest and narrowest range for pods: a node takes addresses in blocks of 16."""


class Nat(Enum):
    """How private subnets reach the internet."""

    NONE = "none"
    SINGLE = "single"
    PER_ZONE = "perZone"


class EndpointPreset(Enum):
    """A set of interface endpoints."""

    NONE = "none"
    PRIVATE = "private"


class ExistingVpc(Spec):
    """A VPC and subnets of someone else, which the platform uses and does not change."""

    vpc_id: str = Field(
        pattern=grammar.VPC_ID, examples=["vpc-0a1b2c3d4e5f60718"], json_schema_extra={"immutable": True}
    )
    """Id of the VPC. Its DHCP options have to name AmazonProvidedDNS, or servers that forward to it, and its network
    ACLs have to let nodes and control plane talk: neither is looked up. In a VPC that another account shares, tags and
    endpoints cannot be seen, and are not checked. Cannot change after the first deployment."""

    private_subnets: dict[str, str] = Field(json_schema_extra={"immutable": True})
    """Id of the private subnet in each zone, by the zone's name or id, e.g. `us-east-1a: subnet-0a1b2c3d4e5f60718`.
    Nodes, pods and the control plane's network interfaces are in them. Cannot change after the first deployment."""

    public_subnets: dict[str, str] = Field(default={})
    """Id of the public subnet in each zone, for load balancers that face the internet. Default: none."""

    pod_subnets: dict[str, str] = Field(default={})
    """Id of the subnet that the pods of each zone get their addresses from, in the zones of `privateSubnets`. Default:
    pods have addresses of the private subnets."""

    gateway_endpoints: bool = False
    """Create gateway endpoints of S3 and DynamoDB, as routes in the private subnets' route tables. Default: what the
    VPC has is used."""

    flow_logs: bool = False
    """Record the VPC's traffic in a log of this stack. Default: flow logs are left to the VPC's owner."""

    @field_validator("private_subnets", "public_subnets", "pod_subnets")
    @classmethod
    def _zones_have_subnets(cls, value: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        name = to_camel(str(info.field_name))
        problems = [f"{name}{wrong.removeprefix('zones')}" for zone in value if (wrong := zones.problem(zone))]
        problems += [
            f"{name} has {id}; allowed: ids of subnets, e.g. subnet-0a1b2c3d4e5f60718"
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
                f"privateSubnets has {len(self.private_subnets)} of them; allowed: 2 to {MAX_SUBNETS}, each in a zone "
                "of its own, since EKS needs two zones"
            )
        if self.pod_subnets and {*self.pod_subnets} != {*self.private_subnets}:
            problems.append(
                f"podSubnets has {', '.join(self.pod_subnets)}; allowed: the zones of privateSubnets "
                f"({', '.join(self.private_subnets)})"
            )
        groups = (self.private_subnets, self.public_subnets, self.pod_subnets)
        ids = [id for group in groups for id in group.values()]
        if twice := sorted({id for id in ids if ids.count(id) > 1}):
            problems.append(f"{', '.join(twice)} is named more than once; allowed: each subnet once")
        if problems:
            raise ValueError("\n".join(problems))
        return self


MAX_ENDPOINTS: Final = 50
"""Interface endpoints of a VPC: https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-limits-endpoints.html"""

MAX_SUBNETS: Final = 16
"""Subnets of a cluster at most: https://docs.aws.amazon.com/eks/latest/userguide/service-quotas.html"""


class NetworkSpec(Spec):
    """The platform's network."""

    cidr: str = Field(default="10.0.0.0/16", json_schema_extra={"immutable": True})
    """Addresses of the network, /16 to /24. Cannot change after the first deployment."""

    zones: list[str] = Field(default=[], max_length=addressing.MAX_ZONES, json_schema_extra={"immutable": True})
    """Availability zones, two to five, by name or id, e.g. `us-east-1a` or `use1-az1`. A private subnet has a quarter
    of the addresses in two or three zones, an eighth in four or five. Cannot change after the first deployment: EKS
    keeps a cluster in the zones that it was created in. Needed unless there is an `existing` VPC."""

    nat: Nat = Nat.PER_ZONE
    """NAT gateways: one in each zone, a single one (cheaper, but its zone takes the others down with it), or none. An
    `existing` VPC keeps its own routes."""

    pod_cidr: str | None = Field(default=None, json_schema_extra={"immutable": True})
    """A range of its own for the addresses of pods, /16 to /22, e.g. `100.64.0.0/16`; nodes then need one address of
    `cidr` each. Default: pods have addresses of the private subnets. Cannot change after the first deployment."""

    existing: ExistingVpc | None = None
    """A VPC that exists already, in place of `cidr`, `zones`, `nat` and `podCidr`. Default: the platform creates a
    VPC."""

    endpoint_preset: EndpointPreset = EndpointPreset.NONE
    """Interface endpoints that are created beside `interfaceEndpoints`: `private` for all that nodes and pods of this
    stack use, as a network without NAT needs them; or `none`. Each endpoint is paid per hour and zone."""

    interface_endpoints: list[str] = Field(default=[], max_length=MAX_ENDPOINTS)
    """AWS services reached without leaving the network, e.g. `ecr.api`; each is paid per hour and zone."""

    other_accounts: list[str] = Field(default=[], max_length=50)
    """Other AWS accounts whose roles, buckets, queues and the like may be used through the endpoints. Default: only
    those of the stack's own account."""

    readable_buckets: list[str] = Field(default=[], max_length=50)
    """Buckets of others that may be read through the endpoint of S3, e.g. of public datasets. Default: none but those
    that hold layers of container images."""

    flow_log_days: int = 30
    """Days that records of accepted and refused traffic are kept."""

    @property
    def zone_names(self) -> list[str]:
        """The zones, as the file spells them."""
        return [*self.existing.private_subnets] if self.existing else self.zones

    @property
    def closed(self) -> bool:
        """Whether no route leads out of the network. Of an existing VPC that is not known."""
        return self.nat is Nat.NONE and self.existing is None

    def services(self, more: Sequence[str] = ()) -> list[str]:
        """Services that interface endpoints are created for, with those that the preset needs for `more`."""
        preset = [*endpoints.NODES_NEED, *more] if self.endpoint_preset is EndpointPreset.PRIVATE else []
        return [*dict.fromkeys([*preset, *self.interface_endpoints])]

    def without_endpoint(self, services: Mapping[str, str]) -> list[str]:
        """What is wrong with `interfaceEndpoints` of a closed network, to be read after it: a line for each service.

        Args:
            services: services that nodes and pods use beside those of every cluster, and what for.
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
                f"allowed: addresses that nobody has on the internet ({', '.join(map(str, addressing.ALLOWED))})"
            )
        return value

    @field_validator("pod_cidr")
    @classmethod
    def _pods_have_room(cls, value: str | None) -> str | None:
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
            raise ValueError(f"{', '.join(wrong)}: allowed: AWS accounts, 12 digits each, in quotes")
        return value

    @field_validator("readable_buckets")
    @classmethod
    def _buckets_are_names(cls, value: list[str]) -> list[str]:
        if wrong := [each for each in value if not grammar.bucket(each)]:
            raise ValueError(f"{', '.join(wrong)}: allowed: names of buckets, e.g. public-datasets")
        return value

    @field_validator("interface_endpoints")
    @classmethod
    def _services_have_endpoints(cls, value: list[str]) -> list[str]:
        if problems := endpoints.unknown(value):
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
            since = "since existing names a VPC with addresses and zones of its own"
            if self.zones:
                problems.append(f"zones is {', '.join(self.zones)}; allowed: no zones, {since}")
            if self.cidr != type(self).model_fields["cidr"].default:
                problems.append(f"cidr is {self.cidr}; allowed: no cidr, {since}")
            if self.pod_cidr:
                problems.append(f"podCidr is {self.pod_cidr}; allowed: existing.podSubnets, {since}")
        elif len(self.zones) < 2:
            problems.append(
                f"zones has {len(self.zones)} of them; allowed: 2 to {addressing.MAX_ZONES}, since EKS needs two and "
                "there is no existing VPC"
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
                f"in all, and with those of endpointPreset they are {count}"
            )
        return self

    @model_validator(mode="after")
    def _nodes_reach_what_they_need(self) -> "NetworkSpec":
        missing = [name for name in endpoints.NODES_NEED if name not in self.services()]
        if self.closed and missing:
            raise ValueError(
                f"interfaceEndpoints has no {', '.join(missing)}; allowed: with these, or endpointPreset: private, "
                "since nat is none and nodes cannot join without them"
            )
        return self

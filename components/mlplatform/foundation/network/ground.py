"""The VPC and its subnets, created or adopted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi


@dataclass(frozen=True)
class Ground:
    """The VPC and the subnets that other resources use, created or existing."""

    vpc_id: pulumi.Input[str]
    cidrs: Sequence[str]
    """CIDR blocks that may reach the endpoints."""

    private: Mapping[str, pulumi.Output[str]]
    public: Mapping[str, pulumi.Output[str]]
    pods: Mapping[str, pulumi.Output[str]]
    """IDs of subnets by zone."""

    table_ids: Sequence[pulumi.Input[str]]
    """Route tables that get routes to gateway endpoints; empty if no gateway endpoints are created."""

    flow_log: bool = True

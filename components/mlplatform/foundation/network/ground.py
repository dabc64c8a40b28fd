"""The VPC and its subnets, created or adopted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi


@dataclass(frozen=True)
class Ground:
    """The VPC and the subnets that the rest is put into, created or not."""

    vpc_id: pulumi.Input[str]
    cidrs: Sequence[str]
    """Addresses from which endpoints are reached."""

    private: Mapping[str, pulumi.Output[str]]
    public: Mapping[str, pulumi.Output[str]]
    pods: Mapping[str, pulumi.Output[str]]
    """Ids of subnets by zone."""

    table_ids: Sequence[pulumi.Input[str]]
    """Route tables that gateway endpoints are routes of; empty where none are created."""

    flow_log: bool = True

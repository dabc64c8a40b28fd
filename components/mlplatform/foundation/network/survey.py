"""Lookups and checks before a network is created or adopted: zones, services, an existing VPC."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

from awsfacts.zones import Zone
from mlplatform.foundation.network import account_zones, adoption, offered
from mlplatform.foundation.network.existing import Found
from mlplatform.foundation.network.spec import NetworkSpec


@dataclass(frozen=True)
class Question:
    """The requirements of a network."""

    vpc: NetworkSpec
    region: str
    services: Mapping[str, str] = field(default_factory=dict)
    """AWS services that nodes and pods use in addition to those of every cluster, with the reason."""

    outside: Sequence[str] = field(default_factory=list)
    """Reasons why the network needs a route to the internet, one sentence each."""

    nodes: Mapping[str, int] = field(default_factory=dict)
    """Initial number of nodes in each zone."""


@dataclass(frozen=True)
class Survey:
    """The results of the lookups for a network."""

    question: Question
    zones: Mapping[str, Zone]
    """The zones of the network, by their names or IDs in the spec."""

    found: Found | None
    """The existing VPC; None if the VPC is to be created."""


def survey(question: Question, opts: pulumi.InvokeOptions | None = None) -> Survey:
    """Look up and check what a network needs.

    Args:
        question: the requirements of the network.
        opts: options that choose the provider. Default: the program's provider.

    Raises:
        pulumi.RunError: zones, services or the existing VPC can't be used (lists all problems), or a lookup fails.
    """
    vpc, region = question.vpc, question.region
    there = account_zones.find(region, opts)
    chosen = account_zones.chosen(vpc.zone_names, there, region)
    offered.check(vpc.services([*question.services]), chosen, region, opts)
    found = None
    if vpc.existing:
        found = adoption.suitable(
            vpc,
            vpc.existing,
            region,
            there,
            services=question.services,
            outside=question.outside,
            nodes=question.nodes,
            opts=opts,
        )
    return Survey(question, chosen, found)

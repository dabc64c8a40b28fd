"""What is looked up, and refused, before a network is created or adopted: zones, services, an existing VPC."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

from awsfacts.zones import Zone
from mlplatform.foundation.network import account_zones, adoption, offered
from mlplatform.foundation.network.existing import Found
from mlplatform.foundation.network.spec import NetworkSpec


@dataclass(frozen=True)
class Question:
    """What a network is asked for."""

    vpc: NetworkSpec
    region: str
    services: Mapping[str, str] = field(default_factory=dict)
    """AWS services that nodes and pods use beside those of every cluster, and what for."""

    outside: Sequence[str] = field(default_factory=list)
    """What only a route to the internet leads to, a sentence each."""

    nodes: Mapping[str, int] = field(default_factory=dict)
    """Nodes that run at first in each zone."""


@dataclass(frozen=True)
class Survey:
    """What the account has for a network."""

    question: Question
    zones: Mapping[str, Zone]
    """The account's zones of the network, by how the spec spells them."""

    found: Found | None
    """The existing VPC; None for one that is to be created."""


def survey(question: Question, opts: pulumi.InvokeOptions | None = None) -> Survey:
    """Look up what the account has for a network.

    Args:
        question: what the network is asked for.
        opts: whose provider is asked; the program's, by default.

    Raises:
        pulumi.RunError: zones, services or the existing VPC can't be used: with everything that is wrong; or AWS
            refuses.
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

"""Keys and the network."""

from dataclasses import dataclass

import mlplatform as ml
from layers.site import Site
from mlpctl.config import Platform
from mlplatform.foundation.network import preflight


@dataclass(frozen=True)
class Foundation:
    """The keys and the network, which all other layers use."""

    keys: ml.KeyRing
    network: ml.Network


def create(site: Site, platform: Platform) -> Foundation:
    """Check that the network is large enough for the platform, then create the keys and the network."""
    services, outside, nodes = platform.services, platform.outside, platform.nodes_by_zone
    preflight.check(platform.network, platform.pools, site.region, services=services, outside=outside, nodes=nodes)
    keys = ml.KeyRing(
        "keys",
        {
            "keys": platform.keys,
            "account_id": site.account_id,
            "region": site.region,
            "partition": site.partition,
            "tags": site.tags,
            "protect": site.protect,
        },
    )
    network = ml.Network(
        "network",
        {
            "vpc": platform.network,
            "services": services,
            "outside": outside,
            "nodes": nodes,
            "account_id": site.account_id,
            "region": site.region,
            "partition": site.partition,
            "logs_key_arn": keys.logs_key_arn,
            "permissions_boundary_arn": site.permissions_boundary_arn,
            "tags": site.tags,
            "protect": site.protect,
        },
    )
    return Foundation(keys, network)

"""Keys and the network."""

from dataclasses import dataclass

import mlplatform as ml
from layers.site import Site
from mlpctl.config import Platform
from mlplatform.foundation.network import preflight
from mlplatform.foundation.network.survey import Question


@dataclass(frozen=True)
class Foundation:
    """The keys and the network, which all other layers use."""

    keys: ml.KeyRing
    network: ml.Network


def create(site: Site, platform: Platform) -> Foundation:
    """Check that the network is large enough for the platform, then create the keys and the network."""
    question = Question(platform.network, site.region, platform.services, platform.outside, platform.nodes_by_zone)
    survey = preflight.check(question, platform.pools)
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
    network = ml.Network.surveyed(
        survey,
        "network",
        {
            "vpc": platform.network,
            "services": platform.services,
            "outside": platform.outside,
            "nodes": platform.nodes_by_zone,
            "account_id": site.account_id,
            "region": site.region,
            "partition": site.partition,
            "logs_key_arn": keys.logs_key_arn,
            "permissions_boundary_arn": site.permissions_boundary_arn,
            "role_path": site.role_path,
            "tags": site.tags,
            "protect": site.protect,
        },
    )
    return Foundation(keys, network)

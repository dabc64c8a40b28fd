"""The workspaces of teams."""

from dataclasses import dataclass

import pulumi

import mlplatform as ml
from layers.compute import Compute
from layers.foundation import Foundation
from layers.registries import Registries
from layers.site import Site
from layers.storage import Storage
from mlpctl.config import Platform
from mlplatform.lookups import s3_cidrs


@dataclass(frozen=True)
class Teams:
    """Workspaces by the names of their teams in the stack file."""

    workspaces: dict[str, ml.TeamWorkspace]


def create(
    site: Site,
    platform: Platform,
    base: Foundation,
    data: Storage,
    registries: Registries,
    compute: Compute,
) -> Teams:
    """Create a workspace for each team."""
    s3 = s3_cidrs(site.region) if platform.teams_on_s3 else []
    workspaces = {}
    for name, team in platform.teams.items():
        args: ml.TeamWorkspaceArgs = {
            "team": team,
            "cluster_name": compute.cluster.cluster_name,
            "bucket_arns": data.bucket_arns,
            "data_key_arn": base.keys.data_key_arn,
            "repository_arns": registries.images.repository_arns,
            "vpc_cidrs": base.network.vpc_cidrs,
            "account_id": site.account_id,
            "region": site.region,
            "partition": site.partition,
            "permissions_boundary_arn": site.permissions_boundary_arn,
            "role_path": site.role_path,
            "tags": site.tags,
        }
        if ports := platform.ports_called(team.namespaces):
            args["model_ports"] = ports
        if name in platform.teams_on_s3:
            args["s3_cidrs"] = s3
        workspaces[name] = ml.TeamWorkspace(name, args, pulumi.ResourceOptions(providers=[compute.kubernetes]))
    return Teams(workspaces)

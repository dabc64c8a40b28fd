"""The vCPU quotas of the account, which limit the instances of node groups."""

import re

from awsfacts.errors import wording
from awsfacts.quotas import quota
from mlsandbox.endpoint import quotas
from mlsandbox.endpoint.eks import instance_types
from mlsandbox.endpoint.eks.backend import EksBackend, NodegroupRecord
from mlsandbox.endpoint.eks.instances import LaunchError


def check_launch(backend: EksBackend, record: NodegroupRecord, size: int) -> None:
    """Raise `LaunchError` if `size` instances of the group, with all others of its family, exceed the vCPU quota."""
    limits = quotas.limits()
    spot = record.shape["capacityType"] == "SPOT"
    counted = _code(record.instance_type, spot)
    if counted not in limits or size <= len(record.instances):
        return
    running = sum(
        _vcpus(instance.type)
        for cluster in backend.clusters.values()
        for other in cluster.nodegroups.values()
        if other is not record and (other.shape["capacityType"] == "SPOT") == spot
        for instance in other.instances
        if _code(instance.type, spot) == counted
    )
    if running + size * _vcpus(record.instance_type) > limits[counted]:
        code = "MaxSpotInstanceCountExceeded" if spot else "VcpuLimitExceeded"
        message = re.sub(r"vCPU limit of \d+", f"vCPU limit of {limits[counted]}", wording(code))
        raise LaunchError(code, message)


def _code(instance_type: str, spot: bool) -> str:
    """The code of the vCPU quota that an instance type counts against; empty if there is none."""
    return quota(instance_type, spot=spot).partition(" ")[0]


def _vcpus(instance_type: str) -> int:
    facts = instance_types.find(instance_type)
    return facts.vcpus if facts else 0

"""Tags of the Auto Scaling groups of node groups, which are the sandbox's EKS's and unknown to moto."""

from collections.abc import Sequence
from typing import Any, Final

from moto.autoscaling.exceptions import ValidationError
from moto.autoscaling.models import AutoScalingBackend

from mlpctl.sandbox.awsapi.eks.backend import LOCK, NodegroupRecord, all_clusters

Tag = dict[str, Any]

OPERATIONS: Final = ("CreateOrUpdateTags", "DeleteTags", "DescribeTags")

_create = AutoScalingBackend.create_or_update_tags
_delete = AutoScalingBackend.delete_tags
_describe = AutoScalingBackend.describe_tags


def create_or_update_tags(self: AutoScalingBackend, tags: Sequence[Tag]) -> None:
    """Set tags of groups."""
    with LOCK:
        ours, others = _split(self, tags)
        for record, tag in ours:
            record.scaling_group_tags[tag["Key"]] = dict(tag)
    _create(self, others)


def delete_tags(self: AutoScalingBackend, tags: Sequence[Tag]) -> None:
    """Remove tags of groups. One that is not there is no error."""
    with LOCK:
        ours, others = _split(self, tags)
        for record, tag in ours:
            record.scaling_group_tags.pop(tag["Key"], None)
    _delete(self, others)


def describe_tags(self: AutoScalingBackend, filters: Sequence[dict[str, Any]]) -> list[Tag]:
    """The tags that pass the filters."""
    members = {"auto-scaling-group": "ResourceId", "key": "Key", "value": "Value"}
    with LOCK:
        found = [
            {"ResourceType": "auto-scaling-group", "PropagateAtLaunch": False, **tag}
            for record in _groups(self).values()
            for tag in record.scaling_group_tags.values()
        ]
    for one in filters:
        member = members.get(one["Name"])
        found = [tag for tag in found if member is None or tag[member] in one["Values"]]
    return [*found, *_describe(self, list(filters))]


def _groups(backend: AutoScalingBackend) -> dict[str, NodegroupRecord]:
    """The region's node groups by the name of their Auto Scaling group."""
    return {
        group["name"]: record
        for eks, cluster in all_clusters()
        if (eks.account_id, eks.region_name) == (backend.account_id, backend.region_name)
        for record in cluster.nodegroups.values()
        for group in record.shape["resources"]["autoScalingGroups"]
    }


def _split(backend: AutoScalingBackend, tags: Sequence[Tag]) -> tuple[list[tuple[NodegroupRecord, Tag]], list[Tag]]:
    """Tags of node groups, each with its group, and those of moto's groups. Raises where a group is neither's."""
    groups = _groups(backend)
    for tag in tags:
        if tag["ResourceId"] not in groups and tag["ResourceId"] not in backend.autoscaling_groups:
            raise ValidationError(f"AutoScalingGroup name not found - no such group: {tag['ResourceId']}")
    ours = [(groups[tag["ResourceId"]], tag) for tag in tags if tag["ResourceId"] in groups]
    return ours, [tag for tag in tags if tag["ResourceId"] not in groups]


def apply() -> None:
    """Have moto's Auto Scaling answer these operations so, for the whole process. A second time changes nothing."""
    AutoScalingBackend.create_or_update_tags = create_or_update_tags  # type: ignore[method-assign]  # as meant
    AutoScalingBackend.delete_tags = delete_tags  # type: ignore[method-assign]  # as meant
    AutoScalingBackend.describe_tags = describe_tags  # type: ignore[method-assign]  # as meant

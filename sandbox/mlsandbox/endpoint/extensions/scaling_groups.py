"""The Auto Scaling groups of node groups, which belong to the sandbox's EKS and which moto does not know."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final

from moto.autoscaling.exceptions import ValidationError
from moto.autoscaling.models import AutoScalingBackend

from mlsandbox.endpoint.eks import nodegroups
from mlsandbox.endpoint.eks.backend import LOCK, ClusterRecord, EksBackend, NodegroupRecord, all_clusters
from mlsandbox.endpoint.extensions.extension import Extension, Kind

Tag = dict[str, Any]

_TYPE: Final = "auto-scaling-group"

_create = AutoScalingBackend.create_or_update_tags
_delete = AutoScalingBackend.delete_tags
_describe = AutoScalingBackend.describe_tags
_describe_groups = AutoScalingBackend.describe_auto_scaling_groups
_set_capacity = AutoScalingBackend.set_desired_capacity


@dataclass(frozen=True)
class _Group:
    """The Auto Scaling group of a node group."""

    name: str
    eks: EksBackend
    cluster: ClusterRecord
    record: NodegroupRecord

    @property
    def tags(self) -> list[Tag]:
        """Its tags, in the format of Auto Scaling."""
        common = {"ResourceType": _TYPE, "ResourceId": self.name, "PropagateAtLaunch": False}
        return [{**common, **tag} for tag in self.record.scaling_group_tags.values()]

    def passes(self, one: dict[str, Any]) -> bool:
        """Whether it matches a filter."""
        name, values = one["Name"], one["Values"]
        if name.startswith("tag:"):
            return any(tag["Key"] == name.removeprefix("tag:") and tag["Value"] in values for tag in self.tags)
        return any(tag[{"tag-key": "Key", "tag-value": "Value"}[name]] in values for tag in self.tags)

    def described(self) -> SimpleNamespace:
        """The group in the format of moto's responses."""
        size, instances = self.record.shape["scalingConfig"], self.record.instances
        return SimpleNamespace(
            name=self.name,
            AutoScalingGroupName=self.name,
            AutoScalingGroupARN=(
                f"arn:{self.eks.partition}:autoscaling:{self.eks.region_name}:{self.eks.account_id}:autoScalingGroup:"
                f"{self.name.removeprefix('eks-')}:autoScalingGroupName/{self.name}"
            ),
            MinSize=size["minSize"],
            MaxSize=size["maxSize"],
            DesiredCapacity=size["desiredSize"],
            DefaultCooldown=300,
            AvailabilityZones=sorted({one.zone for one in instances}),
            HealthCheckType="EC2",
            HealthCheckGracePeriod=15,
            CreatedTime=self.record.shape["createdAt"],
            VPCZoneIdentifier=",".join(self.record.shape["subnets"]),
            NewInstancesProtectedFromScaleIn=False,
            Tags=self.tags,
            Instances=[
                {
                    "InstanceId": one.id,
                    "InstanceType": one.type,
                    "AvailabilityZone": one.zone,
                    "LifecycleState": "InService",
                    "HealthStatus": "Healthy",
                    "ProtectedFromScaleIn": False,
                }
                for one in instances
            ],
        )


def create_or_update_tags(self: AutoScalingBackend, tags: Sequence[Tag]) -> None:
    """Set tags of groups."""
    with LOCK:
        ours, others = _split(self, tags)
        for group, tag in ours:
            group.record.scaling_group_tags[tag["Key"]] = dict(tag)
    _create(self, others)


def delete_tags(self: AutoScalingBackend, tags: Sequence[Tag]) -> None:
    """Remove tags of groups. A missing tag is not an error."""
    with LOCK:
        ours, others = _split(self, tags)
        for group, tag in ours:
            group.record.scaling_group_tags.pop(tag["Key"], None)
    _delete(self, others)


def describe_tags(self: AutoScalingBackend, filters: Sequence[dict[str, Any]]) -> list[Tag]:
    """The tags that match the filters."""
    members = {_TYPE: "ResourceId", "key": "Key", "value": "Value"}
    with LOCK:
        found = [tag for group in _groups(self).values() for tag in group.tags]
    for one in filters:
        member = members.get(one["Name"])
        found = [tag for tag in found if member is None or tag[member] in one["Values"]]
    return [*found, *_describe(self, list(filters))]


def describe_auto_scaling_groups(
    self: AutoScalingBackend, names: Sequence[str], filters: Sequence[dict[str, Any]] | None = None
) -> list[Any]:
    """The groups with these names, or all, that match the filters."""
    with LOCK:
        ours = [
            group.described()
            for group in _groups(self).values()
            if (not names or group.name in names) and all(group.passes(one) for one in filters or ())
        ]
    return [*ours, *_describe_groups(self, list(names), list(filters or ()))]


def set_desired_capacity(self: AutoScalingBackend, group_name: str, desired_capacity: int | None) -> None:
    """Scale a group, as an autoscaler does. EKS then returns the new size for the node group."""
    with LOCK:
        group = _groups(self).get(group_name)
        if group is not None and desired_capacity is not None:
            size = group.record.shape["scalingConfig"]
            for beyond, limit, side in (
                (desired_capacity > size["maxSize"], size["maxSize"], "above max"),
                (desired_capacity < size["minSize"], size["minSize"], "below min"),
            ):
                if beyond:
                    raise ValidationError(
                        f"New SetDesiredCapacity value {desired_capacity} is {side} value {limit} for the "
                        "AutoScalingGroup."
                    )
            group.record.shape["scalingConfig"] = {**size, "desiredSize": desired_capacity}
            nodegroups.place(group.eks, group.cluster, group.record, desired_capacity)
            return
    if group_name not in self.autoscaling_groups:
        raise ValidationError(f"AutoScalingGroup name not found - null: {group_name}")
    _set_capacity(self, group_name, desired_capacity)


def _groups(backend: AutoScalingBackend) -> dict[str, _Group]:
    """The Auto Scaling groups of the region's node groups, by name."""
    return {
        group["name"]: _Group(group["name"], eks, cluster, record)
        for eks, cluster in all_clusters()
        if (eks.account_id, eks.region_name) == (backend.account_id, backend.region_name)
        for record in cluster.nodegroups.values()
        for group in record.shape["resources"]["autoScalingGroups"]
    }


def _split(backend: AutoScalingBackend, tags: Sequence[Tag]) -> tuple[list[tuple[_Group, Tag]], list[Tag]]:
    """Split tags into those of node groups, with their groups, and those of moto's groups. Raises for other groups."""
    groups = _groups(backend)
    for tag in tags:
        if tag["ResourceId"] not in groups and tag["ResourceId"] not in backend.autoscaling_groups:
            raise ValidationError(f"AutoScalingGroup name not found - no such group: {tag['ResourceId']}")
    ours = [(groups[tag["ResourceId"]], tag) for tag in tags if tag["ResourceId"] in groups]
    return ours, [tag for tag in tags if tag["ResourceId"] not in groups]


def _apply() -> None:
    AutoScalingBackend.create_or_update_tags = create_or_update_tags  # type: ignore[method-assign]  # intended
    AutoScalingBackend.delete_tags = delete_tags  # type: ignore[method-assign]  # intended
    AutoScalingBackend.describe_tags = describe_tags  # type: ignore[method-assign]  # intended
    AutoScalingBackend.describe_auto_scaling_groups = describe_auto_scaling_groups  # type: ignore[method-assign]  # intended
    AutoScalingBackend.set_desired_capacity = set_desired_capacity  # type: ignore[method-assign]  # intended


EXTENSION: Final = Extension(
    "autoscaling",
    (
        "CreateOrUpdateTags",
        "DeleteTags",
        "DescribeAutoScalingGroups",
        "DescribeTags",
        "SetDesiredCapacity",
    ),
    Kind.KEPT,
    _apply,
)

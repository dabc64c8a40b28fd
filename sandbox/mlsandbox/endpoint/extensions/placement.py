"""Placement groups, which moto's EC2 lacks. They are stored in moto's EC2 backend and so included in snapshots."""

import uuid
from typing import Any, Final

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.ec2 import utils
from moto.ec2.models import EC2Backend
from moto.ec2.models.core import TaggedEC2Resource
from moto.ec2.responses import EC2Response

from mlsandbox.endpoint.extensions.extension import Extension, Kind

PREFIX: Final = "pg"


class PlacementGroup(TaggedEC2Resource):
    """A placement group, with the attributes that EC2 returns."""

    def __init__(self, backend: EC2Backend, name: str, strategy: str, partitions: int | None, spread: str | None):
        self.ec2_backend = backend
        self.id = self.group_id = f"{PREFIX}-{uuid.uuid4().hex[:17]}"
        self.group_name = name
        self.strategy = strategy
        self.state = "available"
        self.partition_count = (partitions or 7) if strategy == "partition" else None
        self.spread_level = (spread or "rack") if strategy == "spread" else None
        self.group_arn = (
            f"arn:{backend.partition}:ec2:{backend.region_name}:{backend.account_id}:placement-group/{name}"
        )


class PlacementError(ServiceException):
    """An error of EC2."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


def create_placement_group(response: EC2Response) -> ActionResult:
    """Create a placement group."""
    groups, name = _groups(response.ec2_backend), response._get_param("GroupName")
    if name in groups:
        raise PlacementError("InvalidPlacementGroup.Duplicate", f"The placement group {name} already exists.")
    group = PlacementGroup(
        response.ec2_backend,
        name,
        response._get_param("Strategy", "cluster"),
        response._get_param("PartitionCount"),
        response._get_param("SpreadLevel"),
    )
    groups[name] = group
    group.add_tags(response._parse_tag_specification("placement-group").get("placement-group", {}))
    return ActionResult({"PlacementGroup": group})


def describe_placement_groups(response: EC2Response) -> ActionResult:
    """The placement groups with the given names or IDs, or all, that match the filters."""
    groups = utils.generic_filter(response._filters_from_querystring(), list(_groups(response.ec2_backend).values()))
    for member, key in (("GroupNames", "group_name"), ("GroupIds", "group_id")):
        wanted = response._get_param(member) or []
        if unknown := [one for one in wanted if one not in {getattr(group, key) for group in groups}]:
            raise PlacementError("InvalidPlacementGroup.Unknown", f"The Placement Group {unknown[0]} is unknown.")
        groups = [group for group in groups if not wanted or getattr(group, key) in wanted]
    return ActionResult({"PlacementGroups": groups})


def delete_placement_group(response: EC2Response) -> ActionResult:
    """Delete a placement group. It is never in use, because the sandbox has no instances in placement groups."""
    name = response._get_param("GroupName")
    if _groups(response.ec2_backend).pop(name, None) is None:
        raise PlacementError("InvalidPlacementGroup.Unknown", f"The Placement Group {name} is unknown.")
    return ActionResult({})


def _groups(backend: EC2Backend) -> dict[str, PlacementGroup]:
    """The backend's placement groups, by name."""
    groups: Any = vars(backend).setdefault("placement_groups", {})
    return groups  # type: ignore[no-any-return]  # an attribute that moto's backend does not declare


def _apply() -> None:
    for operation in (create_placement_group, describe_placement_groups, delete_placement_group):
        setattr(EC2Response, operation.__name__, operation)
    # For tagging, and the resource type in `DescribeTags`.
    utils.EC2_RESOURCE_TO_PREFIX["placement-group"] = PREFIX
    utils.EC2_PREFIX_TO_RESOURCE[PREFIX] = "placement-group"


EXTENSION: Final = Extension(
    "ec2", ("CreatePlacementGroup", "DeletePlacementGroup", "DescribePlacementGroups"), Kind.KEPT, _apply
)

"""Tags of EKS's resources, by ARN."""

from collections.abc import Iterator
from typing import Any

from mlsandbox.endpoint.eks.backend import Call, Operation, Shape
from mlsandbox.endpoint.eks.errors import InvalidParameter, NotFound

MAX_TAGS = 50
"""https://docs.aws.amazon.com/eks/latest/userguide/eks-using-tags.html"""


def tag_resource(call: Call, request: Shape) -> Shape:
    """Add tags or change their values."""
    tags = _tags(call, request["resourceArn"])
    if reserved := [key for key in request["tags"] if key.lower().startswith("aws:")]:
        raise InvalidParameter(f"Tag keys must not start with 'aws:': {', '.join(reserved)}")
    if len(tags | request["tags"]) > MAX_TAGS:
        raise InvalidParameter(f"A resource can have at most {MAX_TAGS} tags")
    tags.update(request["tags"])
    return {}


def untag_resource(call: Call, request: Shape) -> Shape:
    """Remove tags. A missing tag is not an error."""
    tags = _tags(call, request["resourceArn"])
    for key in request["tagKeys"]:
        tags.pop(key, None)
    return {}


def list_tags_for_resource(call: Call, request: Shape) -> Shape:
    """The resource's tags."""
    return {"tags": _tags(call, request["resourceArn"])}


OPERATIONS: dict[str, Operation] = {
    "TagResource": tag_resource,
    "UntagResource": untag_resource,
    "ListTagsForResource": list_tags_for_resource,
}


def _tags(call: Call, arn: str) -> dict[str, Any]:
    for shape in _shapes(call):
        if arn in (shape.get(member) for member in _ARNS):
            tags: dict[str, Any] = shape["tags"]
            return tags
    raise NotFound(f"No resource found for ARN: {arn}")


_ARNS = ("arn", "nodegroupArn", "addonArn", "accessEntryArn", "associationArn")


def _shapes(call: Call) -> Iterator[Shape]:
    for cluster in call.backend.clusters.values():
        yield cluster.shape
        yield from (nodegroup.shape for nodegroup in cluster.nodegroups.values())
        yield from (entry.shape for entry in cluster.access_entries.values())
        yield from cluster.addons.values()
        yield from cluster.pod_identities.values()

"""The updates of clusters, node groups and add-ons, with their status."""

from mlsandbox.endpoint.eks.backend import Call, Operation, Shape, UpdateRecord
from mlsandbox.endpoint.eks.errors import NotFound
from mlsandbox.endpoint.validation import page


def describe_update(call: Call, request: Shape) -> Shape:
    """Describe an update of a cluster, a node group or an add-on."""
    record = call.backend.cluster(request["name"]).updates.get(request["updateId"])
    if record is None or not _of(record, request):
        raise NotFound(f"No update found for ID: {request['updateId']}")
    return {"update": record.shape}


def list_updates(call: Call, request: Shape) -> Shape:
    """IDs of the updates of a cluster, a node group or an add-on."""
    updates = call.backend.cluster(request["name"]).updates
    ids, token = page([id for id, record in updates.items() if _of(record, request)], request)
    return {"updateIds": ids, "nextToken": token}


def _of(record: UpdateRecord, request: Shape) -> bool:
    return record.nodegroup == request.get("nodegroupName") and record.addon == request.get("addonName")


OPERATIONS: dict[str, Operation] = {"DescribeUpdate": describe_update, "ListUpdates": list_updates}

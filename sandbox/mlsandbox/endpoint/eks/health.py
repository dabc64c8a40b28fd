"""Failures that EKS tells later: in the status and the health of a cluster, a node group or an add-on."""

from typing import Final

from botocore.model import StringShape
from moto.core.utils import get_service_model

from mlsandbox.endpoint.eks.backend import SERVICE, EksBackend, NodegroupRecord, Shape
from mlsandbox.host.faults import LATER, Fault

_FAILED: Final = {"cluster": "FAILED", "nodegroup": "CREATE_FAILED", "addon": "CREATE_FAILED"}
_CODES: Final = {"cluster": "ClusterIssueCode", "nodegroup": "NodegroupIssueCode", "addon": "AddonIssueCode"}
_LAUNCH_FAILED: Final = "AsgInstanceLaunchFailures"


def fail(backend: EksBackend, action: str, answer: Shape, fault: Fault) -> Shape:
    """Have what `action` just made fail. The answer, in which it is still being made."""
    kind = LATER[action]
    return failed(backend, kind, answer[kind], issue(kind, answer[kind], fault.code, fault.message))


def failed(backend: EksBackend, kind: str, made: Shape, issue: Shape) -> Shape:
    """Have what was just made end as failed with a health issue. The answer, in which it is still being made."""
    told = {kind: {**made, "status": "CREATING", "health": {"issues": []}}}
    made |= {"status": _FAILED[kind], "health": {"issues": [issue]}}
    if kind == "nodegroup":
        _group(backend, made).instances.clear()
    return told


def issue(kind: str, made: Shape, code: str, message: str) -> Shape:
    """The health issue that tells a failure. What EC2 says of a launch comes in the words of the scaling group."""
    resource = made["name"] if kind == "cluster" else made[f"{kind}Name"]
    codes = get_service_model(SERVICE).shape_for(_CODES[kind])
    assert isinstance(codes, StringShape)
    if code in codes.enum:
        return {"code": code, "message": message, "resourceIds": [resource]}
    if kind == "nodegroup":
        bought = "Spot" if made["capacityType"] == "SPOT" else "On-Demand"
        said = f"Could not launch {bought} Instances. {code} - {message} Launching EC2 instance failed."
        return {"code": _LAUNCH_FAILED, "message": said, "resourceIds": [resource]}
    return {"code": "InternalFailure", "message": f"{code}: {message}", "resourceIds": [resource]}


def _group(backend: EksBackend, made: Shape) -> NodegroupRecord:
    return backend.cluster(made["clusterName"]).nodegroup(made["nodegroupName"])

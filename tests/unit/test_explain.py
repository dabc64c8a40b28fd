"""Failures of plain Pulumi in an account, explained like those of `mlpctl up`."""

import io
import json
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from mlpctl.config import read as read_config
from mlpctl.explain import NoFailureError, explain, read
from mlpctl.failures import Failure

STACK = "urn:pulumi:local::mlplatform::pulumi:pulumi:Stack::mlplatform-local"

OUTPUT = """\
Updating (local):
     Type                    Name                Status                  Info
 +   pulumi:pulumi:Stack     mlplatform-local    **creating failed**     1 error
 +   aws:eks:NodeGroup       inference-nodes     **creating failed**     1 error

Diagnostics:
  \x1b[1maws:eks:NodeGroup\x1b[0m (inference-nodes):
    \x1b[31merror: \x1b[0m  sdk-v2/provider2.go:572: sdk.helper_schema: waiting for EKS Node Group (c:n) create: \
unexpected state 'CREATE_FAILED', wanted target 'ACTIVE'. last error: eks-n: AsgInstanceLaunchFailures: Could not \
launch On-Demand Instances. VcpuLimitExceeded - You have requested more vCPU capacity than your current vCPU limit \
of 0 allows. \
Launching EC2 instance failed.
  aws:iam:Role (chat-role):
    error: 1 error occurred:
    \t* creating IAM Role: operation error IAM: CreateRole, https response error StatusCode: 403, RequestID: 1-a, api
    error AccessDenied: User is not authorized to perform: iam:CreateRole
  kubernetes:apps/v1:Deployment (chat-deployment):
    warning: this is not an error
    error: 2 errors occurred: [Unschedulable] 0/3 nodes are available
  pulumi:pulumi:Stack (mlplatform-local):
    error: update failed

Resources:
    2 errored
"""


@pytest.fixture
def project(root: Path, tmp_path: Path) -> Path:
    shutil.copy(root / "Pulumi.yaml", tmp_path)
    shutil.copytree(root / "stacks", tmp_path / "stacks")
    return tmp_path


def failures(root: Path, text: str) -> list[Failure]:
    platform = read_config(root / "stacks" / "Pulumi.local.yaml").platform
    return [*read(text, platform, "mlplatform", "local").failures]


def shown(project: Path, text: str) -> str:
    output = io.StringIO()
    Console(file=output, width=200).print(explain(project, "local", text))
    return output.getvalue()


def test_each_error_of_an_output_is_a_failure_with_its_code_and_resource(root: Path) -> None:
    found = {each.resource: (each.code, each.operation) for each in failures(root, OUTPUT)}
    assert found == {
        "inference-nodes": ("VcpuLimitExceeded", "RunInstances"),
        "chat-role": ("AccessDenied", "CreateRole"),
        "chat-deployment": ("Unschedulable", ""),
    }


def test_an_output_is_explained_by_component_field_and_remedy(project: Path) -> None:
    text = shown(project, OUTPUT)
    assert "GpuNodePool inference: VcpuLimitExceeded at inference-nodes" in text
    assert "gpuPools.inference.instanceTypes (" in text
    assert "Request a quota increase for L-3819A6DF (All G and VT Spot Instance Requests)" in text
    assert "WorkloadIdentity chat: AccessDenied at chat-role" in text
    assert "InferenceService chat: Unschedulable at chat-deployment" in text
    assert text.rstrip().endswith("mlpctl doctor --stack local\n  pulumi up --stack local")


def test_an_event_log_is_read_like_that_of_mlpctl_up(root: Path) -> None:
    pool = "urn:pulumi:local::mlplatform::mlplatform:index:GpuNodePool::inference"
    nodes = f"{pool.rsplit('::', 1)[0]}$aws:eks/nodeGroup:NodeGroup::inference-nodes"
    message = "operation error EKS: CreateNodegroup, https response error StatusCode: 400, RequestID: 1, api error "
    events = [
        {"sequence": 1, "resourcePreEvent": {"metadata": {"urn": pool, "new": {"parent": STACK}}}},
        {"sequence": 2, "resourcePreEvent": {"metadata": {"urn": nodes, "new": {"parent": pool}}}},
        {
            "sequence": 3,
            "diagnosticEvent": {"urn": nodes, "severity": "error", "message": f"{message}Throttling: Rate exceeded"},
        },
    ]
    text = "\n".join(json.dumps(each) for each in events)
    assert [(each.urn, each.code) for each in failures(root, text)] == [(nodes, "Throttling")]


def test_a_single_message_is_explained_without_a_component(project: Path) -> None:
    text = shown(
        project,
        "operation error EC2: AllocateAddress, https response error StatusCode: 400, RequestID: 1, api "
        "error AddressLimitExceeded: The maximum number of addresses has been reached.",
    )
    assert "✗ AddressLimitExceeded at mlplatform-local" in text
    assert "remedy" in text


def test_input_without_a_failure_is_an_error_of_the_user(project: Path) -> None:
    for text in ("", "Updating (local):\n\nResources:\n    12 unchanged\n", '{"sequence": 1}\n'):
        with pytest.raises(NoFailureError, match="no failure"):
            explain(project, "local", text)

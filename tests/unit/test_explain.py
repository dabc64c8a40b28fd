"""Failures of plain Pulumi in an account, explained like those of `mlpctl up`."""

import io
import json
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from mlpctl.config import read as read_config
from mlpctl.explain import NoFailureError, explain, read
from mlpctl.failures import Failure, advise

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


USER = (
    "User: arn:aws:sts::123456789012:assumed-role/ci/x is not authorized to perform: eks:CreateCluster on resource: *"
)
POLICY = "ValidatingAdmissionPolicy 'images' with binding 'images-deny' denied request: the image has no digest"
WEBHOOK = 'admission webhook "validate.example.com" denied the request: no owner'
QUOTA = "exceeded quota: compute, requested: requests.nvidia.com/gpu=2, used: requests.nvidia.com/gpu=8, limited: 8"
MESSAGES = {
    f"AccessDeniedException: {USER}": ("AccessDeniedException", ""),
    f"AccessDenied: {USER}\n\tstatus code: 403, request id: 1-a": ("AccessDenied", ""),
    f"Error: creating EKS Cluster (c): AccessDeniedException: {USER}": ("AccessDeniedException", ""),
    f"api error AccessDenied: {USER}": ("AccessDenied", ""),
    f"iam-role: CreateRole: AccessDenied: {USER}": ("AccessDenied", "CreateRole"),
    USER: ("AccessDenied", ""),
    "You are not authorized to perform this operation. Encoded authorization failure message: 4W": (
        "UnauthorizedOperation",
        "",
    ),
    "An error occurred (UnauthorizedOperation) when calling the RunInstances operation: You are not authorized": (
        "UnauthorizedOperation",
        "RunInstances",
    ),
    "botocore.exceptions.ClientError: An error occurred (Throttling) when calling the DescribeStacks operation "
    "(reached max retries: 4): Rate exceeded": ("Throttling", "DescribeStacks"),
    f"\nAn error occurred (AccessDeniedException) when calling the CreateCluster operation: {USER}\n": (
        "AccessDeniedException",
        "CreateCluster",
    ),
    "aws: [ERROR]: An error occurred (NewCode.Of.Aws) when calling the X operation: it": ("NewCode.Of.Aws", "X"),
    "InsufficientInstanceCapacity: We currently do not have sufficient p5.48xlarge capacity.": (
        "InsufficientInstanceCapacity",
        "",
    ),
    "InsufficientInstanceCapacity - We currently do not have it": ("InsufficientInstanceCapacity", ""),
    "InsufficientInstanceCapacity": ("InsufficientInstanceCapacity", ""),
    "InvalidSubnet.Conflict: The CIDR conflicts": ("InvalidSubnet.Conflict", ""),
    'Resource handler returned message: "You\'ve reached it (Service: Eks, Status Code: 400)" (HandlerErrorCode: '
    "ServiceLimitExceeded)": ("ServiceLimitExceeded", ""),
    "You have no quota (Service: AmazonEC2; Status Code: 400; Error Code: VcpuLimitExceeded; Request ID: 1)": (
        "VcpuLimitExceeded",
        "",
    ),
    "An unknown error: SomethingNewException: it failed": ("SomethingNewException", ""),
    POLICY: ("AdmissionDenied", ""),
    f'The pods "a" is invalid: : {POLICY}': ("AdmissionDenied", ""),
    f'deployments.apps "a" is forbidden: {POLICY}': ("AdmissionDenied", ""),
    "ValidatingAdmissionPolicy 'images' denied request: no": ("AdmissionDenied", ""),
    f'Error from server: error when creating "a.yaml": {WEBHOOK}': ("AdmissionDenied", ""),
    f'Error from server (Forbidden): pods "a" is forbidden: {QUOTA}': ("ResourceQuotaExceeded", ""),
    'pods "a" is forbidden: exceeded quota': ("ResourceQuotaExceeded", ""),
    QUOTA: ("ResourceQuotaExceeded", ""),
    'pods "a" is forbidden: failed quota: compute: must specify limits.cpu for: main': ("ResourceQuotaExceeded", ""),
    'pods "a" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true': (
        "PodSecurityViolation",
        "",
    ),
    'secrets is forbidden: User "dev" cannot list resource "secrets" in API group "" at the cluster scope': (
        "Forbidden",
        "",
    ),
}


def test_a_single_message_in_each_form_has_its_code_and_advice(root: Path) -> None:
    for message, expected in MESSAGES.items():
        found = [(each.code, each.operation) for each in failures(root, message)]
        assert found == [expected], message
        (failure,) = failures(root, message)
        assert advise(failure) or expected[0] in WITHOUT_ADVICE, message


WITHOUT_ADVICE = ("NewCode.Of.Aws", "ServiceLimitExceeded", "SomethingNewException")


def test_the_forms_are_found_in_an_output_too(root: Path) -> None:
    output = f"Diagnostics:\n  kubernetes:apps/v1:Deployment (a):\n    error: 1 error occurred:\n    \t* {POLICY}\n"
    assert [each.code for each in failures(root, output)] == ["AdmissionDenied"]


def test_text_without_a_failure_has_no_code(root: Path) -> None:
    for text in (
        "Updating (local):\n  + aws:s3:Bucket models created\n\nResources:\n    + 12 created\n",
        "Exceptional: the User: x and Protected: 3 are words",
        "Unsupported words, Throttling of nothing",
        "the quota is 5; the policy denied nothing",
    ):
        assert failures(root, text) == [], text

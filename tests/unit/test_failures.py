"""Failures of updates: read from the engine's log, reported with component, config field, code and remedy."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from awsfacts.errors import wordings
from awsfacts.quotas import quota
from mlpctl import failures
from mlpctl.config import read
from mlpctl.failure_page import page
from mlpctl.failures import Failure, Update, advices, explain, parse
from mlsandbox.endpoint.eks.errors import InvalidParameter
from mlsandbox.endpoint.eks.nodegroup_settings import release_of

STACK = "urn:pulumi:local::mlplatform::pulumi:pulumi:Stack::mlplatform-local"
POOL = "urn:pulumi:local::mlplatform::mlplatform:index:GpuNodePool::inference"
NODES = "urn:pulumi:local::mlplatform::mlplatform:index:GpuNodePool$aws:eks/nodeGroup:NodeGroup::inference-nodes"
PARENTS = {NODES: POOL, POOL: STACK}
LOCAL = Path(__file__).parents[2] / "stacks" / "Pulumi.local.yaml"

# The message comes from the Auto Scaling group, from the sandbox or from the engine, not from an AWS API.
WITHOUT_A_WORDING = [["AsgInstanceLaunchFailures"], ["InvalidParameterException"], ["Protected"]]

NO_VCPUS = (
    "Could not launch On-Demand Instances. VcpuLimitExceeded - You have requested more vCPU capacity than your current "
    "vCPU limit of 0 allows. Launching EC2 instance failed."
)


@pytest.mark.parametrize(
    ("message", "code", "operation"),
    [
        ("network-vpc: CreateVpc: VpcLimitExceeded: The maximum", "VpcLimitExceeded", "CreateVpc"),
        ("it: CreateSubnet: InvalidSubnet.Conflict: The CIDR", "InvalidSubnet.Conflict", "CreateSubnet"),
        (
            f"inference-nodes: is CREATE_FAILED: AsgInstanceLaunchFailures: {NO_VCPUS}",
            "VcpuLimitExceeded",
            "RunInstances",
        ),
        ("x: is CREATE_FAILED: NodeCreationFailure: Instances failed to join", "NodeCreationFailure", ""),
        ("x: is FAILED: IamRoleNotFound: The role", "IamRoleNotFound", ""),
        (
            "sdk-v2/provider2.go:572: sdk.helper_schema: creating EKS Cluster (c): operation error EKS: CreateCluster, "
            "https response error StatusCode: 409, RequestID: 1-a, ResourceInUseException: Cluster already exists: "
            "provider=aws@7.44.0",
            "ResourceInUseException",
            "CreateCluster",
        ),
        (
            "1 error occurred: * creating urn:pulumi:x: operation error EC2: CreateVpc, https response error "
            "StatusCode: 403, RequestID: 1-a, api error UnauthorizedOperation: You are not authorized",
            "UnauthorizedOperation",
            "CreateVpc",
        ),
        (
            "operation error S3: CreateBucket, exceeded maximum number of attempts, 25, https response error "
            "StatusCode: 503, RequestID: A, HostID: b/c=, api error SlowDown: Please reduce your request rate.",
            "SlowDown",
            "CreateBucket",
        ),
        (
            "waiting for EKS Node Group (c:n) create: unexpected state 'CREATE_FAILED', wanted target 'ACTIVE'. last "
            f"error: eks-n-3ec35205-3b66: AsgInstanceLaunchFailures: {NO_VCPUS}",
            "VcpuLimitExceeded",
            "RunInstances",
        ),
        (
            "waiting for EKS Node Group (c:n) create: unexpected state 'CREATE_FAILED', wanted target 'ACTIVE'. last "
            "error: i-0a, i-0b: NodeCreationFailure: Instances failed to join the kubernetes cluster",
            "NodeCreationFailure",
            "",
        ),
        (
            "inference-nodes: the update: unexpected state 'Failed', wanted target 'Successful'. last error: "
            "ip-10-0-1-4.ec2.internal, ip-10-0-0-4.ec2.internal: PodEvictionFailure: Reached max retries while trying",
            "PodEvictionFailure",
            "",
        ),
        (
            "configured Kubernetes cluster is unreachable: unable to load schema information from the API server: "
            'Get "https://x": dial tcp 10.0.1.23:443: i/o timeout',
            "ClusterUnreachable",
            "",
        ),
        (
            "failed to read resource state due to unreachable cluster. If the cluster was deleted, you can remove this",
            "ClusterUnreachable",
            "",
        ),
        (
            "can't create Helm Release with unreachable cluster: an error on the server (\"dial tcp 127.0.0.1:4: i/o "
            'timeout (sandbox: the endpoint is private)") has prevented the request from succeeding',
            "ClusterUnreachable",
            "",
        ),
        (
            'Kubernetes API server at "https://x/openapi/v2" is unreachable. It\'s possible that the URL or '
            "authentication information in your kubeconfig is incorrect: connect: connection refused",
            "ClusterUnreachable",
            "",
        ),
        (
            "the Kubernetes API server reported that \"chat/chat\" failed to fully initialize or become live: 'chat' "
            "timed out waiting to be Ready",
            "",
            "",
        ),
        # The engine's messages: for a deletion, a replacement, and a replacement caused by another resource.
        (
            f'resource "{NODES}" cannot be deleted\nbecause it is protected. To unprotect the resource, ...',
            "Protected",
            "",
        ),
        (
            f'unable to replace resource "{NODES}"\nas it is currently marked for protection. To unprotect ...',
            "Protected",
            "",
        ),
        (
            f'unable to replace resource "{NODES}" as part of replacing "x" as it is currently marked for protection.',
            "Protected",
            "",
        ),
        (
            "4 errors occurred: * Minimum number of Pods to consider the application live was not attained "
            "* [Pod chat/chat-7]: [Unschedulable] 0/1 nodes are available: 1 Insufficient nvidia.com/gpu.",
            "Unschedulable",
            "",
        ),
        (
            '3 errors occurred: * resource "x" was successfully created, but the Kubernetes API server reported that '
            "it failed to fully initialize or become live: 'chat' timed out waiting to be Ready "
            "* [MinimumReplicasUnavailable] Deployment does not have minimum availability. "
            "* Minimum number of live Pods was not attained",
            "MinimumReplicasUnavailable",
            "",
        ),
        (
            "3 errors occurred: * [MinimumReplicasUnavailable] Deployment does not have minimum availability. "
            "* containers with unready status: [model] -- [ImagePullBackOff] Back-off pulling image",
            "ImagePullBackOff",
            "",
        ),
        ("rpc error: code = Unavailable desc = error reading from server: EOF", "ProviderGone", ""),
        (
            'rpc error: code = Unavailable desc = connection error: desc = "transport: dial tcp 127.0.0.1:4: connect: '
            'connection refused"',
            "ProviderGone",
            "",
        ),
        ("[Pod chat/chat-5]: [Unschedulable] 0/1 nodes are available: 1 Insufficient cpu.", "Unschedulable", ""),
        (
            'containers with unready status: [model] -- [CreateContainerConfigError] secret "a" not found',
            "CreateContainerConfigError",
            "",
        ),
    ],
)
def test_the_aws_error_code_is_found_in_messages_of_both_providers(message: str, code: str, operation: str) -> None:
    found = parse(NODES, message)
    assert (found.code, found.operation) == (code, operation)


@pytest.mark.parametrize(
    ("message", "made"),
    [
        ("x: is CREATE_FAILED: NodeCreationFailure: y", True),
        ("x: is FAILED: IamRoleNotFound: y", True),
        ("unexpected state 'FAILED', wanted target 'ACTIVE'", True),
        ("x: is UPDATE_FAILED: ConfigurationConflict: y", False),
        ("x: CreateVpc: VpcLimitExceeded: y", False),
    ],
)
def test_a_failed_creation_is_distinguished_from_a_rejected_request(message: str, made: bool) -> None:
    assert parse(NODES, message).made is made


def event(urn: str, message: str, severity: str = "error") -> str:
    return json.dumps({"diagnosticEvent": {"urn": urn, "message": message, "severity": severity}})


def test_a_log_yields_one_failure_per_resource_with_the_message_from_aws() -> None:
    log = [
        json.dumps({"resourcePreEvent": {"metadata": {"urn": NODES, "new": {"parent": POOL}, "old": None}}}),
        json.dumps({"resourcePreEvent": {"metadata": {"urn": POOL, "new": None, "old": {"parent": STACK}}}}),
        event(NODES, "not an error", "warning"),
        event(NODES, "resource failed"),
        event(NODES, "<{%reset%}>1 error occurred:\n\t* nodes: CreateNodegroup: AccessDenied: no\n<{%reset%}>"),
        event(STACK, "update failed"),
        event("", "update failed"),
    ]
    update = failures.read(log)
    assert [(each.code, each.message) for each in update.failures] == [
        ("AccessDenied", "nodes: CreateNodegroup: AccessDenied: no")
    ]
    assert update.parents == PARENTS


def explained(message: str, urn: str = NODES) -> failures.Explanation:
    (found,) = explain(Update([parse(urn, message)], PARENTS), read(LOCAL))
    return found


def test_an_exceeded_quota_is_reported_with_pool_fields_lines_and_quota_code() -> None:
    found = explained(f"inference-nodes: is CREATE_FAILED: AsgInstanceLaunchFailures: {NO_VCPUS}")
    assert found.component == "GpuNodePool inference"
    lines = LOCAL.read_text().splitlines()
    assert [place.path for place in found.places] == [
        "gpuPools.inference.instanceTypes",
        "gpuPools.inference.capacity",
        "gpuPools.inference.nodes",
    ]
    assert [lines[place.line - 1].strip().split(":")[0] for place in found.places if place.line] == [
        "instanceTypes",
        "inference",
        "nodes",
    ], "a field missing in the file has the line of its parent"
    assert "L-3819A6DF (All G and VT Spot Instance Requests)" in found.remedy, "profile dev uses spot instances"


@pytest.mark.parametrize(
    ("instance_types", "spot", "codes"),
    [
        (["g6.2xlarge", "g5.xlarge", "gr6.4xlarge"], False, {"L-DB2E81BA"}),
        (["g6.2xlarge"], True, {"L-3819A6DF"}),
        (["p5.48xlarge", "p4d.24xlarge"], False, {"L-417A185B"}),
        (["p5.48xlarge", "p4d.24xlarge"], True, {"L-C4BD4855", "L-7212CCBC"}),
        (["m7i.large", "inf2.xlarge"], False, {"L-1216C47A", "L-1945791B"}),
        (["p6-b200.48xlarge"], True, set()),
    ],
)
def test_instance_types_count_against_the_quota_of_their_family(
    instance_types: list[str], spot: bool, codes: set[str]
) -> None:
    found = {quota(each, spot=spot)[:10] for each in instance_types}
    assert found - {""} == codes


def test_an_error_without_advice_is_reported_with_its_code_and_place() -> None:
    found = explained("inference-nodes: CreateNodegroup: ImATeapot: short and stout")
    assert (found.failure.code, found.means, found.remedy) == ("ImATeapot", failures.NO_ADVICE, "")
    assert [place.path for place in found.places] == ["gpuPools.inference"]


def test_a_protected_resource_is_reported_with_how_to_unprotect_it() -> None:
    found = explained(f'resource "{NODES}" cannot be deleted because it is protected.')
    assert found.means.startswith("Pulumi, not AWS, rejects this change")
    assert "pulumi state unprotect" in found.remedy
    assert "`protect` to false" in found.remedy


def test_a_log_group_left_by_eks_has_its_own_advice() -> None:
    left = explained(
        "cluster-logs: CreateLogGroup: ResourceAlreadyExistsException: The specified log group already exists"
    )
    assert "EKS writes the last logs of a cluster after" in left.means
    assert "aws logs delete-log-group" in left.remedy
    other = explained("x: CreateX: ResourceAlreadyExistsException: there is one")
    assert "log group" not in other.means


def test_a_resource_outside_of_components_has_no_place() -> None:
    found = explained("x: CreateVpc: VpcLimitExceeded: no", "urn:pulumi:local::mlplatform::aws:ec2/vpc:Vpc::lone")
    assert (found.component, found.places) == ("", [])


def test_the_page_shows_all_details_and_escapes_markup_and_control_codes_from_aws() -> None:
    found = explained("inference-nodes: CreateNodegroup: AccessDenied: [bold]no[/] \x1b[31mred https://aws/[x]")
    text = io.StringIO()
    Console(file=text, width=200, force_terminal=False).print(page([found], LOCAL.name, ["mlpctl up --stack local"]))
    shown = text.getvalue()
    for part in (
        "GpuNodePool inference: AccessDenied at inference-nodes",
        "gpuPools.inference (Pulumi.local.yaml:",
        "aws:eks/nodeGroup:NodeGroup (CreateNodegroup)",
        "[bold]no[/]",
        "\\x1b[31mred https://aws/[x]",
        "aws sts get-caller-identity",
        "mlpctl up --stack local",
    ):
        assert part in shown, shown
    assert "\x1b" not in shown


def test_every_advice_matches_a_wording_of_aws() -> None:
    reached = [failures.advise(Failure(NODES, each.wording, code)) for each in wordings() for code in each.codes]
    assert [each.codes for each in advices() if each not in reached] == WITHOUT_A_WORDING


def test_a_kubernetes_version_without_an_image_in_the_sandbox_is_explained_by_the_list_to_update() -> None:
    with pytest.raises(InvalidParameter) as refused:
        release_of("BOTTLEROCKET_x86_64_NVIDIA", "1.99", None)
    advice = failures.advise(Failure(NODES, str(refused.value), "InvalidParameterException"))
    assert advice is not None
    assert "`mlpctl images refresh`" in advice.remedy


def test_the_remedy_for_an_existing_access_entry_does_not_delete_it() -> None:
    failure = failures.Failure(
        "urn:pulumi:prod::mlplatform::mlplatform:index:EksCluster$aws:eks/accessEntry:AccessEntry::cluster-ops-access",
        "The specified access entry resource is already in use on this cluster.",
        "ResourceInUseException",
        "CreateAccessEntry",
    )
    advice = failures.advise(failure)
    assert advice
    assert "remove it from `cluster.access`" in advice.remedy
    assert "delete" not in advice.remedy
    assert advice.fields == {"EksCluster": ["access"]}


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ("Nodegroup cannot be updated as it is currently not in Active State: UPDATING", "Wait until it is ACTIVE"),
        ("Cluster has nodegroups attached", "Delete what AWS named"),
        ("The specified access entry resource is already in use on this cluster.", "import the entry"),
        ("The specified access entry resource is already in use on this cluster.", "pulumi state rename URN NEW_NAME"),
        ("The specified access entry resource is already in use on this cluster.", "run two updates"),
        ("Association already exists: a-dt1bedfjc72dlwp5n", "run two updates"),
        ("Association already exists: a-dt1bedfjc72dlwp5n", "pulumi state rename URN NEW_NAME"),
        ("NodeGroup already exists with name gpu and cluster name main", "import it"),
    ],
)
def test_a_code_with_several_meanings_is_identified_by_its_message(message: str, remedy: str) -> None:
    advice = failures.advise(Failure(NODES, message, "ResourceInUseException"))
    assert advice is not None
    assert remedy in advice.remedy


def test_a_provider_that_does_not_start_is_reported_even_if_no_resource_failed() -> None:
    provider = "urn:pulumi:local::mlplatform::pulumi:providers:aws::default_7_51_1"
    silent = "error: aws (resource) plugin [aws] did not begin responding to RPC connections"
    lines = [
        json.dumps({"diagnosticEvent": {"urn": urn, "severity": "error", "message": message}})
        for urn, message in ((provider, silent), (provider, "error: something else"))
    ]
    (failure,) = failures.read(lines).failures
    assert failure.code == "ProviderGone"
    advice = failures.advise(failure)
    assert advice is not None
    assert "mlpctl up" in advice.remedy


@pytest.mark.parametrize(
    "code",
    [
        "NoSuchBucket",
        "NoSuchEntity",
        "ResourceNotFoundException",
        "InvalidSubnetID.NotFound",
        "RepositoryNotFoundException",
    ],
)
def test_the_remedy_for_missing_resources_is_a_refresh(code: str) -> None:
    advice = failures.advise(Failure(NODES, "x", code))
    assert advice is not None
    assert "pulumi refresh" in advice.remedy
    assert "delete" not in advice.remedy and "import" not in advice.remedy

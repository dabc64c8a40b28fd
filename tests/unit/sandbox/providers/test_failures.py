"""Requested failures of the AWS API: their wire formats, the requests that fail, and retries of the provider."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from mlsandbox.errors import SandboxError
from mlsandbox.ground.layout import Layout
from mlsandbox.host import faults
from mlsandbox.providers.aws import DECLARATIONS, api, ec2_network, eks, iam, kms, logs, s3_bucket, s3_settings
from mlsandbox.providers.protocol import NotReadyError, ProviderError

# moto warns about error codes that are missing in the service models.
pytestmark = pytest.mark.filterwarnings("ignore:Exception:UserWarning")

ONCE = Config(retries={"total_max_attempts": 1})


@pytest.fixture(autouse=True)
def clean_up(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Remove the faults after each test, and shorten waits."""
    monkeypatch.setattr(api, "_PAUSES_S", (0.001,))
    yield
    faults.clear(layout)


def fail(layout: Layout, operation: str, code: str, **how: Any) -> None:
    faults.add(layout, faults.fault(operation, code, **how))


@pytest.mark.parametrize(
    ("operation", "code", "call", "status"),
    [
        ("ec2:DescribeVpcs", "UnauthorizedOperation", lambda boto: boto("ec2").describe_vpcs(), 403),
        ("iam:ListRoles", "AccessDenied", lambda boto: boto("iam").list_roles(), 403),
        ("GetCallerIdentity", "ExpiredToken", lambda boto: boto("sts").get_caller_identity(), 403),
        ("kms:ListKeys", "KMSInternalException", lambda boto: boto("kms").list_keys(), 500),
        ("DescribeLogGroups", "ServiceUnavailableException", lambda boto: boto("logs").describe_log_groups(), 500),
        ("eks:ListClusters", "ServerException", lambda boto: boto("eks").list_clusters(), 500),
        ("eks:ListClusters", "ThrottlingException", lambda boto: boto("eks").list_clusters(), 429),
        ("s3:ListBuckets", "SlowDown", lambda boto: boto("s3").list_buckets(), 503),
        ("s3:GetBucketPolicy", "OperationAborted", lambda boto: boto("s3").get_bucket_policy(Bucket="b"), 409),
    ],
)
def test_botocore_parses_code_message_and_status(
    bench: Any, layout: Layout, operation: str, code: str, call: Any, status: int
) -> None:
    fail(layout, operation, code, message="No <more> & no less")
    with pytest.raises(ClientError) as raised:
        call(lambda service: bench.boto(service, config=ONCE))
    assert raised.value.response["Error"]["Code"] == code
    assert raised.value.response["Error"]["Message"] == "No <more> & no less"
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_a_fault_affects_only_its_operation_and_the_requested_number_of_times(bench: Any, layout: Layout) -> None:
    ec2 = bench.boto("ec2", config=ONCE)
    fail(layout, "DescribeVpcs", "UnauthorizedOperation", times=2)
    ec2.describe_subnets()
    for _ in range(2):
        with pytest.raises(ClientError, match="UnauthorizedOperation"):
            ec2.describe_vpcs()
    ec2.describe_vpcs()
    assert [each.struck for each in faults.planned(layout)] == [2]


def test_a_fault_affects_only_requests_that_contain_its_text(bench: Any, layout: Layout) -> None:
    iam_client = bench.boto("iam", config=ONCE)
    fail(layout, "GetRole", "AccessDenied", match="that one")
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam_client.get_role(RoleName="this-one")
    fail(layout, "GetRole", "AccessDenied", match="=that-one")
    with pytest.raises(ClientError, match="AccessDenied"):
        iam_client.get_role(RoleName="that-one")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("CreateNodegruop", "AccessDenied"), "did you mean CreateNodegroup"),
        (("braket:CreateJob", "AccessDenied"), "braket is not a service of the sandbox; allowed: cloudfront, ec2, eks"),
    ],
)
def test_a_fault_of_an_unknown_operation_is_rejected(arguments: tuple[str, str], message: str) -> None:
    with pytest.raises(SandboxError, match=message.split("allowed")[0]):
        faults.fault(*arguments)


def test_only_eks_resources_can_fail_later() -> None:
    with pytest.raises(SandboxError, match="CreateVpc cannot fail later; allowed: CreateCluster"):
        faults.fault("CreateVpc", "VpcLimitExceeded", later=True)


def test_throttled_requests_are_retried(bench: Any, layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    for operation, code in (
        ("CreateVpc", "RequestLimitExceeded"),
        ("kms:CreateKey", "ThrottlingException"),
        ("CreateBucket", "SlowDown"),
    ):
        fail(layout, operation, code, times=1)
    made = [
        bench.create(ec2_network.VPC.token, bench.unique("it"), {"cidrBlock": "10.60.0.0/16"}),
        bench.create(kms.KEY.token, bench.unique("it"), {}),
        bench.create(s3_bucket.BUCKET.token, bench.unique("it"), {}),
    ]
    assert [each.struck for each in faults.planned(layout)] == [1, 1, 1]
    for state in made:
        bench.delete(state)


PASSING = [
    (declaration, passing, text)
    for declaration in DECLARATIONS
    for passing in declaration.passing
    for text in passing.says
]


@pytest.mark.parametrize(("declaration", "passing", "text"), PASSING, ids=lambda value: getattr(value, "operation", ""))
def test_temporary_errors_are_declared_for_an_operation_of_the_type(declaration: Any, passing: Any, text: str) -> None:
    assert declaration.model(passing.operation).name in declaration.operations
    error = api.ApiError("it", passing.operation, passing.code, f"Well, {text}.")
    assert passing.fits(passing.operation, error)
    assert not passing.fits("describe_it", error)


def test_temporary_errors_are_retried(bench: Any, layout: Layout) -> None:
    bench.no_cluster()
    fail(layout, "CreateRole", "MalformedPolicyDocument", message="Invalid principal in policy: x", times=2)
    fail(layout, "CreateCluster", "InvalidParameterException", message="Role with arn: x, does not exist", times=2)
    fail(layout, "PutBucketVersioning", "OperationAborted", times=1)
    role = bench.create(iam.ROLE.token, bench.unique("it"), {"assumeRolePolicy": '{"Statement": []}'})
    bucket = bench.bucket()
    versioning = bench.create(
        s3_settings.VERSIONING.token,
        bench.unique("it"),
        {"bucket": bucket, "versioningConfiguration": {"status": "Enabled"}},
    )
    cluster = bench.create(
        eks.CLUSTER.token,
        bench.unique("it"),
        {
            "roleArn": bench.role("eks.amazonaws.com"),
            "vpcConfig": {"subnetIds": [bench.subnet(0), bench.subnet(1)]},
        },
    )
    assert [each.struck for each in faults.planned(layout)] == [2, 2, 1]
    for state in (cluster, versioning, role):
        bench.delete(state)


def test_permanent_errors_are_reported_at_once(bench: Any, layout: Layout) -> None:
    fail(layout, "CreateRole", "MalformedPolicyDocument", message="Syntax error at position 7")
    with pytest.raises(ProviderError, match="CreateRole: MalformedPolicyDocument: Syntax error"):
        bench.create(iam.ROLE.token, bench.unique("it"), {"assumeRolePolicy": '{"Statement": []}'})
    assert [each.struck for each in faults.planned(layout)] == [1]


def test_a_temporary_error_that_persists_is_reported_after_a_timeout(
    bench: Any, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "PROPAGATION_S", 0.05)
    fail(layout, "CreateRole", "MalformedPolicyDocument", message="Invalid principal in policy: x")
    with pytest.raises(ProviderError, match="Invalid principal"):
        bench.create(iam.ROLE.token, bench.unique("it"), {"assumeRolePolicy": '{"Statement": []}'})
    assert faults.planned(layout)[0].struck > 1


def test_a_server_error_is_tried_25_times_and_does_not_count_as_a_defect_of_the_local_api(
    bench: Any, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    fail(layout, "CreateLogGroup", "ServiceUnavailableException")
    with pytest.raises(ProviderError, match="CreateLogGroup: ServiceUnavailableException"):
        bench.create(logs.LOG_GROUP.token, bench.unique("it"), {})
    assert faults.planned(layout)[0].struck == 25


def test_a_node_group_that_fails_later_stays_in_the_state_with_the_reason_of_aws(bench: Any, layout: Layout) -> None:
    fail(layout, "CreateNodegroup", "VcpuLimitExceeded", later=True, times=1)
    subject = bench.subject(eks.NODE_GROUP.token, bench.unique("it"))
    inputs = {
        "clusterName": bench.cluster(),
        "nodeRoleArn": bench.role(),
        "subnetIds": [bench.subnet(0)],
        "scalingConfig": {"minSize": 0, "maxSize": 1, "desiredSize": 1},
        "instanceTypes": ["g6.2xlarge"],
    }
    checked = bench.checked(subject, inputs)
    with pytest.raises(NotReadyError) as raised:
        bench.provider.create(bench.client, subject, checked, False, 0)
    assert (
        "is CREATE_FAILED: AsgInstanceLaunchFailures: Could not launch On-Demand Instances. VcpuLimitExceeded - You "
        in str(raised.value)
    )
    assert raised.value.outputs["status"] == "CREATE_FAILED"
    (cluster, group) = raised.value.id.split(":")
    bench.boto("eks").delete_nodegroup(clusterName=cluster, nodegroupName=group)


def test_an_add_on_and_a_cluster_can_fail_later_too(bench: Any, layout: Layout) -> None:
    fail(layout, "CreateAddon", "ConfigurationConflict", later=True, times=1)
    addon = bench.subject(eks.ADDON.token, "it")
    checked = bench.checked(addon, {"clusterName": bench.cluster(), "addonName": "coredns"})
    with pytest.raises(NotReadyError, match="is CREATE_FAILED: ConfigurationConflict: Conflicts found"):
        bench.provider.create(bench.client, addon, checked, False, 0)
    bench.no_cluster()
    fail(layout, "CreateCluster", "IamRoleNotFound", later=True, times=1)
    subject = bench.subject(eks.CLUSTER.token, "it")
    inputs = {
        "roleArn": bench.role("eks.amazonaws.com"),
        "vpcConfig": {"subnetIds": [bench.subnet(0), bench.subnet(1)]},
    }
    with pytest.raises(NotReadyError, match="is FAILED: IamRoleNotFound"):
        bench.provider.create(bench.client, subject, bench.checked(subject, inputs), False, 0)
    # A failed cluster has no control plane, so that its replacement can be created before its deletion.
    bench.delete(bench.create(eks.CLUSTER.token, "other", inputs))
    bench.no_cluster()

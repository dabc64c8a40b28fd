"""The stack `local` from nothing to nothing; the tests of this file follow one another, as its user's days do."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kubernetes
import pytest

pytestmark = pytest.mark.engine

PLAN = Path(__file__).parents[1] / "golden" / "plan-of-local.json"
MADE_BY_AWS = re.compile(r"(?<=-)[0-9a-f]{7}\b")
"""The random end of an automatic name."""

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""How the engine writes what only the update will tell: `plugin.UnknownStringValue`, sdk/go/common/resource/plugin."""


def quiet_period() -> None:
    """Time for controllers to react to what was just done."""
    time.sleep(1)


def test_the_first_preview_is_the_golden_plan(project: Any, request: pytest.FixtureRequest) -> None:
    # The engine reports steps in the order in which their inputs happen to be known.
    steps = sorted(project.preview(), key=lambda step: step["urn"])
    plan = "\n".join(json.dumps(declared(step), sort_keys=True, indent=1) for step in steps) + "\n"
    if request.config.getoption("--rewrite-golden"):
        PLAN.write_text(plan)
    assert plan == PLAN.read_text(), "read the diff, then rewrite it with --rewrite-golden"


def test_up_brings_the_models_onto_gpu_nodes(project: Any, sandbox: Any) -> None:
    project.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
    core = kubernetes.client.CoreV1Api(sandbox.kubernetes())
    (pod,) = core.list_namespaced_pod("chat").items
    assert pod.status.phase == "Running"
    node = core.read_node(pod.spec.node_name)
    assert node.metadata.labels["node.kubernetes.io/instance-type"] == "g6.2xlarge"
    assert node.status.allocatable["nvidia.com/gpu"] == "1"
    assert [taint.key for taint in node.spec.taints] == ["nvidia.com/gpu"]


def test_the_model_s_service_account_has_its_bounded_role(project: Any, sandbox: Any) -> None:
    eks, iam = sandbox.aws("eks"), sandbox.aws("iam")
    cluster = project.pulumi("stack", "output", "clusterName", "--stack", "local").stdout.strip()
    (found,) = eks.list_pod_identity_associations(clusterName=cluster, namespace="chat")["associations"]
    core = kubernetes.client.CoreV1Api(sandbox.kubernetes())
    assert core.read_namespaced_service_account(found["serviceAccount"], "chat")
    arn = eks.describe_pod_identity_association(clusterName=cluster, associationId=found["associationId"])
    role = iam.get_role(RoleName=arn["association"]["roleArn"].rsplit("/", 1)[-1])["Role"]
    boundary = role["PermissionsBoundary"]["PermissionsBoundaryArn"]
    assert iam.get_policy(PolicyArn=boundary)["Policy"]["PolicyName"].startswith("chat-boundary")


def test_the_next_preview_changes_nothing(project: Any) -> None:
    quiet_period()
    assert project.preview() == []


def test_one_edited_value_is_one_update(project: Any) -> None:
    project.edit("gpuPools", "inference", "maxNodes", value=3)
    pool, nodes = project.preview()
    assert (pool["op"], pool["urn"].rsplit("::", 1)[-1]) == ("update", "inference"), "the component, whose input it is"
    assert (nodes["op"], nodes["urn"].rsplit("::", 1)[-1]) == ("update", "inference-nodes")
    assert [*nodes["detailedDiff"]] == ["scalingConfig.maxSize"]
    project.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
    assert project.preview() == []


def test_a_refresh_finds_what_others_changed_and_up_puts_it_right(project: Any, sandbox: Any) -> None:
    bucket = json.loads(project.pulumi("stack", "output", "buckets", "--json", "--stack", "local").stdout)["artifacts"]
    s3 = sandbox.aws("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    refresh = project.pulumi("refresh", "--yes", "--skip-preview", "--stack", "local", "--diff").stdout
    assert "artifacts-versioning" in refresh
    (step,) = project.preview()
    assert step["urn"].endswith("artifacts-versioning")
    project.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"


def test_a_refresh_of_what_nobody_changed_finds_nothing(project: Any) -> None:
    project.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes", "--stack", "local")


def test_a_restarted_sandbox_changes_nothing(project: Any, sandbox: Any) -> None:
    sandbox.restart()
    assert project.preview() == []
    project.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes", "--stack", "local")


def test_scaling_a_pool_moves_its_nodes(project: Any, sandbox: Any) -> None:
    project.edit("gpuPools", "inference", "nodes", value=2)
    project.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
    core = kubernetes.client.CoreV1Api(sandbox.kubernetes())
    nodes = core.list_node(label_selector="mlplatform.io/pool=inference").items
    zones = {node.metadata.labels["topology.kubernetes.io/zone"] for node in nodes}
    assert len(nodes) == 2
    assert zones == {"us-east-1a", "us-east-1b"}


def test_destroy_leaves_nothing(project: Any, sandbox: Any) -> None:
    before = [*leftovers(sandbox)]
    assert before
    project.pulumi("destroy", "--yes", "--skip-preview", "--stack", "local")
    assert [*leftovers(sandbox)] == []


def declared(step: dict[str, Any]) -> dict[str, Any]:
    """What a golden plan keeps of a step: nothing that another run or another machine would have otherwise."""
    state = step["newState"]
    text = json.dumps(state.get("inputs", {})).replace(UNKNOWN, "[unknown]")
    inputs = json.loads(MADE_BY_AWS.sub("0000000", text))
    parent = state.get("parent", "").rsplit("::", 1)[-1]
    return {"op": step["op"], "type": state["type"], "name": state["urn"].rsplit("::", 1)[-1], "parent": parent} | {
        "inputs": inputs
    }


def leftovers(sandbox: Any) -> list[str]:
    """Everything in AWS and in the cluster that a stack may have made; AWS's own defaults are none of it."""
    aws: Callable[[str], Any] = sandbox.aws
    ec2, iam, eks, kms, ecr = aws("ec2"), aws("iam"), aws("eks"), aws("kms"), aws("ecr")
    core = kubernetes.client.CoreV1Api(sandbox.kubernetes())
    vpcs = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["false"]}])["Vpcs"]
    gone = ("deleted", "deleting")
    found = {
        "bucket": [each["Name"] for each in aws("s3").list_buckets()["Buckets"]],
        "vpc": [each["VpcId"] for each in vpcs],
        "nat": [
            each["NatGatewayId"] for each in ec2.describe_nat_gateways()["NatGateways"] if each["State"] not in gone
        ],
        "address": [each["AllocationId"] for each in ec2.describe_addresses()["Addresses"]],
        "endpoint": [each["VpcEndpointId"] for each in ec2.describe_vpc_endpoints()["VpcEndpoints"]],
        "flow log": [each["FlowLogId"] for each in ec2.describe_flow_logs()["FlowLogs"]],
        "template": [each["LaunchTemplateName"] for each in ec2.describe_launch_templates()["LaunchTemplates"]],
        "role": [each["RoleName"] for each in iam.list_roles()["Roles"] if "service-role" not in each["Path"]],
        "log group": [each["logGroupName"] for each in aws("logs").describe_log_groups()["logGroups"]],
        "policy": [each["Arn"] for each in iam.list_policies(Scope="Local")["Policies"]],
        "repository": [each["repositoryName"] for each in ecr.describe_repositories()["repositories"]],
        "cache": [
            each["ecrRepositoryPrefix"] for each in ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"]
        ],
        "repository template": [
            each["prefix"] for each in ecr.describe_repository_creation_templates()["repositoryCreationTemplates"]
        ],
        "cluster": eks.list_clusters()["clusters"],
        "alias": [
            each["AliasName"]
            for each in kms.list_aliases()["Aliases"]
            if each.get("TargetKeyId") and not each["AliasName"].startswith("alias/aws/")
        ],
        "key": [
            each["KeyId"]
            for each in kms.list_keys()["Keys"]
            if kms.describe_key(KeyId=each["KeyId"])["KeyMetadata"]["KeyState"] != "PendingDeletion"
            and kms.describe_key(KeyId=each["KeyId"])["KeyMetadata"]["KeyManager"] == "CUSTOMER"
        ],
        "node": [each.metadata.name for each in core.list_node().items],
        "namespace": [
            each.metadata.name
            for each in core.list_namespace().items
            if each.metadata.name not in ("default", "kube-system", "kube-public", "kube-node-lease")
        ],
    }
    return [f"{kind} {name}" for kind, names in found.items() for name in names]

"""Checks for tests of whole stacks: golden plans, and leftover resources."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kubernetes
from pulumi.runtime import rpc

from mlsandbox.ground.layout import ADMIN_ROLE
from review_plans import AUTOMATIC

GOLDEN = Path(__file__).parents[1] / "golden"


def assert_golden(project: Any, *, rewrite: bool) -> None:
    """Compare the project's first preview with the golden plan of its stack, or rewrite the golden plan."""
    path = GOLDEN / f"plan-of-{project.stack}.json"
    # The order of the engine's steps depends on when their inputs become known.
    steps = sorted(project.preview(), key=lambda step: step["urn"])
    plan = "\n".join(json.dumps(declared(step), sort_keys=True, indent=1) for step in steps) + "\n"
    if rewrite:
        path.write_text(plan)
    assert plan == path.read_text(), "review the diff, then rewrite the plan with --rewrite-golden"


def declared(step: dict[str, Any]) -> dict[str, Any]:
    """The part of a step in a golden plan: everything that is the same in every run and on every machine."""
    state = step["newState"]
    text = json.dumps(state.get("inputs", {})).replace(rpc.UNKNOWN, "[unknown]")
    inputs = json.loads(AUTOMATIC.sub("0000000", text))
    parent = state.get("parent", "").rsplit("::", 1)[-1]
    return {"op": step["op"], "type": state["type"], "name": state["urn"].rsplit("::", 1)[-1], "parent": parent} | {
        "inputs": inputs
    }


def leftovers(sandbox: Any) -> list[str]:
    """Everything in AWS and in the cluster that a stack may have created, without AWS's defaults."""
    aws: Callable[[str], Any] = sandbox.aws
    ec2, iam, eks, kms, ecr = aws("ec2"), aws("iam"), aws("eks"), aws("kms"), aws("ecr")
    core = kubernetes.client.CoreV1Api(sandbox.kubernetes())
    vpcs = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["false"]}])["Vpcs"]
    gone = ("deleted", "deleting")
    found = {
        "bucket": [each["Name"] for each in aws("s3").list_buckets()["Buckets"]],
        "file system": [each["FileSystemId"] for each in aws("efs").describe_file_systems()["FileSystems"]],
        "volume": [each.metadata.name for each in core.list_persistent_volume().items],
        "vpc": [each["VpcId"] for each in vpcs],
        "nat": [
            each["NatGatewayId"] for each in ec2.describe_nat_gateways()["NatGateways"] if each["State"] not in gone
        ],
        "address": [each["AllocationId"] for each in ec2.describe_addresses()["Addresses"]],
        "endpoint": [each["VpcEndpointId"] for each in ec2.describe_vpc_endpoints()["VpcEndpoints"]],
        "flow log": [each["FlowLogId"] for each in ec2.describe_flow_logs()["FlowLogs"]],
        "template": [each["LaunchTemplateName"] for each in ec2.describe_launch_templates()["LaunchTemplates"]],
        "role": [
            each["RoleName"]
            for each in iam.list_roles()["Roles"]
            if "service-role" not in each["Path"] and each["RoleName"] != ADMIN_ROLE
        ],
        "log group": [each["logGroupName"] for each in aws("logs").describe_log_groups()["logGroups"]],
        "policy": [each["Arn"] for each in iam.list_policies(Scope="Local")["Policies"]],
        "placement group": [each["GroupName"] for each in ec2.describe_placement_groups()["PlacementGroups"]],
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

import json
import runpy
from datetime import date
from pathlib import Path
from typing import Any

import pulumi_aws as aws
import pytest
import yaml

from invariants import broken
from mlpctl.policies.evaluate import Outcome
from mlplatform import DeployIdentitySpec, PrivateRunner
from mlplatform.checks.arguments import ArgumentsError
from mlplatform.delivery.private_runner.spec import COMMANDS, source_type
from mlplatform.testing import Plan, declare
from stack_plans import judged

IMAGE = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/runner@sha256:{'0' * 64}"
SPEC: dict[str, Any] = {"repository": "https://github.com/org/platform.git", "image": IMAGE}
ARGS: dict[str, Any] = {
    "connection_arn": "arn:aws:codeconnections:us-east-1:123456789012:connection/1",
    "backend_url": "s3://states?region=us-east-1",
    "permissions_boundary_arn": "arn:aws:iam::123456789012:policy/deploy-limits",
    "stack_permissions_boundary_arn": "arn:aws:iam::123456789012:policy/mlplatform/deploy-roles",
    "stack_role_path": "/mlplatform/",
    "logs_key_arn": "arn:aws:kms:us-east-1:123456789012:key/1",
    "vpc_id": "vpc-1",
    "subnet_ids": ["subnet-aaaaaaaa"],
    "cluster_name": "cluster",
    "cluster_security_group_id": "sg-cccccccc",
    "account_id": "123456789012",
    "region": "us-east-1",
}


def runner(**wanted: Any) -> Plan:
    args: Any = {**ARGS, "runner": {**SPEC, **wanted}}
    return declare(lambda: PrivateRunner("runner", args))


def test_builds_run_in_private_subnets_one_at_a_time_and_without_root_permissions() -> None:
    project = runner().one(aws.codebuild.Project).inputs
    assert project["vpcConfig"]["subnets"] == ["subnet-aaaaaaaa"]
    assert project["environment"]["privilegedMode"] is False
    assert project["environment"]["image"] == IMAGE
    assert (project["concurrentBuildLimit"], project["buildTimeout"]) == (1, 180)
    assert project["artifacts"] == {"type": "NO_ARTIFACTS"}
    assert runner(privileged=True).one(aws.codebuild.Project).inputs["environment"]["privilegedMode"] is True


def test_builds_have_no_credentials_in_variables_or_source() -> None:
    project = runner().one(aws.codebuild.Project).inputs
    assert project["environment"]["environmentVariables"] == [
        {"name": "PULUMI_BACKEND_URL", "value": "s3://states?region=us-east-1"}
    ]
    assert project["source"]["auth"] == {"type": "CODECONNECTIONS", "resource": ARGS["connection_arn"]}
    assert (project["source"]["type"], project["source"]["location"]) == (
        "GITHUB",
        "https://github.com/org/platform.git",
    )
    assert source_type("https://gitlab.com/group/sub/platform.git") == "GITLAB"


def test_a_build_ends_at_the_first_command_that_fails() -> None:
    build = json.loads(runner(commands=["a", "b"]).one(aws.codebuild.Project).inputs["source"]["buildspec"])
    assert build["phases"]["build"]["commands"] == ["set -eu", "a", "b"]


def test_a_build_deploys_by_the_rules() -> None:
    *_, last = json.loads(runner().one(aws.codebuild.Project).inputs["source"]["buildspec"])["phases"]["build"][
        "commands"
    ]
    assert last == 'pulumi up --yes --policy-pack platform/policies --stack "$STACK"'


def test_the_pack_of_the_default_commands_is_in_the_repository(root: Path) -> None:
    (folder,) = (each.split("--policy-pack ")[1].split()[0] for each in COMMANDS if "--policy-pack" in each)
    assert (root / folder / "PulumiPolicy.yaml").is_file()


def test_logs_are_encrypted_and_kept() -> None:
    plan = runner()
    logs = plan.one(aws.cloudwatch.LogGroup).inputs
    assert (logs["retentionInDays"], logs["kmsKeyId"]) == (365, ARGS["logs_key_arn"])
    written = plan.one(aws.codebuild.Project).inputs["logsConfig"]["cloudwatchLogs"]
    assert written["status"] == "ENABLED" and written["groupName"]


def test_builds_reach_https_and_the_cluster_and_accept_no_connection() -> None:
    plan = runner(egressCidrs=["10.0.0.0/16"])
    (group,) = plan.of(aws.ec2.SecurityGroup)
    assert not {"ingress", "egress"} & {*group.inputs}
    out = [each.inputs for each in plan.of(aws.vpc.SecurityGroupEgressRule)]
    assert {(each.get("cidrIpv4"), each.get("referencedSecurityGroupId")) for each in out} == {
        ("10.0.0.0/16", None),
        (None, "sg-cccccccc"),
    }
    assert {(each["ipProtocol"], each["fromPort"], each["toPort"]) for each in out} == {("tcp", 443, 443)}
    (into,) = [each.inputs for each in plan.of(aws.vpc.SecurityGroupIngressRule)]
    assert into["securityGroupId"] == "sg-cccccccc", "only the cluster gets a rule for incoming connections"


def test_the_cluster_admits_the_role_of_builds() -> None:
    plan = runner()
    role = "arn:aws:iam::123456789012:role/runner-role"
    assert plan.one(aws.eks.AccessEntry).inputs["principalArn"] == role
    admin = plan.one(aws.eks.AccessPolicyAssociation).inputs
    assert admin["policyArn"].endswith("cluster-access-policy/AmazonEKSClusterAdminPolicy")
    project, entry = plan.one(aws.codebuild.Project), plan.one(aws.eks.AccessEntry)
    assert entry.urn in project.depends_on


def test_the_role_is_for_codebuild_of_this_account_and_is_limited_as_the_role_of_pipelines() -> None:
    plan = runner()
    role = plan.one(aws.iam.Role).inputs
    (trust,) = json.loads(role["assumeRolePolicy"])["Statement"]
    assert trust["Principal"] == {"Service": "codebuild.amazonaws.com"}
    assert trust["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "123456789012"},
        "ArnLike": {"aws:SourceArn": "arn:aws:codebuild:us-east-1:123456789012:project/*"},
    }
    assert role["permissionsBoundary"] == ARGS["permissions_boundary_arn"]
    policy = json.loads(plan.one(aws.iam.RolePolicy).inputs["policy"])
    assert {each for statement in policy["Statement"] for each in statement["Resource"]} == {
        "arn:aws:iam::123456789012:role/mlplatform/*"
    }


def test_it_meets_every_rule_of_profile_prod() -> None:
    args: Any = {**ARGS, "runner": SPEC, "protect": True, "tags": {"owner": "ml-platform", "environment": "prod"}}
    plan = declare(lambda: PrivateRunner("runner", args))
    found = judged(plan, date(2026, 11, 29)).results
    failed = {(each.rule.id, each.urn.split("::")[-1], each.text) for each in found if each.outcome is Outcome.FAIL}
    assert failed == set()
    assert {"ML-IAM-01", "ML-IAM-03", "ML-LOG-01"} <= {each.rule.id for each in found if each.outcome is Outcome.PASS}
    assert broken(plan) == []


def test_the_example_takes_everything_from_the_outputs_of_two_stacks(root: Path, plan_of: Any) -> None:
    folder = root / "examples" / "private-runner"
    config = yaml.safe_load((folder / "Pulumi.local.yaml").read_text())["config"]
    given = {key.replace("private-runner:", "mlplatform:"): each for key, each in config.items()}
    bootstrap = {
        "backendUrl": ARGS["backend_url"],
        "applyBoundaryArn": ARGS["permissions_boundary_arn"],
        "permissionsBoundaryArn": ARGS["stack_permissions_boundary_arn"],
        "rolePath": "teams/ml/",
    }
    stacks = {
        given["mlplatform:platform"]: plan_of(root / "stacks" / "Pulumi.local.yaml").exports,
        given["mlplatform:bootstrap"]: bootstrap,
    }
    plan = declare(lambda: runpy.run_path(str(folder / "__main__.py")), given, stacks=stacks)
    assert plan.exports["runner"]
    assert plan.one(aws.codebuild.Project).inputs["vpcConfig"]["vpcId"] == "network-vpc-id"
    assert "role/teams/ml/*" in plan.one(aws.iam.RolePolicy).inputs["policy"]


def test_the_identities_deny_the_apply_role_the_state_of_the_example(root: Path) -> None:
    project = yaml.safe_load((root / "examples" / "private-runner" / "Pulumi.yaml").read_text())["name"]
    assert project in DeployIdentitySpec.model_fields["admin_projects"].default


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"image": "aws/codebuild/standard:7.0"}, "runner.image"),
        ({"image": f"runner:latest@sha256:{'0' * 63}"}, "runner.image"),
        ({"repository": "https://example.com/org/platform.git"}, "runner.repository"),
        ({"repository": "https://user:password@github.com/org/platform.git"}, "runner.repository"),
        ({"timeoutMinutes": 2161}, "runner.timeoutMinutes"),
        ({"logDays": 100}, "runner.logDays"),
        ({"egressCidrs": ["10.0.0.1/16"]}, "egressCidrs"),
        ({"egressCidrs": []}, "runner.egressCidrs"),
        ({"commands": []}, "runner.commands"),
    ],
)
def test_an_invalid_spec_is_rejected(wanted: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ArgumentsError) as error:
        runner(**wanted)
    assert sentence in str(error.value)

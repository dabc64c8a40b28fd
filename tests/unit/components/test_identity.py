import fnmatch
import json
import re
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from pydantic import ValidationError

from mlplatform import WorkloadIdentity, WorkloadIdentitySpec
from mlplatform.arguments import ArgumentsError
from mlplatform.security.workload_identity.spec import access_policy, boundary, trust_policy
from mlplatform.testing import Plan, declare

DATASETS, ARTIFACTS = "arn:aws:s3:::datasets-0", "arn:aws:s3:::artifacts-0"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/data"
SECRETS_KEY = "arn:aws:kms:eu-west-1:123456789012:key/secrets"
SERVING = "arn:aws:ecr:eu-west-1:123456789012:repository/mlplatform/test/serving"
HERE = {"account_id": "123456789012", "region": "eu-west-1"}
Statements = list[dict[str, Any]]

EVERYTHING = {
    "buckets": {"datasets": {"access": "read"}, "artifacts": {"access": "readWrite", "prefix": "runs/"}},
    "images": {"serving": "push"},
    "queues": {"jobs": "consume", "done.fifo": "send"},
    "secrets": ["hf-token"],
}


def identity(
    name: str = "trainer", boundary_arn: str | None = None, more: dict[str, Any] | None = None, **workload: Any
) -> Plan:
    args: dict[str, Any] = {
        "workload": WorkloadIdentitySpec.model_validate(workload or EVERYTHING),
        "cluster_name": "main",
        "bucket_arns": {"datasets": DATASETS, "artifacts": ARTIFACTS},
        "data_key_arn": KEY,
        "secrets_key_arn": SECRETS_KEY,
        "repository_arns": {"serving": SERVING},
        **HERE,
        **(more or {}),
    }
    if boundary_arn:
        args["permissions_boundary_arn"] = boundary_arn
    return declare(lambda: WorkloadIdentity(name, args))  # type: ignore[arg-type]  # the test's own words


def statements(**workload: Any) -> Statements:
    policy: dict[str, Statements] = json.loads(identity(**workload).one(aws.iam.RolePolicy).inputs["policy"])
    return policy["Statement"]


def allowed(policy: Statements, action: str, resource: str, **context: str) -> bool:
    """Whether a policy allows an action, with IAM's wildcards and the conditions that these policies use."""

    def holds(statement: dict[str, Any]) -> bool:
        conditions = statement.get("Condition", {})
        return all(
            any(fnmatch.fnmatchcase(context.get(key.replace(":", "_"), ""), each) for each in as_list(wanted))
            for keys in conditions.values()
            for key, wanted in keys.items()
        )

    def meant(statement: dict[str, Any]) -> bool:
        return any(fnmatch.fnmatchcase(action, each) for each in statement["Action"]) and any(
            fnmatch.fnmatchcase(resource, each) for each in statement["Resource"]
        )

    found = {statement["Effect"] for statement in policy if meant(statement) and holds(statement)}
    return found == {"Allow"}


def as_list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def test_a_reader_reads_and_changes_nothing() -> None:
    policy = statements(buckets={"datasets": {"access": "read"}})
    assert allowed(policy, "s3:GetObject", f"{DATASETS}/a/b")
    assert allowed(policy, "s3:ListBucket", DATASETS)
    for action in ("s3:PutObject", "s3:DeleteObject", "s3:PutBucketPolicy"):
        assert not allowed(policy, action, f"{DATASETS}/a/b")
    assert not allowed(policy, "s3:GetObject", f"{ARTIFACTS}/a")


def test_a_writer_adds_and_deletes_but_neither_reads_nor_removes_versions() -> None:
    policy = statements(buckets={"artifacts": {"access": "write"}})
    assert allowed(policy, "s3:PutObject", f"{ARTIFACTS}/a")
    assert allowed(policy, "s3:DeleteObject", f"{ARTIFACTS}/a")
    for action in ("s3:GetObject", "s3:DeleteObjectVersion"):
        assert not allowed(policy, action, f"{ARTIFACTS}/a")


@pytest.mark.parametrize("access", ["write", "readWrite"])
def test_clients_that_sync_and_upload_in_parts_can_write(access: str) -> None:
    """What `aws s3 sync` and boto3's `upload_file` ask for beside the objects themselves."""
    policy = statements(buckets={"artifacts": {"access": access}})
    for action in ("s3:ListBucket", "s3:GetBucketLocation", "s3:ListBucketMultipartUploads"):
        assert allowed(policy, action, ARTIFACTS), action
    for action in ("s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"):
        assert allowed(policy, action, f"{ARTIFACTS}/part"), action
    below = statements(buckets={"artifacts": {"access": access, "prefix": "runs/"}})
    assert allowed(below, "s3:ListBucket", ARTIFACTS, s3_prefix="runs/1")
    assert not allowed(below, "s3:ListBucket", ARTIFACTS, s3_prefix="models/")


def test_secrets_are_read_by_name_and_with_their_key_through_secrets_manager_only() -> None:
    policy = statements(secrets=["team/hf-token"])
    arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:team/hf-token-AbCdEf"
    for action in ("secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"):
        assert allowed(policy, action, arn)
        assert not allowed(policy, action, arn.replace("hf-token-", "hf-token-of-others-"))
    assert not allowed(policy, "secretsmanager:PutSecretValue", arn)
    context = {"kms_EncryptionContext_SecretARN": arn}
    through = {"kms_ViaService": "secretsmanager.eu-west-1.amazonaws.com"}
    assert allowed(policy, "kms:Decrypt", SECRETS_KEY, **through, **context)
    assert not allowed(policy, "kms:Decrypt", SECRETS_KEY, **context)
    assert not allowed(policy, "kms:Decrypt", SECRETS_KEY, **through, kms_EncryptionContext_SecretARN=f"{arn}x")


def test_secrets_are_named_not_addressed() -> None:
    with pytest.raises(ValidationError, match=r"allowed: names of secrets of AWS Secrets Manager, not ARNs"):
        WorkloadIdentitySpec.model_validate({"secrets": ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:a"]})


def test_a_prefix_limits_objects_and_what_is_listed() -> None:
    policy = statements(buckets={"artifacts": {"access": "readWrite", "prefix": "runs/"}})
    assert allowed(policy, "s3:GetObject", f"{ARTIFACTS}/runs/1")
    assert allowed(policy, "s3:ListBucket", ARTIFACTS, s3_prefix="runs/1")
    assert not allowed(policy, "s3:PutObject", f"{ARTIFACTS}/models/1")
    assert not allowed(policy, "s3:ListBucket", ARTIFACTS, s3_prefix="models/")
    assert not allowed(policy, "s3:ListBucket", ARTIFACTS)


def test_the_key_comes_with_the_buckets_through_s3_and_for_them_only() -> None:
    policy = statements(buckets={"datasets": {"access": "read"}})
    through = {"kms_ViaService": "s3.eu-west-1.amazonaws.com"}
    for context in (DATASETS, f"{DATASETS}/a"):
        assert allowed(policy, "kms:Decrypt", KEY, **through, **{"kms_EncryptionContext_aws_s3_arn": context})
    other = {"kms_EncryptionContext_aws_s3_arn": ARTIFACTS}
    assert not allowed(policy, "kms:Decrypt", KEY, **through, **other)
    assert not allowed(policy, "kms:Decrypt", KEY, kms_EncryptionContext_aws_s3_arn=DATASETS)
    assert not allowed(policy, "kms:GenerateDataKey", KEY, **through, kms_EncryptionContext_aws_s3_arn=DATASETS)


def test_whoever_writes_needs_the_key_for_both_ways() -> None:
    policy = statements(buckets={"artifacts": {"access": "write"}})
    context = {
        "kms_ViaService": "s3.eu-west-1.amazonaws.com",
        "kms_EncryptionContext_aws_s3_arn": f"{ARTIFACTS}/part",
    }
    assert allowed(policy, "kms:GenerateDataKey", KEY, **context)
    assert allowed(policy, "kms:Decrypt", KEY, **context), "an upload in parts reads them again"


def test_images_are_pulled_or_pushed() -> None:
    pull, push = statements(images={"serving": "pull"}), statements(images={"serving": "push"})
    for policy in (pull, push):
        assert allowed(policy, "ecr:BatchGetImage", SERVING)
        assert allowed(policy, "ecr:GetAuthorizationToken", "anything")
    assert allowed(push, "ecr:PutImage", SERVING)
    assert not allowed(pull, "ecr:PutImage", SERVING)
    assert not allowed(push, "ecr:BatchDeleteImage", SERVING)
    assert not allowed(push, "ecr:PutImage", f"{SERVING}-other")


def test_queues_are_sent_to_or_consumed_by_name() -> None:
    policy = statements(queues={"jobs": "consume", "done.fifo": "send"})
    jobs, done = (f"arn:aws:sqs:eu-west-1:123456789012:{name}" for name in ("jobs", "done.fifo"))
    assert allowed(policy, "sqs:ReceiveMessage", jobs)
    assert allowed(policy, "sqs:SendMessage", done)
    assert not allowed(policy, "sqs:SendMessage", jobs)
    assert not allowed(policy, "sqs:PurgeQueue", jobs)


def test_nothing_is_wild_but_a_bucket_s_own_objects_and_the_sign_in_to_ecr() -> None:
    for statement in statements(**EVERYTHING):
        assert not [action for action in statement["Action"] if "*" in action]
        if statement["Resource"] == ["*"]:
            assert statement["Action"] == ["ecr:GetAuthorizationToken"]
        else:
            wild = [each for each in statement["Resource"] if "*" in each]
            assert all(re.fullmatch(r"arn:aws:s3:::[^*/]+/[^*]*\*", each) for each in wild), wild


def test_only_pods_of_this_service_account_in_this_cluster_take_on_the_role() -> None:
    (statement,) = json.loads(trust_policy("main", "ml", "trainer", partition="aws", **HERE))["Statement"]
    assert statement["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert statement["Action"] == ["sts:AssumeRole", "sts:TagSession"]
    assert statement["Condition"] == {
        "StringEquals": {
            "aws:RequestTag/eks-cluster-arn": "arn:aws:eks:eu-west-1:123456789012:cluster/main",
            "aws:RequestTag/kubernetes-namespace": "ml",
            "aws:RequestTag/kubernetes-service-account": "trainer",
        }
    }


def test_it_is_for_the_service_account_of_its_own_name_unless_another_is_named() -> None:
    association = identity("chat").one(aws.eks.PodIdentityAssociation).inputs
    assert (association["namespace"], association["serviceAccount"]) == ("chat", "chat")
    named = identity("x", namespace="ml", serviceAccount="trainer", queues={"jobs": "send"})
    association = named.one(aws.eks.PodIdentityAssociation).inputs
    assert (association["namespace"], association["serviceAccount"]) == ("ml", "trainer")


def test_no_pod_gets_the_role_before_it_may_do_anything() -> None:
    plan = identity()
    assert plan.one(aws.iam.RolePolicy).urn in plan.one(aws.eks.PodIdentityAssociation).depends_on


def test_the_boundary_allows_everything_that_can_be_asked_for() -> None:
    """Otherwise a declared access would be granted and not work."""
    cap = json.loads(boundary("123456789012"))["Statement"]
    for access in ("read", "write", "readWrite"):
        for images in ("pull", "push"):
            for queues in ("send", "consume"):
                asked = statements(
                    buckets={"datasets": {"access": access}},
                    images={"serving": images},
                    queues={"jobs": queues},
                    secrets=["hf-token"],
                )
                for statement in asked:
                    for action in statement["Action"]:
                        resource = statement["Resource"][0]
                        assert allowed(cap, action, resource, aws_ResourceAccount="123456789012"), action


@pytest.mark.parametrize(
    "action",
    [
        "iam:PutRolePolicy",
        "iam:DeleteRolePermissionsBoundary",
        "iam:PassRole",
        "organizations:LeaveOrganization",
        "account:CloseAccount",
        "sts:AssumeRole",
        "sts:AssumeRoleWithWebIdentity",
        "s3:PutBucketPolicy",
        "s3:DeleteBucket",
        "kms:PutKeyPolicy",
        "kms:ScheduleKeyDeletion",
        "ecr:SetRepositoryPolicy",
        "ec2:RunInstances",
        "eks:CreateAccessEntry",
    ],
)
def test_the_boundary_stops_whatever_else_a_role_is_given(action: str) -> None:
    cap = json.loads(boundary("123456789012"))["Statement"]
    assert not allowed(cap, action, "anything", aws_ResourceAccount="123456789012")


def test_the_boundary_denies_the_way_out_even_where_another_policy_allows_it() -> None:
    (denial,) = [each for each in json.loads(boundary("123456789012"))["Statement"] if each["Effect"] == "Deny"]
    assert {"iam:*", "organizations:*", "account:*", "sts:AssumeRole*"} <= {*denial["Action"]}
    assert denial["Resource"] == ["*"]
    assert "Condition" not in denial


def test_data_of_other_accounts_is_out_of_bounds() -> None:
    cap = json.loads(boundary("123456789012"))["Statement"]
    assert not allowed(cap, "s3:PutObject", "arn:aws:s3:::theirs/a", aws_ResourceAccount="210987654321")


def test_every_role_is_bounded_by_a_policy_of_its_own_or_by_the_account_s() -> None:
    own = identity()
    assert own.one(aws.iam.Role).inputs["permissionsBoundary"].endswith("trainer-boundary")
    given = identity(boundary_arn="arn:aws:iam::123456789012:policy/Teams")
    assert given.one(aws.iam.Role).inputs["permissionsBoundary"] == "arn:aws:iam::123456789012:policy/Teams"
    assert given.of(aws.iam.Policy) == []


def test_a_component_without_an_arn_for_what_its_workload_names_is_refused() -> None:
    workload = {"buckets": {"datasts": {"access": "read"}}, "images": {"serving": "pull"}}
    args: Any = {"workload": workload, "cluster_name": "c", **HERE}
    with pytest.raises(ArgumentsError) as error:
        declare(lambda: WorkloadIdentity("trainer", {**args, "bucket_arns": {"datasets": DATASETS}}))
    assert {each.path: each.reason for each in error.value.problems} == {
        "bucket_arns": "has no datasts; needed, since the workload names it",
        "repository_arns": "has no serving; needed, since the workload names it",
    }


def test_an_output_without_the_arn_of_a_repository_is_refused_by_name() -> None:
    args: Any = {"workload": {"images": {"serving": "pull"}}, "cluster_name": "c", **HERE}
    with pytest.raises(ArgumentsError) as error:
        declare(
            lambda: WorkloadIdentity(
                "trainer", {**args, "repository_arns": pulumi.Output.from_input({"other": SERVING})}
            )
        )
    assert {each.path: each.reason for each in error.value.problems} == {
        "workload.images.serving": "is unknown; allowed: other"
    }


def test_what_has_no_arn_is_told_by_name() -> None:
    workload = WorkloadIdentitySpec.model_validate({"buckets": {"datasts": {"access": "read"}}})
    with pytest.raises(ValueError, match=r"^buckets\.datasts is unknown; allowed: datasets"):
        access_policy(
            workload,
            partition="aws",
            bucket_arns={"datasets": DATASETS},
            data_key_arn=None,
            secrets_key_arn=None,
            repository_arns={},
            queue_arns={},
            secret_arns={},
            **HERE,
        )


@pytest.mark.parametrize(
    ("workload", "told"),
    [
        ({}, "all empty; allowed: access to one thing at least"),
        ({"queues": {"arn:aws:sqs:eu-west-1:1:jobs": "send"}}, "not ARNs or URLs"),
        ({"buckets": {"a": {"access": "read", "prefix": "runs/*/"}}}, "pattern"),
        ({"buckets": {"a": {"access": "read", "prefix": "runs"}}}, "pattern"),
    ],
)
def test_a_workload_that_is_not_right_is_told(workload: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        WorkloadIdentitySpec.model_validate(workload)


def test_queues_and_secrets_that_the_program_makes_are_named_by_their_arns() -> None:
    queue, secret = (
        "arn:aws:sqs:eu-west-1:123456789012:jobs-0a1b",
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:hf-XyZabc",
    )

    arns = {"queue_arns": {"jobs": queue}, "secret_arns": {"hf": secret}}
    plan = identity(more=arns, queues={"jobs": "consume", "done": "send"}, secrets=["hf", "wandb"])
    policy: Statements = json.loads(plan.one(aws.iam.RolePolicy).inputs["policy"])["Statement"]
    assert allowed(policy, "sqs:ReceiveMessage", queue)
    assert not allowed(policy, "sqs:ReceiveMessage", "arn:aws:sqs:eu-west-1:123456789012:jobs")
    assert allowed(policy, "sqs:SendMessage", "arn:aws:sqs:eu-west-1:123456789012:done")
    read = "secretsmanager:GetSecretValue"
    assert allowed(policy, read, secret)
    assert not allowed(policy, read, "arn:aws:secretsmanager:eu-west-1:123456789012:secret:hf-AbCdEf")
    assert allowed(policy, read, "arn:aws:secretsmanager:eu-west-1:123456789012:secret:wandb-AbCdEf")


def test_an_arn_of_what_the_workload_does_not_name_is_told() -> None:
    with pytest.raises(ArgumentsError, match=r"queue_arns has job; allowed: what the workload names \(jobs, done\)"):
        identity(
            more={"queue_arns": {"job": "arn:aws:sqs:eu-west-1:123456789012:job"}},
            queues={"jobs": "consume", "done": "send"},
        )

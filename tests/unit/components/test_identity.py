import fnmatch
import json
import re
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from pydantic import ValidationError

from mlplatform import WorkloadIdentity, WorkloadIdentitySpec
from mlplatform.checks.arguments import ArgumentsError
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


def test_a_reader_can_read_but_not_change_anything() -> None:
    policy = statements(buckets={"datasets": {"access": "read"}})
    assert allowed(policy, "s3:GetObject", f"{DATASETS}/a/b")
    assert allowed(policy, "s3:ListBucket", DATASETS)
    for action in ("s3:PutObject", "s3:DeleteObject", "s3:PutBucketPolicy"):
        assert not allowed(policy, action, f"{DATASETS}/a/b")
    assert not allowed(policy, "s3:GetObject", f"{ARTIFACTS}/a")


def test_a_writer_can_add_and_delete_but_not_read_or_delete_versions() -> None:
    policy = statements(buckets={"artifacts": {"access": "write"}})
    assert allowed(policy, "s3:PutObject", f"{ARTIFACTS}/a")
    assert allowed(policy, "s3:DeleteObject", f"{ARTIFACTS}/a")
    for action in ("s3:GetObject", "s3:DeleteObjectVersion"):
        assert not allowed(policy, action, f"{ARTIFACTS}/a")


@pytest.mark.parametrize("access", ["write", "readWrite"])
def test_a_writer_can_sync_and_use_multipart_uploads(access: str) -> None:
    """`aws s3 sync` and boto3's `upload_file` need more actions than those for the objects."""
    policy = statements(buckets={"artifacts": {"access": access}})
    for action in ("s3:ListBucket", "s3:GetBucketLocation", "s3:ListBucketMultipartUploads"):
        assert allowed(policy, action, ARTIFACTS), action
    for action in ("s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"):
        assert allowed(policy, action, f"{ARTIFACTS}/part"), action
    below = statements(buckets={"artifacts": {"access": access, "prefix": "runs/"}})
    assert allowed(below, "s3:ListBucket", ARTIFACTS, s3_prefix="runs/1")
    assert not allowed(below, "s3:ListBucket", ARTIFACTS, s3_prefix="models/")


def test_secrets_can_be_read_by_name_with_their_key_only_through_secrets_manager() -> None:
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


def test_secrets_must_be_names_not_arns() -> None:
    with pytest.raises(ValidationError, match=r"allowed: names of secrets of AWS Secrets Manager, not ARNs"):
        WorkloadIdentitySpec.model_validate({"secrets": ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:a"]})


def test_a_prefix_limits_objects_and_listings() -> None:
    policy = statements(buckets={"artifacts": {"access": "readWrite", "prefix": "runs/"}})
    assert allowed(policy, "s3:GetObject", f"{ARTIFACTS}/runs/1")
    assert allowed(policy, "s3:ListBucket", ARTIFACTS, s3_prefix="runs/1")
    assert not allowed(policy, "s3:PutObject", f"{ARTIFACTS}/models/1")
    assert not allowed(policy, "s3:ListBucket", ARTIFACTS, s3_prefix="models/")
    assert not allowed(policy, "s3:ListBucket", ARTIFACTS)


def test_the_key_can_be_used_only_through_s3_and_for_these_buckets() -> None:
    policy = statements(buckets={"datasets": {"access": "read"}})
    through = {"kms_ViaService": "s3.eu-west-1.amazonaws.com"}
    for context in (DATASETS, f"{DATASETS}/a"):
        assert allowed(policy, "kms:Decrypt", KEY, **through, **{"kms_EncryptionContext_aws_s3_arn": context})
    other = {"kms_EncryptionContext_aws_s3_arn": ARTIFACTS}
    assert not allowed(policy, "kms:Decrypt", KEY, **through, **other)
    assert not allowed(policy, "kms:Decrypt", KEY, kms_EncryptionContext_aws_s3_arn=DATASETS)
    assert not allowed(policy, "kms:GenerateDataKey", KEY, **through, kms_EncryptionContext_aws_s3_arn=DATASETS)


def test_a_writer_can_encrypt_and_decrypt_with_the_key() -> None:
    policy = statements(buckets={"artifacts": {"access": "write"}})
    context = {
        "kms_ViaService": "s3.eu-west-1.amazonaws.com",
        "kms_EncryptionContext_aws_s3_arn": f"{ARTIFACTS}/part",
    }
    assert allowed(policy, "kms:GenerateDataKey", KEY, **context)
    assert allowed(policy, "kms:Decrypt", KEY, **context), "an upload in parts reads them again"


def test_images_can_be_pulled_or_pushed() -> None:
    pull, push = statements(images={"serving": "pull"}), statements(images={"serving": "push"})
    for policy in (pull, push):
        assert allowed(policy, "ecr:BatchGetImage", SERVING)
        assert allowed(policy, "ecr:GetAuthorizationToken", "anything")
    assert allowed(push, "ecr:PutImage", SERVING)
    assert not allowed(pull, "ecr:PutImage", SERVING)
    assert not allowed(push, "ecr:BatchDeleteImage", SERVING)
    assert not allowed(push, "ecr:PutImage", f"{SERVING}-other")


def test_queues_can_be_sent_to_or_consumed_by_name() -> None:
    policy = statements(queues={"jobs": "consume", "done.fifo": "send"})
    jobs, done = (f"arn:aws:sqs:eu-west-1:123456789012:{name}" for name in ("jobs", "done.fifo"))
    assert allowed(policy, "sqs:ReceiveMessage", jobs)
    assert allowed(policy, "sqs:SendMessage", done)
    assert not allowed(policy, "sqs:SendMessage", jobs)
    assert not allowed(policy, "sqs:PurgeQueue", jobs)


def test_only_object_arns_and_the_ecr_sign_in_have_wildcards() -> None:
    for statement in statements(**EVERYTHING):
        assert not [action for action in statement["Action"] if "*" in action]
        if statement["Resource"] == ["*"]:
            assert statement["Action"] == ["ecr:GetAuthorizationToken"]
        else:
            wild = [each for each in statement["Resource"] if "*" in each]
            assert all(re.fullmatch(r"arn:aws:s3:::[^*/]+/[^*]*\*", each) for each in wild), wild


def test_only_pods_of_this_service_account_in_this_cluster_can_assume_the_role() -> None:
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


def test_the_default_service_account_has_the_workload_s_name() -> None:
    association = identity("chat").one(aws.eks.PodIdentityAssociation).inputs
    assert (association["namespace"], association["serviceAccount"]) == ("chat", "chat")
    named = identity("x", namespace="ml", serviceAccount="trainer", queues={"jobs": "send"})
    association = named.one(aws.eks.PodIdentityAssociation).inputs
    assert (association["namespace"], association["serviceAccount"]) == ("ml", "trainer")


def test_the_role_has_its_permissions_before_pods_get_it() -> None:
    plan = identity()
    assert plan.one(aws.iam.RolePolicy).urn in plan.one(aws.eks.PodIdentityAssociation).depends_on


def test_the_boundary_allows_every_access_of_a_spec() -> None:
    """Otherwise a granted access would not work."""
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
def test_the_boundary_denies_other_permissions_of_a_role(action: str) -> None:
    cap = json.loads(boundary("123456789012"))["Statement"]
    assert not allowed(cap, action, "anything", aws_ResourceAccount="123456789012")


def test_the_boundary_explicitly_denies_changes_of_permissions() -> None:
    (denial,) = [each for each in json.loads(boundary("123456789012"))["Statement"] if each["Effect"] == "Deny"]
    assert {"iam:*", "organizations:*", "account:*", "sts:AssumeRole*"} <= {*denial["Action"]}
    assert denial["Resource"] == ["*"]
    assert "Condition" not in denial


def test_the_boundary_denies_data_of_other_accounts() -> None:
    cap = json.loads(boundary("123456789012"))["Statement"]
    assert not allowed(cap, "s3:PutObject", "arn:aws:s3:::theirs/a", aws_ResourceAccount="210987654321")


def test_every_role_has_its_own_boundary_or_the_account_s() -> None:
    own = identity()
    assert own.one(aws.iam.Role).inputs["permissionsBoundary"].endswith("trainer-boundary")
    given = identity(boundary_arn="arn:aws:iam::123456789012:policy/Teams")
    assert given.one(aws.iam.Role).inputs["permissionsBoundary"] == "arn:aws:iam::123456789012:policy/Teams"
    assert given.of(aws.iam.Policy) == []


def test_a_missing_arn_of_a_bucket_or_repository_is_rejected() -> None:
    workload = {"buckets": {"datasts": {"access": "read"}}, "images": {"serving": "pull"}}
    args: Any = {"workload": workload, "cluster_name": "c", **HERE}
    with pytest.raises(ArgumentsError) as error:
        declare(lambda: WorkloadIdentity("trainer", {**args, "bucket_arns": {"datasets": DATASETS}}))
    assert {each.path: each.reason for each in error.value.problems} == {
        "bucket_arns": "has no datasts; required, since the workload uses it",
        "repository_arns": "has no serving; required, since the workload uses it",
    }


def test_an_output_without_the_arn_of_a_repository_is_rejected_by_name() -> None:
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


def test_a_missing_arn_is_reported_by_name() -> None:
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
    ("workload", "message"),
    [
        ({}, "all empty; allowed: at least one entry in one"),
        ({"queues": {"arn:aws:sqs:eu-west-1:1:jobs": "send"}}, "not ARNs or URLs"),
        ({"buckets": {"a": {"access": "read", "prefix": "runs/*/"}}}, "pattern"),
        ({"buckets": {"a": {"access": "read", "prefix": "runs"}}}, "pattern"),
    ],
)
def test_an_invalid_workload_is_rejected(workload: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        WorkloadIdentitySpec.model_validate(workload)


def test_queues_and_secrets_that_the_program_creates_are_passed_by_arn() -> None:
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


def test_an_arn_that_the_workload_does_not_use_is_rejected() -> None:
    with pytest.raises(
        ArgumentsError, match=r"queue_arns has job; allowed: names that the workload uses \(jobs, done\)"
    ):
        identity(
            more={"queue_arns": {"job": "arn:aws:sqs:eu-west-1:123456789012:job"}},
            queues={"jobs": "consume", "done": "send"},
        )

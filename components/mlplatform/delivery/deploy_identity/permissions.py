"""What the roles of pipelines may do, and what they can never do."""

from collections.abc import Sequence
from typing import Any, Final

from mlplatform import iam

OTHER_ROLES: Final = "sts:AssumeRo*"
"""`AssumeRole` in all its forms, and `AssumeRoot`:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecuritytokenservice.html"""

PREVIEW_POLICIES: Final = ("SecurityAudit", "job-function/ViewOnlyAccess")
"""AWS managed policies that allow to read the configuration of resources, but no data that they hold.
`ReadOnlyAccess` would also allow to read objects, table items, logs and the layers of images:
https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html"""

APPLY_POLICIES: Final = ("PowerUserAccess", "IAMReadOnlyAccess")
"""AWS managed policies that allow all actions but those that change IAM, Organizations and the account."""

READ_REGISTRY: Final = ("ecr:DescribePullThroughCacheRules", "ecr:DescribeRepositoryCreationTemplates")
READ_FILES: Final = ("elasticfilesystem:ListTagsForResource",)
"""What a refresh reads in addition to `PREVIEW_POLICIES`. The first two support only the resource `*`:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html"""

PUBLIC_PARAMETERS: Final = "parameter/aws/service/*"
"""Parameters of AWS itself, e.g. for node images: the program reads them, and they are public."""

DATA: Final = (
    "codecommit:GitPull",
    "dynamodb:BatchGetItem",
    "dynamodb:ExportTableToPointInTime",
    "dynamodb:GetItem",
    "dynamodb:GetRecords",
    "dynamodb:PartiQLSelect",
    "dynamodb:Query",
    "dynamodb:Scan",
    "ebs:GetSnapshotBlock",
    "ec2-instance-connect:SendSSHPublicKey",
    "ec2:GetConsoleOutput",
    "ec2:GetConsoleScreenshot",
    "ec2:GetPasswordData",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
    "kinesis:GetRecords",
    "lambda:GetFunction",
    "logs:FilterLogEvents",
    "logs:GetLogEvents",
    "logs:GetLogRecord",
    "logs:GetQueryResults",
    "logs:StartLiveTail",
    "logs:StartQuery",
    "rds-db:connect",
    "rds:CopyDBSnapshot",
    "rds:CreateDBSnapshot",
    "redshift:GetClusterCredentials*",
    "secretsmanager:BatchGetSecretValue",
    "secretsmanager:GetSecretValue",
    "sqs:ReceiveMessage",
    "ssm:SendCommand",
    "ssm:StartSession",
    OTHER_ROLES,
)
"""Actions that read data, or that lead to credentials. Objects, parameters and keys have statements of their own."""

READ_STATE: Final = ("s3:GetObject", "s3:GetObjectVersion")
WRITE_STATE: Final = ("s3:AbortMultipartUpload", "s3:DeleteObject", "s3:ListMultipartUploadParts", "s3:PutObject")
"""Pulumi overwrites and deletes objects, but never their versions (`pkg/backend/diy/` of pulumi/pulumi, v3.259.0)."""

LAYOUT: Final = ".pulumi/meta.yaml"
"""The version of the layout of all states. Without it, Pulumi could read states that are not below their project:
https://github.com/pulumi/pulumi/blob/v3.259.0/pkg/backend/diy/meta.go"""

OF_PROJECT: Final = ".pulumi/*/{project}/*"
"""Keys of everything that belongs to the stacks of a project, below `stacks`, `history`, `backups`, `journal` and
`locks/organization`: https://github.com/pulumi/pulumi/blob/v3.259.0/pkg/backend/diy/store.go"""

AROUND: Final = (
    "s3:BypassGovernanceRetention",
    "s3:CreateAccessPoint*",
    "s3:CreateMultiRegionAccessPoint",
    "s3:PutObjectLegalHold",
    "s3:PutObjectRetention",
)
"""Actions that could remove the lock of states by another ARN than that of their bucket: requests through an access
point name the access point (https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-policies.html)."""

LIST_STATE: Final = ("s3:GetBucket*", "s3:GetEncryptionConfiguration", "s3:GetLifecycleConfiguration", "s3:ListBucket*")

USE_KEY: Final = ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey")
READ_KEY: Final = ("kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:List*")

NOT_IAM: Final = ("account:*", "iam:*", "identitystore:*", "organizations:*", "sso:*", "sso-directory:*", OTHER_ROLES)
"""Actions that change permissions, or that lead to a role with another boundary."""

READ_IAM: Final = ("iam:Get*", "iam:List*")

SIMULATE_IAM: Final = ("iam:SimulatePrincipalPolicy",)
"""With it, `mlpctl doctor` checks the permissions of its caller. `IAMReadOnlyAccess` allows it:
https://docs.aws.amazon.com/aws-managed-policy/latest/reference/IAMReadOnlyAccess.html"""

FOREIGN_COMPUTE: Final = (
    "codebuild:UpdateProject*",
    "ec2-instance-connect:Send*",
    "ssm:ResumeSession",
    "ssm:SendCommand",
    "ssm:StartAutomationExecution",
    "ssm:StartSession",
)
"""Actions that execute something with a role that exists already, without `iam:PassRole`, and that updates of the
platform do not need. There are others, e.g. `lambda:UpdateFunctionCode`."""

BOUNDED: Final = (
    "iam:AttachRolePolicy",
    "iam:CreateRole",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:PutRolePermissionsBoundary",
    "iam:PutRolePolicy",
)
"""Changes of roles for which a condition can require a permissions boundary:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html"""

BY_PATH: Final = (
    "iam:DeleteRole",
    "iam:PassRole",
    "iam:TagRole",
    "iam:UntagRole",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateRole",
    "iam:UpdateRoleDescription",
)
"""Changes of roles for which only the path can be required. All roles below it have the boundary."""

LINKED_ROLES: Final = ("iam:CreateServiceLinkedRole",)


def preview_policy(bucket_arn: str, key_arn: str, account_id: str, partition: str) -> str:
    """Permissions of the preview role beside its managed policies. They include none to write.

    `pulumi preview` takes no lock and writes no state (`diyBackend.Preview` of pulumi/pulumi, v3.259.0). It decrypts
    the stack's secrets.
    """
    parameters = f"arn:{partition}:ssm:*:*:{PUBLIC_PARAMETERS}"
    # A public parameter belongs to no account.
    public = f"arn:{partition}:ssm:*::{PUBLIC_PARAMETERS}"
    return iam.document(
        iam.allow(["s3:GetBucketLocation", "s3:ListBucket"], on=[bucket_arn], sid="ListState"),
        iam.allow(READ_STATE, on=[f"{bucket_arn}/*"], sid="ReadState"),
        iam.allow(["kms:Decrypt"], on=[key_arn], sid="DecryptState"),
        iam.allow(["ssm:GetParameter", "ssm:GetParameters"], on=[public], sid="NodeImages"),
        iam.allow(READ_REGISTRY, on=["*"], sid="ReadRegistry"),
        iam.allow(READ_FILES, on=[f"arn:{partition}:elasticfilesystem:*:{account_id}:*"], sid="ReadFiles"),
        iam.deny(DATA, on=["*"], sid="NoData"),
        _deny_elsewhere(
            ["s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTorrent"], [f"{bucket_arn}/*"], "NoObjects"
        ),
        _deny_elsewhere(["ssm:GetParameter*"], [public, parameters], "NoParameters"),
        _deny_elsewhere(["kms:Decrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"], [key_arn], "NoOtherKey"),
    )


def apply_policy(account_id: str, partition: str, role_path: str, boundary_arn: str) -> str:
    """Permissions of the apply role beside its managed policies: it manages roles that have the boundary."""
    return iam.document(*_manages_roles(account_id, partition, role_path, boundary_arn))


def apply_boundary(
    bucket_arn: str,
    key_arn: str,
    account_id: str,
    partition: str,
    role_path: str,
    boundary_arn: str,
    admin_projects: Sequence[str],
) -> str:
    """The permissions boundary of the apply role, whatever policies it has.

    It cannot change its own role, a policy, an OIDC provider or the protection of the state, nor write the states of
    `admin_projects`, nor assume another role. It can change compute of the account that has a role already, e.g. the
    code of a Lambda function, which then acts with that role: the account should be only for the platform.
    """
    kept = [LAYOUT, *(OF_PROJECT.format(project=each) for each in admin_projects)]
    return iam.document(
        _allow_all_but(NOT_IAM, "NotIam"),
        *_manages_roles(account_id, partition, role_path, boundary_arn),
        iam.allow([*READ_IAM, *SIMULATE_IAM, *LINKED_ROLES], on=["*"], sid="ReadIam"),
        iam.deny([OTHER_ROLES, *FOREIGN_COMPUTE], on=["*"], sid="NoOtherRole"),
        *_keeps_state(bucket_arn, key_arn, [*READ_STATE, *WRITE_STATE], USE_KEY),
        iam.deny(WRITE_STATE, on=[f"{bucket_arn}/{each}" for each in kept], sid="NotOfAdministrators"),
    )


def roles_boundary(bucket_arn: str, key_arn: str) -> str:
    """The permissions boundary of the roles that the apply role creates, and of the preview role.

    It allows neither to change permissions nor to write a state. Only the preview role has a policy to read states.
    """
    return iam.document(
        _allow_all_but(NOT_IAM, "NotIam"),
        iam.allow([*READ_IAM, *LINKED_ROLES], on=["*"], sid="ReadIam"),
        iam.deny([OTHER_ROLES], on=["*"], sid="NoOtherRole"),
        *_keeps_state(bucket_arn, key_arn, READ_STATE, ["kms:Decrypt"]),
    )


def _manages_roles(account_id: str, partition: str, role_path: str, boundary_arn: str) -> list[iam.Statement]:
    roles = f"arn:{partition}:iam::{account_id}:role/{role_path}*"
    return [
        iam.allow(BOUNDED, on=[roles], when={"StringEquals": {"iam:PermissionsBoundary": boundary_arn}}, sid="Bounded"),
        iam.allow(BY_PATH, on=[roles], sid="ByPath"),
    ]


def _keeps_state(bucket_arn: str, key_arn: str, objects: Any, key: Any) -> list[iam.Statement]:
    """Deny everything to the state's bucket and key but listing, reading settings and the given actions."""
    return [
        iam.deny(AROUND, on=["*"], sid="KeepLocks"),
        _deny_but([*objects, *LIST_STATE], [bucket_arn, f"{bucket_arn}/*"], "KeepState"),
        _deny_but([*key, *READ_KEY], [key_arn], "KeepStateKey"),
    ]


def _allow_all_but(actions: tuple[str, ...], sid: str) -> iam.Statement:
    return {"Effect": "Allow", "NotAction": sorted(actions), "Resource": ["*"], "Sid": sid}


def _deny_but(actions: list[str], on: list[str], sid: str) -> iam.Statement:
    return {"Effect": "Deny", "NotAction": sorted(actions), "Resource": on, "Sid": sid}


def _deny_elsewhere(actions: list[str], but: list[str], sid: str) -> iam.Statement:
    return {"Effect": "Deny", "Action": sorted(actions), "NotResource": but, "Sid": sid}

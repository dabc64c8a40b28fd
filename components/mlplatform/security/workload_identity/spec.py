"""The spec of workloads and their permissions, and the IAM policies that follow from it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, Final, Self

from pydantic import Field, field_validator, model_validator

from awsfacts.partitions import dns_suffix
from mlplatform import iam
from mlplatform.grammar import KUBERNETES_NAME, MAX_OBJECT_NAME, OBJECT_NAME
from mlplatform.registries.image_registry.spec import PULL
from mlplatform.spec import Spec

QUEUE_NAME: Final = r"^([A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo)$"
"""https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html"""

PREFIX: Final = r"^(\.*[A-Za-z0-9!_()=-][A-Za-z0-9!_.()=-]*/)*$"
"""Prefixes of characters that are safe in object keys and not special in policies. A part that consists of dots is not
allowed, because clients treat it as another folder:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html"""


SECRET_NAME: Final = r"^[A-Za-z0-9/_+=.@-]{1,512}$"
"""https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html"""


class BucketUse(Enum):
    """Access of a workload to a bucket."""

    READ = "read"
    WRITE = "write"
    READ_WRITE = "readWrite"


class ImageUse(Enum):
    """Access of a workload to an image repository."""

    PULL = "pull"
    PUSH = "push"


class QueueUse(Enum):
    """Access of a workload to a queue."""

    SEND = "send"
    CONSUME = "consume"


READS: Final = {BucketUse.READ, BucketUse.READ_WRITE}
WRITES: Final = {BucketUse.WRITE, BucketUse.READ_WRITE}

LIST: Final = ("s3:ListBucket",)
"""For readers and writers. Clients compare existing objects before they copy. Without this permission, S3 returns 403
instead of 404 for an object that does not exist: https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html"""

LOCATE: Final = ("s3:GetBucketLocation",)
"""Clients look up a bucket's region. A prefix cannot limit this action."""

LIST_UPLOADS: Final = ("s3:ListBucketMultipartUploads",)
"""Clients look for interrupted multipart uploads to resume. A prefix cannot limit this action:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html"""

READ_OBJECTS: Final = ("s3:GetObject", "s3:GetObjectVersion")
WRITE_OBJECTS: Final = ("s3:AbortMultipartUpload", "s3:DeleteObject", "s3:ListMultipartUploadParts", "s3:PutObject")
"""Deleting an object keeps its versions: https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeletingObjectVersions.html"""

READ_KEYS: Final = ("kms:Decrypt",)
WRITE_KEYS: Final = ("kms:Decrypt", "kms:GenerateDataKey")
"""S3 decrypts the parts of a multipart upload: https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions"""

IMAGE_ACTIONS: Final = {
    ImageUse.PULL: PULL,
    ImageUse.PUSH: (
        *PULL,
        "ecr:CompleteLayerUpload",
        "ecr:InitiateLayerUpload",
        "ecr:PutImage",
        "ecr:UploadLayerPart",
    ),
}
"""https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html"""

SIGN_IN: Final = ("ecr:GetAuthorizationToken",)
"""Can only be allowed on `*`: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html"""

QUEUE_ACTIONS: Final = {
    QueueUse.SEND: ("sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"),
    QueueUse.CONSUME: (
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:GetQueueUrl",
        "sqs:ReceiveMessage",
    ),
}
"""https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html"""

SECRET_ACTIONS: Final = ("secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue")
"""https://docs.aws.amazon.com/secretsmanager/latest/userguide/integrating_ascp_irsa.html"""

NEVER: Final = ("account:*", "iam:*", "organizations:*", "sts:AssumeRole*")
"""Actions that change permissions, or that lead to a role with another boundary."""


class BucketAccess(Spec):
    """A workload's access to one bucket."""

    access: BucketUse
    """`read`, `write` or `readWrite`. `write` is to list, add, overwrite and delete objects, but not to read them or to
    delete earlier versions. `aws s3 sync`, boto3's `upload_file` and MLflow's artifact logging need `write`. Clients
    that request an object's metadata before they write it, such as s3fs, need `readWrite`, because S3 allows this only
    with read access."""

    prefix: str = Field(default="", max_length=512, pattern=PREFIX, examples=["", "runs/"])
    """Key prefix that the access is limited to, e.g. `runs/`. Default: the whole bucket."""


class WorkloadIdentitySpec(Spec):
    """A program in the cluster and its permissions in AWS."""

    namespace: str | None = Field(default=None, pattern=KUBERNETES_NAME)
    """Kubernetes namespace of its pods. Default: the workload's name. A workload with the name of a model in
    `inference` therefore gives that model its permissions. It cannot be a namespace of a team, whose pods could all use
    the workload's role. The platform creates other namespaces, unless `guardrails.existingNamespaces` has them."""

    service_account: str | None = Field(default=None, max_length=MAX_OBJECT_NAME, pattern=OBJECT_NAME)
    """Service account of its pods. Default: the workload's name."""

    buckets: dict[str, BucketAccess] = Field(default={})
    """Access to buckets of this stack, by their names. It includes the use of their encryption key."""

    images: dict[str, ImageUse] = Field(default={})
    """Access to image repositories of this stack, by their names: `pull`, or `push`, which includes `pull`. A pod's own
    images do not need it, because the node pulls them."""

    queues: dict[str, QueueUse] = Field(default={})
    """Access to SQS queues of this account and region, by their names: `send` or `consume`. The queues must be
    encrypted with keys that SQS manages, not with a KMS key."""

    secrets: list[str] = Field(default=[], max_length=50)
    """Names of the secrets in AWS Secrets Manager of this account and region that it reads. They must be encrypted with
    the stack's key for secrets or with the key of Secrets Manager."""

    @field_validator("secrets")
    @classmethod
    def _secrets_have_names(cls, value: list[str]) -> list[str]:
        # An invalid name may be the secret itself, so the message does not quote it.
        wrong = [
            f"secrets[{index}] is not a name; allowed: names of secrets of AWS Secrets Manager, not ARNs"
            for index, name in enumerate(value)
            if not re.fullmatch(SECRET_NAME, name)
        ]
        if wrong:
            raise ValueError("\n".join(wrong))
        return value

    @model_validator(mode="after")
    def _it_may_do_something(self) -> Self:
        if not (self.buckets or self.images or self.queues or self.secrets):
            raise ValueError("buckets, images, queues and secrets are all empty; allowed: at least one entry in one")
        return self

    @model_validator(mode="after")
    def _queue_names_are_valid(self) -> Self:
        wrong = [name for name in self.queues if not re.fullmatch(QUEUE_NAME, name)]
        if wrong:
            raise ValueError(f"queues has {', '.join(wrong)}; allowed: names of SQS queues, not ARNs or URLs")
        return self


def service_account_of(name: str, workload: WorkloadIdentitySpec) -> tuple[str, str]:
    """Namespace and service account of the workload `name`."""
    return workload.namespace or name, workload.service_account or name


def trust_policy(
    cluster_name: str, namespace: str, service_account: str, account_id: str, region: str, partition: str
) -> str:
    """The trust policy of the role: pods of one service account in one cluster may assume it."""
    cluster_arn = f"arn:{partition}:eks:{region}:{account_id}:cluster/{cluster_name}"
    return iam.pod_identity_trust(cluster_arn, namespace, service_account)


def access_policy(
    workload: WorkloadIdentitySpec,
    *,
    account_id: str,
    region: str,
    partition: str,
    bucket_arns: Mapping[str, str],
    data_key_arn: str | None,
    secrets_key_arn: str | None,
    repository_arns: Mapping[str, str],
    queue_arns: Mapping[str, str],
    secret_arns: Mapping[str, str],
) -> str:
    """The permissions of the workload.

    Raises:
        ValueError: the arguments have no ARN of one of its buckets or repositories.
    """
    buckets = [(_arn(bucket_arns, name, "buckets"), access) for name, access in workload.buckets.items()]
    statements = [statement for arn, access in buckets for statement in bucket_statements(arn, access)]
    if data_key_arn:
        statements += key_statements(data_key_arn, buckets, region, partition)
    for name, image_use in workload.images.items():
        statements.append(iam.allow(IMAGE_ACTIONS[image_use], on=[_arn(repository_arns, name, "images")]))
    if workload.images:
        statements.append(iam.allow(SIGN_IN, on=["*"]))
    for name, queue_use in workload.queues.items():
        queue = queue_arns.get(name, f"arn:{partition}:sqs:{region}:{account_id}:{name}")
        statements.append(iam.allow(QUEUE_ACTIONS[queue_use], on=[queue]))
    if workload.secrets:
        # Secrets Manager adds six random characters to an ARN.
        named = f"arn:{partition}:secretsmanager:{region}:{account_id}:secret"
        arns = [secret_arns.get(name, f"{named}:{name}-??????") for name in workload.secrets]
        statements.append(iam.allow(SECRET_ACTIONS, on=arns))
        if secrets_key_arn:
            statements.append(
                iam.allow(
                    READ_KEYS,
                    on=[secrets_key_arn],
                    when={
                        "StringEquals": {"kms:ViaService": f"secretsmanager.{region}.{dns_suffix(partition)}"},
                        "StringLike": {"kms:EncryptionContext:SecretARN": arns},
                    },
                )
            )
    return iam.document(*statements)


def too_large(workload: WorkloadIdentitySpec, policy: str) -> str | None:
    """The problem if a workload's access policy is too large for IAM; None otherwise."""
    if (size := iam.size(policy)) <= iam.ROLE_SIZE:
        return None
    kinds = ("buckets", "images", "queues", "secrets")
    counts = ", ".join(f"{len(used)} {kind}" for kind in kinds if (used := getattr(workload, kind)))
    return (
        f"is access to {counts}, a policy of {size} characters; allowed: {iam.ROLE_SIZE}, IAM's limit: fewer or "
        "shorter names, or several workloads"
    )


def bucket_statements(arn: str, wanted: BucketAccess) -> list[iam.Statement]:
    """Access to a bucket's objects, or to those with a prefix."""
    objects = f"{arn}/{wanted.prefix}*"
    below = {"StringLike": {"s3:prefix": f"{wanted.prefix}*"}} if wanted.prefix else None
    statements = [iam.allow(LIST, on=[arn], when=below), iam.allow(LOCATE, on=[arn])]
    if wanted.access in READS:
        statements.append(iam.allow(READ_OBJECTS, on=[objects]))
    if wanted.access in WRITES:
        statements += [iam.allow(LIST_UPLOADS, on=[arn]), iam.allow(WRITE_OBJECTS, on=[objects])]
    return statements


def key_statements(
    key_arn: str, buckets: Iterable[tuple[str, BucketAccess]], region: str, partition: str
) -> list[iam.Statement]:
    """Use of the buckets' key through S3, for these buckets only.

    The encryption context has the ARN of the bucket if a bucket key is used, and otherwise the ARN of the object:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html
    """
    statements = []
    for actions, uses in ((READ_KEYS, {BucketUse.READ}), (WRITE_KEYS, WRITES)):
        context = [form for arn, wanted in buckets if wanted.access in uses for form in (arn, f"{arn}/*")]
        if context:
            when: dict[str, dict[str, Any]] = {
                "StringEquals": {"kms:ViaService": f"s3.{region}.{dns_suffix(partition)}"},
                "StringLike": {"kms:EncryptionContext:aws:s3:arn": context},
            }
            statements.append(iam.allow(actions, on=[key_arn], when=when))
    return statements


def boundary(account_id: str) -> str:
    """The permissions boundary of a workload's role: it allows only data of the role's account.

    The explicit deny is for resource-based policies. They could allow a role session an action that the boundary denies
    only implicitly: https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
    """
    return iam.document(
        iam.allow(
            data_plane(),
            on=["*"],
            when={"StringEquals": {"aws:ResourceAccount": account_id}},
            sid="DataOfThisAccount",
        ),
        iam.allow([*SIGN_IN, "cloudwatch:PutMetricData"], on=["*"], sid="WithoutResource"),
        iam.deny(NEVER, on=["*"], sid="NoWayOut"),
    )


def data_plane() -> Sequence[str]:
    """Every action that a workload can be allowed, except those without a resource."""
    images = [action for actions in IMAGE_ACTIONS.values() for action in actions]
    queues = [action for actions in QUEUE_ACTIONS.values() for action in actions]
    objects = [*LIST, *LOCATE, *READ_OBJECTS, *LIST_UPLOADS, *WRITE_OBJECTS]
    return sorted({*objects, *WRITE_KEYS, *images, *queues, *SECRET_ACTIONS})


def _arn(arns: Mapping[str, str], name: str, field: str) -> str:
    if name not in arns:
        raise ValueError(f"{field}.{name} is unknown; allowed: {', '.join(sorted(arns)) or 'none is given'}")
    return arns[name]

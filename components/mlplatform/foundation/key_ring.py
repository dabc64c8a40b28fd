"""The KMS keys for encryption at rest."""

from enum import Enum
from typing import Any

import pulumi
import pulumi_aws as aws
from pydantic import Field

from awsfacts.partitions import service_principal
from mlplatform import iam
from mlplatform.args import AccountArgs, PartitionArgs, ProtectArgs, RegionArgs, TagArgs
from mlplatform.checks.arguments import checked
from mlplatform.component import Component
from mlplatform.spec import Spec


class KeyDomain(Enum):
    """A kind of data that can have its own key."""

    DATA = "data"
    IMAGES = "images"
    LOGS = "logs"
    SECRETS = "secrets"
    DISKS = "disks"


class KeyRingSpec(Spec):
    """The platform's encryption keys."""

    per_domain: bool = True
    """A separate key for data, images, logs, secrets and disks, so that each can be disabled separately. False: one key
    for all. Cannot change after the first deployment, because encrypted data needs the key that encrypted it."""

    rotation_days: int = Field(default=365, ge=90, le=2560)
    """Days between automatic rotations."""

    deletion_window_days: int = Field(default=30, ge=7, le=30)
    """Waiting period in days, during which the deletion of a key can be canceled."""

    retain: bool = True
    """Retain the keys when the stack is destroyed. Without its key, retained data is lost."""


class KeyRingArgs(AccountArgs, RegionArgs, PartitionArgs, ProtectArgs, TagArgs):
    """Arguments of `KeyRing`."""

    keys: KeyRingSpec
    """The keys."""


class KeyRing(Component):
    """KMS keys with rotation, per domain.

    Only the domain's AWS services, and principals that the account's IAM policies allow, can use a key.
    """

    data_key_arn: pulumi.Output[str]
    """Key for buckets and file systems."""

    images_key_arn: pulumi.Output[str]
    """Key for container images."""

    logs_key_arn: pulumi.Output[str]
    """Key for log groups."""

    secrets_key_arn: pulumi.Output[str]
    """Key for Kubernetes secrets and Secrets Manager."""

    disks_key_arn: pulumi.Output[str]
    """Key for node volumes."""

    def __init__(self, name: str, args: KeyRingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = checked(KeyRingArgs, self, name, args)
        super().__init__(name, args, opts)
        keys = args["keys"]
        owner = pulumi.Output.all(
            account_id=args["account_id"], region=args["region"], partition=args.get("partition", "aws")
        )

        arns: dict[KeyDomain, pulumi.Output[str]] = {}
        for role, domains in key_domains(keys.per_domain).items():
            key = sealing_key(self, f"{name}-{role}", keys, domains, owner)
            arns.update(dict.fromkeys(domains, key.arn))

        self.data_key_arn = arns[KeyDomain.DATA]
        self.images_key_arn = arns[KeyDomain.IMAGES]
        self.logs_key_arn = arns[KeyDomain.LOGS]
        self.secrets_key_arn = arns[KeyDomain.SECRETS]
        self.disks_key_arn = arns[KeyDomain.DISKS]
        self._done()


def sealing_key(
    component: Component,
    key_name: str,
    keys: KeyRingSpec,
    domains: frozenset[KeyDomain],
    owner: pulumi.Output[dict[str, str]],
) -> "aws.kms.Key":
    """Create a key with its alias below a component.

    Args:
        component: Parent of the key.
        key_name: Logical name of the key.
        keys: Rotation, deletion and retention of the key.
        domains: Domains that it encrypts.
        owner: `account_id`, `region` and `partition` of the key.
    """
    kept = component.guarded(retain_on_delete=keys.retain)
    key = aws.kms.Key(
        key_name,
        description=f"{key_name} of {pulumi.get_project()}/{pulumi.get_stack()}",
        enable_key_rotation=True,
        rotation_period_in_days=keys.rotation_days,
        deletion_window_in_days=keys.deletion_window_days,
        policy=owner.apply(lambda known: key_policy(domains, **known)),
        tags=component.tags_for(key_name),
        opts=kept,
    )
    # A retained key can be found by its alias.
    aws.kms.Alias(f"{key_name}-alias", target_key_id=key.key_id, opts=kept)
    return key


def key_domains(per_domain: bool) -> dict[str, frozenset[KeyDomain]]:
    """The keys to create, by role, each with its domains."""
    if per_domain:
        return {domain.value: frozenset({domain}) for domain in KeyDomain}
    return {"shared": frozenset(KeyDomain)}


def key_policy(domains: frozenset[KeyDomain], account_id: str, region: str, partition: str) -> str:
    """The key policy of a key for `domains`.

    It delegates to the account's IAM policies, and allows the AWS services to which IAM policies do not apply:
    CloudWatch Logs (https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html) and Auto
    Scaling's service-linked role, which starts nodes with encrypted volumes
    (https://docs.aws.amazon.com/autoscaling/ec2/userguide/key-policy-requirements-EBS-encryption.html).
    """
    use = ("kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey")
    statements = [
        iam.allow(
            ["kms:*"], on=["*"], to={"AWS": f"arn:{partition}:iam::{account_id}:root"}, sid="AccountPoliciesDecide"
        )
    ]
    if KeyDomain.LOGS in domains:
        log_groups = f"arn:{partition}:logs:{region}:{account_id}:log-group:*"
        statements.append(
            iam.allow(
                use,
                on=["*"],
                to={"Service": service_principal("logs", partition, region)},
                when={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": log_groups}},
                sid="LogGroupsOfThisAccount",
            )
        )
    if KeyDomain.DISKS in domains:
        # A condition instead of the principal in AWS's examples: the role is created with an account's first Auto
        # Scaling group, and KMS rejects a policy with a principal that does not exist:
        # https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html
        # Spot Instances are started by another role:
        # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/service-linked-roles-spot-instance-requests.html
        roles = [
            f"arn:{partition}:iam::{account_id}:role/aws-service-role/{service}.amazonaws.com/AWSServiceRoleFor{name}"
            for service, name in (("autoscaling", "AutoScaling"), ("spot", "EC2Spot"))
        ]
        auto_scaling: dict[str, dict[str, Any]] = {
            "ArnEquals": {"aws:PrincipalArn": roles},
            "StringEquals": {"kms:CallerAccount": account_id},
        }
        statements += [
            iam.allow(use, on=["*"], to={"AWS": "*"}, when=auto_scaling, sid="NodesUseTheirDisks"),
            iam.allow(
                ["kms:CreateGrant"],
                on=["*"],
                to={"AWS": "*"},
                when={**auto_scaling, "Bool": {"kms:GrantIsForAWSResource": "true"}},
                sid="NodesAttachTheirDisks",
            ),
        ]
    return iam.document(*statements)

"""A CodeBuild project in the network of a cluster, which deploys stacks."""

from typing import Final

import pulumi
import pulumi_aws as aws

from awsfacts.eks_settings import access_policy_arn
from awsfacts.partitions import service_principal
from mlplatform import iam, roles
from mlplatform.args import AccountArgs, PartitionArgs, ProtectArgs, RegionArgs, TagArgs
from mlplatform.checks.arguments import checked
from mlplatform.component import Component
from mlplatform.compute.eks_cluster.access import API_PORT
from mlplatform.delivery.deploy_identity import permissions
from mlplatform.delivery.private_runner.spec import PrivateRunnerSpec, buildspec, source_type
from mlplatform.egress import HTTPS

ADMINISTRATOR: Final = "AmazonEKSClusterAdminPolicy"
"""https://docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html"""


class PrivateRunnerArgs(AccountArgs, RegionArgs, PartitionArgs, ProtectArgs, TagArgs):
    """Arguments of `PrivateRunner`."""

    runner: PrivateRunnerSpec
    """The runner."""

    connection_arn: pulumi.Input[str]
    """ARN of the connection of AWS CodeConnections to GitHub or GitLab, with which builds read the repository."""

    backend_url: pulumi.Input[str]
    """URL of the backend with the states, e.g. of a `StateBackend`."""

    permissions_boundary_arn: pulumi.Input[str]
    """ARN of the permissions boundary of the runner's role: the `apply_boundary_arn` of a `DeployIdentity`."""

    stack_permissions_boundary_arn: pulumi.Input[str]
    """ARN of the permissions boundary of the roles of stacks: the `boundary_arn` of a `DeployIdentity`."""

    stack_role_path: pulumi.Input[str]
    """Path of the roles of stacks, e.g. `/mlplatform/`."""

    logs_key_arn: pulumi.Input[str]
    """ARN of the KMS key for logs and build artifacts."""

    vpc_id: pulumi.Input[str]
    """VPC of the cluster."""

    subnet_ids: pulumi.Input[list[pulumi.Input[str]]]
    """Private subnets with a route to the repository and to the services that builds use."""

    cluster_name: pulumi.Input[str]
    """Name of the EKS cluster whose objects the runner deploys."""

    cluster_security_group_id: pulumi.Input[str]
    """Security group of the cluster's API server, which admits the runner."""


class PrivateRunner(Component):
    """A CodeBuild project in private subnets that deploys stacks, with access to the cluster's private endpoint.

    `mlpctl deploy` starts it. Builds have no public address and no stored credentials, and accept no connections. Only
    one runs at a time: CodeBuild rejects a second one. Whoever may start builds can choose what they execute
    (`codebuild:StartBuild`), so that permission is the same as the one to deploy.
    """

    project_name: pulumi.Output[str]
    """Name of the CodeBuild project."""

    role_arn: pulumi.Output[str]
    """ARN of the role of builds."""

    security_group_id: pulumi.Output[str]
    """Security group of builds."""

    def __init__(self, name: str, args: PrivateRunnerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = checked(PrivateRunnerArgs, self, name, args)
        super().__init__(name, args, opts)
        wanted, partition = args["runner"], args.get("partition", "aws")

        group, open_ways = self._network(name, args)
        log_group = aws.cloudwatch.LogGroup(
            f"{name}-logs",
            retention_in_days=wanted.log_days,
            kms_key_id=args["logs_key_arn"],
            tags=self.tags_for(f"{name}-logs"),
            opts=self.guarded(),
        )
        role, policies = roles.role(
            self,
            f"{name}-role",
            pulumi.Output.all(args["account_id"], args["region"], partition).apply(lambda known: trust_policy(*known)),
            managed={f"{name}-{roles.short_name(each)}": each for each in permissions.APPLY_POLICIES},
            inline={
                f"{name}-roles": pulumi.Output.all(
                    args["account_id"],
                    partition,
                    args["stack_role_path"],
                    args["stack_permissions_boundary_arn"],
                ).apply(lambda known: permissions.apply_policy(known[0], known[1], known[2].lstrip("/"), known[3]))
            },
            partition=partition,
            boundary=args["permissions_boundary_arn"],
            description="Builds that deploy stacks",
        )
        admitted = self._admission(name, args, role.arn, group.id)
        project = aws.codebuild.Project(
            f"{name}-project",
            description="Deploys stacks from inside the network of a cluster",
            service_role=role.arn,
            source={
                "type": source_type(wanted.repository),
                "location": wanted.repository,
                "git_clone_depth": 1,
                "buildspec": buildspec(wanted.commands),
                "auth": {"type": "CODECONNECTIONS", "resource": args["connection_arn"]},
            },
            artifacts={"type": "NO_ARTIFACTS"},
            environment={
                "type": "LINUX_CONTAINER",
                "compute_type": f"BUILD_GENERAL1_{wanted.size.value.upper()}",
                "image": wanted.image,
                "image_pull_credentials_type": "SERVICE_ROLE",
                "privileged_mode": wanted.privileged,
                "environment_variables": [{"name": "PULUMI_BACKEND_URL", "value": args["backend_url"]}],
            },
            vpc_config={
                "vpc_id": args["vpc_id"],
                "subnets": args["subnet_ids"],
                "security_group_ids": [group.id],
            },
            logs_config={"cloudwatch_logs": {"status": "ENABLED", "group_name": log_group.name}},
            encryption_key=args["logs_key_arn"],
            build_timeout=wanted.timeout_minutes,
            # Two updates of a stack at the same time would fail. CodeBuild rejects a build beyond the limit:
            # https://docs.aws.amazon.com/codebuild/latest/userguide/builds-working.html
            concurrent_build_limit=1,
            tags=self.tags_for(f"{name}-project"),
            opts=self.child(depends_on=[*policies, *open_ways, *admitted]),
        )

        self.project_name = project.name
        self.role_arn = role.arn
        self.security_group_id = group.id
        self._done()

    def _network(self, name: str, args: PrivateRunnerArgs) -> tuple["aws.ec2.SecurityGroup", list[pulumi.Resource]]:
        """The security group of builds, and its rules: HTTPS out, and to the cluster."""
        group = aws.ec2.SecurityGroup(
            f"{name}-builds",
            vpc_id=args["vpc_id"],
            description="Builds that deploy stacks",
            tags=self.tags_for(f"{name}-builds"),
            opts=self.child(),
        )
        out = [
            aws.vpc.SecurityGroupEgressRule(
                rule,
                security_group_id=group.id,
                description="HTTPS to AWS, the repository and package registries",
                cidr_ipv4=cidr,
                ip_protocol="tcp",
                from_port=HTTPS,
                to_port=HTTPS,
                tags=self.tags_for(rule),
                opts=self.child(),
            )
            for cidr in args["runner"].egress_cidrs
            for rule in (f"{name}-https-{cidr.replace('.', '-').replace('/', '-')}",)
        ]
        to_cluster = aws.vpc.SecurityGroupEgressRule(
            f"{name}-to-cluster",
            security_group_id=group.id,
            description="The API server of the cluster",
            referenced_security_group_id=args["cluster_security_group_id"],
            ip_protocol="tcp",
            from_port=API_PORT,
            to_port=API_PORT,
            tags=self.tags_for(f"{name}-to-cluster"),
            opts=self.child(),
        )
        return group, [*out, to_cluster]

    def _admission(
        self, name: str, args: PrivateRunnerArgs, role_arn: pulumi.Output[str], group_id: pulumi.Output[str]
    ) -> list[pulumi.Resource]:
        """The rule and the entry with which the cluster admits builds."""
        rule = aws.vpc.SecurityGroupIngressRule(
            f"{name}-into-cluster",
            security_group_id=args["cluster_security_group_id"],
            description="Builds that deploy stacks",
            referenced_security_group_id=group_id,
            ip_protocol="tcp",
            from_port=API_PORT,
            to_port=API_PORT,
            tags=self.tags_for(f"{name}-into-cluster"),
            opts=self.child(),
        )
        entry = aws.eks.AccessEntry(
            f"{name}-access",
            cluster_name=args["cluster_name"],
            principal_arn=role_arn,
            tags=self.tags_for(f"{name}-access"),
            # A principal has one entry.
            opts=self.child(delete_before_replace=True),
        )
        admin = aws.eks.AccessPolicyAssociation(
            f"{name}-admin",
            cluster_name=args["cluster_name"],
            principal_arn=entry.principal_arn,
            policy_arn=pulumi.Output.from_input(args.get("partition", "aws")).apply(
                lambda partition: access_policy_arn(partition, name=ADMINISTRATOR)
            ),
            access_scope={"type": "cluster"},
            # An association is an upsert by principal and policy: deleting the old one last would remove the new one.
            opts=self.child(delete_before_replace=True),
        )
        return [rule, entry, admin]


def trust_policy(account_id: str, region: str, partition: str) -> str:
    """The trust policy of the role: CodeBuild for projects of this account and region.

    https://docs.aws.amazon.com/codebuild/latest/userguide/cross-service-confused-deputy-prevention.html
    """
    return iam.trust(
        service_principal("codebuild", partition),
        when={
            "StringEquals": {"aws:SourceAccount": account_id},
            "ArnLike": {"aws:SourceArn": f"arn:{partition}:codebuild:{region}:{account_id}:project/*"},
        },
    )

"""The identities of pipelines: a role that previews stacks, and one that deploys them."""

from typing import Any

import pulumi
import pulumi_aws as aws

from mlplatform import iam, roles
from mlplatform.args import AccountArgs, PartitionArgs, TagArgs
from mlplatform.checks.arguments import ArgumentsError, Problem, checked, what_is
from mlplatform.component import Component
from mlplatform.delivery.deploy_identity import permissions
from mlplatform.delivery.deploy_identity.spec import DeployIdentitySpec
from mlplatform.delivery.deploy_identity.trust import (
    MAX_TRUST,
    Issuer,
    audience,
    issuers,
    trust_policy,
)


class DeployIdentityArgs(AccountArgs, PartitionArgs, TagArgs):
    """Arguments of `DeployIdentity`."""

    identity: DeployIdentitySpec
    """The pipelines."""

    state_bucket_arn: pulumi.Input[str]
    """ARN of the bucket with the states of the stacks, e.g. of a `StateBackend`."""

    state_key_arn: pulumi.Input[str]
    """ARN of the KMS key of the states and of their secrets."""


class DeployIdentity(Component):
    """IAM roles that jobs of GitHub Actions and GitLab CI assume with their OIDC tokens, without any stored credential.

    - The preview role reads the configuration of resources and the states, but no data, and it writes nothing. It can
      decrypt the secrets in the states.
    - The apply role deploys. It creates roles only below one path and only with a permissions boundary, and it cannot
      change its own permissions, the OIDC providers, the boundaries or the protection of the states, nor write the
      states of the projects that administrators deploy.

    Use an account that is only for the platform. The apply role assumes no other role, but it can change compute that
    has one already, e.g. the code of a Lambda function or a CloudFormation stack.
    """

    preview_role_arn: pulumi.Output[str]
    """ARN of the role for previews."""

    apply_role_arn: pulumi.Output[str]
    """ARN of the role for deployments."""

    boundary_arn: pulumi.Output[str]
    """ARN of the permissions boundary for the roles of stacks."""

    apply_boundary_arn: pulumi.Output[str]
    """ARN of the permissions boundary of the role for deployments."""

    boundary_name: pulumi.Output[str]
    """Path and name of the permissions boundary for the roles of stacks: `permissionsBoundary` of their files."""

    stack_role_path: pulumi.Output[str]
    """Path of the roles of stacks, e.g. `mlplatform/`: `rolePath` of their files."""

    def __init__(self, name: str, args: DeployIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = checked(DeployIdentityArgs, self, name, args)
        wanted = args["identity"]
        found = issuers(wanted)
        super().__init__(name, args, opts)
        partition = args.get("partition", "aws")
        where = pulumi.Output.all(account_id=args["account_id"], partition=partition)
        state = pulumi.Output.all(bucket_arn=args["state_bucket_arn"], key_arn=args["state_key_arn"])
        providers = [self._oidc_provider(name, each, partition) for each in found if not each.exists]

        def trusting(*accepted: tuple[Issuer, tuple[str, ...]]) -> pulumi.Output[str]:
            return where.apply(lambda known: self._checked_trust(name, trust_policy(accepted, **known)))

        # The name is fixed: it stands in stack files.
        bounds = aws.iam.Policy(
            f"{name}-roles",
            name=f"{name}-roles",
            path=f"/{wanted.role_path}",
            description="Boundary of the roles of stacks",
            policy=state.apply(lambda known: permissions.roles_boundary(**known)),
            tags=self.tags_for(f"{name}-roles"),
            opts=self.child(),
        )
        everything = pulumi.Output.all(where=where, state=state, boundary_arn=bounds.arn)

        admin_projects = list(dict.fromkeys([pulumi.get_project(), *wanted.admin_projects]))

        def limits(known: dict[str, Any]) -> str:
            return permissions.apply_boundary(
                **known["state"],
                **known["where"],
                role_path=wanted.role_path,
                boundary_arn=known["boundary_arn"],
                admin_projects=admin_projects,
            )

        own = aws.iam.Policy(
            f"{name}-limits",
            description="Boundary of the role that deploys",
            policy=everything.apply(limits),
            tags=self.tags_for(f"{name}-limits"),
            opts=self.child(),
        )
        preview = roles.role(
            self,
            f"{name}-preview",
            trusting(*((each, each.previews) for each in found)),
            managed={f"{name}-preview-{roles.short_name(each)}": each for each in permissions.PREVIEW_POLICIES},
            inline={
                f"{name}-preview-state": pulumi.Output.all(state=state, where=where).apply(
                    lambda known: permissions.preview_policy(**known["state"], **known["where"])
                )
            },
            partition=partition,
            boundary=bounds.arn,
            description="Pipelines that preview changes",
            session_hours=wanted.session_hours,
            after=providers,
        )
        apply = roles.role(
            self,
            f"{name}-apply",
            trusting(*((each, each.deploys) for each in found)),
            managed={f"{name}-apply-{roles.short_name(each)}": each for each in permissions.APPLY_POLICIES},
            inline={
                f"{name}-apply-roles": everything.apply(
                    lambda known: permissions.apply_policy(
                        **known["where"], role_path=wanted.role_path, boundary_arn=known["boundary_arn"]
                    )
                )
            },
            partition=partition,
            boundary=own.arn,
            description="Pipelines that deploy",
            session_hours=wanted.session_hours,
            after=providers,
        )

        self.preview_role_arn = preview.role.arn
        self.apply_role_arn = apply.role.arn
        self.boundary_arn = bounds.arn
        self.apply_boundary_arn = own.arn
        self.stack_role_path = pulumi.Output.from_input(wanted.role_path)
        self.boundary_name = pulumi.Output.concat(wanted.role_path, bounds.name)
        self._done()

    def _oidc_provider(
        self, name: str, issuer: Issuer, partition: pulumi.Input[str]
    ) -> "aws.iam.OpenIdConnectProvider":
        """The OIDC provider of an issuer.

        Without thumbprints: AWS verifies the certificates of public hosts with its own library of authorities
        (https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateOpenIDConnectProviderThumbprint.html).
        """
        return aws.iam.OpenIdConnectProvider(
            f"{name}-{issuer.kind}",
            url=f"https://{issuer.host}",
            client_id_lists=[pulumi.Output.from_input(partition).apply(audience)],
            tags=self.tags_for(f"{name}-{issuer.kind}"),
            opts=self.child(),
        )

    def _checked_trust(self, name: str, policy: str) -> str:
        if (size := iam.size(policy)) <= MAX_TRUST:
            return policy
        reason = (
            f"makes a trust policy of {size} characters; allowed: {MAX_TRUST}, IAM's limit: fewer or shorter branches"
        )
        raise ArgumentsError(what_is(self, name), [Problem("identity", reason)])

"""The program for one AWS account: the backend for the state of its stacks, and the identities that deploy them."""

import pulumi

import mlplatform as ml
from mlplatform.lookups import caller

config = pulumi.Config()
account_id, partition = caller(config.get_object("allowedAccounts") or [])
tags = config.get_object("tags") or {}

backend = ml.StateBackend(
    "state",
    {
        "state": config.get_object("state") or {},
        "account_id": account_id,
        "region": pulumi.Config("aws").require("region"),
        "partition": partition,
        "tags": tags,
        # Without it, no stack of the account can be updated or destroyed.
        "protect": True,
    },
)
identity = ml.DeployIdentity(
    "deploy",
    {
        "identity": config.require_object("identity"),
        "state_bucket_arn": backend.bucket_arn,
        "state_key_arn": backend.key_arn,
        "account_id": account_id,
        "partition": partition,
        "tags": tags,
    },
)

pulumi.export("backendUrl", backend.backend_url)
pulumi.export("secretsProvider", backend.secrets_provider)
pulumi.export("previewRoleArn", identity.preview_role_arn)
pulumi.export("applyRoleArn", identity.apply_role_arn)
pulumi.export("permissionsBoundary", identity.boundary_name)
pulumi.export("permissionsBoundaryArn", identity.boundary_arn)
pulumi.export("applyBoundaryArn", identity.apply_boundary_arn)
pulumi.export("rolePath", identity.stack_role_path)

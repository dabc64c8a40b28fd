"""A runner in the network of a platform, which deploys the platform's stack from inside.

An administrator deploys it: its role may do what the role of pipelines may do, which that role cannot pass on.
"""

import pulumi

from mlplatform import PrivateRunner, PrivateRunnerSpec
from mlplatform.lookups import caller
from mlplatform.outputs import PlatformOutputs

config = pulumi.Config()
platform = PlatformOutputs.of(pulumi.StackReference(config.require("platform")))
bootstrap = pulumi.StackReference(config.require("bootstrap"))
account_id, partition = caller()

runner = PrivateRunner(
    "runner",
    {
        "runner": PrivateRunnerSpec(repository=config.require("repository"), image=config.require("image")),
        "connection_arn": config.require("connectionArn"),
        "backend_url": bootstrap.require_output("backendUrl"),
        "permissions_boundary_arn": bootstrap.require_output("applyBoundaryArn"),
        "stack_permissions_boundary_arn": bootstrap.require_output("permissionsBoundaryArn"),
        "stack_role_path": pulumi.Output.concat("/", bootstrap.require_output("rolePath")),
        "logs_key_arn": platform.logs_key_arn,
        "vpc_id": platform.vpc_id,
        "subnet_ids": platform.private_subnet_ids,
        "cluster_name": platform.cluster_name,
        "cluster_security_group_id": platform.cluster_security_group_id,
        "account_id": account_id,
        "region": platform.region,
        "partition": partition,
        "tags": {"owner": "ml-platform"},
    },
)

pulumi.export("runner", runner.project_name)

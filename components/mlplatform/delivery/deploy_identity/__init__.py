"""The IAM roles with which pipelines preview and deploy stacks."""

from mlplatform.delivery.deploy_identity.component import DeployIdentity, DeployIdentityArgs
from mlplatform.delivery.deploy_identity.spec import DeployIdentitySpec

__all__ = ["DeployIdentity", "DeployIdentityArgs", "DeployIdentitySpec"]

"""What moto lacks of ECR: pull-through caches, templates of repositories, and some of AWS's refusals."""

from mlsandbox.endpoint.ecr.service import OPERATIONS, SERVICE, apply

__all__ = ["OPERATIONS", "SERVICE", "apply"]

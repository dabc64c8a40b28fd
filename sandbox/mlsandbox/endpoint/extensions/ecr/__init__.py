"""What moto lacks of ECR: pull-through caches, templates of repositories, and some of AWS's refusals."""

from mlsandbox.endpoint.extensions.ecr.service import EXTENSIONS, STORED

__all__ = ["EXTENSIONS", "STORED"]

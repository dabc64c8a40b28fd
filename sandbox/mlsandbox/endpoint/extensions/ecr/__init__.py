"""Extensions of moto's ECR: pull through caches, repository creation templates and some of AWS's checks."""

from mlsandbox.endpoint.extensions.ecr.service import EXTENSIONS, STORED

__all__ = ["EXTENSIONS", "STORED"]

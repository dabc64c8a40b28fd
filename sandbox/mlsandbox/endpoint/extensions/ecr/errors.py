"""ECR's errors that moto does not have, with AWS's codes."""

from moto.core.exceptions import ServiceException


class SecretNotFound(ServiceException):
    """No secret has the ARN."""

    code = "SecretNotFoundException"


class TagExists(ServiceException):
    """The image tag is immutable."""

    code = "ImageTagAlreadyExistsException"


class UnsupportedUpstream(ServiceException):
    """ECR does not support this upstream registry."""

    code = "UnsupportedUpstreamRegistryException"


class KmsProblem(ServiceException):
    """The key cannot be used."""

    code = "KmsException"

"""ECR's errors that moto does not have, by AWS's codes."""

from moto.core.exceptions import ServiceException


class SecretNotFound(ServiceException):
    """There is no secret of the ARN."""

    code = "SecretNotFoundException"


class TagExists(ServiceException):
    """The tag may not move."""

    code = "ImageTagAlreadyExistsException"


class UnsupportedUpstream(ServiceException):
    """ECR does not cache this registry."""

    code = "UnsupportedUpstreamRegistryException"


class KmsProblem(ServiceException):
    """The key cannot be used."""

    code = "KmsException"

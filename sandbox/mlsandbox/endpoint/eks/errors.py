"""EKS's errors, with AWS's codes. The HTTP status of each is in botocore's model."""

from http import HTTPStatus

from moto.core.exceptions import ServiceException


class InvalidParameter(ServiceException):
    """A parameter is invalid, by itself or together with existing resources."""

    code = "InvalidParameterException"


class InvalidRequest(ServiceException):
    """The request is not possible in the resource's current state."""

    code = "InvalidRequestException"


class NotFound(ServiceException):
    """The resource does not exist."""

    code = "ResourceNotFoundException"


class InUse(ServiceException):
    """The name is already in use, or another resource depends on the resource."""

    code = "ResourceInUseException"


class LimitExceeded(ServiceException):
    """A quota is exceeded."""

    code = "ResourceLimitExceededException"


class UnsupportedAvailabilityZone(ServiceException):
    """EKS does not support control planes in the zone of a subnet."""

    code = "UnsupportedAvailabilityZoneException"


class UnmodelledError(ServiceException):
    """An error that all AWS services can return and that is therefore missing in the services' models."""

    status: HTTPStatus


class UnrecognizedClient(UnmodelledError):
    """The access key does not exist."""

    code = "UnrecognizedClientException"
    status = HTTPStatus.FORBIDDEN


class NotServed(UnmodelledError):
    """AWS has the operation, but the sandbox does not."""

    code = "NotImplemented"
    status = HTTPStatus.NOT_IMPLEMENTED

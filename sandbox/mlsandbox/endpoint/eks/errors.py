"""EKS's errors by AWS's codes; the HTTP status of each is in botocore's model."""

from http import HTTPStatus

from moto.core.exceptions import ServiceException


class InvalidParameter(ServiceException):
    """A parameter is wrong in itself or does not fit what exists."""

    code = "InvalidParameterException"


class InvalidRequest(ServiceException):
    """The request does not fit the state that the resource is in."""

    code = "InvalidRequestException"


class NotFound(ServiceException):
    """There is no such resource."""

    code = "ResourceNotFoundException"


class InUse(ServiceException):
    """The name is taken, or something else depends on the resource."""

    code = "ResourceInUseException"


class LimitExceeded(ServiceException):
    """One more than the service allows."""

    code = "ResourceLimitExceededException"


class UnsupportedAvailabilityZone(ServiceException):
    """EKS places no control plane in the zone of a subnet."""

    code = "UnsupportedAvailabilityZoneException"


class UnmodelledError(ServiceException):
    """An error that any service of AWS may answer, so that no service's model has it."""

    status: HTTPStatus


class UnrecognizedClient(UnmodelledError):
    """The access key is nobody's."""

    code = "UnrecognizedClientException"
    status = HTTPStatus.FORBIDDEN


class NotServed(UnmodelledError):
    """AWS has the operation; the sandbox has not."""

    code = "NotImplemented"
    status = HTTPStatus.NOT_IMPLEMENTED

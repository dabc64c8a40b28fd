"""ECR's errors that moto does not have, by AWS's codes."""

from moto.core.exceptions import ServiceException


class RuleExists(ServiceException):
    """The prefix has a pull-through cache already."""

    code = "PullThroughCacheRuleAlreadyExistsException"


class RuleNotFound(ServiceException):
    """No pull-through cache has the prefix."""

    code = "PullThroughCacheRuleNotFoundException"


class SecretNotFound(ServiceException):
    """There is no secret of the ARN."""

    code = "SecretNotFoundException"


class TagExists(ServiceException):
    """The tag may not move."""

    code = "ImageTagAlreadyExistsException"


class TemplateExists(ServiceException):
    """The prefix has a template already."""

    code = "TemplateAlreadyExistsException"


class TemplateNotFound(ServiceException):
    """No template has the prefix."""

    code = "TemplateNotFoundException"


class UnsupportedUpstream(ServiceException):
    """ECR does not cache this registry."""

    code = "UnsupportedUpstreamRegistryException"


class KmsProblem(ServiceException):
    """The key cannot be used."""

    code = "KmsException"

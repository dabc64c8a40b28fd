"""Determines whether the conditions of an IAM policy statement limit who can use it.

A condition that anyone can satisfy, such as TLS or a header of the request, does not: S3 counts the policy as public.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
"""

import re
from collections.abc import Mapping
from typing import Final

from mlpctl.review import addresses
from mlpctl.review.values import Masked, Secret, Unknown, Value, items

_WHO: Final = frozenset(
    (
        *("aws:principalaccount", "aws:principalarn", "aws:principalorgid", "aws:principalorgpaths"),
        *("aws:principalservicename", "aws:principalservicenameslist", "aws:userid", "aws:username"),
        *("aws:sourceaccount", "aws:sourcearn", "aws:sourceowner", "aws:sourceorgid", "aws:sourceorgpaths"),
        *("aws:sourcevpc", "aws:sourcevpcarn", "aws:sourcevpce", "aws:vpceaccount", "aws:vpceorgid"),
        *("aws:vpceorgpaths", "aws:ec2instancesourcevpc", "ec2:sourceinstancearn", "kms:calleraccount"),
        *("s3:dataaccesspointaccount", "s3:dataaccesspointarn", "s3:x-amz-server-side-encryption-aws-kms-key-id"),
    )
)
"""Keys, in lower case, whose fixed values only some callers have.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

_ADDRESSES: Final = frozenset({"aws:sourceip", "aws:vpcsourceip"})

_SIGNS: Final = frozenset({"aws:principalisawsservice", "elasticfilesystem:accessedviamounttarget"})
"""Keys that are true only for callers inside of AWS or of a VPC.

https://docs.aws.amazon.com/efs/latest/ug/access-control-block-public-access.html
"""

_EQUAL: Final = frozenset({"stringequals", "stringequalsignorecase"})
_LIKE: Final = frozenset({"stringlike", "arnequals", "arnlike"})
"""Operators that accept wildcards: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html"""

_WILD: Final = re.compile(r"[*?]|\$\{")
_KINDS: Final = re.compile(r"^(o|vpc|vpce|i)-|^(AROA|AIDA|ASIA|AKIA)")
"""The start of all IDs of a kind."""


def limits_callers(condition: Value) -> bool:
    """Whether a statement's conditions limit its use to some callers; unknown values are assumed to do so."""
    if isinstance(condition, Unknown | Secret | Masked):
        return True
    return isinstance(condition, Mapping) and any(
        _limits(str(operator).lower(), str(key).lower(), values)
        for operator, keys in condition.items()
        if isinstance(keys, Mapping)
        for key, values in keys.items()
    )


def _limits(operator: str, key: str, values: Value) -> bool:
    """Whether one condition limits the callers."""
    # A request without the key satisfies `ForAllValues:`, as well as `IfExists`, which no operator below ends with.
    operator = operator.removeprefix("foranyvalue:")
    found = items(values)
    if any(isinstance(each, Unknown | Secret | Masked) for each in found):
        return key in _WHO | _ADDRESSES
    texts = [str(each) for each in found]
    if operator == "bool":
        return key in _SIGNS and {each.lower() for each in texts} == {"true"}
    if key in _ADDRESSES:
        return operator == "ipaddress" and _are_few(texts)
    if key not in _WHO or operator not in _EQUAL | _LIKE:
        return False
    return all(_is_fixed(each, wild=operator in _LIKE) for each in texts)


def _are_few(ranges: list[str]) -> bool:
    """Whether address ranges together contain no large part of the internet."""
    found = addresses.parsed(ranges)
    return not any(addresses.is_large(each, family) for family, each in found.items())


def _is_fixed(value: str, *, wild: bool) -> bool:
    """Whether a value identifies a caller, or the callers of an account or an organization."""
    if "${" in value:
        return False
    if not wild:
        return True
    if value.startswith("arn:"):
        parts = value.split(":", 5)
        account, resource = (*parts, "", "", "", "", "", "")[4:6]
        # The name of a bucket is unique in all accounts.
        if parts[2:3] != ["s3"]:
            return bool(account) and not _WILD.search(account)
        value = resource
    return bool(_KINDS.sub("", _WILD.split(value)[0]))

"""Determines whether the conditions of an IAM policy statement limit who can use it.

A condition that anyone can satisfy, such as TLS or a header of the request, does not: S3 counts the policy as public.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from mlpctl.review.values import addresses
from mlpctl.review.values.plain import Masked, Secret, Unknown, Value, items

_WHO: Final = frozenset(
    (
        *("aws:principalaccount", "aws:principalarn", "aws:principalorgid", "aws:principalorgpaths"),
        "aws:userid",
        *("aws:sourceaccount", "aws:sourcearn", "aws:sourceowner", "aws:sourceorgid", "aws:sourceorgpaths"),
        *("aws:sourcevpc", "aws:sourcevpcarn", "aws:sourcevpce", "aws:vpceaccount", "aws:vpceorgid"),
        *("aws:vpceorgpaths", "aws:ec2instancesourcevpc", "ec2:sourceinstancearn", "kms:calleraccount"),
        *("s3:dataaccesspointaccount", "s3:dataaccesspointarn", "s3:x-amz-server-side-encryption-aws-kms-key-id"),
    )
)
"""Keys, in lower case, whose fixed values only some callers have.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

_ADDRESSES: Final = frozenset({"aws:sourceip"})
"""A private address (`aws:VpcSourceIp`) is chosen by the owner of a network, so every account can have it: it limits no
callers without the network or the endpoint.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-vpcsourceip
"""

_SIGNS: Final = frozenset({"elasticfilesystem:accessedviamounttarget"})
"""Keys that are true only for callers inside of a VPC. That a service of AWS calls is no limit of its own: it may call
for any account. A deny statement may exempt such calls.

https://docs.aws.amazon.com/efs/latest/ug/access-control-block-public-access.html
"""

_EQUAL: Final = frozenset({"stringequals", "stringequalsignorecase"})
_LIKE: Final = frozenset({"stringlike", "arnequals", "arnlike"})
"""Operators that accept wildcards: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html"""

_INVERSE: Final = {
    "stringnotequals": "stringequals",
    "stringnotequalsignorecase": "stringequalsignorecase",
    "stringnotlike": "stringlike",
    "arnnotequals": "arnequals",
    "arnnotlike": "arnlike",
}
"""Operators of deny statements, with the operator that the exempt callers meet."""

_ANYONE: Final = frozenset(
    {"aws:securetransport", "s3:tlsversion", "aws:referer", "aws:useragent", "s3:signatureversion", "s3:authtype"}
)
"""Keys about the form of a request, which every caller chooses."""

_EVERY_REQUEST: Final = frozenset({"aws:userid", "aws:principalarn", "aws:principalaccount", "aws:principaltype"})
"""Keys that every signed request has."""

_SERVICES: Final = frozenset({"aws:principalisawsservice", "aws:viaawsservice"})
"""Keys that are false if a person or a program calls."""

_WILD: Final = re.compile(r"[*?]|\$\{")
_SEPARATORS: Final = {
    "aws:userid": ":",
    "aws:principalorgpaths": "/",
    "aws:sourceorgpaths": "/",
    "aws:vpceorgpaths": "/",
}
"""By key: what ends the ID of a principal or an organization, so that a wildcard after it is within the same one.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable
"""

_SHORTEST_BUCKET: Final = 3
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"""


def limits_callers(condition: Value) -> bool:
    """Whether a statement's conditions limit its use to some callers; unknown values are assumed to do so."""
    if isinstance(condition, Unknown | Secret | Masked):
        return True
    return any(_limits(*each) for each in _each(condition))


def admits_few(condition: Value) -> bool | None:
    """Whether only some callers are exempt from a deny statement with these conditions; None if a value is unknown.

    A statement applies only if all of its conditions are met: who does not meet one of them is exempt.
    """
    found = [*_each(condition)]
    if not found or any(isinstance(each, Unknown | Secret | Masked) for *_, values in found for each in items(values)):
        # A missing or misread condition exempts an unknown group of callers.
        return None if found else False
    return all(_exempts_few(*each) for each in found)


def anyone_meets(condition: Mapping[str, Value]) -> bool:
    """Whether every caller can meet the conditions, such as TLS or a header of the request."""
    return all(each[1] in _ANYONE or matches_all(*each) for each in _each(condition))


def matches_all(operator: str, key: str, values: Value) -> bool:
    """Whether every value of a key, in lower case, meets a condition: `*`, all addresses, or that a key is there."""
    plain = re.sub("^for(any|all)values?:", "", operator).removesuffix("ifexists")
    if plain == "null":
        return key in _EVERY_REQUEST and _texts(values) == {"false"}
    if plain == "bool":
        return key in _SERVICES and "false" in _texts(values)
    texts = [each for each in items(values) if isinstance(each, str)]
    if plain == "ipaddress":
        return not _are_few(texts) if texts else False
    return plain in _LIKE and any("*" in each and not each.strip("*?:") for each in texts)


def is_exception(condition: Value) -> bool:
    """Whether conditions of a deny statement describe what it exempts: `unless` instead of `if`."""
    found = [*_each(condition)]
    return bool(found) and all(
        "not" in operator
        or (operator in ("bool", "boolifexists") and _texts(values) == {"false"})
        or operator == "null"
        for operator, _, values in found
    )


def _each(condition: Value) -> Iterator[tuple[str, str, Value]]:
    """Operator and key in lower case, and the values."""
    for operator, keys in condition.items() if isinstance(condition, Mapping) else ():
        for key, values in keys.items() if isinstance(keys, Mapping) else ():
            yield str(operator).lower(), str(key).lower(), values


def _exempts_few(operator: str, key: str, values: Value) -> bool:
    """Whether a condition of a deny statement is not met only by some callers.

    A request without the key meets an inverse operator, with and without `IfExists`, and `ForAllValues:`.
    """
    if operator == "boolifexists":
        # Without `IfExists`, an anonymous request, which lacks the key, does not meet the condition.
        return key in {*_SIGNS, "aws:principalisawsservice"} and _texts(values) == {"false"}
    operator = operator.removeprefix("forallvalues:").removesuffix("ifexists")
    if operator == "notipaddress":
        return key in _ADDRESSES and _are_few([str(each) for each in items(values)])
    return operator in _INVERSE and _limits(_INVERSE[operator], key, values)


def _texts(values: Value) -> set[str]:
    return {str(each).lower() for each in items(values)}


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
    return all(_is_fixed(key, each, wild=operator in _LIKE) for each in texts)


def _are_few(ranges: list[str]) -> bool:
    """Whether address ranges together contain no large part of the internet."""
    found = addresses.parsed(ranges)
    return not any(addresses.is_large(each, family) for family, each in found.items())


def _is_fixed(key: str, value: str, *, wild: bool) -> bool:
    """Whether a value identifies a caller, or the callers of an account or an organization."""
    if "${" in value:
        return False
    if not wild or not _WILD.search(value):
        return True
    if value.startswith("arn:"):
        parts = value.split(":", 5)
        account, resource = (*parts, "", "", "", "", "", "")[4:6]
        # The name of a bucket is unique in all accounts.
        if parts[2:3] != ["s3"]:
            return bool(account) and not _WILD.search(account)
        return len(_WILD.split(resource)[0]) >= _SHORTEST_BUCKET
    start, separator, _ = _WILD.split(value)[0].partition(_SEPARATORS.get(key, "\0"))
    return bool(start and separator)

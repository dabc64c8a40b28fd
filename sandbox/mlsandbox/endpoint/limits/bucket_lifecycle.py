"""S3's checks of lifecycle rules.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from mlsandbox.endpoint.limits.request import Refusal, Request

_MALFORMED: Final = Refusal(
    "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema"
)

_INFREQUENT: Final = ("STANDARD_IA", "ONEZONE_IA")
_FEWEST_DAYS: Final = 30
"""Minimum days before a transition to an infrequent-access storage class."""

_ACTIONS: Final = (
    "Expiration",
    "NoncurrentVersionExpiration",
    "Transitions",
    "NoncurrentVersionTransitions",
    "AbortIncompleteMultipartUpload",
)
_MOST_RULES: Final = 1000
_LONGEST_ID: Final = 255


def check(request: Request) -> Refusal | None:
    """The error of S3 for a `PutBucketLifecycleConfiguration` request; None if it is valid."""
    rules = (request.parameters.get("LifecycleConfiguration") or {}).get("Rules") or []
    if len(rules) > _MOST_RULES:
        return _invalid(f"The number of lifecycle rules must not exceed the allowed limit of {_MOST_RULES} rules")
    ids = [rule["ID"] for rule in rules if rule.get("ID")]
    if len(ids) > len(set(ids)):
        return _invalid("Rule ID must be unique. Found same ID for more than one rule")
    for rule in rules:
        for wrong in _wrong(rule):
            return wrong
    return None


CHECKS: Final[Mapping[str, Callable[[Request], Refusal | None]]] = {"s3:PutBucketLifecycleConfiguration": check}


def _wrong(rule: dict[str, Any]) -> Iterator[Refusal]:
    if len(rule.get("ID") or "") > _LONGEST_ID:
        yield _invalid("ID length should not exceed allowed limit of 255")
    if not any(rule.get(action) for action in _ACTIONS):
        yield Refusal("InvalidRequest", "At least one action needs to be specified in a rule")
    expiration = rule.get("Expiration") or {}
    if expiration.get("ExpiredObjectDeleteMarker") is not None and ("Days" in expiration or "Date" in expiration):
        yield _MALFORMED
    filtered = rule.get("Filter") or {}
    tagged = "Tag" in filtered or bool((filtered.get("And") or {}).get("Tags"))
    if tagged and expiration.get("ExpiredObjectDeleteMarker") is not None:
        yield Refusal("InvalidRequest", "ExpiredObjectDeleteMarker cannot be specified with Tags.")
    if tagged and rule.get("AbortIncompleteMultipartUpload"):
        yield Refusal("InvalidRequest", "AbortIncompleteMultipartUpload cannot be specified with Tags.")
    yield from _times("Expiration", "Days", rule.get("Expiration"), rule.get("Transitions"))
    yield from _times(
        "NoncurrentVersionExpiration",
        "NoncurrentDays",
        rule.get("NoncurrentVersionExpiration"),
        rule.get("NoncurrentVersionTransitions"),
    )


def _times(
    action: str, member: str, end: dict[str, Any] | None, moves: list[dict[str, Any]] | None
) -> Iterator[Refusal]:
    last = (end or {}).get(member)
    if last is not None and int(last) < 1:
        yield _invalid(f"'{member}' for {action} action must be a positive integer")
    for move in moves or ():
        days = move.get(member)
        if days is None:
            continue
        infrequent = move.get("StorageClass") in _INFREQUENT
        if infrequent and int(days) < _FEWEST_DAYS:
            kind = "Transition" if member == "Days" else "NoncurrentVersionTransition"
            yield _invalid(
                f"'{member}' in {kind} action must be greater than or equal to {_FEWEST_DAYS} for storageClass "
                f"'{move['StorageClass']}'"
            )
        if last is not None and int(last) <= int(days):
            yield _invalid(
                f"'{member}' in the {action} action must be greater than '{member}' in the Transition action"
            )


def _invalid(message: str) -> Refusal:
    return Refusal("InvalidArgument", message)

"""Life cycle rules that S3 refuses and moto takes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from moto.s3.exceptions import S3ClientError
from moto.s3.models import FakeBucket

NOT_WITH_TAGS: Final = ("AbortIncompleteMultipartUpload", "ExpiredObjectDeleteMarker")
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html#intro-lifecycle-rules-actions"""

INFREQUENT_ACCESS: Final = ("STANDARD_IA", "ONEZONE_IA")
INFREQUENT_ACCESS_DAYS: Final = 30
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html"""

ACTIONS: Final = (
    *("AbortIncompleteMultipartUpload", "Expiration", "NoncurrentVersionExpiration"),
    *("NoncurrentVersionTransition", "Transition"),
)
"""https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleRule.html"""

_set_lifecycle = FakeBucket.set_lifecycle


def problems(rules: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """What S3 would refuse of a configuration, by code and message, in its own words."""
    ids = [rule["ID"] for rule in rules if rule.get("ID")]
    if len({*ids}) < len(ids):
        yield "InvalidArgument", "Rule ID must be unique. Found same ID for more than one rule"
    for rule in rules:
        yield from _of_rule(rule)


def _of_rule(rule: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    chosen = rule.get("Filter") or {}
    expiration = rule.get("Expiration") or {}
    if not any(rule.get(action) for action in ACTIONS):
        yield "InvalidRequest", "At least one action needs to be specified in a rule"
    if chosen.get("Tag") or (chosen.get("And") or {}).get("Tag"):
        for action in NOT_WITH_TAGS:
            if rule.get(action) or expiration.get(action):
                yield "InvalidRequest", f"{action} cannot be specified with Tags."
    for transition in _listed(rule.get("Transition")):
        days = int(transition.get("Days") or 0)
        kind = transition.get("StorageClass")
        if kind in INFREQUENT_ACCESS and "Date" not in transition and days < INFREQUENT_ACCESS_DAYS:
            yield (
                "InvalidArgument",
                f"'Days' in Transition action must be greater than or equal to {INFREQUENT_ACCESS_DAYS} for "
                f"storageClass '{kind}'",
            )
        if expiration.get("Days") and int(expiration["Days"]) <= days:
            prefix = chosen.get("Prefix") or (chosen.get("And") or {}).get("Prefix") or ""
            yield (
                "InvalidArgument",
                f"'Days' in the Expiration action for filter '(prefix={prefix})' must be greater than 'Days' in the "
                "Transition action",
            )


def _listed(value: Any) -> Sequence[Mapping[str, Any]]:
    return value if isinstance(value, list) else [value] if value else []


def _set_checked_lifecycle(self: FakeBucket, rules: list[dict[str, Any]]) -> None:
    for code, message in problems(rules):
        raise S3ClientError(code, message)
    _set_lifecycle(self, rules)


def apply() -> None:
    """Have the checks in place, for the whole process. A second time changes nothing."""
    FakeBucket.set_lifecycle = _set_checked_lifecycle  # type: ignore[method-assign]  # as meant

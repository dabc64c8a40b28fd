"""Retention periods and holds that protect objects from deletion."""

from typing import Any

import pytest

from changes import plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.report.model import Harm

CONFIGURATION = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
WAYS: dict[str, tuple[str, Any]] = {
    "a configuration": (CONFIGURATION, lambda rule: {"bucket": "b", "rule": {"defaultRetention": rule}}),
    "inline": (
        "aws:s3/bucket:Bucket",
        lambda rule: {"objectLockConfiguration": {"rule": {"defaultRetention": rule}}},
    ),
    "native": ("aws-native:s3:Bucket", lambda rule: {"objectLockConfiguration": {"rule": {"defaultRetention": rule}}}),
}


def text_of(type: str, old: Any, new: Any) -> str:
    return " ".join(each.text for each in dangers(plan(update(type, old, new))) if each.harm is Harm.PROTECTION)


@pytest.mark.parametrize("way", WAYS)
def test_a_retention_is_compared_in_days(way: str) -> None:
    type, inputs = WAYS[way]

    def text(old: Any, new: Any) -> str:
        return text_of(type, inputs({"mode": "GOVERNANCE", **old}), inputs({"mode": "GOVERNANCE", **new}))

    for old, new in (
        ({"years": 7}, {"days": 1}),
        ({"years": 7}, {"years": 1}),
        ({"days": 30}, {"days": 29}),
        ({"days": 800}, {"years": 2}),
        ({"years": "7"}, {"days": "30"}),
    ):
        assert "deleted sooner" in text(old, new)
        assert "sooner" not in text(new, old)
    assert "sooner" not in text({"years": 1}, {"days": 365})
    assert "sooner" not in text({"years": 7}, {"days": 2556})


HELD = {
    "bucket": "b",
    "key": "k",
    "objectLockMode": "COMPLIANCE",
    "objectLockRetainUntilDate": "2030-01-01T00:00:00Z",
    "objectLockLegalHoldStatus": "ON",
}


@pytest.mark.parametrize(
    "type", ["bucketObjectv2:BucketObjectv2", "bucketObject:BucketObject", "objectCopy:ObjectCopy"]
)
@pytest.mark.parametrize(
    ("name", "new", "says"),
    [
        ("objectLockMode", "GOVERNANCE", "before its retention ends"),
        ("objectLockMode", None, "at any time"),
        ("objectLockRetainUntilDate", "2027-01-01T00:00:00Z", "sooner"),
        ("objectLockRetainUntilDate", "2029-12-31T23:00:00-00:30", "sooner"),
        ("objectLockRetainUntilDate", None, "sooner"),
        ("objectLockLegalHoldStatus", "OFF", "on hold"),
        ("objectLockLegalHoldStatus", None, "on hold"),
    ],
)
def test_an_object_that_is_protected_less(type: str, name: str, new: Any, says: str) -> None:
    assert says in text_of(f"aws:s3/{type}", HELD, {**HELD, name: new})


def test_an_object_that_is_protected_longer_is_not_reported() -> None:
    for name, new in (
        ("objectLockRetainUntilDate", "2031-01-01T00:00:00Z"),
        ("objectLockRetainUntilDate", "2030-01-01T00:00:00+00:00"),
        ("content", "other"),
    ):
        assert text_of("aws:s3/bucketObjectv2:BucketObjectv2", HELD, {**HELD, name: new}) == ""


def test_an_object_of_google_that_is_protected_less() -> None:
    type, until = "gcp:storage/bucketObject:BucketObject", "2030-01-01T00:00:00Z"
    held = {"temporaryHold": True, "eventBasedHold": True, "retention": {"mode": "Locked", "retainUntilTime": until}}
    for name, new, says in (
        ("temporaryHold", False, "on hold"),
        ("eventBasedHold", False, "on hold"),
        ("retention", {"mode": "Unlocked", "retainUntilTime": until}, "shortened"),
        ("retention", {"mode": "Locked", "retainUntilTime": "2028-01-01T00:00:00Z"}, "sooner"),
    ):
        assert says in text_of(type, held, {**held, name: new})


@pytest.mark.parametrize("acl", ["PublicRead", "PublicReadWrite", "AuthenticatedRead"])
def test_a_public_access_control_of_a_native_bucket(acl: str) -> None:
    changed = update("aws-native:s3:Bucket", {"accessControl": "Private"}, {"accessControl": acl})
    assert "anyone can read its objects" in " ".join(each.text for each in dangers(plan(changed)))

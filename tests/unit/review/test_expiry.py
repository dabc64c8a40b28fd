"""Lifecycle rules of all clouds: what newly expires, and what only looks like it."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from changes import change, plan, update, urn
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.lifecycle.expiry import TIGHTER, forms
from mlpctl.review.plan.model import Op
from mlpctl.review.report.model import Certainty, Danger, Harm
from mlpctl.review.values.plain import UNKNOWN, Secret

S3 = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
INLINE, INLINE_V2, NATIVE = "aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2", "aws-native:s3:Bucket"
ECR, GCS = "aws:ecr/lifecyclePolicy:LifecyclePolicy", "gcp:storage/bucket:Bucket"


def rule(days: Any = 30, prefix: Any = "", **more: Any) -> dict[str, Any]:
    """A rule in the format of S3's separate resource."""
    return {
        "id": "a",
        "status": "Enabled",
        **({"filter": {"prefix": prefix}} if prefix else {"filter": {}}),
        **({"expiration": {"days": days}} if days else {}),
        **more,
    }


TMP = rule(7, "tmp/", id="tmp")
OLDER = {"expiration": None, "noncurrentVersionExpiration": {"noncurrentDays": 30, "newerNoncurrentVersions": 3}}
ARCHIVE = {"expiration": None, "transitions": [{"days": 30, "storageClass": "GLACIER"}]}


def reported(type: str, old: Any, new: Any, **more: Any) -> Sequence[Danger]:
    return dangers(plan(update(type, old, new, **more)))


def s3(*rules: Any) -> Any:
    return {"bucket": "b", "rules": list(rules)}


S3_RULES: dict[str, tuple[list[Any], list[Any], str]] = {
    "a new rule for the whole bucket": ([TMP], [TMP, rule(30, id="all")], "more objects expire, after 30 days"),
    "a first rule": ([], [rule()], "more objects expire, after 30 days"),
    "a rule that is enabled": ([rule(status="Disabled")], [rule()], "more objects expire"),
    "a rule that is disabled": ([rule()], [rule(status="Disabled")], ""),
    "a new rule that is disabled": ([], [rule(status="Disabled")], ""),
    "fewer days": ([rule(30)], [rule(7)], "objects expire sooner"),
    "one day": ([], [rule(1)], "after 1 day."),
    "more days": ([rule(7)], [rule(30)], ""),
    "a wider prefix": ([rule(7, "tmp/a/")], [rule(7, "tmp/")], "more objects expire"),
    "a narrower prefix": ([rule(7, "tmp/")], [rule(7, "tmp/a/")], ""),
    "another prefix": ([rule(7, "tmp/")], [rule(7, "raw/")], "more objects expire"),
    "no filter any more": ([rule(7, "tmp/")], [rule(7)], "more objects expire"),
    "a filter in its old place": ([rule(7, "tmp/")], [{**rule(7), "prefix": "tmp/", "filter": None}], ""),
    "a filter in `and`": ([rule(7, "tmp/")], [rule(7, filter={"and": {"prefix": "tmp/", "tags": {"a": "b"}}})], ""),
    "a tag less": (
        [rule(7, filter={"and": {"prefix": "a/", "tags": {"a": "b", "c": "d"}}})],
        [rule(7, filter={"and": {"prefix": "a/", "tags": {"a": "b"}}})],
        "more objects expire",
    ),
    "another value of a tag": (
        [rule(7, filter={"tag": {"key": "a", "value": "b"}})],
        [rule(7, filter={"tag": {"key": "a", "value": "c"}})],
        "more objects expire",
    ),
    "smaller objects too": (
        [rule(7, filter={"objectSizeGreaterThan": 1000})],
        [rule(7, filter={"objectSizeGreaterThan": 10})],
        "more objects expire",
    ),
    "larger objects too": (
        [rule(7, filter={"objectSizeLessThan": 10})],
        [rule(7, filter={"objectSizeLessThan": 1000})],
        "more objects expire",
    ),
    "a new name": ([rule(7)], [rule(7, id="b")], ""),
    "another order": ([TMP, rule()], [rule(), TMP], ""),
    "a rule that another one has all of": ([rule(7)], [rule(7), rule(30, "tmp/", id="b")], ""),
    "a rule in two parts": ([rule(7)], [rule(7, "a/", id="a"), rule(7, "b/", id="b")], ""),
    "a rule less": ([rule(7), TMP], [TMP], ""),
    "a date": ([], [rule(0, expiration={"date": "2027-01-01T00:00:00Z"})], "more objects expire"),
    "an earlier date": (
        [rule(0, expiration={"date": "2027-01-01T00:00:00Z"})],
        [rule(0, expiration={"date": "2026-12-01T00:00:00Z"})],
        "more objects expire",
    ),
    "days for a date": ([rule(0, expiration={"date": "2027-01-01"})], [rule(9)], "more objects expire"),
    "only delete markers": ([], [rule(0, expiration={"expiredObjectDeleteMarker": True})], ""),
    "only uploads": ([], [rule(0, abortIncompleteMultipartUpload={"daysAfterInitiation": 1})], ""),
    "only another class": ([], [rule(0, transitions=[{"days": 30, "storageClass": "STANDARD_IA"}])], ""),
    "older versions": ([], [rule(0, **OLDER)], "more noncurrent versions expire, after 30 days"),
    "older versions, sooner": (
        [rule(0, **OLDER)],
        [rule(0, noncurrentVersionExpiration={"noncurrentDays": 7, "newerNoncurrentVersions": 3})],
        "noncurrent versions expire sooner",
    ),
    "fewer older versions": (
        [rule(0, **OLDER)],
        [rule(0, noncurrentVersionExpiration={"noncurrentDays": 30, "newerNoncurrentVersions": 1})],
        "more noncurrent versions expire",
    ),
    "no older versions at all": (
        [rule(0, **OLDER)],
        [rule(0, noncurrentVersionExpiration={"noncurrentDays": 30})],
        "more noncurrent versions expire",
    ),
    "more older versions": (
        [rule(0, **OLDER)],
        [rule(0, noncurrentVersionExpiration={"noncurrentDays": 60, "newerNoncurrentVersions": 5})],
        "",
    ),
}


@pytest.mark.parametrize("name", S3_RULES)
def test_rules_of_s3_are_compared_one_by_one(name: str) -> None:
    old, new, says = S3_RULES[name]
    found = reported(S3, s3(*old), s3(*new))
    assert [each.harm for each in found] == ([Harm.DATA] if says else [])
    if says:
        assert says in found[0].text and found[0].certainty is Certainty.WILL
        assert found[0].because and all(each.startswith("rules[") for each in found[0].because)


def as_inline(rule: Any) -> Any:
    """A rule in the format of the bucket's input."""
    older = rule.get("noncurrentVersionExpiration") or {}
    found = {
        "id": rule["id"],
        "enabled": rule["status"] == "Enabled",
        "prefix": rule.get("filter", {}).get("prefix") if rule.get("filter") else rule.get("prefix"),
        "expiration": rule.get("expiration"),
        "noncurrentVersionExpiration": {"days": older["noncurrentDays"]} if older else None,
        "transitions": rule.get("transitions"),
    }
    return {key: value for key, value in found.items() if value is not None}


def as_v2(rule: Any) -> Any:
    found = as_inline(rule)
    for one, many in (("expiration", "expirations"), ("noncurrentVersionExpiration", "noncurrentVersionExpirations")):
        if one in found:
            found[many] = [found.pop(one)]
    return found


def as_native(rule: Any) -> Any:
    expiration = rule.get("expiration") or {}
    found = {
        "id": rule["id"],
        "status": rule["status"],
        "prefix": rule.get("filter", {}).get("prefix"),
        "expirationInDays": expiration.get("days"),
        "expirationDate": expiration.get("date"),
        "noncurrentVersionExpiration": rule.get("noncurrentVersionExpiration"),
        "transitions": [
            {"transitionInDays": each["days"], "storageClass": each["storageClass"]}
            for each in rule.get("transitions") or ()
        ],
    }
    return {key: value for key, value in found.items() if value is not None}


FORMS = {
    INLINE: lambda rules: {"lifecycleRules": [as_inline(each) for each in rules]},
    INLINE_V2: lambda rules: {"lifecycleRules": [as_v2(each) for each in rules]},
    NATIVE: lambda rules: {"lifecycleConfiguration": {"rules": [as_native(each) for each in rules]}},
    "aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2": lambda rules: s3(*rules),
    "aws:s3control/bucketLifecycleConfiguration:BucketLifecycleConfiguration": lambda rules: s3(*rules),
}


@pytest.mark.parametrize("type", FORMS)
@pytest.mark.parametrize(
    ("old", "new", "harm"),
    [
        ([TMP], [TMP, rule(30, id="all")], Harm.DATA),
        ([rule(30)], [rule(7)], Harm.DATA),
        ([rule(7)], [rule(30)], None),
        ([rule(7, "tmp/")], [rule(7)], Harm.DATA),
        ([rule(status="Disabled")], [rule()], Harm.DATA),
        ([rule()], [rule(status="Disabled")], None),
        ([], [rule(0, noncurrentVersionExpiration={"noncurrentDays": 30})], Harm.DATA),
        ([], [rule(0, **ARCHIVE)], Harm.SERVING),
        ([rule(0, **ARCHIVE)], [rule(0, transitions=[{"days": 60, "storageClass": "DEEP_ARCHIVE"}])], None),
        ([], [rule(0, transitions=[{"days": 1, "storageClass": "GLACIER_IR"}])], None),
    ],
)
def test_all_formats_of_s3_rules_are_equivalent(type: str, old: Any, new: Any, harm: Harm | None) -> None:
    found = reported(type, FORMS[type](old), FORMS[type](new))
    assert [each.harm for each in found] == ([harm] if harm else [])


def test_unknown_rules_may_let_anything_expire() -> None:
    for new in (
        {"bucket": "b", "rules": UNKNOWN},
        {"bucket": "b", "rules": [UNKNOWN]},
        s3(rule(7, UNKNOWN)),
        s3(rule(UNKNOWN)),
    ):
        (danger,) = reported(S3, s3(rule(30, "tmp/")), new)
        assert (danger.harm, danger.certainty) == (Harm.DATA, Certainty.MAY)
    (danger,) = reported(ECR, {"policy": json.dumps({"rules": []})}, {"policy": Secret("secret", b"1")})
    assert (danger.harm, danger.certainty) == (Harm.DATA, Certainty.MAY)
    assert reported(S3, s3(rule(UNKNOWN)), s3(rule(UNKNOWN))) == ()


def test_rules_that_move_to_another_bucket_are_all_new() -> None:
    found = reported(S3, {**s3(rule()), "bucket": "a"}, s3(rule()), op=Op.REPLACE, forced_by=("bucket",))
    assert [each.harm for each in found] == [Harm.DATA]


@pytest.mark.parametrize(("bucket", "harms"), [(Op.SAME, True), (Op.CREATE, False)])
def test_new_rules_of_an_existing_bucket_are_reported(bucket: Op, harms: bool) -> None:
    depends = {"bucket": (urn(INLINE, "b"),)}
    rules = change(S3, Op.CREATE, inputs={"rules": [rule()], "bucket": UNKNOWN}, depends=depends)
    found = dangers(plan(change(INLINE, bucket, name="b"), change(INLINE, Op.SAME, name="other"), rules))
    assert [each.harm for each in found] == ([Harm.DATA] if harms else [])


@pytest.mark.parametrize(
    ("type", "old", "new", "harms"),
    [
        (
            "aws:dynamodb/table:Table",
            {"ttl": {"enabled": False, "attributeName": "a"}},
            {"ttl": {"enabled": True, "attributeName": "a"}},
            True,
        ),
        (
            "aws:dynamodb/table:Table",
            {"ttl": {"enabled": True, "attributeName": "a"}},
            {"ttl": {"enabled": True, "attributeName": "b"}},
            True,
        ),
        (
            "aws:dynamodb/table:Table",
            {"ttl": {"enabled": True, "attributeName": "a"}},
            {"ttl": {"enabled": False, "attributeName": "a"}},
            False,
        ),
        ("aws:cloudwatch/logGroup:LogGroup", {}, {"retentionInDays": 7}, True),
        ("aws:cloudwatch/logGroup:LogGroup", {"retentionInDays": 7}, {}, False),
        (
            "aws:backup/plan:Plan",
            {"rules": [{"ruleName": "a", "lifecycle": {"deleteAfter": 90}}]},
            {"rules": [{"ruleName": "a", "lifecycle": {"deleteAfter": 30}}]},
            True,
        ),
        (
            "aws:backup/plan:Plan",
            {"rules": [{"ruleName": "a", "lifecycle": {"deleteAfter": 90}}]},
            {
                "rules": [
                    {"ruleName": "a", "lifecycle": {"deleteAfter": 90}},
                    {"ruleName": "b", "lifecycle": {"deleteAfter": 7}},
                ]
            },
            False,
        ),
        (
            "aws:backup/plan:Plan",
            {
                "rules": [
                    {"ruleName": "a", "lifecycle": {"deleteAfter": 7}},
                    {"ruleName": "b", "lifecycle": {"deleteAfter": 90}},
                ]
            },
            {
                "rules": [
                    {"ruleName": "b", "lifecycle": {"deleteAfter": 60}},
                    {"ruleName": "a", "lifecycle": {"deleteAfter": 7}},
                ]
            },
            True,
        ),
        ("aws:kinesis/videoStream:VideoStream", {"dataRetentionInHours": 48}, {"dataRetentionInHours": 24}, True),
        (
            "gcp:storage/bucket:Bucket",
            {"softDeletePolicy": {"retentionDurationSeconds": 604800}},
            {"softDeletePolicy": {"retentionDurationSeconds": 0}},
            Harm.PROTECTION,
        ),
        ("gcp:bigquery/table:Table", {}, {"expirationTime": 1900000000000}, True),
    ],
)
def test_each_kind_of_retention_is_compared_separately(type: str, old: Any, new: Any, harms: bool | Harm) -> None:
    harm = Harm.DATA if harms is True else harms
    assert [each.harm for each in reported(type, old, new)] == ([harm] if harm else [])


def test_every_limit_in_the_table_uses_an_existing_comparison() -> None:
    clauses = [(form, clause) for form in forms().values() for clause in form.clauses]
    used = {limit.test for form, clause in clauses for limit in (*form.scope.values(), *clause.limits.values())}
    assert used == {*TIGHTER}
    assert all(clause.after in {*clause.limits, ""} for _, clause in clauses)

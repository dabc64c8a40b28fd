"""Rules that delete images, packages and objects in registries, Google Cloud and Azure."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from changes import plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.report.model import Certainty, Danger, Harm
from mlpctl.review.values.plain import UNKNOWN

ECR, GCS = "aws:ecr/lifecyclePolicy:LifecyclePolicy", "gcp:storage/bucket:Bucket"
AZURE, CLASSIC = "azure-native:storage:ManagementPolicy", "azure:storage/managementPolicy:ManagementPolicy"
ARTIFACTS = "gcp:artifactregistry/repository:Repository"


def reported(type: str, old: Any, new: Any, **more: Any) -> Sequence[Danger]:
    return dangers(plan(update(type, old, new, **more)))


def image(number: int, priority: int = 1, *, action: str = "expire", **selection: Any) -> Any:
    return {
        "rulePriority": priority,
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": number, **selection},
        "action": {"type": action},
    }


UNTAGGED = image(14, tagStatus="untagged", countType="sinceImagePushed", countUnit="days")
RELEASES = image(9999, 1, tagStatus="tagged", tagPrefixList=["release"])

IMAGES: dict[str, tuple[list[Any], list[Any], Harm | None]] = {
    "a first rule": ([], [UNTAGGED], Harm.DATA),
    "fewer images": ([image(100)], [image(10)], Harm.DATA),
    "more images": ([image(10)], [image(100)], None),
    "all and not only those without a tag": ([image(9, tagStatus="untagged")], [image(9)], Harm.DATA),
    "only those without a tag": ([image(9)], [image(9, tagStatus="untagged")], None),
    "by age and not by number": ([image(9)], [image(9, countType="sinceImagePushed")], Harm.DATA),
    "another description": ([UNTAGGED], [{**UNTAGGED, "description": "x"}], None),
    "another priority": ([image(9, 1)], [image(9, 7)], None),
    "a prefix more, which each image needs": (
        [image(9, tagStatus="tagged", tagPrefixList=["a"])],
        [image(9, tagStatus="tagged", tagPrefixList=["a", "b"])],
        None,
    ),
    "a shorter prefix": (
        [image(9, tagStatus="tagged", tagPrefixList=["dev-"])],
        [image(9, tagStatus="tagged", tagPrefixList=["d"])],
        Harm.DATA,
    ),
    "any pattern": (
        [image(9, tagStatus="tagged", tagPatternList=["dev*"])],
        [image(9, tagStatus="tagged", tagPatternList=["*"])],
        Harm.DATA,
    ),
    "a rule that kept images from a later one": ([RELEASES, image(10, 2)], [image(10, 2)], Harm.DATA),
    "a rule in front of it that keeps more": ([image(10, 2)], [RELEASES, image(10, 2)], None),
    "an archive": ([], [image(90, action="transition")], Harm.SERVING),
}


@pytest.mark.parametrize("type", [ECR, "aws-native:ecr:Repository"])
@pytest.mark.parametrize("name", IMAGES)
def test_rules_for_images_are_compared_one_by_one(name: str, type: str) -> None:
    old, new, harm = IMAGES[name]
    texts = (json.dumps({"rules": each}) for each in (old, new))
    sides = [{"policy": each} if type == ECR else {"lifecyclePolicy": {"lifecyclePolicyText": each}} for each in texts]
    assert [each.harm for each in reported(type, *sides)] == ([harm] if harm else [])


def google(action: str = "Delete", **condition: Any) -> Any:
    return {"action": {"type": action}, "condition": condition}


GOOGLE: dict[str, tuple[list[Any], list[Any], bool]] = {
    "a first rule": ([], [google(age=30)], True),
    "no conditions but age 0": ([google(age=30)], [google(age=0)], True),
    "fewer days": ([google(age=30)], [google(age=7)], True),
    "more days": ([google(age=7)], [google(age=30)], False),
    "a condition more": ([google(age=7)], [google(age=7, matchesPrefixes=["tmp/"])], False),
    "a condition less": ([google(age=7, matchesPrefixes=["tmp/"])], [google(age=7)], True),
    "a prefix more": ([google(matchesPrefixes=["a/"])], [google(matchesPrefixes=["a/", "b/"])], True),
    "a suffix less": ([google(matchesSuffixes=[".a", ".b"])], [google(matchesSuffixes=[".a"])], False),
    "a class more": (
        [google(age=1, matchesStorageClasses=["NEARLINE"])],
        [google(age=1, matchesStorageClasses=["NEARLINE", "STANDARD"])],
        True,
    ),
    "live objects too": ([google(age=1, withState="ARCHIVED")], [google(age=1, withState="ANY")], True),
    "only older versions": ([google(age=1)], [google(age=1, withState="ARCHIVED")], False),
    "fewer newer versions": ([google(numNewerVersions=3)], [google(numNewerVersions=1)], True),
    "a later day": ([google(createdBefore="2026-01-01")], [google(createdBefore="2026-06-01")], True),
    "only uploads": ([], [google("AbortIncompleteMultipartUpload", age=1)], False),
    "only another class": ([], [google("SetStorageClass", age=1)], False),
}


@pytest.mark.parametrize("name", GOOGLE)
def test_google_rules_are_compared_one_by_one(name: str) -> None:
    old, new, harms = GOOGLE[name]
    found = reported(GCS, {"lifecycleRules": old}, {"lifecycleRules": new})
    assert [each.harm for each in found] == ([Harm.DATA] if harms else [])


@pytest.mark.parametrize(
    ("old", "new", "harms"),
    [("30d", "7d", True), ("2592000s", "31d", False), ("86400s", "60m", True)],
)
def test_packages_expire_by_age(old: str, new: str, harms: bool) -> None:
    sides = (
        {"cleanupPolicies": [{"id": "a", "action": "DELETE", "condition": {"olderThan": each}}]} for each in (old, new)
    )
    assert bool(reported(ARTIFACTS, *sides)) is harms


def test_a_dry_run_deletes_nothing_and_its_end_starts_the_deletion() -> None:
    rules = [{"id": "a", "action": "DELETE", "condition": {"olderThan": "86400s"}}]
    dry, none = {"cleanupPolicyDryRun": True, "cleanupPolicies": rules}, {"cleanupPolicyDryRun": True}
    for old, new, certainty in (
        (dry, {**dry, "cleanupPolicyDryRun": False}, Certainty.WILL),
        (dry, {"cleanupPolicies": rules}, Certainty.WILL),
        (dry, {**dry, "cleanupPolicyDryRun": UNKNOWN}, Certainty.MAY),
        (none, {"cleanupPolicies": rules}, Certainty.WILL),
        (none, dry, None),
        ({"cleanupPolicies": rules}, dry, None),
        (none, {**none, "cleanupPolicies": UNKNOWN}, None),
        (dry, {}, None),
    ):
        found = reported(ARTIFACTS, old, new)
        assert [(each.harm, each.certainty) for each in found] == ([(Harm.DATA, certainty)] if certainty else [])
        assert all(each.because[0].startswith("cleanupPolicyDryRun") for each in found)


def azure(days: int, *, enabled: bool = True, prefixes: Sequence[str] = (), part: str = "baseBlob") -> Any:
    way = "daysAfterModificationGreaterThan" if part == "baseBlob" else "daysAfterCreationGreaterThan"
    actions = {part: {"delete": {way: days}}}
    filters = {"blobTypes": ["blockBlob"], **({"prefixMatch": [*prefixes]} if prefixes else {})}
    return {"name": "a", "enabled": enabled, "definition": {"actions": actions, "filters": filters}}


def classic(days: int, *, enabled: bool = True, prefixes: Sequence[str] = (), part: str = "baseBlob") -> Any:
    way = {
        "baseBlob": "deleteAfterDaysSinceModificationGreaterThan",
        "snapshot": "deleteAfterDaysSinceCreationGreaterThan",
        "version": "deleteAfterDaysSinceCreation",
    }[part]
    filters = {"blobTypes": ["blockBlob"], **({"prefixMatches": [*prefixes]} if prefixes else {})}
    return {"name": "a", "enabled": enabled, "actions": {part: {way: days}}, "filters": filters}


@pytest.mark.parametrize(("type", "make"), [(AZURE, azure), (CLASSIC, classic)])
@pytest.mark.parametrize(
    ("old", "new", "harms"),
    [
        ({"days": 30}, {"days": 7}, True),
        ({"days": 7}, {"days": 30}, False),
        ({"days": 7}, {"days": 0}, True),
        ({"days": 7, "enabled": False}, {"days": 7}, True),
        ({"days": 7, "prefixes": ["a/"]}, {"days": 7}, True),
        ({"days": 7}, {"days": 7, "prefixes": ["a/"]}, False),
        ({"days": 7}, {"days": 7, "part": "snapshot"}, True),
        ({"days": 7, "part": "snapshot"}, {"days": 7, "part": "version"}, True),
    ],
)
def test_azure_rules_are_compared_one_by_one(type: str, make: Any, old: Any, new: Any, harms: bool) -> None:
    sides = ({"rules": [make(**each)]} for each in (old, new))
    wrapped = [{"policy": each} if type == AZURE else each for each in sides]
    assert [each.harm for each in reported(type, *wrapped)] == ([Harm.DATA] if harms else [])

"""The records of types other than AWS's, and how a type's record is assembled."""

import re
from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest

import every_record
from awsfacts.records import Holding
from mlpctl.review.firewalls import openings
from mlpctl.review.lifecycle import expiry
from mlpctl.review.types import records

FOREIGN = ("aws-native", "azure", "google", "others")
TYPES = Path(str(files("mlpctl.review.types"))) / "tables"


def texts(file: str) -> list[str]:
    """The text of a file of `types/`, or of each file of a folder."""
    found = [*TYPES.glob(f"{file}.yaml"), *TYPES.glob(f"{file}/*.yaml")]
    assert found
    return [each.read_text(encoding="utf-8") for each in found]


@pytest.mark.parametrize("file", records.FILES)
def test_a_file_has_short_lines_unique_types_and_no_aws_types(file: str) -> None:
    assert [line for text in texts(file) for line in text.splitlines() if len(line) > 120] == []
    named = Counter(type for row in records.rows(file) for type in row.types)
    assert [type for type, times in named.items() if times > 1] == []
    assert [type for type in named if type.startswith("aws:") and file != "every"] == []
    assert [type for type in named if "*" not in type and records.short(type) != type] == []
    assert [row.types for row in records.rows(file) if row.like] == [], "only for classes of a service of AWS"


@pytest.mark.parametrize("file", FOREIGN)
def test_a_file_says_whether_it_was_checked_against_an_sdk(file: str) -> None:
    heads = [text.split("\n\n")[0] for text in texts(file)]
    said = re.compile(r"not checked against its SDK|checked against the SDKs? [\w-]+ \d+\.\d+\.\d+")
    assert [head for head in heads if not said.search(head)] == []


def test_every_format_that_a_record_names_exists_and_is_used() -> None:
    every = [*every_record.every()]
    assert {each.opening for each in every} - {""} == {*openings.table().openings}
    assert {each.expiry for each in every} - {""} == {*expiry.forms()}


def test_every_file_is_read() -> None:
    there = {each.stem for each in TYPES.iterdir()}
    assert there == {*records.FILES}


@pytest.mark.parametrize(
    ("type", "short"),
    [
        ("aws:s3/bucket:Bucket", "aws:s3/bucket"),
        ("gcp:storage/bucket:Bucket", "gcp:storage/bucket"),
        ("kubernetes:core/v1:Service", "kubernetes:core/v1:Service"),
        ("aws:s3/bucket", "aws:s3/bucket"),
        ("aws-native:s3:Bucket", "aws-native:s3:Bucket"),
        ("", ""),
    ],
)
def test_the_class_is_omitted_if_it_repeats_the_module(type: str, short: str) -> None:
    assert records.short(type) == short


def test_a_named_type_precedes_a_pattern_and_inherits_missing_fields_from_it() -> None:
    claim = records.record("kubernetes:core/v1:Secret")
    assert claim.words == "Kubernetes Secret", "by its name"
    assert claim.free == "included in the cost of the nodes", "by kubernetes:core/v1:*"


def test_a_type_has_the_watches_of_its_name_and_of_all_patterns() -> None:
    watched = [
        watch.property for watch in records.record("kubernetes:rbac.authorization.k8s.io/v1:ClusterRole").watches
    ]
    own = ["rules[].verbs[]", "rules[].resources[]", "rules", "aggregationRule", "rules", "rules"]
    own.append("aggregationRule.clusterRoleSelectors")
    own += [f'metadata.labels["rbac.authorization.k8s.io/aggregate-to-{each}"]' for each in ("view", "edit", "admin")]
    assert watched[: len(own)] == own
    every = next(row for row in records.rows("every") if row.types == ["*"])
    assert watched[len(own) :] == [*(watch.property for watch in every.watches), "spec.replicas"]


def test_the_last_word_counts_only_for_types_without_a_record() -> None:
    assert records.record("acme:store/bigBucket:BigBucket").holds == [Holding.DATA]
    assert records.record("aws:new/someBucket:SomeBucket").holds == [Holding.DATA]
    assert records.record("random:index/databaseInstance:DatabaseInstance").holds == (), "its package is described"
    assert records.record("aws:autoscaling/tag:Tag").holds == ()


def test_a_token_and_its_short_form_have_the_same_record() -> None:
    for token in (
        "aws:eks/cluster:Cluster",
        "gcp:sql/databaseInstance:DatabaseInstance",
        "kubernetes:apps/v1:Deployment",
    ):
        assert records.record(token) == records.record(records.short(token))

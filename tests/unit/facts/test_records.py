"""The records of AWS's types: their schema, and that their types and properties exist in the SDK."""

import re
import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

import awssdk
from awsfacts import types
from awsfacts.records import Holding, Record
from awssdk import root

FILES = sorted((Path(str(files("awsfacts"))) / "types").rglob("*.yaml"))


def written() -> Iterator[tuple[str, Record]]:
    """Every record as it is in its file, without the fields that `like` and `others` add."""
    for service in types.services():
        yield from ((types.token(service, name), each) for name, each in types.own(service).items())


WRITTEN = dict(written())


def paths(record: Record) -> set[str]:
    """Every property that a record refers to."""
    return {
        *record.facts,
        *record.unless,
        *record.data_if,
        *(path for each in record.retains for path in (*each.when, *each.present)),
        *record.sets,
        *record.ordered,
        *record.documents,
        record.part_of,
        *(path for note in record.notes for path in note.when),
        *(path for watch in record.watches for path in (watch.property, watch.created, *watch.when)),
        *(path for watch in record.watches for inputs in watch.unless for path in inputs),
        *(path for path in (record.secrets.when if record.secrets else ())),
    } - {""}


def test_every_record_has_a_type_of_the_sdk() -> None:
    assert WRITTEN.keys() - awssdk.properties().keys() == set()
    assert len(WRITTEN) > 600


def test_every_service_is_a_module_of_the_sdk() -> None:
    modules = {token.split(":")[1].split("/")[0] for token in awssdk.properties()}
    assert {*types.services()} - modules == set()


@pytest.mark.parametrize("service", types.services())
def test_every_property_exists_in_its_type(service: str) -> None:
    """For types with `like`, only the properties of their own record, because an older type may lack others."""
    known = awssdk.properties()
    unknown = [
        (token, path)
        for name, record in types.own(service).items()
        for token in [types.token(service, name)]
        for path in paths(record)
        if root(path) not in known[token]
    ]
    assert unknown == []


@pytest.mark.parametrize("service", types.services())
def test_every_property_in_others_exists_in_some_type_of_the_service(service: str) -> None:
    some = {
        name for token, names in awssdk.properties().items() if token.startswith(f"aws:{service}/") for name in names
    }
    assert {root(path) for path in paths(types.others(service))} - some == set()


@pytest.mark.parametrize("file", FILES, ids=lambda each: each.name)
def test_a_file_has_short_lines_and_unique_sorted_names(file: object) -> None:
    text = file.read_text()  # type: ignore[attr-defined] - a file of the package
    assert [line for line in text.splitlines() if len(line) > 120] == []
    names = [name for name in yaml.safe_load(text) if name != "others"]
    assert names == sorted(names)
    keys = re.findall(r"^(\w+):", text, re.M)
    assert len(keys) == len(set(keys)), "duplicate record: YAML would use the last one"


def test_files_of_a_folder_do_not_share_a_name() -> None:
    for folder in {file.parent for file in FILES}:
        if folder.name != "types":
            names = [name for file in folder.iterdir() for name in yaml.safe_load(file.read_text())]
            assert len(names) == len(set(names)), folder.name


def test_a_type_with_like_inherits_the_fields_that_its_record_omits() -> None:
    bucket = types.record("aws:s3/bucket:Bucket")
    older = types.record("aws:s3/bucketV2:BucketV2")
    assert older.words == bucket.words
    assert older.priced == bucket.priced
    assert types.record("aws:alb/listener:Listener").holds == types.record("aws:lb/listener:Listener").holds
    assert all(types.record(token) for token in WRITTEN), "`like` without a record raises"


def test_no_type_with_like_repeats_inherited_values() -> None:
    repeated = []
    for token, record in WRITTEN.items():
        if record.like:
            service, _, name = record.like.rpartition("/")
            other = types.own(service or token.split(":")[1].split("/")[0])[name]
            own = record.model_fields_set - {"like"}
            repeated += [(token, each) for each in own if getattr(record, each) == getattr(other, each)]
    assert repeated == []


def test_others_apply_to_types_without_a_record_and_to_omitted_fields() -> None:
    assert types.record("aws:iam/role:Role").free == "IAM is free"
    assert types.record("aws:iam/role:Role").holds == [Holding.IDENTITY]
    assert types.record("aws:iam/unknown:Unknown").free == "IAM is free"
    assert types.record("aws:wafv2/webAcl:WebAcl").then == "it no longer blocks traffic"


@pytest.mark.parametrize("type", ["", "aws:", "aws:s3", "aws:none/thing:Thing", "aws:s3/bucket:Other", "gcp:s3/bucket"])
def test_an_unknown_type_has_an_empty_record(type: str) -> None:
    assert types.record(type) == Record()


@pytest.mark.parametrize(
    "wrong",
    [
        {"word": "x"},
        {"free": "x", "priced": "a.b"},
        {"holds": ["nothing"]},
        {"holds": ["data"], "holdsNothing": "x"},
        {"watches": [{"property": "a", "test": "changed", "harm": "data"}]},
        {"retains": [{"keeps": "data"}]},
        {"retains": [{"keeps": "all", "says": "x"}]},
        {"recovery": {}},
        {"recovery": {"again": "x", "id": "$a"}},
        {"recovery": {"function": "x"}},
        {"recovery": {"id": "$a", "service": "s3"}},
    ],
    ids=str,
)
def test_an_invalid_record_is_rejected(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Record.model_validate(wrong)


def test_the_records_of_a_service_load_within_100_ms() -> None:
    """A review loads the records of about twenty services; EC2 has the most."""
    types._service.cache_clear()
    started = time.process_time()
    types.record("aws:ec2/vpc:Vpc")
    assert time.process_time() - started < 0.1

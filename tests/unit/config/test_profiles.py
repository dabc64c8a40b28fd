"""Profiles set defaults for values that a file omits."""

import pytest
from pydantic import Field

from mlpctl.config.platform import Platform
from mlpctl.config.profiles import PROFILES, fill
from mlpctl.config.shape import Shape
from mlplatform.spec import Spec


class DataBucketSpec(Spec):
    retain: bool = True
    days: int | None = None


class EksClusterSpec(Spec):
    public_endpoint: bool = False
    nodes: int = 3


class Stack(Spec):
    profile: str = "dev"
    cluster: EksClusterSpec = EksClusterSpec(nodes=7)
    gateway: EksClusterSpec | None = None
    buckets: dict[str, DataBucketSpec] = Field(default={"data": DataBucketSpec(days=5)})
    required: DataBucketSpec


TABLE = {
    "dev": {
        "cluster.publicEndpoint": True,
        "gateway.nodes": 1,
        "buckets.*.retain": False,
        "required.retain": False,
    },
    "prod": {},
}


def filled(data):
    result = fill(TABLE, Stack, data)
    return result.data, result.paths


def test_a_profile_sets_values_that_the_file_omits():
    assert filled({"cluster": {"nodes": 2}, "buckets": {}}) == (
        {"cluster": {"nodes": 2, "publicEndpoint": True}, "buckets": {}},
        {("cluster", "publicEndpoint")},
    )


@pytest.mark.parametrize("value", [False, True, None, "wrong"])
def test_a_profile_never_changes_values_of_the_file(value):
    data, paths = filled({"cluster": {"publicEndpoint": value}, "buckets": {}})
    assert data["cluster"] == {"publicEndpoint": value}
    assert paths == frozenset()


def test_a_star_matches_the_existing_entries():
    data, paths = filled({"cluster": None, "buckets": {"a": {}, "b": {"retain": True}, "c": None}})
    assert data["buckets"] == {"a": {"retain": False}, "b": {"retain": True}, "c": None}
    assert paths == {("buckets", "a", "retain")}


def test_an_omitted_section_keeps_its_other_defaults():
    data, paths = filled({})
    assert data["cluster"] == {"publicEndpoint": True, "nodes": 7}
    assert data["buckets"] == {"data": {"retain": False, "days": 5}}
    assert paths == {("cluster", "publicEndpoint"), ("buckets", "data", "retain")}


def test_omitted_optional_and_required_sections_are_not_added():
    data, _ = filled({})
    assert "gateway" not in data
    assert "required" not in data


def test_the_file_selects_the_profile_and_its_values_are_not_modified():
    data = {"profile": "prod", "cluster": {}}
    assert filled(data) == (data, frozenset())
    data = {"cluster": {}}
    filled(data)
    assert data == {"cluster": {}}


@pytest.mark.parametrize("data", [None, [], "text", {"profile": 7}, {"profile": "other"}, {"profile": ["dev"]}])
def test_values_with_an_invalid_structure_are_not_modified(data):
    assert filled(data) == (data, frozenset())


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_of_the_platform_sets_existing_fields(profile):
    shape = Shape.of(Platform)
    assert [path for path in PROFILES[profile] if shape.at(tuple(path.split("."))) is None] == []

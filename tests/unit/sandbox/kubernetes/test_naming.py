"""Kinds, names and what the sandbox has no resource for."""

import re
from typing import Any

import pytest

from mlsandbox.providers.kubernetes.naming import (
    field_manager,
    is_patch,
    kind_of,
    kind_of_type,
    name_object,
    refusal,
    unique_name,
)
from mlsandbox.providers.kubernetes.objects import Kind, Reference, as_kubernetes, as_pulumi, dig, parse_id
from mlsandbox.providers.protocol import UNKNOWN, Subject


def subject(type: str, name: str = "web") -> Subject:
    return Subject(f"urn:pulumi:local::mlplatform::{type}::{name}", type, name)


@pytest.mark.parametrize(
    ("type", "kind"),
    [
        ("kubernetes:core/v1:Namespace", Kind("v1", "Namespace")),
        ("kubernetes:apps/v1:Deployment", Kind("apps/v1", "Deployment")),
        ("kubernetes:karpenter.sh/v1:NodePool", Kind("karpenter.sh/v1", "NodePool")),
    ],
)
def test_a_type_names_a_kind(type: str, kind: Kind) -> None:
    assert kind_of_type(type) == kind
    assert kind_of(subject(type), {}) == kind


def test_a_patch_is_of_the_kind_in_its_inputs() -> None:
    patch = subject("kubernetes:apps/v1:DeploymentPatch")
    kind = kind_of(patch, {"apiVersion": "apps/v1", "kind": "Deployment"})
    assert kind == Kind("apps/v1", "Deployment")
    assert is_patch(patch, kind)
    assert not is_patch(subject("kubernetes:example.com/v1:Patch"), Kind("example.com/v1", "Patch"))


@pytest.mark.parametrize(
    ("type", "words"),
    [
        ("kubernetes:helm.sh/v3:Chart", "helm.v3.Release"),
        ("kubernetes:helm.sh/v4:Chart", "helm.v3.Release"),
        ("kubernetes:yaml/v2:ConfigGroup", "one resource per object"),
        ("kubernetes:yaml:ConfigFile", "one resource per object"),
        ("kubernetes:kustomize/v2:Directory", "one resource per object"),
        ("kubernetes:core/v1:PodList", "Use one Pod per object"),
    ],
)
def test_what_the_sandbox_has_not_is_refused_with_advice(type: str, words: str) -> None:
    reason = refusal(type)
    assert reason is not None and type in reason and words in reason


@pytest.mark.parametrize(
    "type", ["kubernetes:helm.sh/v3:Release", "kubernetes:core/v1:Pod", "kubernetes:example.com/v1:AllowList"]
)
def test_what_it_has_is_not_refused(type: str) -> None:
    assert refusal(type) is None


def test_one_seed_makes_one_name() -> None:
    assert unique_name("web", b"seed") == unique_name("web", b"seed") != unique_name("web", b"other")
    assert re.fullmatch(r"web-[0-9a-f]{8}", unique_name("web", b"seed"))


def named(item: dict[str, Any], olds: dict[str, Any]) -> dict[str, Any]:
    name_object(item, olds, subject("kubernetes:core/v1:Pod"), b"seed")
    metadata: dict[str, Any] = item["metadata"]
    return metadata


def test_an_automatic_name_is_kept_and_marked() -> None:
    made = named({}, {})
    assert made["annotations"] == {"pulumi.com/autonamed": "true"}
    assert named({"metadata": {"labels": {"a": "b"}}}, {"metadata": made}) == {**made, "labels": {"a": "b"}}


def test_a_fixed_name_is_not_inherited() -> None:
    assert named({}, {"metadata": {"name": "fixed"}})["name"].startswith("web-")


@pytest.mark.parametrize("metadata", [{"name": "fixed"}, {"generateName": "fixed-"}, {"name": UNKNOWN}])
def test_a_given_name_is_left_alone(metadata: dict[str, Any]) -> None:
    assert named({"metadata": dict(metadata)}, {}) == metadata


def test_annotations_that_are_not_known_yet_stay_so() -> None:
    assert named({"metadata": {"annotations": UNKNOWN}}, {})["annotations"] is UNKNOWN


def test_each_resource_manages_its_fields_under_a_name_of_its_own() -> None:
    one, other = subject("kubernetes:core/v1:Pod", "one"), subject("kubernetes:core/v1:Pod", "other")
    assert field_manager(one) == field_manager(one) != field_manager(other)


def test_an_id_says_where_an_object_is() -> None:
    item = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "n"}}
    assert Reference.to(item).id == "n/p" and str(Reference.to(item)) == "Pod n/p"
    assert parse_id("n/p") == ("n", "p") and parse_id("p") == (None, "p")


def test_schema_extensions_have_a_spelling_on_each_side() -> None:
    pulumi = {"schema": {"x_kubernetes_int_or_string": True, "properties": [{"x_kubernetes_list_map_keys": ["a_b"]}]}}
    kubernetes = {
        "schema": {"x-kubernetes-int-or-string": True, "properties": [{"x-kubernetes-list-map-keys": ["a_b"]}]}
    }
    assert as_kubernetes(pulumi) == kubernetes
    assert as_pulumi(kubernetes) == pulumi
    assert as_pulumi({"x-request-id": 1, "x_other": 2}) == {"x-request-id": 1, "x_other": 2}


def test_digging_never_fails() -> None:
    assert dig({"a": [{"b": 1}]}, "a", 0, "b") == 1
    assert dig({"a": [{"b": 1}]}, "a", 1, "b") is None
    assert dig(UNKNOWN, "a") is None

"""Which changes replace an object, and which object goes first."""

from typing import Any

import pytest

from mlsandbox.providers.kubernetes.objects import Kind
from mlsandbox.providers.kubernetes.replacement import difference
from mlsandbox.providers.protocol import UNKNOWN, path_text

AUTONAMED = {"pulumi.com/autonamed": "true"}


def item(api_version: str, kind: str, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}, **fields}


def replaced(olds: dict[str, Any], news: dict[str, Any], **options: bool) -> dict[str, bool]:
    found = difference(Kind(news["apiVersion"], news["kind"]), olds, news, **options)
    return {path_text(change.path): change.replaces for change in found.changes}


@pytest.mark.parametrize(
    ("api_version", "kind", "old", "new", "replaces"),
    [
        ("apps/v1", "Deployment", {"spec": {"replicas": 1}}, {"spec": {"replicas": 2}}, {"spec.replicas": False}),
        (
            "apps/v1",
            "Deployment",
            {"spec": {"selector": {"matchLabels": {"a": "1"}}}},
            {"spec": {"selector": {"matchLabels": {"a": "2"}}}},
            {"spec.selector.matchLabels.a": True},
        ),
        ("apps/v1", "DaemonSet", {}, {"spec": {"selector": {}}}, {"spec": True}),
        ("apps/v1", "DaemonSet", {}, {"spec": {"minReadySeconds": 1}}, {"spec": False}),
        (
            "v1",
            "Pod",
            {"spec": {"containers": [{"name": "a"}, {"name": "b", "image": "1"}]}},
            {"spec": {"containers": [{"name": "a"}, {"name": "b", "image": "2"}]}},
            {"spec.containers[1].image": True},
        ),
        (
            "v1",
            "Pod",
            {"spec": {"containers": [{"name": "a"}]}},
            {"spec": {"containers": [{"name": "a"}, {"name": "b", "image": "1"}]}},
            {"spec.containers[1]": True},
        ),
        ("v1", "ConfigMap", {"data": {"a.b": "1"}}, {"data": {"a.b": "2"}}, {'data["a.b"]': True}),
        ("v1", "Secret", {"type": "Opaque"}, {"type": "tls"}, {"type": True}),
        ("v1", "Secret", {"stringData": {"a": "1"}}, {"stringData": {"a": "2"}}, {"stringData.a": True}),
        ("v1", "Service", {"spec": {"type": "ClusterIP"}}, {"spec": {"type": "NodePort"}}, {"spec.type": False}),
        (
            "batch/v1",
            "Job",
            {"spec": {"template": {"a": 1}}},
            {"spec": {"template": {"a": 2}}},
            {"spec.template.a": True},
        ),
        (
            "rbac.authorization.k8s.io/v1",
            "RoleBinding",
            {"roleRef": {"name": "a"}},
            {"roleRef": {"name": "b"}},
            {"roleRef.name": True},
        ),
        ("storage.k8s.io/v1", "StorageClass", {"provisioner": "a"}, {"provisioner": "b"}, {"provisioner": True}),
        ("example.com/v1", "Widget", {"spec": {"selector": 1}}, {"spec": {"selector": 2}}, {"spec.selector": False}),
    ],
)
def test_a_field_replaces_as_in_the_official_provider(
    api_version: str, kind: str, old: dict[str, Any], new: dict[str, Any], replaces: dict[str, bool]
) -> None:
    assert replaced(item(api_version, kind, **old), item(api_version, kind, **new)) == replaces


def test_data_that_may_change_in_place_does_unless_it_is_immutable() -> None:
    old, new = item("v1", "ConfigMap", data={"a": "1"}), item("v1", "ConfigMap", data={"a": "2"})
    assert replaced(old, new, mutable=True) == {"data.a": False}
    assert replaced({**old, "immutable": True}, {**new, "immutable": True}, mutable=True) == {"data.a": True}
    secret_old, secret_new = item("v1", "Secret", data={"a": "1"}), item("v1", "Secret", data={"a": "2"})
    assert replaced(secret_old, secret_new, mutable=True) == {"data.a": False}


def test_another_version_of_the_group_is_the_same_object_and_another_group_is_not() -> None:
    old = item("autoscaling/v1", "HorizontalPodAutoscaler")
    assert replaced(old, {**old, "apiVersion": "autoscaling/v2"}) == {"apiVersion": False}
    assert replaced(old, {**old, "apiVersion": "example.com/v1"}) == {"apiVersion": True}
    assert replaced(old, {**old, "kind": "Other"}) == {"kind": True}


def test_the_default_namespace_is_no_change() -> None:
    named = {**item("v1", "Service"), "metadata": {"name": "x", "namespace": "default"}}
    assert replaced(item("v1", "Service"), named) == {}
    moved = {**named, "metadata": {"name": "x", "namespace": "other"}}
    assert replaced(item("v1", "Service"), moved) == {"metadata.namespace": True}


def test_a_name_that_is_not_known_yet_may_replace() -> None:
    news = {**item("v1", "Service"), "metadata": {"name": UNKNOWN}}
    assert replaced(item("v1", "Service"), news) == {"metadata.name": True}


def test_a_patch_replaces_for_another_object_only() -> None:
    old, new = item("v1", "ConfigMap", data={"a": "1"}), item("v1", "ConfigMap", data={"a": "2"})
    assert replaced(old, new, patch=True) == {"data.a": False}
    assert replaced(old, {**new, "metadata": {"name": "y"}}, patch=True)["metadata.name"]


@pytest.mark.parametrize(
    ("old", "new", "first"),
    [
        ({"name": "x"}, {"name": "x"}, True),
        ({"name": "x"}, {"name": "y"}, False),
        ({"name": "x", "namespace": "a"}, {"name": "x", "namespace": "b"}, False),
        ({"name": "x-1", "annotations": AUTONAMED}, {"name": "x-1", "annotations": AUTONAMED}, False),
    ],
)
def test_the_old_object_goes_first_only_where_both_have_one_fixed_name(
    old: dict[str, Any], new: dict[str, Any], first: bool
) -> None:
    olds = {**item("v1", "ConfigMap", data={"a": "1"}), "metadata": old}
    news = {**item("v1", "ConfigMap", data={"a": "2"}), "metadata": new}
    assert difference(Kind("v1", "ConfigMap"), olds, news).delete_before_replace is first


def test_nothing_goes_first_where_nothing_is_replaced() -> None:
    olds = item("v1", "Service", spec={"type": "ClusterIP"})
    news = item("v1", "Service", spec={"type": "NodePort"})
    assert not difference(Kind("v1", "Service"), olds, news).delete_before_replace

"""Drift, imports and what a preview may tell."""

import base64
from typing import Any

import pytest

from mlsandbox.providers.kubernetes.live import drift, foreseen, importable, shown
from mlsandbox.providers.protocol import UNKNOWN


def never() -> dict[str, Any]:
    raise AssertionError("nothing differs, so nothing has to be asked")


def item(**fields: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "x"}, **fields}


def test_what_others_add_is_no_drift() -> None:
    inputs = item(spec={"ports": [{"port": 80}], "labels": {"a": "1"}})
    live = item(
        spec={"ports": [{"port": 80, "protocol": "TCP"}], "labels": {"a": "1", "b": "2"}, "type": "X"}, status={"up": 1}
    )
    assert drift(inputs, live, never) == inputs


def test_a_changed_and_a_removed_field_are_drift() -> None:
    inputs = item(spec={"replicas": 1, "labels": {"a": "1", "b": "2"}})
    live = item(spec={"replicas": 3, "labels": {"a": "1"}})
    assert drift(inputs, live, lambda: item(spec={"replicas": 1, "labels": {"a": "1", "b": "2"}})) == item(
        spec={"replicas": 3, "labels": {"a": "1"}}
    )


def test_another_spelling_of_the_same_is_no_drift_and_the_inputs_keep_theirs() -> None:
    inputs = item(spec={"cpu": "1000m", "memory": "1024Mi", "replicas": 1})
    applied = item(spec={"cpu": "1", "memory": "1Gi", "replicas": 1})
    assert drift(inputs, applied, lambda: applied) == inputs
    changed = item(spec={"cpu": "1", "memory": "2Gi", "replicas": 1})
    assert drift(inputs, changed, lambda: applied) == item(spec={"cpu": "1000m", "memory": "2Gi", "replicas": 1})


def test_without_an_answer_every_difference_is_drift() -> None:
    assert drift(item(cpu="1000m"), item(cpu="1"), lambda: None) == item(cpu="1")


def test_items_of_a_list_are_found_by_their_key() -> None:
    inputs = item(containers=[{"name": "a", "image": "1"}, {"name": "b", "image": "1"}])
    live = item(containers=[{"name": "side"}, {"name": "b", "image": "1"}, {"name": "a", "image": "1"}])
    assert drift(inputs, live, never) == inputs
    gone = item(containers=[{"name": "b", "image": "1"}])
    assert drift(inputs, gone, lambda: inputs) == item(containers=[{"name": "b", "image": "1"}])


@pytest.mark.parametrize("args", [["a"], ["a", "b", "c"], ["b", "a"]])
def test_a_list_of_values_drifts_as_a_whole(args: list[str]) -> None:
    inputs = item(args=["a", "b"])
    assert drift(inputs, item(args=args), lambda: inputs) == item(args=args)


def secret(**fields: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, **fields}


def encoded(**texts: str) -> dict[str, str]:
    return {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}


def test_a_secrets_text_is_compared_with_its_data() -> None:
    inputs = secret(stringData={"a": "1"}, data=encoded(b="2"))
    assert drift(inputs, secret(data=encoded(a="1", b="2", c="3")), never) == inputs
    changed = secret(data=encoded(a="9", b="2"))
    assert drift(inputs, changed, lambda: secret(data=encoded(a="1", b="2"))) == secret(
        stringData={"a": "9"}, data=encoded(b="2")
    )


def test_an_import_has_no_status_and_nothing_of_the_server() -> None:
    live = item(spec={"a": 1}, status={"b": 2})
    live["metadata"] |= {
        "uid": "u",
        "resourceVersion": "1",
        "managedFields": [],
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
    }
    assert importable(live) == item(spec={"a": 1})
    live["metadata"]["annotations"]["mine"] = "yes"
    assert importable(live)["metadata"] == {"name": "x", "annotations": {"mine": "yes"}}


def test_outputs_leave_the_field_managers_out() -> None:
    live = item()
    live["metadata"] |= {"managedFields": [{"manager": "m"}], "uid": "u"}
    assert shown(live)["metadata"] == {"name": "x", "uid": "u"}


def test_a_foreseen_creation_leaves_the_invented_unknown() -> None:
    live = item(spec={"selector": {"controller-uid": "u-1"}, "plain": ["u", 1]}, status={})
    live["metadata"] |= {"uid": "u-1", "resourceVersion": "1", "creationTimestamp": "t"}
    told = foreseen(live, item(), live, created=True)
    assert told["spec"] == {"selector": {"controller-uid": UNKNOWN}, "plain": ["u", 1]}
    assert told["metadata"]["uid"] is UNKNOWN and told["metadata"]["name"] == "x"
    assert "status" not in told
    assert foreseen(live, item(), live, created=False)["metadata"]["uid"] == "u-1"


def test_a_foreseen_service_has_no_address_yet_unless_it_was_given() -> None:
    live = {**item(), "kind": "Service"}
    live["metadata"]["uid"] = "u"
    live["spec"] = {"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "ports": [{"port": 1, "nodePort": 30000}]}
    told = foreseen(live, {"spec": {"ports": [{"port": 1}]}}, live, created=True)["spec"]
    assert told == {"clusterIP": UNKNOWN, "clusterIPs": UNKNOWN, "ports": [{"port": 1, "nodePort": UNKNOWN}]}
    given = {"spec": {"clusterIP": "10.0.0.1", "ports": [{"port": 1, "nodePort": 30000}]}}
    assert foreseen(live, given, live, created=True)["spec"] == live["spec"]

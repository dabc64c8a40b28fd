"""States that the sandbox's former Kubernetes provider wrote."""

import json
from pathlib import Path
from typing import Any

import pytest

from mlsandbox.ground.layout import Layout
from mlsandbox.host import older_states

SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:x"}
INPUTS = {"apiVersion": "v1", "kind": "Secret", "stringData": {"key": SECRET}}
OLD = {"type": "kubernetes:core/v1:Secret", "inputs": INPUTS, "outputs": {"__fieldManager": "x", **INPUTS}}
NEW = {**OLD, "outputs": {**OLD["outputs"], "__inputs": {"a": 1}, "__initialApiVersion": "v1"}}
OTHER = {"type": "aws:s3/bucket:Bucket", "inputs": {}, "outputs": {}}


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "sandbox")
    layout.prepare()
    return layout


def state(layout: Layout, *resources: Any) -> Path:
    path = layout.pulumi_backend / ".pulumi" / "stacks" / "project" / "local.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"version": 3, "checkpoint": {"latest": {"resources": resources}}}))
    return path


def test_objects_get_the_inputs_that_the_new_provider_requires(layout: Layout) -> None:
    path = state(layout, OTHER, OLD, NEW)
    assert older_states.complete(layout) == [path]
    other, old, new = json.loads(path.read_text())["checkpoint"]["latest"]["resources"]
    assert old["outputs"] == {**OLD["outputs"], "__inputs": INPUTS, "__initialApiVersion": "v1"}
    assert (other, new) == (OTHER, NEW)
    assert older_states.complete(layout) == []


def test_a_state_without_such_objects_is_not_changed(layout: Layout) -> None:
    path = state(layout, OTHER, NEW)
    before = path.read_bytes()
    assert older_states.complete(layout) == []
    assert path.read_bytes() == before


@pytest.mark.parametrize("text", ["", "null", '{"__fieldManager": 1', '{"checkpoint": {}, "__fieldManager": ""}'])
def test_a_broken_state_is_not_changed(layout: Layout, text: str) -> None:
    path = state(layout)
    path.write_text(text)
    assert older_states.complete(layout) == []
    assert path.read_text() == text

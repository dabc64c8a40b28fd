"""Resource options on a component, in programs of one's own; nothing is brought up."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.engine

KEY = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"


@pytest.fixture
def program(project: Any, sandbox: Any, root: Path) -> Any:
    """Previews a program that begins with all imports of the documentation; its steps by the resources' names."""
    folder = project.folder / "own"
    folder.mkdir()

    def preview(text: str) -> dict[str, dict[str, Any]]:
        (folder / "Pulumi.yaml").write_text("name: own\nruntime:\n  name: python\n  options: {virtualenv: ../.venv}\n")
        (folder / "__main__.py").write_text(
            f"import pulumi\nfrom mlplatform import DataBucket, GpuNodePool\n\nkey_arn = {KEY!r}\n{text}"
        )
        own = type(project)(folder, sandbox)
        own.pulumi("stack", "select", "--create", "local")
        own.pulumi("config", "set", "aws:region", "us-east-1", "--stack", "local")
        return {step["newState"]["urn"].rsplit("::", 1)[-1]: step["newState"] for step in own.preview()}

    yield preview
    shutil.rmtree(folder)


def test_the_transform_of_the_documentation_reaches_the_child_that_it_is_for(program: Any, root: Path) -> None:
    (example,) = [
        text
        for text in re.findall(r"```python\n(.*?)```", (root / "docs" / "reuse.md").read_text(), re.DOTALL)
        if "transforms=" in text
    ]
    steps = program(example)
    nodes = steps.pop("training-nodes")
    assert nodes["customTimeouts"]["update"] == 4 * 3600
    assert nodes["ignoreChanges"] == ["scalingConfig.desiredSize"]
    assert [name for name, state in steps.items() if state.get("ignoreChanges") or state.get("customTimeouts")] == []


def test_a_caller_s_retention_and_protection_reach_every_child(program: Any) -> None:
    steps = program(
        "options = pulumi.ResourceOptions(retain_on_delete=True, protect=True)\n"
        'DataBucket("mine", {"bucket": {"retain": False}, "data_key_arn": key_arn}, options)\n'
        'DataBucket("other", {"bucket": {"retain": False}, "data_key_arn": key_arn})\n'
    )
    for flag in ("retainOnDelete", "protect"):
        assert {name.split("-")[0] for name, state in steps.items() if state.get(flag)} == {"mine"}
        assert not [name for name, state in steps.items() if name.startswith("mine-") and not state.get(flag)]


def test_an_output_that_does_not_exist_ends_the_update_with_the_argument_s_name(program: Any, project: Any) -> None:
    """In a sentence, without a traceback."""
    text = (
        'own = pulumi.StackReference("organization/own/local")\n'
        'DataBucket("mine", {"bucket": {}, "data_key_arn": own.get_output("dataKeyArm")})\n'
    )
    with pytest.raises(AssertionError) as raised:
        program(text)
    told = str(raised.value)
    assert "mine: data_key_arn is None; allowed: a value, since AWS's default would take its place" in told
    assert "Traceback" not in told

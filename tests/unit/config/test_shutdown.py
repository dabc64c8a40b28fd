"""The models of the stack files finish what they answer before they end."""

import re
from pathlib import Path
from typing import Final

import pytest
import yaml

from mlplatform.serving.inference_service.spec import STOP_SECONDS

STACKS: Final = Path(__file__).parents[3] / "stacks"


@pytest.mark.parametrize("file", sorted(STACKS.glob("Pulumi.*.yaml")), ids=lambda file: file.name)
def test_vllm_waits_for_answers_and_ends_before_it_is_killed(file: Path) -> None:
    platform = yaml.safe_load(file.read_text(encoding="utf-8"))["config"]["mlplatform:platform"]
    assert platform["inference"]
    for model in platform["inference"].values():
        found = re.search(r"--shutdown-timeout[= ](\d+)( |$)", " ".join(model["commandArgs"]))
        assert found
        assert 0 < int(found[1]) < STOP_SECONDS

"""The models in the stack files finish their responses before they stop."""

import re
from pathlib import Path
from typing import Final

import pytest
import yaml

from mlplatform.serving.inference_service.spec import STOP_SECONDS

STACKS: Final = Path(__file__).parents[3] / "stacks"


@pytest.mark.parametrize("file", sorted(STACKS.glob("Pulumi.*.yaml")), ids=lambda file: file.name)
def test_vllm_waits_for_responses_and_stops_before_it_is_killed(file: Path) -> None:
    platform = yaml.safe_load(file.read_text(encoding="utf-8"))["config"]["mlplatform:platform"]
    assert platform["inference"]
    for model in platform["inference"].values():
        found = re.search(r"--shutdown-timeout[= ](\d+)( |$)", " ".join(model["commandArgs"]))
        assert found
        assert 0 < int(found[1]) < STOP_SECONDS

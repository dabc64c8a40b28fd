"""Wrong stack files as data: the file in `wrong/NAME.yaml`, what a person is told in `wrong/NAME.txt`."""

from pathlib import Path

import pytest

from mlpctl import config

HERE = Path(__file__).parent
CASES = sorted((HERE / "wrong").glob("*.yaml"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_wrong_stack_file_is_told(path, monkeypatch, golden):
    monkeypatch.chdir(path.parent)
    with pytest.raises(config.ConfigError) as error:
        config.read(path)
    golden(path.with_suffix(".txt"), f"{error.value}\n")


def test_every_message_has_its_file():
    assert {path.with_suffix(".txt") for path in CASES} == set((HERE / "wrong").glob("*.txt"))
    assert len(CASES) >= 105

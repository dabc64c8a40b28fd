"""Invalid stack files, `wrong/NAME.yaml`, and the messages about them, `wrong/NAME.txt`."""

from pathlib import Path

import pytest

from mlpctl import config

HERE = Path(__file__).parent
CASES = sorted((HERE / "wrong").glob("*.yaml"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_an_invalid_stack_file_is_reported(path, monkeypatch, golden):
    monkeypatch.chdir(path.parent)
    with pytest.raises(config.ConfigError) as error:
        config.read(path)
    golden(path.with_suffix(".txt"), f"{error.value}\n")


def test_every_message_has_its_file():
    assert {path.with_suffix(".txt") for path in CASES} == set((HERE / "wrong").glob("*.txt"))
    assert len(CASES) >= 105

"""Plain YAML scalars: for each one that `mlpctl.config` accepts, the real engine reads the same value."""

import json
import random
from typing import Any, Final

import pytest

from mlpctl.config.yaml_file import YamlError, parse

pytestmark = pytest.mark.engine

KNOWN: Final = (
    *("yes", "no", "on", "y", "True", "FALSE", "~", "Null", "0o17", "0x1F", "-0x1F", "0b101", "1_000", "_1", "1_000.5"),
    *("1:30", "1e3", "1.5e+3", ".5", "5.", "+5", "3.0", "99999999999999999999", "1.2.3", "10.0.0.0/16", "!!str 5"),
    *("!!int '7'", "!!float 7.5", '!!bool "true"', "!!null ''", "'012'", '"x"', "012", "2026-01-01", ".inf", "0X1f"),
)
ALPHABET: Final = (
    "0",
    "1",
    "7",
    "9",
    "x",
    "o",
    "b",
    "_",
    ".",
    "+",
    "-",
    "e",
    "E",
    ":",
    "~",
    "t",
    "T",
    "true",
    "null",
    "a",
)


def words(count: int) -> list[str]:
    """The known words, and random ones with the characters of numbers and constants."""
    draw = random.Random(20260901)
    made = ["".join(draw.choices(ALPHABET, k=draw.randint(1, 6))) for _ in range(count)]
    return [*KNOWN, *dict.fromkeys(made)]


def accepted(word: str) -> bool:
    try:
        return not parse(f"key: {word}".encode()).problems
    except YamlError:
        return False


def test_accepted_words_have_the_same_value_in_the_engine(sandbox: Any, project_for: Any, tmp_path: Any) -> None:
    kept = [word for word in words(600) if accepted(word)]
    assert len(kept) > 300
    text = "config:\n  trial:words:\n" + "".join(f"    w{number}: {word}\n" for number, word in enumerate(kept))
    (tmp_path / "Pulumi.yaml").write_text("name: trial\nruntime: python\n")
    with project_for("local") as other:
        trial = type(other)(tmp_path, sandbox, "words")
        trial.pulumi("stack", "init", "words")
        (tmp_path / "Pulumi.words.yaml").write_text(text)
        read = json.loads(trial.pulumi("config", "--json", "--stack", "words").stdout)
        trial.pulumi("stack", "rm", "--yes", "words")
    theirs = json.loads(read["trial:words"]["value"])
    ours = parse(text.encode()).data["config"]["trial:words"]
    differing = [
        (word, theirs[f"w{n}"], ours[f"w{n}"]) for n, word in enumerate(kept) if theirs[f"w{n}"] != ours[f"w{n}"]
    ]
    assert differing == []

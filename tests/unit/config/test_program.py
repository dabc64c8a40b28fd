"""The config that a running program gets from the engine."""

import json
from collections.abc import Callable

import pulumi
import pytest

from mlpctl.config import program
from mlplatform.spec import Spec


class Stack(Spec):
    profile: str
    size: int = 1


FILE = "config:\n  aws:region: eu-central-1\n  mlplatform:platform:\n    profile: dev\n    size: {size}\n"
Engine = Callable[..., None]


@pytest.fixture
def engine(tmp_path, monkeypatch) -> Engine:
    """An engine that runs the stack `local` of a project in its own folder."""

    def run(config: dict[str, str], file: str | None = None, secret: bool = False) -> None:
        if file is not None:
            (tmp_path / "Pulumi.yaml").write_text("name: mlplatform\nstackConfigDir: stacks\n")
            (tmp_path / "stacks").mkdir()
            (tmp_path / "stacks" / "Pulumi.local.yaml").write_text(file)
        monkeypatch.setattr(pulumi, "get_root_directory", lambda: str(tmp_path))
        monkeypatch.setattr(pulumi, "get_stack", lambda: "local")
        pulumi.runtime.set_all_config(config, ["mlplatform:platform"] if secret else [])

    return run


def config(**platform) -> dict[str, str]:
    return {"aws:region": "eu-central-1", "mlplatform:platform": json.dumps(platform)}


def message() -> str:
    with pytest.raises(pulumi.RunError) as error:
        program.load(Stack, {})
    heading, _, text = str(error.value).partition("\n")
    assert heading == "the config is invalid:"
    return text


def test_the_engines_values_are_loaded(engine):
    engine(config(profile="dev", size=3))
    loaded = program.load(Stack, {"dev": {"size": 2}})
    assert (loaded.platform, loaded.region) == (Stack(profile="dev", size=3), "eu-central-1")


def test_problems_are_reported_with_the_lines_of_the_stack_file(engine):
    engine(config(profile="dev", size="big"), FILE.format(size="big"))
    assert message() == '  line 5  size is "big"; allowed: a whole number\n1 problem in stacks/Pulumi.local.yaml'


@pytest.mark.parametrize("file", [None, FILE.format(size=4), "[", "config: {}"])
def test_problems_of_values_from_elsewhere_are_reported_without_lines(engine, file):
    engine(config(profile="dev", size="big"), file)
    assert message() == '  size is "big"; allowed: a whole number\n1 problem in the config of stack local'


def test_a_missing_platform_and_region_are_reported(engine):
    engine({})
    assert message().splitlines()[:2] == [
        "  aws:region is missing; allowed: a region such as eu-central-1",
        "  mlplatform:platform is missing; allowed: the platform's config",
    ]


def test_a_platform_that_is_text_is_reported(engine):
    engine({"aws:region": "eu-central-1", "mlplatform:platform": "here"})
    assert message().startswith('  mlplatform:platform is "here"; allowed: a mapping')


def test_a_secret_in_the_platform_is_reported_with_its_line_and_hidden(engine):
    engine(config(profile="dev", size="hunter2"), FILE.format(size="{secure: v1:abc}"), secret=True)
    assert message().startswith("  line 5  size contains a secret (`secure:`)")
    assert "hunter2" not in message()


def test_a_secret_from_elsewhere_is_reported_and_hidden(engine):
    engine(config(profile="dev", size="hunter2"), secret=True)
    assert message().startswith("  mlplatform:platform contains a secret (`secure:`)")
    assert "hunter2" not in message()


def test_a_secret_in_a_file_that_the_engine_did_not_read_is_ignored(engine):
    engine(config(profile="dev"), FILE.format(size="{secure: v1:abc}"))
    assert program.load(Stack, {}).platform == Stack(profile="dev")


def test_the_engines_region_is_used(engine):
    engine(config(profile="dev", size=3) | {"aws:region": "us-west-2"}, FILE.format(size=3))
    loaded = program.load(Stack, {})
    assert loaded.region == "us-west-2"
    assert loaded.lines == {}

"""Image caches have unique names, because every repository whose name starts with a cache's name belongs to it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from mlpctl import config
from mlpctl.config import ConfigError, Platform, profiles
from mlpctl.config.stack_file import check
from mlpctl.config.yaml_file import Document


def values(prefix: str) -> Any:
    platform = {
        "profile": "dev",
        "owner": "a",
        "network": {"zones": ["us-east-1a", "us-east-1b"]},
        "cluster": {"privateAccessCidrs": ["192.168.0.0/20"]},
        "images": {"repositories": {"serving": {}}, "pullThrough": {prefix: {"upstream": "quay.io"}}},
    }
    return {"config": {"aws:region": "us-east-1", "mlplatform:platform": platform}}


def stack(folder: Path, prefix: str, project: str | None) -> Path:
    (folder / "stacks").mkdir()
    if project is not None:
        (folder / "Pulumi.yaml").write_text(project)
    file = folder / "stacks" / "Pulumi.dev.yaml"
    file.write_text(yaml.safe_dump(values(prefix), sort_keys=False))
    return file


def test_a_cache_must_not_have_the_name_of_the_project(tmp_path: Path) -> None:
    file = stack(tmp_path, "team-ml", "name: team-ml\nruntime: python\nstackConfigDir: stacks\n")
    with pytest.raises(ConfigError) as error:
        config.read(file)
    (problem,) = error.value.problems
    assert problem.path == ("images", "pullThrough") and problem.line
    assert problem.message == "has team-ml" and problem.allowed and "begin with team-ml/" in problem.allowed


@pytest.mark.parametrize("prefix", ["team", "team-ml2", "quay"])
def test_a_cache_may_have_any_other_name(prefix: str, tmp_path: Path) -> None:
    config.read(stack(tmp_path, prefix, "name: team-ml\nruntime: python\nstackConfigDir: stacks\n"))


@pytest.mark.parametrize("project", [None, "runtime: python", "[]", ": :"])
def test_without_a_project_nothing_is_reported(project: str | None, tmp_path: Path) -> None:
    config.read(stack(tmp_path, "team-ml", project))


def test_the_engines_project_is_used() -> None:
    with pytest.raises(ConfigError, match="pullThrough"):
        check(Document(values("mine")), "Pulumi.made.yaml", Platform, profiles.PROFILES, "mine")

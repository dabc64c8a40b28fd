"""The policy pack in the real engine: it blocks an update, and a waiver or the absence of the fault lets it pass."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import own_rules
from engine.conftest import Project
from mlpctl.policies.rules import rules

pytestmark = pytest.mark.engine

PACK = Path(__file__).parents[2] / "platform" / "policies"
PROGRAM = """
import pulumi_aws as aws

bucket = aws.s3.Bucket("open", force_destroy=True)
"""


@pytest.fixture
def project(root: Path, tmp_path: Path, sandbox: Any) -> Iterator[Project]:
    """A program with one bucket, in a stack with the platform's config of `local`."""
    project = Project.copy(root, tmp_path, sandbox, "local")
    (project.folder / "platform" / "__main__.py").write_text(PROGRAM)
    shutil.copytree(PACK, project.folder / "platform" / "policies")
    own_rules.pack(project.folder)
    project.edit("policies", value={"packs": ["acme"]})
    project.pulumi("stack", "init", "local")
    yield project
    project.pulumi("destroy", "--yes", "--skip-preview", "--stack", "local")
    project.pulumi("stack", "rm", "--yes", "--stack", "local")


def up(project: Project, *options: str) -> Any:
    command = (
        "up",
        "--yes",
        "--stack",
        "local",
        "--policy-pack",
        str(project.folder / "platform" / "policies"),
        *options,
    )
    return project.pulumi(*command, check=False)


def buckets(project: Project) -> list[str]:
    state = json.loads(project.pulumi("stack", "export", "--stack", "local").stdout)["deployment"]
    return [each["urn"] for each in state.get("resources", ()) if each["type"] == "aws:s3/bucket:Bucket"]


LAST_DAY = str(datetime.now(UTC).date() + timedelta(days=300))


def waive(project: Project, *ids: str) -> None:
    entry = {"resource": "open", "reason": "public benchmark data", "owner": "ml", "expires": LAST_DAY}
    project.edit("policies", value={"packs": ["acme"], "waivers": [entry | {"rule": id} for id in ids]})


def test_a_mandatory_violation_blocks_the_update_and_waivers_let_it_pass(project: Project) -> None:
    blocked = up(project)
    assert blocked.returncode != 0
    assert "ML-S3-01: open has no public access block. Add a BucketPublicAccessBlock" in blocked.stdout
    assert "[mandatory]" in blocked.stdout
    own = f"{own_rules.ID}: open has a name without acme-. Begin the name with acme-."
    assert own in blocked.stdout, "a rule of the team's own"
    assert buckets(project) == []

    found = [id for id in (own_rules.ID, *(rule.id for rule in rules())) if f"{id}: open " in blocked.stdout]
    waive(project, *found)
    passed = up(project)
    assert passed.returncode == 0, passed.stdout
    assert len(buckets(project)) == 1
    assert "ML-S3-01: open" not in passed.stdout


def test_a_waiver_that_matches_nothing_is_reported(project: Project) -> None:
    (project.folder / "platform" / "__main__.py").write_text("")
    waive(project, "ML-S3-01")
    done = up(project)
    assert done.returncode == 0, done.stdout
    assert "The waiver of ML-S3-01 for open matches no violation." in done.stdout

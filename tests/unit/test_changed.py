"""`mlpctl config changed`: which stacks a change in git affects."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from unit.review.commands import Mlpctl, mlpctl, prices

__all__ = ["mlpctl", "prices"]  # fixtures

STACKS = ("dev", "local", "prod", "staging")


class Repository:
    """A repository with the project's stack files."""

    def __init__(self, folder: Path, mlpctl: Mlpctl) -> None:
        self.folder, self._mlpctl = folder, mlpctl

    def git(self, *command: str) -> str:
        identity = {f"GIT_{who}_{what}": "t@t" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        config = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
        done = subprocess.run(
            ["git", *command],
            cwd=self.folder,
            env={**os.environ, **identity, **config},
            capture_output=True,
            check=True,
        )
        return done.stdout.decode().strip()

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "x")

    def edit(self, name: str, change: Callable[[str], str]) -> None:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(change(file.read_text() if file.exists() else ""))

    def affected(self, since: str = "HEAD", *more: str) -> list[str]:
        ran = self._mlpctl("config", "changed", "--since", since, "--json", *more)
        assert ran.code == 0, ran.errors
        return list(json.loads(ran.out))

    def why(self, since: str = "HEAD") -> str:
        return self._mlpctl("config", "changed", "--since", since).out


@pytest.fixture(scope="module")
def committed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository")
    shutil.copy(root / "Pulumi.yaml", folder)
    shutil.copytree(root / "stacks", folder / "stacks")
    for name in ("platform/__main__.py", "components/lib/a.py", "docs/a.md", "platform/README.md", "prompts/a.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x\n")
    made = Repository(folder, None)  # type: ignore[arg-type] # runs no commands
    made.git("init", "--quiet", "--initial-branch", "main")
    made.commit()
    return folder


@pytest.fixture
def repository(committed: Path, tmp_path: Path, mlpctl: Mlpctl, monkeypatch: pytest.MonkeyPatch) -> Repository:
    folder = tmp_path / "repository"
    shutil.copytree(committed, folder)
    monkeypatch.chdir(folder)
    return Repository(folder, mlpctl)


DEV = "stacks/Pulumi.dev.yaml"


def test_no_stack_differs_without_a_change_of_meaning(repository: Repository) -> None:
    assert repository.affected() == []
    repository.edit(DEV, lambda text: f"# a comment\n{text}\n\n")
    repository.edit("docs/a.md", lambda text: "y")
    repository.edit("platform/README.md", lambda text: "y")
    repository.edit("stacks/schema.json", lambda text: "{}")
    repository.edit("tests/new.py", lambda text: "y")
    assert repository.affected() == []
    assert "No stack differs from" in repository.why()


def test_a_changed_value_affects_its_stack_and_is_named(repository: Repository) -> None:
    repository.edit(DEV, lambda text: text.replace("maxMonthlyUsd: ", "maxMonthlyUsd: 1"))
    repository.edit("stacks/Pulumi.prod.yaml", lambda text: f"{text}  other:key: 5\n")
    assert repository.affected() == ["dev", "prod"]
    assert "dev: cost.maxMonthlyUsd\n" in repository.why()
    assert "prod: config of other packages" in repository.why()


def test_a_value_that_equals_its_default_affects_nothing(repository: Repository, root: Path) -> None:
    from mlpctl import config

    loaded = config.read(root / DEV)
    assert not loaded.platform.protect
    assert "\n    protect:" not in (root / DEV).read_text()
    repository.edit(
        DEV, lambda text: text.replace("mlplatform:platform:\n", "mlplatform:platform:\n    protect: false\n")
    )
    assert repository.affected() == []
    repository.edit(DEV, lambda text: text.replace("protect: false", "protect: true"))
    assert repository.affected() == ["dev"]
    assert "protect" in repository.why()


@pytest.mark.parametrize(
    "name", ["platform/__main__.py", "components/lib/new.py", "facts/x.yaml", "requirements.lock", "Pulumi.yaml"]
)
def test_a_change_of_the_program_affects_every_stack(repository: Repository, name: str) -> None:
    repository.edit(name, lambda text: f"{text}# changed\n")
    assert repository.affected() == [*STACKS]
    assert f"the program: {name}" in repository.why()


def test_a_deleted_file_of_the_program_affects_every_stack(repository: Repository) -> None:
    (repository.folder / "components/lib/a.py").unlink()
    assert repository.affected() == [*STACKS]


def test_a_change_of_own_rules_affects_the_stacks_that_name_them(repository: Repository) -> None:
    repository.edit(DEV, lambda text: f"{text}    policies: {{packs: [rules]}}\n")
    repository.edit("rules/queues.py", lambda text: "x")
    repository.commit()
    repository.edit("rules/queues.py", lambda text: "y")
    assert repository.affected() == ["dev"]
    assert "dev: its own rules: rules/queues.py" in repository.why()


def test_rules_behind_links_are_own_rules(repository: Repository) -> None:
    repository.edit(DEV, lambda text: f"{text}    policies: {{packs: [policies/acme, linked/inner]}}\n")
    for name in ("rules2/acme2/a.py", "rules2/other/a.py", "shared/b.py", "deep/inner/c.py", "unrelated/a.py"):
        repository.edit(name, lambda text: "x")
    links = {"policies/acme": "../rules2/way", "rules2/way": "acme2", "rules2/acme2/b.py": "../../shared/b.py"}
    for link, target in {**links, "linked": "deep", "rules2/acme2/loop": "loop"}.items():
        (repository.folder / link).parent.mkdir(exist_ok=True)
        (repository.folder / link).symlink_to(target)
    repository.commit()
    assert repository.affected() == []
    for name in ("rules2/acme2/a.py", "shared/b.py", "deep/inner/c.py"):
        repository.edit(name, lambda text: "y")
        assert repository.affected() == ["dev"], name
        assert f"dev: its own rules: {name}" in repository.why()
        repository.git("checkout", "--quiet", ".")
    for link, target in {"policies/acme": "../rules2/other", "rules2/way": "other"}.items():
        (repository.folder / link).unlink()
        (repository.folder / link).symlink_to(target)
        assert repository.affected() == ["dev"], link
        repository.git("checkout", "--quiet", ".")
    repository.edit("unrelated/a.py", lambda text: "y")
    assert repository.affected() == []


def test_a_program_behind_a_link_is_the_program(repository: Repository) -> None:
    repository.edit("lib/facts/a.yaml", lambda text: "x")
    (repository.folder / "facts").symlink_to("lib/facts")
    repository.commit()
    repository.edit("lib/facts/a.yaml", lambda text: "y")
    assert repository.affected() == [*STACKS]


def test_other_files_of_the_program_can_be_named(repository: Repository) -> None:
    repository.edit("prompts/a.txt", lambda text: "y")
    assert repository.affected() == []
    assert repository.affected("HEAD", "--also", "prompts") == [*STACKS]


def test_new_invalid_and_deleted_stack_files(repository: Repository, mlpctl: Mlpctl) -> None:
    shutil.copy(repository.folder / DEV, repository.folder / "stacks/Pulumi.new.yaml")
    repository.edit(DEV, lambda text: f"{text}\n: [")
    (repository.folder / "stacks/Pulumi.staging.yaml").unlink()
    assert repository.affected() == ["dev", "new"]
    ran = mlpctl("config", "changed", "--since", "HEAD")
    assert "dev: an invalid stack file" in ran.out
    assert "new: a new stack" in ran.out
    assert ran.errors == "The file of stack staging is deleted. Destroy the stack first if it exists.\n"


def test_what_the_other_branch_changed_is_no_change_of_this_one(repository: Repository) -> None:
    repository.git("switch", "--quiet", "--create", "change")
    repository.edit(DEV, lambda text: text.replace("us-east-1", "us-west-2"))
    repository.commit()
    repository.git("switch", "--quiet", "main")
    repository.edit("platform/__main__.py", lambda text: "y")
    repository.commit()
    repository.git("switch", "--quiet", "change")
    assert repository.affected("main") == ["dev"]
    repository.git("merge", "--quiet", "--no-edit", "main")
    assert repository.affected("HEAD^2") == ["dev"], "as in a merge commit of a pull request"


@pytest.mark.parametrize("since", ["nowhere", "--output=x", ""])
def test_an_unknown_commit_is_a_sentence(repository: Repository, mlpctl: Mlpctl, since: str) -> None:
    ran = mlpctl("config", "changed", f"--since={since}")
    assert (ran.code, ran.out) == (2, "")
    assert "git rev-parse failed" in ran.errors
    assert "fetch-depth" in ran.errors


def test_a_folder_outside_of_a_repository_is_a_sentence(mlpctl: Mlpctl, tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: x\n")
    ran = mlpctl("config", "changed", "--since", "HEAD")
    assert (ran.code, "not a git repository" in ran.errors) == (2, True)

"""`mlpctl review --watch`: what is run when which files are saved."""

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console

from mlpctl import rerun
from mlpctl.rerun import QUIET_S, Stamps
from unit.review.commands import Mlpctl, mlpctl, prices

__all__ = ["mlpctl", "prices"]  # fixtures

ROOT = Path("/project")
FILE = ROOT / "stacks" / "Pulumi.dev.yaml"


class Scene:
    """Runs `watch` over a script: what each look at the files finds; Ctrl-C follows."""

    def __init__(self, *looks: Stamps, terminal: bool = False) -> None:
        self.out = io.StringIO()
        self.runs = 0
        self.slept: list[float] = []
        self._looks: Iterator[Stamps] = iter(looks)
        self.code = rerun.watch(
            self._run, self._look, ROOT, Console(file=self.out, force_terminal=terminal, width=200), self.slept.append
        )

    def _run(self) -> int:
        self.runs += 1
        return self.runs - 1

    def _look(self) -> Stamps:
        try:
            return next(self._looks)
        except StopIteration:
            raise KeyboardInterrupt from None


def at(second: int, *more: Path) -> Stamps:
    return dict.fromkeys((FILE, *more), (second, 10))


def test_ctrl_c_ends_with_0() -> None:
    scene = Scene(at(1), at(1))
    assert (scene.code, scene.runs) == (0, 1)
    assert "Exit code 0. Waiting" in scene.out.getvalue()


def test_a_save_is_reviewed_when_it_is_complete() -> None:
    saved = Scene(at(1), at(1), at(2), at(2), at(3), at(4), at(4), at(4))
    assert saved.runs == 2
    assert saved.slept == [rerun.POLL_S, QUIET_S, QUIET_S, QUIET_S]
    assert "Saved: stacks/Pulumi.dev.yaml." in saved.out.getvalue()


def test_a_review_that_fails_is_followed_by_the_next_one() -> None:
    saved = Scene(at(1), at(2), at(2), at(2), at(2))
    assert saved.runs == 2
    assert "Exit code 1. Waiting" in saved.out.getvalue()


def test_a_file_that_is_saved_during_a_review_is_reviewed_next() -> None:
    saved = Scene(at(1), at(2), at(2), at(2), at(2), at(2))
    assert (saved.runs, saved.slept.count(QUIET_S)) == (2, 1)


def test_new_and_deleted_files_are_changes_and_the_first_are_named() -> None:
    files = [ROOT / "platform" / f"{name}.py" for name in "abcd"]
    made = Scene(at(1), at(1, *files), at(1, *files), at(1, *files), at(1, *files), at(1), at(1), at(1), at(1))
    assert made.runs == 3
    text = "platform/a.py, platform/b.py, platform/c.py, and 1 file more."
    assert made.out.getvalue().count(text) == 2


def test_only_a_terminal_is_cleared() -> None:
    assert "\x1b[2J" in Scene(at(1), terminal=True).out.getvalue()
    assert "\x1b" not in Scene(at(1)).out.getvalue()


def test_the_files_are_those_of_the_stack_the_program_and_the_library(tmp_path: Path) -> None:
    seen = ["Pulumi.yaml", "stacks/Pulumi.dev.yaml", "program/main.py", "components/lib/a.py", "facts/x/types.yaml"]
    others = [
        "stacks/Pulumi.prod.yaml",
        "program/__pycache__/main.pyc",
        "program/.venv/x.py",
        "docs/a.md",
        "tests/a.py",
    ]
    for name in (*seen, *others, "program/report.json", "program/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "Pulumi.yaml").write_text("name: x\nmain: program\nstackConfigDir: stacks\n")
    found = rerun.stamps(tmp_path, "org/x/dev", {tmp_path / "program" / "report.json"})
    assert {path.relative_to(tmp_path).as_posix() for path in found} == set(seen)
    (tmp_path / "Pulumi.yaml").write_text("name: [")
    assert tmp_path / "components" / "lib" / "a.py" in rerun.stamps(tmp_path, "dev")


def test_a_program_next_to_its_project_file_is_watched_without_other_stacks(tmp_path: Path) -> None:
    for name in ("__main__.py", "Pulumi.dev.yaml", "Pulumi.prod.yaml"):
        (tmp_path / name).write_text("")
    (tmp_path / "Pulumi.yaml").write_text("name: x\nruntime: python\n")
    found = {path.name for path in rerun.stamps(tmp_path, "dev")}
    assert found == {"__main__.py", "Pulumi.dev.yaml", "Pulumi.yaml"}


def test_watching_an_existing_plan_is_rejected(mlpctl: Mlpctl) -> None:
    ran = mlpctl("review", "--watch", "--plan", "plan.json")
    assert (ran.code, "--watch runs previews" in ran.errors) == (2, True)


def test_watching_needs_a_project(mlpctl: Mlpctl) -> None:
    assert "There is no Pulumi.yaml" in mlpctl("review", "--watch").errors


Waited = Callable[[Callable[[], bool]], None]


def wait(until: Callable[[], bool]) -> None:
    for _ in range(400):
        if until():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen within 20 s")


@pytest.mark.engine
def test_a_real_process_reviews_again_survives_a_broken_file_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    """Each review is a process, which stops at the stack file: no engine is needed."""
    (tmp_path / "Pulumi.yaml").write_text("name: mlplatform\nruntime: python\n")
    stack = tmp_path / "Pulumi.dev.yaml"
    stack.write_text("config:\n  mlplatform:platform: {first: 1}\n")
    log = tmp_path / "log.txt"
    with log.open("w") as out, subprocess.Popen(
        [sys.executable, "-m", "mlpctl", "review", "--stack", "dev", "--account", "--watch"],
        cwd=tmp_path, stdout=out, stderr=out, start_new_session=True,
    ) as watching:  # fmt: skip
        wait(lambda: log.read_text().count("Waiting for a file") == 1)
        assert "first" in log.read_text()
        stack.write_text("config: [")
        wait(lambda: log.read_text().count("Waiting for a file") == 2)
        stack.write_text("config:\n  mlplatform:platform: {third: 1}\n")
        wait(lambda: log.read_text().count("Waiting for a file") == 3)
        assert "third" in log.read_text()
        os.killpg(watching.pid, signal.SIGINT)
        assert watching.wait(20) == 0
    assert "Traceback" not in log.read_text()

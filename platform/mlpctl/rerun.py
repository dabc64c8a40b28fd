"""Runs a command again whenever a file is saved: `mlpctl review --watch`."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml
from rich.console import Console

from mlpctl import project
from mlpctl.text import number

POLL_S: Final = 0.5
"""Time in seconds between two looks at the files."""

QUIET_S: Final = 0.3
"""Time in seconds without changes after which a save is complete: editors and `git switch` write several files."""

WATCH: Final = "--watch"

_SUFFIXES: Final = (".py", ".yaml", ".yml", ".json", ".csv", ".toml")
_IGNORED: Final = frozenset({"__pycache__", "node_modules", "venv"})
_GRACE_S: Final = 10.0
_MOST_NAMES: Final = 3

Stamps = Mapping[Path, tuple[int, int]]
"""Files with the time of their last change, in nanoseconds, and their size."""


def review(arguments: Sequence[str], stack: str, written: Collection[Path], console: Console) -> int:
    """Review a stack now and whenever its file, the program or the library is saved, until Ctrl-C. Returns 0.

    Each review is a process of its own, which imports the saved code.

    Args:
        arguments: The arguments of `mlpctl`, with `--watch`.
        stack: The stack.
        written: Files that the review writes.
        console: Where what happens is printed.

    Raises:
        NoProjectError: There is no project.
    """
    root = project.root()
    command = [sys.executable, "-m", "mlpctl", *(each for each in arguments if each != WATCH)]
    ours = {path.absolute() for path in written}
    return watch(lambda: _run(command), lambda: stamps(root, stack, ours), root, console)


def watch(
    run: Callable[[], int],
    look: Callable[[], Stamps],
    root: Path,
    console: Console,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Run something now and after every change, until Ctrl-C. Returns 0.

    Args:
        run: What is run; returns its exit code.
        look: The files, as they are now.
        root: Folder whose files are named relative to it.
        console: Where what happens is printed; a terminal is cleared before each run.
        sleep: Waits for some seconds.
    """

    def say(text: str) -> None:
        console.print(text, style="dim", markup=False, highlight=False, soft_wrap=True)

    try:
        while True:
            # Before the run: a file that is saved during the run is reviewed next.
            before = look()
            console.clear()
            code = run()
            say(f"Exit code {code}. Waiting for a file to be saved; Ctrl-C ends.")
            while not (changed := _changed(before, look())):
                sleep(POLL_S)
            changed = _settled(before, look, sleep)
            say(f"Saved: {', '.join(_names(changed, root))}.")
    except KeyboardInterrupt:
        return 0


def stamps(root: Path, stack: str, ours: Collection[Path] = ()) -> Stamps:
    """The files that decide what a review says.

    Args:
        root: The folder of the project.
        stack: The stack: files of other stacks are left out.
        ours: Files that the review itself writes.
    """
    settings = _settings(root)
    program, configs = project.program(root, settings), project.configs(root, settings)
    own = configs / f"Pulumi.{stack.rsplit('/', 1)[-1]}.yaml"
    found: dict[Path, tuple[int, int]] = {}
    libraries = (file for each in project.LIBRARIES for file in _below(root / each))
    for path in (root / project.PROJECT_FILE, own, *_below(program), *libraries):
        another = path.parent == configs and path.name.startswith("Pulumi.") and path != own
        if path in found or path in ours or (another and path.name != project.PROJECT_FILE):
            continue
        try:
            state = path.stat()
        except OSError:
            continue
        found[path] = (state.st_mtime_ns, state.st_size)
    return found


def _below(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = [each for each in folders if each not in _IGNORED and not each.startswith(".")]
        yield from (Path(place) / name for name in names if name.endswith(_SUFFIXES))


def _settings(root: Path) -> Mapping[str, Any]:
    """The project file; empty while it is invalid, which the review reports."""
    try:
        found = project.settings(root)
    except (OSError, yaml.YAMLError):
        return {}
    return found if isinstance(found, dict) else {}


def _changed(before: Stamps, now: Stamps) -> set[Path]:
    """Files that were saved, created or deleted."""
    return {path for path in before.keys() | now.keys() if before.get(path) != now.get(path)}


def _settled(before: Stamps, look: Callable[[], Stamps], sleep: Callable[[float], None]) -> set[Path]:
    """Wait until no file changes any more. Returns all that changed."""
    last = look()
    while True:
        sleep(QUIET_S)
        now = look()
        if now == last:
            return _changed(before, now)
        last = now


def _names(changed: Collection[Path], root: Path) -> list[str]:
    names = sorted(project.shown(path, root) for path in changed)
    more = len(names) - _MOST_NAMES
    return [*names[:_MOST_NAMES], *([f"and {number(more, 'file')} more"] if more > 0 else [])]


def _run(command: Sequence[str]) -> int:
    """Run a command on the terminal. On Ctrl-C, which also reaches the command, it may finish what it started."""
    with subprocess.Popen(command) as running:
        try:
            return running.wait()
        except KeyboardInterrupt:
            try:
                running.wait(_GRACE_S)
            except subprocess.TimeoutExpired:
                running.kill()
            raise

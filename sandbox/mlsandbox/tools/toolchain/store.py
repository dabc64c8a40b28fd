"""The per-user cache of programs, safe to share between processes that start at once."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from mlsandbox.tools.toolchain.progress import Reporter
from mlsandbox.tools.toolchain.tools import Tool, ToolchainError


class State(Enum):
    """What the cache knows of a program."""

    ABSENT = "absent"
    INTACT = "intact"
    ALTERED = "altered"
    """Its bytes are not those that were put there."""


@dataclass(frozen=True)
class Entry:
    """The place of one program of one version."""

    folder: Path
    """Holds what belongs to this version and nothing else."""

    program: Path
    """The executable, in or below `folder`."""

    @property
    def partial(self) -> Path:
        """Where it is made; whatever lies here is of an interrupted start."""
        return self.folder.with_name(f"{self.folder.name}.partial")

    def state(self) -> State:
        """Compare the program with the checksum that was recorded when it was put here."""
        if not self.program.is_file():
            return State.ABSENT
        try:
            recorded = _checksum_file(self.program).read_text().split()[0]
        except (OSError, IndexError):
            return State.ALTERED
        return State.INTACT if recorded == _sha256(self.program) else State.ALTERED

    @contextmanager
    def making(self) -> Iterator[Path]:
        """An empty folder to make the program in; on leaving without an exception its contents become the entry.

        The program has to lie in it as it will lie in `folder`. Call it with the tool's lock held.
        """
        shutil.rmtree(self.partial, ignore_errors=True)
        made = self.partial / "made"
        made.mkdir(parents=True)
        try:
            yield made
            program = made / self.program.relative_to(self.folder)
            # The format of sha256sum, so that `sha256sum -c` checks it too.
            _checksum_file(program).write_text(f"{_sha256(program)}  {program.name}\n")
            shutil.rmtree(self.folder, ignore_errors=True)
            made.rename(self.folder)
        finally:
            shutil.rmtree(self.partial, ignore_errors=True)


@dataclass(frozen=True)
class Cache:
    """A folder of programs and the locks over them."""

    root: Path

    @classmethod
    def of_user(cls) -> "Cache":
        """`$MLPLATFORM_CACHE` where it is set, else the platform's cache folder of this user."""
        override = os.environ.get("MLPLATFORM_CACHE")
        return cls(Path(override).expanduser().absolute() if override else user_cache_path("mlplatform"))

    def built(self, tool: Tool) -> Entry:
        """Where the program lies that was built from source."""
        folder = self.root / "built" / tool.name / tool.key
        return Entry(folder, folder / tool.name)

    def official(self, tool: Tool) -> Entry:
        """Where the vendor's installer puts the program: in `bin`, or a plugin where the engine has its plugins."""
        folder = self.root / "official" / tool.name / f"v{tool.version}"
        return Entry(folder, folder / (plugin_path(tool) if tool.plugin else Path("bin")) / tool.name)

    def holds(self, path: Path) -> bool:
        """Whether a program lies in this cache, links followed."""
        return path.resolve().is_relative_to(self.root.resolve())

    @contextmanager
    def lock(self, name: str, reporter: Reporter, waiting: str) -> Iterator[None]:
        """Keep other processes and threads out of `name`; shows `waiting` while another one is in.

        The system gives the lock back when its holder ends, however it ends.
        """
        folder = self.root / "locks"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(folder / f"{name}.lock", thread_local=False)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                with reporter.step(waiting):
                    lock.acquire()
        except OSError as error:
            raise ToolchainError(
                f"the cache folder {self.root} cannot be used ({error.strerror}): "
                "make it writable or set MLPLATFORM_CACHE to a folder that is"
            ) from error
        try:
            yield
        finally:
            lock.release()


def plugin_path(tool: Tool) -> Path:
    """The folder of a resource plugin below that of the engine's settings (`PULUMI_HOME`)."""
    return Path("plugins") / f"resource-{tool.plugin}-v{tool.version}"


def _checksum_file(program: Path) -> Path:
    return program.with_name(f"{program.name}.sha256")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

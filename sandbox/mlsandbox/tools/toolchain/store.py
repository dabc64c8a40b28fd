"""The per-user cache of programs. Several processes can use it at the same time."""

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
    """The state of a program in the cache."""

    ABSENT = "absent"
    INTACT = "intact"
    ALTERED = "altered"
    """The program does not match its checksum."""


@dataclass(frozen=True)
class Entry:
    """The cache entry of one version of a program."""

    folder: Path
    """Contains only the files of this version."""

    program: Path
    """The executable, in or below `folder`."""

    @property
    def partial(self) -> Path:
        """The temporary folder for the build. Existing files in it are from an interrupted start."""
        return self.folder.with_name(f"{self.folder.name}.partial")

    def state(self) -> State:
        """Compare the program with the checksum that was recorded at its installation."""
        if not self.program.is_file():
            return State.ABSENT
        try:
            recorded = _checksum_file(self.program).read_text().split()[0]
        except (OSError, IndexError):
            return State.ALTERED
        return State.INTACT if recorded == _sha256(self.program) else State.ALTERED

    @contextmanager
    def making(self) -> Iterator[Path]:
        """Yield an empty folder for the program. On exit without an exception it becomes the entry.

        The program must have the same relative path in it as in `folder`. The caller must hold the tool's lock.
        """
        shutil.rmtree(self.partial, ignore_errors=True)
        made = self.partial / "made"
        made.mkdir(parents=True)
        try:
            yield made
            program = made / self.program.relative_to(self.folder)
            # In the format of sha256sum, so that `sha256sum -c` can verify it.
            _checksum_file(program).write_text(f"{_sha256(program)}  {program.name}\n")
            shutil.rmtree(self.folder, ignore_errors=True)
            made.rename(self.folder)
        finally:
            shutil.rmtree(self.partial, ignore_errors=True)


@dataclass(frozen=True)
class Cache:
    """A folder with programs and their locks."""

    root: Path

    @classmethod
    def of_user(cls) -> "Cache":
        """`$MLPLATFORM_CACHE` if it is set, else the user's cache folder of the operating system."""
        override = os.environ.get("MLPLATFORM_CACHE")
        return cls(Path(override).expanduser().absolute() if override else user_cache_path("mlplatform"))

    def built(self, tool: Tool) -> Entry:
        """The entry of a program that was built from source."""
        folder = self.root / "built" / tool.name / tool.key
        return Entry(folder, folder / tool.name)

    def official(self, tool: Tool) -> Entry:
        """The entry of the official installer, which puts the engine into `bin`, and plugins into `plugins`."""
        folder = self.root / "official" / tool.name / f"v{tool.version}"
        return Entry(folder, folder / (plugin_path(tool) if tool.plugin else Path("bin")) / tool.name)

    def holds(self, path: Path) -> bool:
        """Whether a program is in this cache, after links are resolved."""
        return path.resolve().is_relative_to(self.root.resolve())

    @contextmanager
    def lock(self, name: str, reporter: Reporter, waiting: str) -> Iterator[None]:
        """Hold the lock `name`. Shows `waiting` while another process or thread holds it.

        The system releases the lock when its holder ends, however it ends.
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
                "make it writable or set MLPLATFORM_CACHE to a writable folder"
            ) from error
        try:
            yield
        finally:
            lock.release()


def plugin_path(tool: Tool) -> Path:
    """The folder of a resource plugin, relative to `PULUMI_HOME`."""
    return Path("plugins") / f"resource-{tool.plugin}-v{tool.version}"


def _checksum_file(program: Path) -> Path:
    return program.with_name(f"{program.name}.sha256")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

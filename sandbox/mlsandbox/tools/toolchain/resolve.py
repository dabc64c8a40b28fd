"""Finds a compatible version of each program, or installs or builds it."""

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mlsandbox.tools.toolchain import official
from mlsandbox.tools.toolchain.build import build
from mlsandbox.tools.toolchain.progress import Reporter
from mlsandbox.tools.toolchain.store import Cache, State, plugin_path
from mlsandbox.tools.toolchain.tools import ON_REQUEST, TOOLS, Tool, ToolchainError, installed_version

ASSETS = "KUBEBUILDER_ASSETS"
"""Environment variable with the folder in which `setup-envtest` installs Kubernetes' programs."""

_ALL = {**TOOLS, **ON_REQUEST}

LANGUAGE_HOST = "pulumi-language-python"
ENGINE = "pulumi"

PULUMI_HOME = "PULUMI_HOME"
"""Environment variable with the folder of the engine's settings and plugins; `~/.pulumi` by default."""


@dataclass(frozen=True)
class Found:
    """The program to use."""

    path: Path
    """The executable."""

    version: str
    """The version without a leading `v`."""

    source: str
    """Where it was found: `KUBEBUILDER_ASSETS`, `PULUMI_HOME`, `PATH`, `official installer` or `built from source`."""


@dataclass(frozen=True)
class Search:
    """The result of a search for one program."""

    found: Found | None = None
    """None if the program must be installed or built."""

    refused: Sequence[str] = field(default=())
    """One sentence for each program that was found but is not compatible."""


def ensure(names: Iterable[str], reporter: Reporter, *, cache: Cache | None = None) -> dict[str, Path]:
    """The executables of these programs, in the order of `TOOLS` and `ON_REQUEST`. Missing ones are installed or built.

    It can run in several processes and threads at once: one of them builds a program, the others wait and show that.
    If you call it in a thread, use a daemon thread. Builds end with the process, even after Ctrl-C or SIGKILL.

    Raises `ToolchainError` if a program cannot be installed or built (programs that were built before are kept), and
    `KeyError` for a name that is in neither.
    """
    wanted = {_ALL[name].name for name in names}
    cache = cache or Cache.of_user()
    return {tool.name: _obtain(tool, cache, reporter).path for tool in _ALL.values() if tool.name in wanted}


def look(name: str, *, cache: Cache | None = None) -> Search:
    """Find a program without installing or building it."""
    tool = _ALL[name]
    cache = cache or Cache.of_user()
    if not tool.version_arguments and (came_with_the_engine := _language_host_of_the_engine(tool, cache)):
        return Search(came_with_the_engine)
    if (plugin := _installed_plugin(tool)) is not None:
        return Search(plugin)
    refused: list[str] = []
    for source, path in _installed(tool, cache):
        version = installed_version(tool, path)
        if version is not None and tool.fit.holds(version, tool.version):
            return Search(Found(path, str(version), source), tuple(refused))
        reported = f"version {version}" if version else "no version"
        refused.append(f"{path} is not used: it reports {reported}, but {tool.wanted} is required.")
    entries = [("built from source", cache.built(tool))]
    if _is_pulumis(tool):
        entries.insert(0, ("official installer", cache.official(tool)))
    for source, entry in entries:
        state = entry.state()
        if state is State.INTACT:
            return Search(Found(entry.program, str(tool.version), source), tuple(refused))
        if state is State.ALTERED:
            refused.append(f"{entry.program} is not used: its checksum does not match the recorded one.")
    return Search(None, tuple(refused))


def language_host(engine: Path, name: str = LANGUAGE_HOST) -> Path | None:
    """The official language host `name` for `engine`: next to it, or on PATH; None if there is none.

    If a language host is next to another `pulumi`, it has the version of that one, which must be compatible.
    """
    for folder in (engine.parent, engine.resolve().parent, *_search_path()):
        host = shutil.which(name, path=str(folder))
        if host is not None and not _is_ours(Path(host)) and _neighbor_fits(Path(host), engine):
            return Path(host)
    return None


def _language_host_of_the_engine(tool: Tool, cache: Cache) -> Found | None:
    engine = look(ENGINE, cache=cache).found
    host = language_host(engine.path, tool.name) if engine else None
    # A sandbox's bin folder on PATH links to the cache, where checksums are verified.
    return Found(host, engine.version, "PATH") if engine and host and not cache.holds(host) else None


def _obtain(tool: Tool, cache: Cache, reporter: Reporter) -> Found:
    found = look(tool.name, cache=cache).found
    if found is not None:
        return found
    with cache.lock(tool.name, reporter, f"Waiting for another process to install {tool}"):
        search = look(tool.name, cache=cache)
        if search.found is not None:
            return search.found
        for sentence in search.refused:
            reporter.note(sentence)
        engine = look(ENGINE, cache=cache).found if tool.plugin else None
        if not (
            _is_pulumis(tool)
            and official.install(tool, cache.official(tool), reporter, engine.path if engine else None)
        ):
            build(tool, cache.built(tool), cache, reporter)
        made = look(tool.name, cache=cache).found
        if made is None:
            raise ToolchainError(
                f"{tool} was installed, but is missing in {cache.root}: another program may clean that folder"
            )
        return made


def _is_pulumis(tool: Tool) -> bool:
    """Whether Pulumi's installer provides it."""
    return tool.name == ENGINE or bool(tool.plugin)


def _installed_plugin(tool: Tool) -> Found | None:
    """The plugin in this version in the user's own Pulumi folder."""
    if not tool.plugin:
        return None
    home = Path(os.environ.get(PULUMI_HOME) or "~/.pulumi").expanduser()
    program = home / plugin_path(tool) / tool.name
    # With files next to it, it is a build of the sandbox, which a sandbox linked from the cache.
    if not os.access(program, os.X_OK) or any(program.with_name(Path(each).name).exists() for each in tool.beside):
        return None
    return Found(program, str(tool.version), PULUMI_HOME)


def _installed(tool: Tool, cache: Cache) -> Iterator[tuple[str, Path]]:
    if tool.plugin or not tool.version_arguments:
        return
    folders = [("PATH", folder) for folder in _search_path()]
    assets = os.environ.get(ASSETS)
    if tool.module == "kubernetes" and assets:
        folders.insert(0, (ASSETS, Path(assets)))
    seen: set[Path] = set()
    for source, folder in folders:
        program = shutil.which(tool.name, path=str(folder))
        # A sandbox's bin folder on PATH links to the cache, where checksums are verified.
        if program is None or cache.holds(Path(program)) or Path(program).resolve() in seen:
            continue
        seen.add(Path(program).resolve())
        yield source, Path(program)


def _search_path() -> list[Path]:
    return [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]


def _is_ours(host: Path) -> bool:
    """Whether it is the script that starts this package's own language host."""
    with host.open("rb") as file:
        return b"languagehost" in file.read(1024)


def _neighbor_fits(host: Path, engine: Path) -> bool:
    pulumi = host.with_name("pulumi")
    if not pulumi.exists() or pulumi.resolve() == engine.resolve():
        return True
    version = installed_version(TOOLS[ENGINE], pulumi)
    return version is not None and TOOLS[ENGINE].fit.holds(version, TOOLS[ENGINE].version)

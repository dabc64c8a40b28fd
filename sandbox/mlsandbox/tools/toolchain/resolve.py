"""Finds each program where it is installed in a fitting version, or makes it."""

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mlsandbox.tools.toolchain import official
from mlsandbox.tools.toolchain.build import build
from mlsandbox.tools.toolchain.progress import Reporter
from mlsandbox.tools.toolchain.store import Cache, State, plugin_path
from mlsandbox.tools.toolchain.tools import TOOLS, Tool, ToolchainError, installed_version

ASSETS = "KUBEBUILDER_ASSETS"
"""Environment variable of the folder where Kubernetes' test tooling (`setup-envtest`) puts its programs."""

LANGUAGE_HOST = "pulumi-language-python"
ENGINE = "pulumi"

PULUMI_HOME = "PULUMI_HOME"
"""Environment variable of the folder of the engine's settings and plugins, `~/.pulumi` by default."""


@dataclass(frozen=True)
class Found:
    """A program that will be used."""

    path: Path
    """The executable."""

    version: str
    """Without a leading `v`."""

    source: str
    """Where it is from: `KUBEBUILDER_ASSETS`, `PULUMI_HOME`, `PATH`, `official installer` or `built from source`."""


@dataclass(frozen=True)
class Search:
    """What looking for one program gave."""

    found: Found | None = None
    """None when it has to be made."""

    refused: Sequence[str] = field(default=())
    """One sentence for each program that was there and will not do."""


def ensure(names: Iterable[str], reporter: Reporter, *, cache: Cache | None = None) -> dict[str, Path]:
    """The executables of these programs, made where they are missing, in the order of `TOOLS`.

    May run in several processes and threads at once: each program is made by one of them, the others wait and show it.
    In a thread, make it a daemon: whatever ends the process, Ctrl-C and SIGKILL among it, ends its builds too.

    Raises `ToolchainError` when a program cannot be had (those made before it stay) and `KeyError` for a name that is
    not in `TOOLS`.
    """
    wanted = {TOOLS[name].name for name in names}
    cache = cache or Cache.of_user()
    return {tool.name: _obtain(tool, cache, reporter).path for tool in TOOLS.values() if tool.name in wanted}


def look(name: str, *, cache: Cache | None = None) -> Search:
    """Find a program without making anything."""
    tool = TOOLS[name]
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
        told = f"version {version}" if version else "no version"
        refused.append(f"{path} is not used: it says {told}, and {tool.wanted} is needed.")
    entries = [("built from source", cache.built(tool))]
    if _is_pulumis(tool):
        entries.insert(0, ("official installer", cache.official(tool)))
    for source, entry in entries:
        state = entry.state()
        if state is State.INTACT:
            return Search(Found(entry.program, str(tool.version), source), tuple(refused))
        if state is State.ALTERED:
            refused.append(f"{entry.program} is not used: it is not what was put there, by its checksum.")
    return Search(None, tuple(refused))


def language_host(engine: Path, name: str = LANGUAGE_HOST) -> Path | None:
    """The official language host `name` that fits `engine`: beside it, or on PATH; None when there is none.

    One that lies beside a `pulumi` came with it and has its version, so that one has to fit.
    """
    for folder in (engine.parent, engine.resolve().parent, *_search_path()):
        host = shutil.which(name, path=str(folder))
        if host is not None and not _is_ours(Path(host)) and _neighbour_fits(Path(host), engine):
            return Path(host)
    return None


def _language_host_of_the_engine(tool: Tool, cache: Cache) -> Found | None:
    engine = look(ENGINE, cache=cache).found
    host = language_host(engine.path, tool.name) if engine else None
    # A sandbox's own bin folder on PATH leads back into the cache, where checksums are compared.
    return Found(host, engine.version, "PATH") if engine and host and not cache.holds(host) else None


def _obtain(tool: Tool, cache: Cache, reporter: Reporter) -> Found:
    found = look(tool.name, cache=cache).found
    if found is not None:
        return found
    with cache.lock(tool.name, reporter, f"Waiting for {tool}, which another process gets"):
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
            raise ToolchainError(f"{tool} was made and is gone from {cache.root}: something else clears that folder")
        return made


def _is_pulumis(tool: Tool) -> bool:
    """Whether Pulumi's installer has it."""
    return tool.name == ENGINE or bool(tool.plugin)


def _installed_plugin(tool: Tool) -> Found | None:
    """The plugin in this version where the user's own engine keeps it."""
    if not tool.plugin:
        return None
    home = Path(os.environ.get(PULUMI_HOME) or "~/.pulumi").expanduser()
    program = home / plugin_path(tool) / tool.name
    # One of ours, in the settings of a sandbox, is a link to what is in the cache, or was.
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
        # A sandbox's own bin folder on PATH leads back into the cache, where checksums are compared.
        if program is None or cache.holds(Path(program)) or Path(program).resolve() in seen:
            continue
        seen.add(Path(program).resolve())
        yield source, Path(program)


def _search_path() -> list[Path]:
    return [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]


def _is_ours(host: Path) -> bool:
    """Whether it is the short script by which a sandbox offers this package's own language host."""
    with host.open("rb") as file:
        return b"languagehost" in file.read(1024)


def _neighbour_fits(host: Path, engine: Path) -> bool:
    pulumi = host.with_name("pulumi")
    if not pulumi.exists() or pulumi.resolve() == engine.resolve():
        return True
    version = installed_version(TOOLS[ENGINE], pulumi)
    return version is not None and TOOLS[ENGINE].fit.holds(version, TOOLS[ENGINE].version)

"""Builds a program from the Go module proxy, with versions and checksums from `go.mod` and `go.sum`."""

import json
import os
import re
import shutil
import subprocess
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from mlsandbox.tools.toolchain import supervised
from mlsandbox.tools.toolchain.progress import Reporter, Step
from mlsandbox.tools.toolchain.store import Cache, Entry
from mlsandbox.tools.toolchain.tools import Tool, ToolchainError, installed_version

GIB = 2**30

TWO_JOBS_GIB = 2.6
"""Largest memory use of a build with two parallel jobs, measured with kube-apiserver on two cores."""

MORE_PER_JOB_GIB = 0.6
"""Maximum additional memory per further job; Go runs one job per core."""

LEAST_GIB = 1.5
"""Minimum memory with one job: linking kube-controller-manager takes 0.7 GiB in addition to mapped files."""

OLDEST_GO = (1, 21)
"""The first release of Go that downloads the toolchain that `go.mod` requires; https://go.dev/doc/toolchain."""

TAIL = 15
"""Number of last output lines of a failed build that are shown."""

_HINTS = (
    (r"signal: killed", "the compiler was killed, probably because the machine ran out of memory"),
    (r"no space left on device", "the disk is full"),
    (
        r"SECURITY ERROR|checksum mismatch",
        "the downloaded sources do not match the checksums in go.sum and were not built; check GOPROXY",
    ),
    (
        r"dial tcp|proxyconnect|no such host|i/o timeout|TLS handshake|connection re|40[0-9] |50[0-9] ",
        "the sources could not be downloaded; check the network and GOPROXY, then start again",
    ),
)


@dataclass(frozen=True)
class _Go:
    """The installed Go."""

    program: str
    version: tuple[int, int]
    build_cache: Path


def build(tool: Tool, entry: Entry, cache: Cache, reporter: Reporter) -> None:
    """Build `tool` into `entry`. The caller must hold the tool's lock.

    Only one build runs at a time among all processes that use this cache. An interrupted build resumes from Go's own
    build cache.

    Raises `ToolchainError` if Go is missing or too old, if memory or disk space are insufficient, or if the build
    fails.
    """
    go = _go(tool)
    with cache.lock("go-build", reporter, f"Waiting to build {tool} until another build ends"):
        limits = _limits(tool, psutil.virtual_memory().available, os.cpu_count() or 1, reporter)
        with entry.making() as folder:
            environment = _environment(entry.partial)
            _announce(go, tool, reporter)
            with reporter.step(f"Fetching the sources of {tool}") as step:
                stale, total = _packages(go, tool, environment, step)
            share = len(stale) / total
            _check_disk(go, tool, share)
            # If only the program itself must be linked, the usual time does not apply.
            usual = tool.usual_seconds if len(stale) > 1 else None
            with reporter.step(f"Building {tool}", usual) as step:
                _compile(go, tool, folder, limits, stale, environment, step)
            _put_beside(go, tool, folder, environment)
            if not tool.version_arguments:
                return
            version = installed_version(tool, folder / tool.name)
            if version != tool.version:
                raise ToolchainError(
                    f"{tool} was built but does not run in {entry.partial} (it reports version {version}): "
                    "the folder may be mounted noexec. Set MLPLATFORM_CACHE to a folder that is not"
                )


def _go(tool: Tool) -> _Go:
    needed = ".".join(map(str, tool.go_version))
    remedy = (
        f"install Go {needed} or newer (https://go.dev/dl/), or put the official {tool.name} "
        f"{tool.wanted} on PATH ({tool.official}), then start again"
    )
    program = shutil.which("go")
    if program is None:
        raise ToolchainError(f"{tool} must be built, but there is no `go` on PATH: {remedy}")
    answer = subprocess.run(
        [program, "env", "-json", "GOVERSION", "GOCACHE"],
        cwd=tool.folder.parent,
        env={**os.environ, "GOTOOLCHAIN": "local", "GOWORK": "off"},
        capture_output=True,
        text=True,
        check=False,
    )
    facts = json.loads(answer.stdout) if answer.returncode == 0 else {}
    version = re.search(r"go(\d+)\.(\d+)", facts.get("GOVERSION", ""))
    if version is None:
        raise ToolchainError(f"{tool} must be built, but {program} does not report its version: {remedy}")
    found = int(version[1]), int(version[2])
    if found < OLDEST_GO:
        raise ToolchainError(f"{tool} must be built, but {program} is Go {found[0]}.{found[1]}: {remedy}")
    return _Go(program, found, Path(facts["GOCACHE"]))


def _announce(go: _Go, tool: Tool, reporter: Reporter) -> None:
    if go.version < tool.go_version:
        wanted = ".".join(map(str, tool.go_version))
        reporter.note(
            f"Go {go.version[0]}.{go.version[1]} is older than the {wanted} that {tool} requires: Go downloads it."
        )


def _environment(temporary: Path) -> Mapping[str, str]:
    """The user's environment without variables that would change the result; proxies and credentials are kept."""
    kept = {name: value for name, value in os.environ.items() if name not in {"GOOS", "GOARCH", "GOEXPERIMENT"}}
    return {
        **kept,
        "CGO_ENABLED": "0",
        "GO111MODULE": "on",
        "GOFLAGS": "-mod=readonly",
        "GOTMPDIR": str(temporary),
        "GOTOOLCHAIN": "auto",
        "GOWORK": "off",
    }


def _limits(tool: Tool, available: int, cores: int, reporter: Reporter) -> tuple[str, ...]:
    """The flags that limit a build to `available` bytes of memory; empty if it can use all cores."""
    free = available / GIB
    if free < LEAST_GIB:
        raise ToolchainError(
            f"{tool} must be built, which takes at least {LEAST_GIB} GiB of memory and usually {TWO_JOBS_GIB} GiB, "
            f"but only {free:.1f} GiB are free: close other programs, or put the official {tool.name} {tool.wanted} on "
            f"PATH ({tool.official}), then start again"
        )
    jobs = max(1, min(cores, 2 + int((free - TWO_JOBS_GIB) // MORE_PER_JOB_GIB)))
    if jobs < min(cores, 2):
        reporter.note(
            f"Only {free:.1f} GiB of memory are free: {tool} is built with one job at a time, which takes longer."
        )
    # Without the flag Go also respects a container's limit of cores.
    return () if jobs == cores else ("-p", str(jobs))


def _check_disk(go: _Go, tool: Tool, share: float) -> None:
    needed = tool.disk_gb * share
    go.build_cache.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(go.build_cache).free / 1e9
    if free < needed:
        raise ToolchainError(
            f"building {tool} takes {needed:.1f} GB in Go's cache {go.build_cache}, but only {free:.1f} GB are free "
            "there: free disk space or set GOCACHE to a folder on a larger disk, then start again"
        )


def _packages(go: _Go, tool: Tool, environment: Mapping[str, str], step: Step) -> tuple[set[str], int]:
    """Download the sources. Returns the packages that must be compiled, and the number of all packages."""
    packages: dict[str, bool] = {}
    log: deque[str] = deque(maxlen=TAIL)

    def read(line: str) -> None:
        mark, _, package = line.partition(" ")
        if mark in ("stale", "fresh"):
            packages[package] = mark == "stale"
        else:
            log.append(line)
            step.detail(line.removeprefix("go: "))

    listing = "{{if .Stale}}stale{{else}}fresh{{end}} {{.ImportPath}}"
    _run([go.program, "list", "-deps", "-f", listing, *tool.build_flags, tool.package], tool, environment, log, read)
    # The program itself must always be linked, so there is at least one package.
    return {package for package, stale in packages.items() if stale} | {tool.package}, len(packages) or 1


def _compile(
    go: _Go,
    tool: Tool,
    folder: Path,
    limits: Sequence[str],
    stale: set[str],
    environment: Mapping[str, str],
    step: Step,
) -> None:
    log: deque[str] = deque(maxlen=TAIL)
    done = 0

    def read(line: str) -> None:
        nonlocal done
        if line in stale:
            # `go build -v` prints a package when it starts to compile it. The last one is the program, which is linked.
            step.advance(done, len(stale))
            step.detail(line)
            done += 1
        else:
            log.append(line)

    output = str(folder / tool.name)
    command = [go.program, "build", "-v", *limits, *tool.build_flags, "-o", output, tool.package]
    _run(command, tool, environment, log, read)


def _put_beside(go: _Go, tool: Tool, folder: Path, environment: Mapping[str, str]) -> None:
    """Copy the files that the program reads from its folder out of its Go module."""
    if not tool.beside:
        return
    lines: deque[str] = deque(maxlen=TAIL)
    command = [go.program, "list", "-m", "-f", "{{.Dir}}", tool.requirement]
    _run(command, tool, environment, lines, lines.append)
    for file in tool.beside:
        shutil.copyfile(Path(lines[-1]) / file, folder / Path(file).name)


def _run(
    command: Sequence[str],
    tool: Tool,
    environment: Mapping[str, str],
    log: deque[str],
    read: supervised.Line,
) -> None:
    code = supervised.run(command, folder=tool.folder, environment=environment, line=read)
    if code != 0:
        text = "\n".join(log)
        hint = next((f": {hint}" for pattern, hint in _HINTS if re.search(pattern, text)), "")
        lines = "".join(f"\n  {line}" for line in log)
        raise ToolchainError(
            f"cannot build {tool}: `go {command[1]}` ended with exit code {code}{hint}. Its last lines:{lines}"
        )

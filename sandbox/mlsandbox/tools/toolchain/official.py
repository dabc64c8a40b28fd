"""Installs the engine with the official installer, and plugins with the engine, if the network allows it."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlsandbox.tools.toolchain import supervised
from mlsandbox.tools.toolchain.progress import Reporter
from mlsandbox.tools.toolchain.store import Entry
from mlsandbox.tools.toolchain.tools import Tool, installed_version

SWITCH = "MLPLATFORM_INSTALLER"
"""Environment variable; `off` disables the official installer."""

REACH_SECONDS = 5
"""Timeout for a first request. A network that takes longer would not transfer 100 MB in time either."""

INSTALL_SECONDS = 600
"""Timeout for download and installation."""

REACH = (
    sys.executable,
    "-I",
    "-c",
    "import urllib.request; "
    f"urllib.request.urlopen('https://get.pulumi.com/install.sh', timeout={REACH_SECONDS}).read()",
)

INSTALL = (
    sys.executable,
    "-c",
    "import sys; from pulumi.automation import PulumiCommand; from semver import VersionInfo; "
    "PulumiCommand.install(root=sys.argv[1], version=VersionInfo.parse(sys.argv[2]))",
)


class _NotInstalledError(Exception):
    pass


def install(tool: Tool, entry: Entry, reporter: Reporter, engine: Path | None = None) -> bool:
    """Install the pinned version into `entry`. Returns False if the installer is disabled or fails.

    A failed installation leaves no files. The official script does not verify a checksum: TLS protects the download,
    and afterwards the checksum that is recorded in the cache protects the program.

    Args:
        tool: The engine, or a plugin.
        entry: The cache entry to create.
        reporter: Shows the progress.
        engine: The engine that installs a plugin.
    """
    if os.environ.get(SWITCH, "").lower() == "off":
        return False
    try:
        with entry.making() as folder:
            command: Sequence[str] = [*INSTALL, str(folder), str(tool.version)]
            environment = {**os.environ, "TMPDIR": str(entry.partial)}
            if engine is not None:
                command = [str(engine), "plugin", "install", "resource", tool.plugin, f"v{tool.version}"]
                environment["PULUMI_HOME"] = str(folder)
            _fetch(tool, folder / entry.program.relative_to(entry.folder), command, environment, reporter)
    except _NotInstalledError as reason:
        reporter.note(f"{tool}: {reason}.")
        return False
    return True


def _fetch(
    tool: Tool, program: Path, command: Sequence[str], environment: Mapping[str, str], reporter: Reporter
) -> None:
    folder = Path(environment["TMPDIR"])
    # Limit the whole process too, because the DNS lookup has no timeout.
    unheard: list[str] = []
    reached = supervised.run(
        REACH, folder=folder, environment=environment, line=unheard.append, limit_seconds=REACH_SECONDS + 1
    )
    if reached != 0:
        raise _NotInstalledError("the official installer is not reachable")
    with reporter.step(f"Installing {tool} with the official installer") as step:
        code = supervised.run(
            command,
            folder=folder,
            environment=environment,
            line=step.detail,
            limit_seconds=INSTALL_SECONDS,
        )
        if code != 0:
            raise _NotInstalledError(f"the official installer failed with exit code {code}")
        # A plugin does not report its version, but the engine puts it into the name of the folder.
        version = tool.version if tool.plugin and program.is_file() else installed_version(tool, program)
        if version != tool.version:
            raise _NotInstalledError(f"the official installer delivered version {version}")

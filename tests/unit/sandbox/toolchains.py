"""A toolchain with a fake Go, which records how it is called."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mlsandbox.tools.toolchain import (
    TOOLS,
    SilentReporter,
    Step,
)

PLUGIN = "pulumi-resource-kubernetes"
FAKE_GO = f"""#!{sys.executable}
import json, os, sys, time
with open(os.environ["FAKE_GO_LOG"], "a") as log:
    log.write(json.dumps({{"args": sys.argv[1:], "pid": os.getpid(), "flags": os.environ.get("GOFLAGS"),
                           "os": os.environ.get("GOOS"), "proxy": os.environ.get("GOPROXY")}}) + "\\n")
package = sys.argv[-1]
if sys.argv[1] == "env":
    print(json.dumps({{"GOVERSION": os.environ.get("FAKE_GO_VERSION", "go1.26.8"), "GOCACHE": os.environ["GOCACHE"]}}))
elif sys.argv[1:3] == ["list", "-m"]:
    print(os.environ["FAKE_GO_MODULE"])
elif sys.argv[1] == "list":
    print("go: downloading example.org/a v1.0.0", file=sys.stderr)
    print("stale example.org/a\\nfresh fmt\\nstale " + package)
elif "FAKE_GO_FAILURE" in os.environ:
    sys.exit(os.environ["FAKE_GO_FAILURE"])
else:
    output = sys.argv[sys.argv.index("-o") + 1]
    with open(output, "w") as program:
        program.write("#!/bin/sh\\n")
    time.sleep(float(os.environ.get("FAKE_GO_SECONDS", "0")))
    print("example.org/a\\n" + package, file=sys.stderr)
    version = json.loads(os.environ["FAKE_VERSIONS"])[package]
    with open(output, "w") as program:
        program.write("#!/bin/sh\\necho " + version + "\\n")
    os.chmod(output, 0o755)
"""


class Recorder(SilentReporter):
    """Records titles and notes."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    @contextmanager
    def step(self, title: str, usual_seconds: float | None = None) -> Iterator[Step]:
        self.lines.append(title)
        with super().step(title) as step:
            yield step

    def note(self, text: str) -> None:
        self.lines.append(text)


def program(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text if text.startswith("#!") else f"#!/bin/sh\necho '{text}'\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH, with a fake `go`. The cache is empty, and the official installer is disabled."""
    folder = tmp_path / "bin"
    program(folder, "go", FAKE_GO)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("MLPLATFORM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MLPLATFORM_INSTALLER", "off")
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.setenv("GOCACHE", str(tmp_path / "go-cache"))
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "pulumi-home"))
    monkeypatch.setenv("FAKE_GO_MODULE", str(tmp_path / "module"))
    for file in TOOLS[PLUGIN].beside:
        beside = tmp_path / "module" / file
        beside.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(file)
    monkeypatch.setenv("FAKE_GO_LOG", str(tmp_path / "go.log"))
    monkeypatch.setenv("FAKE_VERSIONS", json.dumps({t.package: f"v{t.version}" for t in TOOLS.values()}))
    return folder


@pytest.fixture
def calls(tmp_path: Path) -> Callable[[str], list[dict[str, str]]]:
    """Returns the recorded calls of a subcommand of the fake `go`."""

    def read(command: str) -> list[dict[str, str]]:
        log = tmp_path / "go.log"
        entries = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        return [entry for entry in entries if entry["args"][0] == command]

    return read

"""Finding and building programs, against a `go` that only writes scripts; every process and file is real."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from mlsandbox.tools.toolchain import (
    TOOLS,
    Cache,
    SilentReporter,
    Step,
    ToolchainError,
    ensure,
    language_host,
    look,
    official,
)

pytestmark = pytest.mark.engine  # several processes of ours a test

PLUGIN = "pulumi-resource-kubernetes"
FOLDER = f"plugins/resource-kubernetes-v{TOOLS[PLUGIN].version}"
"""Where an engine looks for it, below the folder of its settings."""

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
    """Remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    @contextmanager
    def step(self, title: str, usual_seconds: float | None = None) -> Iterator[Step]:
        self.said.append(title)
        with super().step(title) as step:
            yield step

    def note(self, text: str) -> None:
        self.said.append(text)


def program(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text if text.startswith("#!") else f"#!/bin/sh\necho '{text}'\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH; holds a fake `go`. The cache is empty and the vendor out of reach."""
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
    """Reads the calls of the fake `go` for one of its commands."""

    def read(command: str) -> list[dict[str, str]]:
        log = tmp_path / "go.log"
        entries = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        return [entry for entry in entries if entry["args"][0] == command]

    return read


def test_a_fitting_program_on_path_is_used_and_nothing_is_built(bin_folder, calls):
    installed = program(bin_folder, "pulumi", "v3.300.1")
    assert ensure(["pulumi"], SilentReporter()) == {"pulumi": installed}
    assert calls("build") == []


def test_kubebuilder_assets_come_before_path(bin_folder, tmp_path, monkeypatch):
    program(bin_folder, "kube-apiserver", "Kubernetes v1.37.9")
    asset = program(tmp_path / "assets", "kube-apiserver", "Kubernetes v1.37.0")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path / "assets"))
    found = look("kube-apiserver").found
    assert found is not None
    assert (found.path, found.version, found.source) == (asset, "1.37.0", "KUBEBUILDER_ASSETS")


def test_a_later_folder_on_path_may_hold_the_fitting_one(bin_folder, tmp_path, monkeypatch):
    program(bin_folder, "kwok", "kwok version v0.7.0 go1.26.8 (linux/amd64)")
    fitting = program(tmp_path / "other", "kwok", "kwok version v0.8.0 go1.26.8 (linux/amd64)")
    monkeypatch.setenv("PATH", f"{bin_folder}:{tmp_path / 'other'}")
    assert ensure(["kwok"], SilentReporter()) == {"kwok": fitting}


def test_an_old_etcd_is_refused_with_the_reason_and_built(bin_folder, calls):
    old = program(bin_folder, "etcd", "etcd Version: 3.4.30")
    reporter = Recorder()
    made = ensure(["etcd"], reporter)["etcd"]
    assert f"{old} is not used: it says version 3.4.30, and 3.5.24 or a newer 3.x is needed." in reporter.said
    assert made.is_relative_to(Cache.of_user().root)
    assert len(calls("build")) == 1


def test_a_program_that_does_not_run_is_refused(bin_folder):
    broken = program(bin_folder, "pulumi", "#!/bin/sh\nexit 1\n")
    assert look("pulumi").refused == (f"{broken} is not used: it says no version, and 3.259 or a newer 3.x is needed.",)


def test_the_cached_program_is_used_the_second_time(bin_folder, calls):
    first = ensure(["kwok"], SilentReporter())
    assert ensure(["kwok"], SilentReporter()) == first
    assert len(calls("build")) == 1


def test_a_link_on_path_into_the_cache_does_not_escape_the_checksum(bin_folder, calls):
    made = ensure(["pulumi"], SilentReporter())["pulumi"]
    (bin_folder / "pulumi").symlink_to(made)
    made.write_text("#!/bin/sh\necho v3.259.0 # altered\n")
    assert look("pulumi").found is None
    assert ensure(["pulumi"], SilentReporter())["pulumi"].read_text() == "#!/bin/sh\necho v3.259.0\n"


@pytest.mark.parametrize("damage", ["truncated", "checksum lost"])
def test_a_damaged_program_in_the_cache_is_built_again_and_said(bin_folder, calls, damage):
    made = ensure(["etcd"], SilentReporter())["etcd"]
    if damage == "truncated":
        os.truncate(made, 5)
    else:
        made.with_name("etcd.sha256").unlink()
    reporter = Recorder()
    assert ensure(["etcd"], reporter) == {"etcd": made}
    assert f"{made} is not used: it is not what was put there, by its checksum." in reporter.said
    assert len(calls("build")) == 2
    assert look("etcd").found is not None


def test_the_engine_is_built_first_whatever_is_asked_first(bin_folder, calls):
    ensure(reversed(TOOLS), SilentReporter())
    built = [call["args"][-1] for call in calls("build")]
    assert built == [tool.package for tool in TOOLS.values()]
    assert built[0].endswith("/pulumi")


def test_go_gets_the_pins_and_the_users_proxy_but_not_the_users_flags(bin_folder, calls, monkeypatch):
    monkeypatch.setenv("GOFLAGS", "-mod=mod")
    monkeypatch.setenv("GOOS", "plan9")
    monkeypatch.setenv("GOPROXY", "https://proxy.example.org")
    ensure(["kube-scheduler"], SilentReporter())
    (call,) = calls("build")
    assert (call["flags"], call["os"], call["proxy"]) == ("-mod=readonly", None, "https://proxy.example.org")
    assert {"-trimpath", "-mod=readonly"} < set(call["args"])
    assert "-X k8s.io/component-base/version.gitVersion=v1.37.2" in call["args"][call["args"].index("-ldflags") + 1]


def test_a_missing_go_says_how_to_go_on(bin_folder):
    (bin_folder / "go").unlink()
    with pytest.raises(ToolchainError) as error:
        ensure(["kube-apiserver"], SilentReporter())
    assert str(error.value) == (
        "kube-apiserver v1.37.2 has to be built and there is no `go` on PATH: install Go 1.26 or newer "
        "(https://go.dev/dl/), or put the official kube-apiserver 1.37.x on PATH "
        "(https://kubernetes.io/releases/download/), then start again"
    )


def test_a_go_that_cannot_fetch_its_successor_is_too_old(bin_folder, monkeypatch):
    monkeypatch.setenv("FAKE_GO_VERSION", "go1.20.14")
    with pytest.raises(ToolchainError, match=r"is Go 1\.20: install Go 1\.26 or newer"):
        ensure(["kwok"], SilentReporter())


def test_an_older_go_that_fetches_its_successor_will_do(bin_folder, monkeypatch):
    monkeypatch.setenv("FAKE_GO_VERSION", "go1.24.1")
    reporter = Recorder()
    ensure(["kwok"], reporter)
    assert "Go 1.24 is older than the 1.26 that kwok v0.8.0 needs: Go fetches it." in reporter.said


@pytest.mark.parametrize(
    ("output", "hint"),
    [
        ("example.org/a: /go/compile: signal: killed", "most likely because memory ran out"),
        ("verifying example.org/a: checksum mismatch\nSECURITY ERROR", "not those recorded in go.sum"),
        ("dial tcp: lookup proxy.example.org: no such host", "check the network and GOPROXY"),
        ("write /x: no space left on device", "the disk is full"),
    ],
)
def test_a_failing_build_shows_its_last_lines_and_a_hint(bin_folder, monkeypatch, output, hint):
    monkeypatch.setenv("FAKE_GO_FAILURE", "\n".join([*(f"line {n}" for n in range(50)), output]))
    with pytest.raises(ToolchainError) as error:
        ensure(["kwok"], SilentReporter())
    message = str(error.value)
    assert message.startswith("kwok v0.8.0 was not built, `go build` ended with exit code 1: ")
    assert hint in message.splitlines()[0]
    assert message.endswith("\n".join(f"  {line}" for line in output.splitlines()))
    assert len(message.splitlines()) == 16
    assert look("kwok").found is None


def test_a_built_program_of_another_version_is_not_kept(bin_folder, monkeypatch):
    monkeypatch.setenv("FAKE_VERSIONS", json.dumps({TOOLS["kwok"].package: "v0.7.9"}))
    with pytest.raises(ToolchainError, match=r"it says version 0\.7\.9"):
        ensure(["kwok"], SilentReporter())
    assert look("kwok").found is None


def test_short_memory_is_said_before_anything_is_built(bin_folder, calls, monkeypatch):
    memory = psutil.virtual_memory()
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory._replace(available=2**30))
    with pytest.raises(ToolchainError, match=r"takes 1\.5 GiB of memory at least .* 1\.0 GiB are free"):
        ensure(["kwok"], SilentReporter())
    assert calls("list") == calls("build") == []


@pytest.mark.parametrize(
    ("gib", "cores", "flags"), [(2, 2, ["1"]), (2.7, 2, []), (16, 4, []), (4, 16, ["4"]), (2.7, 1, [])]
)
def test_parallel_jobs_follow_the_free_memory(bin_folder, calls, monkeypatch, gib, cores, flags):
    memory = psutil.virtual_memory()
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory._replace(available=int(gib * 2**30)))
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    ensure(["kwok"], SilentReporter())
    args = calls("build")[0]["args"]
    assert [args[i + 1] for i, arg in enumerate(args) if arg == "-p"] == flags


def test_a_short_disk_is_said_before_compiling(bin_folder, calls, monkeypatch):
    usage = type("usage", (), {"free": 10**8})
    monkeypatch.setattr("mlsandbox.tools.toolchain.build.shutil.disk_usage", lambda path: usage)
    with pytest.raises(ToolchainError, match=r"takes 2\.0 GB in Go's cache .* and 0\.1 GB are free there"):
        ensure(["kube-apiserver"], SilentReporter())
    assert calls("build") == []


def test_a_cache_that_cannot_be_written_names_the_way_out(bin_folder, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MLPLATFORM_CACHE", str(tmp_path / "file"))
    with pytest.raises(ToolchainError, match="set MLPLATFORM_CACHE to a folder that is"):
        ensure(["kwok"], SilentReporter())


SECOND_PROCESS = """
import sys
from mlsandbox.tools.toolchain import RichReporter, ensure
print(ensure(sys.argv[1:], RichReporter()))
"""


def start(*names: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", SECOND_PROCESS, *names], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_until(condition: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


def test_two_starts_at_once_build_once_and_the_second_says_that_it_waits(bin_folder, calls, monkeypatch):
    monkeypatch.setenv("FAKE_GO_SECONDS", "2")
    first = start("kwok")
    wait_until(lambda: calls("build"))
    second = start("kwok")
    results = [process.communicate(timeout=60) for process in (first, second)]
    assert len(calls("build")) == 1
    assert results[0][0] == results[1][0] != ""
    assert "Waiting for kwok v0.8.0, which another process gets" in results[1][1]


def test_two_starts_of_different_programs_never_build_at_once(bin_folder, calls, monkeypatch):
    monkeypatch.setenv("FAKE_GO_SECONDS", "2")
    first = start("kwok")
    wait_until(lambda: calls("build"))
    begun = time.monotonic()
    second = start("etcd")
    wait_until(lambda: len(calls("build")) == 2)
    assert time.monotonic() - begun > 1
    assert "Waiting to build etcd v3.7.0 until another build ends" in second.communicate(timeout=60)[1]
    assert first.wait(timeout=60) == 0


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_build_takes_go_with_it_and_the_next_start_goes_on(
    bin_folder, calls, monkeypatch, tmp_path, how
):
    monkeypatch.setenv("FAKE_GO_SECONDS", "60")
    process = start("kwok")
    wait_until(lambda: calls("build"))
    go = int(calls("build")[0]["pid"])
    assert psutil.pid_exists(go)
    process.send_signal(how)
    process.communicate(timeout=30)
    assert process.returncode != 0
    wait_until(lambda: not psutil.pid_exists(go))

    monkeypatch.setenv("FAKE_GO_SECONDS", "0")
    made = ensure(["kwok"], SilentReporter())["kwok"]
    assert made.read_text() == "#!/bin/sh\necho v0.8.0\n"
    assert list((tmp_path / "cache").rglob("*.partial")) == []


def installer(version: str, code: int = 0) -> tuple[str, ...]:
    """Stands in for the vendor's installer: leaves a program that says `version`."""
    text = (
        "import os, sys; os.makedirs(sys.argv[1] + '/bin'); path = sys.argv[1] + '/bin/pulumi'; "
        f"open(path, 'w').write('#!/bin/sh\\necho {version}\\n'); os.chmod(path, 0o755); sys.exit({code})"
    )
    return (sys.executable, "-c", text)


def test_the_official_installer_comes_before_a_build_and_is_remembered(bin_folder, calls, monkeypatch):
    monkeypatch.delenv("MLPLATFORM_INSTALLER")
    monkeypatch.setattr(official, "REACH", (sys.executable, "-c", ""))
    monkeypatch.setattr(official, "INSTALL", installer("v3.259.0"))
    made = ensure(["pulumi"], SilentReporter())["pulumi"]
    found = look("pulumi").found
    assert found is not None
    assert (found.path, found.source) == (made, "official installer")
    assert calls("build") == []


@pytest.mark.parametrize(
    ("reach", "install", "said"),
    [
        ("import sys; sys.exit(1)", installer("v3.259.0"), "cannot be reached from here"),
        ("import time; time.sleep(60)", installer("v3.259.0"), "cannot be reached from here"),
        ("", installer("v3.259.0", code=3), "failed with exit code 3"),
        ("", installer("v3.258.0"), "delivered version 3.258.0"),
    ],
    ids=["refused", "silent", "failing", "another version"],
)
def test_an_installer_that_does_not_deliver_leaves_nothing_and_the_engine_is_built(
    bin_folder, calls, monkeypatch, tmp_path, reach, install, said
):
    monkeypatch.delenv("MLPLATFORM_INSTALLER")
    monkeypatch.setattr(official, "REACH_SECONDS", 0.5)
    monkeypatch.setattr(official, "REACH", (sys.executable, "-c", reach))
    monkeypatch.setattr(official, "INSTALL", install)
    reporter = Recorder()
    ensure(["pulumi"], reporter)
    assert f"pulumi v3.259.0: the official installer {said}." in reporter.said
    assert len(calls("build")) == 1
    assert list((tmp_path / "cache" / "official").rglob("pulumi-*")) == []
    assert list((tmp_path / "cache" / "official" / "pulumi").iterdir()) == []


def test_the_installer_is_not_tried_when_told_off(bin_folder, calls, monkeypatch):
    monkeypatch.setattr(official, "REACH", (sys.executable, "-c", ""))
    monkeypatch.setattr(official, "INSTALL", installer("v3.259.0"))
    ensure(["pulumi"], SilentReporter())
    assert len(calls("build")) == 1


def test_the_plugin_of_the_user_s_engine_is_used(bin_folder, calls, tmp_path):
    installed = program(tmp_path / "pulumi-home" / FOLDER, PLUGIN, "it starts to serve")
    program(bin_folder, PLUGIN, "on PATH, where no version is told")
    assert ensure([PLUGIN], SilentReporter()) == {PLUGIN: installed}
    assert calls("build") == []


def test_a_built_plugin_has_its_files_beside_it_and_is_not_taken_for_an_official_one(bin_folder, calls, tmp_path):
    made = ensure([PLUGIN], SilentReporter())[PLUGIN]
    assert {file.name for file in made.parent.iterdir()} >= {PLUGIN, "schema.json", "terraform-mapping.json"}
    # The settings of a sandbox, in a shell that evaluated its environment.
    shutil.copytree(made.parent, tmp_path / "pulumi-home" / FOLDER)
    assert ensure([PLUGIN], SilentReporter()) == {PLUGIN: made}
    assert len(calls("build")) == 1


@pytest.mark.parametrize("delivers", [True, False])
def test_the_engine_downloads_a_plugin_before_it_is_built(bin_folder, calls, monkeypatch, delivers):
    monkeypatch.delenv("MLPLATFORM_INSTALLER")
    monkeypatch.setattr(official, "REACH", (sys.executable, "-c", ""))
    place = f'"$PULUMI_HOME"/{FOLDER}'
    install = f'[ "$*" = "plugin install resource kubernetes v{TOOLS[PLUGIN].version}" ] || exit 1'
    put = f"/bin/mkdir -p {place} && /bin/cp /bin/sh {place}/{PLUGIN}" if delivers else ""
    program(bin_folder, "pulumi", f'#!/bin/sh\n[ "$1" = version ] && echo v3.300.0 && exit\n{install}\n{put}\n')
    made = ensure([PLUGIN], SilentReporter())[PLUGIN]
    found = look(PLUGIN).found
    assert found is not None
    assert (found.path, found.source) == (made, "official installer" if delivers else "built from source")
    assert bool(calls("build")) is not delivers


def test_the_official_language_host_beside_the_engine_is_used(bin_folder, tmp_path):
    engine = program(tmp_path / "pulumi" / "bin", "pulumi", "v3.260.0")
    host = program(engine.parent, "pulumi-language-python", "official")
    assert language_host(engine) == host


def test_our_own_language_host_is_never_taken_for_the_official_one(bin_folder, tmp_path):
    engine = program(bin_folder, "pulumi", "v3.260.0")
    program(bin_folder, "pulumi-language-python", '#!/bin/sh\nexec python -m mlsandbox.tools.languagehost "$@"\n')
    assert language_host(engine) is None


def test_a_language_host_of_an_older_engine_is_not_used(bin_folder, tmp_path):
    engine = program(tmp_path / "cache" / "built", "pulumi", "v3.259.0")
    program(bin_folder, "pulumi", "v3.100.0")
    program(bin_folder, "pulumi-language-python", "official")
    assert language_host(engine) is None


def test_the_yaml_host_that_came_with_the_engine_is_used(bin_folder, calls, tmp_path, monkeypatch):
    program(tmp_path / "official", "pulumi", "v3.300.1")
    host = program(tmp_path / "official", "pulumi-language-yaml", "#!/bin/sh\nexit 2\n")
    monkeypatch.setenv("PATH", f"{tmp_path / 'official'}:{bin_folder}")
    assert ensure(["pulumi-language-yaml"], SilentReporter()) == {"pulumi-language-yaml": host}
    assert calls("build") == []


def test_without_one_that_came_with_the_engine_the_yaml_host_is_built_once(bin_folder, calls):
    program(bin_folder, "pulumi-language-yaml", "#!/bin/sh\nexit 2\n")
    program(bin_folder, "pulumi", "v3.100.0")
    made = ensure(["pulumi", "pulumi-language-yaml"], SilentReporter())["pulumi-language-yaml"]
    assert made.is_relative_to(Cache.of_user().root)
    assert ensure(["pulumi-language-yaml"], SilentReporter()) == {"pulumi-language-yaml": made}
    assert len(calls("build")) == 2

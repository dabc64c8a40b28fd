"""Finding and building programs, with a fake `go` that writes scripts; all processes and files are real."""

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
"""The folder of the plugin, relative to `PULUMI_HOME`."""

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


def test_a_compatible_program_on_path_is_used_without_a_build(bin_folder, calls):
    installed = program(bin_folder, "pulumi", "v3.300.1")
    assert ensure(["pulumi"], SilentReporter()) == {"pulumi": installed}
    assert calls("build") == []


def test_kubebuilder_assets_precede_path(bin_folder, tmp_path, monkeypatch):
    program(bin_folder, "kube-apiserver", "Kubernetes v1.37.9")
    asset = program(tmp_path / "assets", "kube-apiserver", "Kubernetes v1.37.0")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path / "assets"))
    found = look("kube-apiserver").found
    assert found is not None
    assert (found.path, found.version, found.source) == (asset, "1.37.0", "KUBEBUILDER_ASSETS")


def test_a_compatible_program_in_a_later_folder_on_path_is_used(bin_folder, tmp_path, monkeypatch):
    program(bin_folder, "kwok", "kwok version v0.7.0 go1.26.8 (linux/amd64)")
    fitting = program(tmp_path / "other", "kwok", "kwok version v0.8.0 go1.26.8 (linux/amd64)")
    monkeypatch.setenv("PATH", f"{bin_folder}:{tmp_path / 'other'}")
    assert ensure(["kwok"], SilentReporter()) == {"kwok": fitting}


def test_an_old_etcd_is_rejected_with_the_reason_and_a_new_one_is_built(bin_folder, calls):
    old = program(bin_folder, "etcd", "etcd Version: 3.4.30")
    reporter = Recorder()
    made = ensure(["etcd"], reporter)["etcd"]
    assert f"{old} is not used: it reports version 3.4.30, but 3.5.24 or a newer 3.x is required." in reporter.lines
    assert made.is_relative_to(Cache.of_user().root)
    assert len(calls("build")) == 1


def test_a_program_that_does_not_run_is_rejected(bin_folder):
    broken = program(bin_folder, "pulumi", "#!/bin/sh\nexit 1\n")
    reason = f"{broken} is not used: it reports no version, but 3.259 or a newer 3.x is required."
    assert look("pulumi").refused == (reason,)


def test_the_cached_program_is_used_the_second_time(bin_folder, calls):
    first = ensure(["kwok"], SilentReporter())
    assert ensure(["kwok"], SilentReporter()) == first
    assert len(calls("build")) == 1


def test_the_checksum_is_verified_even_for_a_link_on_path_into_the_cache(bin_folder, calls):
    made = ensure(["pulumi"], SilentReporter())["pulumi"]
    (bin_folder / "pulumi").symlink_to(made)
    made.write_text("#!/bin/sh\necho v3.259.0 # altered\n")
    assert look("pulumi").found is None
    assert ensure(["pulumi"], SilentReporter())["pulumi"].read_text() == "#!/bin/sh\necho v3.259.0\n"


@pytest.mark.parametrize("damage", ["truncated", "checksum lost"])
def test_a_damaged_program_in_the_cache_is_reported_and_built_again(bin_folder, calls, damage):
    made = ensure(["etcd"], SilentReporter())["etcd"]
    if damage == "truncated":
        os.truncate(made, 5)
    else:
        made.with_name("etcd.sha256").unlink()
    reporter = Recorder()
    assert ensure(["etcd"], reporter) == {"etcd": made}
    assert f"{made} is not used: its checksum does not match the recorded one." in reporter.lines
    assert len(calls("build")) == 2
    assert look("etcd").found is not None


def test_the_engine_is_built_first_whatever_the_requested_order(bin_folder, calls):
    ensure(reversed(TOOLS), SilentReporter())
    built = [call["args"][-1] for call in calls("build")]
    assert built == [tool.package for tool in TOOLS.values()]
    assert built[0].endswith("/pulumi")


def test_go_uses_the_pins_and_the_users_proxy_but_not_the_users_flags(bin_folder, calls, monkeypatch):
    monkeypatch.setenv("GOFLAGS", "-mod=mod")
    monkeypatch.setenv("GOOS", "plan9")
    monkeypatch.setenv("GOPROXY", "https://proxy.example.org")
    ensure(["kube-scheduler"], SilentReporter())
    (call,) = calls("build")
    assert (call["flags"], call["os"], call["proxy"]) == ("-mod=readonly", None, "https://proxy.example.org")
    assert {"-trimpath", "-mod=readonly"} < set(call["args"])
    assert "-X k8s.io/component-base/version.gitVersion=v1.37.2" in call["args"][call["args"].index("-ldflags") + 1]


def test_the_error_for_a_missing_go_explains_the_remedy(bin_folder):
    (bin_folder / "go").unlink()
    with pytest.raises(ToolchainError) as error:
        ensure(["kube-apiserver"], SilentReporter())
    assert str(error.value) == (
        "kube-apiserver v1.37.2 must be built, but there is no `go` on PATH: install Go 1.26 or newer "
        "(https://go.dev/dl/), or put the official kube-apiserver 1.37.x on PATH "
        "(https://kubernetes.io/releases/download/), then start again"
    )


def test_a_go_that_cannot_download_a_newer_toolchain_is_too_old(bin_folder, monkeypatch):
    monkeypatch.setenv("FAKE_GO_VERSION", "go1.20.14")
    with pytest.raises(ToolchainError, match=r"is Go 1\.20: install Go 1\.26 or newer"):
        ensure(["kwok"], SilentReporter())


def test_an_older_go_that_can_download_a_newer_toolchain_is_used(bin_folder, monkeypatch):
    monkeypatch.setenv("FAKE_GO_VERSION", "go1.24.1")
    reporter = Recorder()
    ensure(["kwok"], reporter)
    assert "Go 1.24 is older than the 1.26 that kwok v0.8.0 requires: Go downloads it." in reporter.lines


@pytest.mark.parametrize(
    ("output", "hint"),
    [
        ("example.org/a: /go/compile: signal: killed", "probably because the machine ran out of memory"),
        ("verifying example.org/a: checksum mismatch\nSECURITY ERROR", "do not match the checksums in go.sum"),
        ("dial tcp: lookup proxy.example.org: no such host", "check the network and GOPROXY"),
        ("write /x: no space left on device", "the disk is full"),
    ],
)
def test_the_error_of_a_failed_build_has_its_last_lines_and_a_hint(bin_folder, monkeypatch, output, hint):
    monkeypatch.setenv("FAKE_GO_FAILURE", "\n".join([*(f"line {n}" for n in range(50)), output]))
    with pytest.raises(ToolchainError) as error:
        ensure(["kwok"], SilentReporter())
    message = str(error.value)
    assert message.startswith("cannot build kwok v0.8.0: `go build` ended with exit code 1: ")
    assert hint in message.splitlines()[0]
    assert message.endswith("\n".join(f"  {line}" for line in output.splitlines()))
    assert len(message.splitlines()) == 16
    assert look("kwok").found is None


def test_a_built_program_with_another_version_is_discarded(bin_folder, monkeypatch):
    monkeypatch.setenv("FAKE_VERSIONS", json.dumps({TOOLS["kwok"].package: "v0.7.9"}))
    with pytest.raises(ToolchainError, match=r"it reports version 0\.7\.9"):
        ensure(["kwok"], SilentReporter())
    assert look("kwok").found is None


def test_insufficient_memory_is_reported_before_a_build(bin_folder, calls, monkeypatch):
    memory = psutil.virtual_memory()
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory._replace(available=2**30))
    with pytest.raises(ToolchainError, match=r"takes at least 1\.5 GiB of memory .* 1\.0 GiB are free"):
        ensure(["kwok"], SilentReporter())
    assert calls("list") == calls("build") == []


@pytest.mark.parametrize(
    ("gib", "cores", "flags"), [(2, 2, ["1"]), (2.7, 2, []), (16, 4, []), (4, 16, ["4"]), (2.7, 1, [])]
)
def test_the_number_of_parallel_jobs_depends_on_the_free_memory(bin_folder, calls, monkeypatch, gib, cores, flags):
    memory = psutil.virtual_memory()
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory._replace(available=int(gib * 2**30)))
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    ensure(["kwok"], SilentReporter())
    args = calls("build")[0]["args"]
    assert [args[i + 1] for i, arg in enumerate(args) if arg == "-p"] == flags


def test_insufficient_disk_space_is_reported_before_a_build(bin_folder, calls, monkeypatch):
    usage = type("usage", (), {"free": 10**8})
    monkeypatch.setattr("mlsandbox.tools.toolchain.build.shutil.disk_usage", lambda path: usage)
    with pytest.raises(ToolchainError, match=r"takes 2\.0 GB in Go's cache .* only 0\.1 GB are free there"):
        ensure(["kube-apiserver"], SilentReporter())
    assert calls("build") == []


def test_the_error_for_a_cache_that_is_not_writable_explains_the_remedy(bin_folder, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MLPLATFORM_CACHE", str(tmp_path / "file"))
    with pytest.raises(ToolchainError, match="set MLPLATFORM_CACHE to a writable folder"):
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
        assert time.monotonic() < deadline, "the condition was not met in time"
        time.sleep(0.02)


def test_two_concurrent_starts_build_once_and_the_second_shows_that_it_waits(bin_folder, calls, monkeypatch):
    monkeypatch.setenv("FAKE_GO_SECONDS", "2")
    first = start("kwok")
    wait_until(lambda: calls("build"))
    second = start("kwok")
    results = [process.communicate(timeout=60) for process in (first, second)]
    assert len(calls("build")) == 1
    assert results[0][0] == results[1][0] != ""
    assert "Waiting for another process to install kwok v0.8.0" in results[1][1]


def test_builds_of_different_programs_do_not_run_concurrently(bin_folder, calls, monkeypatch):
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
def test_an_interrupt_ends_go_and_the_next_start_resumes_the_build(bin_folder, calls, monkeypatch, tmp_path, how):
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
    """A fake official installer, which installs a program that prints `version`."""
    text = (
        "import os, sys; os.makedirs(sys.argv[1] + '/bin'); path = sys.argv[1] + '/bin/pulumi'; "
        f"open(path, 'w').write('#!/bin/sh\\necho {version}\\n'); os.chmod(path, 0o755); sys.exit({code})"
    )
    return (sys.executable, "-c", text)


def test_the_official_installer_precedes_a_build_and_its_result_is_cached(bin_folder, calls, monkeypatch):
    monkeypatch.delenv("MLPLATFORM_INSTALLER")
    monkeypatch.setattr(official, "REACH", (sys.executable, "-c", ""))
    monkeypatch.setattr(official, "INSTALL", installer("v3.259.0"))
    made = ensure(["pulumi"], SilentReporter())["pulumi"]
    found = look("pulumi").found
    assert found is not None
    assert (found.path, found.source) == (made, "official installer")
    assert calls("build") == []


@pytest.mark.parametrize(
    ("reach", "install", "reason"),
    [
        ("import sys; sys.exit(1)", installer("v3.259.0"), "is not reachable"),
        ("import time; time.sleep(60)", installer("v3.259.0"), "is not reachable"),
        ("", installer("v3.259.0", code=3), "failed with exit code 3"),
        ("", installer("v3.258.0"), "delivered version 3.258.0"),
    ],
    ids=["refused", "silent", "failing", "another version"],
)
def test_if_the_installer_fails_it_leaves_no_files_and_the_engine_is_built(
    bin_folder, calls, monkeypatch, tmp_path, reach, install, reason
):
    monkeypatch.delenv("MLPLATFORM_INSTALLER")
    monkeypatch.setattr(official, "REACH_SECONDS", 0.5)
    monkeypatch.setattr(official, "REACH", (sys.executable, "-c", reach))
    monkeypatch.setattr(official, "INSTALL", install)
    reporter = Recorder()
    ensure(["pulumi"], reporter)
    assert f"pulumi v3.259.0: the official installer {reason}." in reporter.lines
    assert len(calls("build")) == 1
    assert list((tmp_path / "cache" / "official").rglob("pulumi-*")) == []
    assert list((tmp_path / "cache" / "official" / "pulumi").iterdir()) == []


def test_the_official_installer_can_be_disabled(bin_folder, calls, monkeypatch):
    monkeypatch.setattr(official, "REACH", (sys.executable, "-c", ""))
    monkeypatch.setattr(official, "INSTALL", installer("v3.259.0"))
    ensure(["pulumi"], SilentReporter())
    assert len(calls("build")) == 1


def test_a_plugin_in_the_users_pulumi_folder_is_used(bin_folder, calls, tmp_path):
    installed = program(tmp_path / "pulumi-home" / FOLDER, PLUGIN, "it starts to serve")
    program(bin_folder, PLUGIN, "on PATH, where no version is told")
    assert ensure([PLUGIN], SilentReporter()) == {PLUGIN: installed}
    assert calls("build") == []


def test_a_built_plugin_has_its_files_beside_it_and_does_not_count_as_official(bin_folder, calls, tmp_path):
    made = ensure([PLUGIN], SilentReporter())[PLUGIN]
    assert {file.name for file in made.parent.iterdir()} >= {PLUGIN, "schema.json", "terraform-mapping.json"}
    # The `PULUMI_HOME` of a sandbox, in a shell that evaluated its environment.
    shutil.copytree(made.parent, tmp_path / "pulumi-home" / FOLDER)
    assert ensure([PLUGIN], SilentReporter()) == {PLUGIN: made}
    assert len(calls("build")) == 1


@pytest.mark.parametrize("delivers", [True, False])
def test_the_engine_tries_to_download_a_plugin_before_a_build(bin_folder, calls, monkeypatch, delivers):
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


def test_the_sandboxs_own_language_host_does_not_count_as_official(bin_folder, tmp_path):
    engine = program(bin_folder, "pulumi", "v3.260.0")
    program(bin_folder, "pulumi-language-python", '#!/bin/sh\nexec python -m mlsandbox.tools.languagehost "$@"\n')
    assert language_host(engine) is None


def test_a_language_host_of_an_older_engine_is_not_used(bin_folder, tmp_path):
    engine = program(tmp_path / "cache" / "built", "pulumi", "v3.259.0")
    program(bin_folder, "pulumi", "v3.100.0")
    program(bin_folder, "pulumi-language-python", "official")
    assert language_host(engine) is None


def test_the_yaml_host_beside_the_engine_is_used(bin_folder, calls, tmp_path, monkeypatch):
    program(tmp_path / "official", "pulumi", "v3.300.1")
    host = program(tmp_path / "official", "pulumi-language-yaml", "#!/bin/sh\nexit 2\n")
    monkeypatch.setenv("PATH", f"{tmp_path / 'official'}:{bin_folder}")
    assert ensure(["pulumi-language-yaml"], SilentReporter()) == {"pulumi-language-yaml": host}
    assert calls("build") == []


def test_without_a_yaml_host_beside_the_engine_it_is_built_once(bin_folder, calls):
    program(bin_folder, "pulumi-language-yaml", "#!/bin/sh\nexit 2\n")
    program(bin_folder, "pulumi", "v3.100.0")
    made = ensure(["pulumi", "pulumi-language-yaml"], SilentReporter())["pulumi-language-yaml"]
    assert made.is_relative_to(Cache.of_user().root)
    assert ensure(["pulumi-language-yaml"], SilentReporter()) == {"pulumi-language-yaml": made}
    assert len(calls("build")) == 2

"""Finding and building programs, with a fake `go` that writes scripts; all processes and files are real."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import psutil
import pytest

from mlsandbox.tools.toolchain import (
    TOOLS,
    Cache,
    SilentReporter,
    ToolchainError,
    ensure,
    look,
)
from unit.sandbox.toolchains import Recorder, bin_folder, calls, program

__all__ = ["bin_folder", "calls"]  # fixtures

pytestmark = pytest.mark.engine  # each test starts several processes


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


def test_the_engine_is_built_first_regardless_of_the_requested_order(bin_folder, calls):
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

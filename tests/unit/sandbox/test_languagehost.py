"""The language host without an engine: its processes, its responses and its error messages."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc, language_pb2, language_pb2_grpc, plugin_pb2

from mlsandbox.tools.languagehost import dependencies, program
from mlsandbox.tools.languagehost.interpreter import RuntimeOptionError, RuntimeOptions, own_interpreter
from mlsandbox.tools.languagehost.policy import PolicyPackProxy, forward, stack_environment
from mlsandbox.tools.languagehost.processes import Ended, Written
from unit.sandbox.processes import DEADLINE_SECONDS, gone, line_of, within_deadline

pytestmark = pytest.mark.engine  # each test starts several processes


def virtual_environment(folder: Path) -> Path:
    python = folder / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    return folder


def test_a_virtual_environment_is_relative_to_the_project(tmp_path):
    virtual_environment(tmp_path / "venv")
    options = RuntimeOptions.parse({"virtualenv": "../venv"}, tmp_path / "project")
    interpreter = options.interpreter()
    assert interpreter.executable == tmp_path / "venv" / "bin" / "python"
    environment = interpreter.activate({"PATH": "/bin", "PYTHONHOME": "/elsewhere"})
    assert environment == {"PATH": f"{tmp_path}/venv/bin:/bin", "VIRTUAL_ENV": f"{tmp_path}/venv"}


def test_without_options_a_program_uses_the_hosts_own_interpreter(tmp_path, monkeypatch):
    monkeypatch.delenv("PULUMI_PYTHON_CMD", raising=False)
    assert RuntimeOptions.parse({}, tmp_path).interpreter() == own_interpreter()
    assert str(own_interpreter().executable) == sys.executable


def test_the_python_command_in_the_environment_precedes_the_hosts_own(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(virtual_environment(tmp_path / "other") / "bin"))
    monkeypatch.setenv("PULUMI_PYTHON_CMD", "python")
    assert RuntimeOptions.parse({}, tmp_path).interpreter().executable == tmp_path / "other" / "bin" / "python"


def test_the_virtual_environment_of_uv_is_in_the_project_folder(tmp_path):
    assert RuntimeOptions.parse({"toolchain": "uv"}, tmp_path).virtualenv == tmp_path / ".venv"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"toolchain": "poetry"}, "toolchain is 'poetry'; allowed: pip, uv"),
        ({"typechecker": "pyre"}, "typechecker is 'pyre'; allowed: none, mypy, pyright"),
        ({"virtualenv": 3.0}, "virtualenv is 3.0; it must be a path"),
    ],
)
def test_unsupported_options_are_rejected(options, message, tmp_path):
    with pytest.raises(RuntimeOptionError, match=message):
        RuntimeOptions.parse(options, tmp_path)


def test_the_error_names_a_missing_virtual_environment(tmp_path):
    with pytest.raises(RuntimeOptionError, match=f"{tmp_path}/venv, which is not a virtual environment"):
        RuntimeOptions.parse({"virtualenv": "venv"}, tmp_path).interpreter()


def test_dependencies_are_installed_only_into_a_virtual_environment_of_the_options(tmp_path):
    (tmp_path / "requirements.txt").write_text("pulumi\n")
    assert list(dependencies.install_commands(RuntimeOptions(), tmp_path)) == []
    venv = tmp_path / "venv"
    assert list(dependencies.install_commands(RuntimeOptions(virtualenv=venv), tmp_path)) == [
        [sys.executable, "-m", "venv", str(venv)],
        [f"{venv}/bin/python", "-m", "pip", "install", "-r", "requirements.txt"],
    ]


def test_installed_packages_are_listed_with_and_without_dependencies():
    everything = dependencies.installed(own_interpreter(), transitive=True)
    asked_for = dependencies.installed(own_interpreter(), transitive=False)
    assert everything["grpcio"] == grpc.__version__
    assert "grpcio" not in asked_for
    assert set(asked_for) < set(everything)


def test_config_and_secrets_are_not_in_the_arguments():
    request = language_pb2.RunRequest(config={"p:token": "hush"}, configSecretKeys=["p:token"], stack="dev")
    arguments = program.arguments(request, "127.0.0.1:1", 5)
    assert "hush" not in " ".join(arguments)
    assert program.environment(request) == {
        "PULUMI_CONFIG": '{"p:token": "hush"}',
        "PULUMI_CONFIG_SECRET_KEYS": '["p:token"]',
    }


@pytest.mark.parametrize(
    ("code", "cancelled", "bail", "error"),
    [
        (0, False, False, ""),
        (32, False, True, ""),
        (3, False, False, "program exited with non-zero exit code: 3"),
        (-9, False, False, "program was ended by SIGKILL"),
        (-15, True, True, ""),
    ],
)
def test_the_response_reports_how_a_program_ended(code, cancelled, bail, error):
    assert program.response(code, cancelled=cancelled) == language_pb2.RunResponse(bail=bail, error=error)


def test_a_policy_pack_gets_the_stack_in_its_environment():
    stack = analyzer_pb2.AnalyzerStackConfigureRequest(
        organization="acme", project="p", stack="dev", dry_run=True, config={"p:limit": "4"}
    )
    assert stack_environment(stack) == {
        "PULUMI_ORGANIZATION": "acme",
        "PULUMI_PROJECT": "p",
        "PULUMI_STACK": "dev",
        "PULUMI_DRY_RUN": "true",
        "PULUMI_CONFIG": '{"p:limit": "4"}',
    }
    assert stack_environment(None) == {}


class Pack(analyzer_pb2_grpc.AnalyzerServicer):
    """A policy pack that returns its version and fails in `Analyze`."""

    def GetPluginInfo(self, request, context):
        return plugin_pb2.PluginInfo(version="1.2.3")

    def Analyze(self, request, context):
        context.set_trailing_metadata((("reason", request.name),))
        context.abort(grpc.StatusCode.DATA_LOSS, "the policy is broken")


@pytest.fixture
def pack() -> Iterator[int]:
    server = grpc.server(ThreadPoolExecutor(2))
    analyzer_pb2_grpc.add_AnalyzerServicer_to_server(Pack(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield port
    server.stop(None)


@pytest.fixture
def proxy() -> Iterator[PolicyPackProxy]:
    proxy = PolicyPackProxy()
    yield proxy
    proxy.stop()


@pytest.fixture
def analyzer(proxy) -> Iterator[analyzer_pb2_grpc.AnalyzerStub]:
    with grpc.insecure_channel(f"127.0.0.1:{proxy.port}") as channel:
        yield analyzer_pb2_grpc.AnalyzerStub(channel)


def pack_output(port: int) -> Iterator[Written | Ended]:
    digits = str(port).encode()
    yield Written("stderr", b"a warning\n")
    yield Written("stdout", digits[:2])
    yield Written("stdout", digits[2:] + b"\nmore")
    yield Ended(0)


def test_the_engine_does_not_see_the_policy_packs_port(pack, proxy, analyzer):
    pieces = list(forward(pack_output(pack), proxy, Path("pack")))
    assert pieces == [Written("stderr", b"a warning\n"), Written("stdout", b"more"), Ended(0)]
    assert analyzer.GetPluginInfo(empty_pb2.Empty()).version == "1.2.3"


def test_the_stacks_config_is_available_before_the_policy_pack_starts(pack, proxy, analyzer):
    stack = analyzer_pb2.AnalyzerStackConfigureRequest(stack="dev", config={"p:limit": "4"})
    configured = analyzer.ConfigureStack.future(stack)
    assert proxy.stack() == stack
    assert not configured.done()
    proxy.attach(pack)
    assert configured.result(DEADLINE_SECONDS) == analyzer_pb2.AnalyzerStackConfigureResponse()


def test_without_a_stack_the_first_call_starts_the_policy_pack(pack, proxy, analyzer):
    answer = analyzer.GetPluginInfo.future(empty_pb2.Empty())
    assert proxy.stack() is None
    proxy.attach(pack)
    assert answer.result(DEADLINE_SECONDS).version == "1.2.3"


def test_a_waiting_call_receives_the_reason_before_the_proxy_stops():
    for _ in range(20):
        proxy = PolicyPackProxy()
        with grpc.insecure_channel(f"127.0.0.1:{proxy.port}") as channel:
            waiting = analyzer_pb2_grpc.AnalyzerStub(channel).GetAnalyzerInfo.future(empty_pb2.Empty())
            assert proxy.stack() is None
            proxy.fail("the policy pack ended")
            proxy.stop()
            assert waiting.exception().details() == "the policy pack ended"


def test_the_engine_receives_the_policy_packs_error_with_its_metadata(pack, proxy, analyzer):
    proxy.attach(pack)
    with pytest.raises(grpc.RpcError) as failed:
        analyzer.Analyze(analyzer_pb2.AnalyzeRequest(name="bucket"))
    assert (failed.value.code(), failed.value.details()) == (grpc.StatusCode.DATA_LOSS, "the policy is broken")
    assert ("reason", "bucket") in [(item.key, item.value) for item in failed.value.trailing_metadata()]


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ([Written("stderr", b"Traceback\n"), Ended(1)], "pack ended with exit code 1 before it created its PolicyPack"),
        ([Written("stdout", b"hello\n"), Ended(0)], "printed 'hello' before it created its PolicyPack"),
    ],
)
def test_the_error_names_a_policy_pack_that_does_not_start(output, message, proxy, analyzer):
    list(forward(iter(output), proxy, Path("/some/pack")))
    with pytest.raises(grpc.RpcError) as failed:
        analyzer.ConfigureStack(analyzer_pb2.AnalyzerStackConfigureRequest())
    assert "/some/pack" in failed.value.details()
    assert message in failed.value.details()


HOST = [sys.executable, "-m", "mlsandbox.tools.languagehost"]
ENGINE = "127.0.0.1:1"


@pytest.fixture
def host() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([*HOST, ENGINE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    yield process
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        pipe.close()


def test_the_host_prints_its_port_and_serves_there(host):
    with grpc.insecure_channel(f"127.0.0.1:{int(host.stdout.readline())}") as channel:
        runtime = language_pb2_grpc.LanguageRuntimeStub(channel)
        assert runtime.GetPluginInfo(empty_pb2.Empty()).version
        assert not runtime.GetRequiredPackages(language_pb2.GetRequiredPackagesRequest()).packages
        with pytest.raises(grpc.RpcError) as refused:
            runtime.GeneratePackage(language_pb2.GeneratePackageRequest())
        assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED
        assert "the official pulumi-language-python" in refused.value.details()
        folder = language_pb2.ProgramInfo(root_directory="/p", program_directory="/p", entry_point=".")
        folder.options.update({"virtualenv": "no-such"})
        with pytest.raises(grpc.RpcError) as refused:
            runtime.About(language_pb2.AboutRequest(info=folder))
        assert "/p/no-such" in refused.value.details()
    host.send_signal(signal.SIGINT)
    # grpc prints the traceback of a method that raises instead of answering.
    assert host.communicate(timeout=DEADLINE_SECONDS) == (b"", b"")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_host_ends_without_output_when_the_engine_stops_it(number, host):
    host.stdout.readline()
    host.send_signal(number)
    assert host.communicate(timeout=DEADLINE_SECONDS) == (b"", b"")
    assert host.returncode == 0


def test_the_host_ends_when_the_engine_closes_its_standard_input(host):
    host.stdout.readline()
    host.stdin.close()
    assert host.wait(DEADLINE_SECONDS) == 0


def test_the_host_ends_when_its_parent_process_ends(tmp_path):
    starter = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import subprocess, sys, time\n"
            "host = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)\n"
            "host.stdout.readline()\n"
            "print(host.pid, flush=True)\n"
            "time.sleep(60)\n",
            *HOST,
            ENGINE,
        ],
        stdout=subprocess.PIPE,
    )
    host = int(starter.stdout.readline())
    assert not gone(host)
    starter.kill()
    starter.communicate()
    assert within_deadline(lambda: gone(host))


def test_a_plugin_ends_when_the_engine_cancels_the_call(host, tmp_path):
    (tmp_path / "__main__.py").write_text("import os, time; print(os.getpid(), flush=True); time.sleep(60)")
    info = language_pb2.ProgramInfo(root_directory=str(tmp_path), program_directory=str(tmp_path), entry_point=".")
    environment = [f"{name}={value}" for name, value in os.environ.items()]
    with grpc.insecure_channel(f"127.0.0.1:{int(host.stdout.readline())}") as channel:
        call = language_pb2_grpc.LanguageRuntimeStub(channel).RunPlugin(
            language_pb2.RunPluginRequest(info=info, pwd=str(tmp_path), env=environment, kind="resource")
        )
        plugin = int(line_of(Written("stdout", message.stdout) for message in call))
        assert not gone(plugin)
        call.cancel()
        assert within_deadline(lambda: gone(plugin))


def test_the_error_names_a_folder_without_a_plugin(host, tmp_path):
    info = language_pb2.ProgramInfo(root_directory=str(tmp_path), program_directory=str(tmp_path))
    with grpc.insecure_channel(f"127.0.0.1:{int(host.stdout.readline())}") as channel:
        call = language_pb2_grpc.LanguageRuntimeStub(channel).RunPlugin(language_pb2.RunPluginRequest(info=info))
        with pytest.raises(grpc.RpcError, match=f"{tmp_path} is not a plugin"):
            next(call)


def test_a_failed_installation_of_dependencies_is_reported(host, tmp_path):
    virtual_environment(tmp_path / "venv")
    (tmp_path / "requirements.txt").write_text("no/such/wheel.whl\n")
    info = language_pb2.ProgramInfo(root_directory=str(tmp_path), program_directory=str(tmp_path))
    info.options.update({"virtualenv": "venv"})
    with grpc.insecure_channel(f"127.0.0.1:{int(host.stdout.readline())}") as channel:
        call = language_pb2_grpc.LanguageRuntimeStub(channel).InstallDependencies(
            language_pb2.InstallDependenciesRequest(info=info)
        )
        output = b""
        with pytest.raises(grpc.RpcError, match=r"pip install -r requirements.txt` in .* ended with exit code 1"):
            for message in call:
                output += message.stdout + message.stderr
        assert b"wheel.whl" in output

import json
import os
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mlsandbox.errors import SandboxError
from mlsandbox.ground.layout import Layout
from mlsandbox.host import environment


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "a sandbox's folder")
    layout.prepare()
    return layout


def test_an_explicit_folder_precedes_the_variable_and_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    deep = project / "platform" / "deep"
    deep.mkdir(parents=True)
    (project / "Pulumi.yaml").touch()
    monkeypatch.chdir(deep)
    monkeypatch.delenv("MLPLATFORM_SANDBOX", raising=False)
    assert Layout.find().folder == project / ".sandbox"
    monkeypatch.setenv("MLPLATFORM_SANDBOX", str(tmp_path / "named"))
    assert Layout.find().folder == tmp_path / "named"
    assert Layout.find(tmp_path / "given").folder == tmp_path / "given"


def test_outside_a_project_the_error_explains_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLPLATFORM_SANDBOX", raising=False)
    with pytest.raises(SandboxError, match=r"no Pulumi\.yaml in .* set MLPLATFORM_SANDBOX"):
        Layout.find()


def test_a_relative_folder_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Layout.find(Path("here")).folder == tmp_path / "here"


def test_ports_and_key_are_created_once(layout: Layout) -> None:
    before = layout.ports(), layout.credentials(), environment.shell_exports(layout, {})
    layout.prepare()
    assert (layout.ports(), layout.credentials(), environment.shell_exports(layout, {})) == before


def test_all_ports_differ(layout: Layout) -> None:
    numbers = list(layout.ports().model_dump().values())
    assert len(set(numbers)) == len(numbers) == 8


def test_two_sandboxes_have_different_credentials(layout: Layout, tmp_path: Path) -> None:
    other = Layout(tmp_path / "other")
    other.prepare()
    assert other.credentials() != layout.credentials()


def test_only_the_owner_can_read_the_sandbox(layout: Layout) -> None:
    assert layout.folder.stat().st_mode & 0o777 == 0o700
    assert layout.credentials_file.stat().st_mode & 0o777 == 0o600


def test_the_error_names_the_folder_of_a_sandbox_that_was_never_started(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "none")
    with pytest.raises(SandboxError, match=r"no sandbox in .*/none yet.*mlsandbox up"):
        environment.variables(layout)
    assert not layout.folder.exists()


def test_a_folder_of_an_older_version_keeps_its_ports_and_gets_the_missing_ones(layout: Layout) -> None:
    before = json.loads(layout.ports_file.read_text())
    older = {name: port for name, port in before.items() if name not in ("api_server", "kubelet")}
    layout.ports_file.write_text(json.dumps({**older, "kubernetes_provider": 31999}))
    layout.prepare()
    after = layout.ports().model_dump()
    assert after.items() >= older.items()
    assert after.keys() == before.keys()
    assert len({*after.values()}) == len(after)


def test_a_plugin_is_installed_where_the_engine_looks_for_its_version(layout: Layout, tmp_path: Path) -> None:
    built = tmp_path / "built"
    built.mkdir()
    for name in ("pulumi-resource-x", "schema.json"):
        (built / name).write_text(name)
    for _ in range(2):
        layout.install_plugin("x", "1.2.3", built)
    place = layout.pulumi_home / "plugins" / "resource-x-v1.2.3"
    assert sorted(file.name for file in place.iterdir()) == ["pulumi-resource-x", "schema.json"]


def test_the_environment_attaches_the_aws_provider_and_sets_the_aws_endpoint_to_loopback(layout: Layout) -> None:
    ports, env = layout.ports(), environment.variables(layout, {"PATH": "/usr/bin"})
    assert env["PULUMI_DEBUG_PROVIDERS"] == f"aws:{ports.aws_provider}"
    assert env["AWS_ENDPOINT_URL"] == f"http://127.0.0.1:{ports.aws}"
    assert env["AWS_ACCESS_KEY_ID"] == layout.credentials().access_key_id
    assert env["KUBECONFIG"] == str(layout.kubeconfig)
    assert env["PULUMI_BACKEND_URL"] == f"file://{layout.pulumi_backend}"


def test_the_sandbox_is_first_on_the_path_and_only_once(layout: Layout) -> None:
    once = environment.variables(layout, {"PATH": "/usr/local/bin:/usr/bin"})["PATH"]
    assert once.split(":")[0] == str(layout.bin)
    assert (Path(once.split(":")[1]) / "mlplatform-eks-token").exists()
    assert once.endswith(":/usr/local/bin:/usr/bin")
    assert environment.variables(layout, {"PATH": once})["PATH"] == once


def test_loopback_addresses_bypass_proxies(layout: Layout) -> None:
    env = environment.variables(layout, {"NO_PROXY": "intranet, localhost"})
    assert env["NO_PROXY"] == "intranet,localhost,127.0.0.1"
    assert env["no_proxy"] == "127.0.0.1,localhost"


def test_a_shell_that_evaluates_the_exports_has_the_same_environment(layout: Layout) -> None:
    misleading = {
        "AWS_PROFILE": "prod",
        "AWS_SESSION_TOKEN": "token",
        "AWS_ENDPOINT_URL_S3": "https://s3.example",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    }
    start = {"PATH": "/usr/bin:/bin", **misleading}
    shell = subprocess.run(
        ["/bin/sh", "-c", f"eval {shlex.quote(environment.shell_exports(layout, start))}; /usr/bin/env -0"],
        env=start,
        capture_output=True,
        text=True,
        check=True,
    )
    seen = dict(line.split("=", 1) for line in shell.stdout.split("\0") if line)
    assert seen.items() >= environment.variables(layout, start).items()
    assert not seen.keys() & misleading.keys()


def test_the_environment_of_a_child_process_has_no_variables_that_bypass_the_sandbox(layout: Layout) -> None:
    env = environment.of_processes(layout, {"PATH": "/bin", "HOME": "/home/me", "AWS_PROFILE": "prod"})
    assert env["HOME"] == "/home/me"
    assert "AWS_PROFILE" not in env
    assert env.items() >= environment.variables(layout, {"PATH": "/bin"}).items()


def test_the_error_for_a_port_in_use_names_the_process(layout: Layout) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", layout.ports().kubernetes_api))
        other.listen()
        layout.check_ports("aws")
        with pytest.raises(SandboxError) as problem:
            layout.check_ports("aws", "kubernetes_api")
    assert f"Port {layout.ports().kubernetes_api} of 127.0.0.1" in str(problem.value)
    assert f"pid {os.getpid()}" in str(problem.value)


def test_without_an_official_language_host_the_sandbox_installs_its_own(layout: Layout, tmp_path: Path) -> None:
    engine = tmp_path / "pulumi"
    engine.touch()
    layout.install_engine(engine, None)
    assert (layout.bin / "pulumi").samefile(engine)
    assert not (layout.bin / "pulumi").is_symlink()
    shim = layout.bin / "pulumi-language-python"
    assert os.access(shim, os.X_OK)
    assert shim.read_text().splitlines()[1].startswith(f"exec {sys.executable} -m mlsandbox.tools.languagehost")


def test_an_engine_on_the_path_is_not_shadowed(layout: Layout, tmp_path: Path) -> None:
    host = tmp_path / "pulumi-language-python"
    host.touch()
    layout.install_engine(host, None)
    layout.install_engine(None, host)
    assert not (layout.bin / "pulumi").exists()
    assert (layout.bin / "pulumi-language-python").samefile(host)


def test_a_requested_language_host_is_installed_beside_the_engine(layout: Layout, tmp_path: Path) -> None:
    for name in ("pulumi", "pulumi-language-yaml"):
        (tmp_path / name).touch()
    layout.install_engine(tmp_path / "pulumi", None)
    assert not (layout.bin / "pulumi-language-yaml").exists()
    layout.install_language_host("pulumi-language-yaml", tmp_path / "pulumi-language-yaml")
    assert (layout.bin / "pulumi-language-yaml").samefile(tmp_path / "pulumi-language-yaml")


def test_no_tools_are_returned_if_one_is_missing(layout: Layout, tmp_path: Path) -> None:
    assert layout.tools() is None
    program = tmp_path / "etcd"
    program.touch(mode=0o755)
    layout.write_tools({"etcd": program})
    assert layout.tools() == {"etcd": program}
    program.unlink()
    assert layout.tools() is None


def test_a_record_of_another_version_is_ignored(layout: Layout) -> None:
    layout.record_file.write_text('{"pid": 1}')
    assert layout.record() is None

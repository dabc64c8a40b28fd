"""The controllers of a cluster: their table, objects, requests, and when their processes run."""

import base64
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Self

import pytest
from cryptography import x509

from mlsandbox import Sandbox, SandboxError
from mlsandbox.cluster.controllers import CONTROLLERS, Controllers, objects, runner
from mlsandbox.cluster.controllers.table import Process
from mlsandbox.cluster.controlplane import pki
from mlsandbox.cluster.kube import KubeError
from mlsandbox.ground.layout import Layout
from mlsandbox.ground.record import ControllerState, Phase, ProcessId, Record
from mlsandbox.host import lifecycle
from mlsandbox.tools import toolchain
from mlsandbox.tools.toolchain import SilentReporter

NAME = "metrics-server"
METRICS_SERVER = CONTROLLERS[NAME]
API_SERVICE = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io"
ACCOUNT = "/api/v1/namespaces/kube-system/serviceaccounts/metrics-server"


class Api:
    """A Kubernetes API that stores objects by path."""

    def __init__(self) -> None:
        self.stored: dict[str, Any] = {}
        self.removed: list[str] = []
        self.refused = ""

    def get(self, path: str) -> Any:
        if path not in self.stored:
            raise KubeError(404, "not found")
        return self.stored[path]

    def apply(self, path: str, body: Any) -> None:
        if self.refused and self.refused in path:
            raise KubeError(403, "a policy forbids it")
        self.stored[path] = body

    def create(self, path: str, body: Any) -> Any:
        assert path == f"{ACCOUNT}/token"
        assert ACCOUNT in self.stored, "a token needs its service account"
        return {"status": {"token": f"for {body['spec']['expirationSeconds']} s"}}

    def delete(self, path: str) -> None:
        del self.stored[path]
        self.removed.append(path)


class Child:
    """A process that does nothing."""

    started: ClassVar[list["Child"]] = []

    def __init__(self, command: list[str]) -> None:
        self.command = command
        self.flags = dict(each.removeprefix("--").split("=", 1) for each in command if "=" in each)
        self.id = ProcessId.of()
        self.how: str | None = None
        self.stopped = False

    @classmethod
    def start(cls, name: str, command: list[str], logs: Path) -> Self:
        assert name == NAME
        cls.started.append(made := cls(command))
        return made

    def ended(self) -> str | None:
        return self.how

    def send_stop(self) -> None:
        self.stopped = True

    def wait_stopped(self) -> None:
        assert self.stopped


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "sandbox")
    layout.prepare()
    pki.ensure(layout)
    layout.write_controllers({NAME: tmp_path / NAME})
    return layout


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def states() -> dict[str, ControllerState]:
    """The states that were reported last."""
    return {}


@pytest.fixture
def controllers(
    layout: Layout, api: Api, states: dict[str, ControllerState], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Controllers]:
    def report(now: Any) -> None:
        states.clear()
        states.update(now)

    monkeypatch.setattr(Child, "started", [])
    monkeypatch.setattr(runner, "Child", Child)
    monkeypatch.setattr(runner, "RESTART_S", 0.0)
    yield Controllers(layout, api, report)  # type: ignore[arg-type]  # it needs no other methods


def listen(child: Child) -> socket.socket:
    """A server where this process should listen."""
    return socket.create_server(("127.0.0.1", int(child.flags["secure-port"])))


def test_every_controller_has_a_program_that_is_built_only_on_request() -> None:
    assert CONTROLLERS.keys() == toolchain.ON_REQUEST.keys()
    assert not toolchain.ON_REQUEST.keys() & toolchain.TOOLS.keys()


@pytest.mark.parametrize("name", CONTROLLERS)
def test_the_objects_are_those_of_the_version_that_is_built(name: str) -> None:
    text = Path(objects.__file__).with_name(f"{name}.yaml").read_text()
    assert text.startswith(f"# The objects of {name} v{toolchain.ON_REQUEST[name].version},")


def test_a_controller_listens_only_on_loopback_and_signs_in_as_its_service_account(layout: Layout) -> None:
    kubeconfig, certificate = layout.pki / "its.kubeconfig", layout.pki / "its.crt"
    flags = METRICS_SERVER.flags(Process(layout, 20000, kubeconfig, certificate))
    assert {"--bind-address=127.0.0.1", "--secure-port=20000", f"--kubeconfig={kubeconfig}"} <= {*flags}
    assert f"--tls-private-key-file={layout.pki / 'its.key'}" in flags
    assert not [flag for flag in flags if "insecure" in flag]


def test_the_api_server_reaches_a_controller_by_an_external_name_and_verifies_its_certificate(layout: Layout) -> None:
    made = {objects.path(each): each for each in objects.of(METRICS_SERVER, layout, 20000)}
    assert made["/api/v1/namespaces/kube-system/services/metrics-server"]["spec"]["externalName"] == "localhost"
    spec = made[API_SERVICE]["spec"]
    assert spec["service"] == {"name": "metrics-server", "namespace": "kube-system", "port": 20000}
    assert base64.b64decode(spec["caBundle"]) == layout.ca_certificate.read_bytes()
    assert "insecureSkipTLSVerify" not in spec
    certificate = x509.load_pem_x509_certificate(
        pki.ensure_service(layout, "metrics-server", "kube-system").read_bytes()
    )
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "metrics-server.kube-system.svc" in names.get_values_for_type(x509.DNSName)


def test_a_controller_has_only_the_permissions_of_its_chart(layout: Layout) -> None:
    made = objects.of(METRICS_SERVER, layout, 20000)
    granted = {each["roleRef"]["name"] for each in made if "roleRef" in each}
    assert granted == {
        "system:metrics-server",
        "system:auth-delegator",
        "extension-apiserver-authentication-reader",
    }
    (own,) = [each for each in made if each["metadata"]["name"] == "system:metrics-server" and "rules" in each]
    assert {verb for rule in own["rules"] for verb in rule["verbs"]} == {"get", "list", "watch"}
    assert "secrets" not in json.dumps(own)


def test_a_controller_runs_as_long_as_the_cluster_has_its_add_on(
    controllers: Controllers, api: Api, states: dict[str, ControllerState], layout: Layout, tmp_path: Path
) -> None:
    controllers.sync({"coredns"})
    assert (Child.started, states) == ([], {})
    controllers.sync({"coredns", NAME})
    (child,) = Child.started
    assert child.command[0] == str(tmp_path / NAME)
    assert states == {NAME: ControllerState(process=child.id)}
    assert (layout.pki / "metrics-server.token").read_text() == "for 86400 s"
    controllers.sync({NAME})
    assert len(Child.started) == 1
    controllers.sync({"coredns"})
    assert child.stopped
    assert (api.stored, states) == ({}, {})


def test_it_is_called_only_after_it_responds_and_not_any_more_before_it_stops(
    controllers: Controllers, api: Api
) -> None:
    for _ in range(2):
        controllers.sync({NAME})
        assert API_SERVICE not in api.stored
    with listen(Child.started[0]):
        controllers.sync({NAME})
    assert api.stored[API_SERVICE]["spec"]["service"]["port"] == int(Child.started[0].flags["secure-port"])
    controllers.sync(())
    assert api.removed[0] == API_SERVICE


def test_it_does_not_run_without_a_request_and_stops_when_the_request_ends(
    controllers: Controllers, layout: Layout
) -> None:
    layout.write_controllers({})
    controllers.sync({NAME})
    assert Child.started == []
    layout.write_controllers({NAME: Path("program")})
    controllers.sync({NAME})
    layout.write_controllers({})
    controllers.sync({NAME})
    assert Child.started[0].stopped


def test_it_is_replaced_if_a_newer_program_is_requested(controllers: Controllers, layout: Layout) -> None:
    controllers.sync({NAME})
    layout.write_controllers({NAME: Path("/newer")})
    controllers.sync({NAME})
    assert [child.stopped for child in Child.started] == [True, False]
    assert Child.started[1].command[0] == "/newer"


def test_a_process_that_ends_is_started_again_and_the_status_says_why(
    controllers: Controllers, states: dict[str, ControllerState]
) -> None:
    controllers.sync({NAME})
    Child.started[0].how = "metrics-server was ended by SIGKILL (log: x)"
    controllers.sync({NAME})
    assert len(Child.started) == 2
    reason = "It is restarted, because metrics-server was ended by SIGKILL (log: x)."
    assert states[NAME] == ControllerState(process=Child.started[1].id, reason=reason)
    with listen(Child.started[1]):
        controllers.sync({NAME})
    assert states[NAME].reason is None


def test_a_process_that_ends_at_once_is_not_restarted_at_once(
    controllers: Controllers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "RESTART_S", 60.0)
    controllers.sync({NAME})
    Child.started[0].how = "metrics-server ended with exit code 1 (log: x)"
    controllers.sync({NAME})
    controllers.sync({NAME})
    assert len(Child.started) == 1


def test_the_status_says_if_the_cluster_rejects_an_object(
    controllers: Controllers, api: Api, states: dict[str, ControllerState]
) -> None:
    api.refused = "clusterroles/"
    controllers.sync({NAME})
    assert Child.started == []
    assert states[NAME].reason == "The Kubernetes API rejected one of its objects: 403: a policy forbids it"
    api.refused = ""
    controllers.sync({NAME})
    assert states[NAME].process is not None


def test_objects_of_an_earlier_run_are_removed_and_those_of_users_are_not(
    controllers: Controllers, api: Api, layout: Layout
) -> None:
    made = objects.of(METRICS_SERVER, layout, 20000)
    objects.apply(api, made)  # type: ignore[arg-type]  # it needs no other methods
    del api.stored[ACCOUNT]["metadata"]["labels"]
    controllers.sync(())
    assert [*api.stored] == [ACCOUNT]


def test_a_stop_ends_the_processes_and_keeps_the_objects(
    controllers: Controllers, api: Api, states: dict[str, ControllerState]
) -> None:
    controllers.sync({NAME})
    controllers.stop()
    assert Child.started[0].stopped
    assert states == {}
    assert ACCOUNT in api.stored
    controllers.sync({NAME})
    assert len(Child.started) == 1


def test_the_status_contains_requested_controllers_and_the_memory_of_those_that_run(layout: Layout) -> None:
    layout.write_controllers({NAME: Path("program"), "another": Path("program")})
    running = ControllerState(process=ProcessId.of())
    record = Record(process=ProcessId.of(), phase=Phase.READY, versions={}, controllers={NAME: running})
    layout.write_record(record)
    status = lifecycle.status(layout)
    assert status.controllers == {NAME: running, "another": ControllerState()}
    assert [each.name for each in status.processes] == ["sandbox", NAME]
    assert status.processes[1].memory_bytes > 0


def test_an_unknown_controller_is_rejected_before_anything_is_built(tmp_path: Path) -> None:
    sandbox = Sandbox(Layout(tmp_path / "sandbox"), SilentReporter())
    with pytest.raises(SandboxError, match=r"^unknown controller kueue; allowed: metrics-server$"):
        sandbox.start(controllers=["metrics-server", "kueue"])
    assert not sandbox.folder.exists()


@pytest.mark.parametrize(
    ("first", "then", "kept"),
    [([NAME], None, [NAME]), ([NAME], [], []), ([], None, []), ([], [NAME], [NAME])],
)
def test_the_choice_of_controllers_is_kept_until_the_next_one(
    first: list[str], then: list[str] | None, kept: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[str] = []

    def ensure(names: Any, _: Any) -> dict[str, Path]:
        built.extend(names)
        return {name: tmp_path / name for name in names}

    monkeypatch.setattr("mlsandbox.sandbox.toolchain.ensure", ensure)
    sandbox = Sandbox(Layout(tmp_path / "sandbox"), SilentReporter())
    for chosen in (first, then):
        built.clear()
        sandbox._install_controllers(chosen)
    assert built == kept
    assert [*sandbox.layout.controllers()] == kept


def test_a_controller_that_only_another_version_has_is_ignored(tmp_path: Path) -> None:
    sandbox = Sandbox(Layout(tmp_path / "sandbox"), SilentReporter())
    sandbox.layout.write_controllers({"newer": tmp_path})
    sandbox._install_controllers(None)
    assert sandbox.layout.controllers() == {}

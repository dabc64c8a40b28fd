"""The parts of the control plane, and its lifecycle with fake programs."""

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest
import yaml
from cryptography import x509

from mlsandbox.cluster.controlplane import PROGRAMS, ControlPlane, flags, kubeconfig, pki
from mlsandbox.cluster.controlplane import child as child_module
from mlsandbox.errors import SandboxError
from mlsandbox.ground.layout import Layout
from mlsandbox.ground.record import ControlPlaneState, Phase

pytestmark = pytest.mark.engine  # each test starts several processes

PROGRAM = Path(__file__).parent / "fakes" / "program.py"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "sandbox")
    layout.prepare()
    return layout


@pytest.fixture
def tools(tmp_path: Path) -> Mapping[str, Path]:
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in PROGRAMS:
        (folder / name).write_text(f"#!{sys.executable}\n{PROGRAM.read_text()}")
        (folder / name).chmod(0o755)
    return {name: folder / name for name in PROGRAMS}


@pytest.fixture
def plane(layout: Layout, tools: Mapping[str, Path]) -> Iterator[ControlPlane]:
    plane = ControlPlane(layout, tools)
    yield plane
    plane.stop()


def running_children() -> set[int]:
    children = psutil.Process().children()
    return {process.pid for process in children if process.status() != psutil.STATUS_ZOMBIE}


def events(layout: Layout) -> list[str]:
    return (layout.logs / "events").read_text().splitlines()


def test_existing_keys_and_certificates_are_not_changed(layout: Layout) -> None:
    pki.ensure(layout)
    before = {path.name: path.read_bytes() for path in layout.pki.iterdir()}
    pki.ensure(layout)
    assert {path.name: path.read_bytes() for path in layout.pki.iterdir()} == before


def test_a_missing_certificate_is_issued_again_by_the_same_ca(layout: Layout) -> None:
    pki.ensure(layout)
    ca = layout.ca_certificate.read_bytes()
    (layout.pki / "admin.crt").unlink()
    pki.ensure(layout)
    assert layout.ca_certificate.read_bytes() == ca
    fresh = x509.load_pem_x509_certificate((layout.pki / "admin.crt").read_bytes())
    fresh.verify_directly_issued_by(x509.load_pem_x509_certificate(ca))


def test_only_the_owner_can_read_private_keys(layout: Layout) -> None:
    pki.ensure(layout)
    keys = list(layout.pki.glob("*.key"))
    assert len(keys) == len(pki.CLIENTS) + 5
    assert {key.stat().st_mode & 0o777 for key in keys} == {0o600}


def test_the_certificates_pass_strict_verification(layout: Layout) -> None:
    pki.ensure(layout)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(layout.serving_certificate, layout.serving_key)
    client = ssl.create_default_context(cafile=layout.ca_certificate)
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    for name in ("127.0.0.1", "localhost"):
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        here = client.wrap_bio(to_client, to_server, server_hostname=name)
        there = server.wrap_bio(to_server, to_client, server_side=True)
        for step in (here, there, here, there):
            try:
                step.do_handshake()
            except ssl.SSLWantReadError:
                continue
        assert here.version() == "TLSv1.3"


def test_the_kubeconfig_is_the_same_after_every_start(layout: Layout) -> None:
    pki.ensure(layout)
    kubeconfig.write(layout)
    before = layout.kubeconfig.read_bytes()
    kubeconfig.write(layout)
    assert layout.kubeconfig.read_bytes() == before
    document = yaml.safe_load(before)
    assert document["clusters"][0]["cluster"]["server"] == f"https://127.0.0.1:{layout.ports().api_server}"
    assert document["users"][0]["user"].keys() == {"client-certificate-data", "client-key-data"}


def test_the_webhook_kubeconfig_contains_the_ca_of_the_sandbox(layout: Layout) -> None:
    pki.ensure(layout)
    kubeconfig.write(layout)
    cluster = yaml.safe_load(kubeconfig.webhook_config(layout).read_text())["clusters"][0]["cluster"]
    assert cluster["server"] == layout.webhook_endpoint
    assert cluster["certificate-authority-data"]


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_listens_only_on_loopback(layout: Layout, name: str) -> None:
    listens = ("bind-address", "listen", "server-address")
    chosen = [flag for flag in PROGRAMS[name](layout) if any(word in flag.split("=")[0] for word in listens)]
    assert all("127.0.0.1" in flag for flag in chosen)
    assert chosen or "--secure-port=0" in PROGRAMS[name](layout)


def test_the_kubelets_serve_logs_and_ports_but_not_exec(layout: Layout) -> None:
    documents = [*yaml.safe_load_all(flags.kubelet(layout).read_text())]
    assert [each["kind"] for each in documents] == ["ClusterLogs", "ClusterPortForward"]
    usage = yaml.safe_load_all(flags.usage().read_text())
    assert [each["kind"] for each in usage] == ["ClusterResourceUsage", "Metric"]
    (log,) = documents[0]["spec"]["logs"]
    assert "no container" in Path(log["logsFile"]).read_text()


def test_a_forwarded_port_responds_that_there_is_no_container(layout: Layout) -> None:
    (_, forwarded) = yaml.safe_load_all(flags.kubelet(layout).read_text())
    (forward,) = forwarded["spec"]["forwards"]
    asked = subprocess.run(forward["command"], input=b"GET / HTTP/1.1\r\n\r\n", capture_output=True, check=True)
    head, _, body = asked.stdout.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"no container" in body


def test_aggregated_apis_trust_only_the_api_server_s_own_certificate(layout: Layout) -> None:
    pki.ensure(layout)
    given = dict(flag.removeprefix("--").split("=", 1) for flag in flags.kube_apiserver(layout) if "=" in flag)
    authority = x509.load_pem_x509_certificate(Path(given["requestheader-client-ca-file"]).read_bytes())
    client = x509.load_pem_x509_certificate(Path(given["proxy-client-cert-file"]).read_bytes())
    client.verify_directly_issued_by(authority)
    assert client.subject.rfc4514_string() == f"CN={given['requestheader-allowed-names']}"
    assert given["requestheader-client-ca-file"] != given["client-ca-file"]


def test_the_api_server_calls_the_webhook_with_version_v1(layout: Layout) -> None:
    given = flags.kube_apiserver(layout)
    assert f"--authentication-token-webhook-config-file={kubeconfig.webhook_config(layout)}" in given
    assert "--authentication-token-webhook-version=v1" in given
    assert "--authentication-token-webhook-cache-ttl=10s" in given
    assert "--service-cluster-ip-range=172.20.0.0/16" in given


def test_nothing_is_written_outside_the_folder(layout: Layout) -> None:
    for given in PROGRAMS.values():
        for flag in given(layout):
            value = flag.partition("=")[2]
            if value.startswith("/"):
                assert value.startswith(str(layout.folder)) or value in (str(flags.stages()), str(flags.usage()))


def test_there_are_stages_for_the_lifecycle_of_nodes_and_pods() -> None:
    stages = list(yaml.safe_load_all(flags.stages().read_text()))
    assert [stage["metadata"]["name"] for stage in stages] == [
        "node-initialize",
        "node-heartbeat",
        "pod-ready",
        "pod-complete",
        "pod-delete",
    ]


def test_the_error_names_a_missing_program(layout: Layout, tools: Mapping[str, Path]) -> None:
    rest = {name: path for name, path in tools.items() if name != "kwok"}
    with pytest.raises(SandboxError, match=r"cannot start: kwok not found"):
        ControlPlane(layout, rest)


def test_clients_start_after_the_api_server_and_stop_before_it(layout: Layout, plane: ControlPlane) -> None:
    plane.start()
    assert plane.wait(20).phase is Phase.READY
    assert plane.state.processes.keys() == PROGRAMS.keys()
    processes = [identity.find() for identity in plane.state.processes.values()]
    plane.stop()
    assert plane.state == ControlPlaneState()
    assert not any(process.is_running() for process in processes if process)
    seen = events(layout)
    clients = {"kube-controller-manager", "kube-scheduler", "kwok"}
    assert set(seen[:2]) == {"start etcd", "start kube-apiserver"}
    assert {event.removeprefix("stop ") for event in seen[5:8]} == clients
    assert seen[8:] == ["stop kube-apiserver", "stop etcd"]


def test_it_can_be_started_again_after_a_stop(layout: Layout, plane: ControlPlane) -> None:
    for _ in range(2):
        plane.start()
        assert plane.wait(20).phase is Phase.READY
        plane.stop()
    assert events(layout).count("start kwok") == 2
    assert (layout.logs / "kwok.log.previous").exists()


def test_the_control_plane_fails_if_a_program_cannot_start_and_reports_its_last_line(
    layout: Layout, plane: ControlPlane
) -> None:
    (layout.logs / "crash-kube-apiserver").write_text("bad flag\nno such thing as --x")
    plane.start()
    state = plane.wait(20)
    assert state.phase is Phase.FAILED
    assert state.reason is not None
    assert "kube-apiserver ended with exit code 1: no such thing as --x" in state.reason
    assert str(layout.logs / "kube-apiserver.log") in state.reason
    assert state.processes == {}


def test_the_control_plane_fails_if_a_program_ends_later_and_the_others_are_stopped(
    layout: Layout, plane: ControlPlane
) -> None:
    plane.start()
    assert plane.wait(20).phase is Phase.READY
    os.kill(plane.state.processes["kwok"].pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while plane.state.phase is not Phase.FAILED and time.monotonic() < deadline:
        time.sleep(0.05)
    assert plane.state.reason is not None
    assert "kwok was ended by SIGKILL" in plane.state.reason
    assert events(layout)[-2:] == ["stop kube-apiserver", "stop etcd"]


def test_a_program_that_ignores_sigterm_is_killed(
    layout: Layout, plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child_module, "STOP_GRACE_S", 0.5)
    (layout.logs / "deaf-kwok").touch()
    plane.start()
    deaf = plane.wait(20).processes["kwok"]
    plane.stop()
    assert deaf.find() is None


def test_a_stop_during_the_start_leaves_no_processes(layout: Layout, plane: ControlPlane) -> None:
    before = running_children()
    plane.start()
    plane.stop()
    assert plane.state == ControlPlaneState()
    assert running_children() <= before


def test_the_control_plane_fails_if_a_port_is_in_use(layout: Layout, plane: ControlPlane) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", layout.ports().etcd))
        other.listen()
        plane.start()
        state = plane.wait(20)
    assert state.phase is Phase.FAILED
    assert state.reason is not None
    assert f"Port {layout.ports().etcd}" in state.reason

"""Pulumi's provider for Kubernetes in the sandbox: charts, server-side previews, and older states."""

import json
import ssl
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes
import pytest
import yaml
from kubernetes.stream import stream
from kubernetes.stream.ws_client import ERROR_CHANNEL

from engine.programs import Program
from mlpctl import failures
from mlsandbox.ground.layout import Layout
from mlsandbox.host import older_states

pytestmark = pytest.mark.engine

HERE = Path(__file__).parent
CHART = HERE / "charts" / "greeting"


@pytest.fixture
def program(sandbox: Any, root: Path, tmp_path: Path) -> Iterator[Program]:
    program = Program.make(tmp_path / "objects", sandbox, root / ".venv")
    yield program
    program.remove()


@pytest.fixture(scope="module")
def core(sandbox: Any) -> Any:
    """An administrator's client of a cluster with one node."""
    core = kubernetes.client.CoreV1Api(sandbox.kubernetes())
    room = {"cpu": "8", "memory": "32Gi", "pods": "58"}
    known = {"InternalIP": "10.0.0.9", "Hostname": "big", "ExternalDNS": "localhost"}
    addresses = [{"type": kind, "address": address} for kind, address in known.items()]
    status = {"capacity": room, "allocatable": room, "addresses": addresses}
    core.create_node({"metadata": {"name": "big"}, "status": status})
    yield core
    core.delete_node("big")


def words(core: Any, name: str) -> Any:
    return core.read_namespaced_config_map(name, "default").data


def test_a_release_of_a_local_chart_is_rendered_installed_and_upgraded(program: Program, core: Any) -> None:
    release = """
        k8s.helm.v3.Release("greeting", name="greeting", chart={chart!r}, values={{"words": {words!r}}})
    """
    program.write(release.format(chart=str(CHART), words="hello"))
    program.up()
    assert words(core, "greeting-words") == {"words": "hello", "apis": "true"}
    (pod,) = core.list_namespaced_pod("default", label_selector="app=greeting").items
    assert (pod.status.phase, pod.spec.containers[0].image) == ("Running", "greeting:7")

    program.write(release.format(chart=str(CHART), words="good day"))
    program.up()
    assert words(core, "greeting-words")["words"] == "good day"
    program.up("--expect-no-changes")

    program.pulumi("destroy", "--yes", "--skip-preview")
    assert "greeting-words" not in [each.metadata.name for each in core.list_namespaced_config_map("default").items]


def test_the_objects_of_a_chart_are_resources_of_the_stack(program: Program, core: Any) -> None:
    program.write(f"""
        chart = k8s.helm.v4.Chart(
            "hi",
            chart={str(CHART)!r},
            repository_opts={{"username": "nobody"}},
            post_renderer={{"command": "/bin/cat"}},
            values={{"replicas": 0}},
        )
        pulumi.export("kinds", chart.resources.apply(lambda made: sorted(each.pulumi_resource_type for each in made)))
    """)
    program.up()
    assert words(core, "hi-words")["words"] == "hello"
    outputs = json.loads(program.pulumi("stack", "output", "--json").stdout)
    assert outputs["kinds"] == ["kubernetes:apps/v1:Deployment", "kubernetes:core/v1:ConfigMap"]
    program.up("--expect-no-changes")


def test_manifests_in_yaml_are_resources_of_the_stack(program: Program, core: Any) -> None:
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "plain"}, "data": {"words": "yaml"}}
    program.write(f"k8s.yaml.v2.ConfigGroup('group', yaml={yaml.safe_dump(manifest)!r})")
    program.up()
    assert words(core, "plain") == {"words": "yaml"}


def test_a_yaml_program_works_with_any_version_of_the_package(sandbox: Any, tmp_path: Path, core: Any) -> None:
    sandbox.build(cluster=False, yaml=True)
    properties = {"metadata": {"name": "from-yaml"}, "data": {"words": "hi"}}
    resources = {
        "cluster": {
            "type": "pulumi:providers:kubernetes",
            "properties": {"kubeconfig": str(sandbox.kubeconfig)},
            # As in a program whose SDK is older than the sandbox's plugin.
            "options": {"version": "4.18.0"},
        },
        "map": {
            "type": "kubernetes:core/v1:ConfigMap",
            "properties": properties,
            "options": {"provider": "${cluster}"},
        },
    }
    (tmp_path / "Pulumi.yaml").write_text(yaml.safe_dump({"name": "kinds", "runtime": "yaml", "resources": resources}))
    program = Program(tmp_path, sandbox)
    program.pulumi("stack", "select", "--create", "test")
    program.up()
    assert words(core, "from-yaml") == {"words": "hi"}
    properties["dta"] = {}
    (tmp_path / "Pulumi.yaml").write_text(yaml.safe_dump({"name": "kinds", "runtime": "yaml", "resources": resources}))
    assert "dta" in program.refused("preview")
    program.remove()


def test_unschedulable_pods_are_reported_with_advice(program: Program) -> None:
    program.write("""
        labels = {"app": "huge"}
        limits = {"nvidia.com/gpu": "9"}
        k8s.apps.v1.Deployment(
            "huge",
            metadata={"name": "huge"},
            spec={
                "selector": {"match_labels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [{"name": "c", "image": "c:1", "resources": {"limits": limits}}]},
                },
            },
            opts=pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create="8s")),
        )
    """)
    log = program.folder / "events.json"
    command = ("up", "--yes", "--skip-preview", "--event-log", str(log))
    program.refused(*command)
    (failure,) = failures.read(log.read_text().splitlines()).failures
    assert failure.code == "MinimumReplicasUnavailable", failure.message
    assert failures.advise(failure)


def test_an_unreachable_chart_repository_is_reported_with_its_url(program: Program) -> None:
    program.write("""
        k8s.helm.v3.Release(
            "far", chart="far", repository_opts={"repo": "https://charts.invalid"}, namespace="default"
        )
    """)
    output = program.refused("preview")
    assert '"https://charts.invalid" is not a valid chart repository or cannot be reached' in output


def test_a_custom_resource_that_violates_its_schema_fails_in_the_preview(program: Program) -> None:
    definition = """
        size = {"type": "integer", "maximum": 3}
        spec = {"type": "object", "properties": {"size": size}, "required": ["size"]}
        schema = {"open_apiv3_schema": {"type": "object", "properties": {"spec": spec}}}
        defined = k8s.apiextensions.v1.CustomResourceDefinition(
            "definition",
            metadata={"name": "toys.example.com"},
            spec={
                "group": "example.com",
                "scope": "Namespaced",
                "names": {"kind": "Toy", "plural": "toys", "singular": "toy"},
                "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
            },
        )
    """
    toy = """
        k8s.apiextensions.CustomResource(
            "toy",
            api_version="example.com/v1",
            kind="Toy",
            metadata={"name": "toy"},
            spec=SPEC,
            opts=pulumi.ResourceOptions(depends_on=[defined]),
        )
    """
    program.write(definition + toy.replace("SPEC", '{"size": 2}'))
    program.up()
    program.write(definition + toy.replace("SPEC", '{"size": 9}'))
    output = program.refused("preview")
    assert "spec.size" in output
    assert "should be less than or equal to 3" in output


def test_a_preview_validates_on_the_server_and_creates_nothing(program: Program, core: Any) -> None:
    service = 'k8s.core.v1.Service("web", metadata={{"name": "web"}}, spec={{"ports": [{{"port": {port}}}]}})'
    program.write(service.format(port=70000))
    output = program.refused("preview")
    assert "spec.ports[0].port" in output
    assert "must be between 1 and 65535" in output
    program.write(service.format(port=80))
    program.pulumi("preview")
    assert "web" not in [each.metadata.name for each in core.list_namespaced_service("default").items]


def test_a_pod_has_a_log_without_a_container_and_cannot_execute_commands(core: Any) -> None:
    containers = [{"name": "silent", "image": "silent:1"}]
    core.create_namespaced_pod("default", {"metadata": {"name": "silent"}, "spec": {"containers": containers}})
    deadline = time.monotonic() + 30
    while core.read_namespaced_pod("silent", "default").status.phase != "Running":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert "no container" in core.read_namespaced_pod_log("silent", "default")
    command = ["/bin/echo", "ran"]
    run = stream(
        core.connect_get_namespaced_pod_exec, "silent", "default", command=command, stdout=True, _preload_content=False
    )
    run.run_forever(timeout=30)
    assert run.read_stdout() == ""
    assert "no exec found" in run.read_channel(ERROR_CHANNEL)
    core.delete_namespaced_pod("silent", "default")


def test_kubelets_report_the_usage_in_a_pod_s_annotations(sandbox: Any, core: Any) -> None:
    url = f"https://127.0.0.1:{sandbox.layout.ports().kubelet}/metrics/nodes/big/metrics/resource"
    tls = ssl.create_default_context(cafile=sandbox.layout.ca_certificate)
    usage = {"kwok.x-k8s.io/usage-cpu": "900m", "kwok.x-k8s.io/usage-memory": "200Mi"}
    for name, annotations in (("busy", usage), ("idle", {})):
        spec = {"containers": [{"name": "main", "image": "silent:1"}]}
        core.create_namespaced_pod("default", {"metadata": {"name": name, "annotations": annotations}, "spec": spec})

    def reported() -> dict[str, float]:
        with urllib.request.urlopen(url, context=tls) as answer:
            text = answer.read().decode()
        lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
        return {series: float(value) for series, value in lines}

    series = 'container_{}{{container="main",namespace="default",pod="{}"}}'
    deadline = time.monotonic() + 30
    while series.format("memory_working_set_bytes", "busy") not in reported():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    before, begun = reported(), time.monotonic()
    time.sleep(1)
    after, lasted = reported(), time.monotonic() - begun
    assert after[series.format("memory_working_set_bytes", "busy")] == 200 * 2**20
    assert after[series.format("memory_working_set_bytes", "idle")] == 2**20
    assert after["node_memory_working_set_bytes"] >= 201 * 2**20
    counter = series.format("cpu_usage_seconds_total", "busy")
    assert (after[counter] - before[counter]) / lasted == pytest.approx(0.9, rel=0.3)
    for name in ("busy", "idle"):
        core.delete_namespaced_pod(name, "default")


def test_a_state_of_the_sandbox_s_former_provider_has_no_changes(
    sandbox: Any, core: Any, root: Path, tmp_path: Path
) -> None:
    """The cluster contains the objects as that provider applied them, and the stack has its state."""
    program = Program.make(tmp_path / "objects", sandbox, root / ".venv")
    program.write((HERE / "objects" / "__main__.py").read_text())
    exported = HERE / "objects" / "state.json"
    client = kubernetes.dynamic.DynamicClient(sandbox.kubernetes())
    for resource in json.loads(exported.read_text())["deployment"]["resources"]:
        if "__fieldManager" in resource.get("outputs", {}):
            applied(client, resource["inputs"], resource["outputs"]["__fieldManager"])
    program.pulumi("stack", "import", "--file", str(exported))
    assert older_states.complete(sandbox.layout)
    assert not older_states.complete(sandbox.layout)
    program.pulumi("preview", "--expect-no-changes")
    program.up("--expect-no-changes")
    program.pulumi("refresh", "--yes", "--skip-preview")
    program.pulumi("preview", "--expect-no-changes")
    program.pulumi("destroy", "--yes", "--skip-preview")
    assert "chat" not in [each.metadata.name for each in core.list_namespace().items]


def applied(client: Any, item: dict[str, Any], manager: str) -> None:
    kind = client.resources.get(api_version=item["apiVersion"], kind=item["kind"])
    metadata = item["metadata"]
    where = {"name": metadata["name"], "namespace": metadata.get("namespace")}
    kind.server_side_apply(body=yaml.safe_dump(item), field_manager=manager, **where)


def test_the_plugin_is_installed_only_in_the_sandbox(sandbox: Any) -> None:
    layout: Layout = sandbox.layout
    assert [*layout.plugins.glob("resource-kubernetes-v*/pulumi-resource-kubernetes")]
    assert "kubernetes" not in sandbox.environment()["PULUMI_DEBUG_PROVIDERS"]

"""A team's stacks from creation to deletion. The tests of a stack continue from each other."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import kubernetes
import pytest
import yaml

from awsfacts import instances
from engine.stacks import assert_golden, leftovers

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module", params=["dev", "staging", "prod"])
def project(request: pytest.FixtureRequest, project_for: Any) -> Iterator[Any]:
    """A copy of the project with one of the stacks, which is destroyed at the end."""
    with project_for(request.param) as project:
        yield project


def platform(project: Any) -> Any:
    file = project.folder / "stacks" / f"Pulumi.{project.stack}.yaml"
    return yaml.safe_load(file.read_text())["config"]["mlplatform:platform"]


def audited(project: Any, sandbox: Any, *options: str) -> Any:
    """The report of `mlpctl audit`."""
    command = ("audit", "--stack", project.stack, "--folder", str(sandbox.folder), "--json", "-", *options)
    done = subprocess.run(
        [sys.executable, "-m", "mlpctl", *command], cwd=project.folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_the_first_preview_is_the_golden_plan(project: Any, request: pytest.FixtureRequest) -> None:
    assert_golden(project, rewrite=request.config.getoption("--rewrite-golden"))


def test_an_update_from_outside_the_network_creates_everything_except_objects_in_the_cluster(project: Any) -> None:
    if project.stack != "prod":
        pytest.skip("tested with one stack only")
    outside = ("--exclude", "**::pulumi:providers:kubernetes::cluster", "--exclude-dependents")
    project.pulumi("up", "--yes", "--skip-preview", "--stack", "prod", *outside)
    state = json.loads(project.pulumi("stack", "export", "--stack", "prod").stdout)["deployment"]["resources"]
    assert [each["urn"] for each in state if each["type"].startswith("kubernetes:")] == []
    first = project.preview()
    assert first
    # Components consist of their resources; one that waits for an object in the cluster is left out with its objects.
    made = [step["newState"] for step in first if step["newState"].get("custom")]
    others = [state["urn"] for state in made if "kubernetes:" not in state["type"]]
    assert others == [], "the next update must create only objects in the cluster"
    assert {step["op"] for step in first} == {"create"}


def test_models_run_on_the_gpus_of_their_pools(project: Any, sandbox: Any) -> None:
    project.pulumi("up", "--yes", "--skip-preview", "--stack", project.stack)
    core = kubernetes.client.CoreV1Api(sandbox.kubernetes())
    wanted = platform(project)
    for name, model in wanted["inference"].items():
        pods = core.list_namespaced_pod(name).items
        assert [pod.status.phase for pod in pods] == ["Running"] * model.get("minReplicas", 1)
        for pod in pods:
            labels = core.read_node(pod.spec.node_name).metadata.labels
            assert labels["node.kubernetes.io/instance-type"] in wanted["gpuPools"][model["pool"]]["instanceTypes"]
            assert labels["mlplatform.io/pool"] == model["pool"]


def test_every_pool_has_the_gpus_of_its_type(project: Any, sandbox: Any) -> None:
    core = kubernetes.client.CoreV1Api(sandbox.kubernetes())
    for name, pool in platform(project)["gpuPools"].items():
        nodes = core.list_node(label_selector=f"mlplatform.io/pool={name}").items
        facts = instances.find(pool["instanceTypes"][0])
        assert facts
        assert [node.status.allocatable["nvidia.com/gpu"] for node in nodes] == [str(facts.gpus)] * pool["nodes"]
        zones = {node.metadata.labels["topology.kubernetes.io/zone"] for node in nodes}
        assert zones <= {*pool.get("zones", zones)}


def test_a_second_up_has_no_changes(project: Any) -> None:
    project.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes", "--stack", project.stack)


def test_what_is_deployed_meets_its_mandatory_rules(project: Any, sandbox: Any) -> None:
    report = audited(project, sandbox)
    assert [each["text"] for each in report["rules"]["findings"] if each["mandatory"]] == []
    assert report["rules"]["passed"] > 100
    assert {each["field"].split(".")[0] for each in report["rules"]["findings"]} <= {*platform(project), "keys", ""}


def test_what_is_really_there_meets_them_too_without_drift_or_strangers(project: Any, sandbox: Any) -> None:
    if project.stack != "dev":
        pytest.skip("tested with one stack only: it takes as long as a refresh")
    report = audited(project, sandbox, "--live")
    assert "no mandatory violation" in report["verdict"] and "no drift" in report["verdict"]
    assert report["groups"] == []
    assert [each for each in report["notes"] if "the AWS service that sets" not in each] == []


def test_a_protected_stack_cannot_be_destroyed_or_replaced_partly(project: Any, sandbox: Any) -> None:
    if project.stack != "prod":
        pytest.skip("the stack is not protected")

    def there() -> tuple[Any, Any]:
        resources = json.loads(project.pulumi("stack", "export", "--stack", "prod").stdout)["deployment"]["resources"]
        return [(each["urn"], each.get("id")) for each in resources], leftovers(sandbox)

    def refused(*command: str) -> str:
        done = project.pulumi(*command, "--stack", "prod", check=False)
        assert done.returncode != 0
        return str(done.stdout + done.stderr)

    before = there()
    output = refused("destroy", "--yes")
    assert "because it is protected" in output
    assert there() == before

    zones = platform(project)["network"]["zones"]
    project.edit("gpuPools", "inference", "zones", value=zones[:1])
    assert "inference-pinned-nodes" in (output := refused("up", "--yes"))
    assert "currently marked for protection" in output
    project.remove("gpuPools", "inference", "zones")
    assert there() == before


def test_destroy_leaves_no_resources(project: Any, sandbox: Any) -> None:
    if project.stack == "prod":
        # A production stack must lose its safeguards before it can be destroyed.
        project.edit("profile", value="staging")
        project.pulumi("up", "--yes", "--stack", "prod")
    assert leftovers(sandbox)
    project.pulumi("destroy", "--yes", "--skip-preview", "--stack", project.stack)
    assert leftovers(sandbox) == []

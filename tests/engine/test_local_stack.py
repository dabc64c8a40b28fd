"""The stack `local` from its creation to its deletion. Each test continues from the previous one."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import kubernetes
import pytest

from engine import earlier, guardrails
from engine.stacks import assert_golden, leftovers
from mlpctl.errors import FAILED
from mlsandbox import Sandbox
from mlsandbox.ground.conditions import Conditions

pytestmark = pytest.mark.engine


MLPCTL = Path(sys.executable).with_name("mlpctl")


def doctor(project: Any, sandbox: Any) -> tuple[int, dict[str, Any]]:
    """The exit code and the findings of `mlpctl doctor`, by check and field."""
    command = [str(MLPCTL), "doctor", "--stack", "local", "--json"]
    done = subprocess.run(
        command, cwd=project.folder, env=sandbox.environment(), capture_output=True, text=True, check=False
    )
    assert done.stdout, done.stderr
    return done.returncode, {f"{each['check']} {each['field']}": each for each in json.loads(done.stdout)["entries"]}


def quiet_period() -> None:
    """Give controllers time to react to changes."""
    time.sleep(1)


def test_the_first_preview_is_the_golden_plan(project: Any, request: pytest.FixtureRequest) -> None:
    assert_golden(project, rewrite=request.config.getoption("--rewrite-golden"))


def test_the_first_preview_is_the_same_while_the_kubernetes_provider_is_being_built(
    project: Any, sandbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Sandbox, "has_provider", False)
    with sandbox.starting() as variables:
        assert ",kubernetes:" in variables["PULUMI_DEBUG_PROVIDERS"]
        without = sandbox.environment()
        monkeypatch.setattr(type(sandbox), "environment", lambda _: {**without, **variables})
        assert_golden(project, rewrite=False)


def test_the_doctor_finds_nothing_that_blocks_the_first_update(project: Any, sandbox: Any) -> None:
    Conditions(quotas={"L-3819A6DF": 16}).save(sandbox.layout)
    code, found = doctor(project, sandbox)
    assert code == 0, [each for each in found.values() if each["level"] == "blocks"]
    for check in (
        "quotas.vcpus gpuPools.inference.instanceTypes",
        "offers.types gpuPools.inference.instanceTypes",
        "versions.kubernetes cluster.version",
        "versions.addons cluster.version",
        "names.repositories images.repositories.serving",
    ):
        assert found[check]["level"] == "passes", found[check]
    unknown = {key.split()[0] for key, each in found.items() if each["level"] == "notChecked"}
    assert unknown == {"quotas.vcpus", "quotas.numbers", "quotas.nat", "permissions.caller"}, "what the sandbox lacks"


def test_up_runs_the_models_on_gpu_nodes(project: Any, sandbox: Any) -> None:
    project.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
    core = kubernetes.client.CoreV1Api(sandbox.kubernetes())
    (pod,) = core.list_namespaced_pod("chat").items
    assert pod.status.phase == "Running"
    node = core.read_node(pod.spec.node_name)
    assert node.metadata.labels["node.kubernetes.io/instance-type"] == "g6.2xlarge"
    assert node.status.allocatable["nvidia.com/gpu"] == "1"
    assert [taint.key for taint in node.spec.taints] == ["nvidia.com/gpu"]


def test_the_doctor_knows_the_stacks_own_nodes_and_reaches_its_cluster(project: Any, sandbox: Any) -> None:
    code, found = doctor(project, sandbox)
    assert code == 0
    assert found["reach.endpoint cluster.privateAccessCidrs"]["level"] == "passes"
    assert found["versions.upgrade cluster.version"]["level"] == "passes"
    assert "of which 0 are in use" in found["quotas.vcpus gpuPools.inference.instanceTypes"]["fact"]
    Conditions(quotas={"L-3819A6DF": 7}).save(sandbox.layout)
    code, found = doctor(project, sandbox)
    Conditions().save(sandbox.layout)
    assert code == FAILED
    assert found["quotas.vcpus gpuPools.inference.nodes"]["level"] == "blocks"
    assert [each["check"] for each in found.values() if each["level"] == "blocks"] == ["quotas.vcpus"]


def test_the_api_server_refuses_pods_and_services_that_break_a_guardrail_and_says_why(
    project: Any, sandbox: Any
) -> None:
    urls = json.loads(project.pulumi("stack", "output", "repositories", "--json", "--stack", "local").stdout)
    registry = urls["serving"].partition("/")[0]
    pinned = f"{registry}/other@sha256:{'0' * 64}"
    # The namespace default has no Pod Security Standard, which would refuse some of the pods first.
    names = {"registry": registry, "repository": urls["serving"], "image": pinned}
    assert guardrails.wrong(sandbox.kubernetes(), "default", "research", "guardrails", **names) == []


def test_a_team_cannot_use_more_gpus_than_its_quota(project: Any, sandbox: Any) -> None:
    api, image = sandbox.kubernetes(), f"quay.io/team/train@sha256:{'0' * 64}"
    (pod,) = [each for name, _, each, _ in guardrails.cases(image=image) if name.startswith("a GPU pod")]
    assert guardrails.answer(api, "research", "Pod", pod)[0] == guardrails.CREATED
    more = guardrails.merged(pod, {"containers": [{"resources": {"limits": {"nvidia.com/gpu": "2"}}}]})
    status, message = guardrails.answer(api, "research", "Pod", more)
    assert status == 403
    assert "exceeded quota: guardrail, requested: requests.nvidia.com/gpu=2" in message


def test_editors_of_a_team_run_programs_and_cannot_change_their_guards(sandbox: Any) -> None:
    reviews = kubernetes.client.AuthorizationV1Api(sandbox.kubernetes())

    def may(verb: str, group: str, resource: str, namespace: str = "research") -> bool:
        wanted = {"verb": verb, "group": group, "resource": resource, "namespace": namespace}
        spec = {"user": "somebody", "groups": ["research"], "resourceAttributes": wanted}
        return bool(reviews.create_subject_access_review({"spec": spec}).status.allowed)

    assert may("create", "", "pods") and may("create", "batch", "jobs") and may("get", "", "resourcequotas")
    assert not may("create", "", "pods", namespace="chat")
    guards = {"resourcequotas": "", "limitranges": "", "networkpolicies": "networking.k8s.io"}
    guards |= dict.fromkeys(("rolebindings", "roles"), "rbac.authorization.k8s.io")
    assert [name for name, group in guards.items() if may("patch", group, name)] == []


def test_the_service_account_of_a_model_has_a_role_with_a_permissions_boundary(project: Any, sandbox: Any) -> None:
    eks, iam = sandbox.aws("eks"), sandbox.aws("iam")
    cluster = project.pulumi("stack", "output", "clusterName", "--stack", "local").stdout.strip()
    (found,) = eks.list_pod_identity_associations(clusterName=cluster, namespace="chat")["associations"]
    core = kubernetes.client.CoreV1Api(sandbox.kubernetes())
    assert core.read_namespaced_service_account(found["serviceAccount"], "chat")
    arn = eks.describe_pod_identity_association(clusterName=cluster, associationId=found["associationId"])
    role = iam.get_role(RoleName=arn["association"]["roleArn"].rsplit("/", 1)[-1])["Role"]
    boundary = role["PermissionsBoundary"]["PermissionsBoundaryArn"]
    assert iam.get_policy(PolicyArn=boundary)["Policy"]["PolicyName"].startswith("chat-boundary")


def test_the_next_preview_has_no_changes(project: Any) -> None:
    quiet_period()
    assert project.preview() == []


def test_an_update_from_an_earlier_version_only_makes_the_changes_of_the_changelog(
    project: Any, tmp_path: Path
) -> None:
    current = json.loads(project.pulumi("stack", "export", "--stack", "local").stdout)
    file = tmp_path / "earlier.json"
    file.write_text(json.dumps(earlier.earlier(current)))
    project.pulumi("stack", "import", "--stack", "local", "--file", str(file))
    changes = {(step["op"], step["urn"].split("::")[-1]) for step in project.preview()}
    project.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
    assert changes == {("update", name) for name in earlier.CHANGED}
    assert earlier.removed(current) == set()
    assert project.preview() == []


def test_one_edited_value_is_one_update(project: Any) -> None:
    project.edit("gpuPools", "inference", "maxNodes", value=3)
    pool, nodes = project.preview()
    assert (pool["op"], pool["urn"].rsplit("::", 1)[-1]) == ("update", "inference"), (
        "the update of the component, whose input was edited"
    )
    assert (nodes["op"], nodes["urn"].rsplit("::", 1)[-1]) == ("update", "inference-nodes")
    assert [*nodes["detailedDiff"]] == ["scalingConfig.maxSize"]
    project.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
    assert project.preview() == []


def test_a_refresh_detects_drift_and_up_corrects_it(project: Any, sandbox: Any) -> None:
    bucket = json.loads(project.pulumi("stack", "output", "buckets", "--json", "--stack", "local").stdout)["artifacts"]
    s3 = sandbox.aws("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    refresh = project.pulumi("refresh", "--yes", "--skip-preview", "--stack", "local", "--diff").stdout
    assert "artifacts-versioning" in refresh
    steps = project.preview()
    assert [each["urn"].rsplit("::", 1)[-1] for each in steps] == ["artifacts-versioning"], steps
    project.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"


def test_a_refresh_without_drift_finds_no_changes(project: Any) -> None:
    project.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes", "--diff", "--stack", "local")


def test_a_restart_of_the_sandbox_causes_no_changes(project: Any, sandbox: Any) -> None:
    sandbox.restart()
    assert project.preview() == []
    project.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes", "--diff", "--stack", "local")


def test_scaling_a_pool_changes_its_nodes(project: Any, sandbox: Any) -> None:
    project.edit("gpuPools", "inference", "nodes", value=2)
    project.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
    core = kubernetes.client.CoreV1Api(sandbox.kubernetes())
    nodes = core.list_node(label_selector="mlplatform.io/pool=inference").items
    zones = {node.metadata.labels["topology.kubernetes.io/zone"] for node in nodes}
    assert len(nodes) == 2
    assert zones == {"us-east-1a", "us-east-1b"}


def test_destroy_leaves_no_resources(project: Any, sandbox: Any) -> None:
    before = [*leftovers(sandbox)]
    assert before
    project.pulumi("destroy", "--yes", "--skip-preview", "--stack", "local")
    assert [*leftovers(sandbox)] == []

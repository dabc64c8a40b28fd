"""The Kubernetes provider against a real API server, scheduler and controllers, driven as the engine drives it."""

import base64
import gzip
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import kubernetes.client
import kubernetes.config
import pytest
import yaml

from mlsandbox.cluster.controlplane import PROGRAMS, ControlPlane
from mlsandbox.host import environment
from mlsandbox.host.layout import Layout
from mlsandbox.host.record import Phase
from mlsandbox.providers.kubernetes import KubernetesProvider, serve
from mlsandbox.providers.protocol import UNKNOWN, Failure, NotReadyError, Properties, ProviderError, Subject, path_text
from mlsandbox.providers.servicer import from_struct, to_struct
from mlsandbox.tools import toolchain

pytestmark = pytest.mark.engine

CLIENT = "ipv4:127.0.0.1:1"
NAMESPACE = "models"

Json = dict[str, Any]

# The clients' annotations know neither the plain objects that they take nor what is always there.
apis: Any = kubernetes.client
CoreV1 = Any


def wire(properties: Properties) -> Properties:
    """Properties as they are after a trip through the engine."""
    return from_struct(to_struct(properties))


@dataclass(frozen=True)
class State:
    """What the engine remembers of a resource."""

    subject: Subject
    id: str
    inputs: Properties
    outputs: Properties


@dataclass
class Engine:
    """The engine's side of the protocol for one provider instance."""

    provider: KubernetesProvider
    client: str = CLIENT
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.provider.say = lambda client, subject, message, **options: self.said.append(message)
        self.provider.configure(self.client, {})

    def check(
        self, token: str, name: str, inputs: Json, olds: Properties | None = None
    ) -> tuple[Subject, Properties, list[Failure]]:
        subject = Subject(f"urn:pulumi:local::mlplatform::{token}::{name}", token, name)
        checked, failures = self.provider.check(self.client, subject, olds or {}, wire(inputs), name.encode())
        return subject, wire(checked), list(failures)

    def preview(self, token: str, name: str, inputs: Json) -> Properties:
        subject, checked, failures = self.check(token, name, inputs)
        assert not failures
        return wire(self.provider.create(self.client, subject, checked, True, 0)[1])

    def up(self, token: str, name: str, inputs: Json, timeout_s: float = 20) -> State:
        subject, checked, failures = self.check(token, name, inputs)
        assert not failures
        id, outputs = self.provider.create(self.client, subject, checked, False, timeout_s)
        return State(subject, id, checked, wire(outputs))

    def changes(self, state: State, inputs: Json) -> tuple[dict[str, bool], bool]:
        """The changed paths with whether they replace, and whether the old object goes first."""
        _, checked, failures = self.check(state.subject.type, state.subject.name, inputs, state.inputs)
        assert not failures
        found = self.provider.diff(self.client, state.subject, state.id, state.inputs, state.outputs, checked)
        return {path_text(one.path): one.replaces for one in found.changes}, found.delete_before_replace

    def update(self, state: State, inputs: Json, preview: bool = False, timeout_s: float = 20) -> State:
        _, checked, failures = self.check(state.subject.type, state.subject.name, inputs, state.inputs)
        assert not failures
        outputs = self.provider.update(
            self.client, state.subject, state.id, state.inputs, state.outputs, checked, preview, timeout_s
        )
        return replace(state, inputs=checked, outputs=wire(outputs))

    def refresh(self, state: State) -> State | None:
        found = self.provider.read(self.client, state.subject, state.id, state.inputs, state.outputs)
        return None if found is None else State(state.subject, found[0], wire(found[1]), wire(found[2]))

    def delete(self, state: State, timeout_s: float = 20) -> None:
        self.provider.delete(self.client, state.subject, state.id, state.inputs, state.outputs, timeout_s)


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Layout]:
    layout = Layout(tmp_path_factory.mktemp("kubernetes") / "sandbox")
    layout.prepare()
    plane = ControlPlane(layout, toolchain.ensure(list(PROGRAMS), toolchain.SilentReporter()))
    plane.start()
    state = plane.wait()
    assert state.phase is Phase.READY, state.reason
    yield layout
    plane.stop()


@pytest.fixture(scope="module")
def outside(layout: Layout) -> Any:
    """Another client, who changes things behind Pulumi's back."""
    settings = yaml.safe_load(layout.kubeconfig.read_text())
    client = kubernetes.config.new_client_from_config_dict(settings)  # type: ignore[no-untyped-call]  # untyped library
    resources = {"cpu": "8", "memory": "32Gi", "pods": "58", "nvidia.com/gpu": "1"}
    core = apis.CoreV1Api(client)
    core.create_node({"metadata": {"name": "gpu"}, "status": {"capacity": resources, "allocatable": resources}})
    core.create_namespace({"metadata": {"name": NAMESPACE}})
    return client


@pytest.fixture
def core(outside: Any) -> CoreV1:
    return apis.CoreV1Api(outside)


@pytest.fixture
def engine(layout: Layout, outside: Any) -> Engine:
    return Engine(KubernetesProvider(layout.kubeconfig))


def eventually(condition: Callable[[], Any], timeout_s: float = 10) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def failure_of(operation: Callable[[], object]) -> Callable[[], ProviderError]:
    """Start an operation that is to fail; calling the answer waits for it and gives its error."""
    errors: list[ProviderError] = []

    def run() -> None:
        try:
            operation()
        except ProviderError as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()

    def error() -> ProviderError:
        thread.join(10)
        assert errors, "it has not failed"
        return errors[0]

    return error


def holds(whole: Any, part: Any) -> bool:
    """Whether `part` is what `whole` says, where it says more."""
    if isinstance(part, dict):
        return all(key in whole and holds(whole[key], value) for key, value in part.items())
    if isinstance(part, list):
        return len(whole) == len(part) and all(map(holds, whole, part))
    return bool(whole == part)


def definitions(outside: Any) -> set[str]:
    found = apis.ApiextensionsV1Api(outside).list_custom_resource_definition().items
    return {one.metadata.name for one in found}


def deployment(name: str, *, image: str = "model:1", gpus: int = 0, **spec: Any) -> Json:
    limits = {"limits": {"nvidia.com/gpu": str(gpus)}} if gpus else {"requests": {"cpu": "1000m"}}
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "model", "image": image, "resources": limits}]},
            },
            **spec,
        },
    }


def config_map(name: str | None = None, **data: str) -> Json:
    metadata = {"namespace": NAMESPACE, **({"name": name} if name else {})}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def job(name: str, **spec: Any) -> Json:
    template = {"spec": {"containers": [{"name": "train", "image": "train:1"}], "restartPolicy": "Never"}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"template": template, **spec},
    }


def widget_definition(group: str) -> Json:
    schema = {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {"size": {"type": "integer"}, "extra": {"type": "object", PRESERVE: True}},
            },
            "status": {"type": "object", PRESERVE: True},
        },
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


PRESERVE = "x_kubernetes_preserve_unknown_fields"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
NAMESPACE_TYPE = "kubernetes:core/v1:Namespace"
JOB = "kubernetes:batch/v1:Job"
CRD = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"
RELEASE = "kubernetes:helm.sh/v3:Release"


@pytest.mark.parametrize(
    ("token", "inputs", "edit"),
    [
        (CONFIG_MAP, config_map("cycle", a="1"), {"metadata": {"labels": {"team": "ml"}}}),
        (
            "kubernetes:core/v1:Service",
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "cycle", "namespace": NAMESPACE},
                "spec": {"clusterIP": "None", "selector": {"app": "cycle"}, "ports": [{"port": 80}]},
            },
            {"spec": {"ports": [{"port": 8080}]}},
        ),
        (
            "kubernetes:policy/v1:PodDisruptionBudget",
            {
                "apiVersion": "policy/v1",
                "kind": "PodDisruptionBudget",
                "metadata": {"name": "cycle", "namespace": NAMESPACE},
                "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "cycle"}}},
            },
            {"spec": {"minAvailable": 2}},
        ),
        (
            "kubernetes:autoscaling/v2:HorizontalPodAutoscaler",
            {
                "apiVersion": "autoscaling/v2",
                "kind": "HorizontalPodAutoscaler",
                "metadata": {"name": "cycle", "namespace": NAMESPACE},
                "spec": {
                    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "cycle"},
                    "minReplicas": 1,
                    "maxReplicas": 2,
                },
            },
            {"spec": {"maxReplicas": 3}},
        ),
        (
            "kubernetes:networking.k8s.io/v1:NetworkPolicy",
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "metadata": {"name": "cycle", "namespace": NAMESPACE},
                "spec": {"podSelector": {"matchLabels": {"app": "cycle"}}, "policyTypes": ["Ingress"]},
            },
            {"spec": {"policyTypes": ["Egress"]}},
        ),
        (
            NAMESPACE_TYPE,
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "cycle"}},
            {"metadata": {"labels": {"team": "ml"}}},
        ),
    ],
    ids=lambda value: value.rpartition(":")[2] if isinstance(value, str) else "",
)
def test_an_object_lives_from_create_to_delete(engine: Engine, token: str, inputs: Json, edit: Json) -> None:
    state = engine.up(token, "cycle", inputs)
    assert engine.changes(state, inputs) == ({}, False)
    same = engine.refresh(state)
    assert same is not None and same.inputs == state.inputs

    edited = {**inputs, **{part: {**inputs.get(part, {}), **change} for part, change in edit.items()}}
    changes, _ = engine.changes(state, edited)
    assert changes and not any(changes.values())
    updated = engine.update(state, edited)
    assert holds(updated.outputs, wire(edit))
    assert engine.changes(updated, edited) == ({}, False)
    again = engine.refresh(updated)
    assert again is not None and again.inputs == updated.inputs

    engine.delete(updated)
    assert engine.refresh(updated) is None
    engine.delete(updated)


def test_a_deployment_rolls_out_and_its_service_finds_the_pods(engine: Engine, core: CoreV1) -> None:
    state = engine.up(DEPLOYMENT, "serve", deployment("serve", gpus=1))
    assert state.outputs["status"]["availableReplicas"] == 1
    assert "managedFields" not in state.outputs["metadata"]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "serve", "namespace": NAMESPACE},
        "spec": {"selector": {"app": "serve"}, "ports": [{"port": 80}]},
    }
    made = engine.up("kubernetes:core/v1:Service", "serve", service)
    assert made.outputs["spec"]["clusterIP"].startswith("172.20.")

    rolled = engine.update(state, deployment("serve", gpus=1, image="model:2"))
    pods = core.list_namespaced_pod(NAMESPACE, label_selector="app=serve").items
    assert [pod.spec.containers[0].image for pod in pods] == ["model:2"]
    engine.delete(made)
    engine.delete(rolled)
    assert not core.list_namespaced_pod(NAMESPACE, label_selector="app=serve").items


def test_a_deployment_that_fits_no_node_is_kept_with_the_schedulers_words(engine: Engine) -> None:
    with pytest.raises(NotReadyError) as caught:
        engine.up(DEPLOYMENT, "large", deployment("large", gpus=8), timeout_s=2)
    assert caught.value.id == f"{NAMESPACE}/large"
    assert caught.value.reasons[0] == (
        f"Deployment {NAMESPACE}/large was not ready after 2 s: 0 of 1 replicas are available"
    )
    assert "Unschedulable: 0/1 nodes are available: 1 Insufficient nvidia.com/gpu" in caught.value.reasons[1]
    assert any("0 of 1 replicas are available" in message for message in engine.said)

    subject, inputs, _ = engine.check(DEPLOYMENT, "large", deployment("large", gpus=8))
    state = State(subject, caught.value.id, inputs, wire(caught.value.outputs))
    with pytest.raises(NotReadyError, match="is not ready: 0 of 1 replicas"):
        engine.refresh(state)
    engine.delete(engine.update(state, deployment("large", gpus=0)))


def test_a_deployment_that_gives_up_is_reported_before_the_time_out_and_recovers_later(
    engine: Engine, core: CoreV1
) -> None:
    stuck = deployment("stuck", gpus=2, progressDeadlineSeconds=1)
    with pytest.raises(NotReadyError, match="did not become ready: ProgressDeadlineExceeded") as caught:
        engine.up(DEPLOYMENT, "stuck", stuck, timeout_s=300)
    subject, inputs, _ = engine.check(DEPLOYMENT, "stuck", stuck)
    state = State(subject, caught.value.id, inputs, wire(caught.value.outputs))
    with pytest.raises(NotReadyError, match="was not ready after 1 s: ProgressDeadlineExceeded"):
        engine.update(state, stuck, timeout_s=1)
    resources = {"cpu": "8", "memory": "32Gi", "pods": "58", "nvidia.com/gpu": "2"}
    core.create_node({"metadata": {"name": "more"}, "status": {"capacity": resources, "allocatable": resources}})
    recovered = engine.update(state, stuck)
    assert recovered.outputs["status"]["availableReplicas"] == 1
    engine.delete(recovered)
    core.delete_node("more")


def test_a_job_is_awaited_until_it_is_complete(engine: Engine) -> None:
    state = engine.up(JOB, "train", job("train"))
    assert state.outputs["status"]["succeeded"] == 1
    changes, deletes_first = engine.changes(state, job("train", parallelism=2))
    assert changes == {"spec.parallelism": True} and deletes_first
    engine.delete(state)


def test_a_suspended_job_is_not_awaited(engine: Engine) -> None:
    engine.delete(engine.up(JOB, "queued", job("queued", suspend=True), timeout_s=5))


def test_a_job_that_fails_says_why(engine: Engine, core: CoreV1) -> None:
    failing = job("failing", backoffLimit=0, activeDeadlineSeconds=1)
    failing["spec"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {"nvidia.com/gpu": "9"}}
    with pytest.raises(NotReadyError, match="the Job failed: DeadlineExceeded") as caught:
        engine.up(JOB, "failing", failing)
    subject, inputs, _ = engine.check(JOB, "failing", failing)
    state = State(subject, caught.value.id, inputs, wire(caught.value.outputs))
    failing["metadata"]["annotations"] = {"pulumi.com/replaceUnready": "true"}
    changes, deletes_first = engine.changes(state, failing)
    assert changes['metadata.annotations["pulumi.com/replaceUnready"]'] and deletes_first
    engine.delete(state)


@pytest.mark.parametrize(
    ("spec", "path", "reason"),
    [
        ({"replicsa": 2}, "spec.replicsa", "spec.replicsa is not a field of this kind."),
        ({"replicas": "two"}, "spec.replicas", "spec.replicas is a string; it must be of type int32."),
        ({"replicas": -1}, "spec.replicas", "must be greater than or equal to 0"),
        ({"selector": {"matchLabels": {"app": "other"}}}, "spec.template.metadata.labels", "does not match template"),
    ],
)
@pytest.mark.parametrize("namespace", [NAMESPACE, "of-the-same-update"])
def test_a_wrong_field_is_refused_with_its_path(
    engine: Engine, core: CoreV1, spec: Json, path: str, reason: str, namespace: str
) -> None:
    wrong = deployment("wrong", **spec)
    wrong["metadata"]["namespace"] = namespace
    _, _, failures = engine.check(DEPLOYMENT, "wrong", wrong)
    assert [failure.path for failure in failures][:1] == [path]
    assert reason in failures[0].reason


def test_a_kind_that_kubernetes_does_not_have_is_refused_with_the_nearest(engine: Engine) -> None:
    wrong = {**deployment("wrong"), "apiVersion": "apps/v1beta1"}
    _, _, failures = engine.check("kubernetes:apps/v1beta1:Deployment", "wrong", wrong)
    assert failures == [
        Failure("apiVersion", "The cluster serves no apps/v1beta1 Deployment. Served are: apps/v1 Deployment.")
    ]


def test_a_preview_is_a_dry_run_that_knows_defaults_and_leaves_the_rest_unknown(engine: Engine, core: CoreV1) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "foreseen", "namespace": NAMESPACE},
        "spec": {"selector": {"app": "foreseen"}, "ports": [{"port": 80}], "type": "NodePort"},
    }
    outputs = engine.preview("kubernetes:core/v1:Service", "foreseen", service)
    assert outputs["spec"]["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80, "nodePort": UNKNOWN}]
    assert outputs["spec"]["clusterIP"] is UNKNOWN
    assert outputs["metadata"]["uid"] is UNKNOWN
    assert "status" not in outputs
    assert "foreseen" not in [one.metadata.name for one in core.list_namespaced_service(NAMESPACE).items]


def test_a_preview_of_an_update_changes_nothing(engine: Engine, core: CoreV1) -> None:
    state = engine.up(DEPLOYMENT, "previewed", deployment("previewed"))
    outputs = engine.update(state, deployment("previewed", image="model:2"), preview=True).outputs
    assert outputs["spec"]["template"]["spec"]["containers"][0]["image"] == "model:2"
    refreshed = engine.refresh(state)
    assert refreshed is not None and refreshed.inputs == state.inputs
    engine.delete(state)


def test_a_preview_goes_on_with_what_is_not_there_yet(engine: Engine) -> None:
    unknown = engine.preview(CONFIG_MAP, "later", {**config_map("later"), "data": {"endpoint": UNKNOWN}})
    assert unknown["data"] == {"endpoint": UNKNOWN}
    elsewhere = config_map("later", a="1")
    elsewhere["metadata"]["namespace"] = "of-the-same-update"
    assert engine.preview(CONFIG_MAP, "later", elsewhere)["data"] == {"a": "1"}
    custom = {"apiVersion": "later.example.com/v1", "kind": "Thing", "metadata": {}, "spec": {}}
    assert engine.preview("kubernetes:later.example.com/v1:Thing", "later", custom)["kind"] == "Thing"


def test_names_are_made_once_and_a_new_name_replaces(engine: Engine) -> None:
    state = engine.up(CONFIG_MAP, "named", config_map(a="1"))
    assert state.inputs["metadata"]["name"].startswith("named-") and len(state.id) == len(f"{NAMESPACE}/named-12345678")
    assert state.inputs["metadata"]["annotations"] == {"pulumi.com/autonamed": "true"}
    assert engine.changes(state, config_map(a="1")) == ({}, False)
    assert engine.changes(state, config_map(a="2")) == ({"data.a": True}, False)
    fixed, _ = engine.changes(state, config_map("fixed", a="1"))
    assert fixed["metadata.name"]
    engine.delete(state)


def test_an_object_that_exists_is_not_taken_over(engine: Engine, core: CoreV1) -> None:
    core.create_namespaced_config_map(NAMESPACE, {"metadata": {"name": "taken"}, "data": {"a": "1"}})
    with pytest.raises(ProviderError, match="ConfigMap models/taken already exists"):
        engine.up(CONFIG_MAP, "taken", config_map("taken", a="2"))
    engine.provider.configure(CLIENT, {"upsertExistingObjects": "true", "enablePatchForce": "true"})
    state = engine.up(CONFIG_MAP, "taken", config_map("taken", a="2"))
    assert state.outputs["data"] == {"a": "2"}
    engine.delete(state)


def test_a_refresh_shows_what_others_changed_and_only_that(engine: Engine, outside: Any) -> None:
    apps = apis.AppsV1Api(outside)
    state = engine.up(DEPLOYMENT, "drifts", deployment("drifts"))
    unchanged = engine.refresh(state)
    # The API server writes 1000m as 1, which is no drift.
    assert unchanged is not None and unchanged.inputs == state.inputs

    apps.patch_namespaced_deployment("drifts", NAMESPACE, {"metadata": {"labels": {"seen": "yes"}}})
    apps.patch_namespaced_deployment("drifts", NAMESPACE, {"spec": {"replicas": 2}}, field_manager="scaler")
    eventually(lambda: apps.read_namespaced_deployment("drifts", NAMESPACE).status.available_replicas == 2)
    drifted = engine.refresh(state)
    assert drifted is not None
    changes, _ = engine.changes(drifted, deployment("drifts"))
    assert changes == {"spec.replicas": False}

    with pytest.raises(ProviderError) as conflict:
        engine.update(drifted, deployment("drifts"))
    assert str(conflict.value).startswith(
        'Deployment models/drifts has fields that somebody else manages: spec.replicas: conflict with "scaler"'
    )
    forced = deployment("drifts")
    forced["metadata"]["annotations"] = {"pulumi.com/patchForce": "true"}
    restored = engine.update(drifted, forced)
    assert restored.outputs["spec"]["replicas"] == 1
    engine.delete(restored)


def test_an_object_deleted_by_others_is_gone_on_refresh_and_an_update_says_so(engine: Engine, core: CoreV1) -> None:
    state = engine.up(CONFIG_MAP, "gone", config_map("gone", a="1"))
    core.delete_namespaced_config_map("gone", NAMESPACE)
    assert engine.refresh(state) is None
    labelled = config_map("gone", a="1")
    labelled["metadata"]["labels"] = {"a": "b"}
    with pytest.raises(ProviderError, match="Run `pulumi refresh`"):
        engine.update(state, labelled)


def test_an_import_reads_what_a_program_would_say(engine: Engine, core: CoreV1) -> None:
    core.create_namespaced_config_map(
        NAMESPACE, {"metadata": {"name": "found", "labels": {"a": "b"}}, "data": {"k": "v"}}
    )
    subject, _, _ = engine.check(CONFIG_MAP, "found", config_map("found"))
    imported = engine.refresh(State(subject, f"{NAMESPACE}/found", {}, {}))
    assert imported is not None
    expected = config_map("found", k="v")
    expected["metadata"]["labels"] = {"a": "b"}
    assert imported.inputs == expected
    engine.delete(imported)


def test_secret_text_that_drifted_comes_back_as_text(engine: Engine, core: CoreV1) -> None:
    inputs = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "token", "namespace": NAMESPACE},
        "stringData": {"token": "mine"},
    }
    state = engine.up("kubernetes:core/v1:Secret", "token", inputs)
    same = engine.refresh(state)
    assert same is not None and same.inputs == state.inputs
    core.patch_namespaced_secret("token", NAMESPACE, {"stringData": {"token": "theirs"}})
    drifted = engine.refresh(state)
    assert drifted is not None and drifted.inputs["stringData"] == {"token": "theirs"}
    assert engine.changes(drifted, inputs) == ({"stringData.token": True}, True)
    engine.delete(drifted)


def test_a_blocked_deletion_names_the_finalizer(engine: Engine, core: CoreV1) -> None:
    inputs = config_map("kept", a="1")
    inputs["metadata"]["finalizers"] = ["example.com/backup"]
    state = engine.up(CONFIG_MAP, "kept", inputs)
    with pytest.raises(ProviderError) as caught:
        engine.delete(state, timeout_s=1)
    assert str(caught.value) == (
        "ConfigMap models/kept was asked to go and is still there after 1 s. It still has the finalizer "
        "example.com/backup. Its controller removes it; without one: kubectl patch configmap kept -n models "
        """--type=merge -p '{"metadata":{"finalizers":null}}'."""
    )
    core.patch_namespaced_config_map("kept", NAMESPACE, {"metadata": {"finalizers": None}})
    engine.delete(state)


def test_a_namespace_is_awaited_and_says_what_remains_in_it(engine: Engine, core: CoreV1) -> None:
    state = engine.up(NAMESPACE_TYPE, "full", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "full"}})
    core.create_namespaced_config_map("full", {"metadata": {"name": "kept", "finalizers": ["example.com/backup"]}})
    failed = failure_of(lambda: engine.delete(state, timeout_s=300))
    # The namespace controller writes its conditions some seconds after it tried.
    eventually(lambda: any("has finalizers remaining: example.com/backup" in text for text in engine.said), 60)
    engine.provider.cancel(CLIENT)
    assert "Some content in the namespace has finalizers remaining: example.com/backup" in str(failed())
    core.patch_namespaced_config_map("kept", "full", {"metadata": {"finalizers": None}})
    engine.delete(state)
    assert "full" not in [one.metadata.name for one in core.list_namespace().items]


def test_a_custom_resource_is_checked_by_its_definition(engine: Engine, outside: Any) -> None:
    definition = engine.up(CRD, "widgets", widget_definition("check.example.com"))
    assert PRESERVE in definition.outputs["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]
    same = engine.refresh(definition)
    assert same is not None and same.inputs == definition.inputs
    token = "kubernetes:check.example.com/v1:Widget"
    custom = {"apiVersion": "check.example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": 1}}
    _, _, failures = engine.check(token, "w", {**custom, "spec": {"size": "big", "sise": 1}})
    assert {failure.path for failure in failures} <= {"spec.size", "spec.sise"} and failures
    state = engine.up(token, "w", custom)
    assert state.id == "default/w"
    updated = engine.update(state, {**custom, "spec": {"size": 2}})
    assert updated.outputs["spec"] == {"size": 2}
    engine.delete(updated)
    engine.delete(definition)


def test_a_custom_resource_waits_for_a_definition_of_the_same_update(engine: Engine) -> None:
    token = "kubernetes:wait.example.com/v1:Widget"
    custom = {"apiVersion": "wait.example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": 1}}
    made: list[State] = []
    thread = threading.Thread(target=lambda: made.append(engine.up(token, "w", custom)))
    thread.start()
    time.sleep(0.5)
    definition = engine.up(CRD, "widgets", widget_definition("wait.example.com"))
    thread.join(20)
    assert [state.id for state in made] == ["default/w"]
    assert engine.changes(made[0], custom) == ({}, False)
    engine.delete(made[0])
    engine.delete(definition)


def test_a_wait_for_annotation_is_honoured(engine: Engine, outside: Any) -> None:
    definition = engine.up(CRD, "widgets", widget_definition("ready.example.com"))
    token = "kubernetes:ready.example.com/v1:Widget"
    custom: Json = {"apiVersion": "ready.example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {}}
    custom["metadata"]["annotations"] = {"pulumi.com/waitFor": "condition=Ready"}
    with pytest.raises(NotReadyError, match="condition=Ready does not hold"):
        engine.up(token, "w", custom, timeout_s=0.5)
    custom["metadata"]["annotations"] = {"pulumi.com/waitFor": "ready"}
    _, _, failures = engine.check(token, "w", custom)
    assert [failure.path for failure in failures] == ["metadata.annotations"]
    engine.delete(definition)


def test_a_patch_owns_its_fields_and_gives_them_up(engine: Engine, core: CoreV1) -> None:
    token = "kubernetes:core/v1:NamespacePatch"
    inputs = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default", "labels": {"owner": "ml"}}}
    state = engine.up(token, "patch", inputs)
    assert core.read_namespace("default").metadata.labels["owner"] == "ml"
    engine.delete(state)
    assert "owner" not in core.read_namespace("default").metadata.labels
    absent = {**inputs, "metadata": {"name": "nowhere", "labels": {"a": "b"}}}
    with pytest.raises(ProviderError, match="There is no Namespace nowhere to patch"):
        engine.up(token, "absent", absent)


def test_a_cancelled_wait_ends_at_once(engine: Engine) -> None:
    failed = failure_of(lambda: engine.up(DEPLOYMENT, "cancelled", deployment("cancelled", gpus=8), timeout_s=300))
    eventually(lambda: any("replicas are available" in message for message in engine.said))
    engine.provider.cancel(CLIENT)
    error = failed()
    assert isinstance(error, NotReadyError)
    assert "was not ready when the update was cancelled" in error.reasons[0]
    engine.delete(State(engine.check(DEPLOYMENT, "cancelled", {})[0], error.id, {}, error.outputs))


def test_a_release_is_recorded_as_helm_records_it_and_its_definitions_are_there(
    engine: Engine, core: CoreV1, outside: Any
) -> None:
    inputs = {
        "chart": "oci://registry.k8s.io/kueue/charts/kueue",
        "version": "0.19.2",
        "namespace": "kueue-system",
        "createNamespace": True,
        "values": {"managerConfig": {"replicas": 2}},
    }
    state = engine.up(RELEASE, "kueue", inputs)
    name = state.inputs["name"]
    assert state.outputs["status"] == {
        "chart": "kueue",
        "name": name,
        "namespace": "kueue-system",
        "revision": 1,
        "status": "deployed",
        "version": "0.19.2",
    }
    assert "not rendered" in state.outputs["description"]
    assert any("not rendered" in message for message in engine.said)
    assert engine.changes(state, inputs) == ({}, False)

    token = "kubernetes:kueue.x-k8s.io/v1beta2:ClusterQueue"
    queue = {"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "ClusterQueue", "metadata": {"name": "gpu"}, "spec": {}}
    custom = engine.up(token, "gpu", queue)
    assert custom.id == "gpu"
    engine.delete(custom)

    upgraded = engine.update(state, {**inputs, "name": name, "values": {"managerConfig": {"replicas": 3}}})
    records = core.list_namespaced_secret("kueue-system", label_selector=f"owner=helm,name={name}").items
    assert {one.metadata.labels["version"]: one.metadata.labels["status"] for one in records} == {
        "1": "superseded",
        "2": "deployed",
    }
    newest = core.read_namespaced_secret(f"sh.helm.release.v1.{name}.v2", "kueue-system")
    assert newest.type == "helm.sh/release.v1"
    release = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(newest.data["release"]))))
    assert release["config"] == {"managerConfig": {"replicas": 3}}
    assert release["info"]["status"] == "deployed" and release["chart"]["metadata"]["version"] == "0.19.2"

    same = engine.refresh(upgraded)
    assert same is not None and same.inputs == upgraded.inputs
    with pytest.raises(ProviderError, match=r"cannot re-use a name that is still in use"):
        engine.up(RELEASE, "again", {**inputs, "name": name})

    engine.delete(upgraded)
    assert engine.refresh(upgraded) is None
    assert not core.list_namespaced_secret("kueue-system", label_selector="owner=helm").items
    assert not [name for name in definitions(outside) if name.endswith("kueue.x-k8s.io")]


def test_a_chart_that_keeps_its_definitions_leaves_them(engine: Engine, outside: Any) -> None:
    inputs = {"chart": "karpenter", "name": "karpenter", "namespace": "default"}
    state = engine.up(RELEASE, "karpenter", inputs)
    engine.delete(state)
    assert {"nodepools.karpenter.sh", "nodeclaims.karpenter.sh", "ec2nodeclasses.karpenter.k8s.aws"} <= definitions(
        outside
    )


def test_a_release_without_a_namespace_says_so(engine: Engine) -> None:
    with pytest.raises(ProviderError, match="There is no namespace nowhere for Helm release r"):
        engine.up(RELEASE, "r", {"chart": "kueue", "name": "r", "namespace": "nowhere"})


def test_an_unreachable_cluster_lets_a_preview_go_on_and_an_update_fail(
    engine: Engine, layout: Layout, tmp_path: Path
) -> None:
    settings = yaml.safe_load(layout.kubeconfig.read_text())
    settings["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
    engine.provider.configure(CLIENT, {"kubeconfig": json.dumps(settings)})
    outputs = engine.preview(CONFIG_MAP, "offline", config_map("offline", a="1"))
    assert outputs["data"] == {"a": "1"}
    assert engine.said == [
        "The Kubernetes API server at https://127.0.0.1:9 cannot be reached: Connection refused. Its objects are not "
        "checked."
    ]
    with pytest.raises(ProviderError, match=r"https://127\.0\.0\.1:9 cannot be reached: Connection refused"):
        engine.up(CONFIG_MAP, "offline", config_map("offline", a="1"))


PROGRAM = """
import pulumi
import pulumi_kubernetes as kubernetes

team = kubernetes.core.v1.Namespace("team", metadata={"name": "team"})
with open(pulumi.Config().require("kubeconfig")) as file:
    provider = kubernetes.Provider("cluster", kubeconfig=file.read(), namespace=team.metadata.name)
options = pulumi.ResourceOptions(provider=provider)
labels = {"app": "web"}
container = {"name": "web", "image": pulumi.Config().require("image")}
template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
spec = {"replicas": 1, "selector": {"match_labels": labels}, "template": template}
web = kubernetes.apps.v1.Deployment("web", metadata={"name": "web"}, spec=spec, opts=options)
secret = kubernetes.core.v1.Secret("key", string_data={"key": pulumi.Output.secret("hush")}, opts=options)
release = kubernetes.helm.v3.Release("rays", chart="kuberay-operator", version="1.7.0", opts=options)
after = pulumi.ResourceOptions(provider=provider, depends_on=[release])
kubernetes.apiextensions.CustomResource("ray", api_version="ray.io/v1", kind="RayCluster", spec={}, opts=after)
pulumi.export("available", web.status.available_replicas)
"""


def test_a_program_goes_from_nothing_to_nothing_with_the_real_engine(
    layout: Layout, outside: Any, tmp_path: Path
) -> None:
    layout.install_engine(toolchain.ensure(["pulumi"], toolchain.SilentReporter())["pulumi"], None)
    (tmp_path / "Pulumi.yaml").write_text("name: program\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(PROGRAM)
    port = layout.ports().kubernetes_provider
    env = environment.of_processes(layout) | {"PULUMI_DEBUG_PROVIDERS": f"kubernetes:{port}"}

    def pulumi(*command: str) -> str:
        done = subprocess.run(
            ["pulumi", *command, "--non-interactive"],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"pulumi {' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    server = serve(port, layout.kubeconfig)
    try:
        pulumi("stack", "init", "test")
        pulumi("config", "set", "kubeconfig", str(layout.kubeconfig))
        pulumi("config", "set", "image", "web:1")
        assert "is not rendered" in pulumi("up", "--yes", "--skip-preview")
        assert json.loads(pulumi("stack", "output", "--json")) == {"available": 1}
        pulumi("preview", "--expect-no-changes")
        pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes")
        assert "hush" not in pulumi("stack", "export")

        pulumi("config", "set", "image", "web:2")
        steps = json.loads(pulumi("preview", "--json"))["steps"]
        changed = {step["urn"].rpartition("::")[2]: step["op"] for step in steps if step["op"] != "same"}
        assert changed == {"web": "update"}
        pulumi("up", "--yes", "--skip-preview")

        apis.AppsV1Api(outside).patch_namespaced_deployment("web", "team", {"spec": {"replicas": 2}})
        assert "replicas" in pulumi("refresh", "--yes", "--skip-preview", "--diff")
        pulumi("destroy", "--yes", "--skip-preview")
    finally:
        server.stop(grace=1).wait()
    assert "team" not in [one.metadata.name for one in apis.CoreV1Api(outside).list_namespace().items]

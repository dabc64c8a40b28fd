import re
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest
from pydantic import ValidationError

from mlplatform import ClusterGuardrails, ClusterGuardrailsSpec
from mlplatform.checks.arguments import ArgumentsError
from mlplatform.security.cluster_guardrails.spec import fixed_images, whole
from mlplatform.security.guarded_namespace import NamespaceQuota, hard
from mlplatform.testing import Plan, declare

REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
SERVING = f"{REGISTRY}/mlplatform/test/serving"
SYSTEM = ["kube-system", "amazon-guardduty"]
Policies = k8s.admissionregistration.v1
EVERYTHING: dict[str, Any] = {
    "repository_urls": {"serving": SERVING},
    "release_tags": {"serving": ["v*", "2.x"]},
    "caches": ["quay"],
}


def guardrails(more: Any = None, **wanted: Any) -> Plan:
    args: Any = {"guardrails": wanted, "registry_url": REGISTRY, **(more or {})}
    return declare(lambda: ClusterGuardrails("guardrails", args))


def test_every_policy_rejects_what_it_cannot_evaluate_and_is_denied_outside_of_the_system_s_namespaces() -> None:
    plan = guardrails()
    policies = plan.of(Policies.ValidatingAdmissionPolicy)
    assert {each.inputs["metadata"]["name"] for each in policies} == {
        f"guardrails-{part}" for part in ("gpu-nodes", "host-access", "images", "resources", "services")
    }
    assert {each.inputs["spec"]["failurePolicy"] for each in policies} == {"Fail"}
    for binding in plan.of(Policies.ValidatingAdmissionPolicyBinding):
        spec = binding.inputs["spec"]
        assert f"{spec['policyName']}-binding" == binding.name
        assert spec["validationActions"] == ["Deny"]
        (names,) = spec["matchResources"]["namespaceSelector"]["matchExpressions"]
        assert names == {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": SYSTEM}


def test_policies_apply_to_pods_and_to_everything_with_a_template() -> None:
    spec = guardrails().one(Policies.ValidatingAdmissionPolicy, "guardrails-resources").inputs["spec"]
    kinds = {each for rule in spec["matchConstraints"]["resourceRules"] for each in rule["resources"]}
    assert kinds == {
        *("pods", "pods/ephemeralcontainers", "pods/resize", "deployments", "statefulsets", "daemonsets"),
        *("jobs", "cronjobs"),
    }


def test_a_pod_has_no_priority_class_of_kubernetes_and_in_guarded_namespaces_only_listed_ones() -> None:
    def checks(**wanted: Any) -> list[Any]:
        found = guardrails(**wanted).one(Policies.ValidatingAdmissionPolicy, "guardrails-resources").inputs["spec"]
        return [each for each in found["validations"] if "priority_class" in each["expression"]]

    everywhere, guarded = checks()
    assert everywhere["expression"] == '!variables.priority_class.startsWith("system-")'
    assert guarded["expression"].startswith('variables.priority_class == "" || !(has(namespaceObject.metadata.labels)')
    _, listed = checks(priorityClasses=["batch", "low"])
    assert listed["expression"].startswith("variables.priority_class in [\"\", r'batch', r'low'] || !(")
    assert "allowed: none, batch, low, since" in listed["message"]


def expressions(policy: str) -> dict[str, str]:
    spec = guardrails().one(Policies.ValidatingAdmissionPolicy, f"guardrails-{policy}").inputs["spec"]
    return {each["name"]: each["expression"] for each in spec["variables"]}


def test_a_limit_or_request_of_zero_is_refused_for_containers_and_whole_pods() -> None:
    found = expressions("resources")["zero"]
    assert found.startswith("variables.sized.filter(c, ")
    for of in ("c", "variables.pod"):
        assert f'!quantity(string({of}.resources[k][r])).isGreaterThan(quantity("0"))' in found
    assert '["requests", "limits"]' in found and '["cpu", "memory"]' in found


def test_images_of_volumes_are_checked_as_those_of_containers() -> None:
    given = expressions("images")["given"]
    assert "variables.containers.map(c, " in given
    assert "variables.pod.volumes.filter(v, has(v.image)).map(v, has(v.image.reference) ? v.image.reference" in given


def test_guarded_namespaces_use_only_accelerators_that_their_quota_counts() -> None:
    found = expressions("gpu-nodes")
    counted = {each.removeprefix("requests.") for each in hard(NamespaceQuota()) if "/" in each}
    assert counted == {"nvidia.com/gpu"}
    assert '!(!r.contains("/") || r == "nvidia.com/gpu" || r.startsWith("vpc.amazonaws.com/"))' in found["uncounted"]
    assert all("namespaceObject" in found[each] for each in ("uncounted", "claims"))
    assert "variables.pod.resourceClaims.map(" in found["claims"]


def test_services_are_checked_if_they_change() -> None:
    spec = guardrails().one(Policies.ValidatingAdmissionPolicy, "guardrails-services").inputs["spec"]
    (rule,) = spec["matchConstraints"]["resourceRules"]
    assert (rule["resources"], rule["operations"]) == (["services"], ["CREATE", "UPDATE"])
    (condition,) = spec["matchConditions"]
    assert condition["expression"] == 'request.operation == "CREATE" || object.spec != oldObject.spec'
    addresses, names = (each["expression"] for each in spec["validations"])
    assert "size(object.spec.externalIPs) == 0" in addresses
    assert "ExternalName" in names and "namespaceObject" in names
    assert "variables" not in spec


@pytest.mark.parametrize(
    ("enforcement", "actions"), [("deny", ["Deny"]), ("warn", ["Warn", "Audit"]), ("audit", ["Audit"])]
)
def test_a_policy_can_be_introduced_with_warnings(enforcement: str, actions: list[str]) -> None:
    plan = guardrails(enforcement={"hostAccess": enforcement}, exemptNamespaces=["agents"])
    spec = plan.one(Policies.ValidatingAdmissionPolicyBinding, "guardrails-host-access-binding").inputs["spec"]
    assert spec["validationActions"] == actions
    (names,) = spec["matchResources"]["namespaceSelector"]["matchExpressions"]
    assert names["values"] == [*SYSTEM, "agents"]


def test_images_of_the_account_of_named_registries_and_of_own_services_are_allowed() -> None:
    more = {"images": ["vllm/vllm-openai:v0.23.0"], **EVERYTHING}
    spec = (
        guardrails(more, allowedRegistries=["ghcr.io/a"])
        .one(Policies.ValidatingAdmissionPolicy, "guardrails-images")
        .inputs["spec"]
    )
    found = {each["name"]: each["expression"] for each in spec["variables"]}
    assert "i in [r'docker.io/vllm/vllm-openai:v0.23.0']" in found["foreign"]
    assert r"^(123456789012\.dkr\.ecr\.us\-east\-1\.amazonaws\.com/|ghcr\.io/a[/:@])" in found["foreign"]
    assert "@sha256:[0-9a-f]{64}$" in found["unpinned"]
    assert r"/mlplatform/test/serving:(v[A-Za-z0-9_.-]*|2\.x)" in found["unpinned"]


def test_tags_that_cannot_be_moved_are_fixed() -> None:
    patterns = fixed_images(REGISTRY, {"serving": SERVING}, EVERYTHING["release_tags"], ["quay"])

    def fixed(image: str) -> bool:
        return any(re.fullmatch(each, image) for each in patterns)

    assert fixed(f"{SERVING}:v1.2.0") and fixed(f"{SERVING}:2.x") and fixed(f"{REGISTRY}/quay/a/b:1")
    assert not fixed(f"{SERVING}:dev") and not fixed(f"{SERVING}x:v1") and not fixed(SERVING)
    assert not fixed(f"{REGISTRY}/other/a:v1") and not fixed(f"x{SERVING}:v1") and not fixed(f"{SERVING}:2ax")
    assert fixed_images(REGISTRY, {}, EVERYTHING["release_tags"], []) == []


def test_an_image_is_completed_as_container_runtimes_do() -> None:
    images = ["python:3", "vllm/vllm-openai@sha256:0", "ghcr.io/a:1", "localhost/a:1", "localhost:5000/a:1"]
    assert [*map(whole, images)] == ["docker.io/library/python:3", f"docker.io/{images[1]}", *images[2:]]


def test_a_guarded_namespace_has_all_guards() -> None:
    wanted = {"quota": {"gpus": 4, "cpu": "8", "memory": "64Gi", "pods": 9}, "s3": True, "egress": ["10.0.0.0/16"]}
    plan = guardrails({"s3_cidrs": ["52.216.0.0/15"]}, namespaces={"team": wanted})
    labels = plan.one(k8s.core.v1.Namespace).inputs["metadata"]["labels"]
    assert {key: value for key, value in labels.items() if key.startswith("pod-security")} == {
        "pod-security.kubernetes.io/enforce": "restricted",
        "pod-security.kubernetes.io/enforce-version": "latest",
        "pod-security.kubernetes.io/warn": "restricted",
        "pod-security.kubernetes.io/warn-version": "latest",
    }
    assert plan.one(k8s.core.v1.ResourceQuota).inputs["spec"]["hard"] == {
        **{"pods": "9", "requests.cpu": "8", "requests.memory": "64Gi", "limits.memory": "64Gi"},
        **{"requests.nvidia.com/gpu": "4", "services.loadbalancers": "0", "services.nodeports": "0"},
    }
    assert plan.one(k8s.core.v1.LimitRange).inputs["spec"]["limits"] == [
        {"type": "Container", "defaultRequest": {"cpu": "100m", "memory": "256Mi"}, "default": {"memory": "256Mi"}}
    ]
    policy = plan.one(k8s.networking.v1.NetworkPolicy).inputs["spec"]
    assert (policy["podSelector"], policy["policyTypes"]) == ({}, ["Ingress", "Egress"])
    assert policy["ingress"] == [{"from": [{"podSelector": {}}]}]
    own, dns, https, agent = policy["egress"]
    assert own == {"to": [{"podSelector": {}}]}
    assert {each["port"] for each in dns["ports"]} == {53}
    assert [each["ipBlock"]["cidr"] for each in https["to"]] == ["52.216.0.0/15", "10.0.0.0/16"]
    assert [each["ipBlock"]["cidr"] for each in agent["to"]] == ["169.254.170.23/32"]
    namespaces = {each.inputs["metadata"].get("namespace") for each in plan if "guarded" in each.name}
    assert namespaces <= {"team"}


def test_by_default_a_guarded_namespace_has_no_gpus_and_no_way_out() -> None:
    plan = guardrails({"s3_cidrs": ["52.216.0.0/15"]}, namespaces={"team": {}})
    assert plan.one(k8s.core.v1.ResourceQuota).inputs["spec"]["hard"]["requests.nvidia.com/gpu"] == "0"
    egress = plan.one(k8s.networking.v1.NetworkPolicy).inputs["spec"]["egress"]
    assert [each["ipBlock"]["cidr"] for rule in egress for each in rule["to"] if "ipBlock" in each] == [
        "169.254.170.23/32"
    ]


def test_a_guarded_namespace_calls_models_at_their_ports() -> None:
    plan = guardrails({"model_ports": {"chat": 8080, "other": 9000}}, namespaces={"team": {"calls": ["chat"]}})
    rules = plan.one(k8s.networking.v1.NetworkPolicy).inputs["spec"]["egress"]
    (peers,) = [each["to"] for each in rules if each.get("ports") == [{"port": 8080, "protocol": "TCP"}]]
    assert peers == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "chat"}}}]
    assert not [each for each in rules if {"port": 9000, "protocol": "TCP"} in each.get("ports", [])]


def test_namespaces_of_workloads_are_created_once_and_not_if_they_exist() -> None:
    more = {"workload_namespaces": ["training", "data", "training", "old"]}
    plan = guardrails(more, namespaces={"data": {}}, existingNamespaces=["old"])
    made = {each.name: each.inputs["metadata"]["name"] for each in plan.of(k8s.core.v1.Namespace)}
    assert made == {"guardrails-data-namespace": "data", "guardrails-training-namespace": "training"}
    assert len(plan.of(k8s.core.v1.ResourceQuota)) == 1


def test_a_namespace_is_known_after_its_guards_are_created() -> None:
    def program() -> None:
        args: Any = {"guardrails": {"namespaces": {"team": {}}}, "registry_url": REGISTRY}
        made = ClusterGuardrails("guardrails", args)
        pulumi.export("names", made.created()["team"])
        k8s.core.v1.ConfigMap("later", metadata={"namespace": made.created()["team"]})

    plan = declare(program)
    needed = {urn.split("::")[-1] for urn in plan.one(k8s.core.v1.ConfigMap).depends_on}
    assert {f"guardrails-team-{part}" for part in ("namespace", "network-policy", "quota", "limits")} <= needed


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"workload_namespaces": ["A b"]}, 'workload_namespaces has "A b"; allowed: names of namespaces'),
        ({"guardrails": {"namespaces": {"team": {"s3": True}}}}, "s3_cidrs is missing; required, since"),
        (
            {"guardrails": {"namespaces": {"team": {"calls": ["chat"]}}}},
            "model_ports has no chat; required, since namespaces call them",
        ),
        (
            {"guardrails": {"namespaces": {"kube-x": {}}}},
            "namespaces has .*kube-x.*; allowed: names other than default",
        ),
    ],
)
def test_invalid_arguments_are_rejected_by_name(more: Any, message: str) -> None:
    with pytest.raises(ArgumentsError, match=message):
        guardrails(more)


@pytest.mark.parametrize("registry", ["vllm/vllm-openai", "https://ghcr.io", "ghcr.io/A", "ghcr.io/a:1", "ghcr", ""])
def test_a_registry_without_a_host_is_rejected(registry: str) -> None:
    with pytest.raises(ValidationError, match="a registry's host name, with or without a path"):
        ClusterGuardrailsSpec.model_validate({"allowedRegistries": [registry]})

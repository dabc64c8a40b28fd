"""The admission policies as plain data: expressions in CEL about pods and templates of pods.

An expression is evaluated by the API server, for each request that creates or changes pods:
https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from awsfacts.instances import GPU_RESOURCE
from mlplatform.compute.gpu_node_pool.spec import GPU_TAINT
from mlplatform.grammar import DIGEST
from mlplatform.security.cluster_guardrails.spec import SYSTEM_CLASSES, AllowedImages, Enforcement
from mlplatform.security.guarded_namespace import CONTAINER_DEFAULTS

ACTIONS: Final[Mapping[Enforcement, Sequence[str]]] = {
    Enforcement.DENY: ("Deny",),
    Enforcement.WARN: ("Warn", "Audit"),
    Enforcement.AUDIT: ("Audit",),
}
"""The actions of a binding; `Deny` and `Warn` exclude each other."""

INTERFACES: Final = "vpc.amazonaws.com/"
"""Beginning of the resources for network interfaces, which nodes with EFA offer and EKS adds to pods:
https://docs.aws.amazon.com/eks/latest/userguide/security-groups-pods-deployment.html"""

ALLOWED_CAPABILITY: Final = "NET_BIND_SERVICE"
"""The capability that the standard `restricted` allows to add:
https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted"""

RULES: Final[Sequence[Mapping[str, Any]]] = (
    {
        "api_groups": [""],
        "api_versions": ["v1"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["pods", "pods/ephemeralcontainers", "pods/resize"],
    },
    {
        "api_groups": ["apps"],
        "api_versions": ["v1"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["daemonsets", "deployments", "statefulsets"],
    },
    {
        "api_groups": ["batch"],
        "api_versions": ["v1"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["cronjobs", "jobs"],
    },
)
"""What is checked. Controllers change ReplicaSets, whose pods are checked anyway."""


def _pod(of: str) -> str:
    """The spec of the pods of an object. `dyn` because the object may be of any of the kinds."""
    return (
        f'{of}.kind == "Pod" ? dyn({of}).spec : '
        f'{of}.kind == "CronJob" ? dyn({of}).spec.jobTemplate.spec.template.spec : dyn({of}).spec.template.spec'
    )


CHANGES_PODS: Final = {
    "name": "changes-pods",
    # Otherwise controllers could not finish pods that are older than a policy, e.g. remove their finalizers.
    "expression": f'request.operation == "CREATE" || ({_pod("object")}) != ({_pod("oldObject")})',
}

POD: Final = ("pod", _pod("object"))
SIZED: Final = (
    "sized",
    "variables.pod.containers + (has(variables.pod.initContainers) ? variables.pod.initContainers : [])",
)
"""The containers that can have requests and limits."""

CONTAINERS: Final = (
    "containers",
    "variables.sized + (has(variables.pod.ephemeralContainers) ? variables.pod.ephemeralContainers : [])",
)


@dataclass(frozen=True)
class Check:
    """One condition of a policy."""

    holds: str
    """CEL expression that must be true."""

    message: str
    """What is wrong and what is allowed."""

    names: str = ""
    """CEL expression for a list of names to add to the message."""


@dataclass(frozen=True)
class Policy:
    """A policy about pods and templates of pods."""

    variables: Sequence[tuple[str, str]]
    checks: Sequence[Check]

    def spec(self) -> dict[str, Any]:
        """The spec of a ValidatingAdmissionPolicy."""
        return spec_of(RULES, CHANGES_PODS, (POD, SIZED, CONTAINERS, *self.variables), self.checks)


def spec_of(
    rules: Sequence[Mapping[str, Any]],
    condition: Mapping[str, str],
    variables: Sequence[tuple[str, str]],
    checks: Sequence[Check],
) -> dict[str, Any]:
    """The spec of a policy that rejects what it cannot evaluate."""
    found: dict[str, Any] = {
        "failure_policy": "Fail",
        "match_constraints": {"resource_rules": [*rules]},
        "match_conditions": [condition],
        "validations": [_validation(each) for each in checks],
    }
    if variables:
        found["variables"] = [{"name": name, "expression": text} for name, text in variables]
    return found


def _validation(check: Check) -> dict[str, Any]:
    found: dict[str, Any] = {"expression": check.holds, "message": check.message, "reason": "Forbidden"}
    if check.names:
        found["message_expression"] = f'{_text(check.message + ": ")} + {check.names}.join(", ")'
    return found


def _text(value: str) -> str:
    """A CEL string, without escapes."""
    assert "'" not in value
    return f"r'{value}'"


def _none(variable: str, message: str) -> Check:
    """A condition that a list of names is empty."""
    return Check(f"size(variables.{variable}) == 0", message, f"variables.{variable}")


GUARDED: Final = f'has(namespaceObject.metadata.labels) && "{CONTAINER_DEFAULTS}" in namespaceObject.metadata.labels'
"""Whether the object is in a guarded namespace."""

_GPU: Final = f'(r in ["{GPU_RESOURCE}", "{GPU_RESOURCE}.shared"] || r.startsWith("nvidia.com/mig-"))'
"""Names by which NVIDIA's device plugin offers whole, shared and partitioned GPUs:
https://github.com/NVIDIA/k8s-device-plugin#shared-access-to-gpus"""

_COUNTED: Final = f'(!r.contains("/") || r == "{GPU_RESOURCE}" || r.startsWith("{INTERFACES}"))'
"""Whether a resource is one of Kubernetes itself, is counted by the quota of its namespace, or is no accelerator."""

_KINDS: Final = '["requests", "limits"]'
_LIMITS: Final = "has(c.resources) && has(c.resources.limits)"

GPU_NODES: Final = Policy(
    [
        (
            "gpus",
            f"variables.sized.exists(c, {_LIMITS} && c.resources.limits.exists(r, {_GPU} && "
            'quantity(string(c.resources.limits[r])).isGreaterThan(quantity("0"))))',
        ),
        (
            "tolerations",
            "has(variables.pod.tolerations) ? variables.pod.tolerations.filter(t, "
            '(!has(t.effect) || t.effect in ["", "NoSchedule"]) && '
            f'(has(t.key) && t.key != "" ? t.key == "{GPU_TAINT}" : has(t.operator) && t.operator == "Exists")) : []',
        ),
        (
            "uncounted",
            f"!({GUARDED}) ? [] : variables.sized.filter(c, has(c.resources) && {_KINDS}.exists(k, "
            f"k in c.resources && c.resources[k].exists(r, !{_COUNTED}))).map(c, c.name)",
        ),
        (
            "claims",
            f"!({GUARDED}) || !has(variables.pod.resourceClaims) ? [] : variables.pod.resourceClaims.map(c, c.name)",
        ),
    ],
    [
        Check(
            "size(variables.tolerations) == 0 || variables.gpus",
            f"tolerates the taint {GPU_TAINT}, but no container has a limit for {GPU_RESOURCE}; allowed: without this "
            "toleration, or with GPUs, since GPU nodes are for pods that use GPUs",
        ),
        Check(
            '(object.kind == "Pod" && request.operation == "UPDATE") || !has(variables.pod.nodeName) || '
            'variables.pod.nodeName == ""',
            "has nodeName; allowed: nodeSelector or nodeAffinity, since nodeName ignores the taints of nodes",
        ),
        _none(
            "uncounted",
            f"requests devices in a namespace with guards; allowed: {GPU_RESOURCE} and resources of {INTERFACES}, "
            "since the quota of the namespace counts no other accelerators, in containers",
        ),
        _none(
            "claims",
            f"has resourceClaims in a namespace with guards; allowed: limits for {GPU_RESOURCE}, since the quota of "
            "the namespace does not count devices of claims, in spec",
        ),
    ],
)
"""Pods on GPU nodes use GPUs, and those of guarded namespaces only GPUs that a quota counts.

A quota counts a resource by its exact name, and NVIDIA's device plugin has a name for each size of a MIG device:
https://kubernetes.io/docs/concepts/policy/resource-quotas/#resource-quota-for-extended-resources. Kubernetes itself
requires equal requests and limits for GPUs.
"""

_SECURITY: Final = "has(c.securityContext) && has(c.securityContext"

HOST_ACCESS: Final = Policy(
    [
        (
            "shared",
            '["hostNetwork", "hostPID", "hostIPC"].filter(field, field in variables.pod && variables.pod[field])',
        ),
        (
            "host_paths",
            "has(variables.pod.volumes) ? variables.pod.volumes.filter(v, has(v.hostPath)).map(v, v.name) : []",
        ),
        (
            "privileged",
            f"variables.containers.filter(c, {_SECURITY}.privileged) && c.securityContext.privileged).map(c, c.name)",
        ),
        (
            "capable",
            f"variables.containers.filter(c, {_SECURITY}.capabilities) && has(c.securityContext.capabilities.add) && "
            f'c.securityContext.capabilities.add.exists(a, a != "{ALLOWED_CAPABILITY}")).map(c, c.name)',
        ),
        (
            "open_ports",
            "variables.containers.filter(c, has(c.ports) && c.ports.exists(p, has(p.hostPort) && p.hostPort != 0))"
            ".map(c, c.name)",
        ),
    ],
    [
        _none("shared", "shares the namespaces of its node; allowed: without these fields"),
        _none(
            "host_paths",
            "mounts files or devices of its node; allowed: other volumes, since hostPath gives access to the node, in "
            "volumes",
        ),
        _none("privileged", "is privileged; allowed: privileged false, in containers"),
        _none("capable", f"adds capabilities; allowed: {ALLOWED_CAPABILITY}, in containers"),
        _none("open_ports", "uses ports of its node; allowed: a Service, instead of hostPort in containers"),
    ],
)
"""Pods do not control their node or use its devices.

Kubernetes allows processes of a Windows node only with hostNetwork:
https://kubernetes.io/docs/tasks/configure-pod-container/create-hostprocess-pod
"""

_WHOLE: Final = "has(variables.pod.resources) && has(variables.pod.resources."
_HAS: Final = 'has(c.resources) && has(c.resources.{0}) && "{1}" in c.resources.{0}'
_ZERO: Final = (
    f'has({{0}}.resources) && {_KINDS}.exists(k, k in {{0}}.resources && ["cpu", "memory"].exists(r, '
    'r in {0}.resources[k] && !quantity(string({0}.resources[k][r])).isGreaterThan(quantity("0"))))'
)
"""Whether a container, or a pod as a whole, states a request or limit of zero."""

_DEFAULTS: Final = f'object.kind != "Pod" && {GUARDED}'


def _stated(kind: str, resource: str) -> str:
    """Whether a pod as a whole states a request or limit: https://kubernetes.io/docs/tasks/configure-pod-container/assign-pod-level-resources."""
    return f'({_WHOLE}{kind}) && "{resource}" in variables.pod.resources.{kind})'


def resources(priority_classes: Sequence[str] = ()) -> Policy:
    """Containers state their memory limit and their CPU request, and pods cannot preempt more important ones.

    Zero is rejected wherever it is stated: a limit of zero is none, and a request of zero reserves nothing, nor is it
    replaced by the limit or a default of the namespace. A CPU limit is not required: it slows a container down even if
    the node is idle. Templates in namespaces with container defaults need neither, since their pods get both.

    Args:
        priority_classes: PriorityClasses that pods in guarded namespaces may have. Kubernetes lets every pod have every
            class, also those that add-ons create:
            https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption
    """
    known = ", ".join(map(_text, priority_classes))
    return Policy(
        [
            (
                "unlimited",
                f"({_DEFAULTS}) || {_stated('limits', 'memory')} ? [] : "
                f"variables.sized.filter(c, !({_HAS.format('limits', 'memory')})).map(c, c.name)",
            ),
            (
                "unrequested",
                f"({_DEFAULTS}) || {_stated('requests', 'cpu')} || {_stated('limits', 'cpu')} ? [] : "
                f"variables.sized.filter(c, !({_HAS.format('requests', 'cpu')}) && !({_HAS.format('limits', 'cpu')}))"
                ".map(c, c.name)",
            ),
            (
                "zero",
                f"variables.sized.filter(c, {_ZERO.format('c')}).map(c, c.name) + "
                f'({_ZERO.format("variables.pod")} ? ["the pod as a whole"] : [])',
            ),
            ("priority_class", 'has(variables.pod.priorityClassName) ? variables.pod.priorityClassName : ""'),
        ],
        [
            _none(
                "unlimited",
                "has no memory limit; allowed: resources.limits.memory, which is also the request if there is none, "
                "since otherwise it can take the memory of other pods, in containers",
            ),
            _none(
                "unrequested",
                "has no CPU request; allowed: resources.requests.cpu, since otherwise other pods can take its CPU, in "
                "containers",
            ),
            _none(
                "zero",
                "has a request or limit of zero for cpu or memory; allowed: more than zero, since a limit of zero does "
                "not limit and a request of zero reserves nothing, in",
            ),
            Check(
                f'!variables.priority_class.startsWith("{SYSTEM_CLASSES}")',
                f"has a priorityClassName that begins with {SYSTEM_CLASSES}; allowed: other classes, or none, since "
                "such pods preempt all others",
            ),
            Check(
                f'variables.priority_class in ["", {known}] || !({GUARDED})'
                if known
                else f'variables.priority_class == "" || !({GUARDED})',
                "has a priorityClassName in a namespace with guards; allowed: none"
                + "".join(f", {each}" for each in priority_classes)
                + ", since such pods can preempt those of other namespaces",
            ),
        ],
    )


def images(wanted: AllowedImages) -> Policy:
    """Images of containers and volumes come from allowed registries and cannot change.

    Older API servers drop the field `image` of volumes:
    https://kubernetes.io/docs/tasks/configure-pod-container/image-volumes
    """
    named = f"i in [{', '.join(map(_text, wanted.named))}]"
    pinned = f"{named} || i.matches({_text(f'@{DIGEST}$')})"
    if wanted.fixed:
        pinned += f" || i.matches({_text(_any_of(wanted.fixed, '$'))})"
    return Policy(
        [
            (
                "given",
                'variables.containers.map(c, has(c.image) ? c.image : "") + (has(variables.pod.volumes) ? '
                'variables.pod.volumes.filter(v, has(v.image)).map(v, has(v.image.reference) ? v.image.reference : "")'
                " : [])",
            ),
            (
                "images",
                "variables.given.map(i, i.matches(r'^([^/]*[.:][^/]*|localhost)/') ? i : "
                'i.contains("/") ? "docker.io/" + i : "docker.io/library/" + i)',
            ),
            (
                "foreign",
                f"variables.images.filter(i, !({named} || i.matches({_text(_any_of(map(_below, wanted.sources)))})))",
            ),
            ("unpinned", f"variables.images.filter(i, !({pinned}))"),
        ],
        [
            _none(
                "foreign",
                f"has images from elsewhere; allowed: images of {', '.join(wanted.sources)}; these are not",
            ),
            _none(
                "unpinned",
                "has images that can change; allowed: images with a digest (@sha256:…), or with a release tag of a "
                "repository of this platform; these are neither",
            ),
        ],
    )


def _any_of(patterns: Iterable[str], end: str = "") -> str:
    return f"^({'|'.join(patterns)}){end}"


def _below(source: str) -> str:
    """A pattern for the images of a registry, or of a part of it. A registry is followed by `/`, never by a port."""
    return re.escape(source) + ("[/:@]" if "/" in source else "/")

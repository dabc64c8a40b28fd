"""Rules for workloads in a cluster: their resources, images, networks and rights."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

import pulumi_kubernetes as k8s

from mlpctl.policies.checks import independently
from mlpctl.policies.estate import Resource, token
from mlpctl.policies.pods import (
    GPUS,
    PATCH,
    WORKLOADS,
    Part,
    Pod,
    accounts_of,
    beside,
    namespace_of,
    pod_of,
    selects,
)
from mlpctl.policies.rule import FROM_STAGING, Severity, rule
from mlpctl.review.compare.equality import word
from mlpctl.review.values import addresses
from mlpctl.review.values.plain import Unknown, Value, items

_ROLES: Final = (k8s.rbac.v1.Role, k8s.rbac.v1.ClusterRole, k8s.rbac.v1.RolePatch, k8s.rbac.v1.ClusterRolePatch)
_BINDINGS: Final = (k8s.rbac.v1.RoleBinding, k8s.rbac.v1.ClusterRoleBinding)
_ADMIN: Final = "cluster-admin"
_BROAD: Final = (_ADMIN, "admin", "edit")
_ANONYMOUS: Final = ("system:anonymous", "system:unauthenticated")
_EVERYBODY: Final = ("system:authenticated", "system:serviceaccounts")
"""Roles and groups of Kubernetes: https://kubernetes.io/docs/reference/access-authn-authz/rbac/"""

_RAISING: Final = ("impersonate", "escalate", "bind")
_RISKY: Final = {
    "serviceaccounts/token": ("create",),
    "nodes/proxy": ("get", "create"),
}
"""Verbs by resource that give rights of others."""

_SECRETS: Final = {"secrets": ("list", "watch")}
"""Those that give the secrets of all namespaces, if a role is for all. A team lists those in its own namespace."""

_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_NOTHING: Final = re.compile(r"-.*|\+?0*\.?0*([eE][+-]?\d+)?[A-Za-z]*")
"""Quantities of zero, or less."""

_DEFAULTS: Final = {"requests": "defaultRequest", "limits": "default"}
"""Fields of a LimitRange."""

_ALB: Final = "alb.ingress.kubernetes.io/"
_NLB: Final = "service.beta.kubernetes.io/aws-load-balancer-"
_RANGES: Final = "service.beta.kubernetes.io/load-balancer-source-ranges"
_INTERNET: Final = "internet-facing"


@rule(
    "ML-K8S-03",
    *WORKLOADS,
    *_ROLES,
    *_BINDINGS,
    reason="A program without limits takes what others need, and one that is taken over reaches what it has rights to.",
    remedy=(
        "Set the field that the sentence names, add a NetworkPolicy, or name verbs and resources in roles; models of "
        "`InferenceService` have all of it."
    ),
    severity=Severity.MEDIUM,
    levels=FROM_STAGING,
    serves=[
        "cis-eks:4.1.1",
        "cis-eks:4.1.3",
        "cis-eks:4.1.6",
        "cis-eks:4.3.2",
        "cis-eks:4.5.2",
        "iso:A.5.3",
        "iso:A.5.15",
        "iso:A.8.2",
        "checkov:CKV_K8S_10",
        "checkov:CKV_K8S_12",
        "checkov:CKV_K8S_13",
        "checkov:CKV_K8S_14",
        "checkov:CKV_K8S_21",
        "checkov:CKV_K8S_38",
        "checkov:CKV_K8S_49",
        "checkov:CKV2_K8S_6",
    ],
)
def workloads_have_only_what_they_need(resource: Resource) -> Iterator[str]:
    """Workloads have requests and limits, pinned images, a NetworkPolicy and no needless rights in the cluster."""
    if resource.type in map(token, _BINDINGS):
        yield from _administers(resource)
    elif resource.type in map(token, _ROLES):
        everywhere = resource.type.removesuffix(PATCH) == token(k8s.rbac.v1.ClusterRole)
        rules = [*Part(resource.inputs).parts("rules")]
        yield from independently([*map(_wildcards, rules), *(_powers(each, everywhere=everywhere) for each in rules)])
    else:
        yield from _of_workload(resource)


def _of_workload(workload: Resource) -> Iterator[str]:
    pod = pod_of(workload)
    checks = [
        _in_default(workload, pod),
        independently(_image(each, pod) for each in pod.containers()),
        independently(map(_volume, pod.spec.parts("volumes"))),
        independently(map(_gpus, _sized(pod))),
        _tolerates(workload, pod),
        _token(workload, pod),
    ]
    if pod.whole:
        checks += [independently(_resources(workload, pod, each) for each in _sized(pod)), _network(workload, pod)]
    yield from independently(checks)


def _sized(pod: Pod) -> Iterator[Part]:
    """The containers that may have resources."""
    return (each for kind in ("initContainers", "containers") for each in pod.spec.parts(kind))


def _in_default(workload: Resource, pod: Pod) -> Iterator[str]:
    given = Part(workload.inputs).item("metadata").item("namespace")
    name = namespace_of(workload) if isinstance(given.value, Unknown) else given.known
    if name == "default" or (not name and pod.whole):
        yield "is in the namespace default, which has no guards of its own"


def _image(container: Part, pod: Pod) -> Iterator[str]:
    """An image that may change.

    Source: https://kubernetes.io/docs/concepts/containers/images/#image-names
    """
    image = container.get("image")
    if not image:
        if pod.whole or image is not None:
            yield f"has no image for container {container.name}"
    elif not _is_pinned(str(image)):
        yield f"runs whatever {image} is when container {container.name} starts; it has no fixed tag and no digest"


def _volume(volume: Part) -> Iterator[str]:
    """A volume with the files of an image that may change.

    Source: https://kubernetes.io/docs/concepts/storage/volumes/#image
    """
    image = volume.get("image.reference")
    if image is not None and not _is_pinned(str(image)):
        yield f"mounts whatever {image} is as volume {volume.name}; it has no fixed tag and no digest"


def _is_pinned(image: str) -> bool:
    name, at, digest = image.partition("@")
    if at:
        return _DIGEST.fullmatch(digest) is not None
    return name.rsplit("/", 1)[-1].partition(":")[2] not in ("", "latest")


def _gpus(container: Part) -> Iterator[str]:
    """Requests for accelerators that the API rejects.

    Source: https://kubernetes.io/docs/tasks/manage-gpus/scheduling-gpus/
    """
    limits = {key: value for key, value in container.entries("resources.limits") if GPUS.match(key)}
    for key, value in container.entries("resources.requests"):
        limit = limits.get(key)
        if GPUS.match(key) and (limit is None or word(limit.known) != word(value.known)):
            most = "no limit" if limit is None else f"a limit of {limit.known}"
            yield f"requests {value.known} {key} for container {container.name} with {most}; both must be equal"


def _tolerates(workload: Resource, pod: Pod) -> Iterator[str]:
    """Pods that may take the place of pods with GPUs; those of a DaemonSet run on every node."""
    kind = workload.type.removesuffix(PATCH)
    if kind == token(k8s.apps.v1.DaemonSet) or not pod.whole or any(pod.spec.parts("resourceClaims")):
        return
    taints = [
        str(each.get("key") or "every taint")
        for each in pod.spec.parts("tolerations")
        if (each.get("effect") or "NoSchedule") == "NoSchedule"
        and (GPUS.match(str(each.get("key"))) or (not each.get("key") and each.get("operator") == "Exists"))
    ]
    if not taints:
        return
    asked = [pod.spec, *pod.containers()]
    if not any(GPUS.match(key) for part in asked for key, _ in part.entries("resources.limits")):
        yield f"may occupy nodes with GPUs without using one: it tolerates {taints[0]}, and no container has a GPU"


def _resources(workload: Resource, pod: Pod, container: Part) -> Iterator[str]:
    for name, kind, words in (("cpu", "requests", "CPU request"), ("memory", "limits", "memory limit")):
        # A limit is also the request if there is none.
        kinds = ("requests", "limits") if kind == "requests" else ("limits",)
        given = (part.get(f"resources.{each}.{name}") for part in (container, pod.spec) for each in kinds)
        if not any(map(_is_stated, given)) and not _by_default(workload, name, kinds):
            yield f"has no {words} for container {container.name}"


def _is_stated(quantity: Value) -> bool:
    """Whether a quantity is more than zero, which states nothing."""
    return quantity is not None and not _NOTHING.fullmatch(str(quantity))


def _by_default(workload: Resource, name: str, kinds: Sequence[str]) -> bool:
    """Whether the namespace has a default for containers.

    Source: https://kubernetes.io/docs/concepts/policy/limit-range/
    """
    for each in beside(workload, k8s.core.v1.LimitRange):
        for limit in Part(each.inputs).parts("spec.limits"):
            keys = [_DEFAULTS[kind] for kind in kinds]
            if limit.get("type") == "Container" and any(_is_stated(limit.get(f"{key}.{name}")) for key in keys):
                return True
    return False


def _network(workload: Resource, pod: Pod) -> Iterator[str]:
    """A pod that no policy selects accepts all connections.

    Source: https://kubernetes.io/docs/concepts/services-networking/network-policies/
    """
    labels = pod.metadata.item("labels")
    selected = False
    for policy in beside(workload, k8s.networking.v1.NetworkPolicy):
        spec = Part(policy.inputs).item("spec")
        if "Ingress" in (items(spec.get("policyTypes")) or ["Ingress"]) and selects(spec.item("podSelector"), labels):
            selected = True
            if any(map(_admits_every_pod, spec.parts("ingress"))):
                yield f"accepts connections from every pod of the cluster: a rule of {policy.name} allows all sources"
                return
    if not selected:
        yield "accepts connections from every pod of the cluster: no NetworkPolicy selects its pods"


def _admits_every_pod(ingress: Part) -> bool:
    """Whether a rule of a policy allows all sources to reach all ports."""
    peers = [*ingress.parts("from")]
    return not [*ingress.parts("ports")] and (not peers or any(map(_is_every_pod, peers)))


def _is_every_pod(peer: Part) -> bool:
    every = peer.get("namespaceSelector") == {} and not peer.get("podSelector")
    return every or str(peer.get("ipBlock.cidr", "")).endswith("/0")


def _token(workload: Resource, pod: Pod) -> Iterator[str]:
    own = pod.spec.get("automountServiceAccountToken")
    if own is False or (own is None and not pod.whole):
        return
    accounts = accounts_of(workload, pod)
    if own is None and accounts and all(each.get("automountServiceAccountToken") is False for each in accounts):
        return
    if not _has_rights(workload, pod, accounts):
        yield "gets a token of the Kubernetes API without having rights: automountServiceAccountToken is not false"


def _has_rights(workload: Resource, pod: Pod, accounts: Sequence[Resource]) -> bool:
    """Whether a role is bound to the service account, which then needs its token."""
    for binding in workload.estate.of(*_BINDINGS):
        if any(each.urn in binding.depends.get("subjects", ()) for each in accounts):
            return True
        for subject in Part(binding.inputs).parts("subjects"):
            if subject.get("kind") == "ServiceAccount" and subject.get("name") == pod.spec.get("serviceAccountName"):
                return True
    return False


def _wildcards(given: Part) -> Iterator[str]:
    keys = ("verbs", "resources", "apiGroups", "nonResourceURLs")
    found = [key for key in keys if any(each.known in ("*", "*/*") for each in given.parts(key))]
    if found:
        yield f"allows everything in {', '.join(found)} of {given.path}"


def _powers(given: Part, *, everywhere: bool) -> Iterator[str]:
    """Rights that lead to more rights, unless they are for named objects.

    Source: https://kubernetes.io/docs/concepts/security/rbac-good-practices/#privilege-escalation-risks
    """
    if [*given.parts("resourceNames")]:
        return
    verbs = {str(each.known) for each in given.parts("verbs")}
    resources = {str(each.known) for each in given.parts("resources")}
    risky: list[str] = [each for each in _RAISING if each in verbs]
    given_to = {**_RISKY, **(_SECRETS if everywhere else {})}
    risky += [f"{verb} {what}" for what in given_to if what in resources for verb in given_to[what] if verb in verbs]
    if risky:
        yield f"can raise its rights by {', '.join(risky)} in {given.path}"


def _administers(binding: Resource) -> Iterator[str]:
    yield from independently(_of_everybody(binding, each) for each in _subjects(binding))
    if binding.get("roleRef.name") == _ADMIN and binding.get("roleRef.kind", "ClusterRole") == "ClusterRole":
        yield f"binds {_ADMIN}, which allows everything"


def _subjects(binding: Resource) -> list[Part]:
    """The subjects of a binding; none if they are objects of the stack whose names are not known yet."""
    found = Part(binding.inputs).item("subjects")
    return (
        []
        if isinstance(found.value, Unknown) and binding.depends.get("subjects")
        else [*Part(binding.inputs).parts("subjects")]
    )


def _of_everybody(binding: Resource, subject: Part) -> Iterator[str]:
    who = subject.get("name")
    if who in _ANONYMOUS or (who in _EVERYBODY and binding.get("roleRef.name") in _BROAD):
        yield f"binds {binding.get('roleRef.name')} to {who}, which is everybody"


@rule(
    "ML-K8S-05",
    k8s.core.v1.Service,
    k8s.networking.v1.Ingress,
    reason="A model or a tool that the internet reaches is found within hours, and few of them ask who calls.",
    remedy=(
        "Use a Service of type ClusterIP, an internal scheme, or loadBalancerSourceRanges with the networks of its "
        "clients."
    ),
    severity=Severity.HIGH,
    levels=FROM_STAGING,
)
def services_are_not_open_to_the_internet(resource: Resource) -> Iterator[str]:
    """A Service or an Ingress is not open to the internet."""
    notes = Part(resource.inputs).item("metadata").item("annotations")
    if resource.type == token(k8s.networking.v1.Ingress):
        if notes.item(f"{_ALB}scheme").known == _INTERNET and _is_open(notes.item(f"{_ALB}inbound-cidrs").known):
            yield f"is open to the internet: its annotation {_ALB}scheme is {_INTERNET}"
        return
    if [*resource.each("spec.externalIPs")]:
        yield "takes over addresses outside of the cluster: externalIPs is set"
    if resource.get("spec.type") == "LoadBalancer" and not _is_internal(resource, notes):
        ranges = [*resource.each("spec.loadBalancerSourceRanges")]
        if _is_open(ranges or notes.item(_RANGES).known):
            yield "is open to the internet: its type is LoadBalancer, without an internal scheme or source ranges"


def _is_internal(service: Resource, notes: Part) -> bool:
    """Whether a load balancer has private addresses only.

    With one of its classes, the AWS Load Balancer Controller makes internal ones by default:
    https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/service/annotations/
    """
    scheme = notes.item(f"{_NLB}scheme").known
    if scheme is not None or service.get("spec.loadBalancerClass"):
        return bool(scheme != _INTERNET)
    kind = notes.item(f"{_NLB}type").known
    return kind in ("external", "nlb-ip") or str(notes.item(f"{_NLB}internal").known) in ("true", "0.0.0.0/0")


def _is_open(ranges: Value) -> bool:
    """Whether networks, in a list or separated by commas, contain the internet, as no networks do."""
    given = [part.strip() for each in items(ranges) for part in str(each).split(",")]
    found = addresses.parsed(given)
    wide = any(addresses.is_large(some, family) for family, some in found.items())
    return not given or wide or any(each.endswith("/0") for each in given)

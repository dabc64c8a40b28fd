"""Rules for workloads in a cluster: their resources, images, networks and rights."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

import pulumi_kubernetes as k8s

from awsfacts.instances import GPU_RESOURCE
from mlpctl.policies.admitted import admits_every_pod, by_label
from mlpctl.policies.checks import independently
from mlpctl.policies.estate import Estate, NotEvaluated, Resource, token
from mlpctl.policies.pods import (
    GPUS,
    PATCH,
    WORKLOADS,
    Part,
    Pod,
    accounts_of,
    namespace_of,
    of_namespace,
    pod_of,
    selects,
    space_of,
)
from mlpctl.policies.rule import FROM_STAGING, Severity, rule
from mlpctl.review.compare.equality import word
from mlpctl.review.kubernetes.powers import powers
from mlpctl.review.values.plain import Secret, Unknown, Value, items

_ROLES: Final = (k8s.rbac.v1.Role, k8s.rbac.v1.ClusterRole, k8s.rbac.v1.RolePatch, k8s.rbac.v1.ClusterRolePatch)
_BINDINGS: Final = (
    k8s.rbac.v1.RoleBinding,
    k8s.rbac.v1.ClusterRoleBinding,
    k8s.rbac.v1.RoleBindingPatch,
    k8s.rbac.v1.ClusterRoleBindingPatch,
)
_ADMIN: Final = "cluster-admin"
_BROAD: Final = (_ADMIN, "admin", "edit")
_ANONYMOUS: Final = ("system:anonymous", "system:unauthenticated")
_EVERYBODY: Final = ("system:authenticated", "system:serviceaccounts")
"""Roles and groups of Kubernetes: https://kubernetes.io/docs/reference/access-authn-authz/rbac/"""

_READING: Final = ("list", "watch")
"""Verbs that give the secrets of all namespaces, if a role is for all. A team lists those in its own namespace."""

_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_NOTHING: Final = re.compile(r"-.*|\+?0*\.?0*([eE][+-]?\d+)?[A-Za-z]*")
"""Quantities of zero, or less."""

_DEFAULTS: Final = {"requests": "defaultRequest", "limits": "default"}
"""Fields of a LimitRange."""


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
        yield from independently(_rights(each, everywhere=everywhere) for each in rules)
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
        _placed(pod),
        independently(_zeros(each) for each in (pod.spec, *_sized(pod))),
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
        str(each.get("key") or "")
        for each in pod.spec.parts("tolerations")
        if (each.get("effect") or "NoSchedule") == "NoSchedule"
        and (GPUS.match(str(each.get("key"))) or (not each.get("key") and each.get("operator") == "Exists"))
    ]
    if not taints:
        return
    used = {
        key.partition("/")[0]
        for part in _sized(pod)
        for key, value in part.entries("resources.limits")
        if GPUS.match(key) and _is_stated(value.known)
    }
    for taint in taints:
        # The guardrails in the cluster require a GPU of this kind for a toleration of every taint.
        vendor = (taint or GPU_RESOURCE).partition("/")[0]
        if vendor not in used:
            why = f"it tolerates {taint or 'every taint'}, and no container has a GPU of {vendor}"
            yield f"may occupy nodes with GPUs without using one: {why}"
            return


def _placed(pod: Pod) -> Iterator[str]:
    """A node by its name, which no taint keeps a pod from.

    Source: https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#nodename
    """
    if node := pod.spec.get("nodeName"):
        yield f"runs on the node {node} whatever its taints are: nodeName is set"


def _zeros(part: Part) -> Iterator[str]:
    """Requests and limits of zero. A limit of zero is no limit, and a request of zero reserves nothing."""
    whose = f"container {part.name}" if part.path != "spec" and not part.path.endswith(".spec") else "its pods"
    for kind in ("requests", "limits"):
        for name, value in part.entries(f"resources.{kind}"):
            if name in ("cpu", "memory") and value.known is not None and not _is_stated(value.known):
                yield f"has a {name} {kind.removesuffix('s')} of {value.known} for {whose}, which states nothing"


def _resources(workload: Resource, pod: Pod, container: Part) -> Iterator[str]:
    for name, kind, words in (("cpu", "requests", "CPU request"), ("memory", "limits", "memory limit")):
        # A limit is also the request if there is none.
        kinds = ("requests", "limits") if kind == "requests" else ("limits",)
        given = (part.get(f"resources.{each}.{name}") for part in (container, pod.spec) for each in kinds)
        # Quantities of zero are violations of their own.
        if all(each is None for each in given) and not _by_default(workload, name, kinds):
            yield f"has no {words} for container {container.name}"


def _is_stated(quantity: Value) -> bool:
    """Whether a quantity is more than zero, which states nothing."""
    return quantity is not None and not _NOTHING.fullmatch(str(quantity))


def _by_default(workload: Resource, name: str, kinds: Sequence[str]) -> bool:
    """Whether the namespace has a default for containers.

    Source: https://kubernetes.io/docs/concepts/policy/limit-range/
    """
    keys = [f"{_DEFAULTS[kind]}.{name}" for kind in kinds]
    return of_namespace(
        workload,
        f"defaults {keys}",
        k8s.core.v1.LimitRange,
        lambda found: any(
            limit.get("type") == "Container" and any(_is_stated(limit.get(key)) for key in keys)
            for each in found
            for limit in Part(each.inputs).parts("spec.limits")
        ),
    )


def _network(workload: Resource, pod: Pod) -> Iterator[str]:
    """A pod that no policy selects accepts all connections.

    Source: https://kubernetes.io/docs/concepts/services-networking/network-policies/
    """
    labels = pod.metadata.item("labels")
    selected = False
    policies, unclear = of_namespace(workload, "policies by label", k8s.networking.v1.NetworkPolicy, by_label)
    for policy in policies.within(labels.value):
        spec = Part(policy.inputs).item("spec")
        if "Ingress" in (items(spec.get("policyTypes")) or ["Ingress"]) and selects(spec.item("podSelector"), labels):
            selected = True
            if admits_every_pod([*spec.parts("ingress")]):
                yield f"accepts connections from every pod of the cluster: a rule of {policy.name} allows all sources"
                return
    if unclear:
        raise NotEvaluated(unclear.why)
    if not selected:
        yield "accepts connections from every pod of the cluster: no NetworkPolicy selects its pods"


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
    bound, unclear = workload.estate.once("bound accounts", lambda: _bound(workload.estate))
    name = pod.spec.item("serviceAccountName").value
    if not bound.isdisjoint({each.urn for each in accounts}):
        return True
    if isinstance(name, str) and not bound.isdisjoint({("", name), (namespace_of(workload), name)}):
        return True
    if unclear or (bound and isinstance(name, Unknown | Secret)):
        raise NotEvaluated(unclear.why if unclear else "spec.serviceAccountName is not known yet")
    return False


def _bound(estate: Estate) -> tuple[frozenset[str | tuple[str, str]], NotEvaluated | None]:
    """The service accounts that roles are bound to, by URN or by namespace and name, and why some are not known.

    The namespace is empty if it is not known.
    """
    found: set[str | tuple[str, str]] = set()
    unclear: NotEvaluated | None = None
    for binding in estate.of(*_BINDINGS):
        found.update(binding.depends.get("subjects", ()))
        try:
            for subject in Part(binding.inputs).parts("subjects"):
                if subject.get("kind") == "ServiceAccount":
                    space = subject.item("namespace").value
                    found.add((space_of(estate, space) if isinstance(space, str) else "", str(subject.get("name"))))
        except NotEvaluated as error:
            unclear = error
    return frozenset(found), unclear


def _rights(given: Part, *, everywhere: bool) -> Iterator[str]:
    """Wildcards; without any, rights that lead to more rights, other than those for objects with harmless names."""
    keys = ("verbs", "resources", "apiGroups", "nonResourceURLs")
    if found := [key for key in keys if any(each.known in ("*", "*/*") for each in given.parts(key))]:
        yield f"allows everything in {', '.join(found)} of {given.path}"
        return
    verbs, groups, resources, names = (
        {str(each.known) for each in given.parts(key)} for key in ("verbs", "apiGroups", "resources", "resourceNames")
    )
    found = powers(verbs, groups, resources, names)
    if everywhere and not names and "secrets" in resources:
        found += [f"{verb} secrets" for verb in _READING if verb in verbs]
    if found:
        yield f"can raise its rights by {', '.join(found)} in {given.path}"


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
    who, role = subject.get("name"), binding.get("roleRef.name")
    if who in _ANONYMOUS or (who in _EVERYBODY and role in _BROAD):
        yield f"binds {role or 'a role'} to {who}, which is everybody"
    elif who in _EVERYBODY and role is None:
        raise NotEvaluated("the patch does not contain the role (roleRef)")

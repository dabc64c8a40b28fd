"""What objects of Kubernetes say about pods, for rules."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

import pulumi_kubernetes as k8s

from mlpctl.policies.estate import Class, Estate, NotEvaluated, Resource, token
from mlpctl.review.values.plain import Masked, Secret, Unknown, Value, items

_DIRECT: Final = (k8s.core.v1.Pod,)
_BY_TEMPLATE: Final = (
    k8s.apps.v1.DaemonSet,
    k8s.apps.v1.Deployment,
    k8s.apps.v1.ReplicaSet,
    k8s.apps.v1.StatefulSet,
    k8s.batch.v1.Job,
    k8s.core.v1.ReplicationController,
)
_BY_JOB: Final = (k8s.batch.v1.CronJob,)

OBJECTS: Final[tuple[Class, ...]] = (*_DIRECT, *_BY_TEMPLATE, *_BY_JOB)
"""The kinds of objects that have pods."""

WORKLOADS: Final[tuple[Class, ...]] = (
    *OBJECTS,
    k8s.core.v1.PodPatch,
    k8s.apps.v1.DaemonSetPatch,
    k8s.apps.v1.DeploymentPatch,
    k8s.apps.v1.ReplicaSetPatch,
    k8s.apps.v1.StatefulSetPatch,
    k8s.batch.v1.JobPatch,
    k8s.core.v1.ReplicationControllerPatch,
    k8s.batch.v1.CronJobPatch,
)
"""These kinds, and patches of them, which have a part of their inputs."""

PATCH: Final = "Patch"
"""The end of the types of patches."""

_PATHS: Final[Mapping[str, str]] = {
    **{token(each): "" for each in _DIRECT},
    **{token(each): "spec.template" for each in _BY_TEMPLATE},
    **{token(each): "spec.jobTemplate.spec.template" for each in _BY_JOB},
}
"""Where the pod's `metadata` and `spec` are."""

GPUS: Final = re.compile(r"(nvidia\.com/(gpu|mig-)|amd\.com/gpu|aws\.amazon\.com/neuron)")
"""Beginnings of the names of resources that are GPUs and other accelerators, and of the taints of their nodes."""

_Found = TypeVar("_Found")

_ACCOUNT: Final = token(k8s.core.v1.ServiceAccount)

_CONTAINERS: Final = ("initContainers", "containers", "ephemeralContainers")


@dataclass(frozen=True)
class Part:
    """A value inside the inputs of a resource, such as a container."""

    value: Value
    path: str = ""

    def get(self, path: str, default: Any = None) -> Any:
        """The value at a path below this one; `default` if it is not set.

        Raises:
            NotEvaluated: it is not known yet, or it is secret.
        """
        part = self
        for key in path.split("."):
            part = part.item(key)
        return default if part.known is None else part.known

    def item(self, key: str) -> "Part":
        """The part with a key, which may contain dots.

        Raises:
            NotEvaluated: this part is not known yet, or it is secret.
        """
        here = self.known
        below = here.get(key) if isinstance(here, Mapping) else None
        return Part(below, f"{self.path}.{key}" if self.path else key)

    def parts(self, path: str) -> Iterator["Part"]:
        """The items of the list at a path; those that are not known yet raise when they are read."""
        for number, item in enumerate(items(self.get(path))):
            yield Part(item, f"{self.path}.{path}[{number}]" if self.path else f"{path}[{number}]")

    def entries(self, path: str) -> Iterator[tuple[str, "Part"]]:
        """The keys and values of the mapping at a path."""
        found = self.get(path)
        for key, value in found.items() if isinstance(found, Mapping) else ():
            yield str(key), Part(value, f"{self.path}.{path}.{key}" if self.path else f"{path}.{key}")

    @property
    def known(self) -> Any:
        """The value.

        Raises:
            NotEvaluated: it is not known yet, or it is secret.
        """
        if isinstance(self.value, Unknown):
            raise NotEvaluated(f"{self.path} is not known yet")
        if isinstance(self.value, Secret | Masked):
            raise NotEvaluated(f"{self.path} is secret")
        return self.value

    @property
    def name(self) -> str:
        """Its name for readers: its `name`, or its path."""
        name = self.value.get("name") if isinstance(self.value, Mapping) else None
        return name if isinstance(name, str) and not isinstance(name, Masked) else self.path


@dataclass(frozen=True)
class Pod:
    """The pods of a workload."""

    metadata: Part
    spec: Part
    whole: bool
    """Whether all of it is given; a patch gives a part of it."""

    def containers(self) -> Iterator[Part]:
        """All containers, also those that run before the others."""
        for kind in _CONTAINERS:
            yield from self.spec.parts(kind)

    @property
    def on_linux(self) -> bool:
        """Whether they run on Linux, as they do unless they say otherwise."""
        return bool(self.spec.get("os.name") != "windows")


def pod_of(workload: Resource) -> Pod:
    """The pods of a workload.

    Raises:
        NotEvaluated: they are not known yet, or they are secret.
    """
    whole = not workload.type.endswith(PATCH)
    template = Part(workload.inputs)
    for key in filter(None, _PATHS[workload.type.removesuffix(PATCH)].split(".")):
        template = template.item(key)
    return Pod(template.item("metadata"), template.item("spec"), whole)


def namespace_of(resource: Resource) -> str:
    """The namespace of an object: the URN if it is a resource of the stack, or else the name.

    Raises:
        NotEvaluated: it is not known yet, or the estate is not the whole stack.
    """
    spaces = _spaces(resource.estate)
    given = Part(resource.inputs).item("metadata").item("namespace")
    if isinstance(given.value, Unknown):
        own = resource.estate.once("URNs of namespaces", lambda: frozenset(spaces.values()))
        made = [urn for urn in resource.depends.get("metadata", ()) if urn in own]
        if len(made) == 1:
            return made[0]
    return space_of(resource.estate, str(given.known or "default"))


def space_of(estate: Estate, name: str) -> str:
    """The namespace with a name, in the form of `namespace_of`."""
    return _spaces(estate).get(name, name)


def beside(resource: Resource, kind: Class) -> Iterator[Resource]:
    """The objects of a kind in the namespace of another object.

    Raises:
        NotEvaluated: after the others, if it is not known whether one is in that namespace.
    """
    found, unclear = _by_namespace(resource.estate, kind)
    yield from found.get(namespace_of(resource), ())
    if unclear:
        raise unclear


def of_namespace(resource: Resource, about: str, kind: Class, find: Callable[[Iterable[Resource]], _Found]) -> _Found:
    """What a function finds in the objects of a kind in the namespace of an object; it is called once for each.

    Raises:
        NotEvaluated: the function raised it, or it is not known whether an object is in that namespace.
    """
    key = (about, namespace_of(resource))
    return resource.estate.once(key, lambda: find(beside(resource, kind)))


def accounts_of(workload: Resource, pod: Pod) -> list[Resource]:
    """The service account of a workload's pods, if it is a resource of the stack.

    Raises:
        NotEvaluated: it is not known yet, or the estate is not the whole stack.
    """
    named = pod.spec.item("serviceAccountName")
    if isinstance(named.value, Unknown):
        known = {urn: workload.estate.by_urn.get(urn) for urn in workload.depends.get("spec", ())}
        made = [each for each in known.values() if each and each.type == _ACCOUNT]
        if len(made) == 1:
            return made
    name = named.known or pod.spec.get("serviceAccount") or "default"
    found = of_namespace(workload, "accounts by name", k8s.core.v1.ServiceAccount, _by_name)
    return [*found.get(str(name), ())]


def selects(selector: Part, labels: Part) -> bool:
    """Whether a label selector selects pods with these labels.

    Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors

    Raises:
        NotEvaluated: this is not known yet.
    """
    if any(labels.item(key).known != value.known for key, value in selector.entries("matchLabels")):
        return False
    return all(_meets(each, labels) for each in selector.parts("matchExpressions"))


def _spaces(estate: Estate) -> Mapping[str, str]:
    """The URNs of the namespaces by their names, and by their URNs if the name is not known yet."""
    return estate.once("namespaces", lambda: _found_spaces(estate))


def _found_spaces(estate: Estate) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for each in estate.of(k8s.core.v1.Namespace):
        names = [name for name in (each.id, _named(each)) if isinstance(name, str) and name]
        for name in names or [each.urn]:
            found[name] = each.urn
    return found


_Objects: TypeAlias = tuple[Mapping[str, Sequence[Resource]], NotEvaluated | None]


def _by_namespace(estate: Estate, kind: Class) -> _Objects:
    """The objects of a kind by namespace, and why it is not known for some of them."""
    return estate.once(("objects by namespace", kind), lambda: _placed(estate, kind))


def _placed(estate: Estate, kind: Class) -> _Objects:
    found: dict[str, list[Resource]] = {}
    unclear: NotEvaluated | None = None
    for each in estate.of(kind):
        try:
            found.setdefault(namespace_of(each), []).append(each)
        except NotEvaluated as error:
            unclear = error
    return found, unclear


def _by_name(objects: Iterable[Resource]) -> Mapping[str, Sequence[Resource]]:
    found: dict[str, list[Resource]] = {}
    for each in objects:
        found.setdefault(str(_named(each)), []).append(each)
    return found


def _named(resource: Resource) -> Value:
    """The name of an object; may be unknown."""
    metadata = resource.inputs.get("metadata")
    return metadata.get("name") if isinstance(metadata, Mapping) else None


def _meets(expression: Part, labels: Part) -> bool:
    key, operator = str(expression.get("key")), expression.get("operator")
    value = labels.item(key).known
    if operator in ("Exists", "DoesNotExist"):
        return bool((value is not None) == (operator == "Exists"))
    among = value in items(expression.get("values"))
    return bool(among == (operator == "In"))

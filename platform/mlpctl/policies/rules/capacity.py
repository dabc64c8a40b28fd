"""Rules for capacity: which instances run, and whether updates have room on them."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import pulumi_aws as aws
import pulumi_kubernetes as k8s

from awsfacts import instances
from mlpctl.policies.estate import Estate, NotEvaluated, Resource, token
from mlpctl.policies.pairs import Pairs
from mlpctl.policies.pods import Part, Pod, pod_of
from mlpctl.policies.rule import FROM_STAGING, Field, Severity, rule
from mlpctl.review.compare.equality import word
from mlpctl.review.compare.paths import value_at
from mlpctl.review.types import machines
from mlpctl.review.values.plain import Secret, Unknown, items, walk
from mlpctl.settings.policies import is_allowed

_TYPES: Final[Mapping[str, tuple[str, ...]]] = {
    token(aws.autoscaling.Group): ("mixedInstancesPolicy.launchTemplate.overrides[].instanceType",),
    token(aws.batch.ComputeEnvironment): ("computeResources.instanceTypes",),
    token(aws.ec2.Fleet): ("launchTemplateConfigs[].overrides[].instanceType",),
    token(aws.ec2.Instance): ("instanceType",),
    token(aws.ec2.LaunchConfiguration): ("instanceType",),
    token(aws.ec2.SpotFleetRequest): (
        "launchSpecifications[].instanceType",
        "launchTemplateConfigs[].overrides[].instanceType",
    ),
    token(aws.ec2.SpotInstanceRequest): ("instanceType",),
    token(aws.eks.NodeGroup): ("instanceTypes",),
    token(aws.sagemaker.EndpointConfiguration): ("productionVariants[].instanceType",),
    token(aws.sagemaker.NotebookInstance): ("instanceType",),
}
"""Where the types of instances are, beside those of launch templates."""

_TEMPLATES: Final = ("launchTemplate", "launchTemplateConfigs", "mixedInstancesPolicy", "launchConfiguration")

_LIMITED: Final = frozenset(map(token, (aws.eks.NodeGroup, aws.batch.ComputeEnvironment)))
"""Types that have a maximum and are scaled by what runs on them."""

_ANYWHERE: Final = frozenset(map(token, (aws.sagemaker.EndpointConfiguration,)))
"""Types that have no pool: each variant of an endpoint has instances of its own."""

_MOST: Final = "scalingConfig.maxSize"
_SETS: Final = (k8s.apps.v1.Deployment, k8s.apps.v1.StatefulSet)
_SET_BY_OTHERS: Final = ("kubernetes.io", "eks.amazonaws.com")
"""Ends of the domains of labels that node groups do not set themselves."""


@rule(
    "ML-COST-01",
    aws.autoscaling.Group,
    aws.batch.ComputeEnvironment,
    aws.ec2.Fleet,
    aws.ec2.Instance,
    aws.ec2.LaunchConfiguration,
    aws.ec2.SpotFleetRequest,
    aws.ec2.SpotInstanceRequest,
    aws.eks.NodeGroup,
    aws.sagemaker.EndpointConfiguration,
    aws.sagemaker.NotebookInstance,
    reason="An accelerated instance costs in a day what others cost in a month, and only pools have a maximum.",
    remedy="Run it in a node group, e.g. a GpuNodePool, or add its type to policies.allowedInstanceTypes.",
    severity=Severity.MEDIUM,
    levels=FROM_STAGING,
    fields=[Field("EksCluster", "system.instanceTypes"), Field("GpuNodePool", "instanceTypes")],
)
def instances_are_of_allowed_types(resource: Resource) -> Iterator[str]:
    """Instances are of allowed types; without a list of them, accelerated instances belong to a pool."""
    allowed = [str(each) for each in (resource.estate.settings.get("policies") or {}).get("allowedInstanceTypes") or ()]
    if not allowed and resource.type in _LIMITED | _ANYWHERE:
        return
    unclear: NotEvaluated | None = None
    found = instance_types(resource)
    for each in found:
        if isinstance(each, NotEvaluated):
            unclear = each
        elif allowed and not is_allowed(each, allowed):
            yield f"runs {each}; allowed: {', '.join(allowed)}"
        elif not allowed and machines.accelerated([each]):
            yield f"runs {each} outside of a node pool"
    if unclear:
        raise unclear


def instance_types(resource: Resource) -> list[str | NotEvaluated]:
    """The types of its instances, from itself and from the launch templates that it refers to."""
    found: list[Any] = [
        each for path in _TYPES.get(resource.type, ()) for each in items(value_at(resource.inputs, path))
    ]
    if not found:
        for template in _templates(resource):
            found += items(template.inputs.get("instanceType"))
            if template.inputs.get("instanceRequirements"):
                found.append(Unknown())
    unclear = NotEvaluated("its instance type is not known yet")
    return [unclear if isinstance(each, Unknown | Secret) else str(each).lower() for each in found]


def _templates(resource: Resource) -> list[Resource]:
    kinds = (aws.ec2.LaunchTemplate, aws.ec2.LaunchConfiguration)
    given = {name for key in _TEMPLATES for _, name in walk(resource.inputs.get(key)) if isinstance(name, str)}
    causes = [resource.estate.by_urn.get(urn) for key in _TEMPLATES for urn in resource.depends.get(key, ())]
    found = [each for each in causes if each and each.type in map(token, kinds)]
    return [*{each.urn: each for each in (*found, *resource.estate.called(given, *kinds))}.values()]


@rule(
    "ML-OPS-03",
    k8s.apps.v1.Deployment,
    reason="Pods without a free GPU wait until the update fails, and a model with too few pods is slow or down.",
    remedy="Set maxSurge to 0 and maxUnavailable to 1, request fewer replicas, or raise the number of nodes.",
    severity=Severity.MEDIUM,
    levels=FROM_STAGING,
    fields=[
        Field("InferenceService", "sparePods", says="starts one more"),
        Field("InferenceService", "minReplicas"),
        Field("InferenceService", "gpus"),
    ],
)
def rollouts_have_room(deployment: Resource) -> Iterator[str]:
    """The nodes have GPUs for all pods of a Deployment, and for those that an update adds."""
    pod = pod_of(deployment)
    own, replicas = _gpus(deployment), _number(deployment.get("spec.replicas", 1))
    if not own or not replicas:
        return
    selector = _selector(pod)
    groups = deployment.estate.once(("nodes of", _key(selector)), lambda: _nodes(deployment.estate, selector))
    if not groups:
        raise NotEvaluated("the stack has no node group for its pods")
    asked, unclear = deployment.estate.once("GPUs by selector", lambda: _asked(deployment.estate))
    others = asked.get(_key(selector), 0) - own * replicas
    extra = _extra(deployment, replicas)
    room = sum(each.most * each.gpus for each in groups)
    fit = sum(each.most * (each.gpus // own) for each in groups)
    if replicas + extra > fit or (replicas + extra) * own + others > room:
        names = ", ".join(each.name for each in groups)
        during = ", and an update starts one more first" if extra else ""
        beside = f" beside {_count(others, 'GPU')} of other pods" if others else ""
        yield (
            f"has no room: {_count(replicas, 'pod')} of {_count(own, 'GPU')}{beside}{during}, but {names} has at most "
            f"{_count(room, 'GPU')}, enough for {_count(fit, 'such pod')}"
        )
    elif unclear:
        raise unclear


_Asked: TypeAlias = tuple[Mapping[str, int], NotEvaluated | None]


def _asked(estate: Estate) -> _Asked:
    """The GPUs that all pods request, by the labels of their nodes, and why it is not known for some of them."""
    found: dict[str, int] = {}
    unclear: NotEvaluated | None = None
    for each in estate.of(*_SETS):
        try:
            key = _key(_selector(pod_of(each)))
            found[key] = found.get(key, 0) + _gpus(each) * _number(each.get("spec.replicas", 1))
        except NotEvaluated as error:
            unclear = error
    return found, unclear


def _key(selector: Mapping[str, Any]) -> str:
    return repr(sorted(selector.items(), key=repr))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _gpus(workload: Resource) -> int:
    """The number of GPUs of each pod."""
    given = (each.get("resources.limits") for each in pod_of(workload).spec.parts("containers"))
    return sum(_number(each.get(instances.GPU_RESOURCE)) for each in given if isinstance(each, Mapping))


def _selector(pod: Pod) -> Mapping[str, Any]:
    """The node labels that pods require, without those that Kubernetes and EKS set."""
    entries = ((key, value.known) for key, value in pod.spec.entries("nodeSelector"))
    return {key: value for key, value in entries if not key.partition("/")[0].endswith(_SET_BY_OTHERS)}


@dataclass(frozen=True)
class _Nodes:
    """The nodes of a node group that has GPUs."""

    name: str
    most: int
    """The highest number of nodes."""

    gpus: int
    """The highest number of GPUs of a node."""


def _nodes(estate: Estate, selector: Mapping[str, Any]) -> list[_Nodes]:
    """The node groups with GPUs whose nodes have these labels."""
    groups = estate.once("node groups by label", lambda: Pairs(_labelled(estate)))
    found = [
        each
        for each, labels in groups.with_all(selector)
        if all(labels.item(key).known == value for key, value in selector.items())
    ]
    return [_Nodes(each.name, _number(each.get(_MOST)), gpus) for each in found if (gpus := _most_gpus(each))]


def _labelled(estate: Estate) -> Iterator[tuple[tuple[Resource, Part], Any]]:
    for each in estate.of(aws.eks.NodeGroup):
        labels = Part(each.inputs).item("labels")
        yield (each, labels), labels.value


def _most_gpus(group: Resource) -> int:
    """The highest number of GPUs of a node."""
    found = instance_types(group)
    facts = [instances.find(each) for each in found if isinstance(each, str)]
    if len(facts) < len(found) or None in facts:
        raise NotEvaluated(f"the GPUs of the nodes of {group.name} are not known")
    return max((each.gpus for each in facts if each), default=0)


def _extra(deployment: Resource, replicas: int) -> int:
    """The number of pods that an update needs in addition: one if it must not stop any first.

    Source: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#rolling-update-deployment
    """
    if deployment.get("spec.strategy.type", "RollingUpdate") != "RollingUpdate":
        return 0
    stops = deployment.get("spec.strategy.rollingUpdate.maxUnavailable", "25%")
    adds = deployment.get("spec.strategy.rollingUpdate.maxSurge", "25%")
    return int(_share(stops, replicas, math.floor) == 0 and _share(adds, replicas, math.ceil) > 0)


def _share(value: Any, replicas: int, rounded: Callable[[float], int]) -> int:
    text = str(value)
    return rounded(_number(text[:-1]) * replicas / 100) if text.endswith("%") else _number(value)


def _number(value: Any) -> int:
    """A whole number, also from its digits; 0 for anything else, which the API rejects."""
    text = word(value)
    if isinstance(value, Unknown | Secret):
        raise NotEvaluated("a number that it needs is not known yet")
    return int(text) if text.isdecimal() else 0

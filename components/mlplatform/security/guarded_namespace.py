"""Namespaces with guards: Pod Security Standard, network policy, quota and container defaults."""

from collections.abc import Mapping, Sequence
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, Self

import pulumi
import pulumi_kubernetes as k8s
from pydantic import Field, ValidationInfo, field_validator, model_validator

from awsfacts.instances import GPU_RESOURCE
from mlplatform import egress as outgoing
from mlplatform import grammar
from mlplatform.checks.arguments import ArgumentsError, Problem
from mlplatform.component import Component
from mlplatform.egress import EgressRule
from mlplatform.quantities import CPU, MEMORY
from mlplatform.spec import Spec, whole_numbers_as_text

CONTAINER_DEFAULTS: Final = f"{grammar.OUR_LABELS}/container-defaults"
"""Label of namespaces whose containers get requests and limits by default."""

POLICY: Final = "guardrail"
"""Name of the network policy, quota and limit range of a namespace."""


class PodSecurity(Enum):
    """A Pod Security Standard: https://kubernetes.io/docs/concepts/security/pod-security-standards."""

    RESTRICTED = "restricted"
    BASELINE = "baseline"


class NamespaceQuota(Spec):
    """What all pods of a namespace together can request."""

    gpus: int = Field(default=0, ge=0, le=100_000)
    """Whole GPUs. The pods cannot use parts of GPUs or other accelerators. Default: none."""

    cpu: str = Field(default="32", pattern=CPU, examples=["32", "500m"])
    """CPU requests, e.g. `32`."""

    memory: str = Field(default="128Gi", pattern=MEMORY, examples=["128Gi", "128G"])
    """Memory requests and memory limits, e.g. `128Gi`."""

    pods: int = Field(default=50, ge=0, le=100_000)
    """Pods that have not ended."""

    _numbers = field_validator("cpu", mode="before")(whole_numbers_as_text)


class GuardedNamespaceSpec(Spec):
    """A namespace with guards, which the platform creates.

    Its pods may call DNS, the EKS Pod Identity Agent and each other, and nothing else unless a field allows it. No
    other namespace may call them. Services of type LoadBalancer and NodePort are not allowed.
    """

    pod_security: PodSecurity = PodSecurity.RESTRICTED
    """Pod Security Standard that the API server enforces: `restricted` or `baseline`, which profile prod does not
    allow, and profile staging only with a waiver of the rule ML-K8S-02."""

    quota: NamespaceQuota = NamespaceQuota()
    """What its pods together can request."""

    container_cpu: str = Field(default="100m", pattern=CPU, examples=["2", "500m"])
    """CPU request of a container that states none."""

    container_memory: str = Field(default="256Mi", pattern=MEMORY, examples=["256Mi", "8G"])
    """Memory request and limit of a container that states none. A container that states a higher request must also
    state its limit."""

    s3: bool = False
    """Allow its pods to call S3 in the stack's region. Their roles, and the policy of the VPC endpoint, decide which
    buckets they can use."""

    egress: list[str] = Field(default=[])
    """Networks that its pods may call on port 443, e.g. the subnets of interface endpoints. A network that is wider
    than private ranges, such as `0.0.0.0/0`, does not include them. Default: none."""

    egress_rules: list[EgressRule] = Field(default=[])
    """Networks that its pods may call on other ports, e.g. `{cidr: 10.0.8.0/24, ports: [6379]}`. Default: none."""

    callers: list[str] = Field(default=[])
    """Other namespaces whose pods may call its pods, on any port. Default: none."""

    calls: list[str] = Field(default=[])
    """Models that its pods may call, by name. Each must have this namespace in its `callers`. Default: none."""

    _numbers = field_validator("container_cpu", mode="before")(whole_numbers_as_text)
    _networks = field_validator("egress")(outgoing.checked_networks)
    _rules = field_validator("egress_rules")(outgoing.checked_rules)

    @field_validator("callers", "calls")
    @classmethod
    def _entries_are_namespaces(cls, value: list[str], info: ValidationInfo) -> list[str]:
        # A model is in the namespace with its name.
        grammar.namespaces(value, str(info.field_name))
        return value

    @model_validator(mode="after")
    def _the_network_plugin_enforces_all_ports(self) -> Self:
        outgoing.check_ports(outgoing.by_network(self.egress, self.egress_rules))
        return self


def pod_security_labels(level: PodSecurity) -> dict[str, str]:
    """Labels of a namespace for its Pod Security Standard, in the version of the API server.

    `enforce` rejects pods, `warn` answers whoever applies a Deployment or a Job:
    https://kubernetes.io/docs/concepts/security/pod-security-admission/#workload-resources-and-pod-templates
    """
    prefix = "pod-security.kubernetes.io"
    return {f"{prefix}/{mode}": level.value for mode in ("enforce", "warn")} | {
        f"{prefix}/{mode}-version": "latest" for mode in ("enforce", "warn")
    }


def create_namespace(
    component: Component, logical_name: str, name: str, level: PodSecurity, labels: Mapping[str, str]
) -> "k8s.core.v1.Namespace":
    """Create a namespace with a Pod Security Standard.

    Args:
        component: its parent.
        logical_name: its logical name.
        name: its name.
        level: its Pod Security Standard.
        labels: other labels.
    """
    return k8s.core.v1.Namespace(
        logical_name,
        metadata={
            "name": name,
            "labels": {**labels, **pod_security_labels(level)},
            "annotations": component.annotations_for(logical_name),
        },
        opts=component.child(),
    )


def known_after(name: str, *needed: pulumi.Resource) -> pulumi.Output[str]:
    """The name of a namespace for objects that need it, and everything else in `needed`, to exist."""
    return pulumi.Output.all(*(each.urn for each in needed)).apply(lambda _: name)


def create_guarded(
    component: Component,
    prefix: str,
    name: str,
    wanted: GuardedNamespaceSpec,
    labels: Mapping[str, str],
    s3_cidrs: pulumi.Input[Sequence[str]],
    vpc_cidrs: pulumi.Input[Sequence[str]],
    model_ports: Mapping[str, int],
) -> pulumi.Output[str]:
    """Create a namespace with all its guards.

    Args:
        component: parent of all objects.
        prefix: prefix of their logical names.
        name: name of the namespace.
        wanted: its spec.
        labels: labels of all objects.
        s3_cidrs: networks of S3, used if the spec has `s3`.
        vpc_cidrs: networks of the VPC.
        model_ports: ports of the models in `calls`, by name.

    Returns:
        Its name, for objects that need the namespace and its guards.
    """
    defaults = {CONTAINER_DEFAULTS: "true"}
    namespace = create_namespace(component, f"{prefix}-namespace", name, wanted.pod_security, {**labels, **defaults})

    def metadata(part: str) -> dict[str, Any]:
        annotations = component.annotations_for(f"{prefix}-{part}")
        return {"name": POLICY, "namespace": name, "labels": labels, "annotations": annotations}

    inside = component.child(depends_on=[namespace])
    closed = k8s.networking.v1.NetworkPolicy(
        f"{prefix}-network-policy",
        metadata=metadata("network-policy"),
        spec=pulumi.Output.all(s3_cidrs, vpc_cidrs).apply(
            lambda known: network_policy(wanted, known[0], known[1], model_ports)
        ),
        opts=inside,
    )
    quota = k8s.core.v1.ResourceQuota(
        f"{prefix}-quota", metadata=metadata("quota"), spec={"hard": hard(wanted.quota)}, opts=inside
    )
    limits = k8s.core.v1.LimitRange(
        f"{prefix}-limits",
        metadata=metadata("limits"),
        spec={"limits": [container_defaults(wanted)]},
        opts=inside,
    )
    # No pod should start before the guards exist.
    return known_after(name, namespace, closed, quota, limits)


def checked_ports(
    what: str, namespaces: Mapping[str, GuardedNamespaceSpec], given: Mapping[str, int]
) -> Mapping[str, int]:
    """The argument `model_ports` of a component, if it has every model that the component's namespaces call.

    Args:
        what: the component, for the message.
        namespaces: the specs of its namespaces.
        given: ports of models, by name.

    Raises:
        ArgumentsError: lists the models that are missing.
    """
    called = dict.fromkeys(model for each in namespaces.values() for model in each.calls)
    if missing := [each for each in called if each not in given]:
        reason = f"has no {', '.join(missing)}; required, since namespaces call them"
        raise ArgumentsError(what, [Problem("model_ports", reason)])
    return given


def network_policy(
    wanted: GuardedNamespaceSpec,
    s3_cidrs: Sequence[str] = (),
    own_networks: Sequence[str] = (),
    model_ports: Mapping[str, int] = MappingProxyType({}),
) -> dict[str, Any]:
    """The spec of a network policy for all pods of a namespace: what it does not allow is denied.

    Args:
        wanted: the spec of the namespace.
        s3_cidrs: networks of S3.
        own_networks: networks of the VPC.
        model_ports: ports of the models in `calls`, by name. A model is in the namespace with its name. The network
            plugin also allows the address of its Service:
            https://github.com/aws/amazon-network-policy-controller-k8s/blob/main/pkg/resolvers/endpoints.go
    """
    here: dict[str, Any] = {"pod_selector": {}}
    models = [
        {"to": [_pods_of(each)], "ports": [{"port": model_ports[each], "protocol": "TCP"}]} for each in wanted.calls
    ]
    ports = outgoing.by_network((*(s3_cidrs if wanted.s3 else ()), *wanted.egress), wanted.egress_rules)
    return {
        "pod_selector": {},
        "policy_types": ["Ingress", "Egress"],
        "ingress": [{"from_": [here, *map(_pods_of, wanted.callers)]}],
        "egress": [
            {"to": [here]},
            outgoing.DNS,
            *models,
            *outgoing.rules(ports, own_networks),
            outgoing.TO_IDENTITY_AGENT,
        ],
    }


def _pods_of(namespace: str) -> dict[str, Any]:
    """The pods of a namespace as a peer of a network policy."""
    return {"namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": namespace}}}


def hard(quota: NamespaceQuota) -> dict[str, str]:
    """The limits of a ResourceQuota: https://kubernetes.io/docs/concepts/policy/resource-quotas.

    Services that the network outside of the cluster can reach are not allowed.
    """
    return {
        "pods": str(quota.pods),
        "requests.cpu": quota.cpu,
        "requests.memory": quota.memory,
        "limits.memory": quota.memory,
        f"requests.{GPU_RESOURCE}": str(quota.gpus),
        "services.loadbalancers": "0",
        "services.nodeports": "0",
    }


def container_defaults(wanted: GuardedNamespaceSpec) -> dict[str, Any]:
    """The entry of a LimitRange for containers: https://kubernetes.io/docs/concepts/policy/limit-range.

    There is no CPU limit: it would slow containers down even if the node is idle.
    """
    return {
        "type": "Container",
        "default_request": {"cpu": wanted.container_cpu, "memory": wanted.container_memory},
        "default": {"memory": wanted.container_memory},
    }

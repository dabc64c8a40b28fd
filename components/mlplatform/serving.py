"""Where models answer requests."""

from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as k8s

from mlplatform.component import Component
from mlplatform.inference import (
    Inference,
    autoscaler_spec,
    deployment_spec,
    labels,
    network_policy,
    rollout_timeouts,
    selector,
)
from mlplatform.spec import spec


class InferenceServiceArgs(TypedDict):
    """What an `InferenceService` is given."""

    inference: Inference
    """The service."""

    namespace: NotRequired[pulumi.Input[str]]
    """Namespace that exists already. Default: one of its own, named like the service."""

    protect: NotRequired[bool]
    """Refuse to delete or replace the Deployment, whose pods take long to start. Default: false."""


class InferenceService(Component):
    """A model on GPUs: pods that start slowly and stop gently, a service, limits for disruptions and for callers."""

    namespace: pulumi.Output[str]
    """Namespace that it runs in."""

    endpoint_url: pulumi.Output[str]
    """URL inside the cluster."""

    def __init__(self, name: str, args: InferenceServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        wanted = spec(Inference, args["inference"])
        namespace = self._namespace(name, args.get("namespace"))

        def metadata(part: str) -> dict[str, Any]:
            # Names are fixed: callers and `kubectl` go by them. Two services in one namespace differ in their names.
            annotations = self.annotations_for(f"{name}-{part}")
            return {"name": name, "namespace": namespace, "labels": labels(name), "annotations": annotations}

        account = k8s.core.v1.ServiceAccount(
            f"{name}-account", metadata=metadata("account"), automount_service_account_token=False, opts=self.child()
        )
        k8s.networking.v1.NetworkPolicy(
            f"{name}-network-policy",
            metadata=metadata("network-policy"),
            spec=network_policy(name, wanted),
            opts=self.child(),
        )
        deployment = k8s.apps.v1.Deployment(
            f"{name}-deployment",
            metadata=metadata("deployment"),
            spec=deployment_spec(name, wanted),
            opts=self.guarded(depends_on=[account], custom_timeouts=rollout_timeouts(wanted)),
        )
        k8s.core.v1.Service(
            f"{name}-service",
            metadata=metadata("service"),
            spec={"selector": selector(name), "ports": [{"name": "http", "port": 80, "target_port": "http"}]},
            opts=self.child(depends_on=[deployment]),
        )
        k8s.policy.v1.PodDisruptionBudget(
            f"{name}-disruption-budget",
            metadata=metadata("disruption-budget"),
            spec={"max_unavailable": 1, "selector": {"match_labels": selector(name)}},
            opts=self.child(),
        )
        k8s.autoscaling.v2.HorizontalPodAutoscaler(
            f"{name}-autoscaler",
            metadata=metadata("autoscaler"),
            spec=autoscaler_spec(name, wanted),
            opts=self.child(depends_on=[deployment]),
        )

        self.namespace = pulumi.Output.from_input(namespace)
        self.endpoint_url = pulumi.Output.concat("http://", name, ".", namespace, ".svc.cluster.local")
        self._done()

    def _namespace(self, name: str, given: pulumi.Input[str] | None) -> pulumi.Input[str]:
        if given is not None:
            return given
        namespace = k8s.core.v1.Namespace(
            f"{name}-namespace",
            metadata={
                "name": name,
                # https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
                "labels": {**labels(name), "pod-security.kubernetes.io/enforce": "restricted"},
                "annotations": self.annotations_for(f"{name}-namespace"),
            },
            opts=self.child(),
        )
        return pulumi.Output.from_input(namespace.metadata).apply(lambda metadata: str(metadata["name"]))

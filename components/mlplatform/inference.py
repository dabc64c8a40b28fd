"""What models that answer requests are, as specs, and the Kubernetes objects that they become."""

from typing import Any, Final

import pulumi
from pydantic import Field, field_validator, model_validator

from mlplatform import grammar
from mlplatform.pools import GPU_RESOURCE, GPU_TAINT, POOL_LABEL
from mlplatform.spec import Spec

PROBE_SECONDS: Final = 10
"""Seconds between two probes of a model."""

SLACK_MINUTES: Final = 2
"""Minutes beside a model's start for being scheduled and for the rollout to be noticed."""

DRAIN_SECONDS: Final = 15
"""Seconds that a pod goes on serving after it was told to stop, until no more requests are sent to it."""

POD_IDENTITY_AGENT: Final = "169.254.170.23/32"
"""Where a pod gets the credentials of its own role: https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html"""

WRITABLE: Final = {
    "HOME": "/tmp",
    "TORCHINDUCTOR_CACHE_DIR": "/tmp/torchinductor",
    "TRITON_CACHE_DIR": "/tmp/triton",
    "USER": "model",
    "XDG_CACHE_HOME": "/tmp/cache",
}
"""Where model servers write, on a root file system that is read-only and for a user that the image does not know; what
they do otherwise: https://github.com/vllm-project/vllm/issues/10185"""

METADATA_SERVICE: Final = "169.254.169.254/32"
"""Where a node's own credentials are handed out: no model has any business there."""


class Inference(Spec):
    """A model behind an HTTP endpoint inside the cluster."""

    image: str
    """Container image with a tag or, better, a digest; not `latest`."""

    command_args: list[str] = Field(default=[])
    """Arguments for the image's entry point."""

    env: dict[str, str] = Field(default={})
    """Environment variables. Never secrets: these are readable in the stack file and the cluster. HOME and the caches
    of common model servers lie in /tmp unless set here."""

    port: int = Field(default=8080, ge=1024, le=65535)
    """Port that the container serves HTTP on; below 1024 would need root."""

    health_path: str = Field(default="/health", pattern=r"^/\S*$", examples=["/health"])
    """Path that answers 200 once the model is loaded."""

    startup_minutes: int = Field(default=15, ge=1, le=120)
    """Minutes that the image and the model may take to load."""

    pool: str
    """GPU pool that it runs on."""

    gpus: int = Field(default=1, ge=1, le=16)
    """GPUs of each pod."""

    cpu: str = Field(default="2", pattern=r"^([0-9]+(\.[0-9]{1,3})?|[0-9]+m)$", examples=["2", "500m"])
    """Processor cores that each pod asks for, e.g. `2` or `500m`."""

    memory: str = Field(default="8Gi", pattern=r"^[1-9][0-9]*(Mi|Gi)$", examples=["8Gi"])
    """Memory of each pod, e.g. `8Gi`; more than this ends it."""

    shared_memory: str = Field(default="1Gi", pattern=r"^[1-9][0-9]*(Mi|Gi)$", examples=["1Gi"])
    """Size of /dev/shm, which counts as memory."""

    min_replicas: int = Field(default=1, ge=1, le=1000)
    """Fewest pods."""

    max_replicas: int = Field(default=1, ge=1, le=1000)
    """Most pods."""

    target_cpu_percent: int = Field(default=70, ge=10, le=100)
    """Processor use at which pods are added, in percent of what they ask for."""

    spare_pods: int = Field(default=1, ge=0, le=10)
    """Pods started beside the old ones in an update. 0 replaces them in place, where no GPU is spare."""

    run_as_user: int = Field(default=1000, ge=1, le=65535)
    """User id that the container runs as; never root."""

    callers: list[str] = Field(default=[])
    """Namespaces whose pods may call it, beside its own. Default: none."""

    @field_validator("image")
    @classmethod
    def _image_is_pinned(cls, value: str) -> str:
        return grammar.pinned_image(value)

    @field_validator("env")
    @classmethod
    def _variables_have_names_of_variables(cls, value: dict[str, str]) -> dict[str, str]:
        grammar.variables(value)
        return value

    @field_validator("cpu")
    @classmethod
    def _cpu_is_more_than_nothing(cls, value: str) -> str:
        if not millicores(value):
            raise ValueError("allowed: more than 0, e.g. 2, 1.5 or 500m")
        return value

    @field_validator("callers")
    @classmethod
    def _callers_are_namespaces(cls, value: list[str]) -> list[str]:
        grammar.namespaces(value, "callers")
        return value

    @model_validator(mode="after")
    def _shared_memory_is_part_of_memory(self) -> "Inference":
        if mebibytes(self.shared_memory) >= mebibytes(self.memory):
            raise ValueError(
                f"sharedMemory is {self.shared_memory}; allowed: less than memory ({self.memory}), which it counts as"
            )
        return self

    @model_validator(mode="after")
    def _replicas_lie_within_limits(self) -> "Inference":
        if self.min_replicas > self.max_replicas:
            raise ValueError(f"minReplicas is {self.min_replicas}; allowed: up to maxReplicas ({self.max_replicas})")
        return self


def mebibytes(quantity: str) -> int:
    """A memory quantity of a spec, `512Mi` or `8Gi`, in MiB."""
    return int(quantity[:-2]) * (1024 if quantity.endswith("Gi") else 1)


def millicores(quantity: str) -> int:
    """A CPU quantity of a spec, `2`, `1.5` or `500m`, in thousandths of a core."""
    return int(float(quantity[:-1])) if quantity.endswith("m") else int(float(quantity) * 1000)


def selector(name: str) -> dict[str, str]:
    """Labels that find the service's pods; they can never change."""
    return {"app.kubernetes.io/name": name}


def labels(name: str) -> dict[str, str]:
    """Labels of everything that belongs to the service."""
    return {**selector(name), "app.kubernetes.io/component": "inference", "app.kubernetes.io/part-of": "mlplatform"}


def deployment_spec(name: str, wanted: Inference) -> dict[str, Any]:
    """The Deployment's spec. It names no number of replicas: that is the autoscaler's."""
    return {
        "selector": {"match_labels": selector(name)},
        "strategy": {
            "type": "RollingUpdate",
            "rolling_update": {
                "max_surge": wanted.spare_pods,
                "max_unavailable": 0 if wanted.spare_pods else 1,
            },
        },
        # Loading a model is no failure: the rollout waits as long as the start may take, and a little more.
        "progress_deadline_seconds": wanted.startup_minutes * 60 + SLACK_MINUTES * 60,
        "template": {"metadata": {"labels": labels(name)}, "spec": pod_spec(name, wanted)},
    }


def rollout_timeouts(wanted: Inference) -> pulumi.CustomTimeouts:
    """How long Pulumi waits for a rollout, which it gives up after 10 minutes by itself.

    An update may start the pods one after the other.
    """
    one = wanted.startup_minutes + 2 * SLACK_MINUTES
    return pulumi.CustomTimeouts(create=f"{one}m", update=f"{one * wanted.max_replicas}m")


def pod_spec(name: str, wanted: Inference) -> dict[str, Any]:
    """A pod with GPUs that holds to the restricted pod security standard."""
    return {
        "service_account_name": name,
        "automount_service_account_token": False,
        "enable_service_links": False,
        "termination_grace_period_seconds": DRAIN_SECONDS + 45,
        "node_selector": {POOL_LABEL: wanted.pool},
        "tolerations": [{"key": GPU_TAINT, "operator": "Exists", "effect": "NoSchedule"}],
        "topology_spread_constraints": [
            {
                "max_skew": 1,
                "topology_key": "topology.kubernetes.io/zone",
                "when_unsatisfiable": "ScheduleAnyway",
                "label_selector": {"match_labels": selector(name)},
            }
        ],
        "security_context": {
            "run_as_non_root": True,
            "run_as_user": wanted.run_as_user,
            "fs_group": wanted.run_as_user,
            "seccomp_profile": {"type": "RuntimeDefault"},
        },
        "containers": [container(wanted)],
        "volumes": [
            {"name": "scratch", "empty_dir": {}},
            {"name": "shared-memory", "empty_dir": {"medium": "Memory", "size_limit": wanted.shared_memory}},
        ],
    }


def container(wanted: Inference) -> dict[str, Any]:
    """The container that serves the model."""
    http_get = {"path": wanted.health_path, "port": "http"}
    return {
        "name": "model",
        "image": wanted.image,
        "args": wanted.command_args,
        "env": [{"name": key, "value": value} for key, value in sorted({**WRITABLE, **wanted.env}.items())],
        "ports": [{"name": "http", "container_port": wanted.port}],
        "resources": {
            "requests": {"cpu": wanted.cpu, "memory": wanted.memory, GPU_RESOURCE: str(wanted.gpus)},
            "limits": {"memory": wanted.memory, GPU_RESOURCE: str(wanted.gpus)},
        },
        "startup_probe": {
            "http_get": http_get,
            "period_seconds": PROBE_SECONDS,
            "failure_threshold": wanted.startup_minutes * 60 // PROBE_SECONDS,
        },
        "readiness_probe": {"http_get": http_get, "period_seconds": PROBE_SECONDS, "failure_threshold": 3},
        "lifecycle": {"pre_stop": {"sleep": {"seconds": DRAIN_SECONDS}}},
        "security_context": {
            "allow_privilege_escalation": False,
            "read_only_root_filesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volume_mounts": [
            {"name": "scratch", "mount_path": "/tmp"},
            {"name": "shared-memory", "mount_path": "/dev/shm"},
        ],
    }


def autoscaler_spec(name: str, wanted: Inference) -> dict[str, Any]:
    """The HorizontalPodAutoscaler's spec: quick to add pods, slow to take them away."""
    return {
        "scale_target_ref": {"api_version": "apps/v1", "kind": "Deployment", "name": name},
        "min_replicas": wanted.min_replicas,
        "max_replicas": wanted.max_replicas,
        "metrics": [
            {
                "type": "Resource",
                "resource": {
                    "name": "cpu",
                    "target": {"type": "Utilization", "average_utilization": wanted.target_cpu_percent},
                },
            }
        ],
        # A GPU pod that is taken away too early costs a model's start to get back.
        "behavior": {"scale_down": {"stabilization_window_seconds": 600}},
    }


def network_policy(name: str, wanted: Inference) -> dict[str, Any]:
    """Who may call the service, and what it may call: DNS, HTTPS for its model, and the agent that has its role."""
    callers: list[dict[str, Any]] = [{"pod_selector": {}}] + [
        {"namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": namespace}}}
        for namespace in wanted.callers
    ]
    return {
        "pod_selector": {"match_labels": selector(name)},
        "policy_types": ["Ingress", "Egress"],
        "ingress": [{"from_": callers, "ports": [{"port": "http", "protocol": "TCP"}]}],
        "egress": [
            {
                "to": [{"namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": "kube-system"}}}],
                "ports": [{"port": 53, "protocol": protocol} for protocol in ("UDP", "TCP")],
            },
            {
                "to": [{"ip_block": {"cidr": "0.0.0.0/0", "except_": [METADATA_SERVICE]}}],
                "ports": [{"port": 443, "protocol": "TCP"}],
            },
            {"to": [{"ip_block": {"cidr": POD_IDENTITY_AGENT}}], "ports": [{"port": 80, "protocol": "TCP"}]},
        ],
    }

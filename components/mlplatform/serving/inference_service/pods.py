"""The Kubernetes objects of an inference service, as plain data."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi

from awsfacts.instances import GPU_RESOURCE
from mlplatform import egress
from mlplatform.compute.gpu_node_pool.spec import GPU_TAINT, POOL_LABEL
from mlplatform.serving.inference_service import volumes as shared
from mlplatform.serving.inference_service.spec import InferenceServiceSpec, ModelSource, SecretRef
from mlplatform.serving.inference_service.variables import REGION, WEIGHTS, ordered

PROBE_SECONDS: Final = 10
"""Seconds between two probes of a model."""

SLACK_MINUTES: Final = 2
"""Additional minutes for scheduling a pod and for noticing the result of a rollout."""

WRITABLE: Final = {
    "HOME": "/tmp",
    "TORCHINDUCTOR_CACHE_DIR": "/tmp/torchinductor",
    "TRITON_CACHE_DIR": "/tmp/triton",
    "USER": "model",
    "XDG_CACHE_HOME": "/tmp/cache",
}
"""Writable directories for model servers: the root file system is read-only, and the image has no passwd entry for the
user. Without them, servers fail: https://github.com/vllm-project/vllm/issues/10185"""

QUIET: Final = {"DO_NOT_TRACK": "1", "VLLM_NO_USAGE_STATS": "1"}
"""Model servers send no usage statistics: https://docs.vllm.ai/en/latest/usage/usage_stats/"""

OFFLINE: Final = {"HF_HUB_OFFLINE": "1"}
"""A server with weights from a bucket does not call Hugging Face:
https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables#hfhuboffline"""

MODEL_VARIABLES: Final = (*OFFLINE, *REGION, WEIGHTS)
"""Names of the variables of a server with weights from a bucket."""

SECRETS_DRIVER: Final = "secrets-store.csi.k8s.io"
SECRETS_PATH: Final = "/mnt/secrets"
SECRETS_HASH: Final = "mlplatform.io/secrets"
"""Annotation of pods with a hash of their secret references. A change of the class alone would not restart pods."""

Env = Mapping[str, pulumi.Input[str]]


def selector(name: str) -> dict[str, str]:
    """Labels that select the service's pods. They are immutable."""
    return {"app.kubernetes.io/name": name}


def labels(name: str) -> dict[str, str]:
    """Labels of everything that belongs to the service."""
    return {**selector(name), "app.kubernetes.io/component": "inference", "app.kubernetes.io/part-of": "mlplatform"}


def model_env(model: ModelSource, bucket: pulumi.Input[str], region: pulumi.Input[str]) -> dict[str, pulumi.Input[str]]:
    """The variables by which a server finds its weights.

    vLLM's images stream them from S3: https://docs.vllm.ai/en/stable/models/extensions/runai_model_streamer/
    """
    return {
        **OFFLINE,
        **dict.fromkeys(REGION, region),
        WEIGHTS: pulumi.Output.concat("s3://", bucket, "/", model.key),
    }


def deployment_spec(
    name: str,
    wanted: InferenceServiceSpec,
    image: pulumi.Input[str],
    env: Env,
    claimed: shared.Claims = shared.NO_CLAIMS,
) -> dict[str, Any]:
    """The Deployment's spec, without `replicas` if an autoscaler sets the number of pods."""
    template: dict[str, Any] = {"labels": labels(name)}
    if wanted.secrets:
        template["annotations"] = {SECRETS_HASH: _digest(secret_class_spec(name, wanted, ""))}
    return {
        **({} if wanted.autoscaled else {"replicas": wanted.min_replicas}),
        "selector": {"match_labels": selector(name)},
        "strategy": {
            "type": "RollingUpdate",
            "rolling_update": {
                "max_surge": wanted.spare_pods,
                "max_unavailable": 0 if wanted.spare_pods else 1,
            },
        },
        # The rollout must not fail while a model loads, or while a new pod waits for the GPU of an old pod that drains.
        # The deadline is the sum of both, with some slack.
        "progress_deadline_seconds": wanted.startup_minutes * 60 + wanted.grace_seconds + SLACK_MINUTES * 60,
        "template": {"metadata": template, "spec": pod_spec(name, wanted, image, env, claimed)},
    }


def rollout_timeouts(wanted: InferenceServiceSpec) -> pulumi.CustomTimeouts:
    """How long Pulumi waits for a rollout. Its default is 10 minutes.

    An update may replace the pods one after the other, each after the old pod has drained.
    """
    start, end = wanted.startup_minutes + 2 * SLACK_MINUTES, math.ceil(wanted.grace_seconds / 60)
    return pulumi.CustomTimeouts(
        create=f"{start}m", update=f"{(start + end) * wanted.max_replicas}m", delete=f"{end + 2 * SLACK_MINUTES}m"
    )


def pod_spec(
    name: str,
    wanted: InferenceServiceSpec,
    image: pulumi.Input[str],
    env: Env,
    claimed: shared.Claims = shared.NO_CLAIMS,
) -> dict[str, Any]:
    """A pod with GPUs that complies with the restricted pod security standard."""
    volumes: list[dict[str, Any]] = [
        {"name": "scratch", "empty_dir": {}},
        {"name": "shared-memory", "empty_dir": {"medium": "Memory", "size_limit": wanted.shared_memory}},
    ]
    if wanted.secrets:
        attributes = {"secretProviderClass": name}
        volumes.append(
            {"name": "secrets", "csi": {"driver": SECRETS_DRIVER, "read_only": True, "volume_attributes": attributes}}
        )
    volumes += shared.of_pod(wanted.volumes, claimed)
    return {
        "service_account_name": name,
        "automount_service_account_token": False,
        "enable_service_links": False,
        "termination_grace_period_seconds": wanted.grace_seconds,
        **({"image_pull_secrets": [{"name": each} for each in wanted.pull_secrets]} if wanted.pull_secrets else {}),
        "node_selector": {POOL_LABEL: wanted.pool},
        "tolerations": [{"key": GPU_TAINT, "operator": "Exists", "effect": "NoSchedule"}],
        "topology_spread_constraints": [
            {
                "max_skew": 1,
                "topology_key": key,
                "when_unsatisfiable": "ScheduleAnyway",
                "label_selector": {"match_labels": selector(name)},
                # During an update, count only the new pods, because the old ones will be deleted.
                "match_label_keys": ["pod-template-hash"],
            }
            for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
        ],
        "security_context": {
            "run_as_non_root": True,
            "run_as_user": wanted.run_as_user,
            "run_as_group": wanted.run_as_user,
            "fs_group": wanted.run_as_user,
            "seccomp_profile": {"type": "RuntimeDefault"},
        },
        "containers": [container(name, wanted, image, env)],
        "volumes": volumes,
    }


def plain_variables(wanted: InferenceServiceSpec, env: Env) -> dict[str, pulumi.Input[str]]:
    """The variables of a model server that are not secrets: `env`, and the defaults of every server."""
    return {key: value for key, value in {**WRITABLE, **QUIET, **env}.items() if key not in wanted.secret_env}


def variables_of(wanted: InferenceServiceSpec) -> set[str]:
    """Names of all variables of a server that follow from its spec alone."""
    return {*plain_variables(wanted, wanted.env), *wanted.secret_env, *(MODEL_VARIABLES if wanted.model else ())}


def container(name: str, wanted: InferenceServiceSpec, image: pulumi.Input[str], env: Env) -> dict[str, Any]:
    """The container that serves the model."""
    answers = {
        "http_get": {"path": wanted.health_path, "port": "http"},
        "period_seconds": PROBE_SECONDS,
        "timeout_seconds": wanted.probe_timeout_seconds,
    }
    plain = plain_variables(wanted, env)
    variables = [
        {"name": key, "value": plain[key]} if key in plain else _secret_variable(name, key, wanted.secret_env[key])
        for key in ordered(plain, wanted.secret_env)
    ]
    mounts: list[dict[str, Any]] = [
        {"name": "scratch", "mount_path": "/tmp"},
        {"name": "shared-memory", "mount_path": "/dev/shm"},
    ]
    if wanted.secrets:
        mounts.append({"name": "secrets", "mount_path": SECRETS_PATH, "read_only": True})
    mounts += shared.of_container(wanted.volumes)
    made: dict[str, Any] = {
        "name": "model",
        "image": image,
        "args": wanted.command_args,
        "env": variables,
        "ports": [{"name": "http", "container_port": wanted.port}],
        "resources": {
            "requests": {"cpu": wanted.cpu, "memory": wanted.memory, GPU_RESOURCE: str(wanted.gpus)},
            "limits": {"memory": wanted.memory, GPU_RESOURCE: str(wanted.gpus)},
        },
        "startup_probe": {**answers, "failure_threshold": wanted.startup_minutes * 60 // PROBE_SECONDS},
        "readiness_probe": {**answers, "failure_threshold": 3},
        "lifecycle": {"pre_stop": {"sleep": {"seconds": wanted.drain_seconds}}},
        "security_context": {
            "allow_privilege_escalation": False,
            "read_only_root_filesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volume_mounts": mounts,
    }
    if wanted.restart_after_minutes:
        # Liveness probes begin after the startup probe succeeds, so a slow start does not cause a restart.
        made["liveness_probe"] = {**answers, "failure_threshold": wanted.restart_after_minutes * 60 // PROBE_SECONDS}
    return made


def secret_class_spec(name: str, wanted: InferenceServiceSpec, region: pulumi.Input[str]) -> dict[str, Any]:
    """The SecretProviderClass: what the driver fetches with the pod's role and syncs to a Kubernetes secret.

    Field names are in camelCase, because Pulumi does not convert those of custom resources.
    Source: https://docs.aws.amazon.com/secretsmanager/latest/userguide/ascp-pod-identity-integration.html
    """
    objects: list[dict[str, Any]] = []
    data: list[dict[str, str]] = []
    for number, secret in enumerate(wanted.secrets):
        variables = {key: ref for key, ref in sorted(wanted.secret_env.items()) if ref.secret == secret}
        whole = f"secret_{number}"
        parts = [{"path": json.dumps(ref.key), "objectAlias": key} for key, ref in variables.items() if ref.key]
        objects.append(
            {"objectName": secret, "objectType": "secretsmanager", "objectAlias": whole}
            | ({"jmesPath": parts} if parts else {})
        )
        data += [{"objectName": key if ref.key else whole, "key": key} for key, ref in variables.items()]
    return {
        "provider": "aws",
        # The provider reads YAML, and JSON is valid YAML.
        "parameters": {"region": region, "usePodIdentity": "true", "objects": json.dumps(objects)},
        "secretObjects": [{"secretName": synced_secret(name), "type": "Opaque", "data": data}],
    }


def synced_secret(name: str) -> str:
    """Name of the Kubernetes secret, which the driver keeps while a pod of the model runs."""
    return f"{name}-secrets"


def _secret_variable(name: str, variable: str, ref: SecretRef) -> dict[str, Any]:
    source = {"name": ref.kubernetes_secret, "key": ref.key} if ref.kubernetes_secret else None
    return {
        "name": variable,
        "value_from": {"secret_key_ref": source or {"name": synced_secret(name), "key": variable}},
    }


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def autoscaler_spec(name: str, wanted: InferenceServiceSpec) -> dict[str, Any]:
    """The HorizontalPodAutoscaler's spec: it adds pods quickly and removes them slowly."""
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
        # A GPU pod that is removed too early has to load the model again.
        "behavior": {"scale_down": {"stabilization_window_seconds": 600}},
    }


def network_policy(
    name: str, wanted: InferenceServiceSpec, s3_cidrs: Sequence[str] = (), own_networks: Sequence[str] = ()
) -> dict[str, Any]:
    """Callers of the service, and what it may call: DNS, the EKS Pod Identity Agent, and the networks in the spec.

    A policy can allow S3 only by its addresses: `s3_cidrs`, for a model that uses S3. Nodes pull images and fetch
    secrets, so a pod needs no rules for these.

    Raises:
        ValueError: a line for each network with more ports than the VPC CNI enforces.
    """
    callers: list[dict[str, Any]] = [{"pod_selector": {}}] + [
        {"namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": namespace}}}
        for namespace in wanted.callers
    ]
    ports = egress.by_network((*s3_cidrs, *wanted.egress), wanted.egress_rules)
    egress.check_ports(ports, own_networks)
    return {
        "pod_selector": {"match_labels": selector(name)},
        "policy_types": ["Ingress", "Egress"],
        "ingress": [{"from_": callers, "ports": [{"port": "http", "protocol": "TCP"}]}],
        "egress": [
            egress.DNS,
            *egress.rules(ports, own_networks),
            egress.TO_IDENTITY_AGENT,
        ],
    }

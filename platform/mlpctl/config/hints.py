"""What a stack file says in other words than Kubernetes and other tools, or not at all: hints for messages.

A hint is told where the schema alone would only list what is allowed.
"""

from collections.abc import Mapping
from typing import Final

from mlpctl.config.problems import Keys

_PROBES: Final = "healthPath, probeTimeoutSeconds, startupMinutes and restartAfterMinutes, of which the probes are made"

_NO_SHARING: Final = "a GPU is not shared: time slicing, MIG and parts of a GPU are not supported yet"

UNKNOWN: Final[Mapping[str, str]] = {
    "gpuPools.*.desiredSize": "nodes",
    "gpuPools.*.instanceType": "instanceTypes, a list",
    "gpuPools.*.maxSize": "maxNodes",
    "gpuPools.*.mig": f"nothing; {_NO_SHARING}",
    "gpuPools.*.minSize": "minNodes",
    "gpuPools.*.taints": "nothing; every pool has the taint nvidia.com/gpu, which pods that ask for GPUs tolerate",
    "gpuPools.*.timeSlicing": f"nothing; {_NO_SHARING}",
    "inference.*.affinity": "pool; pods are spread over its zones and nodes",
    "inference.*.args": "commandArgs",
    "inference.*.autoscaling": "minReplicas, maxReplicas and targetCpuPercent",
    "inference.*.command": "commandArgs, for the entry point of the image",
    "inference.*.envFrom": "env, and secretEnv for secrets by reference",
    "inference.*.imagePullSecrets": "pullSecrets, names of Kubernetes secrets",
    "inference.*.livenessProbe": _PROBES,
    "inference.*.metrics": "targetCpuPercent; scaling on a server's own metrics, e.g. its queue, is not supported yet",
    "inference.*.namespace": "nothing; a model has a namespace of its own name",
    "inference.*.nodeSelector": "pool",
    "inference.*.readinessProbe": _PROBES,
    "inference.*.replicas": "minReplicas and maxReplicas, equal for a fixed number of pods",
    "inference.*.resources": "gpus, cpu, memory and sharedMemory",
    "inference.*.secrets": "secretEnv, for environment variables whose values are secrets by reference",
    "inference.*.securityContext": "runAsUser; the rest is the restricted pod security standard",
    "inference.*.startupProbe": _PROBES,
    "inference.*.terminationGracePeriodSeconds": "drainSeconds, after which a server has 45 seconds to end",
    "inference.*.tolerations": "pool",
    "inference.*.volumeMounts": "volumes, directories of sharedFilesystems with a path each",
    "network.ipv6": "cidr; IPv6 is not supported yet",
}
"""What there is instead of a key that a stack file does not know, by its path; `*` stands for every name."""

SINCE: Final[Mapping[str, str]] = {
    "inference.*.gpus": _NO_SHARING,
    "inference.*.minReplicas": "scaling to zero is not supported yet; a pool without nodes costs nothing",
}
"""Why a value is not allowed where its type or its limits do not tell, by its path."""

MAPPINGS: Final[Mapping[str, str]] = {
    "inference.*.env.*": "a secret is named in secretEnv: `HF_TOKEN: {secret: NAME}` for one of AWS Secrets Manager",
}
"""Why a mapping is not allowed where it may be meant for something else, by its path."""


def find(hints: Mapping[str, str], path: Keys) -> str | None:
    """The hint for a path, if there is one."""
    for pattern, hint in hints.items():
        parts = pattern.split(".")
        if len(parts) == len(path) and all(part in ("*", key) for part, key in zip(parts, path, strict=True)):
            return hint
    return None

"""Hints for users of Kubernetes and other tools, where a stack file has another name for a setting or lacks it.

A message contains a hint where the schema alone could only list what is allowed.
"""

from collections.abc import Mapping
from typing import Final

from mlpctl.config.problems import Keys

_PROBES: Final = "healthPath, probeTimeoutSeconds, startupMinutes and restartAfterMinutes, which define the probes"

_NO_SHARING: Final = "GPUs cannot be shared: time slicing, MIG and fractional GPUs are not supported yet"

UNKNOWN: Final[Mapping[str, str]] = {
    "gpuPools.*.desiredSize": "nodes",
    "gpuPools.*.instanceType": "instanceTypes, a list",
    "gpuPools.*.maxSize": "maxNodes",
    "gpuPools.*.mig": f"nothing; {_NO_SHARING}",
    "gpuPools.*.minSize": "minNodes",
    "gpuPools.*.taints": "nothing; every pool has the taint nvidia.com/gpu, which pods with GPUs tolerate",
    "gpuPools.*.timeSlicing": f"nothing; {_NO_SHARING}",
    "inference.*.affinity": "pool; pods are spread across its zones and nodes",
    "inference.*.args": "commandArgs",
    "inference.*.autoscaling": "minReplicas, maxReplicas and targetCpuPercent",
    "inference.*.command": "commandArgs, the arguments of the image's entry point",
    "inference.*.envFrom": "env, and secretEnv for references to secrets",
    "inference.*.imagePullSecrets": "pullSecrets, the names of Kubernetes Secrets",
    "inference.*.livenessProbe": _PROBES,
    "inference.*.metrics": "targetCpuPercent; scaling on server metrics, e.g. queue length, is not supported yet",
    "inference.*.namespace": "nothing; each model has its own namespace, named after the model",
    "inference.*.nodeSelector": "pool",
    "inference.*.readinessProbe": _PROBES,
    "inference.*.replicas": "minReplicas and maxReplicas, equal for a fixed number of pods",
    "inference.*.resources": "gpus, cpu, memory and sharedMemory",
    "inference.*.secrets": "secretEnv, for environment variables with references to secrets",
    "inference.*.securityContext": "runAsUser; the rest follows the restricted Pod Security Standard",
    "inference.*.startupProbe": _PROBES,
    "inference.*.terminationGracePeriodSeconds": "drainSeconds, after which a server has 45 seconds to stop",
    "inference.*.tolerations": "pool",
    "inference.*.volumeMounts": "volumes, directories of sharedFilesystems with a path each",
    "network.ipv6": "cidr; IPv6 is not supported yet",
}
"""What to use instead of an unknown key, by its path; `*` stands for every name."""

SINCE: Final[Mapping[str, str]] = {
    "inference.*.gpus": _NO_SHARING,
    "inference.*.minReplicas": "scaling to zero is not supported yet; a pool without nodes costs nothing",
}
"""Why a value is not allowed, if its type and limits do not explain it, by path."""

MAPPINGS: Final[Mapping[str, str]] = {
    "inference.*.env.*": "secrets belong in secretEnv, e.g. `HF_TOKEN: {secret: NAME}` for one in AWS Secrets Manager",
}
"""Why a mapping is not allowed, if it was probably meant as something else, by path."""


def find(hints: Mapping[str, str], path: Keys) -> str | None:
    """The hint for a path; None if there is none."""
    for pattern, hint in hints.items():
        parts = pattern.split(".")
        if len(parts) == len(path) and all(part in ("*", key) for part, key in zip(parts, path, strict=True)):
            return hint
    return None

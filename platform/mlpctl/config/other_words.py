"""Fields that people look for by the words of Kubernetes or of other tools, and what there is instead."""

from typing import Final

from mlpctl.config.problems import Keys

INSTEAD: Final = {
    "inference.args": "`commandArgs`",
    "inference.command": "`commandArgs`, for the image's own entry point",
    "inference.metrics": "`targetCpuPercent`; pods are added by processor use alone",
    "inference.namespace": "no other namespace; a model has one of its own, named like it",
    "inference.replicas": "`minReplicas` and `maxReplicas`",
    "inference.resources": "`cpu`, `memory` and `gpus`",
    "inference.volumes": "no volumes; a model may write to /tmp",
    "gpuPools.desiredSize": "`nodes`",
    "gpuPools.instanceType": "`instanceTypes`, a list",
    "gpuPools.maxSize": "`maxNodes`",
    "gpuPools.mig": "whole GPUs for each pod, by `inference.*.gpus`",
    "gpuPools.minSize": "`minNodes`",
    "gpuPools.taints": "no other taint than nvidia.com/gpu, which every pool has",
    "gpuPools.timeSlicing": "whole GPUs for each pod, by `inference.*.gpus`",
    "network.ipv6": "IPv4 networks, by `cidr`",
}
"""By the section and the word: what is allowed."""


def instead_of(path: Keys) -> str | None:
    """Say what there is instead of an unknown field of a section's entry, or of a section."""
    return INSTEAD.get(f"{path[0]}.{path[-1]}") if len(path) in (2, 3) else None

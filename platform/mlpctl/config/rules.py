"""What the parts of a platform ask of each other: rules as pure functions, each yielding its problems.

A problem begins with the path of the field that it is about.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from mlplatform import node_images
from mlplatform.clusters import SYSTEM_POOL, AccessLevel, ControlPlaneLog
from mlplatform.images import Scanning
from mlplatform.inference import Inference, mebibytes, millicores
from mlplatform.instances import InstanceType
from mlplatform.pools import POOL_LABEL
from mlplatform.workloads import service_account_of

if TYPE_CHECKING:
    from mlpctl.config.platform import Platform

YEAR_DAYS: Final = 365

OWN_IMAGE: Final = re.compile(r"[0-9]{12}\.dkr\.ecr\.[\w.-]+/(.+/)?(?P<repository>[^/:@]+)(:(?P<tag>[^@]+))?(@.+)?")
"""An image in a repository of ECR, whose name's last part is the one in `images.repositories`."""

REGISTRY: Final = re.compile(r"\d{12}\.dkr[.-]ecr\.")
"""The beginning of an image in ECR."""

HUB_MODEL: Final = re.compile(r"[\w.-]+/[\w.-]+")
"""A model of Hugging Face's hub, e.g. `Qwen/Qwen3-8B`."""

KUBERNETES_NAMESPACES: Final = "default and kube-…, which are namespaces of Kubernetes"


def models_have_namespaces_of_their_own(platform: Platform) -> Iterator[str]:
    """A model's namespace is named like the model."""
    for name in platform.inference:
        if name == "default" or name.startswith("kube-"):
            yield f"inference has {name}; allowed: names other than {KUBERNETES_NAMESPACES}"


def pools_are_told_from_the_system_nodes(platform: Platform) -> Iterator[str]:
    """A model finds its pool's nodes by a label with the pool's name, which the cluster's own nodes have as well."""
    if SYSTEM_POOL in platform.gpu_pools:
        yield (
            f"gpuPools has {SYSTEM_POOL}; allowed: another name, since the nodes of cluster.system have the label "
            f"{POOL_LABEL}: {SYSTEM_POOL}"
        )


def usage_is_of_what_is_there(platform: Platform) -> Iterator[str]:
    """The use that costs are estimated with is that of a component of the stack, or of a resource of one."""
    parts = (platform.buckets, platform.gpu_pools, platform.inference, platform.workloads)
    components = dict.fromkeys(("keys", "network", "images", "cluster", *(name for part in parts for name in part)))
    for name in platform.cost.usage:
        if name != "default" and not any(name == each or name.startswith(f"{each}-") for each in components):
            yield (
                f"cost.usage has {json.dumps(name)}; allowed: default, a component ({', '.join(components)}) or a "
                "resource of one, e.g. network-nat-us-east-1a"
            )


def pools_lie_in_the_network(platform: Platform) -> Iterator[str]:
    """A pool's zones are zones of the network."""
    zones = platform.network.zone_names
    for name, pool in platform.gpu_pools.items():
        if elsewhere := [zone for zone in pool.zones if zone not in zones]:
            yield (
                f"gpuPools.{name}.zones has {', '.join(elsewhere)}; allowed: zones of the network ({', '.join(zones)})"
            )


def images_of_nodes_fit_the_cluster(platform: Platform) -> Iterator[str]:
    """A pinned image has a variant for the cluster's Kubernetes version."""
    version = platform.cluster.version
    fitting = node_images.releases(version)
    pools = {"cluster.system": platform.cluster.system.ami_release}
    pools |= {f"gpuPools.{name}": pool.ami_release for name, pool in platform.gpu_pools.items()}
    for place, release in pools.items():
        if release is not None and release not in fitting:
            yield (
                f"{place}.amiRelease is {release}; allowed: {', '.join(fitting) or 'none'} (releases of "
                f"{node_images.date()}; `mlpctl images refresh` brings newer ones), since cluster.version is {version}"
            )


def models_run_on_pools_that_exist(platform: Platform) -> Iterator[str]:
    """A model names a pool of the stack."""
    pools = ", ".join(platform.gpu_pools) or "none is defined"
    for name, model in platform.inference.items():
        if model.pool not in platform.gpu_pools:
            yield f"inference.{name}.pool is {model.pool}; allowed: a pool of gpuPools ({pools})"


def models_fit_on_a_node(platform: Platform) -> Iterator[str]:
    """Each node that a pod may be put on has what the pod asks for; a little of it the node keeps for itself."""
    for name, model in platform.inference.items():
        for facts in platform.gpu_pools[model.pool].types if model.pool in platform.gpu_pools else ():
            yield from _too_much(f"inference.{name}", model, facts)


def pools_are_large_enough(platform: Platform) -> Iterator[str]:
    """A pool at its largest holds all pods of its models, with those that an update starts beside the old ones."""
    for pool_name, pool in platform.gpu_pools.items():
        gpus = min(facts.gpus for facts in pool.types)
        models = {
            name: model for name, model in platform.inference.items() if model.pool == pool_name and model.gpus <= gpus
        }
        nodes = math.ceil(
            sum((model.max_replicas + model.spare_pods) / (gpus // model.gpus) for model in models.values())
        )
        if nodes > pool.max_nodes:
            yield (
                f"gpuPools.{pool_name}.maxNodes is {pool.max_nodes}; allowed: {nodes} or more, for maxReplicas and "
                f"sparePods of {', '.join(models)} at {gpus} GPU{'s' * (gpus > 1)} a node"
            )


def the_api_can_be_reached(platform: Platform) -> Iterator[str]:
    """Somebody beside the cluster's own nodes reaches the API server, through which its objects are created."""
    cluster = platform.cluster
    if not (cluster.public_access_cidrs or cluster.private_access_cidrs or cluster.private_access_security_groups):
        yield (
            "cluster.privateAccessCidrs is empty; allowed: networks with a route into the VPC (VPN, peering, runners), "
            "unless privateAccessSecurityGroups or publicAccessCidrs are set: EKS admits only the cluster's own nodes "
            "to a private endpoint"
        )


def caches_reach_what_they_cache(platform: Platform) -> Iterator[str]:
    """The first pull through a cache leaves the network.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html#ecr-vpc-endpoint-considerations
    """
    if platform.images.pull_through and platform.network.closed:
        yield (
            "network.nat is none; allowed: single or perZone, since the first pull through a cache of "
            "images.pullThrough leaves the network"
        )


def pods_reach_what_they_use(platform: Platform) -> Iterator[str]:
    """Without a way out of the network, each AWS service that pods use has an endpoint."""
    there = platform.network.services([*platform.services])
    for service, purpose in platform.services.items():
        if platform.network.closed and service not in there:
            yield (
                f"network.interfaceEndpoints has no {service}; allowed: with {service}, or endpointPreset: private, "
                f"since nat is none and {purpose} need it"
            )


def models_come_from_inside(platform: Platform) -> Iterator[str]:
    """Without a way out of the network, images come from ECR, and models from S3 or from the image."""
    for name, model in platform.inference.items() if platform.network.closed else ():
        if not REGISTRY.match(model.image):
            yield (
                f"inference.{name}.image is {model.image}; allowed: an image in ECR, e.g. of images.repositories, "
                "since network.nat is none and no other registry can be reached"
            )
        if hub := _model_of_the_hub(model.command_args):
            yield (
                f"inference.{name}.commandArgs has --model {hub}; allowed: a folder of the image or an s3:// address, "
                "since network.nat is none and Hugging Face can't be reached"
            )


def models_run_images_that_stay(platform: Platform) -> Iterator[str]:
    """An image of the stack's own repositories that a model runs is one that never expires."""
    repositories = platform.images.repositories
    for name, model in platform.inference.items():
        found = OWN_IMAGE.fullmatch(model.image)
        repository = repositories.get(found["repository"]) if found else None
        if found and repository and not repository.releases(found["tag"] or ""):
            yield (
                f"inference.{name}.image is {model.image}; allowed: a tag of "
                f"images.repositories.{found['repository']}.releaseTags ({', '.join(repository.release_tags)}), since "
                "others are deleted in time"
            )


def workloads_use_what_exists(platform: Platform) -> Iterator[str]:
    """A workload names buckets and repositories of the stack."""
    there = {"buckets": [*platform.buckets], "images": [*platform.images.repositories]}
    for name, workload in platform.workloads.items():
        for kind, section in (("buckets", "buckets"), ("images", "images.repositories")):
            for unknown in getattr(workload, kind):
                if unknown not in there[kind]:
                    yield (
                        f"workloads.{name}.{kind} has {unknown}; allowed: names of {section} "
                        f"({', '.join(there[kind]) or 'none'})"
                    )


def a_service_account_has_one_role(platform: Platform) -> Iterator[str]:
    """EKS gives a service account the role of one association."""
    first: dict[tuple[str, str], str] = {}
    for name, workload in platform.workloads.items():
        namespace, account = service_account_of(name, workload)
        if first.setdefault((namespace, account), name) != name:
            yield (
                f"workloads.{name} is for service account {account} in namespace {namespace}; allowed: another than "
                f"that of workloads.{first[namespace, account]}, since a service account has one role"
            )


def retained_data_keeps_its_key(platform: Platform) -> Iterator[str]:
    """Data that outlives its key is lost."""
    kept = {f"buckets.{name}": bucket.retain for name, bucket in platform.buckets.items()}
    kept |= {f"images.repositories.{name}": each.retain for name, each in platform.images.repositories.items()}
    for place, retain in kept.items():
        if retain and not platform.keys.retain:
            yield f"{place}.retain is true; allowed: false, since keys.retain is false: the data would outlive its key"


def prod_keeps_its_guards(platform: Platform) -> Iterator[str]:
    """A production stack does without none of its guards."""
    repositories = {f"images.repositories.{name}": each for name, each in platform.images.repositories.items()}
    scanned = platform.images.account is not None and platform.images.account.scanning is Scanning.ENHANCED
    guards = {
        "protect has to be true": platform.protect,
        "cluster.publicAccessCidrs has to be empty": not platform.cluster.public_access_cidrs,
        "cluster.deletionProtection has to be true": platform.cluster.deletion_protection,
        # Or only the identity that created the cluster, usually a pipeline, could use kubectl.
        "cluster.access has to have an entry with level clusterAdmin": any(
            access.level is AccessLevel.CLUSTER_ADMIN for access in platform.cluster.access.values()
        ),
        # Or credentials of another account would create production there.
        "allowedAccounts has to name the account": platform.allowed_accounts,
        "cluster.logTypes has to have audit and authenticator": {
            ControlPlaneLog.AUDIT,
            ControlPlaneLog.AUTHENTICATOR,
        }
        <= {*platform.cluster.log_types},
        f"cluster.logDays has to be {YEAR_DAYS} or more": platform.cluster.log_days >= YEAR_DAYS,
        f"network.flowLogDays has to be {YEAR_DAYS} or more": platform.network.flow_log_days >= YEAR_DAYS,
        "keys.perDomain has to be true": platform.keys.per_domain,
        "keys.retain has to be true": platform.keys.retain,
        **{f"buckets.{name}.retain has to be true": bucket.retain for name, bucket in platform.buckets.items()},
        # Or a new node group would start whatever image is the latest that day.
        "cluster.system.amiRelease has to be set": platform.cluster.system.ami_release,
        **{f"gpuPools.{name}.amiRelease has to be set": pool.ami_release for name, pool in platform.gpu_pools.items()},
        **{f"{place}.retain has to be true": each.retain for place, each in repositories.items()},
        **{f"{place}.scanOnPush has to be true": each.scan_on_push or scanned for place, each in repositories.items()},
    }
    if platform.profile.value == "prod":
        yield from (f"{guard} in profile prod" for guard, kept in guards.items() if not kept)


RULES: Final[tuple[Callable[[Platform], Iterator[str]], ...]] = (
    models_have_namespaces_of_their_own,
    pools_are_told_from_the_system_nodes,
    usage_is_of_what_is_there,
    pools_lie_in_the_network,
    images_of_nodes_fit_the_cluster,
    models_run_on_pools_that_exist,
    models_fit_on_a_node,
    pools_are_large_enough,
    the_api_can_be_reached,
    caches_reach_what_they_cache,
    pods_reach_what_they_use,
    models_come_from_inside,
    models_run_images_that_stay,
    workloads_use_what_exists,
    a_service_account_has_one_role,
    retained_data_keeps_its_key,
    prod_keeps_its_guards,
)


def _model_of_the_hub(args: Sequence[str]) -> str | None:
    """The model that a model server is to download, by the argument that vLLM, SGLang and others have for it."""
    for flag, value in itertools.pairwise([*args, ""]):
        given = value if flag in ("--model", "--model-path") else flag.partition("=")[2] if "=" in flag else ""
        if flag.partition("=")[0] in ("--model", "--model-path") and HUB_MODEL.fullmatch(given):
            return given
    return None


def _too_much(path: str, model: Inference, facts: InstanceType) -> Iterator[str]:
    sizes = (
        ("gpus", model.gpus, model.gpus, facts.gpus, f"{facts.gpus}"),
        ("cpu", model.cpu, millicores(model.cpu), facts.vcpus * 1000, f"{facts.vcpus}"),
        ("memory", model.memory, mebibytes(model.memory), facts.memory_mib, f"{facts.memory_mib}Mi"),
    )
    for field, given, asked, there, told in sizes:
        if asked > there:
            yield f"{path}.{field} is {given}; allowed: up to {told}, which a {facts.name} of its pool has"

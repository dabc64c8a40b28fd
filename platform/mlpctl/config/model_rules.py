"""Rules between models and the pools, images, buckets and secrets of their platform, as in `rules`."""

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from awsfacts.allocatable import Pods, Room, fit, nodes_needed, room_for_models
from awsfacts.instances import InstanceType
from awsfacts.partitions import partition_of
from mlpctl.config.sections import Sections
from mlpctl.text import plural
from mlplatform import GpuNodePoolSpec, namespaces
from mlplatform.compute.node_group.scaling import Capacity
from mlplatform.egress import HTTPS
from mlplatform.quantities import mebibytes, millicores
from mlplatform.registries.image_registry.spec import path_problem
from mlplatform.security.workload_identity.spec import READS, WorkloadIdentitySpec, service_account_of
from mlplatform.serving.inference_service import variables
from mlplatform.serving.inference_service.pods import variables_of
from mlplatform.serving.inference_service.spec import STOP_SECONDS, InferenceServiceSpec

OWN_IMAGE: Final = re.compile(r"[0-9]{12}\.dkr\.ecr\.[\w.-]+/(.+/)?(?P<repository>[^/:@]+)(:(?P<tag>[^@]+))?(@.+)?")
"""An image in an ECR repository; the last part of the repository's name is its name in `images.repositories`."""

REGISTRY: Final = re.compile(r"[0-9]{12}\.dkr\.ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.")
"""The start of an image in ECR. Hosts with `dkr-ecr` are excluded because they have no VPC endpoint:
https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-requests.html"""

HUB_MODEL: Final = re.compile(r"[\w.-]+/[\w.-]+")
"""A model on the Hugging Face Hub, e.g. `Qwen/Qwen3-8B`."""

SPOT_NOTICE_SECONDS: Final = 120
"""https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html"""


def models_have_namespaces_of_their_own(platform: Sections) -> Iterator[str]:
    """A model's namespace has the model's name."""
    for name in platform.inference:
        if allowed := namespaces.model_problem(name, own_namespace=True):
            yield f"inference has {name}; allowed: {allowed}"


def workloads_have_pods_of_their_own(platform: Sections) -> Iterator[str]:
    """By default, the namespace and the service account of a workload's pods have the workload's name."""
    for name, workload in platform.workloads.items():
        if allowed := namespaces.workload_problem(name, workload.namespace, workload.service_account):
            yield f"workloads has {name}; allowed: {allowed}"


def models_run_on_pools_that_exist(platform: Sections) -> Iterator[str]:
    """A model must refer to a pool of the stack."""
    pools = ", ".join(platform.gpu_pools) or "none is defined"
    for name, model in platform.inference.items():
        if model.pool not in platform.gpu_pools:
            yield f"inference.{name}.pool is {model.pool}; allowed: a pool of gpuPools ({pools})"


def models_fit_on_a_node(platform: Sections) -> Iterator[str]:
    """Each instance type that a pod can run on has the resources that the pod requests, after the node's own needs."""
    for name, model in platform.inference.items():
        for facts in platform.gpu_pools[model.pool].types if model.pool in platform.gpu_pools else ():
            yield from _too_much(f"inference.{name}", model, facts)


def updates_have_room(platform: Sections) -> Iterator[str]:
    """The nodes of a pool have capacity for all pods of their models, including those that an update adds.

    Only an autoscaled pool adds nodes. In other pools, an update without enough capacity waits until it fails.
    """
    for pool_name, pool in platform.gpu_pools.items():
        field, there = ("maxNodes", pool.max_nodes) if pool.autoscaled else ("nodes", pool.nodes)
        for facts in pool.types:
            models = {
                name: model
                for name, model in platform.inference.items()
                if model.pool == pool_name and fit(_pods(model), facts.gpus, _room(facts))
            }
            needed = _nodes_needed([_pods(model) for model in models.values()], facts)
            if needed > there:
                in_place = [Pods(model.max_replicas, model.gpus, _pods(model).room) for model in models.values()]
                spared = [name for name, model in models.items() if model.spare_pods]
                others = [
                    f"sparePods 0 of {', '.join(spared)}, which replaces pods in place"
                    if _nodes_needed(in_place, facts) <= there
                    else "",
                    "" if pool.autoscaled else "an autoscaled pool",
                    "a pool for each size of model" if len({model.gpus for model in models.values()}) > 1 else "",
                ]
                yield (
                    f"gpuPools.{pool_name}.{field} is {there}; allowed: {needed} or more of {facts.name}, since it "
                    f"must hold {', '.join(_load(name, model, facts) for name, model in models.items())} at once"
                    f"{''.join(f'; or {each}' for each in others if each)}"
                )
                break


def models_drain_before_their_node_ends(platform: Sections) -> Iterator[str]:
    """A Spot Instance terminates two minutes after its interruption notice."""
    most = SPOT_NOTICE_SECONDS - STOP_SECONDS
    for name, model in platform.inference.items():
        pool: GpuNodePoolSpec | None = platform.gpu_pools.get(model.pool)
        if pool is not None and pool.capacity is Capacity.SPOT and model.drain_seconds > most:
            yield (
                f"inference.{name}.drainSeconds is {model.drain_seconds}; allowed: up to {most}, since "
                f"gpuPools.{model.pool} has Spot Instances, which stop {SPOT_NOTICE_SECONDS} seconds after notice; or "
                "capacity onDemand"
            )


def models_have_an_image(platform: Sections) -> Iterator[str]:
    """A model has an image; if the image is in a repository of the stack, the repository exists."""
    there = {"repository": [*platform.images.repositories], "cache": [*platform.images.pull_through]}
    sections = {"repository": "images.repositories", "cache": "images.pullThrough"}
    for name, model in platform.inference.items():
        source = model.image_from
        if source is None and model.image is None:
            yield f"inference.{name}.image is missing; allowed: either image or imageFrom"
        for kind, names in there.items():
            wanted = getattr(source, kind, None)
            if wanted is not None and wanted not in names:
                yield (
                    f"inference.{name}.imageFrom.{kind} is {wanted}; allowed: a name of {sections[kind]} "
                    f"({', '.join(names) or 'none is defined'})"
                )
        cache = platform.images.pull_through.get(source.cache) if source and source.cache else None
        if cache and source and source.path and (allowed := path_problem(cache.upstream, source.path)):
            yield f"inference.{name}.imageFrom.path is {source.path}; allowed: {allowed}"


def models_run_images_that_stay(platform: Sections) -> Iterator[str]:
    """A model's image in a repository of the stack must not expire."""
    for name, model in platform.inference.items():
        place = f"inference.{name}.imageFrom.tag"
        repository, tag = (model.image_from.repository, model.image_from.tag) if model.image_from else (None, None)
        if model.image and (found := OWN_IMAGE.fullmatch(model.image)):
            place, repository, tag = f"inference.{name}.image", found["repository"], found["tag"]
        settings = platform.images.repositories.get(repository or "")
        if settings and not settings.releases(tag or ""):
            yield (
                f"{place} is {model.image or tag or 'missing'}; allowed: a tag in "
                f"images.repositories.{repository}.releaseTags ({', '.join(settings.release_tags)}), since "
                "images with other tags expire"
            )


def models_run_images_of_their_partition(platform: Sections) -> Iterator[str]:
    """Nodes can authenticate only to ECR in their own partition; other partitions do not know their identity.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
    """
    region = platform.region
    for name, model in platform.inference.items():
        found = REGISTRY.match(model.image or "")
        if found is None or region is None or model.pull_secrets:
            continue
        if (other := partition_of(found["region"])) != (own := partition_of(region)):
            yield (
                f"inference.{name}.image is {model.image}; allowed: an image that is not in ECR in partition "
                f"{other}, since nodes in {region} can authenticate only to ECR in {own}; or pullSecrets"
            )


def models_read_their_weights(platform: Sections) -> Iterator[str]:
    """The bucket with a model's weights must exist, and the model's workload must have read access."""
    for name, model in platform.inference.items():
        if model.model is None:
            continue
        bucket, key = model.model.bucket, model.model.key
        if bucket not in platform.buckets:
            yield (
                f"inference.{name}.model.bucket is {bucket}; allowed: a name of buckets "
                f"({', '.join(platform.buckets) or 'none is defined'})"
            )
            continue
        settings = platform.buckets[bucket]
        prefixes = settings.expire_prefixes or [""]
        if settings.expire_days is not None and any(key.startswith(prefix) for prefix in prefixes):
            yield (
                f"inference.{name}.model.bucket is {bucket}; allowed: a bucket in which {key} does not expire, since "
                f"objects there are deleted after {settings.expire_days} days"
            )
        where, workload = _workload_of(platform, name)
        access = workload.buckets.get(bucket) if workload else None
        if access is None or access.access not in READS or not key.startswith(access.prefix):
            prefix = f", prefix: {model.model.prefix}" if model.model.prefix else ""
            yield (
                f"inference.{name}.model.bucket is {bucket}; allowed: a bucket that the model's workload can read; "
                f"add `{bucket}: {{access: read{prefix}}}` to workloads.{where}.buckets"
            )


def models_read_their_secrets(platform: Sections) -> Iterator[str]:
    """The model's workload must have read access to the secrets in the model's environment."""
    for name, model in platform.inference.items():
        where, workload = _workload_of(platform, name)
        if missing := [secret for secret in model.secrets if secret not in (workload.secrets if workload else ())]:
            yield (
                f"inference.{name}.secretEnv has {', '.join(missing)}; allowed: secrets that the model's workload can "
                f"read; add them to workloads.{where}.secrets"
            )


def models_may_call_what_their_workloads_use(platform: Sections) -> Iterator[str]:
    """Queues, and secrets that a program reads itself, need HTTPS, which a model's network policy must allow."""
    for name, model in platform.inference.items():
        where, workload = _workload_of(platform, name)
        https = model.egress or any(HTTPS in rule.ports for rule in model.egress_rules)
        if workload is None or https:
            continue
        read = [secret for secret in workload.secrets if secret not in model.secrets]
        for field, used in (("queues", [*workload.queues]), ("secrets", read)):
            if used:
                yield (
                    f"inference.{name}.egress is empty; allowed: the CIDR blocks of the private subnets, which "
                    f"contain the interface endpoints, or 0.0.0.0/0, since workloads.{where}.{field} has "
                    f"{', '.join(used)}"
                )


def references_are_to_variables_of_the_pod(platform: Sections) -> Iterator[str]:
    """Arguments and variables refer only to variables of the pod: Kubernetes does not expand other references."""
    for name, model in platform.inference.items():
        there, (_, workload) = variables_of(model), _workload_of(platform, name)
        of_the_role = variables.ADDED if workload else set[str]()
        for index, reason in variables.wrong_arguments(model.command_args, there | of_the_role):
            yield f"inference.{name}.commandArgs[{index}] {reason}"
        for variable, reason in variables.wrong_values(model.env, there):
            yield f"inference.{name}.env.{variable} {reason}"


def models_need_no_internet_in_a_closed_network(platform: Sections) -> Iterator[str]:
    """Without a route to the internet, images come from ECR, and models from S3 or from the image."""
    for need, allowed in from_outside(platform) if platform.network.closed else ():
        yield f"{need}; allowed: {allowed}, since network.nat is none and the internet cannot be reached"


def from_outside(platform: Sections) -> Iterator[tuple[str, str]]:
    """What models can reach only through a route to the internet, and what is allowed without one."""
    for name, model in platform.inference.items():
        registry = REGISTRY.match(model.image or "")
        near = registry is not None and platform.region in (None, registry["region"])
        if model.image and not near:
            where = f" in {platform.region}" if registry else ""
            yield f"inference.{name}.image is {model.image}", f"an image in ECR{where}, e.g. in images.repositories"
        if hub := _model_of_the_hub(model.command_args):
            yield (
                f"inference.{name}.commandArgs has {hub}",
                "an absolute path in the image or in a volume, or an s3:// URL",
            )


MODEL_RULES: Final[tuple[Callable[[Sections], Iterator[str]], ...]] = (
    models_have_namespaces_of_their_own,
    workloads_have_pods_of_their_own,
    models_run_on_pools_that_exist,
    models_fit_on_a_node,
    updates_have_room,
    models_drain_before_their_node_ends,
    models_have_an_image,
    models_run_images_that_stay,
    models_run_images_of_their_partition,
    models_read_their_weights,
    models_read_their_secrets,
    models_may_call_what_their_workloads_use,
    references_are_to_variables_of_the_pod,
    models_need_no_internet_in_a_closed_network,
)


def pinned(name: str, model: InferenceServiceSpec) -> tuple[str, bool]:
    """The message that a model needs a digest, and whether it has one."""
    if model.image_from:
        return f"inference.{name}.imageFrom.digest must be set", model.image_from.digest is not None
    return f"inference.{name}.image must have a digest", "@sha256:" in (model.image or "@sha256:")


def _model_of_the_hub(args: Sequence[str]) -> str | None:
    """The argument with the model that a server downloads: the first, as in `vllm serve`, or a flag."""
    if args and HUB_MODEL.fullmatch(args[0]):
        return args[0]
    for flag, value in itertools.pairwise([*args, ""]):
        given = value if flag in ("--model", "--model-path") else flag.partition("=")[2] if "=" in flag else ""
        if flag.partition("=")[0] in ("--model", "--model-path") and HUB_MODEL.fullmatch(given):
            return f"--model {given}"
    return None


def _workload_of(platform: Sections, name: str) -> tuple[str, WorkloadIdentitySpec | None]:
    """The name of the workload whose role a model's pods use, and the workload; without one, the model's name."""
    for each, workload in platform.workloads.items():
        if service_account_of(each, workload) == (name, name):
            return each, workload
    return name, None


def _room(facts: InstanceType) -> Room:
    return room_for_models(facts.vcpus, facts.memory_mib)


def _nodes_needed(wanted: Sequence[Pods], facts: InstanceType) -> int:
    """The number of nodes for all pods, however the scheduler spreads them.

    The scheduler does not leave capacity for the largest pods when it places smaller ones, and it spreads each model's
    pods across nodes. In the worst case, every smaller pod is on a node of its own.
    """
    most = max((pods.gpus for pods in wanted), default=0)
    largest = [pods for pods in wanted if pods.gpus == most]
    smaller = sum(pods.count for pods in wanted if pods.gpus < most)
    return nodes_needed(largest, facts.gpus, _room(facts)) + smaller


def _pods(model: InferenceServiceSpec) -> Pods:
    asked = Room(millicores(model.cpu), mebibytes(model.memory))
    return Pods(model.max_replicas + model.spare_pods, model.gpus, asked)


def _load(name: str, model: InferenceServiceSpec, facts: InstanceType) -> str:
    spare = f" + {model.spare_pods} spare" if model.spare_pods else ""
    pods = plural(_pods(model).count, "pod")
    return f"{name} ({model.max_replicas}{spare} {pods}, {fit(_pods(model), facts.gpus, _room(facts))} per node)"


def _too_much(path: str, model: InferenceServiceSpec, facts: InstanceType) -> Iterator[str]:
    room = _room(facts)
    sizes = (
        ("gpus", model.gpus, model.gpus, facts.gpus, f"{facts.gpus}", ""),
        ("cpu", model.cpu, millicores(model.cpu), room.millicores, f"{room.millicores}m", f"{facts.vcpus} cores"),
        (
            "memory",
            model.memory,
            mebibytes(model.memory),
            room.memory_mib,
            f"{room.memory_mib}Mi",
            f"{facts.memory_mib}Mi",
        ),
    )
    for field, given, asked, there, most, whole in sizes:
        if asked > there:
            rest = f" for pods; the rest of its {whole} is for the system and the add-ons" if whole else ""
            yield f"{path}.{field} is {given}; allowed: up to {most}, which a {facts.name} in its pool has{rest}"

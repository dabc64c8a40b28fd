"""What models ask of the pools, images, buckets and secrets of their platform: rules as in `rules`."""

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from awsfacts.allocatable import Pods, Room, fit, nodes_needed, room_for_models
from awsfacts.instances import InstanceType
from awsfacts.partitions import partition_of
from mlpctl.config.sections import Sections
from mlplatform import GpuNodePoolSpec, namespaces
from mlplatform.compute.node_group.scaling import Capacity
from mlplatform.security.workload_identity.spec import READS, WorkloadIdentitySpec, service_account_of
from mlplatform.serving.inference_service import variables
from mlplatform.serving.inference_service.egress import HTTPS
from mlplatform.serving.inference_service.pods import variables_of
from mlplatform.serving.inference_service.spec import STOP_SECONDS, InferenceServiceSpec, mebibytes, millicores

OWN_IMAGE: Final = re.compile(r"[0-9]{12}\.dkr\.ecr\.[\w.-]+/(.+/)?(?P<repository>[^/:@]+)(:(?P<tag>[^@]+))?(@.+)?")
"""An image in a repository of ECR, whose name's last part is the one in `images.repositories`."""

REGISTRY: Final = re.compile(r"[0-9]{12}\.dkr\.ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.")
"""The beginning of an image in ECR. Not `dkr-ecr`: no VPC endpoint leads there,
https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-requests.html"""

HUB_MODEL: Final = re.compile(r"[\w.-]+/[\w.-]+")
"""A model of Hugging Face's hub, e.g. `Qwen/Qwen3-8B`."""

SPOT_NOTICE_SECONDS: Final = 120
"""https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html"""


def models_have_namespaces_of_their_own(platform: Sections) -> Iterator[str]:
    """A model's namespace is named like the model."""
    for name in platform.inference:
        if allowed := namespaces.model_problem(name, own_namespace=True):
            yield f"inference has {name}; allowed: {allowed}"


def workloads_have_pods_of_their_own(platform: Sections) -> Iterator[str]:
    """A workload whose pods are not named is for those of its own name."""
    for name, workload in platform.workloads.items():
        if allowed := namespaces.workload_problem(name, workload.namespace, workload.service_account):
            yield f"workloads has {name}; allowed: {allowed}"


def models_run_on_pools_that_exist(platform: Sections) -> Iterator[str]:
    """A model names a pool of the stack."""
    pools = ", ".join(platform.gpu_pools) or "none is defined"
    for name, model in platform.inference.items():
        if model.pool not in platform.gpu_pools:
            yield f"inference.{name}.pool is {model.pool}; allowed: a pool of gpuPools ({pools})"


def models_fit_on_a_node(platform: Sections) -> Iterator[str]:
    """Each node that a pod may be put on has what the pod asks for, beside what the node needs itself."""
    for name, model in platform.inference.items():
        for facts in platform.gpu_pools[model.pool].types if model.pool in platform.gpu_pools else ():
            yield from _too_much(f"inference.{name}", model, facts)


def updates_have_room(platform: Sections) -> Iterator[str]:
    """The nodes that exist hold all pods of their models, with those that updates start beside the old ones.

    Nothing adds a node, unless the pool is autoscaled: an update for which there is no room waits until it fails.
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
                    f"sparePods 0 of {', '.join(spared)}, which replaces pods where they are"
                    if _nodes_needed(in_place, facts) <= there
                    else "",
                    "" if pool.autoscaled else "a pool that is autoscaled",
                    "a pool for models of each size" if len({model.gpus for model in models.values()}) > 1 else "",
                ]
                yield (
                    f"gpuPools.{pool_name}.{field} is {there}; allowed: {needed} or more of {facts.name}, since it has "
                    f"to hold {', '.join(_told(name, model, facts) for name, model in models.items())} at once"
                    f"{''.join(f'; or {each}' for each in others if each)}"
                )
                break


def models_drain_before_their_node_ends(platform: Sections) -> Iterator[str]:
    """A spot instance ends two minutes after AWS says so."""
    most = SPOT_NOTICE_SECONDS - STOP_SECONDS
    for name, model in platform.inference.items():
        pool: GpuNodePoolSpec | None = platform.gpu_pools.get(model.pool)
        if pool is not None and pool.capacity is Capacity.SPOT and model.drain_seconds > most:
            yield (
                f"inference.{name}.drainSeconds is {model.drain_seconds}; allowed: up to {most}, since "
                f"gpuPools.{model.pool} has spot instances, which end {SPOT_NOTICE_SECONDS} seconds after notice; or "
                "capacity onDemand"
            )


def models_have_an_image(platform: Sections) -> Iterator[str]:
    """A model names an image, and one of the stack's own exists."""
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


def models_run_images_that_stay(platform: Sections) -> Iterator[str]:
    """An image of the stack's own repositories that a model runs is one that never expires."""
    for name, model in platform.inference.items():
        place = f"inference.{name}.imageFrom.tag"
        repository, tag = (model.image_from.repository, model.image_from.tag) if model.image_from else (None, None)
        if model.image and (found := OWN_IMAGE.fullmatch(model.image)):
            place, repository, tag = f"inference.{name}.image", found["repository"], found["tag"]
        settings = platform.images.repositories.get(repository or "")
        if settings and not settings.releases(tag or ""):
            yield (
                f"{place} is {model.image or tag or 'missing'}; allowed: a tag of "
                f"images.repositories.{repository}.releaseTags ({', '.join(settings.release_tags)}), since "
                "others are deleted in time"
            )


def models_run_images_of_their_partition(platform: Sections) -> Iterator[str]:
    """Nodes sign in to registries of ECR in their own partition alone, whose identities the others do not know.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
    """
    region = platform.region
    for name, model in platform.inference.items():
        found = REGISTRY.match(model.image or "")
        if found is None or region is None or model.pull_secrets:
            continue
        if (other := partition_of(found["region"])) != (own := partition_of(region)):
            yield (
                f"inference.{name}.image is {model.image}; allowed: an image of another registry than ECR's in the "
                f"partition {other}, since nodes in {region} sign in to those of {own}; or pullSecrets"
            )


def models_read_their_weights(platform: Sections) -> Iterator[str]:
    """The bucket of a model's weights exists, and the model's own workload may read them there."""
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
                f"inference.{name}.model.bucket is {bucket}; allowed: a bucket that keeps {key}, since objects there "
                f"are deleted after {settings.expire_days} days"
            )
        where, workload = _workload_of(platform, name)
        access = workload.buckets.get(bucket) if workload else None
        if access is None or access.access not in READS or not key.startswith(access.prefix):
            prefix = f", prefix: {model.model.prefix}" if model.model.prefix else ""
            yield (
                f"inference.{name}.model.bucket is {bucket}; allowed: a bucket that the model's workload may read; "
                f"add `{bucket}: {{access: read{prefix}}}` to workloads.{where}.buckets"
            )


def models_read_their_secrets(platform: Sections) -> Iterator[str]:
    """The model's own workload may read the secrets of its environment."""
    for name, model in platform.inference.items():
        where, workload = _workload_of(platform, name)
        if missing := [secret for secret in model.secrets if secret not in (workload.secrets if workload else ())]:
            yield (
                f"inference.{name}.secretEnv has {', '.join(missing)}; allowed: secrets that the model's workload may "
                f"read; add them to workloads.{where}.secrets"
            )


def models_may_call_what_their_workloads_use(platform: Sections) -> Iterator[str]:
    """Queues, and secrets that a program reads itself, are reached by HTTPS; a model calls what its spec names."""
    for name, model in platform.inference.items():
        where, workload = _workload_of(platform, name)
        https = model.egress or any(HTTPS in rule.ports for rule in model.egress_rules)
        if workload is None or https:
            continue
        read = [secret for secret in workload.secrets if secret not in model.secrets]
        for field, used in (("queues", [*workload.queues]), ("secrets", read)):
            if used:
                yield (
                    f"inference.{name}.egress is empty; allowed: the networks of the private subnets, where an "
                    f"interface endpoint is reached, or 0.0.0.0/0, since workloads.{where}.{field} has "
                    f"{', '.join(used)}"
                )


def variables_refer_to_what_is_there(platform: Sections) -> Iterator[str]:
    """An argument or a variable refers to variables of the pod: Kubernetes leaves other references as they are."""
    for name, model in platform.inference.items():
        there, (_, workload) = variables_of(model), _workload_of(platform, name)
        of_the_role = variables.ADDED if workload else set[str]()
        for index, reason in variables.wrong_arguments(model.command_args, there | of_the_role):
            yield f"inference.{name}.commandArgs[{index}] {reason}"
        for variable, reason in variables.wrong_values(model.env, there):
            yield f"inference.{name}.env.{variable} {reason}"


def models_come_from_inside(platform: Sections) -> Iterator[str]:
    """Without a way out of the network, images come from ECR, and models from S3 or from the image."""
    for told, allowed in from_outside(platform) if platform.network.closed else ():
        yield f"{told}; allowed: {allowed}, since network.nat is none and the internet can't be reached"


def from_outside(platform: Sections) -> Iterator[tuple[str, str]]:
    """What models need that only a route to the internet leads to, and what does without."""
    for name, model in platform.inference.items():
        registry = REGISTRY.match(model.image or "")
        near = registry is not None and platform.region in (None, registry["region"])
        if model.image and not near:
            where = f" of {platform.region}" if registry else ""
            yield f"inference.{name}.image is {model.image}", f"an image in ECR{where}, e.g. of images.repositories"
        if hub := _model_of_the_hub(model.command_args):
            yield (
                f"inference.{name}.commandArgs has {hub}",
                "a folder of the image or of a volume, from / on, or an s3:// address",
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
    variables_refer_to_what_is_there,
    models_come_from_inside,
)


def pinned(name: str, model: InferenceServiceSpec) -> tuple[str, bool]:
    """Where a model's digest has to be, and whether it is there."""
    if model.image_from:
        return f"inference.{name}.imageFrom.digest has to be set", model.image_from.digest is not None
    return f"inference.{name}.image has to have a digest", "@sha256:" in (model.image or "@sha256:")


def _model_of_the_hub(args: Sequence[str]) -> str | None:
    """What names the model that a server downloads: the first argument, as `vllm serve` has it, or a flag of many."""
    if args and HUB_MODEL.fullmatch(args[0]):
        return args[0]
    for flag, value in itertools.pairwise([*args, ""]):
        given = value if flag in ("--model", "--model-path") else flag.partition("=")[2] if "=" in flag else ""
        if flag.partition("=")[0] in ("--model", "--model-path") and HUB_MODEL.fullmatch(given):
            return f"--model {given}"
    return None


def _workload_of(platform: Sections, name: str) -> tuple[str, WorkloadIdentitySpec | None]:
    """The workload whose role a model's pods have, and its name."""
    for each, workload in platform.workloads.items():
        if service_account_of(each, workload) == (name, name):
            return each, workload
    return name, None


def _room(facts: InstanceType) -> Room:
    return room_for_models(facts.vcpus, facts.memory_mib)


def _nodes_needed(wanted: Sequence[Pods], facts: InstanceType) -> int:
    """Nodes that hold all pods, however the scheduler spreads them.

    It knows nothing of the largest pods when it places small ones, and spreads each model's over nodes: at worst every
    smaller pod lies on a node of its own.
    """
    most = max((pods.gpus for pods in wanted), default=0)
    largest = [pods for pods in wanted if pods.gpus == most]
    smaller = sum(pods.count for pods in wanted if pods.gpus < most)
    return nodes_needed(largest, facts.gpus, _room(facts)) + smaller


def _pods(model: InferenceServiceSpec) -> Pods:
    asked = Room(millicores(model.cpu), mebibytes(model.memory))
    return Pods(model.max_replicas + model.spare_pods, model.gpus, asked)


def _told(name: str, model: InferenceServiceSpec, facts: InstanceType) -> str:
    spare = f" + {model.spare_pods} spare" if model.spare_pods else ""
    pods = "pod" if _pods(model).count == 1 else "pods"
    return f"{name} ({model.max_replicas}{spare} {pods}, {fit(_pods(model), facts.gpus, _room(facts))} on a node)"


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
    for field, given, asked, there, told, whole in sizes:
        if asked > there:
            rest = f" for pods; the rest of its {whole} is for the system and the add-ons" if whole else ""
            yield f"{path}.{field} is {given}; allowed: up to {told}, which a {facts.name} of its pool has{rest}"

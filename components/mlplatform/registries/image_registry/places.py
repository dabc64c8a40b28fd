"""Where images and their copies are kept: names and regions that a registry can have together."""

from collections.abc import Iterator, Mapping
from typing import Any

from awsfacts.partitions import AWS, partition_of, region_problem
from mlplatform.refusals import Problem
from mlplatform.registries.image_registry.spec import ImageRegistrySpec


def misplaced(images: ImageRegistrySpec, region: str) -> Iterator[str]:
    """What a registry in `region` can't have: a sentence each, that begins with the field of `images`.

    Sources: https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html and
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication.html
    """
    partition = partition_of(region)
    if images.pull_through and partition != AWS:
        yield (
            f"pullThrough has {', '.join(images.pull_through)}; allowed: none in {region}, since ECR has no caches in "
            f"the partition {partition}"
        )
    copies = images.account.replicate_to if images.account else ()
    if region in copies:
        yield f"account.replicateTo has {region}; allowed: regions other than the registry's own"
    for each in copies:
        if wrong := region_problem(each):
            yield f"account.replicateTo has {each}; allowed: {wrong}"
        elif partition_of(each) != partition:
            yield f"account.replicateTo has {each}; allowed: regions of the partition {partition}"


def cached_away(images: ImageRegistrySpec, namespace: str) -> Iterator[str]:
    """Caches that would take over the names of the registry's own repositories: a sentence each, as of `misplaced`.

    Every repository below a cache's name is one of the cache, whatever it was made for:
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-private-wildcards.html

    Args:
        images: the images.
        namespace: what the own repositories' names begin with.
    """
    for cache in images.pull_through:
        if f"{namespace}/".startswith(f"{cache}/"):
            yield (
                f"pullThrough has {cache}; allowed: another name, since the registry's own repositories are below "
                f"{namespace}/, and a cache has every repository below its name"
            )


def problems(images: ImageRegistrySpec, namespace: str, args: Mapping[str, Any]) -> Iterator[Problem]:
    """What a registry's spec and the arguments beside it say together, before anything is created."""
    region = args["region"]
    told = [*cached_away(images, namespace), *(misplaced(images, region) if isinstance(region, str) else ())]
    for sentence in told:
        field, _, rest = sentence.partition(" ")
        yield Problem(f"images.{field}", rest)
    for cache in args.get("credential_arns", {}):
        if cache not in images.pull_through:
            known = ", ".join(images.pull_through) or "none is defined"
            yield Problem(f"credential_arns.{cache}", f"has no cache; allowed: {known}")

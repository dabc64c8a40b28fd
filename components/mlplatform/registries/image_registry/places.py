"""Validation of a registry's names and regions together."""

from collections.abc import Iterator, Mapping
from typing import Any

from awsfacts.partitions import AWS, partition_of, region_problem
from mlplatform.refusals import Problem
from mlplatform.registries.image_registry.spec import ImageRegistrySpec


def misplaced(images: ImageRegistrySpec, region: str) -> Iterator[str]:
    """Settings that a registry in `region` can't have: one sentence each, which begins with the field of `images`.

    Sources: https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html and
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication.html
    """
    partition = partition_of(region)
    if images.pull_through and partition != AWS:
        yield (
            f"pullThrough has {', '.join(images.pull_through)}; allowed: none in {region}, since ECR has no pull "
            f"through caches in the partition {partition}"
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
    """Caches whose names are prefixes of the registry's own repositories: one sentence each, as in `misplaced`.

    Every repository whose name begins with a cache's prefix belongs to the cache:
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-private-wildcards.html

    Args:
        images: the images.
        namespace: prefix of the names of the registry's own repositories.
    """
    for cache in images.pull_through:
        if f"{namespace}/".startswith(f"{cache}/"):
            yield (
                f"pullThrough has {cache}; allowed: another name, since the registry's own repositories begin with "
                f"{namespace}/, and every repository that begins with {cache}/ belongs to the cache"
            )


def problems(images: ImageRegistrySpec, namespace: str, args: Mapping[str, Any]) -> Iterator[Problem]:
    """Problems of a registry's spec together with the other arguments, before anything is created."""
    region = args["region"]
    sentences = [*cached_away(images, namespace), *(misplaced(images, region) if isinstance(region, str) else ())]
    for sentence in sentences:
        field, _, rest = sentence.partition(" ")
        yield Problem(f"images.{field}", rest)
    for cache in args.get("credential_arns", {}):
        if cache not in images.pull_through:
            known = ", ".join(images.pull_through) or "none, since images.pullThrough defines no cache"
            yield Problem(f"credential_arns.{cache}", f"has no cache of this name; allowed: {known}")

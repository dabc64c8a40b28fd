"""What the parts of a platform ask of each other: rules as pure functions, each yielding its problems.

A problem begins with the path of the field that it is about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from mlpctl.config.model_rules import MODEL_RULES, pinned
from mlplatform.clusters import ControlPlaneLog
from mlplatform.images import Scanning
from mlplatform.vpcs import Nat
from mlplatform.workloads import service_account_of

if TYPE_CHECKING:
    from mlpctl.config.platform import Platform

YEAR_DAYS: Final = 365


def pools_lie_in_the_network(platform: Platform) -> Iterator[str]:
    """A pool's zones are zones of the network."""
    zones = platform.network.zones
    for name, pool in platform.gpu_pools.items():
        if elsewhere := [zone for zone in pool.zones if zone not in zones]:
            yield (
                f"gpuPools.{name}.zones has {', '.join(elsewhere)}; allowed: zones of the network ({', '.join(zones)})"
            )


def caches_reach_what_they_cache(platform: Platform) -> Iterator[str]:
    """The first pull through a cache leaves the network.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html#ecr-vpc-endpoint-considerations
    """
    if platform.images.pull_through and platform.network.nat is Nat.NONE:
        yield (
            "network.nat is none; allowed: single or perZone, since the first pull through a cache of "
            "images.pullThrough leaves the network"
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
        "cluster.publicAccessCidrs has to be empty": not platform.cluster.public_access_cidrs,
        "cluster.deletionProtection has to be true": platform.cluster.deletion_protection,
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
        **dict(pinned(name, model) for name, model in platform.inference.items()),
        **{f"{place}.retain has to be true": each.retain for place, each in repositories.items()},
        **{f"{place}.scanOnPush has to be true": each.scan_on_push or scanned for place, each in repositories.items()},
    }
    if platform.profile.value == "prod":
        yield from (f"{guard} in profile prod" for guard, kept in guards.items() if not kept)


RULES: Final[tuple[Callable[[Platform], Iterator[str]], ...]] = (
    *MODEL_RULES,
    pools_lie_in_the_network,
    caches_reach_what_they_cache,
    workloads_use_what_exists,
    a_service_account_has_one_role,
    retained_data_keeps_its_key,
    prod_keeps_its_guards,
)

"""Warnings about settings that are valid, but will soon be invalid or have no effect."""

import datetime
from collections.abc import Iterator
from typing import Final

from awsfacts import eks_versions
from mlpctl.config.guardrail_rules import guarded
from mlpctl.config.platform import Platform

WARNED_DAYS: Final = 90
"""Days before the end of standard support at which the warnings start."""


def warnings(platform: Platform, today: datetime.date) -> Iterator[str]:
    """What should be changed; each item is one or more sentences."""
    yield from _ending(platform, today)
    yield from _unreachable_quotas(platform)


def _unreachable_quotas(platform: Platform) -> Iterator[str]:
    """Quotas for more GPUs than the pools can have."""
    pools = platform.gpu_pools.values()
    most = sum(max(facts.gpus for facts in pool.types) * pool.max_nodes for pool in pools)
    for place, each in guarded(platform).items():
        if each.quota.gpus > most:
            yield f"{place}.quota.gpus is {each.quota.gpus}; the pools have at most {most} GPUs."


def _ending(platform: Platform, today: datetime.date) -> Iterator[str]:
    """The end of the support of the cluster's version."""
    version = platform.cluster.version
    support = eks_versions.support(version)
    ends = support.standard_ends
    left = (ends - today).days
    if left > WARNED_DAYS:
        return
    newer = [each for each in eks_versions.offered() if eks_versions.order(each) > eks_versions.order(version)]
    up = f"Upgrade to {newer[0]}" if newer else "Upgrade to the next version"
    happens = "AWS then upgrades the cluster automatically, and the next update fails, because EKS allows no downgrade"
    if left >= 0:
        yield f"cluster.version is {version}; its standard support ends on {ends}. {happens}. {up} before that date."
    else:
        yield f"cluster.version is {version}; its standard support ended on {ends}. {happens}. {up} now."

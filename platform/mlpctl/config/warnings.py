"""Warnings about settings that are valid today but will soon be invalid."""

import datetime
from collections.abc import Iterator
from typing import Final

from awsfacts import eks_versions
from mlpctl.config.platform import Platform

WARNED_DAYS: Final = 90
"""Days before the end of standard support at which the warnings start."""


def warnings(platform: Platform, today: datetime.date) -> Iterator[str]:
    """What must be changed soon; each item is one or more sentences."""
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

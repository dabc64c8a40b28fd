"""What is right in a stack file today, and will not be for long."""

import datetime
from collections.abc import Iterator
from typing import Final

from awsfacts import eks_versions
from mlpctl.config.platform import Platform

WARNED_DAYS: Final = 90
"""Days before the end of standard support from which on it is told."""


def warnings(platform: Platform, today: datetime.date) -> Iterator[str]:
    """What has to be changed soon, a sentence each."""
    version = platform.cluster.version
    support = eks_versions.support(version)
    ends = support.standard_ends
    left = (ends - today).days
    if left > WARNED_DAYS:
        return
    if today > support.extended_ends:
        yield (
            f"cluster.version is {version}, whose extended support ended on {support.extended_ends}: EKS creates no "
            "cluster of it any more, and moves those that exist up by itself."
        )
        return
    newer = [each for each in eks_versions.offered() if eks_versions.order(each) > eks_versions.order(version)]
    up = f"Move it to {newer[0]}" if newer else "Move it to the next version"
    happens = "AWS then moves the cluster up by itself, and the next update fails, since a version never goes down"
    if left >= 0:
        yield f"cluster.version is {version}, whose standard support ends on {ends}: {happens}. {up} before."
    else:
        yield f"cluster.version is {version}, whose standard support ended on {ends}: {happens}. {up} now."

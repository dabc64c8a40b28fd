"""EC2's quotas of running vCPUs."""

import functools
import re
from collections.abc import Sequence

from pydantic import Field

from awsfacts.tables import Row, read_table


class Quota(Row):
    """A quota of running vCPUs."""

    families: str
    """Regular expression for the beginning of the instance types that count against it."""

    on_demand: str = Field(alias="onDemand")
    """Code and name for on-demand instances, e.g. `L-DB2E81BA (Running On-Demand G and VT instances)`."""

    spot: str = ""
    """Code and name for spot instances; empty where there is none."""


@functools.cache
def quotas() -> Sequence[Quota]:
    """Every quota of running vCPUs."""
    return tuple(Quota.model_validate(each) for each in read_table("quotas.yaml"))


def quota(instance_type: str, *, spot: bool) -> str:
    """Code and name of the quota that an instance type counts against; empty where there is none."""
    found = next((each for each in quotas() if re.match(each.families, instance_type)), None)
    return "" if found is None else found.spot if spot else found.on_demand

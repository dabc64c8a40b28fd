"""EC2's quotas for running vCPUs."""

import functools
import re
from collections.abc import Sequence

from pydantic import Field

from awsfacts.tables import Row, read_table


class Quota(Row):
    """A quota for running vCPUs."""

    families: str
    """Regular expression that the instance types that count against it start with."""

    on_demand: str = Field(alias="onDemand")
    """Code and name for On-Demand Instances, e.g. `L-DB2E81BA (Running On-Demand G and VT instances)`."""

    spot: str = ""
    """Code and name for Spot Instances; empty if there is none."""


@functools.cache
def quotas() -> Sequence[Quota]:
    """All quotas for running vCPUs."""
    return tuple(Quota.model_validate(each) for each in read_table("quotas.yaml"))


def quota(instance_type: str, *, spot: bool) -> str:
    """Code and name of the quota that an instance type counts against; empty if there is none."""
    found = next((each for each in quotas() if re.match(each.families, instance_type)), None)
    return "" if found is None else found.spot if spot else found.on_demand

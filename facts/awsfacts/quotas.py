"""Quotas of an account: EC2's for running vCPUs, and those for numbers of resources."""

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


class Counted(Row):
    """A quota for a number of resources."""

    code: str
    service: str
    """Code of the service in Service Quotas."""

    name: str


@functools.cache
def counted() -> Sequence[Counted]:
    """All quotas for numbers of resources."""
    return tuple(Counted.model_validate(each) for each in read_table("counted_quotas.yaml"))


def counted_by(code: str) -> Counted:
    """The quota with this code.

    Raises:
        KeyError: there is none.
    """
    return {each.code: each for each in counted()}[code]


def service_of(code: str) -> str:
    """The service of a quota in Service Quotas: that of a number of resources, or EC2 for vCPUs."""
    return next((each.service for each in counted() if each.code == code), "ec2")

"""Partitions of AWS: what differs between AWS, AWS in China, AWS GovCloud (US) and the others."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any, Final

DATA: Final = Path(__file__).with_name("regions.json")
"""The regions of all partitions, with source and date."""

AWS: Final = "aws"
CHINA: Final = "aws-cn"
GOVCLOUD: Final = "aws-us-gov"

_REGIONS: Final = {
    "cn-": CHINA,
    "eu-isoe-": "aws-iso-e",
    "eusc-": "aws-eusc",
    "us-gov-": GOVCLOUD,
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "us-isof-": "aws-iso-f",
}
"""How the regions of partitions other than AWS's first begin, and that these are all: botocore's `partitions.json`."""

_SUFFIXES: Final = {
    CHINA: "amazonaws.com.cn",
    "aws-eusc": "amazonaws.eu",
    "aws-iso": "c2s.ic.gov",
    "aws-iso-b": "sc2s.sgov.gov",
    "aws-iso-e": "cloud.adc-e.uk",
    "aws-iso-f": "csp.hci.ic.gov",
}
"""The end of host names where it is not `amazonaws.com`; the same file."""

_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_REGISTRY: Final = re.compile(
    r"(?P<account>[^.]*)\.(?P<form>dkr[.-]ecr(-fips)?)(\.(?P<region>[^.]*))?(\.(?P<suffix>.*))?"
)

_OWN_PRINCIPALS: Final = {CHINA: frozenset({"logs"})}
"""Services whose principal ends in the partition's own suffix; that of every other is the same everywhere:
https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.region_info-readme.html and the data source
`aws_service_principal` of Terraform's provider."""


_DUAL_STACK: Final = {CHINA: "on.amazonwebservices.com.cn"}
"""The end of the host names of registries that are reached over IPv6 too, where it is not `on.aws`:
https://docs.aws.amazon.com/general/latest/gr/ecr.html and the same file."""


def region_problem(region: str) -> str | None:
    """What is allowed instead of a region; None for one that AWS has."""
    if region in _data()["regions"]:
        return None
    return f"a region of AWS such as us-east-1, by the list of {_data()['date']}"


def partition_problem(partition: str, region: str | None = None) -> str | None:
    """What is allowed instead of a partition, in a region if there is one; None for a right one."""
    if region is not None and partition != (right := partition_of(region)):
        return f"{right}, the partition of {region}"
    known = (AWS, *_REGIONS.values())
    return None if partition in known else f"a partition of AWS ({', '.join(known)})"


def registry_problem(host: str) -> str | None:
    """What is allowed instead of a host name that is meant for a registry of ECR; None for a right one, or another's.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-requests.html
    """
    found = _REGISTRY.fullmatch(host.lower())
    if found is None:
        return None
    account, form, region, suffix = found.group("account", "form", "region", "suffix")
    if not _ACCOUNT.fullmatch(account):
        return "a registry of ECR by its account, 12 digits"
    if wrong := region_problem(region or ""):
        return f"a registry of ECR in {wrong}; {region or 'an empty text'} is none"
    partition = partition_of(region)
    right = dns_suffix(partition) if form.startswith("dkr.") else _DUAL_STACK.get(partition, "on.aws")
    return None if suffix == right else f"the registry {account}.{form}.{region}.{right}, as {region} is in {partition}"


def partition_of(region: str) -> str:
    """The partition of a region.

    >>> partition_of("us-gov-west-1")
    'aws-us-gov'
    """
    return next((partition for begin, partition in _REGIONS.items() if region.startswith(begin)), AWS)


def dns_suffix(partition: str) -> str:
    """The end of the host names of AWS's services."""
    return _SUFFIXES.get(partition, "amazonaws.com")


def service_principal(service: str, partition: str, region: str = "") -> str:
    """The name under which a policy allows an AWS service something, e.g. `logs.us-east-1.amazonaws.com`.

    Args:
        service: the service, e.g. `logs`.
        partition: the partition.
        region: the region, for services whose principal has one.
    """
    suffix = dns_suffix(partition if service in _OWN_PRINCIPALS.get(partition, ()) else AWS)
    return ".".join(part for part in (service, region, suffix) if part)


@cache
def _data() -> Any:
    return json.loads(DATA.read_text(encoding="utf-8"))

"""Differences between AWS partitions: AWS, AWS China, AWS GovCloud (US) and the others."""

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
"""The region prefix of each partition other than `aws`. The list is complete, by botocore's `partitions.json`."""

_SUFFIXES: Final = {
    CHINA: "amazonaws.com.cn",
    "aws-eusc": "amazonaws.eu",
    "aws-iso": "c2s.ic.gov",
    "aws-iso-b": "sc2s.sgov.gov",
    "aws-iso-e": "cloud.adc-e.uk",
    "aws-iso-f": "csp.hci.ic.gov",
}
"""DNS suffixes other than `amazonaws.com`; from the same file."""

_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_REGISTRY: Final = re.compile(
    r"(?P<account>[^.]*)\.(?P<form>dkr[.-]ecr(-fips)?)(\.(?P<region>[^.]*))?(\.(?P<suffix>.*))?"
)

_OWN_PRINCIPALS: Final = {CHINA: frozenset({"logs"})}
"""Services whose principal ends in the partition's own DNS suffix; all others have the same principal in every
partition: https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.region_info-readme.html and the data source
`aws_service_principal` of Terraform's provider."""


_DUAL_STACK: Final = {CHINA: "on.amazonwebservices.com.cn"}
"""DNS suffixes of dual-stack (IPv4 and IPv6) registry endpoints, if other than `on.aws`:
https://docs.aws.amazon.com/general/latest/gr/ecr.html and the same file."""


def region_problem(region: str) -> str | None:
    """What is allowed instead of a region; None if AWS has the region."""
    if region in _data()["regions"]:
        return None
    return f"a region of AWS such as us-east-1 (AWS's list of {_data()['date']})"


def partition_problem(partition: str, region: str | None = None) -> str | None:
    """What is allowed instead of a partition, in `region` if it is set; None if the partition is valid."""
    if region is not None and partition != (right := partition_of(region)):
        return f"{right}, the partition of {region}"
    known = (AWS, *_REGIONS.values())
    return None if partition in known else f"a partition of AWS ({', '.join(known)})"


def registry_problem(host: str) -> str | None:
    """What is allowed instead of an invalid host name of an ECR registry; None if it is valid or not one of ECR.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-requests.html
    """
    found = _REGISTRY.fullmatch(host.lower())
    if found is None:
        return None
    account, form, region, suffix = found.group("account", "form", "region", "suffix")
    if not _ACCOUNT.fullmatch(account):
        return "an ECR registry whose account ID has 12 digits"
    if wrong := region_problem(region or ""):
        return f"an ECR registry in {wrong}; its region is {region or 'empty'}"
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
    """The DNS suffix of AWS's services."""
    return _SUFFIXES.get(partition, "amazonaws.com")


def service_principal(service: str, partition: str, region: str = "") -> str:
    """The service principal for IAM policies, e.g. `logs.us-east-1.amazonaws.com`.

    Args:
        service: the service, e.g. `logs`.
        partition: the partition.
        region: the region, for services with regional principals.
    """
    suffix = dns_suffix(partition if service in _OWN_PRINCIPALS.get(partition, ()) else AWS)
    return ".".join(part for part in (service, region, suffix) if part)


@cache
def _data() -> Any:
    return json.loads(DATA.read_text(encoding="utf-8"))

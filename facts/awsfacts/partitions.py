"""Partitions of AWS: what differs between AWS, AWS in China, AWS GovCloud (US) and the others."""

from typing import Final

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

_OWN_PRINCIPALS: Final = {CHINA: frozenset({"logs"})}
"""Services whose principal ends in the partition's own suffix; that of every other is the same everywhere:
https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.region_info-readme.html and the data source
`aws_service_principal` of Terraform's provider."""


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

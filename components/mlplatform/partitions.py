"""Partitions of AWS: what differs between AWS, AWS GovCloud (US) and AWS in China."""

from typing import Final

AWS: Final = "aws"
CHINA: Final = "aws-cn"
GOVCLOUD: Final = "aws-us-gov"

_OWN_PRINCIPALS: Final = {CHINA: frozenset({"logs"})}
"""Services whose principal ends in the partition's own suffix; that of every other is the same everywhere:
https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.region_info-readme.html and the data source
`aws_service_principal` of Terraform's provider."""


def partition_of(region: str) -> str:
    """The partition of a region.

    >>> partition_of("us-gov-west-1")
    'aws-us-gov'
    """
    if region.startswith("cn-"):
        return CHINA
    return GOVCLOUD if region.startswith("us-gov-") else AWS


def dns_suffix(partition: str) -> str:
    """The end of the host names of AWS's services."""
    return "amazonaws.com.cn" if partition == CHINA else "amazonaws.com"


def service_principal(service: str, partition: str, region: str = "") -> str:
    """The name under which a policy allows an AWS service something, e.g. `logs.us-east-1.amazonaws.com`.

    Args:
        service: the service, e.g. `logs`.
        partition: the partition.
        region: the region, for services whose principal has one.
    """
    suffix = dns_suffix(partition if service in _OWN_PRINCIPALS.get(partition, ()) else AWS)
    return ".".join(part for part in (service, region, suffix) if part)

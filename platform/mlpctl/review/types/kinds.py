"""The record of a resource type, with a name for readers that is derived from the type if the record has none."""

import re
from functools import cache
from typing import Final

from awsfacts.records import Record
from mlpctl.review.types import records, terraform

UNLISTED_FACTS: Final = (
    "name",
    "displayName",
    "location",
    "region",
    "version",
    "engine",
    "instanceType",
    "machineType",
    "vmSize",
    "size",
    "image",
    "cidrBlock",
    "metadata.name",
)
"""The most important inputs of resources whose record does not list any."""

_PACKAGES: Final = {
    "aws": "AWS",
    "aws-native": "AWS",
    "awsx": "AWS",
    "gcp": "GCP",
    "google-native": "GCP",
    "azure": "Azure",
    "azure-native": "Azure",
    "azuread": "Entra ID",
    "kubernetes": "Kubernetes",
    "tls": "TLS",
    "eks": "EKS",
    "github": "GitHub",
    "gitlab": "GitLab",
    "pulumi-python": "dynamic",
    "pulumi-nodejs": "dynamic",
    "mlplatform": "",
}
"""Names of packages with a special spelling; empty for our own package."""

_SPELLINGS: Final = {
    each.lower(): each
    for each in (
        *("ACL", "AI", "AMI", "API", "ARN", "BGP", "CIDR", "CPU", "DAX", "DB", "DHCP", "DLM", "DMS", "DNS", "DSQL"),
        *("EBS", "EC2", "ECR", "ECS", "EFS", "EIP", "EKS", "ELB", "EMR", "FIS", "FSx", "GCP", "GPU", "GraphQL", "HSM"),
        *("HTTP", "HTTPS", "IAM", "ID", "IP", "IPAM", "IPv4", "IPv6", "JSON", "KMS", "MFA", "MQ", "MSK", "MWAA", "NAT"),
        *("NFS", "OAuth", "OIDC", "QLDB", "RDS", "SAML", "SageMaker", "SFN", "SMB", "SMS", "SNS", "SQL", "SQS", "SSH"),
        *("SSL", "SSM", "SSO", "TCP", "TLS", "TPU", "TTL", "UI", "URL", "VM", "VPC", "VPN", "WAF", "DynamoDB"),
        *("OpenSearch", "ElastiCache", "MemoryDB", "BigQuery", "KServe", "PostgreSQL", "MySQL", "MSSQL", "Redis"),
        *("S3", "Route53", "Glue", "Athena", "Kinesis", "Cognito", "CloudWatch", "CloudFront", "Bedrock", "Redshift"),
        *("Lambda", "CosmosDB"),
    )
} | {"gra": "GRA", "rdsdata": "RDS Data", "dbforpostgresql": "PostgreSQL", "dbformysql": "MySQL"}  # fmt: skip
"""Words in type names with a special spelling."""

_GROUPED: Final = re.compile(r"^kubernetes:(?P<group>[^:/]*)(/[^:]*)?:(?P<kind>\w+)$")
_VERSION: Final = re.compile(r"/?v\d+((alpha|beta|p)\d+)*(preview)?$")


@cache
def short_type(type: str) -> str:
    """A type without its class if that only repeats the module: `aws:s3/bucket` for `aws:s3/bucket:Bucket`.

    The type of a resource in a Terraform module becomes the Pulumi type: `aws:s3/bucket` for `vpc:tf:aws_s3_bucket`.
    """
    if terraform.is_resource(type):
        return terraform.pulumi_type(type, [*records.names()])
    return records.short(type)


@cache
def kind(type: str) -> Record:
    """The record of a type, with a name for readers."""
    found = records.record(short_type(type))
    if found.words:
        return found
    token = short_type(type).replace("/", ":") if terraform.is_resource(type) else type
    return found.model_copy(update={"words": words_of(token)})


def words_of(type: str) -> str:
    """A name for readers that is derived from a type token: `GCP SQL database instance`."""
    if type.startswith("pulumi:providers:"):
        return f"{_package(type.rsplit(':', 1)[-1])} provider"
    if match := _GROUPED.match(type):
        # The built-in API groups of Kubernetes have no dot, or end with `.k8s.io`.
        own = "." not in match["group"] or match["group"].endswith(".k8s.io")
        return f"Kubernetes {match['kind']}" + ("" if own else f" ({match['group']})")
    package, *modules = type.split(":")
    name = modules.pop() if modules else ""
    module = _VERSION.sub("", modules[0].split("/")[0]) if modules else ""
    parts = [*([] if module in ("index", "") else _parts(module)), *_parts(name)]
    parts = [part for number, part in enumerate(parts) if number == 0 or part.lower() != parts[number - 1].lower()]
    if len(parts) > 1 and parts[1].lower().startswith(parts[0].lower()):
        parts = parts[1:]
    lead = _package(package)
    if parts and parts[0].lower() == lead.lower():
        parts = parts[1:]
    return " ".join(filter(None, [lead, *(_SPELLINGS.get(part.lower(), part.lower()) for part in parts)]))


def _package(name: str) -> str:
    known = _PACKAGES.get(name)
    return " ".join(part.capitalize() for part in re.split(r"[-_]", name)) if known is None else known


def _parts(name: str) -> list[str]:
    """The words of a camel-case name: `databaseInstance`, `RDSCluster`, `ec2TransitGateway`, `iAMMember`."""
    name = name[:1].upper() + name[1:] if name[1:2].isupper() else name
    return re.findall(r"[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*|\d+", name)

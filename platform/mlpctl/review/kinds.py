"""What resources are, in reviewers' words, and what they hold: `kinds.yaml`, or words made of the type."""

import fnmatch
import re
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cache
from importlib.resources import files
from typing import Any, Final

import yaml
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from mlpctl.review import terraform


class Holding(Enum):
    """What a resource holds, the worst to lose first."""

    DATA = "data"
    CAPACITY = "capacity"
    SERVING = "serving"
    IDENTITY = "identity"


class Row(BaseModel):
    """A row of a table of this package."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, alias_generator=to_camel, validate_by_name=True
    )


class Note(Row):
    """What to add to a sentence."""

    when: Mapping[str, Any]
    """Inputs with which it is so."""

    says: str


class Kind(Row):
    """What resources of some types are."""

    types: Sequence[str]
    """Types, or patterns of them, as `short_type` writes them."""

    words: str
    """What reviewers call it: `S3 bucket`."""

    holds: Sequence[Holding] = ()
    """What its going harms, the worst first."""

    then: str = ""
    """What happens when it goes, as the end of a sentence."""

    part_of: str = ""
    """Input that names what it is a part of."""

    guards: bool = False
    """Whether it holds nothing itself, and only guards what something else holds."""

    given: bool = False
    """Whether its data is given by its inputs, so that a replacement holds it, or other data, as the program says."""

    moves: bool | str = False
    """What a replacement interrupts even if the new one comes first; true where that is its address."""

    unless: Mapping[str, Any] = {}
    """Inputs with which it holds nothing."""

    notes: Sequence[Note] = ()

    facts: Sequence[str] = ()
    """Ways to the inputs that tell most of it."""


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
"""Inputs that tell most of a resource that the table has no facts of, where it has them."""

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
}
"""How packages are spelt that are not spelt like other words."""

_SPELT: Final = {
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
"""Words of tokens that are not spelt in lower case."""

_GROUPED: Final = re.compile(r"^kubernetes:(?P<group>[^:/]*)(/[^:]*)?:(?P<kind>\w+)$")
_VERSION: Final = re.compile(r"/?v\d+((alpha|beta|p)\d+)*(preview)?$")


@cache
def short_type(type: str) -> str:
    """A type without its class where that only repeats the module: `aws:s3/bucket` for `aws:s3/bucket:Bucket`.

    A type of a Terraform module's resource is Pulumi's: `aws:s3/bucket` for `vpc:tf:aws_s3_bucket`.
    """
    if ":tf:" in type:
        return terraform.pulumi_type(type, [*_index()[0]])
    module, _, name = type.rpartition(":")
    return module if "/" in module and module.rsplit("/", 1)[-1].lower() == name.lower() else type


@cache
def kind(type: str) -> Kind:
    """What resources of a type are; a type that the table does not have holds nothing that is known of."""
    row = _find(short_type(type))
    if row is None:
        return Kind(types=[type], words=words_of(_spelt(type)))
    return row if row.words else row.model_copy(update={"words": words_of(_spelt(type))})


def _spelt(type: str) -> str:
    """A type from which words can be made."""
    return short_type(type).replace("/", ":") if ":tf:" in type else type


def is_listed(type: str) -> bool:
    """Whether the table has words of its own for this type."""
    row = _find(short_type(type))
    return row is not None and bool(row.words)


def words_of(type: str) -> str:
    """Words for a type that are made of its token: `GCP SQL database instance`."""
    if type.startswith("pulumi:providers:"):
        return f"{_package(type.rsplit(':', 1)[-1])} provider"
    if match := _GROUPED.match(type):
        # Kubernetes' own groups are bare words, or end as its own sites do.
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
    return " ".join([lead, *(_SPELT.get(part.lower(), part.lower()) for part in parts)])


@cache
def table() -> Sequence[Kind]:
    """All rows of `kinds.yaml`, in its order."""
    return tuple(Kind.model_validate(each) for each in rows("kinds.yaml"))


def rows(name: str) -> Any:
    """The content of a table of this package."""
    # The parser in C takes a tenth of the time; some builds of PyYAML lack it.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load((files("mlpctl.review") / name).read_text(encoding="utf-8"), loader)


def _find(type: str) -> Kind | None:
    exact, patterns = _index()
    if type in exact:
        return exact[type]
    return next((row for pattern, row in patterns if pattern.match(type)), None)


@cache
def _index() -> tuple[Mapping[str, Kind], Sequence[tuple[re.Pattern[str], Kind]]]:
    """The table by types, and its patterns in order."""
    exact: dict[str, Kind] = {}
    patterns = []
    for row in table():
        for type in row.types:
            if "*" in type:
                patterns.append((re.compile(fnmatch.translate(type)), row))
            else:
                exact.setdefault(type, row)
    return exact, patterns


def _package(name: str) -> str:
    return _PACKAGES.get(name) or " ".join(part.capitalize() for part in re.split(r"[-_]", name))


def _parts(name: str) -> list[str]:
    """Words of a name in camel case: `databaseInstance`, `RDSCluster`, `ec2TransitGateway`."""
    return re.findall(r"[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*|\d+", name)

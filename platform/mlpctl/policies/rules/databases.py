"""Rules for databases of RDS and Aurora."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import pulumi_aws as aws

from mlpctl.policies.checks import every, independently, is_on, number, parts, stated
from mlpctl.policies.estate import Class, NotEvaluated, Resource, token
from mlpctl.policies.rule import ALWAYS, ONLY_PROD, Level, Levels, Severity, rule
from mlpctl.policies.subnets import foreign_subnets, is_public, subnets

CLUSTER: Final = token(aws.rds.Cluster)
MEMBER: Final = token(aws.rds.ClusterInstance)

SNAPSHOTS: Final[Sequence[Class]] = (
    aws.rds.Snapshot,
    aws.rds.SnapshotCopy,
    aws.rds.ClusterSnapshot,
    aws.rds.ClusterSnapshotCopy,
)
"""Snapshots that can be shared with other accounts."""

DEFAULT_NETWORK: Final = "default"
"""The subnet group of the default VPC."""

MIN_BACKUP_DAYS: Final = 7
"""https://docs.aws.amazon.com/securityhub/latest/userguide/rds-controls.html#rds-11"""

MIN_MEMBERS: Final = 2

FORCE_SSL: Final = "rds.force_ssl"
SECURE_TRANSPORT: Final = "require_secure_transport"

TLS_PARAMETERS: Final[Mapping[str, str]] = {
    "postgres": FORCE_SSL,
    "aurora-postgresql": FORCE_SSL,
    "sqlserver": FORCE_SSL,
    "mysql": SECURE_TRANSPORT,
    "mariadb": SECURE_TRANSPORT,
    "aurora": SECURE_TRANSPORT,
    "aurora-mysql": SECURE_TRANSPORT,
}
"""The parameter that rejects connections without TLS, by engine without its edition."""

TLS_SINCE: Final[Mapping[str, tuple[int, int]]] = {"postgres": (15, 0), "mysql": (9, 7), "mariadb": (11, 8)}
"""The first version that rejects them by default:
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/PostgreSQL.Concepts.General.SSL.html,
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/mysql-ssl-connections.require-ssl.html,
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/mariadb-ssl-connections.require-ssl.html"""

ON: Final = frozenset({"1", "on", "true"})

IAM_ENGINES: Final = frozenset({"postgres", "mysql", "mariadb", "aurora", "aurora-mysql", "aurora-postgresql"})
"""https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html"""

POSTGRES_LOG: Final = "postgresql"
_POSTGRES: Final = frozenset({"postgres", "aurora-postgresql"})


@rule(
    "ML-RDS-01",
    aws.rds.Instance,
    aws.rds.Cluster,
    aws.rds.ClusterInstance,
    aws.rds.SubnetGroup,
    *SNAPSHOTS,
    reason="Passwords of a public database are guessed all day, and copies of unencrypted storage can be read.",
    remedy="Set storageEncrypted to true, publiclyAccessible to false, and dbSubnetGroupName to private subnets.",
    severity=Severity.CRITICAL,
    levels=ALWAYS,
    serves=[
        "fsbp:RDS.1",
        "fsbp:RDS.2",
        "fsbp:RDS.3",
        "fsbp:RDS.18",
        "fsbp:RDS.27",
        "fsbp:RDS.46",
        "checkov:CKV_AWS_16",
        "checkov:CKV_AWS_17",
        "cis-aws:2.3.1",
        "cis-aws:2.3.3",
        "nist:AC-4(21)",
        "nist:SC-7(11)",
        "nist:SC-13",
        "nist:SC-28(1)",
        "soc2:CC6.2",
        "soc2:PI1.5",
        "iso:A.8.20",
        "iso:A.8.22",
        "iso:A.8.24",
    ],
)
def database_is_private_and_encrypted(database: Resource) -> Iterator[str]:
    """A database is not reachable from the internet, is encrypted, is in private subnets and has no public snapshot."""
    if database.type in map(token, SNAPSHOTS):
        yield from _shared(database)
    elif database.type == token(aws.rds.SubnetGroup):
        yield from every(subnets(database, "subnetIds"), _routed)
        foreign_subnets(database, "subnetIds")
    elif database.type == MEMBER:
        # Its cluster decides on encryption and subnets.
        yield from _public(database)
    else:
        yield from independently([_public(database), _unencrypted(database), _in_default_network(database)])


def _shared(snapshot: Resource) -> Iterator[str]:
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ShareSnapshot.html
    if "all" in [*snapshot.each("sharedAccounts")]:
        yield "can be restored by every AWS account: sharedAccounts is all"


def _routed(subnet: Resource) -> Iterator[str]:
    if is_public(subnet):
        yield f"puts databases in {subnet.name}, which is routed to the internet"


def _public(database: Resource) -> Iterator[str]:
    if is_on(database.get("publiclyAccessible")):
        yield f"is reachable from the internet: {stated(database, 'publiclyAccessible')}"
    elif (
        _is_multi_az_cluster(database) and database.get("publiclyAccessible") is None and _has_default_network(database)
    ):
        # https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBCluster.html
        yield "is reachable from the internet by default: publiclyAccessible is not set"


def _is_multi_az_cluster(database: Resource) -> bool:
    """Whether it is a Multi-AZ DB cluster, whose instances RDS creates."""
    return database.has("dbClusterInstanceClass")


def _has_default_network(database: Resource) -> bool:
    """Whether it is in the default VPC; a subnet group that is not known yet is another one."""
    return database.inputs.get("dbSubnetGroupName") in (None, "", DEFAULT_NETWORK)


def _unencrypted(database: Resource) -> Iterator[str]:
    if is_on(database.get("storageEncrypted")):
        return
    if database.type == CLUSTER:
        if database.get("storageEncrypted") is None and database.get("engineMode") == "serverless":
            return
    elif database.has("replicateSourceDb") and (database.has("kmsKeyId") or _has_encrypted_source(database)):
        # A replica in another region has a key instead; one in the same region is encrypted as its source.
        return
    yield f"is not encrypted: {stated(database, 'storageEncrypted')}"


def _has_encrypted_source(replica: Resource) -> bool:
    return any(is_on(each.get("storageEncrypted")) for each in replica.referred("replicateSourceDb"))


def _in_default_network(database: Resource) -> Iterator[str]:
    if _has_default_network(database) and not _has_network_of_source(database):
        yield f"is in the default VPC: {stated(database, 'dbSubnetGroupName')}"


def _has_network_of_source(database: Resource) -> bool:
    """Whether it is a replica in the region of its source, which it names by its identifier and not by an ARN."""
    if not database.has("replicateSourceDb"):
        return False
    source = database.inputs.get("replicateSourceDb")
    if not isinstance(source, str) and database.referred("replicateSourceDb"):
        return True
    return not str(database.get("replicateSourceDb")).startswith("arn:")


@rule(
    "ML-RDS-02",
    aws.rds.Instance,
    aws.rds.Cluster,
    reason="Experiments, features and pipelines stop with their database, and what is not backed up is lost with it.",
    remedy=(
        "Set multiAz, or two ClusterInstances of a cluster in different zones; backupRetentionPeriod to 7 or more; "
        "and deletionProtection."
    ),
    severity=Severity.HIGH,
    levels=Levels(Level.OFF, Level.ADVISORY, Level.MANDATORY),
    serves=[
        "fsbp:RDS.5",
        "fsbp:RDS.7",
        "fsbp:RDS.8",
        "fsbp:RDS.11",
        "fsbp:RDS.15",
        "checkov:CKV_AWS_133",
        "checkov:CKV_AWS_157",
        "checkov:CKV_AWS_293",
        "nist:CP-9",
        "nist:CP-10",
        "nist:SI-13(5)",
        "soc2:A1.1",
        "soc2:CC7.4",
        "iso:A.8.14",
    ],
)
def database_survives(database: Resource) -> Iterator[str]:
    """A database runs in several Availability Zones, keeps backups for 7 days, and is protected from deletion."""
    zones = _cluster_zones(database) if database.type == CLUSTER else _instance_zones(database)
    yield from independently([_deletable(database), _backups(database), zones])


def _deletable(database: Resource) -> Iterator[str]:
    if not is_on(database.get("deletionProtection")):
        yield f"is not protected from deletion: {stated(database, 'deletionProtection')}"


def _backups(database: Resource) -> Iterator[str]:
    if database.has("replicateSourceDb"):
        # Its source is backed up.
        return
    # By default, an instance has no backups, and a cluster has those of one day.
    if (number(database.get("backupRetentionPeriod")) or 0) < MIN_BACKUP_DAYS:
        yield f"keeps backups for less than {MIN_BACKUP_DAYS} days: {stated(database, 'backupRetentionPeriod')}"


def _instance_zones(database: Resource) -> Iterator[str]:
    if not is_on(database.get("multiAz")):
        yield f"runs in one Availability Zone: {stated(database, 'multiAz')}"


def _cluster_zones(cluster: Resource) -> Iterator[str]:
    if _is_multi_az_cluster(cluster) or cluster.get("engineMode") == "serverless":
        return
    if cluster.get("clusterScalabilityType") == "limitless":
        return
    members = cluster.referring(aws.rds.ClusterInstance, "clusterIdentifier")
    if len(members) < MIN_MEMBERS:
        yield f"has fewer than {MIN_MEMBERS} instances, which are its ClusterInstances"
        return
    # RDS chooses the zone of an instance that names none.
    zones = {str(each.get("availabilityZone", each.name)) for each in members}
    if len(zones) == 1:
        yield f"has all instances in one Availability Zone: {stated(members[0], 'availabilityZone')}"


@rule(
    "ML-RDS-03",
    aws.rds.Instance,
    aws.rds.Cluster,
    aws.rds.ClusterInstance,
    reason="Data can be read on its way, shared passwords outlive their users, and attacks leave no trace.",
    remedy=(
        "Set rds.force_ssl or require_secure_transport to 1 in a parameter group, iamDatabaseAuthenticationEnabled, "
        "enabledCloudwatchLogsExports, and autoMinorVersionUpgrade."
    ),
    severity=Severity.MEDIUM,
    levels=ONLY_PROD,
    serves=[
        "fsbp:RDS.10",
        "fsbp:RDS.12",
        "fsbp:RDS.13",
        "fsbp:RDS.35",
        "fsbp:RDS.36",
        "checkov:CKV2_AWS_69",
        "checkov:CKV_AWS_129",
        "checkov:CKV_AWS_161",
        "checkov:CKV_AWS_226",
        "cis-aws:2.3.2",
        "nist:AU-2",
        "nist:AU-12",
        "soc2:CC7.2",
        "soc2:PI1.3",
        "iso:A.8.15",
        "iso:A.8.24",
    ],
)
def database_is_accessed_safely(database: Resource) -> Iterator[str]:
    """A database requires TLS, allows IAM authentication, exports its logs, and installs minor versions."""
    if database.type == MEMBER:
        yield from _minor_versions(database)
    else:
        yield from independently(
            [_minor_versions(database), _iam_authentication(database), _logs(database), _tls(database)]
        )


def _minor_versions(database: Resource) -> Iterator[str]:
    if not is_on(database.get("autoMinorVersionUpgrade", True)):
        yield f"does not install minor versions: {stated(database, 'autoMinorVersionUpgrade')}"


def _iam_authentication(database: Resource) -> Iterator[str]:
    if not is_on(database.get("iamDatabaseAuthenticationEnabled")) and _engine(database) in IAM_ENGINES:
        yield f"has no IAM authentication: {stated(database, 'iamDatabaseAuthenticationEnabled')}"


def _logs(database: Resource) -> Iterator[str]:
    if not database.has("enabledCloudwatchLogsExports"):
        yield "exports no logs: enabledCloudwatchLogsExports is not set"
    elif POSTGRES_LOG not in database.each("enabledCloudwatchLogsExports") and _engine(database) in _POSTGRES:
        yield f"does not export the log of PostgreSQL: enabledCloudwatchLogsExports lacks {POSTGRES_LOG}"


def _tls(database: Resource) -> Iterator[str]:
    engine = _engine(database)
    parameter = TLS_PARAMETERS.get(engine)
    if parameter is None:
        return
    value = _parameter(database, parameter)
    if value is None:
        if not _requires_tls(engine, _version(database)):
            yield f"accepts connections without TLS: {parameter} is not set"
    elif value not in ON:
        yield f"accepts connections without TLS: {parameter} is {value}"


def _parameter(database: Resource, name: str) -> str | None:
    """The value of a parameter in the database's own parameter group; None if it has the engine's default."""
    kind: Class = aws.rds.ParameterGroup
    field = "parameterGroupName"
    if database.type == CLUSTER:
        kind, field = aws.rds.ClusterParameterGroup, "dbClusterParameterGroupName"
    group = database.inputs.get(field)
    if not group or (isinstance(group, str) and group.startswith("default.")):
        return None
    groups = [each for each in database.referred(field) if each.type == token(kind)]
    if not groups:
        raise NotEvaluated(f"the group of {field} is not in the stack")
    for each in parts(groups[0], "parameters"):
        if each.get("name") == name:
            return str(each.get("value")).lower()
    return None


def _requires_tls(engine: str, version: tuple[int, ...]) -> bool:
    """Whether an engine rejects connections without TLS by default."""
    since = TLS_SINCE.get(engine)
    if since is None:
        return False
    # Without a version, RDS takes one that it prefers. Only of PostgreSQL, each of these is new enough.
    return version >= since if version else engine == "postgres"


def _engine(database: Resource) -> str:
    """The engine without its edition, e.g. `sqlserver` for `sqlserver-se`."""
    found = str(_own_or_source(database, "engine")).lower()
    return found if found in TLS_PARAMETERS else found.split("-")[0]


def _version(database: Resource) -> tuple[int, ...]:
    """The first two numbers of the engine's version; empty if RDS chooses one."""
    numbers = re.findall(r"[0-9]+", str(_own_or_source(database, "engineVersion", needed=False)))
    return tuple(int(each) for each in [*numbers, "0"][:2]) if numbers else ()


def _own_or_source(database: Resource, field: str, needed: bool = True) -> object:
    """An input of a database, or of the database in the stack that it is a replica of."""
    own = database.get(field)
    if own is not None:
        return own
    for source in database.referred("replicateSourceDb"):
        if (found := source.get(field)) is not None:
            return found
    if needed:
        raise NotEvaluated(f"{field} is not set, so that the source of the database decides on it")
    return None

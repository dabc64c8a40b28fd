"""Prices of databases."""

import math
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, NamedTuple

from awsfacts import database_versions
from mlpctl.review.cost.book import MONTH_HOURS
from mlpctl.review.cost.parts import Missing, NoPrice, Parts, Subject, aside, assuming
from mlpctl.review.values.plain import Unknown


class Baseline(NamedTuple):
    """Performance that is included in the gp3 storage of RDS."""

    iops: float
    mibps: float


GP3_SMALL: Final = Baseline(3000, 125)
GP3_LARGE: Final = Baseline(12000, 500)
GP3_LARGE_GB: Final[Mapping[str, float]] = {"mysql": 400, "mariadb": 400, "postgres": 400, "db2": 400, "oracle": 200}
"""Smallest size in GB with the larger baseline, by prefix of the engine's name:
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html"""

STANDBY: Final = 2
"""Ratio of the price with a standby to the price without, for instances and storage:
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_OnDemandDBInstances.html"""

FREE_INSIGHTS_DAYS: Final = 7
"""Free retention of Performance Insights: https://aws.amazon.com/rds/performance-insights/pricing/"""

IO_OPTIMIZED: Final = "aurora-iopt1"

NO_EXTENDED_SUPPORT: Final = "open-source-rds-extended-support-disabled"
"""Value of `engineLifecycleSupport` without which RDS Extended Support is charged:
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/extended-support-charges.html"""

_CLASS: Final = re.compile(r"db\.(?P<family>[a-z][a-z0-9]*)\.(?:micro|small|medium|large|(?P<times>\d*)xlarge)")
_OLD_CLASSES: Final = frozenset({"t1", "t2", "m1", "m2", "m3"})
"""Families whose sizes have other numbers of vCPUs than the same sizes of later ones."""

_CLUSTER: Final = "aws:rds/cluster:Cluster"

ENGINES: Final[Mapping[str, str]] = {"aurora": "aurora-mysql"}
"""Engines that have another name in the price book."""


def instance(of: Subject) -> Parts:
    """An RDS database: its instance, its standby if it has one, and its storage."""
    engine = _given(of, "engine").needed("engine")
    kind = of.needed("instanceClass")
    yield from _zoned(of, lambda zones: f"{ENGINES.get(engine, engine)}.{zones}.{kind}", MONTH_HOURS)
    yield from aside(_storage(of, engine), "its storage", large=True)
    if of.get("maxAllocatedStorage"):
        yield Missing("growth by storage autoscaling")
    if of.true("dedicatedLogVolume"):
        yield Missing("its dedicated log volume")
    yield from _extended_support(engine, of, of, _given(of, "engineVersion"))
    yield from _insights(of)


def cluster(of: Subject) -> Parts:
    """A database cluster; its instances are separate resources."""
    if of.text("dbClusterInstanceClass"):
        raise NoPrice("the price book does not cover Multi-AZ DB clusters")
    raise NoPrice("Aurora storage and requests are billed by usage, and cost.usage has no field for them")


def cluster_instance(of: Subject) -> Parts:
    """An Aurora instance."""
    kind = of.needed("instanceClass")
    if kind == "db.serverless":
        raise NoPrice("serverless instances are billed by usage")
    clusters = _clusters(of)
    if any(each.text("storageType") == IO_OPTIMIZED for each in clusters):
        raise NoPrice("the price book does not cover Aurora I/O-Optimized")
    engine = of.needed("engine")
    yield from of.hourly("rds", f"{ENGINES.get(engine, engine)}.single.{kind}")
    yield from _extended_support(engine, of, *clusters, of)
    yield from _insights(of)


def _clusters(of: Subject) -> list[Subject]:
    """The clusters of the plan that an Aurora instance is in, or may be in.

    Event streams contain no dependencies, only the identifier, which may be unknown.
    """
    if found := of.linked("clusterIdentifier", _CLUSTER):
        return found
    name = of.get("clusterIdentifier")
    if isinstance(name, Unknown):
        return [of.beside(each) for each in of.world.of_type(_CLUSTER)]
    return [of.beside(each) for each in of.world.called(_CLUSTER, name, "clusterIdentifier")]


def _extended_support(engine: str, of: Subject, *sources: Subject) -> Parts:
    """RDS Extended Support of an instance, by the version of the engine in any of the sources."""
    if any(each.get("engineLifecycleSupport") == NO_EXTENDED_SUPPORT for each in sources):
        return
    engine, today = ENGINES.get(engine, engine), of.world.today
    versions = [each.get("engineVersion") for each in sources]
    known = [each for each in versions if isinstance(each, str)]
    old = [each for each in known if database_versions.needs_extended_support(engine, each, today)]
    if old:
        words = f"RDS Extended Support of {engine} {database_versions.major(engine, old[0])}"
        yield from aside(_supported(engine, old[0], of), f"{words}, which is charged per vCPU", large=True)
    elif (
        not known
        and database_versions.ends_of_standard_support(engine)
        and any(isinstance(each, Unknown) for each in versions)
    ):
        yield Missing("RDS Extended Support, if its engine version requires it")


def _supported(engine: str, version: str, of: Subject) -> Parts:
    """Extended Support of a version, for the instance and its standby.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/extended-support-charges.html
    """
    late = database_versions.is_in_third_year(engine, version, of.world.today)
    if late is None:
        raise NoPrice("AWS offers it only for later versions")
    count = vcpus(of.needed("instanceClass")) * (STANDBY if of.true("multiAz") else 1)
    yield from of.hourly("rds", f"extended-support.{'year-3' if late else 'years-1-2'}", count)


def vcpus(kind: str) -> int:
    """Number of vCPUs of an instance class, e.g. 4 of `db.r6g.xlarge`.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.DBInstanceClass.Summary.html

    Raises:
        NoPrice: it is not known.
    """
    if (found := _CLASS.fullmatch(kind)) is None or found["family"] in _OLD_CLASSES:
        raise NoPrice(f"the number of vCPUs of {kind} is not known")
    if found["times"] is not None:
        return 4 * int(found["times"] or 1)
    return 2


def _storage(of: Subject, engine: str) -> Parts:
    iops = of.number("iops", 0)
    gb = _given(of, "allocatedStorage").number("allocatedStorage")
    storage = of.text("storageType", "io1" if iops else "gp2")
    yield from _zoned(of, lambda zones: f"{storage}-storage.{zones}", gb)
    if storage in ("io1", "io2"):
        yield from aside(_zoned(of, lambda zones: f"{storage}-iops.{zones}", of.number("iops")), "its IOPS", large=True)
    elif storage == "gp3":
        had = GP3_LARGE if gb >= _from_gb(engine) else GP3_SMALL
        for item, words, more in (
            ("iops", f"IOPS above {had.iops:,.0f}", iops - had.iops),
            ("throughput", f"throughput above {had.mibps:,.0f} MiB/s", of.number("storageThroughput", 0) - had.mibps),
        ):
            if more > 0:
                yield from aside(_zoned(of, partial(_gp3, item), more), words, large=True)


def _gp3(item: str, zones: str) -> str:
    return f"gp3-{item}.{zones}"


def _zoned(of: Subject, item: Callable[[str], str], quantity: float) -> Parts:
    """Lines for what costs more with a standby; without a row for that in the book, an assumption of AWS's ratio.

    `item` is the name of the row, from `single` or `multi`.
    """
    if not of.true("multiAz"):
        yield from of.monthly("rds", item("single"), quantity)
    elif of.world.book.find("rds", of.region, item("multi")) is not None:
        yield from of.monthly("rds", item("multi"), quantity)
    else:
        ratio = of.default("standby", STANDBY, "times the single-AZ price")
        yield from assuming(of.monthly("rds", item("single"), quantity * STANDBY), ratio)


def _given(of: Subject, path: str) -> Subject:
    """The database that sets an input: this one, or the source of this replica."""
    sources = [] if of.get(path) is not None else of.causes("replicateSourceDb")
    return next((each for each in sources if each.get(path) is not None), of)


def _from_gb(engine: str) -> float:
    return next((gb for name, gb in GP3_LARGE_GB.items() if engine.startswith(name)), math.inf)


def _insights(of: Subject) -> Parts:
    if (
        of.true("performanceInsightsEnabled")
        and of.number("performanceInsightsRetentionPeriod", 0) > FREE_INSIGHTS_DAYS
    ):
        yield Missing(f"Performance Insights data older than {FREE_INSIGHTS_DAYS} days")


def table(of: Subject) -> Parts:
    """A DynamoDB table: provisioned capacity or requests, and storage."""
    if of.text("tableClass", "STANDARD") != "STANDARD":
        raise NoPrice("the price book covers only tables of class STANDARD")
    if of.text("billingMode", "PROVISIONED") == "PROVISIONED":
        for each in (of, *of.each("globalSecondaryIndexes")):
            yield from of.monthly("dynamodb", "provisioned-rcu", each.number("readCapacity") * MONTH_HOURS)
            yield from of.monthly("dynamodb", "provisioned-wcu", each.number("writeCapacity") * MONTH_HOURS)
    else:
        yield from of.used("dynamodbReads", "dynamodb", "on-demand-read")
        yield from of.used("dynamodbWrites", "dynamodb", "on-demand-write")
    yield from of.used("dynamodbStorageGb", "dynamodb", "storage")
    if of.true("pointInTimeRecovery.enabled"):
        yield from of.used("dynamodbStorageGb", "dynamodb", "pitr")
    if of.each("replicas"):
        yield Missing("its replicas")

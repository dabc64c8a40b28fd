"""Databases."""

from collections.abc import Mapping
from typing import Final

from mlpctl.review.cost.book import MONTH_HOURS
from mlpctl.review.cost.parts import Missing, NoPrice, Parts, Subject

RDS_GP3_IOPS: Final = 3000
"""What gp3 storage of RDS has without being asked, or more: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html"""

ENGINES: Final[Mapping[str, str]] = {"aurora": "aurora-mysql"}
"""Engines that the price book knows by another name."""


def instance(of: Subject) -> Parts:
    """A database of RDS: its instance, a standby where it has one, and its storage."""
    engine = of.text("engine") or _replicated(of)
    zones = "multi" if of.true("multiAz") else "single"
    yield from of.hourly("rds", f"{ENGINES.get(engine, engine)}.{zones}.{of.text('instanceClass')}")
    iops = of.number("iops", 0)
    storage = of.text("storageType", "io1" if iops else "gp2")
    yield from of.monthly("rds", f"{storage}-storage.{zones}", of.number("allocatedStorage"))
    if storage in ("io1", "io2"):
        yield from of.monthly("rds", f"{storage}-iops.{zones}", iops)
    elif iops > RDS_GP3_IOPS:
        yield Missing(f"IOPS above {RDS_GP3_IOPS}")
    if of.get("maxAllocatedStorage"):
        yield Missing("storage that it grows by")


def cluster_instance(of: Subject) -> Parts:
    """An instance of Aurora."""
    kind = of.text("instanceClass")
    if kind == "db.serverless":
        raise NoPrice("a serverless instance is paid by its use")
    engine = of.text("engine")
    yield from of.hourly("rds", f"{ENGINES.get(engine, engine)}.single.{kind}")


def table(of: Subject) -> Parts:
    """A table of DynamoDB: provisioned capacity or requests, and what it keeps."""
    if of.text("tableClass", "STANDARD") != "STANDARD":
        raise NoPrice("the price book has tables of the class STANDARD only")
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


def _replicated(of: Subject) -> str:
    """The engine of the database that this one is a replica of."""
    for source in of.causes("replicateSourceDb"):
        if engine := source.text("engine"):
            return engine
    raise NoPrice("engine is not given")

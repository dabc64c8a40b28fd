"""Prices of storage: disks, buckets, file systems, images."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from mlpctl.review.cost.parts import Free, Line, Missing, NoPrice, Parts, Range, Subject, aside, assuming

GP3_IOPS: Final = 3000
GP3_MIBPS: Final = 125
"""Baseline performance of a gp3 volume: https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html"""

EFS_MIBPS_PER_GB: Final = 1 / 20
"""Throughput that is included with each GB in EFS Standard or One Zone, 50 KB/s; provisioned throughput is billed only
above it: https://aws.amazon.com/efs/pricing/"""

LUSTRE: Final[Mapping[str, str]] = {"SCRATCH_1": "scratch", "SCRATCH_2": "scratch"}


def disk(of: Subject, count: Range, below: str = "") -> Parts:
    """EBS volumes that are launched with an instance.

    Raises:
        NoPrice: the image determines their size or type.
    """
    if not (kind := of.text(f"{below}volumeType")):
        raise NoPrice("the image determines its type")
    if of.get(f"{below}volumeSize") is None:
        raise NoPrice("the image determines its size")
    yield from volumes(of, kind, of.number(f"{below}volumeSize"), count, below)
    yield from _initialized(of, below)


def volume(of: Subject) -> Parts:
    """An EBS volume."""
    yield from volumes(of, of.text("type", "gp2"), of.number("size"), Range.of(1))
    yield from _initialized(of)


def _initialized(of: Subject, below: str = "") -> Parts:
    if of.get(f"{below}volumeInitializationRate") is not None:
        yield Missing("its initialization, which is billed per GB of the snapshot")


def volumes(of: Subject, kind: str, gb: float, count: Range, below: str = "") -> Parts:
    """Volumes of one type: their storage, and IOPS and throughput above the baseline."""
    yield from of.monthly("ebs", f"{kind}-storage", count * gb)
    if kind == "gp3":
        if iops := max(0.0, of.number(f"{below}iops", GP3_IOPS) - GP3_IOPS):
            yield from aside(of.monthly("ebs", "gp3-iops", count * iops), f"IOPS above {GP3_IOPS}", large=True)
        if throughput := max(0.0, of.number(f"{below}throughput", GP3_MIBPS) - GP3_MIBPS):
            more = of.monthly("ebs", "gp3-throughput", count * throughput)
            yield from aside(more, f"throughput above {GP3_MIBPS} MiB/s", large=True)
    elif kind in ("io1", "io2"):
        yield from _each_volume(of, f"{kind}-iops", of.number(f"{below}iops"), count)


def _each_volume(of: Subject, item: str, units: float, count: Range) -> Parts:
    """Lines for several volumes; price tiers apply to each volume separately."""
    for part in of.monthly("ebs", item, units):
        yield replace(part, quantity=count * part.quantity.expected) if isinstance(part, Line) else part


def snapshot(of: Subject) -> Parts:
    """A snapshot of an EBS volume."""
    yield from of.used("snapshotGb", "ebs", "snapshot")


def bucket(of: Subject) -> Parts:
    """An S3 bucket; data in other storage classes is priced as Standard."""
    yield from of.used("s3StorageGb", "s3", "standard-storage")
    yield from of.used("s3PutRequests", "s3", "put-requests")
    yield from of.used("s3GetRequests", "s3", "get-requests")


def file_system(of: Subject) -> Parts:
    """An EFS file system: its storage, and its throughput according to the throughput mode."""
    zonal = "one-zone-storage" if of.get("availabilityZoneName") else "standard-storage"
    mode = of.text("throughputMode", "bursting")
    yield from of.used("efsStorageGb", "efs", zonal)
    policies = of.each("lifecyclePolicies")
    if policies:
        yield from of.used("efsInfrequentGb", "efs", "ia-storage-elastic" if mode == "elastic" else "ia-storage")
    if any(each.get("transitionToArchive") is not None for each in policies):
        yield from of.used("efsArchiveGb", "efs", "archive-storage")
        yield Missing("access to data in the Archive storage class")
    if mode == "elastic":
        yield from of.used("efsReadGb", "efs", "elastic-read")
        yield from of.used("efsWriteGb", "efs", "elastic-write")
    elif mode == "provisioned":
        yield from _provisioned_throughput(of)


def file_system_backups(of: Subject) -> Parts:
    """Automatic backups of an EFS file system, stored by AWS Backup."""
    if of.text("backupPolicy.status") != "ENABLED":
        yield Free("no backups are made")
        return
    yield from of.used("efsBackupGb", "backup", "efs-warm")


def _provisioned_throughput(of: Subject) -> Parts:
    """Throughput above what the storage includes; all of it if `efsStorageGb` is not set."""
    stored = of.assumption("efsStorageGb")
    included = stored.value * EFS_MIBPS_PER_GB if stored else 0
    billed = max(0.0, of.number("provisionedThroughputInMibps") - included)
    yield from assuming(of.monthly("efs", "provisioned-throughput", billed), stored)


def lustre(of: Subject) -> Parts:
    """An FSx for Lustre file system."""
    if (media := of.text("storageType", "SSD")) != "SSD":
        raise NoPrice(f"the price book does not cover {media} storage of FSx for Lustre")
    kind = of.text("deploymentType", "SCRATCH_1")
    if kind == "PERSISTENT_1":
        raise NoPrice("the price book does not cover PERSISTENT_1 storage of FSx for Lustre")
    item = LUSTRE.get(kind) or f"persistent-{of.number('perUnitStorageThroughput'):.0f}"
    yield from of.monthly("fsx-lustre", item, of.number("storageCapacity"))
    if of.number("automaticBackupRetentionDays", 0):
        yield Missing("its backups")
    if of.get("metadataConfiguration.iops") is not None:
        yield Missing("its metadata IOPS")


def repository(of: Subject) -> Parts:
    """An ECR repository."""
    yield from of.used("ecrStorageGb", "ecr", "storage")


def registry_scanning(of: Subject) -> Parts:
    """Image scanning: basic scans are free, Amazon Inspector is not."""
    if of.text("scanType", "BASIC") != "BASIC":
        raise NoPrice("Amazon Inspector is billed per image, and the number of images is not known")
    yield Free("basic scans are free")

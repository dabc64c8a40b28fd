"""What keeps data: disks, buckets, file systems, images."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from mlpctl.review.cost.parts import Free, Line, Missing, NoPrice, Parts, Range, Subject, aside, assuming

GP3_IOPS: Final = 3000
GP3_MIBPS: Final = 125
"""What a gp3 volume has without being asked: https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html"""

EFS_MIBPS_PER_GB: Final = 1 / 20
"""Throughput that comes with each GB in EFS Standard or One Zone, 50 KB/s, and is not billed where throughput is
provisioned: https://aws.amazon.com/efs/pricing/"""

LUSTRE: Final[Mapping[str, str]] = {"SCRATCH_1": "scratch", "SCRATCH_2": "scratch"}


def disk(of: Subject, count: Range, below: str = "") -> Parts:
    """EBS volumes that an instance is launched with.

    Raises:
        NoPrice: the image decides their size or type.
    """
    if not (kind := of.text(f"{below}volumeType")):
        raise NoPrice("the image decides its type")
    if of.get(f"{below}volumeSize") is None:
        raise NoPrice("the image decides its size")
    yield from volumes(of, kind, of.number(f"{below}volumeSize"), count, below)
    yield from _initialized(of, below)


def volume(of: Subject) -> Parts:
    """An EBS volume."""
    yield from volumes(of, of.text("type", "gp2"), of.number("size"), Range.of(1))
    yield from _initialized(of)


def _initialized(of: Subject, below: str = "") -> Parts:
    if of.get(f"{below}volumeInitializationRate") is not None:
        yield Missing("its initialization, which is paid by the GB of its snapshot")


def volumes(of: Subject, kind: str, gb: float, count: Range, below: str = "") -> Parts:
    """Volumes of one kind: their storage, and IOPS and throughput above what comes with it."""
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
    """Lines of what each of several volumes is paid for: the steps of its price begin anew with each."""
    for part in of.monthly("ebs", item, units):
        yield replace(part, quantity=count * part.quantity.expected) if isinstance(part, Line) else part


def snapshot(of: Subject) -> Parts:
    """A snapshot of an EBS volume."""
    yield from of.used("snapshotGb", "ebs", "snapshot")


def bucket(of: Subject) -> Parts:
    """A bucket of S3; what moves to other classes is counted as if it stayed in Standard."""
    yield from of.used("s3StorageGb", "s3", "standard-storage")
    yield from of.used("s3PutRequests", "s3", "put-requests")
    yield from of.used("s3GetRequests", "s3", "get-requests")


def file_system(of: Subject) -> Parts:
    """A file system of EFS: what it keeps, and its throughput by its mode."""
    zonal = "one-zone-storage" if of.get("availabilityZoneName") else "standard-storage"
    mode = of.text("throughputMode", "bursting")
    yield from of.used("efsStorageGb", "efs", zonal)
    policies = of.each("lifecyclePolicies")
    if policies:
        yield from of.used("efsInfrequentGb", "efs", "ia-storage-elastic" if mode == "elastic" else "ia-storage")
    if any(each.get("transitionToArchive") is not None for each in policies):
        yield from of.used("efsArchiveGb", "efs", "archive-storage")
        yield Missing("access to files of the class Archive, which is paid by the GB")
    if mode == "elastic":
        yield from of.used("efsReadGb", "efs", "elastic-read")
        yield from of.used("efsWriteGb", "efs", "elastic-write")
    elif mode == "provisioned":
        yield from _provisioned_throughput(of)


def file_system_backups(of: Subject) -> Parts:
    """Backups of a file system of EFS by its own plan, which AWS Backup keeps."""
    if of.text("backupPolicy.status") != "ENABLED":
        yield Free("no backups are made")
        return
    yield from of.used("efsBackupGb", "backup", "efs-warm")


def _provisioned_throughput(of: Subject) -> Parts:
    """Throughput above what comes with the storage; all of it where nothing says how much is stored."""
    stored = of.assumption("efsStorageGb")
    included = stored.value * EFS_MIBPS_PER_GB if stored else 0
    billed = max(0.0, of.number("provisionedThroughputInMibps") - included)
    yield from assuming(of.monthly("efs", "provisioned-throughput", billed), stored)


def lustre(of: Subject) -> Parts:
    """A file system of FSx for Lustre."""
    if (media := of.text("storageType", "SSD")) != "SSD":
        raise NoPrice(f"the price book has no {media} storage of FSx for Lustre")
    kind = of.text("deploymentType", "SCRATCH_1")
    if kind == "PERSISTENT_1":
        raise NoPrice("the price book has no PERSISTENT_1 storage of FSx for Lustre")
    item = LUSTRE.get(kind) or f"persistent-{of.number('perUnitStorageThroughput'):.0f}"
    yield from of.monthly("fsx-lustre", item, of.number("storageCapacity"))
    if of.number("automaticBackupRetentionDays", 0):
        yield Missing("its backups")
    if of.get("metadataConfiguration.iops") is not None:
        yield Missing("IOPS for its metadata")


def repository(of: Subject) -> Parts:
    """A repository of ECR."""
    yield from of.used("ecrStorageGb", "ecr", "storage")


def registry_scanning(of: Subject) -> Parts:
    """How images are scanned: basic scans are free, Amazon Inspector is not."""
    if of.text("scanType", "BASIC") != "BASIC":
        raise NoPrice("Amazon Inspector is paid by the image, and nothing says how many there are")
    yield Free("basic scans are free")

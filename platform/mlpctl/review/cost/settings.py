"""What a stack's config says of its cost."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from mlpctl.review.report_cost import Model

Amount = Annotated[float, Field(ge=0, le=10**12, allow_inf_nan=False)]


class CostUse(Model):
    """How much a resource uses in a month. What is not given is no part of the cost, and the review says so."""

    nat_data_gb: Amount | None = None
    """GB through a NAT gateway, in and out."""

    data_out_gb: Amount | None = None
    """GB that a NAT gateway or a load balancer sends to the internet."""

    endpoint_data_gb: Amount | None = None
    """GB through an interface endpoint, all its zones together."""

    load_balancer_lcu: Amount | None = None
    """Capacity units of a load balancer that are in use on average."""

    s3_storage_gb: Amount | None = None
    """GB in a bucket, on average over the month."""

    s3_put_requests: Amount | None = None
    """Requests that write to a bucket, or list it."""

    s3_get_requests: Amount | None = None
    """Requests that read from a bucket."""

    ecr_storage_gb: Amount | None = None
    """GB of images in a repository."""

    snapshot_gb: Amount | None = None
    """GB that a snapshot of a disk keeps."""

    efs_storage_gb: Amount | None = None
    """GB in a file system of EFS."""

    efs_infrequent_gb: Amount | None = None
    """GB of it that moved to Infrequent Access; no part of `efsStorageGb`."""

    efs_archive_gb: Amount | None = None
    """GB of it that moved to Archive; no part of the other two."""

    efs_backup_gb: Amount | None = None
    """GB of backups of a file system of EFS."""

    efs_read_gb: Amount | None = None
    """GB read from a file system of EFS with elastic throughput."""

    efs_write_gb: Amount | None = None
    """GB written to a file system of EFS with elastic throughput."""

    logs_ingest_gb: Amount | None = None
    """GB that a group of logs takes in."""

    logs_storage_gb: Amount | None = None
    """GB that a group of logs keeps, compressed."""

    kms_requests: Amount | None = None
    """Requests to a key."""

    secret_requests: Amount | None = None
    """Requests to a secret."""

    sqs_requests: Amount | None = None
    """Requests to a queue."""

    dynamodb_storage_gb: Amount | None = None
    """GB in a table of DynamoDB."""

    dynamodb_reads: Amount | None = None
    """Read request units of a table that is paid on demand."""

    dynamodb_writes: Amount | None = None
    """Write request units of a table that is paid on demand."""


class CostSettings(Model):
    """What the stack may cost, and the use that its cost is estimated with."""

    max_monthly_usd: Amount | None = None
    """Most US dollars that the stack is expected to cost a month; a review fails above it, and where instances, disks
    or databases have no price and `maxUnpriced` does not say how many may. Default: no limit."""

    max_monthly_delta_usd: Amount | None = None
    """Most US dollars a month that one update may add; a review fails above it, and where it makes or changes
    instances, disks or databases that have no price and `maxUnpriced` does not say how many may. Default: no limit."""

    max_unpriced: int | None = Field(default=None, ge=0, le=100_000)
    """Most resources that may cost something and have no price; a review fails above it, and the limits in dollars then
    leave them out. Default: no limit."""

    usage: Mapping[Annotated[str, Field(min_length=1, max_length=100)], CostUse] = Field(default={}, max_length=1000)
    """Use by the name of a component or resource, e.g. `models` or `network-nat-us-east-1a`. What is under `default`
    goes for every resource that has none of its own."""

    @property
    def assumed(self) -> Mapping[str, Mapping[str, float]]:
        """The use that is given, by name and field."""
        return {name: use.model_dump(by_alias=True, exclude_none=True) for name, use in self.usage.items()}

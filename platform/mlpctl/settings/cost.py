"""The section `cost` of a stack's config."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from mlpctl.model import Model

Amount = Annotated[float, Field(ge=0, le=10**12, allow_inf_nan=False)]


class CostUse(Model):
    """Monthly usage of a resource. Usage that is not set is not included in the cost, and the review reports it."""

    nat_data_gb: Amount | None = None
    """GB that a NAT gateway processes, in both directions."""

    data_out_gb: Amount | None = None
    """GB that a NAT gateway or a load balancer sends to the internet."""

    endpoint_data_gb: Amount | None = None
    """GB that an interface endpoint processes, in all of its zones together."""

    load_balancer_lcu: Amount | None = None
    """Load balancer capacity units (LCUs) that are used on average."""

    s3_storage_gb: Amount | None = None
    """GB stored in a bucket, on average over the month."""

    s3_put_requests: Amount | None = None
    """PUT, COPY, POST and LIST requests to a bucket."""

    s3_get_requests: Amount | None = None
    """GET and other requests to a bucket."""

    ecr_storage_gb: Amount | None = None
    """GB of images in a repository."""

    snapshot_gb: Amount | None = None
    """GB in a snapshot of an EBS volume."""

    efs_storage_gb: Amount | None = None
    """GB stored in an EFS file system."""

    efs_infrequent_gb: Amount | None = None
    """GB stored in the Infrequent Access class of an EFS file system, in addition to `efsStorageGb`."""

    efs_archive_gb: Amount | None = None
    """GB stored in the Archive class of an EFS file system, in addition to `efsStorageGb` and `efsInfrequentGb`."""

    efs_backup_gb: Amount | None = None
    """GB of backups of an EFS file system."""

    efs_read_gb: Amount | None = None
    """GB read from an EFS file system with elastic throughput."""

    efs_write_gb: Amount | None = None
    """GB written to an EFS file system with elastic throughput."""

    logs_ingest_gb: Amount | None = None
    """GB ingested by a log group."""

    logs_storage_gb: Amount | None = None
    """GB stored in a log group, compressed."""

    kms_requests: Amount | None = None
    """Requests that use a KMS key."""

    secret_requests: Amount | None = None
    """API requests for a secret."""

    sqs_requests: Amount | None = None
    """Requests to an SQS queue."""

    dynamodb_storage_gb: Amount | None = None
    """GB stored in a DynamoDB table."""

    dynamodb_reads: Amount | None = None
    """Read request units of a DynamoDB table in on-demand mode."""

    dynamodb_writes: Amount | None = None
    """Write request units of a DynamoDB table in on-demand mode."""


class CostSettings(Model):
    """Limits on the cost of the stack, and the usage for the estimate."""

    max_monthly_usd: Amount | None = None
    """Maximum expected cost of the stack in US dollars per month. A review fails above it, or if instances, disks or
    databases are unpriced and `maxUnpriced` is not set. Default: no limit."""

    max_monthly_delta_usd: Amount | None = None
    """Maximum US dollars per month that one update may add. A review fails above it, or if the update creates or
    changes unpriced instances, disks or databases and `maxUnpriced` is not set. Default: no limit."""

    max_unpriced: int | None = Field(default=None, ge=0, le=100_000)
    """Maximum number of unpriced resources. A review fails above it. If it is set, the limits in dollars ignore
    unpriced resources. Default: no limit."""

    usage: Mapping[Annotated[str, Field(min_length=1, max_length=100)], CostUse] = Field(default={}, max_length=1000)
    """Usage by the name of a component or resource, e.g. `models` or `network-nat-us-east-1a`. The entry `default`
    applies to every resource without its own entry."""

    @property
    def assumed(self) -> Mapping[str, Mapping[str, float]]:
        """The usage that is set, by name and field."""
        return {name: use.model_dump(by_alias=True, exclude_none=True) for name, use in self.usage.items()}

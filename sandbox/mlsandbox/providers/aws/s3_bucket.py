"""S3 buckets."""

from typing import Final

from pulumi_aws import s3

from mlsandbox.providers.aws.api import Api, ApiError, Passing
from mlsandbox.providers.aws.declaration import Declaration
from mlsandbox.providers.aws.steps import AutoName, Update, uses
from mlsandbox.providers.protocol import Properties, ProviderError

_OWN_RESOURCE: Final = "it is deprecated; use the resource aws.s3."


@uses("head_bucket", "create_bucket")
def _create(api: Api, inputs: Properties) -> str:
    name = str(inputs["bucket"])
    if api.find("head_bucket", Bucket=name) is not None:
        # In us-east-1, AWS's CreateBucket succeeds if the owner's bucket already exists.
        raise ProviderError(f"{api.name}: CreateBucket: BucketAlreadyOwnedByYou: the bucket {name} already exists")
    where = {} if api.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": api.region}}
    lock = {"ObjectLockEnabledForBucket": True} if inputs.get("objectLockEnabled") else {}
    api.call("create_bucket", Bucket=name, **where, **lock)
    return name


@uses("head_bucket", "get_bucket_tagging", "get_object_lock_configuration")
def _read(api: Api, id: str) -> Properties | None:
    head = api.find("head_bucket", Bucket=id)
    if head is None:
        return None
    lock = api.find("get_object_lock_configuration", Bucket=id) or {}
    tagging = api.find("get_bucket_tagging", Bucket=id) or {"TagSet": []}
    suffix = "amazonaws.com.cn" if api.partition == "aws-cn" else "amazonaws.com"
    return {
        "bucket": id,
        "arn": f"arn:{api.partition}:s3:::{id}",
        "bucketDomainName": f"{id}.s3.{suffix}",
        "bucketRegion": head["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region", api.region),
        "bucketRegionalDomainName": f"{id}.s3.{api.region}.{suffix}",
        "objectLockEnabled": lock.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") == "Enabled",
        # AWS's default; the sandbox cannot change it.
        "requestPayer": "BucketOwner",
        "tags": {tag["Key"]: tag["Value"] for tag in tagging["TagSet"]},
    }


@uses("put_bucket_tagging", "delete_bucket_tagging")
def _tag(api: Api, id: str, olds: Properties, news: Properties) -> None:
    tags = [{"Key": key, "Value": value} for key, value in (news.get("tagsAll") or {}).items()]
    if tags:
        api.call("put_bucket_tagging", Bucket=id, Tagging={"TagSet": tags})
    elif olds.get("tagsAll"):
        api.call("delete_bucket_tagging", Bucket=id)


@uses("list_object_versions", "delete_objects", "delete_bucket")
def _delete(api: Api, id: str, outputs: Properties) -> None:
    if outputs.get("forceDestroy"):
        _empty(api, id)
    try:
        api.call("delete_bucket", Bucket=id)
    except ApiError as error:
        if error.code == "BucketNotEmpty":
            raise ProviderError(
                f"{error}. Empty the bucket, or set forceDestroy and run an update before you delete it"
            ) from error
        raise


def _empty(api: Api, bucket: str) -> None:
    while True:
        page = api.call("list_object_versions", Bucket=bucket)
        found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        if not found:
            return
        objects = [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in found]
        failed = api.call("delete_objects", Bucket=bucket, Delete={"Objects": objects, "Quiet": True}).get("Errors")
        if failed:
            first = failed[0]
            raise ProviderError(
                f"{api.name}: DeleteObjects: {first.get('Code')}: {first.get('Message')} (object {first.get('Key')})"
            )


BUCKET: Final = Declaration(
    resource=s3.Bucket,
    cloudformation="AWS::S3::Bucket",
    cloudformation_names={"bucket": "BucketName"},
    service="s3",
    key="Bucket",
    defaults={"forceDestroy": False},
    create=_create,
    read=_read,
    updates=(Update("tagsAll", by=_tag),),
    delete=_delete,
    passing=(Passing("create_bucket", "OperationAborted"),),
    name=AutoName("bucket", 63, shape=str.lower, prefix_property="bucketPrefix"),
    replaces=frozenset({"bucket", "bucketPrefix", "objectLockEnabled"}),
    local=frozenset({"forceDestroy"}),
    refused={
        "accelerationStatus": f"{_OWN_RESOURCE}BucketAccelerateConfiguration",
        "acl": f"{_OWN_RESOURCE}BucketAcl",
        "bucketNamespace": "the local AWS API has only the global namespace of bucket names",
        "corsRules": f"{_OWN_RESOURCE}BucketCorsConfiguration",
        "grants": f"{_OWN_RESOURCE}BucketAcl",
        "lifecycleRules": f"{_OWN_RESOURCE}BucketLifecycleConfiguration",
        "logging": f"{_OWN_RESOURCE}BucketLogging",
        "objectLockConfiguration": f"{_OWN_RESOURCE}BucketObjectLockConfiguration",
        "policy": f"{_OWN_RESOURCE}BucketPolicy",
        "replicationConfiguration": f"{_OWN_RESOURCE}BucketReplicationConfig",
        "requestPayer": f"{_OWN_RESOURCE}BucketRequestPaymentConfiguration",
        "serverSideEncryptionConfiguration": f"{_OWN_RESOURCE}BucketServerSideEncryptionConfiguration",
        "versioning": f"{_OWN_RESOURCE}BucketVersioning",
        "website": f"{_OWN_RESOURCE}BucketWebsiteConfiguration",
    },
    absent={
        "hostedZoneId": "only Route 53 aliases of websites need it",
        "websiteDomain": "a bucket that is not a website has none",
        "websiteEndpoint": "a bucket that is not a website has none",
    },
    unlike_cloudformation={
        "objectLockEnabled": "CloudFormation can also enable it later; Terraform's provider replaces",
    },
)

DECLARATIONS: Final = (BUCKET,)

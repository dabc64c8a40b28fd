"""S3 operations that moto does not know and mistakes for others, and policies that it misreads.

moto recognizes an S3 operation by its query parameters. With an unknown parameter, `PUT /bucket?…` creates the bucket
and `DELETE /bucket?…` deletes it; the same is true of objects.

moto applies the statements of a bucket policy without most of their conditions. A policy that denies requests without
TLS would then deny all. Like all other policies in the sandbox, those of buckets have no effect.

moto also requires a checksum of the content for a copy to a bucket with Object Lock. AWS's API has no such parameter
for copies: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
"""

from typing import Any, Final

from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket
from moto.s3.responses import S3Response
from werkzeug.datastructures import Headers

from mlsandbox.endpoint.extensions.extension import Extension, Kind


def _no_policy(self: FakeBucket, action: str, resource: str) -> Any:
    return PermissionResult.NEUTRAL


_key_response_put = S3Response._key_response_put


def _put_or_copy(self: S3Response, query: dict[str, Any], key_name: str) -> Any:
    if "x-amz-copy-source" in self.headers and not self.headers.get("Content-Md5"):
        # moto only looks whether there is one.
        self.headers = Headers([*self.headers.items(), ("Content-Md5", "none")])
    return _key_response_put(self, query, key_name)


def _apply() -> None:
    S3Response._key_response_put = _put_or_copy  # type: ignore[method-assign]  # intended
    FakeBucket.get_permission = _no_policy  # type: ignore[method-assign]  # intended


OBJECTS: Final = Extension(
    "s3",
    ("CopyObject", "DeleteObject", "DeleteObjects", "GetObject", "HeadObject", "PutObject"),
    Kind.CORRECTED,
    _apply,
)

EXTENSION: Final = Extension(
    "s3",
    (
        "CreateBucketMetadataConfiguration",
        "CreateBucketMetadataTableConfiguration",
        "DeleteBucketAnalyticsConfiguration",
        "DeleteBucketIntelligentTieringConfiguration",
        "DeleteBucketInventoryConfiguration",
        "DeleteBucketMetadataConfiguration",
        "DeleteBucketMetadataTableConfiguration",
        "DeleteBucketMetricsConfiguration",
        "DeleteObjectAnnotation",
        "PutBucketAbac",
        "PutBucketAnalyticsConfiguration",
        "PutBucketIntelligentTieringConfiguration",
        "PutBucketMetricsConfiguration",
        "PutBucketRequestPayment",
        "PutObjectAnnotation",
        "RenameObject",
        "UpdateBucketMetadataAnnotationTableConfiguration",
        "UpdateBucketMetadataInventoryTableConfiguration",
        "UpdateBucketMetadataJournalTableConfiguration",
        "UpdateObjectEncryption",
    ),
    Kind.REFUSED,
)

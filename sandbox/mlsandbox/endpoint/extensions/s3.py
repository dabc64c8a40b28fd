"""S3 operations that moto does not know and mistakes for others.

moto recognizes an S3 operation by its query parameters. With an unknown parameter, `PUT /bucket?…` creates the bucket
and `DELETE /bucket?…` deletes it; the same is true of objects.
"""

from typing import Final

from mlsandbox.endpoint.extensions.extension import Extension, Kind

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

"""Operations of S3 that moto does not know and takes for others.

moto tells an operation of S3 by the words of the query that it knows. With any other one, `PUT /bucket?…` creates the
bucket, `DELETE /bucket?…` deletes it, and the same goes for objects.
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

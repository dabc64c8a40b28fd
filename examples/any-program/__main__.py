"""A program with AWS and Kubernetes resources that does not use this project's components."""

import json

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

key = aws.kms.Key("reports", description="Encrypts reports", enable_key_rotation=True)
bucket = aws.s3.Bucket("reports")
aws.s3.BucketServerSideEncryptionConfiguration(
    "reports",
    bucket=bucket.id,
    rules=[
        {"apply_server_side_encryption_by_default": {"sse_algorithm": "aws:kms", "kms_master_key_id": key.arn}},
    ],
)
role = aws.iam.Role(
    "reader",
    assume_role_policy=json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
            ],
        }
    ),
)

namespace = k8s.core.v1.Namespace("reports", metadata={"name": "reports"})
settings = k8s.core.v1.ConfigMap(
    "reports",
    metadata={"name": "settings", "namespace": namespace.metadata["name"]},
    data={"bucket": bucket.id},
)

pulumi.export("bucket", bucket.id)
pulumi.export("settings", settings.metadata["name"])

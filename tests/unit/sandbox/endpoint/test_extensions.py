"""The table of extensions, and corrections of moto whose effect takes too long for a test through the API."""

import json
import time
from types import SimpleNamespace
from typing import Any

from botocore.loaders import Loader

from mlsandbox.endpoint.extensions import EXTENSIONS, Kind, ec2


def test_an_instance_terminated_an_hour_ago_is_removed_with_its_reservation() -> None:
    long_ago, just_now = time.time() - ec2.TERMINATED_S - 60, time.time()
    ended, shown = SimpleNamespace(terminated_at=long_ago), SimpleNamespace(terminated_at=just_now)
    live = SimpleNamespace()
    backend: Any = SimpleNamespace(
        reservations={
            "r-1": SimpleNamespace(instances=[ended]),
            "r-2": SimpleNamespace(instances=[ended, shown, live]),
        }
    )
    ec2._forget_terminated(backend)
    assert [*backend.reservations] == ["r-2"]
    assert backend.reservations["r-2"].instances == [shown, live]


def test_extensions_have_operations_of_aws() -> None:
    for each in EXTENSIONS:
        known = Loader().load_service_model(each.service, "service-2")["operations"]
        assert {*each.operations} <= known.keys(), each.service


def test_only_one_extension_serves_an_operation() -> None:
    answered = [
        (each.service, name) for each in EXTENSIONS if each.kind is not Kind.CORRECTED for name in each.operations
    ]
    assert len(answered) == len({*answered})


def test_operations_on_a_missing_file_system_fail(served: Any) -> None:
    gone = {"FileSystemId": "fs-0123456789abcdef0"}
    policy = '{"Version": "2012-10-17", "Statement": []}'
    for operation, more in (
        ("create_access_point", {}),
        ("describe_backup_policy", {}),
        ("describe_file_system_policy", {}),
        ("put_backup_policy", {"BackupPolicy": {"Status": "ENABLED"}}),
        ("put_file_system_policy", {"Policy": policy}),
        ("update_file_system", {"ThroughputMode": "elastic"}),
    ):
        assert served.refused(operation, "efs", **gone, **more)[0] == "FileSystemNotFound", operation
    assert served.refused("delete_access_point", "efs", AccessPointId="fsap-0123456789abcdef0")[0] == (
        "AccessPointNotFound"
    )


def test_the_default_key_of_an_encrypted_file_system_is_the_aws_managed_key(served: Any) -> None:
    made = served.client("efs").create_file_system(CreationToken="sealed", Encrypted=True)
    described = served.client("kms").describe_key(KeyId="alias/aws/elasticfilesystem")["KeyMetadata"]
    assert made["KmsKeyId"] == described["Arn"]


def test_a_bucket_policy_has_no_effect_on_objects(served: Any) -> None:
    s3 = served.client("s3")
    s3.create_bucket(Bucket="closed")
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::closed/*"}
    condition = {"Bool": {"aws:SecureTransport": "false"}}
    policy = {"Version": "2012-10-17", "Statement": [{**deny, "Condition": condition}]}
    s3.put_bucket_policy(Bucket="closed", Policy=json.dumps(policy))
    s3.put_object(Bucket="closed", Key="a", Body=b"1")
    assert s3.get_object(Bucket="closed", Key="a")["Body"].read() == b"1"
    assert s3.delete_objects(Bucket="closed", Delete={"Objects": [{"Key": "a"}]})["Deleted"][0]["Key"] == "a"


def test_a_copy_in_a_bucket_with_object_lock_needs_no_checksum(served: Any) -> None:
    s3 = served.client("s3")
    s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    lock = {"ObjectLockEnabled": "Enabled", "Rule": rule}
    s3.put_object_lock_configuration(Bucket="locked", ObjectLockConfiguration=lock)
    s3.put_object(Bucket="locked", Key="a", Body=b"1")
    s3.copy_object(Bucket="locked", Key="b", CopySource="locked/a")
    assert s3.get_object(Bucket="locked", Key="b")["Body"].read() == b"1"
    version = s3.head_object(Bucket="locked", Key="b")["VersionId"]
    assert served.refused("delete_object", "s3", Bucket="locked", Key="b", VersionId=version)[0] == "AccessDenied"

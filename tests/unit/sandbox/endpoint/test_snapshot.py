"""The AWS API's state is restored in a later process."""

import json
import os
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mlsandbox.errors import SandboxError
from mlsandbox.ground.layout import Layout

pytestmark = pytest.mark.engine

Run = Callable[..., AbstractContextManager[Any]]


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "sandbox")
    layout.prepare()
    return layout


def test_an_unfinished_list_of_pages_does_not_prevent_saving(layout: Layout, run: Run, new_account: Any) -> None:
    filters = [{"Key": "team", "Values": ["ml"]}]
    with run(layout):
        account = new_account(layout)
        ec2, tagging = account.ec2, account.client("resourcegroupstaggingapi")
        for _ in range(3):
            tags = [{"ResourceType": "vpc", "Tags": [{"Key": "team", "Value": "ml"}]}]
            ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tags)
        first = tagging.get_resources(TagFilters=filters, ResourcesPerPage=2)
        assert len(first["ResourceTagMappingList"]) == 2

    with run(layout):
        with pytest.raises(ClientError, match="PaginationTokenExpiredException"):
            tagging.get_resources(TagFilters=filters, PaginationToken=first["PaginationToken"])
        assert len(tagging.get_resources(TagFilters=filters)["ResourceTagMappingList"]) == 3


def test_the_state_is_restored_after_a_restart(layout: Layout, run: Run, new_account: Any) -> None:
    body = os.urandom(100_000)
    with run(layout):
        account = new_account(layout).prepare()
        account.cluster()
        account.nodegroup()
        s3, kms, ssm = account.client("s3"), account.client("kms"), account.client("ssm")
        s3.create_bucket(Bucket="models")
        s3.put_object(Bucket="models", Key="weights", Body=body)
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        secret = kms.encrypt(KeyId=key, Plaintext=b"hello")["CiphertextBlob"]
        signing = kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
        public = kms.get_public_key(KeyId=signing)["PublicKey"]
        ssm.put_parameter(Name="/a", Value="b", Type="String")
        account.client("sqs").create_queue(QueueName="jobs")
        account.client("logs").create_log_group(logGroupName="logs")
        ecr = account.client("ecr")
        ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
        ecr.create_repository_creation_template(prefix="quay", appliedFor=["PULL_THROUGH_CACHE"])
        cache = ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"]
        template = ecr.describe_repository_creation_templates()["repositoryCreationTemplates"]
        efs = account.client("efs")
        files = efs.create_file_system(CreationToken="shared", Encrypted=True)["FileSystemId"]
        efs.put_backup_policy(FileSystemId=files, BackupPolicy={"Status": "ENABLED"})
        cluster = account.eks.describe_cluster(name="main")["cluster"]
        nodegroup = account.eks.describe_nodegroup(clusterName="main", nodegroupName="system")["nodegroup"]
        vpcs = account.ec2.describe_vpcs()["Vpcs"]

    with run(layout):
        assert s3.get_object(Bucket="models", Key="weights")["Body"].read() == body
        assert kms.decrypt(CiphertextBlob=secret)["Plaintext"] == b"hello"
        assert kms.get_public_key(KeyId=signing)["PublicKey"] == public
        assert ssm.get_parameter(Name="/a")["Parameter"]["Value"] == "b"
        assert account.client("sqs").get_queue_url(QueueName="jobs")
        assert account.client("logs").describe_log_groups()["logGroups"][0]["logGroupName"] == "logs"
        assert ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"] == cache
        assert ecr.describe_repository_creation_templates()["repositoryCreationTemplates"] == template
        assert efs.describe_backup_policy(FileSystemId=files)["BackupPolicy"]["Status"] == "ENABLED"
        assert ecr.create_repository(repositoryName="models")["repository"], "moto acquires a lock of its own for this"
        assert account.eks.describe_cluster(name="main")["cluster"] == cluster
        found = account.eks.describe_nodegroup(clusterName="main", nodegroupName="system")["nodegroup"]
        assert found == nodegroup
        assert account.ec2.describe_vpcs()["Vpcs"] == vpcs
        assert account.user == "arn:aws:iam::123456789012:user/sandbox"
        account.empty_eks()


def test_a_killed_process_loses_changes_after_the_last_snapshot(layout: Layout, run: Run, new_account: Any) -> None:
    account = new_account(layout)
    s3 = account.client("s3")
    with pytest.raises(KeyboardInterrupt), run(layout) as process:
        s3.create_bucket(Bucket="before")
        process.snapshot()
        s3.create_bucket(Bucket="after")
        # `run` kills the process after an exception.
        raise KeyboardInterrupt

    with run(layout):
        assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["before"]


def test_a_snapshot_of_another_moto_version_is_rejected(layout: Layout, run: Run) -> None:
    with run(layout):
        pass
    file = layout.aws / "snapshot"
    head, _, rest = file.read_bytes().partition(b"\n")
    file.write_bytes(json.dumps({**json.loads(head), "moto": "4.0.0"}).encode() + b"\n" + rest)

    with pytest.raises(SandboxError, match=r"was written with moto 4\.0\.0 .* cannot be read with moto"), run(layout):
        pass


def test_a_file_that_is_not_a_snapshot_is_rejected(layout: Layout, run: Run) -> None:
    (layout.aws / "snapshot").write_bytes(b"\x80\x05nonsense")

    with pytest.raises(SandboxError, match="is not a snapshot of the sandbox's AWS API"), run(layout):
        pass


def test_a_port_in_use_is_an_error(layout: Layout, run: Run) -> None:
    port = layout.ports().aws
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(SandboxError, match=f"The AWS API cannot listen on port {port}"),
        run(layout),
    ):
        pass


def test_a_killed_process_leaves_a_mark_if_changes_may_be_lost(
    layout: Layout, run: Run, new_account: Any, begin: Callable[[Layout], Any]
) -> None:
    with run(layout):
        new_account(layout).client("s3").create_bucket(Bucket="kept")
    assert not layout.lost_file.exists()
    with run(layout):
        assert not layout.lost_file.exists()

    killed = begin(layout)
    new_account(layout).client("s3").create_bucket(Bucket="lost")
    killed.kill()
    with run(layout):
        names = [each["Name"] for each in new_account(layout).client("s3").list_buckets()["Buckets"]]
        assert names == ["kept"]
        assert layout.lost_file.exists()

    killed = begin(layout)
    new_account(layout).client("s3").create_bucket(Bucket="saved")
    killed.snapshot()
    layout.lost_file.unlink()
    killed.kill()
    with run(layout):
        assert len(new_account(layout).client("s3").list_buckets()["Buckets"]) == 2
        assert not layout.lost_file.exists()

"""The differences from AWS that `mlsandbox status` lists exist: an outdated entry fails a test."""

from typing import Any

import boto3

from mlsandbox.host import status_page


def difference(what: str) -> str:
    (entry,) = [each for each in status_page.differences() if each.what == what]
    return entry.how


def test_iam_policies_are_not_evaluated(served: Any) -> None:
    assert "does not evaluate" in difference("IAM policies")
    served.iam.create_user(UserName="nobody")
    key = served.iam.create_access_key(UserName="nobody")["AccessKey"]
    session = boto3.session.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name="us-east-1")
    session.client("s3", endpoint_url=served.layout.aws_endpoint).create_bucket(Bucket="made-by-nobody")


def test_no_quota_applies_by_default(account: Any) -> None:
    assert "until it is set" in difference("quotas")
    account.cluster()
    account.nodegroup(
        "gpus", instanceTypes=["p5.48xlarge"], scalingConfig={"minSize": 0, "maxSize": 9, "desiredSize": 9}
    )
    found = account.eks.describe_nodegroup(clusterName="main", nodegroupName="gpus")["nodegroup"]
    assert found["status"] == "ACTIVE"


def test_capacity_reservations_are_not_checked(account: Any) -> None:
    assert "every capacity reservation and Capacity Block is accepted" in difference("capacity")
    target = {"CapacityReservationTarget": {"CapacityReservationId": "cr-00000000000000000"}}
    data = {"InstanceType": "p5.48xlarge", "CapacityReservationSpecification": target}
    made = account.ec2.create_launch_template(LaunchTemplateName="reserved", LaunchTemplateData=data)
    account.cluster()
    account.nodegroup("reserved", launchTemplate={"id": made["LaunchTemplate"]["LaunchTemplateId"]})


def test_user_data_is_not_validated(account: Any) -> None:
    assert "only the settings that identify the cluster are read" in difference("launch templates")
    data = {"InstanceType": "m7i.large", "UserData": "AAAA"}
    made = account.ec2.create_launch_template(LaunchTemplateName="unread", LaunchTemplateData=data)
    account.cluster()
    account.nodegroup("unread", launchTemplate={"id": made["LaunchTemplate"]["LaunchTemplateId"]})


def test_cidr_blocks_are_stored_as_they_are_written(served: Any) -> None:
    assert "10.1.2.3/16" in difference("addresses")
    assert served.ec2.create_vpc(CidrBlock="10.1.2.3/16")["Vpc"]["CidrBlock"] == "10.1.2.3/16"


def test_an_add_on_is_active_at_once(account: Any) -> None:
    assert "ACTIVE at once" in difference("add-ons")
    account.cluster()
    made = account.eks.create_addon(clusterName="main", addonName="coredns", configurationValues='{"nothing": "such"}')
    assert made["addon"]["status"] == "ACTIVE"

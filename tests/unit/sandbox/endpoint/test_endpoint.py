"""The AWS endpoint: moto's services, the sandbox's account, and errors for missing operations."""

import contextlib
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from mlsandbox.endpoint import KEPT_BY_SANDBOX
from mlsandbox.ground.faults import PATH
from mlsandbox.ground.layout import Layout
from mlsandbox.host import faults


def test_the_access_key_of_the_sandbox_belongs_to_a_user(served: Any) -> None:
    identity = served.client("sts").get_caller_identity()
    assert (identity["Account"], identity["Arn"]) == ("123456789012", "arn:aws:iam::123456789012:user/sandbox")


def test_aws_managed_policies_exist(served: Any) -> None:
    arn = "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"
    assert served.iam.get_policy(PolicyArn=arn)["Policy"]["PolicyName"] == "AmazonEKSClusterPolicy"
    served.iam.attach_role_policy(RoleName="cluster", PolicyArn=arn)
    attached = served.iam.list_attached_role_policies(RoleName="cluster")["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in attached] == [arn]


def test_a_permissions_boundary_must_exist(served: Any) -> None:
    trust = '{"Version": "2012-10-17", "Statement": []}'
    role = {"RoleName": "bounded", "AssumeRolePolicyDocument": trust}
    nothing = {"PermissionsBoundary": "arn:aws:iam::123456789012:policy/nothing"}
    assert served.refused("create_role", "iam", **role, **nothing)[0] == "NoSuchEntity"
    served.iam.create_role(**role, PermissionsBoundary="arn:aws:iam::aws:policy/AmazonEKSClusterPolicy")
    refused = served.refused("put_role_permissions_boundary", "iam", RoleName="bounded", **nothing)
    assert refused == (
        "NoSuchEntity",
        f"Scope ARN: {nothing['PermissionsBoundary']} does not exist or is not attachable.",
    )


def test_an_operation_that_moto_lacks_returns_not_implemented_in_every_protocol(served: Any) -> None:
    assert served.refused("describe_capacity_reservations", "ec2")[0] == "NotImplemented"
    assert served.refused("describe_custom_key_stores", "kms")[0] == "NotImplemented"


def test_a_launch_template_returns_its_current_tags(served: Any) -> None:
    tags = [{"ResourceType": "launch-template", "Tags": [{"Key": "a", "Value": "1"}]}]
    data = {"TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "i", "Value": "2"}]}]}
    template = served.ec2.create_launch_template(
        LaunchTemplateName="tags", LaunchTemplateData=data, TagSpecifications=tags
    )
    id = template["LaunchTemplate"]["LaunchTemplateId"]

    served.ec2.create_tags(Resources=[id], Tags=[{"Key": "b", "Value": "2"}])

    (found,) = served.ec2.describe_launch_templates(LaunchTemplateIds=[id])["LaunchTemplates"]
    assert {tag["Key"]: tag["Value"] for tag in found["Tags"]} == {"a": "1", "b": "2"}
    (version,) = served.ec2.describe_launch_template_versions(LaunchTemplateId=id)["LaunchTemplateVersions"]
    assert version["LaunchTemplateData"] == data


def test_a_gateway_endpoint_updates_the_routes_of_its_route_tables(served: Any) -> None:
    ec2 = served.ec2
    one, two = (ec2.create_route_table(VpcId=served.vpc)["RouteTable"]["RouteTableId"] for _ in range(2))
    made = ec2.create_vpc_endpoint(VpcId=served.vpc, ServiceName="com.amazonaws.us-east-1.s3", RouteTableIds=[one])
    id = made["VpcEndpoint"]["VpcEndpointId"]

    def routed() -> set[str]:
        tables = ec2.describe_route_tables(RouteTableIds=[one, two])["RouteTables"]
        return {table["RouteTableId"] for table in tables for route in table["Routes"] if route.get("GatewayId") == id}

    assert routed() == {one}
    ec2.modify_vpc_endpoint(VpcEndpointId=id, AddRouteTableIds=[two], RemoveRouteTableIds=[one])
    assert routed() == {two}
    ec2.delete_vpc_endpoints(VpcEndpointIds=[id])
    assert routed() == set()
    missing = served.refused("describe_vpc_endpoints", "ec2", VpcEndpointIds=[id])
    assert missing[0] == "InvalidVpcEndpointId.NotFound"


def test_instance_profiles_are_listed_by_path_prefix(served: Any) -> None:
    for name, path in (("inside", "/team/"), ("outside", "/")):
        served.iam.create_instance_profile(InstanceProfileName=name, Path=path)
    found = served.iam.list_instance_profiles(PathPrefix="/team/")["InstanceProfiles"]
    assert [profile["InstanceProfileName"] for profile in found] == ["inside"]


def test_removing_a_role_that_is_not_in_the_instance_profile_fails(served: Any) -> None:
    served.iam.create_instance_profile(InstanceProfileName="emptied")
    served.role("left", "ec2.amazonaws.com")
    where = {"InstanceProfileName": "emptied", "RoleName": "left"}
    served.iam.add_role_to_instance_profile(**where)
    served.iam.remove_role_from_instance_profile(**where)
    assert served.refused("remove_role_from_instance_profile", "iam", **where)[0] == "NoSuchEntity"


@pytest.mark.engine  # takes seconds
def test_concurrent_launches_succeed(served: Any) -> None:
    image = served.ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]

    def launch(number: int) -> int:
        made = served.ec2.run_instances(ImageId=image, MinCount=2, MaxCount=2, SubnetId=served.subnets[number % 2])
        ids = [one["InstanceId"] for one in made["Instances"]]
        served.ec2.terminate_instances(InstanceIds=ids)
        return len(ids)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(launch, range(16))) == {2}


@pytest.mark.engine  # takes seconds: a separate server and a waiting poll
def test_a_long_poll_does_not_block_a_snapshot(new_account: Any, run: Any, tmp_path: Path) -> None:
    layout = Layout(tmp_path / "sandbox")
    layout.prepare()
    with run(layout) as process, ThreadPoolExecutor(1) as pool:
        sqs = new_account(layout).client("sqs")
        queue = sqs.create_queue(QueueName="jobs")["QueueUrl"]
        polled = pool.submit(sqs.receive_message, QueueUrl=queue, WaitTimeSeconds=20)
        # The poll is waiting as soon as the queue has received the request.
        time.sleep(1)
        process.snapshot()
        assert not polled.done(), "the snapshot did not wait for the poll"
        sqs.send_message(QueueUrl=queue, MessageBody="work")
        (message,) = polled.result(20)["Messages"]
        assert message["Body"] == "work"


def test_operations_served_by_the_sandbox_are_listed() -> None:
    assert {"CreateAddon", "CreateAccessEntry", "CreatePodIdentityAssociation"} <= set(KEPT_BY_SANDBOX["eks"])


def test_only_access_keys_of_the_account_are_accepted(served: Any) -> None:
    """Other users of the machine can also reach the port."""

    def client(service: str, key: str = "AKIAOTHER0000000000", secret: str = "x", **more: Any) -> Any:
        session = boto3.session.Session(key, secret, more.pop("token", None), region_name="us-east-1")
        return session.client(service, endpoint_url=served.layout.aws_endpoint, **more)

    for call, code in (
        (lambda: client("ec2").describe_vpcs(), "InvalidClientTokenId"),
        (lambda: client("eks").list_clusters(), "InvalidClientTokenId"),
        (lambda: client("s3").list_buckets(), "InvalidAccessKeyId"),
        (lambda: client("s3", config=Config(signature_version=UNSIGNED)).list_buckets(), "MissingAuthenticationToken"),
    ):
        with pytest.raises(ClientError) as error:
            call()
        assert error.value.response["Error"]["Code"] == code
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403

    given = served.client("sts").assume_role(RoleArn=served.pod_role, RoleSessionName="me")["Credentials"]
    role = client("sts", given["AccessKeyId"], given["SecretAccessKey"], token=given["SessionToken"])
    assert role.get_caller_identity()["Arn"].endswith("/me")
    bucket = served.client("s3")
    bucket.create_bucket(Bucket="presigned")
    bucket.put_object(Bucket="presigned", Key="a", Body=b"b")
    url = bucket.generate_presigned_url("get_object", Params={"Bucket": "presigned", "Key": "a"})
    assert urllib.request.urlopen(url).read() == b"b"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{served.layout.aws_endpoint}{PATH}")
    assert faults.planned(served.layout) == []


def _sub_resources() -> list[tuple[str, str, str]]:
    """Operation, method and query of all S3 operations that set or delete a bucket's settings."""
    model = botocore.session.get_session().get_service_model("s3")
    found = []
    for name in model.operation_names:
        operation = model.operation_model(name)
        path, _, query = operation.http["requestUri"].partition("?")
        if path == "/{Bucket}" and query and operation.http["method"] in ("PUT", "DELETE", "POST"):
            members = operation.input_shape.members if operation.input_shape else {}
            found.append((name, operation.http["method"], f"{query}&id=x" if "Id" in members else query))
    return found


def test_no_bucket_setting_creates_or_deletes_a_bucket(served: Any) -> None:
    s3, kept = served.client("s3"), "settings-of-a-bucket"
    s3.create_bucket(Bucket=kept)
    before = {each["Name"] for each in s3.list_buckets()["Buckets"]}
    key = served.layout.credentials().access_key_id
    scope = f"AWS4-HMAC-SHA256 Credential={key}/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=x"
    assert len(_sub_resources()) > 30
    for name, method, query in _sub_resources():
        bucket = kept if method == "DELETE" else f"none-{name.lower()[:50]}"
        url = f"{served.layout.aws_endpoint}/{bucket}?{query}"
        asked = urllib.request.Request(url, data=b"<x/>", method=method, headers={"Authorization": scope})
        with contextlib.suppress(urllib.error.HTTPError):
            urllib.request.urlopen(asked).close()
        assert {each["Name"] for each in s3.list_buckets()["Buckets"]} == before, name


def test_a_modified_db_subnet_group_is_stored(served: Any) -> None:
    rds, group = served.client("rds"), {"DBSubnetGroupName": "databases"}
    rds.create_db_subnet_group(**group, DBSubnetGroupDescription="before", SubnetIds=served.subnets)
    rds.modify_db_subnet_group(**group, DBSubnetGroupDescription="after", SubnetIds=served.subnets)
    (found,) = rds.describe_db_subnet_groups(**group)["DBSubnetGroups"]
    assert found["DBSubnetGroupDescription"] == "after"
    assert served.refused("modify_db_subnet_group", "rds", DBSubnetGroupName="none", SubnetIds=served.subnets)[0] == (
        "DBSubnetGroupNotFoundFault"
    )


def test_services_with_another_signing_name_are_served(served: Any) -> None:
    tags = [{"Key": "mlplatform:stack", "Value": "ml/tagged"}]
    vpc = served.ec2.create_vpc(CidrBlock="10.3.0.0/16")["Vpc"]["VpcId"]
    served.ec2.create_tags(Resources=[vpc], Tags=tags)
    wanted = [{"Key": each["Key"], "Values": [each["Value"]]} for each in tags]
    found = served.client("resourcegroupstaggingapi").get_resources(TagFilters=wanted)["ResourceTagMappingList"]
    assert [each["ResourceARN"].rpartition("/")[2] for each in found] == [vpc]
    assert served.client("stepfunctions").list_state_machines()["stateMachines"] == []
    assert served.client("efs").describe_file_systems()["FileSystems"] == []
    assert served.client("iot-data").meta.service_model.signing_name == "iotdata", "a signing name without a mapping"
    assert served.refused("get_thing_shadow", "iot-data", thingName="x")[0] != "InternalFailure"


def test_the_tags_of_a_log_group_are_deleted_with_it(served: Any) -> None:
    logs = served.client("logs")
    logs.create_log_group(logGroupName="/aws/eks/c/cluster", tags={"of": "the first"})
    (group,) = logs.describe_log_groups(logGroupNamePrefix="/aws/eks/c/")["logGroups"]
    logs.delete_log_group(logGroupName="/aws/eks/c/cluster")
    logs.create_log_group(logGroupName="/aws/eks/c/cluster", tags={"by": "the second"})
    assert logs.list_tags_for_resource(resourceArn=group["logGroupArn"])["tags"] == {"by": "the second"}

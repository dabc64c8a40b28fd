"""AWS's limits on names, lengths, patterns and sizes, tested with a client that validates nothing itself."""

import contextlib
import json
import re
from collections.abc import Callable
from typing import Any

import boto3
import jmespath
import pytest
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.core.utils import get_service_model

from mlsandbox.endpoint.extensions import REFUSED
from mlsandbox.endpoint.limits import rules

TRUST = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
STRANGER = "arn:aws:iam::123456789012:role/nobody"
OWNER = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "kms:*", "Resource": "*"}
KEY_ARN = "arn:aws:kms:us-east-1:123456789012:key/{}"


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def long_policy(length: int) -> str:
    return policy({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::" + "b" * length})


def tags(count: int, key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    return [{key: f"k{number}", value: "v"} for number in range(count)]


@pytest.fixture(scope="session")
def ask(served: Any) -> Callable[..., Any]:
    """Calls an AWS operation without boto3's validation, which other SDKs do not have."""
    clients: dict[str, Any] = {}
    key = served.layout.credentials()
    session = boto3.session.Session(key.access_key_id, key.secret_access_key, region_name="us-east-1")
    config = Config(parameter_validation=False, retries={"max_attempts": 0})

    def call(service: str, operation: str, **parameters: Any) -> Any:
        if service not in clients:
            clients[service] = session.client(service, endpoint_url=served.layout.aws_endpoint, config=config)
        return getattr(clients[service], operation)(**parameters)

    return call


@pytest.fixture(scope="session")
def things(ask: Any, served: Any) -> dict[str, str]:
    """The resources of the rejected requests."""
    ask("iam", "create_role", RoleName="limited", AssumeRolePolicyDocument=policy(TRUST))
    ask("iam", "put_role_policy", RoleName="limited", PolicyName="first", PolicyDocument=long_policy(6000))
    ask("s3", "create_bucket", Bucket="limited")
    ask("logs", "create_log_group", logGroupName="limited")
    key = ask("kms", "create_key")["KeyMetadata"]["KeyId"]
    group = ask("ec2", "create_security_group", GroupName="limited", Description="d", VpcId=served.vpc)["GroupId"]
    return {"vpc": served.vpc, "key": key, "group": group}


ROLE = {"RoleName": "r", "AssumeRolePolicyDocument": policy(TRUST)}
RULE = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1}
LIFE: dict[str, Any] = {"ID": "x", "Status": "Enabled", "Filter": {"Prefix": ""}}
TAGGED = {**LIFE, "Filter": {"Tag": {"Key": "a", "Value": "b"}}}


def life(*given: dict[str, Any]) -> dict[str, Any]:
    return {"Bucket": "limited", "LifecycleConfiguration": {"Rules": list(given)}}


def vpc_tags(*given: dict[str, str]) -> dict[str, Any]:
    return {"CidrBlock": "10.0.0.0/16", "TagSpecifications": [{"ResourceType": "vpc", "Tags": list(given)}]}


@pytest.mark.parametrize(
    ("asked", "parameters", "code"),
    [
        ("iam create_role", {**ROLE, "RoleName": "r" * 65}, "ValidationError"),
        ("iam create_role", {**ROLE, "RoleName": "r r"}, "ValidationError"),
        ("iam create_role", {**ROLE, "Description": "→"}, "ValidationError"),
        ("iam create_role", {**ROLE, "Tags": [{"Key": "x", "Value": "a;b#"}]}, "ValidationError"),
        ("iam create_role", {**ROLE, "Tags": [{"Key": "aws:x", "Value": "v"}]}, "InvalidInput"),
        (
            "iam create_role",
            {**ROLE, "AssumeRolePolicyDocument": policy({**TRUST, "Sid": "x" * 2048})},
            "LimitExceeded",
        ),
        (
            "iam create_role",
            {**ROLE, "AssumeRolePolicyDocument": policy({**TRUST, "Principal": {"AWS": STRANGER}})},
            "MalformedPolicyDocument",
        ),
        (
            "iam put_role_policy",
            {"RoleName": "limited", "PolicyName": "second", "PolicyDocument": long_policy(5000)},
            "LimitExceeded",
        ),
        ("iam create_policy", {"PolicyName": "p", "PolicyDocument": long_policy(6144)}, "LimitExceeded"),
        ("iam create_policy", {"PolicyName": "p" * 129, "PolicyDocument": long_policy(9)}, "ValidationError"),
        ("ec2 create_subnet", {"VpcId": "{vpc}", "CidrBlock": "10.0.9.0/29"}, "InvalidSubnet.Range"),
        ("ec2 create_vpc", vpc_tags({"Key": "aws:x", "Value": "v"}), "InvalidParameterValue"),
        ("ec2 create_vpc", vpc_tags({"Key": "x" * 129, "Value": "v"}), "InvalidParameterValue"),
        ("ec2 create_vpc", vpc_tags({"Key": "x", "Value": "v" * 257}), "InvalidParameterValue"),
        ("ec2 create_vpc", vpc_tags(*tags(51)), "TagLimitExceeded"),
        (
            "ec2 create_security_group",
            {"GroupName": "a", "Description": "it's", "VpcId": "{vpc}"},
            "InvalidParameterValue",
        ),
        (
            "ec2 create_security_group",
            {"GroupName": "sg-a", "Description": "d", "VpcId": "{vpc}"},
            "InvalidParameterValue",
        ),
        (
            "ec2 authorize_security_group_ingress",
            {
                "GroupId": "{group}",
                "IpPermissions": [{**RULE, "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "it's"}]}],
            },
            "InvalidParameterValue",
        ),
        (
            "ec2 create_launch_template",
            {"LaunchTemplateName": "l t", "LaunchTemplateData": {"InstanceType": "t3.medium"}},
            "InvalidLaunchTemplateName.MalformedException",
        ),
        (
            "ec2 create_launch_template",
            {"LaunchTemplateName": "big", "LaunchTemplateData": {"UserData": "QUFB" * 6000}},
            "InvalidParameterValue",
        ),
        ("s3 create_bucket", {"Bucket": "Upper"}, "InvalidBucketName"),
        ("s3 create_bucket", {"Bucket": "a..b"}, "InvalidBucketName"),
        ("s3 create_bucket", {"Bucket": "192.168.5.4"}, "InvalidBucketName"),
        ("s3 create_bucket", {"Bucket": "team-s3alias"}, "InvalidBucketName"),
        ("s3 put_bucket_tagging", {"Bucket": "limited", "Tagging": {"TagSet": tags(51)}}, "InvalidTag"),
        (
            "s3 put_bucket_lifecycle_configuration",
            life({**LIFE, "Expiration": {"Days": 3, "ExpiredObjectDeleteMarker": True}}),
            "MalformedXML",
        ),
        ("s3 put_bucket_lifecycle_configuration", life({**LIFE, "Expiration": {"Days": 0}}), "InvalidArgument"),
        (
            "s3 put_bucket_lifecycle_configuration",
            life({**LIFE, "Transitions": [{"Days": 10, "StorageClass": "STANDARD_IA"}]}),
            "InvalidArgument",
        ),
        (
            "s3 put_bucket_lifecycle_configuration",
            life({**LIFE, "Transitions": [{"Days": 40, "StorageClass": "GLACIER"}], "Expiration": {"Days": 40}}),
            "InvalidArgument",
        ),
        ("s3 put_bucket_lifecycle_configuration", life(LIFE), "InvalidRequest"),
        (
            "s3 put_bucket_lifecycle_configuration",
            life({**TAGGED, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3}}),
            "InvalidRequest",
        ),
        (
            "s3 put_bucket_lifecycle_configuration",
            life({**LIFE, "Expiration": {"Days": 3}}, {**TAGGED, "Expiration": {"Days": 3}}),
            "InvalidArgument",
        ),
        (
            "s3 put_bucket_policy",
            {
                "Bucket": "limited",
                "Policy": policy(
                    {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::other/*"}
                ),
            },
            "MalformedPolicy",
        ),
        (
            "s3 put_bucket_policy",
            {
                "Bucket": "limited",
                "Policy": policy(
                    {
                        "Effect": "Deny",
                        "Principal": {"AWS": STRANGER},
                        "Action": "s3:*",
                        "Resource": "arn:aws:s3:::limited/*",
                    }
                ),
            },
            "MalformedPolicy",
        ),
        ("ecr create_repository", {"repositoryName": "x" * 257}, "InvalidParameterException"),
        ("ecr create_repository", {"repositoryName": "tagged", "tags": tags(51)}, "TooManyTagsException"),
        ("logs create_log_group", {"logGroupName": "a b"}, "InvalidParameterException"),
        ("logs create_log_group", {"logGroupName": "aws/x"}, "InvalidParameterException"),
        ("logs create_log_group", {"logGroupName": "keyed", "kmsKeyId": KEY_ARN.format("0")}, "AccessDeniedException"),
        ("logs create_log_group", {"logGroupName": "keyed", "kmsKeyId": KEY_ARN}, "AccessDeniedException"),
        ("logs put_retention_policy", {"logGroupName": "limited", "retentionInDays": 2}, "InvalidParameterException"),
        ("kms create_alias", {"AliasName": "alias/aws/x", "TargetKeyId": "{key}"}, "NotAuthorizedException"),
        ("kms create_alias", {"AliasName": "alias/" + "a" * 251, "TargetKeyId": "{key}"}, "ValidationException"),
        ("kms create_key", {"Description": "d" * 8193}, "ValidationException"),
        ("kms create_key", {"Tags": tags(51, "TagKey", "TagValue")}, "LimitExceededException"),
        (
            "kms create_key",
            {"Policy": policy({**OWNER, "Principal": {"Service": "logs.amazonaws.com"}})},
            "MalformedPolicyDocumentException",
        ),
        (
            "kms create_key",
            {"Policy": policy(OWNER, {**OWNER, "Principal": {"AWS": STRANGER}})},
            "MalformedPolicyDocumentException",
        ),
        ("kms schedule_key_deletion", {"KeyId": "{key}", "PendingWindowInDays": 3}, "ValidationException"),
        ("kms enable_key_rotation", {"KeyId": "{key}", "RotationPeriodInDays": 30}, "ValidationException"),
        (
            "eks create_cluster",
            {"name": "c c", "roleArn": "arn:aws:iam::123456789012:role/x", "resourcesVpcConfig": {}},
            "InvalidParameterException",
        ),
        (
            "eks create_cluster",
            {
                "name": "c",
                "roleArn": "arn:aws:iam::123456789012:role/x",
                "resourcesVpcConfig": {},
                "tags": {"aws:x": "v"},
            },
            "InvalidParameterException",
        ),
    ],
)
def test_requests_beyond_aws_limits_are_rejected(
    ask: Any, things: dict[str, str], asked: str, parameters: dict[str, Any], code: str
) -> None:
    text = json.dumps(parameters)
    for name, id in things.items():
        text = text.replace(f"{{{name}}}", id)
    service, operation = asked.split()
    with pytest.raises(ClientError) as caught:
        ask(service, operation, **json.loads(text.replace("key/{}", f"key/{things['key']}")))
    assert caught.value.response["Error"]["Code"] == code, caught.value


def test_the_quota_of_attached_policies_is_enforced(ask: Any, things: dict[str, str]) -> None:
    arns = [
        ask("iam", "create_policy", PolicyName=f"attached-{number}", PolicyDocument=long_policy(5))["Policy"]["Arn"]
        for number in range(11)
    ]
    for arn in arns[:10]:
        ask("iam", "attach_role_policy", RoleName="limited", PolicyArn=arn)
    with pytest.raises(ClientError, match="PoliciesPerRole: 10"):
        ask("iam", "attach_role_policy", RoleName="limited", PolicyArn=arns[10])


def test_requests_at_a_limit_are_accepted(ask: Any, served: Any) -> None:
    ask("iam", "create_role", **{**ROLE, "RoleName": "r" * 64})
    ask("ec2", "create_vpc", **vpc_tags({"Key": "x" * 128, "Value": "v" * 256}, *tags(49)))
    ask("s3", "create_bucket", Bucket="a" * 63)
    ask("kms", "create_key", Policy=policy(OWNER))
    ask("ec2", "create_security_group", GroupName="a" * 255, Description="d" * 255, VpcId=served.vpc)


def operations(rule: rules.Rule) -> list[str]:
    services = ("ec2", "ecr", "eks", "iam", "kms", "logs", "s3")
    names = [f"{service}:{name}" for service in services for name in get_service_model(service).operation_names]
    return [name for name in names if re.fullmatch(rule.operations, name)]


@pytest.mark.parametrize("rule", rules.table().rules, ids=lambda rule: f"{rule.operations} {rule.members[0]}")
def test_every_rule_has_operations_of_aws_and_a_valid_message(rule: rules.Rule) -> None:
    assert operations(rule)
    assert rule.source.startswith("https://docs.aws.amazon.com/")
    assert bool(rule.pattern) != (rule.most is not None)
    for member in rule.members:
        jmespath.compile(member)
    re.compile(rule.pattern)
    assert rule.message.format(value="x")


S3 = get_service_model("s3")
IN_QUERY = [
    name
    for name in S3.operation_names
    for http in [S3.operation_model(name).http]
    if http["method"] in ("PUT", "POST", "DELETE") and "?" in http["requestUri"]
]


def least(name: str, bucket: str) -> dict[str, Any]:
    """The required parameters of an S3 operation, with arbitrary values."""
    shape = S3.operation_model(name).input_shape
    assert shape is not None
    values: dict[str, Any] = {"string": "x", "structure": {}, "blob": b"x", "long": 1, "integer": 1, "list": []}
    given = {member: values[shape.members[member].type_name] for member in shape.required_members}
    return {**given, "Bucket": bucket, **({"Key": "data"} if "Key" in given else {})}


@pytest.mark.parametrize("name", IN_QUERY)
def test_no_s3_operation_is_mistaken_for_one_on_the_bucket_or_object(ask: Any, name: str) -> None:
    """moto recognizes operations by the query parameters that it knows, and mistakes all others."""
    bucket, absent = f"of-{name.lower()}"[:63], f"no-{name.lower()}"[:63]
    ask("s3", "create_bucket", Bucket=bucket)
    ask("s3", "put_object", Bucket=bucket, Key="data", Body=b"data")
    for each in (bucket, absent):
        with contextlib.suppress(ClientError):
            ask("s3", xform_name(name), **least(name, each))
    names = {one["Name"] for one in ask("s3", "list_buckets")["Buckets"]}
    assert bucket in names
    assert absent not in names
    assert [one["Size"] for one in ask("s3", "list_objects", Bucket=bucket)["Contents"]] == [len(b"data")]


@pytest.mark.parametrize("name", REFUSED["s3"])
def test_an_operation_that_is_not_served_is_rejected(ask: Any, name: str) -> None:
    with pytest.raises(ClientError) as caught:
        ask("s3", xform_name(name), **least(name, "limited"))
    assert caught.value.response["Error"]["Code"] == "NotImplemented"

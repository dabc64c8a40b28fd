"""The provider's input validation, unknown values, error messages and lookups."""

from collections.abc import Sequence
from typing import Any

import pytest

from mlsandbox.providers import aws
from mlsandbox.providers.aws import ec2_network, ec2_security, ecr, eks, iam, kms, logs, s3_settings
from mlsandbox.providers.aws.declaration import Declaration
from mlsandbox.providers.protocol import UNKNOWN, Failure, Properties, ProviderError, Subject

REGION = "eu-central-1"


def refused(bench: Any, declaration: Declaration, inputs: Properties) -> Sequence[Failure]:
    _, failures = bench.provider.check(bench.client, bench.subject(declaration.token, "it"), {}, inputs, b"seed")
    return list(failures)


@pytest.mark.parametrize(
    ("declaration", "inputs", "path", "reason"),
    [
        (kms.KEY, {"descripton": "x"}, "descripton", 'is not a property here; did you mean "description"?'),
        (ec2_network.SUBNET, {"cidrBlock": "10.0.0.0/24"}, "vpcId", "is required"),
        (kms.KEY, {"enableKeyRotation": "yes"}, "enableKeyRotation", "must be true or false; it is a string"),
        (kms.KEY, {"rotationPeriodInDays": 10}, "rotationPeriodInDays", "must be at least 90; it is 10"),
        (kms.KEY, {"keyUsage": "ENCRYPT"}, "keyUsage", "must be one of"),
        (logs.LOG_GROUP, {"name": "a b"}, "name", "must match the pattern"),
        (iam.ROLE, {"assumeRolePolicy": "{"}, "assumeRolePolicy", "must be a JSON document"),
        (
            s3_settings.VERSIONING,
            {"bucket": "b", "versioningConfiguration": {"state": "Enabled"}},
            "versioningConfiguration.state",
            "is not a property here",
        ),
        (
            eks.NODE_GROUP,
            {
                "clusterName": "c",
                "nodeRoleArn": "r",
                "subnetIds": ["s"],
                "scalingConfig": {"minSize": 0, "maxSize": 1, "desiredSize": "many"},
            },
            "scalingConfig.desiredSize",
            "must be a whole number; it is a string",
        ),
        (eks.CLUSTER, {"roleArn": "r", "vpcConfig": {"subnetIds": "s"}}, "vpcConfig.subnetIds", "must be a list"),
        (
            eks.CLUSTER,
            {"roleArn": "r", "vpcConfig": {"subnetIds": ["s"]}, "computeConfig": {"enabled": True}},
            "computeConfig",
            "is not supported by the sandbox: the sandbox has no EKS Auto Mode",
        ),
        (
            ec2_security.INGRESS_RULE,
            {"securityGroupId": "sg-1", "ipProtocol": "tcp", "cidrIpv4": "10.0.0.0/8"},
            "fromPort",
            "is required for the protocol tcp",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_invalid_input_is_rejected_with_its_path(
    bench: Any, declaration: Declaration, inputs: Properties, path: str, reason: str
) -> None:
    failures = refused(bench, declaration, inputs)
    assert [failure for failure in failures if failure.path == path and failure.reason.startswith(reason)], failures


def test_all_problems_are_reported_together(bench: Any) -> None:
    failures = refused(bench, ec2_network.SUBNET, {"cidr": "10.0.0.0/24", "mapPublicIpOnLaunch": 3})
    assert {failure.path for failure in failures} == {"cidr", "vpcId", "mapPublicIpOnLaunch"}


def test_an_unknown_input_stays_unknown_and_is_valid(bench: Any) -> None:
    subject = bench.subject(ec2_network.SUBNET.token, "it")
    inputs, failures = bench.provider.check(
        bench.client, subject, {}, {"vpcId": UNKNOWN, "cidrBlock": "10.0.0.0/24", "tags": {"a": UNKNOWN}}, b"seed"
    )
    assert not failures
    assert inputs["vpcId"] is UNKNOWN
    assert inputs["tagsAll"] is UNKNOWN
    _, outputs = bench.provider.create(bench.client, subject, inputs, True, 0)
    assert outputs["vpcId"] is UNKNOWN
    assert outputs["arn"] is UNKNOWN
    assert outputs["cidrBlock"] == "10.0.0.0/24"


def test_a_change_to_an_unknown_value_is_a_change(bench: Any) -> None:
    state = bench.create(logs.LOG_GROUP.token, bench.unique("it"), {"retentionInDays": 14})
    (change,) = bench.diff(state, {**state.inputs, "kmsKeyId": UNKNOWN}).changes
    assert change.path == ("kmsKeyId",)


def test_arns_contain_region_account_and_partition(bench: Any) -> None:
    vpc = bench.create(ec2_network.VPC.token, bench.unique("it"), {"cidrBlock": "10.50.0.0/16"})
    assert vpc.outputs["arn"] == f"arn:aws:ec2:{REGION}:123456789012:vpc/{vpc.id}"
    other = bench.create(
        ec2_network.VPC.token, bench.unique("it"), {"cidrBlock": "10.51.0.0/16", "region": "cn-north-1"}
    )
    assert other.outputs["arn"] == f"arn:aws-cn:ec2:cn-north-1:123456789012:vpc/{other.id}"
    for state in (vpc, other):
        bench.delete(state)


def test_an_api_error_contains_resource_operation_and_code(bench: Any) -> None:
    with pytest.raises(ProviderError, match=r"^it: CreateSubnet: InvalidVpcID\.NotFound: "):
        bench.create(ec2_network.SUBNET.token, "it", {"vpcId": "vpc-1", "cidrBlock": "10.0.0.0/24"})


def test_a_duplicate_name_is_rejected_as_on_aws(bench: Any) -> None:
    name = bench.unique("role")
    document = {"Version": "2012-10-17", "Statement": []}
    bench.create(iam.ROLE.token, "it", {"name": name, "assumeRolePolicy": document})
    with pytest.raises(ProviderError, match="EntityAlreadyExists"):
        bench.create(iam.ROLE.token, "it", {"name": name, "assumeRolePolicy": document})


@pytest.mark.parametrize(
    ("declaration", "inputs"),
    [
        (
            ecr.REGISTRY_SCANNING,
            {
                "scanType": "BASIC",
                "rules": [
                    {
                        "scanFrequency": "SCAN_ON_PUSH",
                        "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}],
                    }
                ],
            },
        ),
        (
            ecr.REPLICATION,
            {
                "replicationConfiguration": {
                    "rules": [{"destinations": [{"region": "eu-west-1", "registryId": "123456789012"}]}]
                }
            },
        ),
    ],
    ids=lambda value: getattr(value, "token", ""),
)
def test_a_second_stack_that_sets_an_account_setting_gets_a_warning(
    bench: Any, declaration: Any, inputs: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    messages: list[str] = []
    monkeypatch.setattr(bench.provider, "say", lambda client, subject, message, **options: messages.append(message))
    first = bench.create(declaration.token, bench.unique("one"), inputs)
    assert messages == []
    bench.create(declaration.token, bench.unique("another"), inputs)
    (warning,) = messages
    assert declaration.singleton.name in warning
    assert "by another stack" in warning
    bench.delete(first)
    bench.create(declaration.token, bench.unique("third"), inputs)
    assert len(messages) == 1, "no warning after the setting was reset"


def test_the_end_of_an_operation_triggers_a_save(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[bool] = []
    monkeypatch.setattr(bench.provider, "finished", lambda: calls.append(True))
    bench.provider.cancel(bench.client)
    assert calls == [True]


def test_a_type_without_a_declaration_is_an_error_with_instructions(bench: Any) -> None:
    subject = Subject("urn:pulumi:test::test::aws:kms/keys:Key::it", "aws:kms/keys:Key", "it")
    with pytest.raises(ProviderError, match=r'did you mean "aws:kms/key:Key".*To add it, declare it'):
        bench.provider.check(bench.client, subject, {}, {}, b"seed")


def test_a_provider_for_another_account_is_rejected(bench: Any) -> None:
    with pytest.raises(ProviderError, match="123456789012"):
        bench.provider.configure("other", {"region": REGION, "allowedAccountIds": '["999999999999"]'})


def test_the_latest_version_of_a_template_is_unknown_only_if_a_new_one_is_created(bench: Any) -> None:
    token = "aws:ec2/launchTemplate:LaunchTemplate"
    state = bench.create(token, bench.unique("it"), {"ebsOptimized": "true", "tags": {"a": "b"}})

    def latest(**change: Any) -> Any:
        news = bench.checked(state.subject, {"ebsOptimized": "true", "tags": {"a": "b"}, **change}, state.inputs)
        foreseen = bench.provider.update(
            bench.client, state.subject, state.id, state.inputs, state.outputs, news, True, 0
        )
        return foreseen["latestVersion"]

    assert latest(tags={"a": "c"}) == 1
    assert latest(ebsOptimized="false") is UNKNOWN


@pytest.mark.parametrize(
    ("token", "args", "expected"),
    [
        (
            "aws:index/getCallerIdentity:getCallerIdentity",
            {},
            {"accountId": "123456789012", "arn": "arn:aws:iam::123456789012:user/sandbox"},
        ),
        (
            "aws:index/getPartition:getPartition",
            {},
            {"partition": "aws", "dnsSuffix": "amazonaws.com", "reverseDnsPrefix": "com.amazonaws"},
        ),
        (
            "aws:index/getRegion:getRegion",
            {},
            {"region": REGION, "endpoint": f"ec2.{REGION}.amazonaws.com", "description": "Europe (Frankfurt)"},
        ),
        (
            "aws:index/getRegion:getRegion",
            {"region": "cn-north-1"},
            {"region": "cn-north-1", "endpoint": "ec2.cn-north-1.amazonaws.com.cn"},
        ),
        (
            "aws:index/getAvailabilityZones:getAvailabilityZones",
            {"state": "available", "excludeNames": [f"{REGION}b"]},
            {"names": [f"{REGION}a", f"{REGION}c"]},
        ),
    ],
)
def test_a_lookup_returns_its_result(bench: Any, token: str, args: Properties, expected: Properties) -> None:
    answer = bench.provider.invoke(bench.client, token, args, False)
    assert answer["id"]
    assert answer.items() >= expected.items()


def test_the_role_of_a_session_is_looked_up_with_its_path(bench: Any) -> None:
    token = "aws:iam/getSessionContext:getSessionContext"
    made = bench.boto("iam").create_role(RoleName="deploy", Path="/ci/", AssumeRolePolicyDocument="{}")["Role"]
    session = "arn:aws:sts::123456789012:assumed-role/deploy/run-7"
    answer = bench.provider.invoke(bench.client, token, {"arn": session}, False)
    assert (answer["issuerArn"], answer["sessionName"]) == (made["Arn"], "run-7")
    assert answer["issuerArn"].endswith(":role/ci/deploy")
    user = "arn:aws:iam::123456789012:user/sandbox"
    assert bench.provider.invoke(bench.client, token, {"arn": user}, False)["issuerArn"] == user
    with pytest.raises(ProviderError, match="NoSuchEntity"):
        bench.provider.invoke(bench.client, token, {"arn": session.replace("deploy", "other")}, False)


def test_a_cluster_can_be_looked_up(bench: Any) -> None:
    name = bench.cluster()
    assert name in bench.provider.invoke(bench.client, "aws:eks/getClusters:getClusters", {}, False)["names"]
    answer = bench.provider.invoke(bench.client, "aws:eks/getCluster:getCluster", {"name": name}, False)
    assert answer["arn"] == f"arn:aws:eks:{REGION}:123456789012:cluster/{name}"
    assert answer["vpcConfig"]["vpcId"] == bench.vpc()
    with pytest.raises(ProviderError, match="DescribeCluster: ResourceNotFoundException"):
        bench.provider.invoke(bench.client, "aws:eks/getCluster:getCluster", {"name": "other"}, False)


def test_a_secret_can_be_looked_up_by_name_without_its_value(bench: Any) -> None:
    arn = bench.secret()
    token, name = "aws:secretsmanager/getSecret:getSecret", arn.rsplit(":", 1)[-1].rsplit("-", 1)[0]
    answer = bench.provider.invoke(bench.client, token, {"name": name}, False)
    assert (answer["arn"], answer["name"]) == (arn, name)
    assert not {"secretString", "secretBinary"} & {*answer}
    with pytest.raises(ProviderError, match="exactly one of arn and name"):
        bench.provider.invoke(bench.client, token, {}, False)
    with pytest.raises(ProviderError, match="the secret other does not exist in eu-central-1"):
        bench.provider.invoke(bench.client, token, {"name": "other"}, False)


def test_the_parameter_of_a_node_image_can_be_looked_up(bench: Any) -> None:
    token = "aws:ssm/getParameter:getParameter"
    name = "/aws/service/bottlerocket/aws-k8s-1.36/x86_64/1.65.0-0be31b34/image_id"
    answer = bench.provider.invoke(bench.client, token, {"name": name}, False)
    assert answer["insecureValue"].startswith("ami-0")
    with pytest.raises(ProviderError, match="the parameter /aws/service/bottlerocket/x does not exist in eu-central-1"):
        bench.provider.invoke(bench.client, token, {"name": "/aws/service/bottlerocket/x"}, False)


def test_an_undeclared_lookup_or_an_unknown_argument_is_rejected(bench: Any) -> None:
    with pytest.raises(ProviderError, match=r'did you mean "aws:index/getRegion:getRegion"'):
        bench.provider.invoke(bench.client, "aws:index/getRegions:getRegions", {}, False)
    (failure,) = bench.provider.invoke(bench.client, "aws:eks/getCluster:getCluster", {"nam": "x"}, False)
    assert (failure.path, failure.reason) == ("nam", 'is not an argument; did you mean "name"?')


def test_declared_operations_include_those_served_by_the_sandbox() -> None:
    from mlsandbox.endpoint import KEPT_BY_SANDBOX

    served = {operation for declaration in aws.DECLARATIONS for operation in declaration.operations}
    assert {"CreateCluster", "CreateAddon"} <= served & {*KEPT_BY_SANDBOX["eks"]}

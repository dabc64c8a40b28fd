"""Where what a killed update made is looked for: in AWS as moto has it, with plain boto3."""

import functools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import botocore
import botocore.session
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from mlpctl.recover.kinds import KINDS, Id, Look, filled
from mlpctl.recover.plan import FOUND, Action, Again, Candidate, Found, Known, Pending, Unseen, Verdict
from mlpctl.recover.search import Search
from mlpctl.sandbox.aws import DECLARATIONS
from mlpctl.sandbox.kubernetes.objects import Kind, Reference
from mlpctl.sandbox.kubernetes.settings import Connection, Settings

STACKS = sorted((Path(__file__).parents[3] / "stacks").glob("Pulumi.*.yaml"))
PROVIDER = "urn:pulumi:dev::mlplatform::pulumi:providers:aws::default"
DEPLOYMENT = {"resources": [{"urn": PROVIDER, "id": "1", "inputs": {"region": "eu-central-1"}}]}


def operation(type: str, logical: str = "example", /, **inputs: Any) -> Pending:
    urn = f"urn:pulumi:dev::mlplatform::{type}::{logical}"
    resource = {"urn": urn, "type": type, "custom": True, "inputs": inputs, "provider": f"{PROVIDER}::1"}
    return Pending("creating", resource)


@pytest.fixture(scope="module", autouse=True)
def aws() -> Iterator[None]:
    with mock_aws():
        yield


@pytest.fixture
def search() -> Search:
    return Search(DEPLOYMENT)


@functools.cache
def client(service: str) -> Any:
    return boto3.client(service, region_name="eu-central-1")


def tags(each: Pending) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in each.marks.items()]


def group(each: Pending) -> str:
    specification = [{"ResourceType": "security-group", "Tags": tags(each)}]
    vpc = client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = client("ec2").create_security_group(
        GroupName="example", Description="d", VpcId=vpc, TagSpecifications=specification
    )
    return str(made["GroupId"])


def rule(each: Pending) -> str:
    made = client("ec2").authorize_security_group_ingress(
        GroupId=group(operation("other")),
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}],
        TagSpecifications=[{"ResourceType": "security-group-rule", "Tags": tags(each)}],
    )
    return str(made["SecurityGroupRules"][0]["SecurityGroupRuleId"])


def policy(each: Pending) -> str:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    made = client("iam").create_policy(PolicyName="example", PolicyDocument=document, Tags=tags(each))
    return str(made["Policy"]["Arn"])


def identity_provider(each: Pending) -> str:
    made = client("iam").create_open_id_connect_provider(
        Url="https://example.com/id", ThumbprintList=["a" * 40], Tags=tags(each)
    )
    return str(made["OpenIDConnectProviderArn"])


def key(each: Pending) -> str:
    pairs = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in tags(each)]
    gone = client("kms").create_key(Tags=pairs)["KeyMetadata"]["KeyId"]
    client("kms").schedule_key_deletion(KeyId=gone)
    return str(client("kms").create_key(Tags=pairs)["KeyMetadata"]["KeyId"])


def bucket(each: Pending) -> str:
    client("s3").create_bucket(Bucket="example", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    client("s3").put_bucket_tagging(Bucket="example", Tagging={"TagSet": tags(each)})
    return "example"


def repository(each: Pending) -> str:
    client("ecr").create_repository(repositoryName="team/example", tags=tags(each))
    return "team/example"


CASES: dict[str, tuple[dict[str, Any], Callable[[Pending], str]]] = {
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": ({}, rule),
    "aws:iam/policy:Policy": ({"name": "example"}, policy),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": ({"url": "https://example.com/id"}, identity_provider),
    "aws:kms/key:Key": ({}, key),
    "aws:s3/bucket:Bucket": ({"bucket": "example"}, bucket),
    "aws:ecr/repository:Repository": ({"name": "team/example"}, repository),
}
"""Types that the engine test does not meet, or meets only while all goes well."""


@pytest.mark.parametrize("type", CASES)
def test_what_was_made_is_found_and_what_was_not_is_not(type: str, search: Search) -> None:
    inputs, make = CASES[type]
    each = operation(type, **inputs)
    nothing = search.look(each)
    assert isinstance(nothing, Found)
    assert nothing.candidates == ()
    id = make(each)
    found = search.look(each)
    assert isinstance(found, Found)
    assert [(item.id, item.tags) for item in found.candidates] == [(id, each.marks)]


def test_two_of_a_name_are_both_found_and_those_of_other_stacks_are_not(search: Search) -> None:
    each, other = operation("aws:ec2/vpc:Vpc", "network-vpc"), operation("aws:ec2/vpc:Vpc", "other")
    ids = [
        client("ec2").create_vpc(
            CidrBlock="10.0.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": tags(owner)}]
        )["Vpc"]["VpcId"]
        for owner in (each, each, other)
    ]
    found = search.look(each)
    assert isinstance(found, Found)
    assert sorted(item.id for item in found.candidates) == sorted(ids[:2])
    assert found.delete.format(id=ids[0]) == f"aws ec2 delete-vpc --vpc-id {ids[0]}"


@pytest.mark.parametrize("before", [(), ("old",)], ids=["nothing", "what it replaces"])
def test_what_is_seen_late_is_looked_for_again(before: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    each = operation("aws:ec2/vpc:Vpc")
    looks = iter([before, (*before, "new")])
    search = Search({"resources": [{"urn": each.urn, "type": each.type, "id": "old"}]})
    monkeypatch.setattr("mlpctl.recover.search.AGAIN_AFTER_S", 0)
    monkeypatch.setattr(search, "look", lambda each: Found([Candidate(id, each.marks) for id in next(looks)]))
    found = search.find([each], patience_s=10)[each.urn]
    assert isinstance(found, Found)
    assert [item.id for item in found.candidates] == [*before, "new"]


def test_what_cannot_be_known_is_said(search: Search) -> None:
    assert isinstance(search.look(operation("aws:new/thing:Thing")), Unseen)
    assert isinstance(search.look(operation("kubernetes:core/v1:Namespace")), Unseen), "its provider has no kubeconfig"


def test_an_object_is_found_by_its_name_with_the_marks_of_its_annotations(monkeypatch: pytest.MonkeyPatch) -> None:
    live = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "chat",
            "namespace": "models",
            "annotations": {"mlplatform.io/stack": "mlplatform/dev", "mlplatform.io/name": "chat-deployment", "a": "b"},
            "managedFields": [
                {"manager": "kube-controller-manager", "operation": "Update"},
                {"manager": "pulumi-kubernetes-0a1b2c3d", "operation": "Apply"},
            ],
        },
    }
    objects = {Reference(Kind("apps/v1", "Deployment"), "chat", "models"): live}
    connection = Connection(SimpleNamespace(get=objects.get), "models")
    monkeypatch.setattr(Settings, "connect", lambda *_: connection)
    provider = {"urn": "kubernetes", "id": "1", "inputs": {"kubeconfig": "{}"}}
    inputs = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "chat"}}
    each = operation("kubernetes:apps/v1:Deployment", "chat-deployment", **inputs)
    each = Pending("creating", {**each.resource, "provider": "kubernetes::1"})
    found = Search({"resources": [provider]}).look(each)
    manager = {"__fieldManager": "pulumi-kubernetes-0a1b2c3d"}
    assert found == Found((Candidate("models/chat", each.marks, manager),), "kubectl delete deployment chat")
    objects.clear()
    assert Search({"resources": [provider]}).look(each) == Found((), "kubectl delete deployment chat")


def test_what_fails_while_it_is_made_is_asked_about(search: Search) -> None:
    each = operation("aws:eks/cluster:Cluster", name="example")
    found = Action(each, Verdict.IMPORT, FOUND, "example")
    with Stubber(search._client("eks", each)) as stub:
        stub.add_response("describe_cluster", {"cluster": {"status": "FAILED"}})
        search._client = lambda *_: stub.client  # type: ignore[method-assign]  # a waiter that need not wait
        action = search.wait_until_ready(found)
    assert action.verdict is Verdict.ASK
    assert action.delete == "aws eks delete-cluster --name {id}"
    said = Action(each, Verdict.IMPORT, "you said so", "example")
    assert search.wait_until_ready(said) is said


def test_an_id_is_made_of_inputs() -> None:
    route = KINDS["aws:ec2/route:Route"]
    assert isinstance(route, Id)
    assert route.of({"routeTableId": "rtb-1", "destinationCidrBlock": "0.0.0.0/0"}) == "rtb-1_0.0.0.0/0"
    assert filled({"names": ["$a"], "b": "$b"}, {"a": "x"}) == {"names": ["x"], "b": ""}


def test_a_setting_is_not_looked_up(search: Search) -> None:
    assert isinstance(search.look(operation("aws:s3/bucketPolicy:BucketPolicy", bucket="b")), Again)
    assert search.look(operation("aws:kms/alias:Alias", name="alias/a")) == Known("alias/a")


def test_every_type_of_the_sandbox_can_be_found() -> None:
    assert {each.token for each in DECLARATIONS} <= KINDS.keys()
    taggable = {each.token for each in DECLARATIONS if each.tags and each.delete}
    unlooked = {token for token in taggable if not isinstance(KINDS[token], Look)}
    assert unlooked == {"aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"}, "taggable, and taken over by its VPC"


@pytest.mark.parametrize("stack", STACKS, ids=lambda path: path.stem.removeprefix("Pulumi."))
def test_every_type_of_the_stack_files_can_be_found(stack: Path, plan_of: Callable[[Path], Any]) -> None:
    found = (*KINDS, "kubernetes:", "pulumi:providers:")
    assert [each.type for each in plan_of(stack) if each.custom and not each.type.startswith(found)] == []


@pytest.mark.parametrize("type", [type for type, kind in KINDS.items() if isinstance(kind, Look) and kind.ready])
def test_what_is_waited_for_is_a_waiter_of_botocore(type: str) -> None:
    kind = KINDS[type]
    assert isinstance(kind, Look)
    assert kind.ready
    model = botocore.session.get_session().get_waiter_model(kind.service)
    assert kind.ready.waiter in map(botocore.xform_name, model.waiter_names)

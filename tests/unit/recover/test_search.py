"""Lookups of what an interrupted update created, with boto3 against moto."""

import functools
import json
import os
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from mlpctl.recover import search as searching
from mlpctl.recover.asking import filled
from mlpctl.recover.kinds import Id, Look, method
from mlpctl.recover.plan import FOUND, Action, Candidate, Found, Idempotent, Known, LookupFailed, Pending, Verdict
from mlpctl.recover.search import Search
from mocked_aws import mocked_aws

PROVIDER = "urn:pulumi:dev::mlplatform::pulumi:providers:aws::default"
DEPLOYMENT = {"resources": [{"urn": PROVIDER, "id": "1", "inputs": {"region": "eu-central-1"}}]}


def operation(type: str, logical: str = "example", /, **inputs: Any) -> Pending:
    urn = f"urn:pulumi:dev::mlplatform::{type}::{logical}"
    resource = {"urn": urn, "type": type, "custom": True, "inputs": inputs, "provider": f"{PROVIDER}::1"}
    return Pending("creating", resource)


@pytest.fixture(scope="module", autouse=True)
def aws() -> Iterator[None]:
    with mocked_aws():
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


def file_system(each: Pending) -> str:
    client("efs").create_file_system(CreationToken="other")
    return str(client("efs").create_file_system(CreationToken="example", Tags=tags(each))["FileSystemId"])


def build_project(each: Pending) -> str:
    client("codebuild").create_project(
        name="example",
        source={"type": "S3", "location": "bucket/source.zip"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={"type": "LINUX_CONTAINER", "image": "example", "computeType": "BUILD_GENERAL1_SMALL"},
        serviceRole="arn:aws:iam::123456789012:role/service-role/example",
        tags=[{"key": tag["Key"], "value": tag["Value"]} for tag in tags(each)],
    )
    return "example"


CASES: dict[str, tuple[dict[str, Any], Callable[[Pending], str]]] = {
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": ({}, rule),
    "aws:iam/policy:Policy": ({"name": "example"}, policy),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": ({"url": "https://example.com/id"}, identity_provider),
    "aws:kms/key:Key": ({}, key),
    "aws:s3/bucket:Bucket": ({"bucket": "example"}, bucket),
    "aws:ecr/repository:Repository": ({"name": "team/example"}, repository),
    "aws:efs/fileSystem:FileSystem": ({}, file_system),
    "aws:codebuild/project:Project": ({"name": "example"}, build_project),
}
"""Types that the engine test does not cover, or covers only without failures."""


@pytest.mark.parametrize("type", CASES)
def test_a_resource_is_found_only_after_its_creation(type: str, search: Search) -> None:
    inputs, make = CASES[type]
    each = operation(type, **inputs)
    nothing = search.look(each)
    assert isinstance(nothing, Found)
    assert nothing.candidates == ()
    id = make(each)
    found = search.look(each)
    assert isinstance(found, Found)
    assert [(item.id, item.tags) for item in found.candidates] == [(id, each.marks)]


def test_access_points_and_mount_targets_are_found_in_their_file_system(search: Search) -> None:
    efs = client("efs")
    subnet = client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    ids = [efs.create_file_system(CreationToken=token)["FileSystemId"] for token in ("one", "two")]
    point = operation("aws:efs/accessPoint:AccessPoint", fileSystemId=ids[0])
    target = operation("aws:efs/mountTarget:MountTarget", fileSystemId=ids[0], subnetId=subnet)
    # Access points of another file system, or without the name tag, do not match.
    efs.create_access_point(ClientToken="other", FileSystemId=ids[1], Tags=tags(point))
    efs.create_access_point(ClientToken="unnamed", FileSystemId=ids[0], Tags=tags(operation(point.type, "other")))
    for each in (point, target):
        nothing = search.look(each)
        assert isinstance(nothing, Found)
        assert nothing.candidates == ()
    created = efs.create_access_point(ClientToken="example", FileSystemId=ids[0], Tags=tags(point))["AccessPointId"]
    mounted = efs.create_mount_target(FileSystemId=ids[0], SubnetId=subnet)["MountTargetId"]
    found = [search.look(each) for each in (point, target)]
    ids_found = [[item.id for item in each.candidates] for each in found if isinstance(each, Found)]
    assert ids_found == [[created], [mounted]]


@pytest.mark.parametrize("state", ["deleting", "deleted", "error"])
def test_a_file_system_that_is_gone_is_not_found(state: str) -> None:
    each = operation("aws:efs/fileSystem:FileSystem")
    gone, there = (
        {"FileSystemId": id, "LifeCycleState": status, "Tags": tags(each)}
        for id, status in (("fs-1", state), ("fs-2", "available"))
    )
    efs = SimpleNamespace(can_paginate=lambda _: False, describe_file_systems=lambda: {"FileSystems": [gone, there]})
    kind = method(each.type)
    assert isinstance(kind, Look)
    assert [item.id for item in kind.find(efs, {}, each.marks)] == ["fs-2"]


def test_all_resources_with_the_name_tag_are_found_and_no_others(search: Search) -> None:
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


@pytest.mark.parametrize("before", [(), ("old",)], ids=["nothing", "the replaced resource"])
def test_the_lookup_of_a_resource_that_appears_late_is_retried(
    before: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    each = operation("aws:ec2/vpc:Vpc")
    looks = iter([before, (*before, "new")])
    search = Search({"resources": [{"urn": each.urn, "type": each.type, "id": "old"}]})
    monkeypatch.setattr("mlpctl.recover.search.RETRY_DELAY_S", 0)
    monkeypatch.setattr(search, "look", lambda each: Found([Candidate(id, each.marks) for id in next(looks)]))
    found = search.find([each], patience_s=10)[each.urn]
    assert isinstance(found, Found)
    assert [item.id for item in found.candidates] == [*before, "new"]


def test_an_unknown_type_or_a_missing_kubeconfig_is_reported(search: Search) -> None:
    assert isinstance(search.look(operation("aws:new/thing:Thing")), LookupFailed)
    assert isinstance(search.look(operation("kubernetes:core/v1:Namespace")), LookupFailed), (
        "its provider has no kubeconfig"
    )


def test_an_object_is_found_by_its_name_with_tags_from_its_annotations(monkeypatch: pytest.MonkeyPatch) -> None:
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
    objects = [live]
    monkeypatch.setattr(searching, "Cluster", lambda _: Objects(objects))
    provider = {"urn": "kubernetes", "id": "1", "inputs": {"kubeconfig": "{}"}}
    inputs = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "chat"}}
    each = operation("kubernetes:apps/v1:Deployment", "chat-deployment", **inputs)
    each = Pending("creating", {**each.resource, "provider": "kubernetes::1"})
    found = Search({"resources": [provider]}).look(each)
    manager = {"__fieldManager": "pulumi-kubernetes-0a1b2c3d"}
    assert found == Found((Candidate("models/chat", each.marks, manager),), "kubectl delete deployment chat")
    objects.clear()
    assert Search({"resources": [provider]}).look(each) == Found((), "kubectl delete deployment chat")


def test_a_failed_creation_needs_a_decision(search: Search) -> None:
    each = operation("aws:eks/cluster:Cluster", name="example")
    found = Action(each, Verdict.IMPORT, FOUND, "example")
    with Stubber(search._client("eks", each)) as stub:
        stub.add_response("describe_cluster", {"cluster": {"status": "FAILED"}})
        search._client = lambda *_: stub.client  # type: ignore[method-assign]  # this waiter does not wait
        action = search.wait_until_ready(found)
    assert action.verdict is Verdict.ASK
    assert action.delete == "aws eks delete-cluster --name {id}"
    chosen = Action(each, Verdict.IMPORT, "as you chose", "example")
    assert search.wait_until_ready(chosen) is chosen


def test_an_id_is_derived_from_inputs() -> None:
    route = method("aws:ec2/route:Route")
    assert isinstance(route, Id)
    assert route.of({"routeTableId": "rtb-1", "destinationCidrBlock": "0.0.0.0/0"}) == "rtb-1_0.0.0.0/0"
    assert filled({"names": ["$a"], "b": "$b"}, {"a": "x"}) == {"names": ["x"], "b": ""}


def test_a_setting_is_not_looked_up(search: Search) -> None:
    assert isinstance(search.look(operation("aws:s3/bucketPolicy:BucketPolicy", bucket="b")), Idempotent)
    assert search.look(operation("aws:kms/alias:Alias", name="alias/a")) == Known("alias/a")


SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "AAA="}


@pytest.mark.parametrize(
    ("type", "inputs", "reason"),
    [
        ("aws:iam/role:Role", {"name": SECRET}, "its name is a secret, which is encrypted in the state"),
        ("aws:iam/role:Role", {}, "the state does not contain its name"),
        ("aws:s3/bucket:Bucket", {"bucket": None}, "the state does not contain its bucket"),
        ("aws:kms/alias:Alias", {"name": SECRET}, "its name is a secret, which is encrypted in the state"),
        ("aws:eks/nodeGroup:NodeGroup", {"clusterName": SECRET}, "its clusterName is a secret, which is encrypted"),
        ("aws:eks/cluster:Cluster", {"name": "a", "region": SECRET}, "its region is a secret, which is encrypted"),
    ],
)
def test_a_missing_or_encrypted_input_needs_a_decision(
    search: Search, type: str, inputs: dict[str, Any], reason: str
) -> None:
    found = search.look(operation(type, **inputs))
    assert isinstance(found, LookupFailed)
    assert found.reason.startswith(reason)


class Objects:
    """A fake cluster with some objects."""

    namespace = "models"

    def __init__(self, objects: list[dict[str, Any]]) -> None:
        self._objects = objects

    def list(self, api_version: str, kind: str, namespace: str, labels: str = "") -> list[dict[str, Any]]:
        wanted = dict(label.split("=", 1) for label in labels.split(",") if label)
        return [
            each
            for each in self._objects
            if (each["apiVersion"], each["kind"]) == (api_version, kind)
            and each["metadata"]["namespace"] == namespace
            and wanted.items() <= each["metadata"].get("labels", {}).items()
        ]

    def get(self, api_version: str, kind: str, name: str, namespace: str | None) -> dict[str, Any] | None:
        found = self.list(api_version, kind, namespace or self.namespace)
        return next((each for each in found if each["metadata"]["name"] == name), None)


def in_cluster(monkeypatch: pytest.MonkeyPatch, type: str, *objects: dict[str, Any], **inputs: Any) -> Any:
    monkeypatch.setattr(searching, "Cluster", lambda _: Objects([*objects]))
    each = Pending("creating", {**operation(type, **inputs).resource, "provider": "kubernetes::1"})
    return Search({"resources": [{"urn": "kubernetes", "id": "1", "inputs": {"kubeconfig": "{}"}}]}).look(each)


def helm_secret(name: str, namespace: str) -> dict[str, Any]:
    labels = {"owner": "helm", "name": name, "status": "pending-install", "version": "1"}
    metadata = {"name": f"sh.helm.release.v1.{name}.v1", "namespace": namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1", "metadata": metadata}


def test_a_helm_release_is_found_by_its_name_in_its_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    look = functools.partial(in_cluster, monkeypatch, "kubernetes:helm.sh/v3:Release")
    ours, others = helm_secret("operator", "gpu"), helm_secret("operator", "other")
    delete = "helm uninstall operator --namespace gpu"
    inputs = {"chart": "gpu-operator", "name": "operator"}
    assert look(ours, others, **inputs, namespace="gpu") == Found((Candidate("gpu/operator"),), delete)
    assert look(others, **inputs, namespace="gpu") == Found((), delete)
    assert look(helm_secret("operator", "models"), **inputs).candidates == (Candidate("models/operator"),)
    assert look(ours, chart="gpu-operator") == LookupFailed("the state does not contain its name")
    assert isinstance(look(ours, chart="gpu-operator", name=SECRET), LookupFailed)


def test_an_object_with_a_generated_name_is_found_by_annotations_or_needs_a_decision(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inputs = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"generateName": "train-"}}
    look = functools.partial(in_cluster, monkeypatch, "kubernetes:batch/v1:Job", **inputs)
    marks = {"mlplatform.io/stack": "mlplatform/dev", "mlplatform.io/name": "example"}

    def job(name: str, **annotations: str) -> dict[str, Any]:
        metadata = {"name": name, "namespace": "models", "annotations": annotations}
        return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata}

    found = look(job("train-x1", **marks), job("train-x2"), job("other"))
    assert [each.id for each in found.candidates] == ["models/train-x1"]
    assert look(job("other")) == Found(())
    assert look(job("train-x1"), job("train-x2")) == LookupFailed(
        "the API server generates its name, and 2 objects have the prefix train-"
    )


@pytest.mark.parametrize(("operation_", "statuses"), [("updating", ["UPDATING", "ACTIVE"]), ("deleting", ["DELETING"])])
def test_a_change_started_by_an_interrupted_update_is_waited_for(
    search: Search, monkeypatch: pytest.MonkeyPatch, operation_: str, statuses: list[str]
) -> None:
    waited: list[float] = []
    monkeypatch.setattr("mlpctl.recover.search.time.sleep", waited.append)
    inputs = {"clusterName": "main", "nodeGroupName": "gpu"}
    resource = {**operation("aws:eks/nodeGroup:NodeGroup", **inputs).resource, "id": "main:gpu"}
    each = Pending(operation_, resource)
    action = Action(each, Verdict.REFRESH, "its current state is read")
    with Stubber(search._client("eks", each)) as stub:
        for status in statuses:
            stub.add_response("describe_nodegroup", {"nodegroup": {"status": status}})
        if operation_ == "deleting":
            stub.add_client_error("describe_nodegroup", "ResourceNotFoundException")
        search._client = lambda *_: stub.client  # type: ignore[method-assign]  # the stubbed client
        assert search.wait_until_ready(action) is action
        stub.assert_no_pending_responses()
    assert len(waited) == 1


def test_a_change_that_does_not_end_needs_a_decision(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlpctl.recover.search.LONGEST_CHANGE_S", -1.0)
    each = Pending("updating", {**operation("aws:eks/addon:Addon", clusterName="main", addonName="dns").resource})
    with Stubber(search._client("eks", each)) as stub:
        stub.add_response("describe_addon", {"addon": {"status": "UPDATING"}})
        search._client = lambda *_: stub.client  # type: ignore[method-assign]  # the stubbed client
        action = search.wait_until_ready(Action(each, Verdict.REFRESH, "its current state is read"))
    assert (action.verdict, action.reason) == (Verdict.ASK, "is still being changed")


def test_resources_are_found_by_the_tags_of_a_stack_or_of_a_project_in_each_region(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = {}
    for region in ("eu-central-1", "eu-west-1"):
        ec2 = boto3.client("ec2", region_name=region)
        for stack in ("ml/of-tags", "ml/other", "mlops/other"):
            vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
            ec2.create_tags(Resources=[vpc], Tags=[{"Key": "mlplatform:stack", "Value": stack}])
            made[stack, region] = vpc
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    found = searching.tagged(os.environ, "ml/of-tags", [None, "eu-west-1"])
    assert {arn.split("/")[1] for arn in found} == {made["ml/of-tags", "eu-central-1"], made["ml/of-tags", "eu-west-1"]}
    assert {*map(str, found.values())} == {"{'mlplatform:stack': 'ml/of-tags'}"}
    assert len(Search({}).tagged("ml/of-tags", None)) == 1
    found = searching.tagged_by_project(os.environ, "ml", ["eu-central-1"])
    of_the_project = {made[stack, "eu-central-1"] for stack in ("ml/of-tags", "ml/other")}
    assert {arn.split("/")[1] for arn in found} == of_the_project

"""Resources that are deleted and created but are one in the cloud: their dangers are those of an update."""

import json
from typing import Any

import pytest

from changes import change, plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.dangers.twins import twins
from mlpctl.review.plan.model import Change, Op
from mlpctl.review.report.model import Danger, Harm
from mlpctl.review.values.plain import Unknown

BUCKET, BUCKET_V2 = "aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2"
BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
VERSIONS, VERSIONS_V2 = "aws:s3/bucketVersioning:BucketVersioning", "aws:s3/bucketVersioningV2:BucketVersioningV2"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
IMAGES, BACKUPS = "aws:ecr/lifecyclePolicy:LifecyclePolicy", "aws:efs/backupPolicy:BackupPolicy"
ENTRY, ALIAS = "aws:eks/accessEntry:AccessEntry", "aws:kms/alias:Alias"
ROUTE, OF_SUBNET = "aws:ec2/route:Route", "aws:ec2/routeTableAssociation:RouteTableAssociation"
CONFIG = "kubernetes:core/v1:ConfigMap"
POLICY = "aws:s3/bucketPolicy:BucketPolicy"
SAME = "old is the same one, so that the creation fails, or the deletion of old deletes it"
HOLDER = {"clusterName": "prod", "principalArn": "arn:aws:iam::123456789012:role/ops"}
ROUTED = {"routeTableId": "rtb-1", "destinationCidrBlock": "10.0.0.0/8", "natGatewayId": "nat-1"}


def versions(status: str, **more: Any) -> dict[str, Any]:
    return {"bucket": "b", "versioningConfiguration": {"status": status}, **more}


def expires(days: int) -> dict[str, Any]:
    return {"bucket": "b", "rules": [{"id": "x", "status": "Enabled", "expiration": {"days": days}}]}


def images(number: int) -> dict[str, Any]:
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": number}
    rule = {"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}
    return {"repository": "r", "policy": json.dumps({"rules": [rule]})}


def blocked(on: bool) -> dict[str, Any]:
    return {"bucket": "b", "blockPublicAcls": True, "blockPublicPolicy": on}


def backups(status: str) -> dict[str, Any]:
    return {"fileSystemId": "fs-1", "backupPolicy": {"status": status}}


def allowed(who: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": who, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}
    return {"bucket": "b", "policy": json.dumps({"Statement": [statement]})}


def pair(old: Any, new: Any, type: str, old_type: str = "", **fields: Any) -> tuple[Change, Change]:
    gone = change(old_type or type, Op.DELETE, name="old", inputs=old, id=fields.pop("id", "b"), **fields)
    return gone, change(type, Op.CREATE, name="new", inputs=new, **fields)


def found(*changes: Change) -> tuple[Danger, ...]:
    return dangers(plan(*changes))


WEAKER = [
    (VERSIONS, versions("Enabled"), versions("Suspended")),
    (LIFECYCLE, expires(365), expires(1)),
    (IMAGES, images(100), images(1)),
    (BLOCK, blocked(True), blocked(False)),
    (BACKUPS, backups("ENABLED"), backups("DISABLED")),
    (POLICY, allowed("arn:aws:iam::123456789012:root"), allowed("*")),
]


@pytest.mark.parametrize(("type", "old", "new"), WEAKER)
@pytest.mark.parametrize("backwards", [False, True])
def test_a_renamed_resource_has_the_dangers_of_its_update(type: str, old: Any, new: Any, backwards: bool) -> None:
    (expected,) = found(update(type, old, new, id="b"))
    (danger,) = found(*pair(old, new, type)[:: -1 if backwards else 1])
    assert (danger.name, danger.op, danger.harm, danger.because) == (
        "new",
        Op.CREATE,
        expected.harm,
        expected.because,
    )
    assert danger.text.startswith("Creates the ")
    stays = change(BUCKET, Op.SAME, name="whole", inputs={"bucket": "b"}, id="b")
    assert [each.text for each in found(stays, *pair(old, new, type))] == [danger.text]


@pytest.mark.parametrize(
    ("type", "inputs", "lost"),
    [
        (ENTRY, HOLDER, "its principal can no longer use the cluster"),
        (BLOCK, blocked(True), "objects may become public"),
        (VERSIONS, versions("Enabled"), "data that is overwritten or deleted can no longer be recovered"),
    ],
)
def test_what_the_deletion_of_the_old_one_removes_is_one_danger(type: str, inputs: Any, lost: str) -> None:
    (danger,) = found(*pair(inputs, inputs, type))
    assert danger.text == f"{danger.text.partition(': ')[0]}: {SAME}; {lost}."
    assert danger.name == "new"
    assert len([*twins(plan(*pair(inputs, inputs, type)))]) == 1


def test_a_weaker_setting_without_a_loss_is_no_danger_if_it_is_the_same() -> None:
    assert found(*pair(expires(30), expires(30), LIFECYCLE)) == ()
    assert found(*pair(expires(1), expires(365), LIFECYCLE)) == ()


def test_another_resource_is_a_deletion_and_a_creation() -> None:
    other = {**versions("Suspended"), "bucket": "other"}
    (danger,) = found(*pair(versions("Enabled"), other, VERSIONS))
    assert (danger.name, danger.op) == ("old", Op.DELETE)


def test_the_data_of_a_deleted_bucket_is_lost_although_it_is_created_again() -> None:
    (danger,) = found(*pair({"bucket": "b"}, {"bucket": "b"}, BUCKET))
    assert (danger.name, danger.harm, danger.op) == ("old", Harm.DATA, Op.DELETE)


def test_settings_that_are_renamed_with_their_bucket_add_no_danger() -> None:
    (danger,) = found(*pair({"bucket": "b"}, {"bucket": "b"}, BUCKET), *pair(blocked(True), blocked(True), BLOCK))
    assert (danger.name, danger.harm) == ("old", Harm.DATA)


@pytest.mark.parametrize(
    ("types", "old", "new"),
    [
        ((ALIAS, ALIAS), {"name": "alias/x", "targetKeyId": "k1"}, {"name": "alias/x", "targetKeyId": "k2"}),
        ((ROUTE, ROUTE), ROUTED, {**ROUTED, "natGatewayId": "nat-2"}),
        (
            (ROUTE, ROUTE),
            {"routeTableId": "rtb-1", "destinationIpv6CidrBlock": "::/0", "gatewayId": "igw-1"},
            {"routeTableId": "rtb-1", "destinationIpv6CidrBlock": "::/0", "egressOnlyGatewayId": "eigw-1"},
        ),
        (
            (OF_SUBNET, OF_SUBNET),
            {"subnetId": "subnet-1", "routeTableId": "rtb-1"},
            {"subnetId": "subnet-1", "routeTableId": "rtb-2"},
        ),
        (
            (CONFIG, CONFIG),
            {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1"}},
            {"kind": "ConfigMap", "metadata": {"name": "c", "namespace": "default"}, "data": {"a": "2"}},
        ),
        ((BUCKET_V2, BUCKET), {"bucket": "b", "acl": "private"}, {"bucket": "b"}),
        ((VERSIONS_V2, VERSIONS), versions("Enabled"), versions("Suspended")),
        ((VERSIONS, VERSIONS_V2), versions("Enabled"), versions("Enabled")),
        (("aws:alb/listener:Listener", "aws:lb/listener:Listener"), {"name": "x"}, {"name": "x"}),
        (("aws:iam/role:Role", "aws:iam/role:Role"), {"name": "x", "boundaryArn": "a"}, {"name": "x"}),
    ],
)
def test_renames_are_found(types: tuple[str, str], old: Any, new: Any) -> None:
    gone, come = pair(old, new, types[1], types[0])
    ((urn, text),) = twins(plan(gone, come))
    assert urn == gone.urn
    assert "is created, but both name the same resource (" in text
    ((urn, _),) = twins(plan(come, gone))
    assert urn == gone.urn


@pytest.mark.parametrize(
    ("type", "old", "new"),
    [
        (ROUTE, ROUTED, {**ROUTED, "destinationCidrBlock": "10.1.0.0/16"}),
        (ROUTE, ROUTED, {**ROUTED, "routeTableId": "rtb-2"}),
        (ROUTE, ROUTED, {"routeTableId": "rtb-1", "destinationPrefixListId": "10.0.0.0/8"}),
        (OF_SUBNET, {"subnetId": "s", "routeTableId": "r"}, {"gatewayId": "s", "routeTableId": "r"}),
        (OF_SUBNET, {"subnetId": "s", "routeTableId": "r"}, {"subnetId": Unknown(), "routeTableId": "r"}),
        (ALIAS, {"name": "alias/x", "targetKeyId": "k"}, {"name": "alias/y", "targetKeyId": "k"}),
        (
            CONFIG,
            {"kind": "ConfigMap", "metadata": {"name": "c"}},
            {"kind": "ConfigMap", "metadata": {"name": "c", "namespace": "jobs"}},
        ),
    ],
)
def test_other_resources_are_no_renames(type: str, old: Any, new: Any) -> None:
    assert [*twins(plan(*pair(old, new, type)))] == []


def test_the_default_namespace_is_that_of_the_provider() -> None:
    provider = change("pulumi:providers:kubernetes", Op.SAME, name="k", inputs={"namespace": "jobs"})
    bare, jobs, default = (
        {"kind": "ConfigMap", "metadata": {"name": "c"} | space}
        for space in ({}, {"namespace": "jobs"}, {"namespace": "default"})
    )
    assert len([*twins(plan(provider, *pair(bare, jobs, CONFIG, provider=provider.urn)))]) == 1
    assert [*twins(plan(provider, *pair(bare, default, CONFIG, provider=provider.urn)))] == []


def test_only_the_difference_of_a_renamed_firewall_is_a_danger() -> None:
    rules = [{"protocol": "tcp", "fromPort": 22, "toPort": 22, "cidrBlocks": ["0.0.0.0/0"]}]
    type = "aws:ec2/securityGroup:SecurityGroup"
    same = pair({"name": "g", "ingress": rules}, {"name": "g", "ingress": rules}, type, id="sg-1")
    opened = pair({"name": "g", "ingress": []}, {"name": "g", "ingress": rules}, type, id="sg-1")
    assert not [each for each in found(*same) if "internet" in each.text]
    assert [each.name for each in found(*opened) if "internet" in each.text] == ["new"]

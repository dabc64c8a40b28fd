"""The resources that properties refer to: IDs are not unique, and a setting has the ID of what it belongs to."""

import json
import time
from typing import Any

import pytest

from changes import change, plan, urn
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.firewalls import reach
from mlpctl.review.plan.model import Change, Op
from mlpctl.review.relations.owners import Owners, may_be
from mlpctl.review.report.model import Harm
from mlpctl.review.types import records

BUCKET, ROLE, REPOSITORY = "aws:s3/bucket:Bucket", "aws:iam/role:Role", "aws:ecr/repository:Repository"
BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
VERSIONS, CORS = "aws:s3/bucketVersioning:BucketVersioning", "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
ATTACHMENT, ENTRY = "aws:iam/rolePolicyAttachment:RolePolicyAttachment", "aws:eks/accessEntry:AccessEntry"
CLUSTER, DATABASES = "aws:eks/cluster:Cluster", "aws:rds/cluster:Cluster"
EXPIRES = {"bucket": "b", "rules": [{"id": "x", "status": "Enabled", "expiration": {"days": 1}}]}
OFF = {"bucket": "b", "blockPublicAcls": False, "blockPublicPolicy": False}
NAMED = {"bucket": "b"}

PARTS = [
    (name, record.part_of)
    for name in records.names()
    if "*" not in name
    for record in [records.record(name)]
    if record.part_of and "." not in record.part_of and record.holds and not record.unless
    # Rules of security groups are compared by their traffic.
    if not reach.is_rule(change(name))
]


def found(*changes: Change) -> list[tuple[str, Harm]]:
    return [(each.name, each.harm) for each in dangers(plan(*changes))]


def deleted(type: str, inputs: Any, id: str, name: str = "it", **fields: Any) -> Change:
    return change(type, Op.DELETE, name=name, inputs=inputs, id=id, **fields)


def kept(type: str, inputs: Any, id: str, name: str = "whole", **fields: Any) -> Change:
    return change(type, Op.SAME, name=name, inputs=inputs, id=id, **fields)


@pytest.mark.parametrize(("type", "whole"), PARTS)
def test_a_deleted_part_with_the_id_of_its_whole_is_a_danger(type: str, whole: str) -> None:
    other, same = (deleted(type, {whole: "x"}, id) for id in ("other", "x"))
    sibling = deleted(CORS, {"bucket": "x"}, "x", name="sibling")
    assert found(other)
    assert found(same) == found(same, sibling) == found(other)


@pytest.mark.parametrize(("type", "whole"), PARTS)
def test_a_part_that_is_deleted_with_its_whole_adds_no_danger(type: str, whole: str) -> None:
    wholes = [each for each in records.names() if "*" not in each and may_be(type, whole, each)]
    assert any(
        found(deleted(type, {whole: "x"}, "x"), deleted(each, {}, "x", name="whole"))
        == found(deleted(each, {}, "x", name="whole"))
        for each in wholes
    )


def test_settings_of_a_bucket_that_stays_are_dangers_also_if_several_are_deleted() -> None:
    settings = [deleted(type, NAMED, "b", name=type) for type in (BLOCK, VERSIONS, CORS)]
    for wholes in ([], [kept(BUCKET, NAMED, "b")]):
        for order in (settings, settings[::-1]):
            assert {harm for _, harm in found(*wholes, *order)} == {Harm.IDENTITY, Harm.PROTECTION}
            assert len(found(*order, *wholes)) == 2
    assert found(*settings, deleted(BUCKET, NAMED, "b", name="whole")) == [("whole", Harm.DATA)]


def test_a_dependency_on_another_setting_leads_to_the_bucket() -> None:
    versions = deleted(VERSIONS, NAMED, "b", name="versions", depends={"bucket": (urn(BUCKET, "whole"),)})
    block = deleted(BLOCK, NAMED, "b", depends={"bucket": (urn(VERSIONS, "versions"),)})
    assert ("it", Harm.IDENTITY) in found(kept(BUCKET, NAMED, "b"), versions, block)
    assert ("it", Harm.IDENTITY) in found(kept(BUCKET, {}, ""), versions, block)
    assert found(deleted(BUCKET, {}, "", name="whole"), versions, block) == [("whole", Harm.DATA)]
    new = change(VERSIONS, Op.CREATE, name="versions", inputs=NAMED, depends={"bucket": (urn(BUCKET, "whole"),)})
    off = change(BLOCK, Op.CREATE, inputs=OFF, depends={"bucket": (urn(VERSIONS, "versions"),)})
    assert found(kept(BUCKET, {}, ""), new, off) == [("it", Harm.IDENTITY)]
    assert found(change(BUCKET, Op.CREATE, name="whole"), new, off) == []


def test_the_deletion_of_a_setting_of_a_retained_bucket_is_a_danger() -> None:
    bucket = deleted(BUCKET, NAMED, "b", name="whole", retained=True)
    assert found(bucket, deleted(BLOCK, NAMED, "b")) == [("it", Harm.IDENTITY)]


@pytest.mark.parametrize("new", [change(LIFECYCLE, Op.CREATE, inputs=EXPIRES), change(BLOCK, Op.CREATE, inputs=OFF)])
def test_a_new_setting_of_an_existing_bucket_is_a_danger_whatever_else_has_its_name(new: Change) -> None:
    wholes = [kept(BUCKET, NAMED, "b")]
    expected = found(*wholes, new)
    assert len(expected) == 1
    for other in (
        deleted(CORS, NAMED, "b", name="other"),
        change(REPOSITORY, Op.CREATE, name="other", inputs={"name": "b"}),
        change(CORS, Op.CREATE, name="other", inputs=NAMED),
    ):
        for changes in ([*wholes, other, new], [other, *wholes, new], [other, new]):
            assert found(*changes) == expected
    assert found(change(BUCKET, Op.CREATE, name="whole", inputs=NAMED), kept(ROLE, {"name": "b"}, "b"), new) == []


def test_a_resource_of_another_kind_with_the_same_name_is_not_the_whole() -> None:
    attached = deleted(ATTACHMENT, {"role": "app", "policyArn": "arn:p"}, "app-1")
    repository = deleted(REPOSITORY, {"name": "app"}, "app", name="other")
    for roles in ([], [kept(ROLE, {"name": "app"}, "app")]):
        assert ("it", Harm.IDENTITY) in found(*roles, repository, attached)
        assert ("it", Harm.IDENTITY) in found(attached, repository, *roles)
    entry = deleted(ENTRY, {"clusterName": "prod", "principalArn": "arn:r"}, "prod:arn:r")
    databases = deleted(DATABASES, {"clusterIdentifier": "prod"}, "prod", name="other")
    assert ("it", Harm.IDENTITY) in found(databases, entry)
    assert ("it", Harm.IDENTITY) not in found(deleted(CLUSTER, {"name": "prod"}, "prod", name="other"), entry)


def test_a_role_is_granted_more_whatever_new_resource_has_its_name() -> None:
    admin = json.dumps({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    new = change("aws:iam/rolePolicy:RolePolicy", Op.CREATE, inputs={"role": "app", "policy": admin})
    repository = change(REPOSITORY, Op.CREATE, name="other", inputs={"name": "app"})
    assert found(new) == found(repository, new) == [("it", Harm.IDENTITY)]


def test_the_resource_with_the_same_provider_is_preferred() -> None:
    here, there = ("urn:pulumi:dev::shop::pulumi:providers:aws::" + each for each in ("here", "there"))
    gone = deleted(CLUSTER, {"name": "prod"}, "prod", name="gone", provider=there)
    stays = kept(CLUSTER, {"name": "prod"}, "prod", provider=here)
    entry = {"clusterName": "prod", "principalArn": "arn:r"}
    assert ("it", Harm.IDENTITY) in found(gone, stays, deleted(ENTRY, entry, "x", provider=here))
    assert ("it", Harm.IDENTITY) not in found(gone, stays, deleted(ENTRY, entry, "x", provider=there))


@pytest.mark.parametrize(
    ("type", "inputs", "name"),
    [
        ("aws:kms/key:Key", {}, "targetKeyId"),
        (BUCKET, {"bucket": "x"}, "bucket"),
        ("aws:s3/bucketV2:BucketV2", {"bucket": "x"}, "bucket"),
        ("aws:backup/vault:Vault", {"name": "x"}, "backupVaultName"),
        ("aws:ec2/defaultVpc:DefaultVpc", {}, "vpcId"),
        ("aws-native:s3:Bucket", {"bucketName": "x"}, "bucket"),
        ("aws:iam/role:Role", {"name": "x"}, "role"),
        ("acme:index/thing:Thing", {}, "unheardOf"),
    ],
)
def test_a_resource_is_found_by_a_property_that_names_its_type(type: str, inputs: Any, name: str) -> None:
    other = change("aws:s3/bucketThing:BucketThing", name="other", inputs={name: "x"})
    assert [each.type for each in Owners([kept(type, inputs, "x")]).find(other, name, "x")] == [type]


def test_the_time_is_linear_in_the_number_of_resources_with_one_id() -> None:
    many = [deleted(BLOCK, NAMED, "b", name=str(number)) for number in range(2_000)]
    many += [kept(BUCKET, NAMED, "b", name=f"whole-{number}") for number in range(2_000)]
    start = time.process_time()
    assert len(dangers(plan(*many))) == 2_000
    assert time.process_time() - start < 8

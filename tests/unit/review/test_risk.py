"""Dangers of a plan: every harm with its causes, and similar harmless changes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import every_record
from awsfacts.records import Holding
from changes import change, plan, update, urn
from mlpctl.review.dangers.risk import MAX_CAUSES, dangers
from mlpctl.review.dangers.watch_tests import TESTS
from mlpctl.review.kubernetes import pods
from mlpctl.review.plan.model import Change, Op
from mlpctl.review.reading import retention
from mlpctl.review.report.model import Certainty, Harm
from mlpctl.review.types import records
from mlpctl.review.values.plain import UNKNOWN, Secret
from review_plans import bounded
from unit.review.risks import (
    ATTACHMENT,
    BUCKET,
    BUDGET,
    CPU,
    DATABASE,
    DEPLOYMENT,
    GPU,
    GROUP,
    INGRESS,
    LIFE,
    LIFECYCLE,
    NODES,
    POLICY,
    POOL,
    RESERVATION,
    ROLE,
    SERVICE,
    TEMPLATE,
    document,
    only,
)

ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
READER = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def found(*changes: Change) -> list[tuple[Harm, Certainty, tuple[str, ...]]]:
    return [(each.harm, each.certainty, tuple(each.because)) for each in dangers(plan(*changes))]


WHAT_WIDENS: dict[str, tuple[str, str, bool]] = {
    "all actions of a service": (document("s3:Get*"), document("s3:*"), True),
    "all actions": (document(), document("*"), True),
    "all actions but one": (document(), json.dumps({"Statement": {"Effect": "Allow", "NotAction": "iam:*"}}), True),
    "all principals": (document(Principal={"AWS": "arn:a"}), document(Principal="*"), True),
    "all principals in a list": (
        document(Principal={"AWS": "arn:a"}),
        document(Principal={"AWS": ["arn:a", "*"]}),
        True,
    ),
    "all principals under a condition": (
        document(Principal={"AWS": "a"}),
        document(Principal="*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}}),
        False,
    ),
    "what it allowed already": (document("s3:*"), document(["s3:*", "ec2:Describe*"]), False),
    "more that it denies": (
        document(),
        json.dumps({"Statement": {"Effect": "Deny", "Action": "*", "Principal": "*"}}),
        False,
    ),
}


@pytest.mark.parametrize("name", WHAT_WIDENS)
def test_a_policy_with_broad_permissions_is_reported(name: str) -> None:
    old, new, widens = WHAT_WIDENS[name]
    danger = only(update(POLICY, {"policy": old}, {"policy": new}))
    assert ("it grants broad permissions" in danger.text) == widens


GONE: dict[str, tuple[str, Any, Harm | None, str]] = {
    "a bucket": (BUCKET, {"forceDestroy": True}, Harm.DATA, "Deletes the S3 bucket it: every object in it is lost."),
    "a bucket that has to be empty": (
        BUCKET,
        {"forceDestroy": False},
        Harm.DATA,
        "rejects the deletion unless it is empty",
    ),
    "a public repository that may hold images": (
        "aws:ecrpublic/repository:Repository",
        {"forceDestroy": True},
        Harm.DATA,
        "every image in it is lost, and pods can no longer pull them.",
    ),
    "a database without a snapshot": (DATABASE, {"skipFinalSnapshot": True}, Harm.DATA, "no final snapshot is created"),
    "a protected database": (
        DATABASE,
        {"deletionProtection": True},
        Harm.DATA,
        "rejects the deletion while its deletionProtection",
    ),
    "a volume that its class retains": (
        "kubernetes:core/v1:PersistentVolume",
        {"spec": {"persistentVolumeReclaimPolicy": "Retain"}},
        None,
        "",
    ),
    "a volume": (
        "kubernetes:core/v1:PersistentVolume",
        {"spec": {"persistentVolumeReclaimPolicy": "Delete"}},
        Harm.DATA,
        "files",
    ),
    "GPU nodes": (NODES, GPU, Harm.CAPACITY, "g6.2xlarge may not be available again."),
    "nodes": (NODES, CPU, Harm.CAPACITY, "Deletes the EKS node group it: its nodes are drained and terminated."),
    "a reservation of GPUs": (
        RESERVATION,
        {"instanceType": "p5.48xlarge"},
        Harm.CAPACITY,
        "p5.48xlarge may not be available",
    ),
    "Neuron nodes of Karpenter": (
        POOL,
        {
            "spec": {
                "template": {
                    "spec": {"requirements": [{"key": "node.kubernetes.io/instance-type", "values": ["trn2.48xlarge"]}]}
                }
            }
        },
        Harm.CAPACITY,
        "trn2.48xlarge may not be available",
    ),
    "nodes with a GPU image": (
        NODES,
        {"amiType": "AL2023_x86_64_NVIDIA"},
        Harm.CAPACITY,
        "accelerators may not be available",
    ),
    "a launch template": (TEMPLATE, {"instanceType": "p5.48xlarge"}, None, ""),
    "a deployment": (DEPLOYMENT, {"spec": {"replicas": 2}}, Harm.SERVING, "its pods are terminated"),
    "a deployment without pods": (DEPLOYMENT, {"spec": {"replicas": 0}}, None, ""),
    "a disruption budget": (BUDGET, {}, Harm.SERVING, "a drain may evict all its pods at once"),
    "a load balancer": ("aws:lb/loadBalancer:LoadBalancer", {}, Harm.SERVING, "requests through it fail"),
    "a role": (ROLE, {}, Harm.IDENTITY, "lose their permissions"),
    "a tag": ("aws:autoscaling/tag:Tag", {}, None, ""),
    "something unheard of": ("acme:index:Box", {}, None, ""),
}


@pytest.mark.parametrize("name", GONE)
def test_a_deletion_harms_resources_that_hold_something(name: str) -> None:
    type, old, harm, text = GONE[name]
    reported = dangers(plan(change(type, Op.DELETE, inputs=old)))
    assert [(each.harm, each.certainty, each.because) for each in reported] == (
        [(harm, Certainty.WILL, ())] if harm else []
    )
    assert not harm or text in reported[0].text


def test_the_first_creation_has_no_dangers() -> None:
    every = [
        change(
            type,
            Op.CREATE,
            name=str(number),
            inputs={"acl": "private", "policy": document(), "policyArn": READER, "role": "r"},
        )
        for number, type in enumerate((BUCKET, POLICY, ROLE, ATTACHMENT, NODES, DEPLOYMENT))
    ]
    assert dangers(plan(*every)) == ()


@pytest.mark.parametrize(
    ("type", "inputs", "target", "harm"),
    [
        (ATTACHMENT, {"policyArn": READER}, "role", Harm.IDENTITY),
        (INGRESS, {"cidrIpv4": "10.0.0.0/8"}, "securityGroupId", Harm.IDENTITY),
        (LIFECYCLE, LIFE, "bucket", Harm.DATA),
    ],
)
def test_a_creation_that_changes_an_existing_resource_is_reported(
    type: str, inputs: Any, target: str, harm: Harm
) -> None:
    def made(whole: Op) -> list[Harm]:
        depends = {target: (urn(ROLE, "whole"),)}
        new = change(type, Op.CREATE, inputs={**inputs, target: UNKNOWN}, depends=depends)
        return [
            each.harm
            for each in dangers(plan(change(ROLE, whole, name="whole"), change(BUCKET, Op.SAME, name="b"), new))
        ]

    assert made(Op.SAME) == [harm]
    assert made(Op.CREATE) == []
    # The engine does not list unchanged resources by default.
    unlisted = change(type, Op.CREATE, inputs={**inputs, target: "whole"}, depends={target: (urn(ROLE, "whole"),)})
    assert [each.harm for each in dangers(plan(unlisted))] == [harm]


def test_a_new_administrator_is_reported() -> None:
    danger = only(
        change(ROLE, Op.SAME, name="r", id="r"), change(ATTACHMENT, Op.CREATE, inputs={"role": "r", "policyArn": ADMIN})
    )
    effects = "the role gets administrative permissions; the role gets more permissions"
    assert danger.text == f"Creates the policy of an IAM role it: {effects}."


def test_a_part_is_not_reported_if_the_whole_is_deleted() -> None:
    def gone(whole: Op, **part: Any) -> list[str]:
        changes = (change(ROLE, whole, name="role", id="role-1"), change(ATTACHMENT, Op.DELETE, **part))
        return [each.name for each in dangers(plan(*changes))]

    assert gone(Op.DELETE, depends={"role": (urn(ROLE, "role"),)}) == ["role"]
    assert gone(Op.DELETE, inputs={"role": "role-1"}) == ["role"]
    assert gone(Op.SAME, inputs={"role": "role-1"}) == ["it"]


def test_every_stateful_resource_of_a_deleted_component_is_a_row() -> None:
    component = Change(urn("mlplatform:index:DataBucket", "raw"), Op.DELETE, old={}, custom=False)
    changes = [
        change(BUCKET, Op.DELETE, name="b", parent=component.urn),
        change(
            "aws:s3/bucketObjectv2:BucketObjectv2", Op.DELETE, name="o", parent=component.urn, inputs={"bucket": "b"}
        ),
    ]
    reported = dangers(plan(component, *changes))
    assert sorted((each.name, each.component) for each in reported) == [
        ("b", "DataBucket raw"),
        ("o", "DataBucket raw"),
    ]


def test_the_deletion_of_a_protected_resource_is_reported_as_rejected() -> None:
    danger = only(change(DATABASE, Op.DELETE, protected=True))
    assert danger.protected and danger.text.endswith("the engine rejects this, since it is protected.")


@pytest.mark.parametrize("op", [Op.DELETE, Op.REPLACE])
@pytest.mark.parametrize("type", [DATABASE, BUCKET, NODES, ROLE])
def test_a_retained_resource_destroys_nothing(op: Op, type: str) -> None:
    assert all(danger.harm is Harm.SERVING for danger in dangers(plan(change(type, op, retained=True))))


def test_the_replacement_of_a_retained_resource_has_another_address() -> None:
    danger = only(change("aws:lb/loadBalancer:LoadBalancer", Op.REPLACE, retained=True))
    assert danger.harm is Harm.SERVING and danger.retained
    assert "the old one stays in the cloud, but the stack no longer manages it" in danger.text


@pytest.mark.parametrize("op", [Op.FORGET, Op.GONE, Op.REFRESH])
def test_resources_that_are_no_longer_managed_or_already_gone_are_not_a_danger(op: Op) -> None:
    assert dangers(plan(*(change(type, op, name=type) for type in (BUCKET, DATABASE, ROLE)))) == ()


def test_removed_protection_is_reported_even_if_nothing_else_changes() -> None:
    danger = only(change(BUCKET, Op.SAME, unprotected=True, unretained=True))
    assert danger.because == ("protect: true → false", "retainOnDelete: true → false")
    assert dangers(plan(change("aws:autoscaling/tag:Tag", Op.SAME, unprotected=True))) == ()


def test_a_changed_secret_is_a_change_of_identity_and_not_a_loss_of_data() -> None:
    version = "aws:secretsmanager/secretVersion:SecretVersion"
    old, new = ({"secretString": Secret("secret", mark)} for mark in (b"1", b"2"))
    danger = only(update(version, old, new, op=Op.REPLACE, forced_by=("secretString",)))
    assert (danger.harm, danger.because) == (Harm.IDENTITY, ("secretString: (secret) → (secret, changed)",))


def test_the_worst_comes_first() -> None:
    every = [
        change(ROLE, Op.DELETE, name="role"),
        change(SERVICE, Op.DELETE, name="service"),
        update(GROUP, {"ingress": []}, {"ingress": [{"cidrBlocks": ["0.0.0.0/0"]}]}, name="open"),
        change(NODES, Op.DELETE, name="cpu", inputs=CPU),
        change(NODES, Op.DELETE, name="gpu", inputs=GPU),
        update(BUCKET, {}, {"forceDestroy": True}, name="weaker"),
        update(DATABASE, {"a": 1}, {"a": UNKNOWN}, name="maybe", op=Op.REPLACE, forced_by=("a",)),
        change(DATABASE, Op.REPLACE, name="replaced"),
        change(DATABASE, Op.DELETE, name="gone"),
    ]
    order = ["gone", "replaced", "open", "maybe", "gpu", "service", "role", "cpu", "weaker"]
    assert [each.name for each in dangers(plan(*every))] == order
    assert [each.name for each in dangers(plan(*reversed(every)))] == order


def test_many_causes_are_counted() -> None:
    old, new = ({f"p{number}": side for number in range(9)} for side in (1, 2))
    danger = only(update(DATABASE, old, new, op=Op.REPLACE, forced_by=tuple(old)))
    assert len(danger.because) == MAX_CAUSES and danger.because[-1] == "and 5 more"


def test_every_test_in_the_table_exists_and_is_used() -> None:
    watches = (watch for each in every_record.every() for watch in each.watches)
    named = {watch.test for watch in (*watches, *pods.settings())}
    assert named == {*TESTS, "otherInstances"}


EXACT = sorted(
    f"{type}:{type.rsplit('/', 1)[-1][0].upper()}{type.rsplit('/', 1)[-1][1:]}"
    if "/" in type and ":" in type and type.count(":") == 1
    else type
    for type in records.names()
    for record in [records.record(type)]
    if record.holds and record.holds[0] is Holding.DATA
    if not (record.part_of or record.unless or record.restorable_from_inputs or record.guards)
)
INPUTS = st.dictionaries(
    st.sampled_from(["name", "forceDestroy", "bucket", "policy", "spec", "engine"]),
    st.booleans() | st.text(max_size=5) | st.just(UNKNOWN) | st.just(Secret("s", b"1")),
    max_size=4,
)


@given(st.sampled_from(EXACT), st.sampled_from([Op.DELETE, Op.REPLACE]), INPUTS, INPUTS, st.booleans())
def test_every_deletion_of_a_stateful_resource_is_reported(
    type: str, op: Op, old: Any, new: Any, protected: bool
) -> None:
    sides = {"old": old, "new": None if op is Op.DELETE else new}
    reported = dangers(plan(change(type, op, protected=protected, **sides)))
    worst = reported[0]
    harm = Harm.SERVING if retention.kept_data(type, old) else Harm.DATA
    assert (worst.harm, worst.op, worst.protected, worst.retained) == (harm, op, protected, False)
    assert len(worst.text) < 500 and all(len(each) < 500 for each in worst.because)


@given(INPUTS, st.sampled_from(EXACT))
def test_an_unchanged_resource_is_not_a_danger(inputs: Any, type: str) -> None:
    assert dangers(plan(update(type, inputs, inputs), change(type, Op.SAME, name="other", inputs=inputs))) == ()


@pytest.mark.engine  # takes seconds
@bounded
def test_two_thousand_resources_take_little_time() -> None:
    types = [BUCKET, DATABASE, NODES, ROLE, DEPLOYMENT, GROUP, POLICY, LIFECYCLE]
    every = [
        update(
            types[number % 8],
            {**GPU, "policy": document()},
            {**CPU, "policy": document("*")},
            name=str(number),
            op=[Op.UPDATE, Op.REPLACE][number % 2],
            forced_by=("instanceTypes",),
        )
        for number in range(2_000)
    ]
    assert dangers(plan(*every))

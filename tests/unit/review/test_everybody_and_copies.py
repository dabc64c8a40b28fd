"""Policies for all principals, and resources whose data is a copy or is retained elsewhere."""

import json
from typing import Any

import pytest

from changes import change, plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.plan.model import Op
from mlpctl.review.report.model import Harm


def policy(principal: Any, **more: Any) -> str:
    statement = {"Effect": "Allow", "Action": "x:Read", "Resource": "*", "Principal": principal, **more}
    return json.dumps({"Statement": [statement]})


def harms(*changes: Any) -> dict[Harm, str]:
    return {each.harm: each.text for each in dangers(plan(*changes))}


NAMED = policy({"AWS": "arn:aws:iam::111122223333:root"})
POLICIES = {
    "aws:s3/bucketPolicy:BucketPolicy": "policy",
    "aws:kms/key:Key": "policy",
    "aws:kms/keyPolicy:KeyPolicy": "policy",
    "aws:ecr/repositoryPolicy:RepositoryPolicy": "policy",
    "aws:sns/topicPolicy:TopicPolicy": "policy",
    "aws:sqs/queuePolicy:QueuePolicy": "policy",
    "aws:opensearch/domain:Domain": "accessPolicies",
    "aws:opensearch/domainPolicy:DomainPolicy": "accessPolicies",
}


@pytest.mark.parametrize("type", POLICIES)
@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}, {"AWS": ["*"]}])
def test_a_policy_for_all_principals_is_reported(type: str, principal: Any) -> None:
    name = POLICIES[type]
    found = harms(update(type, {name: NAMED}, {name: policy(principal)}))
    assert "anyone can use it" in found[Harm.IDENTITY]
    limited = policy(principal, Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}})
    assert "anyone" not in harms(update(type, {name: NAMED}, {name: limited}))[Harm.IDENTITY]


def test_a_read_replica_is_a_copy() -> None:
    replica = change(
        "aws:rds/instance:Instance", Op.DELETE, inputs={"replicateSourceDb": "a", "skipFinalSnapshot": True}
    )
    assert Harm.DATA not in harms(replica)
    cluster = change("aws:rds/cluster:Cluster", Op.DELETE, inputs={"replicationSourceIdentifier": "arn:aws:rds:::a"})
    assert Harm.DATA not in harms(cluster)
    assert Harm.DATA in harms(change("aws:rds/instance:Instance", Op.DELETE, inputs={"skipFinalSnapshot": True}))


@pytest.mark.parametrize("service", ["rds", "neptune", "docdb"])
def test_a_global_cluster_contains_no_data_itself(service: str) -> None:
    assert [*harms(change(f"aws:{service}/globalCluster:GlobalCluster", Op.DELETE, inputs={}))] == [Harm.SERVING]


def test_abandoned_or_archived_resources_lose_no_data() -> None:
    account, repository = "aws:organizations/account:Account", "github:index/repository:Repository"
    assert Harm.DATA not in harms(change(account, Op.DELETE, inputs={"name": "a", "closeOnDeletion": False}))
    assert Harm.DATA in harms(change(account, Op.DELETE, inputs={"name": "a", "closeOnDeletion": True}))
    assert Harm.DATA not in harms(change(repository, Op.DELETE, inputs={"name": "a", "archiveOnDestroy": True}))
    assert Harm.DATA in harms(change(repository, Op.DELETE, inputs={"name": "a", "archiveOnDestroy": False}))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"version": "1.32"}, {"version": "1.33"}),
        ({"releaseVersion": "1.32.1-20250101"}, {"releaseVersion": "1.32.1-20250201"}),
        ({"launchTemplate": {"id": "lt-1", "version": "1"}}, {"launchTemplate": {"id": "lt-1", "version": "2"}}),
    ],
)
def test_a_new_version_of_a_gpu_node_group_replaces_its_nodes(old: Any, new: Any) -> None:
    nodes = "aws:eks/nodeGroup:NodeGroup"
    gpu, cpu = {"instanceTypes": ["p5.48xlarge"]}, {"instanceTypes": ["m7i.large"]}
    assert Harm.CAPACITY in harms(update(nodes, {**gpu, **old}, {**gpu, **new}))
    assert Harm.CAPACITY not in harms(update(nodes, {**cpu, **old}, {**cpu, **new}))


def test_the_root_disk_of_an_instance_may_be_retained() -> None:
    instance = "aws:ec2/instance:Instance"
    kept = change(instance, Op.DELETE, inputs={"rootBlockDevice": {"deleteOnTermination": False}})
    assert "its root disk is retained" in harms(kept)[Harm.CAPACITY]
    assert "stays" not in harms(change(instance, Op.DELETE, inputs={}))[Harm.CAPACITY]

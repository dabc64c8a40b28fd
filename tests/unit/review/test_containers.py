"""Retained resources inside a deleted container: they are deleted with it, or the deletion fails."""

from datetime import date
from typing import Any

import pytest

from mlpctl.review import assemble
from mlpctl.review.cost import book
from mlpctl.review.plan.model import Op
from mlpctl.review.reading import reader
from mlpctl.review.report import wording
from mlpctl.review.report.model import Harm, Report
from unit.review.engine import PREFIX, ROOT, State, Step, digest, events, state

BOOK = book.load()
RETAIN = {"retainOnDelete": True}

BUCKET, OBJECT = "aws:s3/bucket:Bucket", "aws:s3/bucketObject:BucketObject"
NAMESPACE, CLAIM = "kubernetes:core/v1:Namespace", "kubernetes:core/v1:PersistentVolumeClaim"
CLUSTER, NODES = "aws:eks/cluster:Cluster", "aws:eks/nodeGroup:NodeGroup"
GROUP, ACCOUNT = "azure-native:resources:ResourceGroup", "azure-native:storage:StorageAccount"
CONTAINER = "azure-native:storage:BlobContainer"
PROVIDER = "pulumi:providers:kubernetes"


def review(*steps: Step, write: Any = digest) -> Report:
    return assemble.review(reader.read(write(ROOT, *steps)), BOOK, date(2026, 11, 1))


def gone(type: str, name: str, inputs: Any, **more: Any) -> Step:
    return Step("delete", state(type, name, inputs, **more))


TAKEN: dict[str, tuple[Step, Step]] = {
    "an object of a bucket": (
        gone(BUCKET, "whole", {"bucket": "models", "forceDestroy": True}),
        gone(OBJECT, "part", {"bucket": "models", "key": "a"}, **RETAIN),
    ),
    "an object by the id of its bucket": (
        gone(BUCKET, "whole", {"forceDestroy": True}),
        gone(OBJECT, "part", {"bucket": "whole-1"}, **RETAIN),
    ),
    "a claim of a namespace": (
        gone(NAMESPACE, "whole", {"metadata": {"name": "prod"}}),
        gone(CLAIM, "part", {"metadata": {"name": "data", "namespace": "prod"}}, **RETAIN),
    ),
    "an account of a resource group": (
        gone(GROUP, "whole", {"resourceGroupName": "Shop"}),
        gone(ACCOUNT, "part", {"resourceGroupName": "shop", "accountName": "models"}, **RETAIN),
    ),
    "a database of an instance": (
        gone("gcp:sql/databaseInstance:DatabaseInstance", "whole", {"name": "main"}),
        gone("gcp:sql/database:Database", "part", {"instance": "main", "name": "orders"}, **RETAIN),
    ),
    "a bucket of a project": (
        gone("gcp:organizations/project:Project", "whole", {"projectId": "shop-1"}),
        gone("gcp:storage/bucket:Bucket", "part", {"project": "shop-1", "name": "models"}, **RETAIN),
    ),
    "a table of a dataset": (
        gone("gcp:bigquery/dataset:Dataset", "whole", {"datasetId": "d", "deleteContentsOnDestroy": True}),
        gone("gcp:bigquery/table:Table", "part", {"datasetId": "d", "tableId": "t"}, **RETAIN),
    ),
    "a user of a pool": (
        gone("aws:cognito/userPool:UserPool", "whole", {"name": "users"}),
        gone("aws:cognito/user:User", "part", {"userPoolId": "whole-1"}, **RETAIN),
    ),
    "what an option of its provider keeps": (
        gone(GROUP, "whole", {"resourceGroupName": "shop"}),
        gone("azure-native:keyvault:Vault", "part", {"resourceGroupName": "shop"}, **RETAIN),
    ),
}

REFUSED: dict[str, tuple[Step, Step]] = {
    "an object of a bucket": (
        gone(BUCKET, "whole", {"bucket": "models"}),
        gone(OBJECT, "part", {"bucket": "models", "key": "a"}, **RETAIN),
    ),
    "nodes of a cluster": (
        gone(CLUSTER, "whole", {"name": "main"}),
        gone(NODES, "part", {"clusterName": "main"}, **RETAIN),
    ),
    "an instance of a cluster": (
        gone("aws:rds/cluster:Cluster", "whole", {"clusterIdentifier": "main", "skipFinalSnapshot": True}),
        gone("aws:rds/clusterInstance:ClusterInstance", "part", {"clusterIdentifier": "main"}, **RETAIN),
    ),
    "a subnet of a network": (
        gone("aws:ec2/vpc:Vpc", "whole", {"cidrBlock": "10.0.0.0/16"}),
        gone("aws:ec2/subnet:Subnet", "part", {"vpcId": "whole-1"}, **RETAIN),
    ),
    "a record of a zone": (
        gone("aws:route53/zone:Zone", "whole", {"name": "shop.example"}),
        gone("aws:route53/record:Record", "part", {"zoneId": "whole-1"}, **RETAIN),
    ),
}


@pytest.mark.parametrize("write", [digest, events])
@pytest.mark.parametrize("name", TAKEN)
def test_a_retained_part_that_its_container_deletes_counts_as_deleted(name: str, write: Any) -> None:
    report = review(*TAKEN[name], write=write)
    assert report.counts == {Op.DELETE: 2}
    assert report.verdict.startswith("2 to delete")
    rows = {row.name: row for group in report.groups for row in group.rows}
    assert rows["part"].op is Op.DELETE and not rows["part"].retained
    assert not [each for each in report.dangers if each.retained]
    assert any("It is retained, but deleted with the" in each and "part" in each for each in report.notes)
    assert "no longer managed" not in f"{report.verdict} {' '.join(wording.next_steps(report))}"


@pytest.mark.parametrize("write", [digest, events])
@pytest.mark.parametrize("name", REFUSED)
def test_a_part_that_blocks_the_deletion_of_its_container_remains_and_is_named(name: str, write: Any) -> None:
    report = review(*REFUSED[name], write=write)
    assert report.counts == {Op.DELETE: 1, Op.FORGET: 1}
    (danger,) = report.dangers
    assert (
        danger.name == "whole"
        and "its deletion fails, since the" in danger.text
        and "part remains in it" in danger.text
    )
    assert any("Its deletion fails" in each for each in report.notes)


def test_data_in_a_part_deleted_by_its_container_is_lost() -> None:
    report = review(*TAKEN["a claim of a namespace"])
    assert {each.name: each.harm for each in report.dangers} == {"whole": Harm.DATA, "part": Harm.DATA}


def test_nested_parts_are_deleted_too() -> None:
    blob = gone(CONTAINER, "blobs", {"resourceGroupName": "x", "accountName": "models", "containerName": "c"}, **RETAIN)
    report = review(*TAKEN["an account of a resource group"], blob)
    assert report.counts == {Op.DELETE: 3}


def test_a_replaced_container_deletes_its_parts_too() -> None:
    old = state(BUCKET, "whole", {"bucket": "models", "forceDestroy": True})
    new = {**old, "inputs": {"bucket": "other", "forceDestroy": True}}
    report = review(Step("replace", old, new, ("bucket",)), TAKEN["an object of a bucket"][1])
    assert report.counts == {Op.DELETE: 1, Op.REPLACE: 1}


def cluster_and_provider(**more: Any) -> tuple[Step, Step]:
    cluster = gone(CLUSTER, "whole", {"name": "main"})
    depends = {"propertyDependencies": {"kubeconfig": [cluster.urn]}, "provider": ""}
    return cluster, gone(PROVIDER, "k8s", {"kubeconfig": "x"}, **depends, **more)


def part(type: str, name: str, inputs: Any) -> Step:
    return gone(type, name, inputs, provider=f"{PREFIX}{PROVIDER}::k8s::1", **RETAIN)


def test_objects_are_deleted_with_the_cluster_of_their_provider() -> None:
    report = review(*cluster_and_provider(), part(CLAIM, "part", {"metadata": {"name": "data"}}))
    assert report.counts == {Op.DELETE: 2} and any(
        "deleted with the EKS cluster whole" in each for each in report.notes
    )


NOT: dict[str, tuple[Step, Step]] = {
    "another bucket's": (
        gone(BUCKET, "whole", {"bucket": "models", "forceDestroy": True}),
        gone(OBJECT, "part", {"bucket": "logs"}, **RETAIN),
    ),
    "a bucket that is retained too": (
        gone(BUCKET, "whole", {"bucket": "models", "forceDestroy": True}, **RETAIN),
        gone(OBJECT, "part", {"bucket": "models"}, **RETAIN),
    ),
    "another cluster's namespace": (
        gone(NAMESPACE, "whole", {"metadata": {"name": "prod"}}, provider=f"{PREFIX}{PROVIDER}::a::1"),
        gone(CLAIM, "part", {"metadata": {"namespace": "prod"}}, provider=f"{PREFIX}{PROVIDER}::b::1", **RETAIN),
    ),
    "something else of that name": (
        gone(BUCKET, "whole", {"bucket": "models", "forceDestroy": True}),
        gone("aws:sqs/queue:Queue", "part", {"name": "models"}, **RETAIN),
    ),
}


@pytest.mark.parametrize("name", NOT)
def test_resources_outside_the_container_remain(name: str) -> None:
    report = review(*NOT[name])
    assert report.counts[Op.FORGET] >= 1 and report.notes == ()


@pytest.mark.engine  # takes seconds
def test_the_time_for_thousands_of_parts_is_linear() -> None:
    whole = gone(BUCKET, "whole", {"bucket": "models", "forceDestroy": True})
    parts = [
        gone(OBJECT, f"part{number}", {"bucket": "models", "key": str(number)}, **RETAIN) for number in range(3000)
    ]
    assert review(whole, *parts).counts == {Op.DELETE: 3001}


def bare(step: Step) -> State:
    assert step.old
    return step.old


def test_a_part_that_is_found_only_by_reference() -> None:
    whole, other = TAKEN["an object of a bucket"]
    unnamed = {**bare(other), "inputs": {"key": "a"}, "propertyDependencies": {"bucket": [whole.urn]}}
    assert review(whole, Step("delete", unnamed)).counts == {Op.DELETE: 2}

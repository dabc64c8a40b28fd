"""Types of resources in Terraform modules are mapped to Pulumi types, so that the records apply."""

import pytest

from awsfacts.records import Holding
from mlpctl.review.kinds import kind, short_type


@pytest.mark.parametrize(
    ("terraform", "pulumi"),
    [
        ("aws_db_instance", "aws:rds/instance"),
        ("aws_rds_cluster", "aws:rds/cluster"),
        ("aws_s3_bucket", "aws:s3/bucket"),
        ("aws_s3_object", "aws:s3/bucketObjectv2"),
        ("aws_instance", "aws:ec2/instance"),
        ("aws_vpc", "aws:ec2/vpc"),
        ("aws_route_table", "aws:ec2/routeTable"),
        ("aws_lb", "aws:lb/loadBalancer"),
        ("aws_lb_listener", "aws:lb/listener"),
        ("aws_eks_node_group", "aws:eks/nodeGroup"),
        ("google_sql_database_instance", "gcp:sql/databaseInstance"),
        ("azurerm_postgresql_flexible_server", "azure:postgresql/flexibleServer"),
        ("kubernetes_persistent_volume_claim_v1", "kubernetes:core/v1:PersistentVolumeClaim"),
        ("random_password", "random:index/randomPassword"),
        ("aws_some_new_bucket", "aws:index/someNewBucket"),
    ],
)
def test_a_terraform_type_maps_to_a_pulumi_type(terraform: str, pulumi: str) -> None:
    assert short_type(f"network:tf:{terraform}") == pulumi


def test_the_record_of_a_modules_resource_is_found_by_its_type() -> None:
    assert kind("db:tf:aws_db_instance").words == "RDS database"
    assert [*kind("x:tf:aws_some_new_bucket").holds] == [Holding.DATA]
    assert kind("x:tf:aws_some_new_bucket").words == "AWS some new bucket"


def test_other_tokens_are_unchanged() -> None:
    assert short_type("aws:s3/bucket:Bucket") == "aws:s3/bucket"
    assert short_type("my:tf:Thing") == "my:tf:Thing"

"""Types of resources in Terraform modules are mapped to Pulumi types, so that the records apply."""

import pytest

from awsfacts.records import Holding
from mlpctl.review.types.kinds import kind, short_type


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
        ("google_project_iam_member", "gcp:projects/iAMMember"),
        ("google_project_iam_binding", "gcp:projects/iAMBinding"),
        ("google_project_iam_policy", "gcp:projects/iAMPolicy"),
        ("google_folder_iam_member", "gcp:folder/iAMMember"),
        ("google_organization_iam_binding", "gcp:organizations/iAMBinding"),
        ("google_service_account_iam_member", "gcp:serviceaccount/iAMMember"),
        ("google_service_account", "gcp:serviceaccount/account"),
        ("kubernetes_cluster_role_binding", "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding"),
        ("kubernetes_cluster_role_binding_v1", "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding"),
        ("kubernetes_role_v1", "kubernetes:rbac.authorization.k8s.io/v1:Role"),
        ("kubernetes_daemonset", "kubernetes:apps/v1:DaemonSet"),
        ("kubernetes_daemon_set_v1", "kubernetes:apps/v1:DaemonSet"),
        ("kubernetes_stateful_set", "kubernetes:apps/v1:StatefulSet"),
        ("kubernetes_horizontal_pod_autoscaler_v2beta2", "kubernetes:autoscaling/v2:HorizontalPodAutoscaler"),
        ("kubernetes_cron_job_v1", "kubernetes:batch/v1:CronJob"),
        ("kubernetes_network_policy", "kubernetes:networking.k8s.io/v1:NetworkPolicy"),
        ("kubernetes_storage_class_v1", "kubernetes:storage.k8s.io/v1:StorageClass"),
        ("kubernetes_service", "kubernetes:core/v1:Service"),
        ("helm_release", "kubernetes:helm.sh/v3:Release"),
        ("azurerm_role_assignment", "azure:authorization/assignment"),
        ("azurerm_role_definition", "azure:authorization/roleDefinition"),
        ("azurerm_management_lock", "azure:management/lock"),
        ("aws_config_configuration_recorder", "aws:cfg/recorder"),
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

"""Resources in Terraform modules: the records of their types apply to all notations of their inputs."""

from datetime import date
from typing import Any

import pytest

from mlpctl.review import assemble
from mlpctl.review.cost import book
from mlpctl.review.plan.model import Change
from mlpctl.review.reading import reader
from mlpctl.review.report.model import Danger, Harm, Report
from unit.review.engine import ROOT, State, Step, digest, events, state

MODULE = state("net:index:Module", "m", {"size": 1})
BOOK = book.load()
EVERYTHING = '{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
SSH = {"protocol": "tcp", "from_port": 22, "to_port": 22, "cidr_blocks": ["0.0.0.0/0"]}
ORDERS = {"engine": "postgres", "skip_final_snapshot": False, "final_snapshot_identifier": "last", "timeouts": None}
NO_SNAPSHOT = {**ORDERS, "skip_final_snapshot": True}


def view(type: str, inputs: Any) -> State:
    """The state of a view; the provider writes every attribute as an input."""
    more = {"custom": False, "id": "", "provider": "", "parent": MODULE["urn"], "viewOf": MODULE["urn"]}
    return state(f"net:tf:{type}", "v", inputs, **more)


def review(type: str, op: str, old: Any = None, new: Any = None, *, write: Any = digest, **more: Any) -> Report:
    sides = [None if each is None else view(type, each) for each in (old, new)]
    text = write(ROOT, Step("update", MODULE, MODULE), Step(op, sides[0], sides[1], **more))
    return assemble.review(reader.read(text), BOOK, date(2026, 11, 1))


def only(*args: Any, **more: Any) -> Danger:
    (danger,) = review(*args, **more).dangers
    return danger


@pytest.mark.parametrize("write", [digest, events])
@pytest.mark.parametrize("op", ["delete", "replace"])
def test_a_final_snapshot_is_reported_like_that_of_any_database(op: str, write: Any) -> None:
    new = {**ORDERS, "engine": "mysql"} if op == "replace" else None
    kept, lost = (only("aws_db_instance", op, each, new, write=write) for each in (ORDERS, NO_SNAPSHOT))
    assert kept.harm is not Harm.DATA and "a final snapshot is created" in kept.text
    assert lost.harm is Harm.DATA and "no final snapshot is created" in lost.text


@pytest.mark.parametrize(
    ("type", "inputs"),
    [
        ("aws_redshift_cluster", {"skip_final_snapshot": None, "final_snapshot_identifier": "x"}),
        ("aws_elasticache_replication_group", {"final_snapshot_identifier": "x"}),
        ("aws_docdb_cluster", {"skip_final_snapshot": False, "final_snapshot_identifier": "x"}),
        ("aws_neptune_cluster", {"skip_final_snapshot": False}),
        ("aws_memorydb_cluster", {"final_snapshot_name": "x"}),
        ("google_sql_database_instance", {"settings": [{"final_backup_config": [{"enabled": True}]}]}),
    ],
)
def test_other_services_are_handled_the_same_way(type: str, inputs: Any) -> None:
    danger = only(type, "delete", inputs)
    assert danger.harm is Harm.SERVING and "a final" in danger.text


def test_a_resource_that_its_provider_retains_stays() -> None:
    report = review("aws_cloudwatch_log_group", "delete", {"name": "logs", "skip_destroy": True})
    assert report.dangers == () and "no longer managed" in report.verdict


CHANGED: dict[str, tuple[str, Any, Any, str]] = {
    "a snapshot": ("aws_db_instance", ORDERS, NO_SNAPSHOT, "a deletion will create no final snapshot"),
    "protection": ("aws_lb", {"enable_deletion_protection": True}, {}, "a later change may delete it"),
    "a block of which there is one": (
        "aws_dynamodb_table",
        {"point_in_time_recovery": [{"enabled": True}]},
        {"point_in_time_recovery": [{"enabled": False}]},
        "point-in-time recovery is no longer possible",
    ),
    "a removed block": (
        "aws_dynamodb_table",
        {"point_in_time_recovery": [{"enabled": True}]},
        {"point_in_time_recovery": []},
        "point-in-time recovery is no longer possible",
    ),
    "a block of which there are many": (
        "aws_dynamodb_table",
        {"replica": [{"region_name": "a"}, {"region_name": "b"}]},
        {"replica": [{"region_name": "a"}]},
        "the copy in a region is lost",
    ),
    "sizes": (
        "aws_eks_node_group",
        {"instance_types": ["g5.xlarge"], "scaling_config": [{"desired_size": 3}]},
        {"instance_types": ["g5.xlarge"], "scaling_config": [{"desired_size": 1}]},
        "nodes are terminated; g5.xlarge may not be available again",
    ),
    "rules of a firewall": ("aws_security_group", {"ingress": []}, {"ingress": [SSH]}, "tcp 22 (SSH)"),
    "a life cycle": (
        "aws_s3_bucket_lifecycle_configuration",
        {"rule": [{"id": "a", "status": "Enabled", "filter": [{"prefix": "x/"}], "expiration": [{"days": 90}]}]},
        {"rule": [{"id": "a", "status": "Enabled", "filter": [{"prefix": "x/"}], "expiration": [{"days": 9}]}]},
        "objects expire sooner",
    ),
    "Google's": (
        "google_sql_database_instance",
        {"settings": [{"availability_type": "REGIONAL"}]},
        {"settings": [{"availability_type": "ZONAL"}]},
        "failover to a second server is no longer possible",
    ),
    "Kubernetes'": (
        "kubernetes_deployment_v1",
        {"metadata": [{"name": "a"}], "spec": [{"replicas": "2"}]},
        {"metadata": [{"name": "a"}], "spec": [{"replicas": "0"}]},
        "no pod is left",
    ),
}


@pytest.mark.parametrize("write", [digest, events])
@pytest.mark.parametrize("case", CHANGED)
def test_a_changed_property_is_checked_by_the_record_of_its_type(case: str, write: Any) -> None:
    type, old, new, says = CHANGED[case]
    assert says in only(type, "update", old, new, write=write).text
    assert review(type, "update", old, old, write=write).dangers == ()


CREATED: dict[str, tuple[str, Any, str]] = {
    "a role": ("aws_iam_role", {"managed_policy_arns": [ADMIN]}, "it gets administrative permissions"),
    "a policy of a role": (
        "aws_iam_role",
        {"inline_policy": [{"name": "p", "policy": EVERYTHING}]},
        "administrative permissions",
    ),
    "an attachment": (
        "aws_iam_role_policy_attachment",
        {"role": "r", "policy_arn": ADMIN},
        "administrative permissions",
    ),
    "a firewall": ("aws_security_group", {"ingress": [SSH]}, "the whole internet can connect on tcp 22"),
    "a rule": ("aws_vpc_security_group_ingress_rule", {"ip_protocol": "-1", "cidr_ipv4": "0.0.0.0/0"}, "every port"),
    "pods": (
        "kubernetes_deployment_v1",
        {
            "spec": [
                {"template": [{"spec": [{"init_container": [{"security_context": [{"privileged": True}]}]}]}]},
            ],
        },
        "its pods get the node's privileges",
    ),
    "Google's": (
        "google_compute_firewall",
        {"allow": [{"protocol": "tcp", "ports": ["22"]}], "source_ranges": ["0.0.0.0/0"]},
        "the whole internet can connect on tcp 22",
    ),
    "Azure's": (
        "azurerm_network_security_group",
        {
            "security_rule": [
                {
                    **{"access": "Allow", "direction": "Inbound", "protocol": "Tcp", "priority": 100},
                    **{"source_address_prefix": "*", "destination_port_range": "22"},
                }
            ]
        },
        "the whole internet can connect on tcp 22",
    ),
}


@pytest.mark.parametrize("write", [digest, events])
@pytest.mark.parametrize("case", CREATED)
def test_a_creation_is_checked_by_the_record_too(case: str, write: Any) -> None:
    type, inputs, says = CREATED[case]
    report = review(type, "create", None, inputs, write=write)
    assert says in report.dangers[0].text and report.verdict.startswith("1 to update, 1 to create")


def read(type: str, inputs: Any, **more: Any) -> Change:
    plan = reader.read(digest(ROOT, Step("update", view(type, inputs), view(type, {**inputs, "n": 1}), **more)))
    return plan.changes[1]


def test_user_defined_names_are_unchanged() -> None:
    tags = {"cost_centre": "ml", "Owner": "a"}
    change = read("aws_s3_bucket", {"tags": tags, "force_destroy": False, "tags_all": tags})
    assert change.old == {"tags": tags, "forceDestroy": False, "tagsAll": tags}
    annotations = {"service.beta.kubernetes.io/aws_x": "y"}
    service = read("kubernetes_service_v1", {"metadata": [{"name": "s", "annotations": annotations}]})
    assert service.old == {"metadata": {"name": "s", "annotations": annotations}}


def test_paths_use_the_same_names_as_the_inputs() -> None:
    inputs = {"scaling_config": [{"desired_size": 1}], "taint": [{"key": "a"}]}
    change = read("aws_eks_node_group", inputs, paths=("scaling_config[0].desired_size", "instance_types", "tags"))
    assert change.reported == ("scalingConfig.desiredSize", "instanceTypes", "tags")
    assert change.old == {"scalingConfig": {"desiredSize": 1}, "taints": [{"key": "a"}]}


def test_unknown_and_secret_marks_are_preserved() -> None:
    unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "plaintext": '"umbrella-12345"'}
    change = read("aws_db_instance", {"address": unknown, "user_name": secret})
    assert [str(each) for each in change.inputs.values()][:2] == ["(known after the update)", "(secret)"]


def test_secrets_are_recognized_by_the_type() -> None:
    change = read("aws_secretsmanager_secret_version", {"secret_string": "umbrella of no pattern"})
    assert "umbrella" not in repr(change)


def test_a_large_unpriced_resource_violates_a_cost_limit() -> None:
    fleet = review("aws_instance", "create", None, {"instance_type": "p5e.48xlarge"})
    assert [each.large for each in fleet.cost.resources][2] == "instances"


def test_a_database_is_priced() -> None:
    inputs = {"engine": "postgres", "instance_class": "db.m6g.large", "allocated_storage": 20, "storage_type": "gp3"}
    report = review("aws_db_instance", "create", None, inputs)
    found = report.cost.resources[2]
    assert not found.unpriced or "region" in found.unpriced


def test_names_cause_no_unchecked_entries() -> None:
    assert not [each for each in review("aws_lb", "create", None, {}).unchecked if "Terraform" in each.what]


@pytest.mark.parametrize("levels", [100, 400])
def test_deep_nesting_does_not_abort_a_review(levels: int) -> None:
    value: Any = "umbrella"
    for _ in range(levels):
        value = [{"some_name": value}]
    change = read("aws_instance", {"some_name": value})
    assert "someName" in repr(change.old) and "umbrella" not in repr(change.old)


def test_colliding_names_are_unchanged() -> None:
    assert read("aws_s3_bucket", {"force_destroy": True, "forceDestroy": False}).old == {
        "force_destroy": True,
        "forceDestroy": False,
    }


@pytest.mark.parametrize("write", [digest, events])
@pytest.mark.parametrize(
    ("type", "inputs", "text"),
    [
        (
            "google_project_iam_member",
            {"project": "p", "role": "roles/owner", "member": "user:x"},
            "principals with the role get full access to it",
        ),
        ("google_folder_iam_binding", {"role": "roles/owner", "members": ["user:x"]}, "get full access to it"),
        ("google_service_account_iam_member", {"member": "allUsers"}, "anyone can use it"),
        ("google_project_iam_binding", {"members": ["allAuthenticatedUsers"]}, "anyone can use it"),
        ("azurerm_role_assignment", {"role_definition_name": "Owner"}, "gets full access there"),
        (
            "kubernetes_cluster_role_binding_v1",
            {
                "metadata": [{"name": "x"}],
                "role_ref": [{"kind": "ClusterRole", "name": "cluster-admin"}],
                "subject": [{"kind": "User", "name": "x"}],
            },
            "its subjects get full access to the cluster",
        ),
        (
            "kubernetes_role_binding",
            {"role_ref": [{"kind": "ClusterRole", "name": "cluster-admin"}]},
            "its subjects get full access to its namespace",
        ),
        (
            "kubernetes_cluster_role",
            {"rule": [{"api_groups": ["*"], "resources": ["*"], "verbs": ["*"]}]},
            "principals with the role get full access to the cluster",
        ),
    ],
)
def test_a_new_grant_in_a_module_is_reported(type: str, inputs: Any, text: str, write: Any) -> None:
    danger = only(type, "create", None, inputs, write=write)
    assert danger.harm is Harm.IDENTITY and text in danger.text


def test_a_deleted_helm_release_of_a_module_is_reported() -> None:
    assert "every object of it is deleted" in only("helm_release", "delete", {"name": "x", "chart": "postgresql"}).text


def test_fewer_replicas_in_a_module_are_reported() -> None:
    old, new = ({"spec": [{"replicas": count}]} for count in (3, 0))
    assert only("kubernetes_stateful_set_v1", "update", old, new).harm is Harm.SERVING

import json
from typing import Any

import pulumi_aws as aws
import pytest
from pydantic import ValidationError

from mlplatform import Cluster, EksCluster, EksClusterArgs
from mlplatform.clusters import AFTER_NODES, BEFORE_NODES, endpoint_access
from mlplatform.kubeconfig import TOKEN_COMMAND, kubeconfig
from mlplatform.testing import Plan, declare

ADMIN = {"principal_arn": "arn:aws:iam::123456789012:role/admins", "level": "clusterAdmin"}


def cluster(**wanted: Any) -> Plan:
    return declare(
        lambda: EksCluster(
            "main",
            {
                "cluster": Cluster(**wanted),
                "subnet_ids": ["subnet-a", "subnet-b"],
                "secrets_key_arn": "arn:secrets",
                "logs_key_arn": "arn:logs",
                "disks_key_arn": "arn:disks",
            },
        )
    )


def control_plane(**wanted: Any) -> Any:
    return cluster(**wanted).one(aws.eks.Cluster).inputs


def test_the_endpoint_is_private_unless_networks_are_named() -> None:
    assert endpoint_access(Cluster()) == {"endpoint_private_access": True, "endpoint_public_access": False}
    public = endpoint_access(Cluster(public_access_cidrs=["203.0.113.0/24"]))
    assert public["endpoint_public_access"] is True
    assert public["public_access_cidrs"] == ["203.0.113.0/24"]


def test_the_whole_internet_is_no_allow_list() -> None:
    with pytest.raises(ValidationError, match="the whole internet is no allow-list"):
        Cluster(public_access_cidrs=["0.0.0.0/0"])


def test_secrets_are_encrypted_and_audit_is_logged() -> None:
    inputs = control_plane()
    assert inputs["encryptionConfig"] == {"provider": {"keyArn": "arn:secrets"}, "resources": ["secrets"]}
    assert inputs["enabledClusterLogTypes"] == ["audit", "authenticator"]


def test_access_is_by_entries_alone() -> None:
    assert control_plane()["accessConfig"] == {
        "authenticationMode": "API",
        "bootstrapClusterCreatorAdminPermissions": True,
    }


def test_the_log_group_is_there_before_the_cluster_and_has_its_name() -> None:
    plan = cluster(log_days=30)
    group = plan.one(aws.cloudwatch.LogGroup)
    assert group.inputs["name"] == f"/aws/eks/{plan.one(aws.eks.Cluster).inputs['name']}/cluster"
    assert (group.inputs["kmsKeyId"], group.inputs["retentionInDays"]) == ("arn:logs", 30)
    assert group.urn in plan.one(aws.eks.Cluster).depends_on


def test_addons_come_in_two_phases_around_the_nodes() -> None:
    plan = cluster()
    nodes = plan.one(aws.eks.NodeGroup)
    addons = {each.inputs["addonName"]: each for each in plan.of(aws.eks.Addon)}
    assert {*addons} == {*BEFORE_NODES, *AFTER_NODES}
    assert {addons[name].urn for name in BEFORE_NODES} <= nodes.depends_on
    assert all(nodes.urn in addons[name].depends_on for name in AFTER_NODES)
    assert not any(nodes.urn in addons[name].depends_on for name in BEFORE_NODES)


def test_the_secrets_store_comes_where_it_is_asked_for_once_there_are_nodes() -> None:
    name = "main-aws-secrets-store-csi-driver-provider"
    assert name not in [each.name for each in cluster().of(aws.eks.Addon)]
    args: EksClusterArgs = {
        "cluster": Cluster(),
        "subnet_ids": ["subnet-a", "subnet-b"],
        "secrets_key_arn": "arn:secrets",
        "logs_key_arn": "arn:logs",
        "disks_key_arn": "arn:disks",
        "secrets_store": True,
    }
    plan = declare(lambda: EksCluster("main", args))
    (nodes,) = plan.of(aws.eks.NodeGroup)
    assert nodes.urn in plan.one(aws.eks.Addon, name).depends_on


def test_the_network_plugin_has_a_role_of_its_own_and_enforces_policies() -> None:
    plugin = cluster().one(aws.eks.Addon, "main-vpc-cni").inputs
    assert [each["serviceAccount"] for each in plugin["podIdentityAssociations"]] == ["aws-node"]
    assert json.loads(plugin["configurationValues"])["enableNetworkPolicy"] == "true"


def test_addon_versions_can_be_pinned() -> None:
    version = "v1.12.4-eksbuild.1"
    assert (
        cluster(addon_versions={"coredns": version}).one(aws.eks.Addon, "main-coredns").inputs["addonVersion"]
        == version
    )
    with pytest.raises(ValidationError, match="core-dns: allowed: vpc-cni"):
        Cluster(addon_versions={"core-dns": version})


def test_an_access_entry_gets_its_policy_in_its_scope() -> None:
    viewer = {"principal_arn": "arn:aws:iam::123456789012:role/viewers", "level": "view", "namespaces": ["chat"]}
    plan = cluster(access={"viewers": viewer})
    assert plan.one(aws.eks.AccessEntry).inputs["principalArn"] == viewer["principal_arn"]
    association = plan.one(aws.eks.AccessPolicyAssociation).inputs
    assert association["policyArn"] == "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
    assert association["accessScope"] == {"type": "namespace", "namespaces": ["chat"]}


def test_cluster_admins_cannot_be_limited_to_namespaces() -> None:
    with pytest.raises(ValidationError, match="level is clusterAdmin; allowed: admin, edit or view"):
        Cluster(access={"admins": {**ADMIN, "namespaces": ["chat"]}})  # type: ignore[dict-item]  # as YAML gives it


def test_someone_is_admin() -> None:
    with pytest.raises(ValidationError, match="access needs an entry with level clusterAdmin"):
        Cluster(creator_is_admin=False)
    assert Cluster(creator_is_admin=False, access={"admins": ADMIN})  # type: ignore[dict-item]  # as YAML gives it


def test_the_kubeconfig_holds_no_credential_and_signs_in_with_our_command() -> None:
    config = json.loads(kubeconfig("arn:aws:eks:eu-west-1:123456789012:cluster/main", "https://example", "Q0E="))
    (user,) = config["users"]
    assert user["user"].keys() == {"exec"}
    assert user["user"]["exec"]["command"] == TOKEN_COMMAND
    assert user["user"]["exec"]["args"] == ["--cluster", "main", "--region", "eu-west-1"]
    assert config["clusters"][0]["cluster"] == {"server": "https://example", "certificate-authority-data": "Q0E="}


def test_system_nodes_are_x86_and_follow_the_cluster_s_version() -> None:
    nodes = cluster(version="1.35").one(aws.eks.NodeGroup).inputs
    assert (nodes["version"], nodes["amiType"]) == ("1.35", "BOTTLEROCKET_x86_64")
    for type in ("m7g.large", "c7gd.xlarge", "a1.large"):
        with pytest.raises(ValidationError, match="allowed: x86-64 types"):
            Cluster(system={"instance_types": [type]})  # type: ignore[arg-type]  # as YAML gives it
    assert Cluster(system={"instance_types": ["g4dn.xlarge", "m7i-flex.large"]})  # type: ignore[arg-type]  # as YAML gives it

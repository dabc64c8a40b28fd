"""Access entries, add-ons and Pod Identity associations of an EKS cluster."""

from typing import Any

import pytest

ADMIN_POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
VIEW_POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"


def test_the_creator_becomes_an_administrator(account: Any) -> None:
    account.cluster()

    associated = account.eks.list_associated_access_policies(clusterName="main", principalArn=account.user)

    assert [policy["policyArn"] for policy in associated["associatedAccessPolicies"]] == [ADMIN_POLICY]


def test_the_creator_has_no_access_if_bootstrap_is_off(account: Any) -> None:
    config = {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False}
    account.cluster(accessConfig=config)
    assert account.eks.list_access_entries(clusterName="main")["accessEntries"] == []


def test_access_entries_require_their_authentication_mode(account: Any) -> None:
    account.cluster(accessConfig={"authenticationMode": "CONFIG_MAP"})
    assert account.refused("list_access_entries", clusterName="main")[0] == "InvalidRequestException"

    account.eks.update_cluster_config(name="main", accessConfig={"authenticationMode": "API_AND_CONFIG_MAP"})

    assert account.eks.list_access_entries(clusterName="main")["accessEntries"] == [account.user]


def test_the_lifecycle_of_an_access_entry(account: Any) -> None:
    account.cluster()
    where = {"clusterName": "main", "principalArn": account.pod_role}

    entry = account.eks.create_access_entry(**where, kubernetesGroups=["team"], tags={"a": "b"})["accessEntry"]
    assert entry["username"] == "arn:aws:sts::123456789012:assumed-role/pod/{{SessionName}}"
    assert account.refused("create_access_entry", **where)[0] == "ResourceInUseException"
    account.eks.update_access_entry(**where, kubernetesGroups=["other"])
    scope = {"type": "namespace", "namespaces": ["team"]}
    account.eks.associate_access_policy(**where, policyArn=VIEW_POLICY, accessScope=scope)

    found = account.eks.describe_access_entry(**where)["accessEntry"]
    assert (found["kubernetesGroups"], found["type"], found["tags"]) == (["other"], "STANDARD", {"a": "b"})
    (policy,) = account.eks.list_associated_access_policies(**where)["associatedAccessPolicies"]
    assert policy["accessScope"] == scope
    account.eks.disassociate_access_policy(**where, policyArn=VIEW_POLICY)
    account.eks.delete_access_entry(**where)
    assert account.refused("describe_access_entry", **where)[0] == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"principalArn": "arn:aws:iam::123456789012:role/nobody"}, "does not exist"),
        ({"principalArn": "arn:aws:s3:::bucket"}, "not the ARN of an IAM role or user"),
        ({"kubernetesGroups": ["system:masters"]}, "its prefix is reserved"),
        ({"type": "ROOT"}, "The type ROOT is invalid; allowed:"),
        ({"type": "EC2_LINUX", "kubernetesGroups": ["a"]}, "EKS sets the groups"),
    ],
)
def test_an_invalid_access_entry_is_rejected(account: Any, entry: dict[str, Any], expected: str) -> None:
    account.cluster()

    code, message = account.refused(
        "create_access_entry", **{"clusterName": "main", "principalArn": account.pod_role, **entry}
    )

    assert code == "InvalidParameterException"
    assert expected in message


@pytest.mark.parametrize(
    "association",
    [
        {"policyArn": "arn:aws:eks::aws:cluster-access-policy/Root", "accessScope": {"type": "cluster"}},
        {"policyArn": VIEW_POLICY, "accessScope": {"type": "namespace"}},
        {"policyArn": VIEW_POLICY, "accessScope": {"type": "cluster", "namespaces": ["a"]}},
    ],
)
def test_an_invalid_policy_association_is_rejected(account: Any, association: dict[str, Any]) -> None:
    account.cluster()
    where = {"clusterName": "main", "principalArn": account.user}
    assert account.refused("associate_access_policy", **where, **association)[0] == "InvalidParameterException"


def test_the_lifecycle_of_an_add_on(account: Any) -> None:
    account.cluster(version="1.35")
    where = {"clusterName": "main", "addonName": "kube-proxy"}

    addon = account.eks.create_addon(**where, tags={"a": "b"})["addon"]
    assert (addon["status"], addon["addonVersion"]) == ("ACTIVE", "v1.35.3-eksbuild.13")
    assert account.refused("create_addon", **where)[0] == "ResourceInUseException"
    update = account.eks.update_addon(**where, addonVersion="v1.35.3-eksbuild.2", configurationValues="{}")["update"]
    found = account.eks.describe_addon(**where)["addon"]
    assert (found["addonVersion"], found["configurationValues"]) == ("v1.35.3-eksbuild.2", "{}")
    recorded = account.eks.describe_update(name="main", updateId=update["id"], addonName="kube-proxy")["update"]
    assert recorded["type"] == "AddonUpdate"
    assert account.eks.list_addons(clusterName="main")["addons"] == ["kube-proxy"]
    account.eks.delete_addon(**where)
    assert account.refused("describe_addon", **where)[0] == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("addon", "expected"),
    [
        ({"addonName": "vpc-cnn"}, "Addon specified is not supported"),
        ({"addonName": "vpc-cni", "addonVersion": "1.2"}, "Addon version specified is not supported"),
        (
            {"addonName": "kube-proxy", "addonVersion": "v1.36.0-eksbuild.14"},
            "Addon version specified is not supported",
        ),
        ({"addonName": "coredns", "addonVersion": "v1.14.3-eksbuild.99"}, "Addon version specified is not supported"),
        ({"addonName": "vpc-cni", "configurationValues": '{"env": '}, "not in valid JSON"),
        (
            {"addonName": "vpc-cni", "serviceAccountRoleArn": "arn:aws:iam::123456789012:role/nobody"},
            "does not exist",
        ),
    ],
)
def test_an_invalid_add_on_is_rejected(account: Any, addon: dict[str, str], expected: str) -> None:
    account.cluster(version="1.35")

    code, message = account.refused("create_addon", clusterName="main", **addon)

    assert code == "InvalidParameterException"
    assert expected in message


def test_an_add_on_owns_its_pod_identity_association(account: Any) -> None:
    account.cluster()
    where = {"clusterName": "main", "addonName": "aws-ebs-csi-driver"}
    identity = {"serviceAccount": "ebs-csi-controller-sa", "roleArn": account.pod_role}

    addon = account.eks.create_addon(**where, podIdentityAssociations=[identity])["addon"]

    (association,) = account.eks.list_pod_identity_associations(clusterName="main")["associations"]
    assert addon["podIdentityAssociations"] == [association["associationArn"]]
    assert association["ownerArn"] == addon["addonArn"]
    owned = {"clusterName": "main", "associationId": association["associationId"]}
    assert account.refused("delete_pod_identity_association", **owned)[0] == "InvalidParameterException"
    account.eks.delete_addon(**where)
    assert account.eks.list_pod_identity_associations(clusterName="main")["associations"] == []


def test_add_on_versions_have_a_default(account: Any) -> None:
    (addon,) = account.eks.describe_addon_versions(addonName="kube-proxy", kubernetesVersion="1.34")["addons"]
    defaults = {each["addonVersion"]: each["compatibilities"][0]["defaultVersion"] for each in addon["addonVersions"]}
    assert defaults == {"v1.34.6-eksbuild.13": True, "v1.34.6-eksbuild.2": False}


def test_each_offered_version_of_an_add_on_is_accepted(account: Any) -> None:
    account.cluster(version="1.35")
    for addon in ("vpc-cni", "coredns", "metrics-server"):
        (offer,) = account.eks.describe_addon_versions(addonName=addon, kubernetesVersion="1.35")["addons"]
        where = {"clusterName": "main", "addonName": addon}
        account.eks.create_addon(**where)
        for version in offer["addonVersions"]:
            account.eks.update_addon(**where, addonVersion=version["addonVersion"])


def test_the_lifecycle_of_a_pod_identity_association(account: Any) -> None:
    account.cluster()
    what = {"clusterName": "main", "namespace": "team", "serviceAccount": "model", "roleArn": account.pod_role}

    made = account.eks.create_pod_identity_association(**what)["association"]
    where = {"clusterName": "main", "associationId": made["associationId"]}

    assert account.refused("create_pod_identity_association", **what)[0] == "ResourceInUseException"
    account.eks.update_pod_identity_association(**where, disableSessionTags=True)
    assert account.eks.describe_pod_identity_association(**where)["association"]["disableSessionTags"] is True
    assert account.eks.list_pod_identity_associations(clusterName="main", namespace="x")["associations"] == []
    account.eks.delete_pod_identity_association(**where)
    assert account.refused("describe_pod_identity_association", **where)[0] == "ResourceNotFoundException"


def test_a_pod_role_must_trust_pods(account: Any) -> None:
    account.cluster()
    what = {"clusterName": "main", "namespace": "team", "serviceAccount": "model", "roleArn": account.node_role}
    assert account.refused("create_pod_identity_association", **what)[0] == "InvalidParameterException"

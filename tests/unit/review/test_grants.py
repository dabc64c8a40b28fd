"""Grants by roles, policies and bindings: to everyone, or of everything."""

from typing import Any

import pytest

from changes import change, plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.plan.model import Op
from mlpctl.review.report.model import Harm

RBAC = "kubernetes:rbac.authorization.k8s.io/v1:"
EVERYBODY = ["allUsers", "allAuthenticatedUsers"]
OWNER_ID = "/subscriptions/1/providers/Microsoft.Authorization/roleDefinitions/8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
READER_ID = "/subscriptions/1/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"
ANYTHING = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
MEMBERS = [
    "cloudrunv2/serviceIamMember", "cloudrun/iamMember", "cloudfunctions/functionIamMember",
    "cloudfunctionsv2/functionIamMember", "artifactregistry/repositoryIamMember", "pubsub/topicIAMMember",
    "pubsub/subscriptionIAMMember", "kms/cryptoKeyIAMMember", "storage/bucketIAMMember", "bigquery/datasetIamMember",
    "secretmanager/secretIamMember",
]  # fmt: skip


def token(path: str) -> str:
    name = path.rsplit("/", 1)[-1]
    return f"gcp:{path}:{name[0].upper()}{name[1:]}"


def text_of(*changes: Any) -> str:
    return " ".join(each.text for each in dangers(plan(*changes)) if each.harm is Harm.IDENTITY)


def binding(role: str, *names: str) -> dict[str, Any]:
    return {"roleRef": {"kind": "ClusterRole", "name": role}, "subjects": [{"kind": "Group", "name": n} for n in names]}


@pytest.mark.parametrize("who", EVERYBODY)
@pytest.mark.parametrize("path", MEMBERS)
def test_a_new_grant_to_everyone_is_reported(path: str, who: str) -> None:
    made = change(token(path), Op.CREATE, inputs={"member": who, "role": "roles/viewer"})
    assert "anyone can use it" in text_of(made)
    several = path.replace("Member", "Binding")
    assert "anyone can use it" in text_of(change(token(several), Op.CREATE, inputs={"members": ["user:a", who]}))
    policy = change(token(path.replace("Member", "Policy")), Op.CREATE, inputs={"policyData": f'["{who}"]'})
    assert "anyone can use it" in text_of(policy)


@pytest.mark.parametrize("path", MEMBERS)
def test_a_new_grant_to_one_principal_is_not_reported(path: str) -> None:
    assert text_of(change(token(path), Op.CREATE, inputs={"member": "user:a@shop.example"})) == ""
    assert "anyone" not in text_of(update(token(path), {"member": "user:a"}, {"member": "user:b"}, op=Op.REPLACE))
    changed = update(token(path), {"member": "user:a"}, {"member": "allUsers"}, op=Op.REPLACE)
    assert "anyone can use it" in text_of(changed)


ANYBODY: dict[str, tuple[str, Any]] = {
    "access to a bucket": ("gcp:storage/bucketAccessControl:BucketAccessControl", {"entity": "allUsers"}),
    "access to objects": (
        "gcp:storage/defaultObjectAccessControl:DefaultObjectAccessControl",
        {"entity": "allAuthenticatedUsers"},
    ),
    "a list of a bucket": ("gcp:storage/bucketACL:BucketACL", {"roleEntities": ["READER:allUsers"]}),
    "a ready list of a bucket": ("gcp:storage/bucketACL:BucketACL", {"predefinedAcl": "publicRead"}),
    "a data set": ("gcp:bigquery/datasetAccess:DatasetAccess", {"specialGroup": "allAuthenticatedUsers"}),
}


@pytest.mark.parametrize("case", ANYBODY)
def test_other_grants_to_everyone(case: str) -> None:
    type, inputs = ANYBODY[case]
    assert "anyone can use it" in text_of(change(type, Op.CREATE, inputs=inputs))


ADMINS: dict[str, tuple[str, Any]] = {
    "an owner of a project": ("gcp:projects/iAMMember:IAMMember", {"role": "roles/owner", "member": "user:a"}),
    "owners of a project": ("gcp:projects/iAMBinding:IAMBinding", {"role": "roles/owner", "members": ["user:a"]}),
    "an owner of a folder": ("gcp:folder/iAMMember:IAMMember", {"role": "roles/owner", "member": "user:a"}),
    "an owner by id": (
        "azure-native:authorization:RoleAssignment",
        {"scope": "/subscriptions/1", "roleDefinitionId": OWNER_ID},
    ),
    "an owner by name": (
        "azure:authorization/assignment:Assignment",
        {"scope": "/subscriptions/1", "roleDefinitionName": "Owner"},
    ),
    "a contributor": (
        "azure-native:authorization:RoleAssignment",
        {"scope": "/s/1", "roleDefinitionId": "/x/roleDefinitions/b24988ac-6180-42a0-ab88-20f7382dd24c"},
    ),
    "a contributor by name": ("azure:authorization/assignment:Assignment", {"roleDefinitionName": "Contributor"}),
    "an owner by id, classic": (
        "azure:authorization/assignment:Assignment",
        {"scope": "/subscriptions/1", "roleDefinitionId": OWNER_ID.upper()},
    ),
    "a role for everything": (
        "azure-native:authorization:RoleDefinition",
        {"permissions": [{"actions": ["*"]}]},
    ),
    "all authenticated users as administrators": (
        f"{RBAC}ClusterRoleBinding",
        binding("cluster-admin", "system:authenticated"),
    ),
    "anonymous an admin": (f"{RBAC}ClusterRoleBinding", binding("cluster-admin", "system:anonymous")),
    "the default account an admin": (
        f"{RBAC}ClusterRoleBinding",
        {
            "roleRef": {"name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "shop"}],
        },
    ),
    "a cluster role for everything": (f"{RBAC}ClusterRole", {"rules": [ANYTHING]}),
}


@pytest.mark.parametrize("case", ADMINS)
def test_a_new_grant_of_everything_is_reported(case: str) -> None:
    type, inputs = ADMINS[case]
    text = text_of(change(type, Op.CREATE, inputs=inputs))
    assert any(
        each in text for each in ("full access", "administrative permissions", "everything there, except permissions")
    )


UPDATES: dict[str, tuple[str, Any, Any, str]] = {
    "a role that gets everything": (
        "azure-native:authorization:RoleDefinition",
        {"permissions": [{"actions": ["Microsoft.Compute/*/read"]}]},
        {"permissions": [{"actions": ["*"]}]},
        "administrative permissions",
    ),
    "the same, classic": (
        "azure:authorization/roleDefinition:RoleDefinition",
        {"permissions": [{"actions": ["Microsoft.Compute/*/read"]}]},
        {"permissions": [{"actions": ["*"]}]},
        "administrative permissions",
    ),
    "another role": (
        "azure-native:authorization:RoleAssignment",
        {"scope": "/subscriptions/1", "roleDefinitionId": READER_ID},
        {"scope": "/subscriptions/1", "roleDefinitionId": OWNER_ID},
        "full access there",
    ),
    "all users join": (
        f"{RBAC}ClusterRoleBinding",
        binding("cluster-admin", "admins"),
        binding("cluster-admin", "admins", "system:unauthenticated"),
        "anyone gets full access to the cluster",
    ),
    "all users get a role": (
        f"{RBAC}RoleBinding",
        binding("edit", "admins"),
        binding("edit", "system:anonymous"),
        "anyone who reaches the API has the role",
    ),
    "a cluster role that gets everything": (
        f"{RBAC}ClusterRole",
        {"rules": [{**ANYTHING, "verbs": ["get"]}]},
        {"rules": [ANYTHING]},
        "full access to the cluster",
    ),
}


@pytest.mark.parametrize("case", UPDATES)
def test_a_broader_grant_is_reported(case: str) -> None:
    type, old, new, says = UPDATES[case]
    assert says in text_of(update(type, old, new))


HARMLESS: dict[str, tuple[str, Any]] = {
    "a viewer": ("gcp:projects/iAMMember:IAMMember", {"role": "roles/viewer", "member": "user:a"}),
    "a reader": ("azure-native:authorization:RoleAssignment", {"scope": "/s/1", "roleDefinitionId": READER_ID}),
    "a binding of a team": (f"{RBAC}ClusterRoleBinding", binding("view", "team")),
    "a role that all users have by default": (
        f"{RBAC}ClusterRoleBinding",
        binding("system:public-info-viewer", "system:unauthenticated"),
    ),
    "all verbs of one resource": (
        f"{RBAC}ClusterRole",
        {
            "rules": [
                {"apiGroups": ["shop.example"], "resources": ["*"], "verbs": ["*"]},
                {**ANYTHING, "verbs": ["get"]},
            ]
        },
    ),
}


@pytest.mark.parametrize("case", HARMLESS)
def test_a_new_narrow_grant_is_not_reported(case: str) -> None:
    type, inputs = HARMLESS[case]
    assert text_of(change(type, Op.CREATE, inputs=inputs)) == ""

"""Grants to everybody on Google Cloud and in Kubernetes."""

from typing import Any

import pytest

from changes import change, plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.plan.model import Op
from mlpctl.review.report.model import Harm


def text_of(*changes: Any) -> str:
    return " ".join(each.text for each in dangers(plan(*changes)) if each.harm is Harm.IDENTITY)


@pytest.mark.parametrize("everybody", ["allUsers", "allAuthenticatedUsers"])
def test_a_google_grant_to_everybody_is_reported(everybody: str) -> None:
    for service in ("serviceaccount", "projects", "folder", "organizations"):
        for kind, inputs in (("iAMMember", {"member": everybody}), ("iAMBinding", {"members": [everybody]})):
            type = f"gcp:{service}/{kind}:{kind[0].upper()}{kind[1:]}"
            made = {"role": "roles/viewer", **inputs}
            assert "anyone can use it" in text_of(change(type, Op.CREATE, inputs=made))
            assert "anyone" not in text_of(change(type, Op.CREATE, inputs={"member": "user:a@x.org"}))


@pytest.mark.parametrize(
    "access",
    [
        {"specialGroup": "allAuthenticatedUsers", "role": "READER"},
        {"iamMember": "allUsers", "role": "READER"},
        {"iamMember": "allAuthenticatedUsers", "role": "READER"},
    ],
)
def test_a_dataset_for_everybody_is_reported(access: Any) -> None:
    own = {"userByEmail": "a@x.org", "role": "OWNER"}
    type = "gcp:bigquery/dataset:Dataset"
    assert "anyone can read its tables" in text_of(change(type, Op.CREATE, inputs={"accesses": [own, access]}))
    assert "anyone can read its tables" in text_of(update(type, {"accesses": [own]}, {"accesses": [own, access]}))
    assert text_of(change(type, Op.CREATE, inputs={"accesses": [own]})) == ""
    type = "gcp:bigquery/datasetAccess:DatasetAccess"
    assert "anyone can use it" in text_of(change(type, Op.CREATE, inputs=access))


@pytest.mark.parametrize("kind", ["ClusterRoleBinding", "RoleBinding"])
@pytest.mark.parametrize("role", ["edit", "admin", "cluster-admin"])
@pytest.mark.parametrize("group", ["system:authenticated", "system:serviceaccounts", "system:unauthenticated"])
def test_a_binding_of_a_powerful_role_to_everybody_is_reported(kind: str, role: str, group: str) -> None:
    type = f"kubernetes:rbac.authorization.k8s.io/v1:{kind}"

    def binding(role: str, *names: str) -> dict[str, Any]:
        return {"roleRef": {"name": role}, "subjects": [{"kind": "Group", "name": name} for name in names]}

    made = binding(role, "ml-team", group)
    grave = "anyone" if role != "cluster-admin" else "full access"
    assert grave in text_of(change(type, Op.CREATE, inputs=made))
    assert grave in text_of(update(type, binding(role, "ml-team"), made))
    assert grave in text_of(update(type, binding("view", "ml-team", group), made, op=Op.REPLACE))
    if role != "cluster-admin":
        assert text_of(change(type, Op.CREATE, inputs=binding(role, "ml-team"))) == ""
        assert "anyone" not in text_of(update(type, binding(role, group), binding(role, "ml-team")))


def test_the_standard_bindings_of_kubernetes_are_not_reported() -> None:
    for role in ("system:basic-user", "system:discovery", "view"):
        made = {"roleRef": {"name": role}, "subjects": [{"kind": "Group", "name": "system:authenticated"}]}
        type = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding"
        assert text_of(change(type, Op.CREATE, inputs=made)) == ""


def test_a_deleted_or_replaced_helm_release_loses_data_as_with_other_controllers() -> None:
    release = {"chart": "postgresql", "name": "db"}
    for each in (
        change("kubernetes:helm.sh/v3:Release", Op.DELETE, inputs=release),
        update("kubernetes:helm.sh/v3:Release", release, {**release, "name": "b"}, op=Op.REPLACE, forced_by=("name",)),
        change("kubernetes:helm.toolkit.fluxcd.io/v2:HelmRelease", Op.DELETE, inputs={}),
        change("kubernetes:argoproj.io/v1alpha1:Application", Op.DELETE, inputs={"metadata": {"finalizers": ["a"]}}),
    ):
        assert Harm.DATA in {danger.harm for danger in dangers(plan(each))}

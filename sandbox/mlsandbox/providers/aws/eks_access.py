"""EKS: access to clusters, and IAM roles for pods."""

from typing import Final

from pulumi_aws import eks

from mlsandbox.providers.aws.api import Api, Passing
from mlsandbox.providers.aws.conventions import conventional
from mlsandbox.providers.aws.declaration import Declaration
from mlsandbox.providers.aws.eks import TAGS
from mlsandbox.providers.aws.steps import Create, Delete, Update, uses
from mlsandbox.providers.protocol import Properties

ACCESS_ENTRY: Final = Declaration(
    resource=eks.AccessEntry,
    cloudformation="AWS::EKS::AccessEntry",
    **conventional(
        "eks",
        "accessEntry",
        ("clusterName", "principalArn"),
        id=("clusterName", "principalArn"),
        # The tag operations need the ARN, which has a different name here.
        more=lambda api, id, entry: {"arn": entry["accessEntryArn"]},
    ),
    defaults={"type": "STANDARD"},
    updates=(Update("kubernetesGroups", "userName", by="update_access_entry"),),
    tags=TAGS,
    passing=(
        Passing(
            "create_access_entry",
            "InvalidParameterException",
            ("The specified principalArn is invalid: invalid principal",),
        ),
    ),
    replaces=frozenset({"clusterName", "principalArn", "type"}),
)


@uses("list_associated_access_policies")
def _association(api: Api, id: str) -> Properties | None:
    cluster, principal, policy = id.split(ACCESS_POLICY_ASSOCIATION.separator)
    policies = api.listed(
        "list_associated_access_policies", "associatedAccessPolicies", clusterName=cluster, principalArn=principal
    )
    found = next((one for one in policies if one["policyArn"] == policy), None)
    if found is None:
        return None
    return {"clusterName": cluster, "principalArn": principal, **ACCESS_POLICY_ASSOCIATION.found(found)}


ACCESS_POLICY_ASSOCIATION: Final = Declaration(
    resource=eks.AccessPolicyAssociation,
    service="eks",
    key=("clusterName", "principalArn", "policyArn"),
    separator="#",
    create=Create("associate_access_policy", id=("clusterName", "principalArn", "policyArn")),
    read=_association,
    delete=Delete("disassociate_access_policy"),
    passing=(
        Passing(
            "associate_access_policy",
            "ResourceNotFoundException",
            ("The specified principalArn could not be found",),
        ),
    ),
    # Terraform's provider has no update for it: aws_eks_access_policy_association.
    replaces=frozenset({"accessScope", "clusterName", "policyArn", "principalArn"}),
)


@uses("list_clusters", "describe_pod_identity_association")
def _pod_identity(api: Api, id: str) -> Properties | None:
    # The ID of an association does not contain its cluster.
    for cluster in api.listed("list_clusters", "clusters"):
        answer = api.find("describe_pod_identity_association", clusterName=cluster, associationId=id)
        if answer is not None:
            found = answer["association"]
            # The tag operations need the ARN, which has a different name here.
            return {**POD_IDENTITY_ASSOCIATION.found(found), "arn": found["associationArn"]}
    return None


POD_IDENTITY_ASSOCIATION: Final = Declaration(
    resource=eks.PodIdentityAssociation,
    cloudformation="AWS::EKS::PodIdentityAssociation",
    service="eks",
    key="associationId",
    defaults={"disableSessionTags": False},
    create=Create("create_pod_identity_association", id="association.associationId"),
    read=_pod_identity,
    updates=(
        Update(
            "disableSessionTags",
            "policy",
            "roleArn",
            "targetRoleArn",
            by="update_pod_identity_association",
            changed_only=True,
            empty={"policy": "", "targetRoleArn": ""},
            also={"clusterName": "clusterName"},
        ),
    ),
    delete=Delete("delete_pod_identity_association", properties={"clusterName": "clusterName"}),
    tags=TAGS,
    replaces=frozenset({"clusterName", "namespace", "serviceAccount"}),
    absent={"externalId": "only an association with a target role has one"},
    volatile={"externalId": frozenset({"targetRoleArn"})},
)

DECLARATIONS: Final = (ACCESS_ENTRY, ACCESS_POLICY_ASSOCIATION, POD_IDENTITY_ASSOCIATION)

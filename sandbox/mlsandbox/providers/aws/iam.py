"""Identity and Access Management."""

import json
from typing import Any, Final

from pulumi_aws import iam

from mlsandbox.providers.aws.api import Api, Passing
from mlsandbox.providers.aws.declaration import Declaration
from mlsandbox.providers.aws.steps import AutoName, Create, Delete, Describe, Tags, Update, uses
from mlsandbox.providers.protocol import Properties

# Maximum number of versions of a managed policy: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_POLICY_VERSIONS: Final = 5


@uses("list_attached_role_policies", "list_role_policies", "get_role_policy", "list_role_tags")
def _role_details(api: Api, id: str, role: dict[str, Any]) -> Properties:
    names = api.listed("list_role_policies", "PolicyNames", RoleName=id)
    documents = {name: api.call("get_role_policy", RoleName=id, PolicyName=name)["PolicyDocument"] for name in names}
    return {
        "permissionsBoundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        "managedPolicyArns": _attached(api, id),
        "inlinePolicies": [{"name": name, "policy": json.dumps(document)} for name, document in documents.items()],
        "tags": {tag["Key"]: tag["Value"] for tag in api.listed("list_role_tags", "Tags", RoleName=id)},
    }


def _attached(api: Api, role: str) -> list[str]:
    found = api.listed("list_attached_role_policies", "AttachedPolicies", RoleName=role)
    return [policy["PolicyArn"] for policy in found]


@uses("update_role")
def _describe_role(api: Api, id: str, olds: Properties, news: Properties) -> None:
    # The operation sets both; an omitted parameter is reset to its default.
    api.call(
        "update_role",
        RoleName=id,
        Description=news.get("description") or "",
        MaxSessionDuration=news.get("maxSessionDuration") or 3600,
    )


@uses("attach_role_policy", "detach_role_policy")
def _attach(api: Api, id: str, olds: Properties, news: Properties) -> None:
    wanted, there = set(news.get("managedPolicyArns") or ()), set(_attached(api, id))
    for arn in sorted(there - wanted):
        api.call("detach_role_policy", RoleName=id, PolicyArn=arn)
    for arn in sorted(wanted - there):
        api.call("attach_role_policy", RoleName=id, PolicyArn=arn)


@uses("put_role_policy", "delete_role_policy")
def _write_inline(api: Api, id: str, olds: Properties, news: Properties) -> None:
    wanted = {policy["name"]: policy["policy"] for policy in news.get("inlinePolicies") or () if policy.get("name")}
    for name in api.listed("list_role_policies", "PolicyNames", RoleName=id):
        if name not in wanted:
            api.call("delete_role_policy", RoleName=id, PolicyName=name)
    for name, document in wanted.items():
        api.call("put_role_policy", RoleName=id, PolicyName=name, PolicyDocument=document)


@uses("list_instance_profiles_for_role", "remove_role_from_instance_profile", "delete_role")
def _delete_role(api: Api, id: str, outputs: Properties) -> None:
    for profile in api.listed("list_instance_profiles_for_role", "InstanceProfiles", RoleName=id):
        name = profile["InstanceProfileName"]
        api.call("remove_role_from_instance_profile", InstanceProfileName=name, RoleName=id)
    force = outputs.get("forceDetachPolicies")
    if force or outputs.get("managedPolicyArns"):
        _attach(api, id, {}, {})
    if force or outputs.get("inlinePolicies"):
        _write_inline(api, id, {}, {})
    api.call("delete_role", RoleName=id)


ROLE: Final = Declaration(
    resource=iam.Role,
    cloudformation="AWS::IAM::Role",
    service="iam",
    key="RoleName",
    names={"name": "RoleName", "assumeRolePolicy": "AssumeRolePolicyDocument|PolicyDocument", "uniqueId": "RoleId"},
    defaults={"forceDetachPolicies": False, "maxSessionDuration": 3600, "path": "/"},
    create=Create("create_role", id=("name",)),
    read=Describe("get_role", "Role", more=_role_details),
    updates=(
        Update("description", "maxSessionDuration", by=_describe_role),
        Update("assumeRolePolicy", by="update_assume_role_policy"),
        Update("permissionsBoundary", by="put_role_permissions_boundary", unset="delete_role_permissions_boundary"),
        Update("managedPolicyArns", by=_attach),
        Update("inlinePolicies", by=_write_inline),
    ),
    delete=_delete_role,
    passing=(Passing("create_role", "MalformedPolicyDocument", ("Invalid principal in policy",)),),
    tags=Tags("tag_role", "untag_role", key="RoleName"),
    name=AutoName("name", 64, prefix_property="namePrefix"),
    replaces=frozenset({"name", "namePrefix", "path"}),
    local=frozenset({"forceDetachPolicies"}),
)


@uses("get_policy_version")
def _policy_details(api: Api, id: str, policy: dict[str, Any]) -> Properties:
    version = api.call("get_policy_version", PolicyArn=id, VersionId=policy["DefaultVersionId"])["PolicyVersion"]
    return {"policy": json.dumps(version["Document"])}


@uses("list_policy_versions", "delete_policy_version", "create_policy_version")
def _write_policy(api: Api, id: str, olds: Properties, news: Properties) -> None:
    versions = api.listed("list_policy_versions", "Versions", PolicyArn=id)
    if len(versions) >= _POLICY_VERSIONS:
        spare = (version for version in versions if not version["IsDefaultVersion"])
        oldest = min(spare, key=lambda version: version["CreateDate"])
        api.call("delete_policy_version", PolicyArn=id, VersionId=oldest["VersionId"])
    api.call("create_policy_version", PolicyArn=id, PolicyDocument=news["policy"], SetAsDefault=True)


@uses("list_policy_versions", "delete_policy_version", "delete_policy")
def _delete_policy(api: Api, id: str, outputs: Properties) -> None:
    for version in api.listed("list_policy_versions", "Versions", PolicyArn=id):
        if not version["IsDefaultVersion"]:
            api.call("delete_policy_version", PolicyArn=id, VersionId=version["VersionId"])
    api.call("delete_policy", PolicyArn=id)


POLICY: Final = Declaration(
    resource=iam.Policy,
    cloudformation="AWS::IAM::ManagedPolicy",
    cloudformation_names={"name": "ManagedPolicyName"},
    service="iam",
    key="PolicyArn",
    names={"name": "PolicyName", "policy": "PolicyDocument"},
    defaults={"path": "/"},
    create=Create("create_policy", id="Policy.Arn"),
    read=Describe("get_policy", "Policy", more=_policy_details),
    updates=(Update("policy", by=_write_policy, checked_as="create_policy"),),
    delete=_delete_policy,
    tags=Tags("tag_policy", "untag_policy", key="PolicyArn"),
    name=AutoName("name", 128, prefix_property="namePrefix"),
    replaces=frozenset({"name", "namePrefix", "path", "description"}),
    local=frozenset({"delayAfterPolicyCreationInMs"}),
)

ROLE_POLICY: Final = Declaration(
    resource=iam.RolePolicy,
    cloudformation="AWS::IAM::RolePolicy",
    service="iam",
    key=("RoleName", "PolicyName"),
    names={"role": "RoleName", "name": "PolicyName", "policy": "PolicyDocument"},
    create=Create("put_role_policy", id=("role", "name")),
    read=Describe("get_role_policy", "@"),
    updates=(Update("policy", by="put_role_policy"),),
    delete=Delete("delete_role_policy"),
    name=AutoName("name", 128, prefix_property="namePrefix"),
    replaces=frozenset({"role", "name", "namePrefix"}),
)


@uses("list_attached_role_policies")
def _attachment(api: Api, id: str) -> Properties | None:
    role, arn = id.split("/", 1)
    return {"role": role, "policyArn": arn} if arn in _attached(api, role) else None


ROLE_POLICY_ATTACHMENT: Final = Declaration(
    resource=iam.RolePolicyAttachment,
    service="iam",
    key=("RoleName", "PolicyArn"),
    separator="/",
    names={"role": "RoleName"},
    create=Create("attach_role_policy", id=("role", "policyArn")),
    read=_attachment,
    delete=Delete("detach_role_policy"),
    replaces=frozenset({"role", "policyArn"}),
    delete_first=True,
)


@uses("add_client_id_to_open_id_connect_provider", "remove_client_id_from_open_id_connect_provider")
def _clients(api: Api, id: str, olds: Properties, news: Properties) -> None:
    before, after = set(olds.get("clientIdLists") or ()), set(news["clientIdLists"])
    for client in sorted(after - before):
        api.call("add_client_id_to_open_id_connect_provider", OpenIDConnectProviderArn=id, ClientID=client)
    for client in sorted(before - after):
        api.call("remove_client_id_from_open_id_connect_provider", OpenIDConnectProviderArn=id, ClientID=client)


OPEN_ID_CONNECT_PROVIDER: Final = Declaration(
    resource=iam.OpenIdConnectProvider,
    cloudformation="AWS::IAM::OIDCProvider",
    service="iam",
    key="OpenIDConnectProviderArn",
    names={"clientIdLists": "ClientIDList", "thumbprintLists": "ThumbprintList"},
    create=Create("create_open_id_connect_provider", id="OpenIDConnectProviderArn"),
    read=Describe("get_open_id_connect_provider", "@", more=lambda api, id, found: {"arn": id}),
    updates=(
        Update("clientIdLists", by=_clients),
        Update("thumbprintLists", by="update_open_id_connect_provider_thumbprint"),
    ),
    delete=Delete("delete_open_id_connect_provider"),
    tags=Tags("tag_open_id_connect_provider", "untag_open_id_connect_provider", key="OpenIDConnectProviderArn"),
    replaces=frozenset({"url"}),
    # AWS returns the URL without its scheme.
    folds={"url": lambda url: url.removeprefix("https://")},
)

DECLARATIONS: Final = (ROLE, POLICY, ROLE_POLICY, ROLE_POLICY_ATTACHMENT, OPEN_ID_CONNECT_PROVIDER)

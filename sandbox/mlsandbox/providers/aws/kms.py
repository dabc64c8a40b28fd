"""Keys of the Key Management Service."""

from typing import Any, Final

from pulumi_aws import kms

from mlsandbox.providers.aws.api import Api, Passing
from mlsandbox.providers.aws.declaration import Declaration
from mlsandbox.providers.aws.steps import AutoName, Create, Delete, Describe, State, Tags, Update, uses
from mlsandbox.providers.protocol import Properties


@uses("get_key_policy", "get_key_rotation_status", "list_resource_tags")
def _policy_and_rotation(api: Api, id: str, key: dict[str, Any]) -> Properties:
    rotation = api.call("get_key_rotation_status", KeyId=id)
    tags = api.call("list_resource_tags", KeyId=id)["Tags"]
    return {
        "policy": api.call("get_key_policy", KeyId=id, PolicyName="default")["Policy"],
        "enableKeyRotation": rotation["KeyRotationEnabled"],
        "rotationPeriodInDays": rotation.get("RotationPeriodInDays"),
        "tags": {tag["TagKey"]: tag["TagValue"] for tag in tags},
    }


@uses("enable_key_rotation", "disable_key_rotation")
def _rotate(api: Api, id: str, olds: Properties, news: Properties) -> None:
    if not news.get("enableKeyRotation"):
        if olds.get("enableKeyRotation"):
            api.call("disable_key_rotation", KeyId=id)
        return
    period = news.get("rotationPeriodInDays")
    api.call("enable_key_rotation", KeyId=id, **({"RotationPeriodInDays": period} if period else {}))


@uses("enable_key", "disable_key")
def _enable(api: Api, id: str, olds: Properties, news: Properties) -> None:
    if news.get("isEnabled", True):
        if olds:
            api.call("enable_key", KeyId=id)
    else:
        api.call("disable_key", KeyId=id)


KEY: Final = Declaration(
    resource=kms.Key,
    cloudformation="AWS::KMS::Key",
    service="kms",
    key="KeyId",
    names={"customerMasterKeySpec": "KeySpec", "customKeyStoreId": "CustomKeyStoreId", "isEnabled": "Enabled"},
    defaults={
        "bypassPolicyLockoutSafetyCheck": False,
        "customerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "enableKeyRotation": False,
        "isEnabled": True,
        "keyUsage": "ENCRYPT_DECRYPT",
    },
    create=Create("create_key", id="KeyMetadata.KeyId"),
    read=Describe("describe_key", "KeyMetadata", more=_policy_and_rotation),
    updates=(
        Update("description", by="update_key_description"),
        Update("policy", by="put_key_policy", fixed={"PolicyName": "default"}),
        Update("enableKeyRotation", "rotationPeriodInDays", by=_rotate, checked_as="enable_key_rotation"),
        Update("isEnabled", by=_enable),
    ),
    delete=Delete("schedule_key_deletion", properties={"deletionWindowInDays": "PendingWindowInDays"}),
    # A policy can refer to a new role that is not visible yet.
    passing=tuple(Passing(name, "MalformedPolicyDocumentException") for name in ("create_key", "put_key_policy")),
    tags=Tags("tag_resource", "untag_resource", key="KeyId"),
    state=State("KeyState", ready=("Enabled", "Disabled"), gone=("PendingDeletion", "PendingReplicaDeletion")),
    replaces=frozenset({"customKeyStoreId", "customerMasterKeySpec", "keyUsage", "multiRegion", "xksKeyId"}),
    local=frozenset({"bypassPolicyLockoutSafetyCheck", "deletionWindowInDays"}),
    unlike_cloudformation={
        "customerMasterKeySpec": "CloudFormation replaces without declaring createOnly; no operation changes it",
        "keyUsage": "CloudFormation replaces without declaring createOnly; no operation changes it",
        "multiRegion": "CloudFormation rejects the update; Terraform's provider replaces",
        "customKeyStoreId": "CloudFormation does not have it; no operation changes it",
        "xksKeyId": "CloudFormation does not have it; no operation changes it",
    },
)


@uses("list_aliases")
def _alias(api: Api, id: str) -> Properties | None:
    alias = next((item for item in api.listed("list_aliases", "Aliases") if item["AliasName"] == id), None)
    if alias is None or "TargetKeyId" not in alias:
        return None
    key = alias["TargetKeyId"]
    return {
        "name": id,
        "arn": alias["AliasArn"],
        "targetKeyId": key,
        "targetKeyArn": api.arn(f"key/{key}"),
    }


ALIAS: Final = Declaration(
    resource=kms.Alias,
    cloudformation="AWS::KMS::Alias",
    service="kms",
    key="AliasName",
    names={"name": "AliasName"},
    create=Create("create_alias", id=("name",)),
    read=_alias,
    updates=(Update("targetKeyId", by="update_alias"),),
    delete=Delete("delete_alias"),
    name=AutoName("name", 256, shape="alias/{}".format, prefix_property="namePrefix"),
    replaces=frozenset({"name", "namePrefix"}),
)


DECLARATIONS: Final = (KEY, ALIAS)

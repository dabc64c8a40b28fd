"""CloudWatch Logs."""

from typing import Final

from pulumi_aws import cloudwatch

from mlsandbox.providers.aws.api import Api
from mlsandbox.providers.aws.declaration import Declaration
from mlsandbox.providers.aws.steps import AutoName, Create, Delete, Tags, Update, uses
from mlsandbox.providers.protocol import Properties


@uses("describe_log_groups", "list_tags_for_resource")
def _read(api: Api, id: str) -> Properties | None:
    groups = api.listed("describe_log_groups", "logGroups", logGroupNamePrefix=id)
    group = next((item for item in groups if item["logGroupName"] == id), None)
    if group is None:
        return None
    # In CloudWatch, this ARN ends with ":*", for use in policies; Terraform's provider removes the suffix.
    arn = group["arn"].removesuffix(":*")
    return {
        "name": id,
        "arn": arn,
        "kmsKeyId": group.get("kmsKeyId"),
        "retentionInDays": group.get("retentionInDays", 0),
        "logGroupClass": group.get("logGroupClass", "STANDARD"),
        "tags": api.call("list_tags_for_resource", resourceArn=arn)["tags"],
    }


LOG_GROUP: Final = Declaration(
    resource=cloudwatch.LogGroup,
    cloudformation="AWS::Logs::LogGroup",
    service="logs",
    key="logGroupName",
    names={"name": "logGroupName"},
    defaults={"retentionInDays": 0, "skipDestroy": False},
    create=Create("create_log_group", id=("name",)),
    read=_read,
    updates=(
        Update("retentionInDays", by="put_retention_policy", unset="delete_retention_policy"),
        Update("kmsKeyId", by="associate_kms_key", unset="disassociate_kms_key"),
    ),
    delete=Delete("delete_log_group", when="!skipDestroy"),
    tags=Tags("tag_resource", "untag_resource", key="resourceArn", by="arn"),
    name=AutoName("name", 512, prefix_property="namePrefix"),
    replaces=frozenset({"name", "namePrefix", "logGroupClass"}),
    local=frozenset({"skipDestroy"}),
    refused={"deletionProtectionEnabled": "the local AWS API has no deletion protection for log groups"},
    unlike_cloudformation={
        "logGroupClass": "CloudFormation updates between STANDARD and INFREQUENT_ACCESS; Terraform's provider replaces",
    },
)

DECLARATIONS: Final = (LOG_GROUP,)

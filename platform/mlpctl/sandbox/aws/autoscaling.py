"""Auto Scaling: tags of groups, by which autoscalers know what a node that is not there yet would have."""

from typing import Any, Final

from pulumi_aws import autoscaling

from mlpctl.sandbox.aws.api import Api
from mlpctl.sandbox.aws.declaration import Declaration, Update, uses
from mlpctl.sandbox.provider import Properties

_GROUP: Final = "auto-scaling-group"


def _tag(properties: Properties) -> dict[str, Any]:
    tag = properties["tag"]
    return {
        "ResourceId": properties["autoscalingGroupName"],
        "ResourceType": _GROUP,
        "Key": tag["key"],
        "Value": tag["value"],
        "PropagateAtLaunch": tag["propagateAtLaunch"],
    }


@uses("create_or_update_tags")
def _create(api: Api, inputs: Properties) -> str:
    api.call("create_or_update_tags", Tags=[_tag(inputs)])
    return f"{inputs['autoscalingGroupName']}{TAG.separator}{inputs['tag']['key']}"


@uses("create_or_update_tags")
def _change(api: Api, id: str, olds: Properties, news: Properties) -> None:
    api.call("create_or_update_tags", Tags=[_tag(news)])


@uses("describe_tags")
def _read(api: Api, id: str) -> Properties | None:
    group, key = id.split(TAG.separator, 1)
    filters = [{"Name": _GROUP, "Values": [group]}, {"Name": "key", "Values": [key]}]
    found = api.call("describe_tags", Filters=filters)["Tags"]
    if not found:
        return None
    (tag,) = found
    told = {"key": tag["Key"], "value": tag["Value"], "propagateAtLaunch": tag["PropagateAtLaunch"]}
    return {"autoscalingGroupName": tag["ResourceId"], "tag": told}


@uses("delete_tags")
def _delete(api: Api, id: str, properties: Properties) -> None:
    api.call("delete_tags", Tags=[_tag(properties)])


TAG: Final = Declaration(
    resource=autoscaling.Tag,
    service="autoscaling",
    key=("ResourceId", "Key"),
    separator=",",
    create=_create,
    read=_read,
    updates=(Update("tag", by=_change),),
    delete=_delete,
    # Terraform's provider: a tag is one by its group and its key.
    replaces=frozenset({"autoscalingGroupName", "tag.key"}),
)

DECLARATIONS: Final = (TAG,)

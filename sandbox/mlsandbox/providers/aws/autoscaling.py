"""Auto Scaling: lookups, and tags of groups, which tell autoscalers the properties of future nodes."""

from typing import Any, Final

from pulumi_aws import autoscaling

from mlsandbox.providers.aws.api import Api
from mlsandbox.providers.aws.declaration import Declaration, Lookup, filters_of
from mlsandbox.providers.aws.steps import Update, uses
from mlsandbox.providers.protocol import Properties, ProviderError

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
    found_tag = {"key": tag["Key"], "value": tag["Value"], "propagateAtLaunch": tag["PropagateAtLaunch"]}
    return {"autoscalingGroupName": tag["ResourceId"], "tag": found_tag}


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
    # As in Terraform's provider, the group and the key identify a tag.
    replaces=frozenset({"autoscalingGroupName", "tag.key"}),
)

DECLARATIONS: Final = (TAG,)


@uses("describe_auto_scaling_groups")
def _listed(api: Api, args: Properties) -> Properties:
    given = {"AutoScalingGroupNames": args["names"]} if args.get("names") else {}
    found = api.call("describe_auto_scaling_groups", Filters=filters_of(args), **given)["AutoScalingGroups"]
    groups = sorted(found, key=lambda group: str(group["AutoScalingGroupName"]))
    return {
        **args,
        "id": api.region,
        "region": api.region,
        "names": [group["AutoScalingGroupName"] for group in groups],
        "arns": [group["AutoScalingGroupARN"] for group in groups],
    }


@uses("describe_auto_scaling_groups")
def _group(api: Api, args: Properties) -> Properties:
    found = api.call("describe_auto_scaling_groups", AutoScalingGroupNames=[args["name"]])["AutoScalingGroups"]
    if not found:
        raise ProviderError(f"{api.name}: reading Auto Scaling Group ({args['name']}): couldn't find resource")
    (group,) = found
    return {
        "id": group["AutoScalingGroupName"],
        "name": group["AutoScalingGroupName"],
        "arn": group["AutoScalingGroupARN"],
        "region": api.region,
        "availabilityZones": sorted(group["AvailabilityZones"]),
        "defaultCooldown": group["DefaultCooldown"],
        "desiredCapacity": group["DesiredCapacity"],
        "healthCheckGracePeriod": group["HealthCheckGracePeriod"],
        "healthCheckType": group["HealthCheckType"],
        "maxSize": group["MaxSize"],
        "minSize": group["MinSize"],
        "newInstancesProtectedFromScaleIn": group["NewInstancesProtectedFromScaleIn"],
        "vpcZoneIdentifier": group["VPCZoneIdentifier"],
        "tags": [
            {"key": tag["Key"], "value": tag["Value"], "propagateAtLaunch": tag["PropagateAtLaunch"]}
            for tag in group.get("Tags", ())
        ],
    }


LOOKUPS: Final = (
    # The SDK's name for Terraform's aws_autoscaling_groups.
    Lookup(autoscaling.get_ami_ids, "aws:autoscaling/getAmiIds:getAmiIds", _listed, "autoscaling"),
    Lookup(autoscaling.get_group, "aws:autoscaling/getGroup:getGroup", _group, "autoscaling"),
)

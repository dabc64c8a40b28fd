"""Launch templates and placement groups."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pulumi_aws import ec2

from mlsandbox.providers.aws.api import Api
from mlsandbox.providers.aws.declaration import Declaration
from mlsandbox.providers.aws.ec2_network import tags
from mlsandbox.providers.aws.schema import resource_schema
from mlsandbox.providers.aws.steps import AutoName, Create, Delete, Describe, Tags, Update, uses
from mlsandbox.providers.protocol import Failure, Properties

_OF_THE_TEMPLATE: Final = frozenset(
    {"defaultVersion", "description", "name", "namePrefix", "region", "secondaryInterfaces", "tags"}
    | {"updateDefaultVersion"}
)
"""Inputs of the template itself, which do not affect the launched instances."""

_LAUNCHED: Final = tuple(
    sorted(resource_schema(ec2.LaunchTemplate).inputs.properties.keys() - _OF_THE_TEMPLATE),
)

_OTHERWISE_NAMED: Final = {"securityGroupNames": "SecurityGroups", "vpcSecurityGroupIds": "SecurityGroupIds"}

_DATA: Final[Mapping[str, str]] = {
    name: f"LaunchTemplateData.{_OTHERWISE_NAMED.get(name, name[0].upper() + name[1:])}" for name in _LAUNCHED
}
"""In requests and responses, all inputs for launched instances are in one structure."""

_ADDRESSES: Final = ("ipv4Addresses", "ipv4Prefixes", "ipv6Addresses", "ipv6Prefixes")


def _addresses_are_counted(inputs: Properties) -> Sequence[Failure]:
    interfaces = inputs.get("networkInterfaces")
    return [
        Failure(f"networkInterfaces[{index}].{name}", "is not supported by the sandbox: set the number of addresses")
        for index, interface in enumerate(interfaces if isinstance(interfaces, list) else [])
        if isinstance(interface, dict)
        for name in _ADDRESSES
        if interface.get(name)
    ]


@uses("describe_launch_template_versions")
def _latest(api: Api, id: str, template: dict[str, Any]) -> Properties:
    versions = api.call("describe_launch_template_versions", LaunchTemplateId=id, Versions=["$Latest"])
    (latest,) = versions["LaunchTemplateVersions"]
    return LAUNCH_TEMPLATE.found({**template, **latest}) | {
        "name": template["LaunchTemplateName"],
        "defaultVersion": template["DefaultVersionNumber"],
        "latestVersion": template["LatestVersionNumber"],
    }


@uses("create_launch_template_version", "modify_launch_template")
def _new_version(api: Api, id: str, olds: Properties, news: Properties) -> None:
    """Create a new version, because versions are immutable."""
    made = LAUNCH_TEMPLATE.request("create_launch_template_version", news, only={*_LAUNCHED, "description"})
    answer = api.call("create_launch_template_version", LaunchTemplateId=id, **made.parameters)
    if news.get("updateDefaultVersion"):
        version = answer["LaunchTemplateVersion"]["VersionNumber"]
        api.call("modify_launch_template", LaunchTemplateId=id, DefaultVersion=str(version))


@uses("modify_launch_template")
def _set_default(api: Api, id: str, olds: Properties, news: Properties) -> None:
    api.call("modify_launch_template", LaunchTemplateId=id, DefaultVersion=str(news["defaultVersion"]))


LAUNCH_TEMPLATE: Final = Declaration(
    resource=ec2.LaunchTemplate,
    cloudformation="AWS::EC2::LaunchTemplate",
    answered={"networkInterfaces.ipv4Addresses": "rejected by the check, with the alternative"},
    service="ec2",
    key="LaunchTemplateId",
    names={
        **_DATA,
        "name": "LaunchTemplateName",
        "description": "VersionDescription",
        "networkInterfaces.ipv4AddressCount": "SecondaryPrivateIpAddressCount",
        "networkInterfaces.securityGroups": "Groups",
    },
    create=Create("create_launch_template", id="LaunchTemplate.LaunchTemplateId"),
    read=Describe("describe_launch_templates", "LaunchTemplates[0]", key="LaunchTemplateIds", more=_latest),
    updates=(
        Update(*_LAUNCHED, "description", by=_new_version, checked_as="create_launch_template_version"),
        Update("defaultVersion", by=_set_default),
    ),
    delete=Delete("delete_launch_template"),
    check=_addresses_are_counted,
    tags=tags("launch-template"),
    arn="launch-template/{id}",
    name=AutoName("name", 128, prefix_property="namePrefix"),
    replaces=frozenset({"name", "namePrefix"}),
    local=frozenset({"updateDefaultVersion"}),
    refused={"secondaryInterfaces": "the local AWS API has no secondary networks"},
    volatile={name: frozenset({*_LAUNCHED, "description"}) for name in ("latestVersion", "defaultVersion")},
)

PLACEMENT_GROUP: Final = Declaration(
    resource=ec2.PlacementGroup,
    cloudformation="AWS::EC2::PlacementGroup",
    service="ec2",
    key="GroupName",
    names={"name": "GroupName", "arn": "GroupArn", "placementGroupId": "GroupId"},
    create=Create("create_placement_group", id=("name",)),
    read=Describe("describe_placement_groups", "PlacementGroups[0]", key="GroupNames"),
    delete=Delete("delete_placement_group"),
    tags=Tags("create_tags", "delete_tags", key="Resources", by="placementGroupId", specification="placement-group"),
    name=AutoName("name", 255),
    replaces=frozenset({"name", "partitionCount", "spreadLevel", "strategy"}),
    absent={
        "partitionCount": "only a group with the strategy partition has partitions",
        "spreadLevel": "only a group with the strategy spread has one",
    },
    unlike_cloudformation={
        "name": "CloudFormation generates every name",
        "tags": "CloudFormation has no update; EC2 can change tags in place",
    },
)

DECLARATIONS: Final = (LAUNCH_TEMPLATE, PLACEMENT_GROUP)

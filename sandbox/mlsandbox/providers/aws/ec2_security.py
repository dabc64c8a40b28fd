"""Security groups, their rules, and flow logs."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from pulumi_aws import ec2, vpc

from mlsandbox.providers.aws.api import Api, Passing
from mlsandbox.providers.aws.declaration import Declaration
from mlsandbox.providers.aws.ec2_network import tags
from mlsandbox.providers.aws.steps import AutoName, Delete, Describe, Update, uses
from mlsandbox.providers.protocol import Failure, Properties, ProviderError, has_unknown

_NUMBERS: Final = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6", "all": "-1"}
"""Protocols that AWS returns by name: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html"""

# A list of an inline rule → (the permission's list, the key in its items).
_SOURCES: Final = {
    "cidrBlocks": ("IpRanges", "CidrIp"),
    "ipv6CidrBlocks": ("Ipv6Ranges", "CidrIpv6"),
    "prefixListIds": ("PrefixListIds", "PrefixListId"),
    "securityGroups": ("UserIdGroupPairs", "GroupId"),
}

Atom = tuple[str, int, int, str, str, str]
"""A rule in AWS: protocol, ports, the property that contains the source, the source, description."""


def _protocol(given: str) -> str:
    return _NUMBERS.get(given.lower(), given.lower())


def _atoms(rules: list[dict[str, Any]]) -> list[Atom]:
    """The rules that AWS creates from inline rules."""
    return sorted({atom for rule in rules for atom in _of_inline(rule)})


def _of_inline(rule: dict[str, Any]) -> Iterator[Atom]:
    protocol = _protocol(rule["protocol"])
    ports = (0, 0) if protocol == "-1" else (int(rule["fromPort"]), int(rule["toPort"]))
    description = rule.get("description") or ""
    for source in _SOURCES:
        for value in rule.get(source) or ():
            yield (protocol, *ports, source, value, description)
    if rule.get("self"):
        yield (protocol, *ports, "self", "", description)


def _of_permission(permission: dict[str, Any], group: str) -> Iterator[Atom]:
    protocol = permission["IpProtocol"]
    ports = (0, 0) if protocol == "-1" else (permission.get("FromPort", 0), permission.get("ToPort", 0))
    for source, (member, key) in _SOURCES.items():
        for item in permission.get(member, ()):
            value, description = item[key], item.get("Description", "")
            yield (protocol, *ports, *(("self", "") if value == group else (source, value)), description)


def _permission(atom: Atom, group: str) -> dict[str, Any]:
    protocol, from_port, to_port, source, value, description = atom
    member, key = _SOURCES["securityGroups" if source == "self" else source]
    item = {key: group if source == "self" else value, **({"Description": description} if description else {})}
    ports = {} if protocol == "-1" else {"FromPort": from_port, "ToPort": to_port}
    return {"IpProtocol": protocol, **ports, member: [item]}


def _inline(atoms: Sequence[Atom]) -> list[Properties]:
    """Inline rules for `atoms`, grouped by protocol, ports and description as in Terraform's provider."""
    rules: dict[tuple[str, int, int, str], Properties] = {}
    for protocol, from_port, to_port, source, value, description in sorted(atoms):
        rule = rules.setdefault(
            (protocol, from_port, to_port, description),
            {"protocol": protocol, "fromPort": from_port, "toPort": to_port, "description": description, "self": False},
        )
        if source == "self":
            rule["self"] = True
        else:
            rule.setdefault(source, []).append(value)
    return list(rules.values())


def _group_details(api: Api, id: str, group: dict[str, Any]) -> Properties:
    def rules(member: str) -> list[Properties]:
        return _inline([atom for permission in group.get(member, ()) for atom in _of_permission(permission, id)])

    return {"ingress": rules("IpPermissions"), "egress": rules("IpPermissionsEgress"), "name": group["GroupName"]}


def _direction(direction: str) -> Any:
    @uses("describe_security_groups", f"authorize_security_group_{direction}", f"revoke_security_group_{direction}")
    def write(api: Api, id: str, olds: Properties, news: Properties) -> None:
        member = "IpPermissions" if direction == "ingress" else "IpPermissionsEgress"
        group = api.call("describe_security_groups", GroupIds=[id])["SecurityGroups"][0]
        there = {atom for permission in group.get(member, ()) for atom in _of_permission(permission, id)}
        wanted = set(_atoms(news.get(direction) or []))
        for operation, atoms in (("revoke", there - wanted), ("authorize", wanted - there)):
            if atoms:
                permissions = [_permission(atom, id) for atom in sorted(atoms)]
                api.call(f"{operation}_security_group_{direction}", GroupId=id, IpPermissions=permissions)

    return write


_write_ingress: Final = _direction("ingress")
_write_egress: Final = _direction("egress")
_INLINE: Final = {"ingress": _atoms, "egress": _atoms}


def _sources_given(inputs: Properties) -> Sequence[Failure]:
    sources = [*_SOURCES, "self"]
    return [
        Failure(f"{direction}[{index}]", f"must have a source: one of {', '.join(sources)}")
        for direction in ("ingress", "egress")
        for index, rule in enumerate(_known_list(inputs.get(direction)))
        if not has_unknown(rule) and not any(rule.get(source) for source in sources)
    ]


def _known_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


@uses("create_security_group", "revoke_security_group_egress")
def _create_group(api: Api, inputs: Properties) -> str:
    made = SECURITY_GROUP.request("create_security_group", inputs).parameters
    answer = api.call(
        "create_security_group", **made, **SECURITY_GROUP.tag_parameters("create_security_group", inputs["tagsAll"])
    )
    id = str(answer["GroupId"])
    # Like Terraform's provider, remove AWS's default rule that allows all outbound traffic.
    if "egress" not in inputs:
        _write_egress(api, id, {}, {})
    return id


SECURITY_GROUP: Final = Declaration(
    resource=ec2.SecurityGroup,
    cloudformation="AWS::EC2::SecurityGroup",
    cloudformation_names={"description": "GroupDescription"},
    service="ec2",
    key="GroupId",
    names={"name": "GroupName"},
    defaults={"description": "Managed by Pulumi", "revokeRulesOnDelete": False},
    create=_create_group,
    read=Describe("describe_security_groups", "SecurityGroups[0]", key="GroupIds", more=_group_details),
    updates=(Update("ingress", by=_write_ingress), Update("egress", by=_write_egress)),
    delete=Delete("delete_security_group"),
    check=_sources_given,
    tags=tags("security-group"),
    arn="security-group/{id}",
    name=AutoName("name", 255, prefix_property="namePrefix"),
    replaces=frozenset({"name", "namePrefix", "description", "vpcId"}),
    local=frozenset({"revokeRulesOnDelete"}),
    folds=_INLINE,
)


@uses("describe_vpcs", "describe_security_groups", "create_tags")
def _adopt(api: Api, inputs: Properties) -> str:
    network = inputs.get("vpcId")
    if not network:
        filters = [{"Name": "is-default", "Values": ["true"]}]
        found = api.call("describe_vpcs", Filters=filters)["Vpcs"]
        if not found:
            raise ProviderError(f"{api.name}: {api.region} has no default VPC: set vpcId")
        network = found[0]["VpcId"]
    filters = [{"Name": "vpc-id", "Values": [network]}, {"Name": "group-name", "Values": ["default"]}]
    groups = api.call("describe_security_groups", Filters=filters)["SecurityGroups"]
    if not groups:
        raise ProviderError(f"{api.name}: the VPC {network} does not exist or has no default security group")
    id = str(groups[0]["GroupId"])
    _write_ingress(api, id, {}, inputs)
    _write_egress(api, id, {}, inputs)
    return id


def _leave(api: Api, id: str, outputs: Properties) -> None:
    """Do nothing, like Terraform's provider: AWS deletes the default group only with its VPC."""


DEFAULT_SECURITY_GROUP: Final = Declaration(
    resource=ec2.DefaultSecurityGroup,
    service="ec2",
    key="GroupId",
    names={"name": "GroupName"},
    create=_adopt,
    read=Describe("describe_security_groups", "SecurityGroups[0]", key="GroupIds", more=_group_details),
    updates=(Update("ingress", by=_write_ingress), Update("egress", by=_write_egress)),
    delete=_leave,
    check=_sources_given,
    tags=tags("security-group"),
    arn="security-group/{id}",
    replaces=frozenset({"vpcId"}),
    local=frozenset({"revokeRulesOnDelete"}),
    absent={"namePrefix": "AWS sets the name"},
    folds=_INLINE,
)

# A rule's property → the permission's list, the key in its items.
_RULE_SOURCES: Final = {
    "cidrIpv4": ("IpRanges", "CidrIp"),
    "cidrIpv6": ("Ipv6Ranges", "CidrIpv6"),
    "prefixListId": ("PrefixListIds", "PrefixListId"),
    "referencedSecurityGroupId": ("UserIdGroupPairs", "GroupId"),
}


def _one_source(inputs: Properties) -> Sequence[Failure]:
    given = [name for name in _RULE_SOURCES if inputs.get(name) is not None]
    failures = []
    if len(given) != 1:
        found = f"{' and '.join(given)} are set" if given else "none is set"
        failures.append(Failure(given[-1] if given else "", f"must have one of {', '.join(_RULE_SOURCES)}; {found}"))
    protocol = inputs.get("ipProtocol")
    if isinstance(protocol, str) and _protocol(protocol) in ("tcp", "udp"):
        failures += [
            Failure(name, f"is required for the protocol {protocol}")
            for name in ("fromPort", "toPort")
            if inputs.get(name) is None
        ]
    return failures


def _ports(inputs: Properties) -> dict[str, Any]:
    given = {"FromPort": inputs.get("fromPort"), "ToPort": inputs.get("toPort")}
    if _protocol(inputs["ipProtocol"]) == "-1":
        return {}
    return {member: port for member, port in given.items() if port is not None}


def _create_rule(direction: str) -> Any:
    @uses(f"authorize_security_group_{direction}")
    def create(api: Api, inputs: Properties) -> str:
        source = next(name for name in _RULE_SOURCES if inputs.get(name))
        member, key = _RULE_SOURCES[source]
        described = {"Description": inputs["description"]} if inputs.get("description") else {}
        permission = {
            "IpProtocol": _protocol(inputs["ipProtocol"]),
            **_ports(inputs),
            member: [{key: inputs[source], **described}],
        }
        operation = f"authorize_security_group_{direction}"
        tagged = EGRESS_RULE.tag_parameters(operation, inputs["tagsAll"])
        answer = api.call(operation, GroupId=inputs["securityGroupId"], IpPermissions=[permission], **tagged)
        return str(answer["SecurityGroupRules"][0]["SecurityGroupRuleId"])

    return create


def _rule_details(api: Api, id: str, rule: dict[str, Any]) -> Properties:
    protocol = rule["IpProtocol"]
    details: Properties = {
        "securityGroupId": rule["GroupId"],
        "referencedSecurityGroupId": rule.get("ReferencedGroupInfo", {}).get("GroupId"),
    }
    return details | ({"fromPort": None, "toPort": None} if protocol == "-1" else {})


@uses("modify_security_group_rules")
def _modify_rule(api: Api, id: str, olds: Properties, news: Properties) -> None:
    changed = {
        "IpProtocol": _protocol(news["ipProtocol"]),
        # In this operation, unlike in the create operation, -1 means all ports.
        **(_ports(news) or {"FromPort": -1, "ToPort": -1}),
        "CidrIpv4": news.get("cidrIpv4"),
        "CidrIpv6": news.get("cidrIpv6"),
        "PrefixListId": news.get("prefixListId"),
        "ReferencedGroupId": news.get("referencedSecurityGroupId"),
        "Description": news.get("description"),
    }
    rule = {member: value for member, value in changed.items() if value is not None}
    api.call(
        "modify_security_group_rules",
        GroupId=news["securityGroupId"],
        SecurityGroupRules=[{"SecurityGroupRuleId": id, "SecurityGroupRule": rule}],
    )


def _delete_rule(direction: str) -> Any:
    @uses(f"revoke_security_group_{direction}")
    def delete(api: Api, id: str, outputs: Properties) -> None:
        group = outputs["securityGroupId"]
        api.call(f"revoke_security_group_{direction}", GroupId=group, SecurityGroupRuleIds=[id])

    return delete


def _rule(resource: Any, direction: str) -> Declaration:
    end = "Source" if direction == "ingress" else "Destination"
    return Declaration(
        resource=resource,
        cloudformation=f"AWS::EC2::SecurityGroup{direction.capitalize()}",
        cloudformation_names={
            "securityGroupId": "GroupId",
            "cidrIpv4": "CidrIp",
            "prefixListId": f"{end}PrefixListId",
            "referencedSecurityGroupId": f"{end}SecurityGroupId",
        },
        service="ec2",
        key="SecurityGroupRuleId",
        create=_create_rule(direction),
        read=Describe(
            "describe_security_group_rules", "SecurityGroupRules[0]", key="SecurityGroupRuleIds", more=_rule_details
        ),
        updates=(Update("ipProtocol", "fromPort", "toPort", *_RULE_SOURCES, "description", by=_modify_rule),),
        delete=_delete_rule(direction),
        check=_one_source,
        tags=tags("security-group-rule"),
        arn="security-group-rule/{id}",
        replaces=frozenset({"securityGroupId"}),
        folds={"ipProtocol": _protocol},
        unlike_cloudformation=dict.fromkeys(
            ("ipProtocol", "fromPort", "toPort", *_RULE_SOURCES),
            "CloudFormation replaces; Terraform's provider calls ModifySecurityGroupRules",
        ),
    )


INGRESS_RULE: Final = _rule(vpc.SecurityGroupIngressRule, "ingress")
EGRESS_RULE: Final = _rule(vpc.SecurityGroupEgressRule, "egress")

_WATCHED: Final = {
    "vpcId": "VPC",
    "subnetId": "Subnet",
    "eniId": "NetworkInterface",
    "transitGatewayId": "TransitGateway",
    "transitGatewayAttachmentId": "TransitGatewayAttachment",
    "regionalNatGatewayId": "RegionalNatGateway",
}


@uses("create_flow_logs")
def _create_flow_log(api: Api, inputs: Properties) -> str:
    watched = next(name for name in _WATCHED if inputs.get(name))
    made = FLOW_LOG.request("create_flow_logs", inputs, given=("ResourceIds", "ResourceType")).parameters
    answer = api.call(
        "create_flow_logs",
        ResourceIds=[inputs[watched]],
        ResourceType=_WATCHED[watched],
        **made,
        **FLOW_LOG.tag_parameters("create_flow_logs", inputs["tagsAll"]),
    )
    for refused in answer.get("Unsuccessful", ()):
        error = refused["Error"]
        raise ProviderError(f"{api.name}: CreateFlowLogs: {error['Code']}: {error['Message']}")
    return str(answer["FlowLogIds"][0])


def _flow_log_details(api: Api, id: str, log: dict[str, Any]) -> Properties:
    kinds = {"vpc": "vpcId", "subnet": "subnetId", "eni": "eniId", "tgw": "transitGatewayId"}
    resource = str(log["ResourceId"])
    destination = log.get("LogDestination")
    if not destination and log.get("LogGroupName"):
        destination = api.arn(f"log-group:{log['LogGroupName']}", service="logs")
    return {kinds.get(resource.split("-")[0], "transitGatewayAttachmentId"): resource, "logDestination": destination}


def _one_watched(inputs: Properties) -> Sequence[Failure]:
    given = [name for name in _WATCHED if inputs.get(name) is not None]
    failures = [] if len(given) == 1 else [Failure("", f"must have one of {', '.join(_WATCHED)}")]
    if given and given[0] in ("vpcId", "subnetId", "eniId") and inputs.get("trafficType") is None:
        failures.append(Failure("trafficType", "is required for a VPC, a subnet or a network interface"))
    return failures


FLOW_LOG: Final = Declaration(
    resource=ec2.FlowLog,
    cloudformation="AWS::EC2::FlowLog",
    service="ec2",
    key="FlowLogIds",
    names={"iamRoleArn": "DeliverLogsPermissionArn"},
    defaults={"logDestinationType": "cloud-watch-logs", "maxAggregationInterval": 600},
    create=_create_flow_log,
    read=Describe("describe_flow_logs", "FlowLogs[0]", more=_flow_log_details),
    delete=Delete("delete_flow_logs"),
    passing=(Passing("create_flow_logs", "InvalidParameter", ("Unable to assume given IAM role",)),),
    check=_one_watched,
    tags=tags("vpc-flow-log"),
    arn="vpc-flow-log/{id}",
    replaces=frozenset(
        {
            "deliverCrossAccountRole",
            "destinationOptions",
            "iamRoleArn",
            "logDestination",
            "logDestinationType",
            "logFormat",
            "maxAggregationInterval",
            "trafficType",
            *_WATCHED,
        }
    ),
    refused={"tagFieldSpecifications": "the local AWS API does not log tags"},
    unlike_cloudformation=dict.fromkeys(
        _WATCHED, "CloudFormation has ResourceId and ResourceType for all of them, which are createOnly"
    ),
)

DECLARATIONS: Final = (SECURITY_GROUP, DEFAULT_SECURITY_GROUP, INGRESS_RULE, EGRESS_RULE, FLOW_LOG)

"""How a resource of each AWS type is found again: by its tags, by its name, or by the id that its inputs say.

The Resource Groups Tagging API would be one look-up for all, but it knows no IAM roles and lags behind creations.
A new type is one line here; a test holds the table to every type that the sandbox and the stack files know.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from string import Template
from typing import Any, Final

import jmespath
from botocore.exceptions import ClientError

from mlpctl.recover.plan import Again, Candidate

Inputs = Mapping[str, Any]
Marks = Mapping[str, str]
Find = Callable[[Any, Inputs, Marks], Iterable[Candidate]]
"""From a boto3 client, the inputs and the tags of the resource to what may be it."""

Call = Mapping[str, Any]
"""Arguments of an operation, in which `$name` stands for the input `name` and `$id` for the id."""


@dataclass(frozen=True)
class Ready:
    """How a resource that goes on being made, changed or deleted after the operation returned comes to rest."""

    waiter: str
    """Botocore's waiter for the end of its creation."""

    operation: str
    """boto3's operation that tells its status."""

    status: str
    """JMESPath of the status in the operation's answer."""

    call: Call

    def moves(self, client: Any, inputs: Inputs) -> bool:
        """Whether it is in motion; not, where it is gone."""
        answer = answered(client, self.operation, **filled(self.call, inputs))
        return str(jmespath.search(self.status, answer or {})).lower() in _MOVING


_MOVING: Final = frozenset({"creating", "updating", "deleting", "pending"})


@dataclass(frozen=True)
class Look:
    """Look it up in AWS."""

    service: str
    find: Find
    delete: str = ""
    """Command that deletes one, in the form of a `Call`."""

    ready: Ready | None = None


@dataclass(frozen=True)
class Id:
    """Its inputs say its id: `$bucket`."""

    template: str

    def of(self, inputs: Inputs) -> str:
        """The id."""
        return str(filled(self.template, inputs))


def filled(template: Any, inputs: Inputs) -> Any:
    """A template, or a structure of some, with inputs in place of `$name`s; an input that is not set is empty."""
    if isinstance(template, str):
        names = Template(template).get_identifiers()
        return Template(template).substitute({name: inputs.get(name) or "" for name in names})
    if isinstance(template, Mapping):
        return {key: filled(item, inputs) for key, item in template.items()}
    return [filled(item, inputs) for item in template]


def is_missing(error: ClientError) -> bool:
    """Whether AWS says that something is not there, rather than that it cannot tell."""
    code = error.response["Error"]["Code"]
    return code == "404" or "NotFound" in code or "NoSuch" in code


def _pairs(tags: Any) -> dict[str, str]:
    """Tags in one of AWS's forms: a map, or a list of keys and values."""
    if isinstance(tags, Mapping):
        return dict(tags)
    spelt = [("Key", "Value"), ("TagKey", "TagValue")]
    return {tag[key]: tag[value] for tag in tags or () for key, value in spelt if key in tag}


def _listed(client: Any, operation: str, items: str, **call: Any) -> Iterator[dict[str, Any]]:
    """Items of all pages of a listing; none where what would hold them is not there."""
    pages = client.get_paginator(operation).paginate(**call) if client.can_paginate(operation) else None
    try:
        for page in pages or [getattr(client, operation)(**call)]:
            yield from page.get(items) or ()
    except ClientError as error:
        if not is_missing(error):
            raise


def answered(client: Any, operation: str, **call: Any) -> dict[str, Any] | None:
    """An operation's answer; None where what it asks about is not there."""
    try:
        answer: dict[str, Any] = getattr(client, operation)(**call)
    except ClientError as error:
        if is_missing(error):
            return None
        raise
    return answer


def _ec2(
    operation: str, items: str, id: str, delete: str, *, filters: str = "Filters", ready: Ready | None = None
) -> Look:
    """EC2 filters by tags itself. What is deleted stays listed for a while."""

    def find(client: Any, inputs: Inputs, marks: Marks) -> Iterator[Candidate]:
        wanted = [{"Name": f"tag:{key}", "Values": [value]} for key, value in marks.items()]
        for item in _listed(client, operation, items, **{filters: wanted}):
            if str(item.get("State", "")).lower() not in ("deleting", "deleted", "failed"):
                yield Candidate(item[id], _pairs(item["Tags"]))

    return Look("ec2", find, f"aws ec2 {delete} $id", ready)


def _association(client: Any, inputs: Inputs, marks: Marks) -> Iterator[Candidate]:
    # A subnet or a gateway has one route table at most.
    for table in _listed(client, "describe_route_tables", "RouteTables", RouteTableIds=[inputs["routeTableId"]]):
        for each in table["Associations"]:
            if (each.get("SubnetId") or each.get("GatewayId")) == (inputs.get("subnetId") or inputs.get("gatewayId")):
                yield Candidate(each["RouteTableAssociationId"])


def _added_block(client: Any, inputs: Inputs, marks: Marks) -> Iterator[Candidate]:
    # A VPC has a range once.
    for vpc in _listed(client, "describe_vpcs", "Vpcs", VpcIds=[inputs["vpcId"]]):
        for each in vpc.get("CidrBlockAssociationSet", ()):
            if each["CidrBlock"] == inputs["cidrBlock"] and each["CidrBlockState"]["State"] == "associated":
                yield Candidate(each["AssociationId"])


def _key(client: Any, inputs: Inputs, marks: Marks) -> Iterator[Candidate]:
    for key in _listed(client, "list_keys", "Keys"):
        try:
            tags = _pairs(list(_listed(client, "list_resource_tags", "Tags", KeyId=key["KeyId"])))
        except ClientError as error:
            # A key whose policy lets this account's administrators not look at it is none of a stack's.
            if error.response["Error"]["Code"] != "AccessDeniedException":
                raise
            continue
        if marks.items() <= tags.items():
            state = client.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"]
            if state not in ("PendingDeletion", "PendingReplicaDeletion"):
                yield Candidate(key["KeyId"], tags)


def _log_group(client: Any, inputs: Inputs, marks: Marks) -> Iterator[Candidate]:
    name = inputs["name"]
    for group in _listed(client, "describe_log_groups", "logGroups", logGroupNamePrefix=name):
        if group["logGroupName"] == name:
            arn = group["arn"].removesuffix(":*")
            yield Candidate(name, client.list_tags_for_resource(resourceArn=arn)["tags"])


def _role(client: Any, inputs: Inputs, marks: Marks) -> Iterator[Candidate]:
    if found := answered(client, "get_role", RoleName=inputs["name"]):
        yield Candidate(inputs["name"], _pairs(found["Role"].get("Tags")))


def _policy(client: Any, inputs: Inputs, marks: Marks) -> Iterator[Candidate]:
    for policy in _listed(client, "list_policies", "Policies", Scope="Local"):
        if policy["PolicyName"] == inputs["name"]:
            yield Candidate(
                policy["Arn"], _pairs(list(_listed(client, "list_policy_tags", "Tags", PolicyArn=policy["Arn"])))
            )


def _identity_provider(client: Any, inputs: Inputs, marks: Marks) -> Iterator[Candidate]:
    for each in _listed(client, "list_open_id_connect_providers", "OpenIDConnectProviderList"):
        if each["Arn"].endswith("/" + inputs["url"].removeprefix("https://")):
            found = client.get_open_id_connect_provider(OpenIDConnectProviderArn=each["Arn"])
            yield Candidate(each["Arn"], _pairs(found.get("Tags")))


def _bucket(client: Any, inputs: Inputs, marks: Marks) -> Iterator[Candidate]:
    if answered(client, "head_bucket", Bucket=inputs["bucket"]):
        tags = answered(client, "get_bucket_tagging", Bucket=inputs["bucket"]) or {}
        yield Candidate(inputs["bucket"], _pairs(tags.get("TagSet")))


def _eks(operation: str, member: str, id: str, call: Call, delete: str, waiter: str | None = None) -> Look:
    """EKS names everything by its cluster and a name that the inputs say."""

    def find(client: Any, inputs: Inputs, marks: Marks) -> Iterator[Candidate]:
        found = answered(client, operation, **filled(call, inputs))
        if found and found[member].get("status") != "DELETING":
            yield Candidate(filled(id, inputs), _pairs(found[member].get("tags")))

    ready = Ready(waiter, operation, f"{member}.status", call) if waiter else None
    return Look("eks", find, f"aws eks {delete}", ready)


def _repository(client: Any, inputs: Inputs, marks: Marks) -> Iterator[Candidate]:
    found = answered(client, "describe_repositories", repositoryNames=[inputs["name"]])
    for each in found["repositories"] if found else ():
        told = client.list_tags_for_resource(resourceArn=each["repositoryArn"])
        yield Candidate(each["repositoryName"], _pairs(told["tags"]))


def _pod_identity(client: Any, inputs: Inputs, marks: Marks) -> Iterator[Candidate]:
    # A service account has one association at most.
    place = {name: inputs[name] for name in ("clusterName", "namespace", "serviceAccount")}
    for each in _listed(client, "list_pod_identity_associations", "associations", **place):
        told = client.describe_pod_identity_association(
            clusterName=inputs["clusterName"], associationId=each["associationId"]
        )
        yield Candidate(each["associationId"], _pairs(told["association"].get("tags")))


def _file_system(client: Any, inputs: Inputs, marks: Marks) -> Iterator[Candidate]:
    for each in _listed(client, "describe_file_systems", "FileSystems"):
        tags = _pairs(each.get("Tags"))
        if marks.items() <= tags.items() and each["LifeCycleState"] not in ("deleting", "deleted", "error"):
            yield Candidate(each["FileSystemId"], tags)


def _mount_target(client: Any, inputs: Inputs, marks: Marks) -> Iterator[Candidate]:
    # A file system has one mount target at most in a subnet.
    for each in _listed(client, "describe_mount_targets", "MountTargets", FileSystemId=inputs["fileSystemId"]):
        if each["SubnetId"] == inputs["subnetId"]:
            yield Candidate(each["MountTargetId"])


def _access_point(client: Any, inputs: Inputs, marks: Marks) -> Iterator[Candidate]:
    for each in _listed(client, "describe_access_points", "AccessPoints", FileSystemId=inputs["fileSystemId"]):
        tags = _pairs(each.get("Tags"))
        if marks.items() <= tags.items():
            yield Candidate(each["AccessPointId"], tags)


_SETTING: Final = Again("is a setting: written again, it is the same")

KINDS: Final[Mapping[str, Look | Id | Again]] = {
    "aws:kms/key:Key": Look("kms", _key, "aws kms schedule-key-deletion --pending-window-in-days 7 --key-id $id"),
    "aws:kms/alias:Alias": Id("$name"),
    "aws:cloudwatch/logGroup:LogGroup": Look("logs", _log_group, "aws logs delete-log-group --log-group-name $id"),
    "aws:iam/role:Role": Look("iam", _role, "aws iam delete-role --role-name $id"),
    "aws:iam/policy:Policy": Look("iam", _policy, "aws iam delete-policy --policy-arn $id"),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": Look(
        "iam",
        _identity_provider,
        "aws iam delete-open-id-connect-provider --open-id-connect-provider-arn $id",
    ),
    # No setting: its automatic name would be another one the next time.
    "aws:iam/rolePolicy:RolePolicy": Id("$role:$name"),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Again("attached again, a policy is attached once"),
    "aws:s3/bucket:Bucket": Look("s3", _bucket, "aws s3api delete-bucket --bucket $id"),
    "aws:s3/bucketVersioning:BucketVersioning": _SETTING,
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": _SETTING,
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _SETTING,
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": _SETTING,
    "aws:s3/bucketPolicy:BucketPolicy": _SETTING,
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": _SETTING,
    "aws:s3/bucketLogging:BucketLogging": _SETTING,
    "aws:ec2/vpc:Vpc": _ec2("describe_vpcs", "Vpcs", "VpcId", "delete-vpc --vpc-id"),
    "aws:ec2/subnet:Subnet": _ec2("describe_subnets", "Subnets", "SubnetId", "delete-subnet --subnet-id"),
    "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation": Look(
        "ec2", _added_block, "aws ec2 disassociate-vpc-cidr-block --association-id $id"
    ),
    "aws:ec2/internetGateway:InternetGateway": _ec2(
        "describe_internet_gateways",
        "InternetGateways",
        "InternetGatewayId",
        "delete-internet-gateway --internet-gateway-id",
    ),
    "aws:ec2/eip:Eip": _ec2("describe_addresses", "Addresses", "AllocationId", "release-address --allocation-id"),
    "aws:ec2/natGateway:NatGateway": _ec2(
        "describe_nat_gateways",
        "NatGateways",
        "NatGatewayId",
        "delete-nat-gateway --nat-gateway-id",
        filters="Filter",
        ready=Ready(
            "nat_gateway_available", "describe_nat_gateways", "NatGateways[0].State", {"NatGatewayIds": ["$id"]}
        ),
    ),
    "aws:ec2/routeTable:RouteTable": _ec2(
        "describe_route_tables", "RouteTables", "RouteTableId", "delete-route-table --route-table-id"
    ),
    # Two of a table cannot go to the same destination, of which one of the three is set.
    "aws:ec2/route:Route": Id("${routeTableId}_$destinationCidrBlock$destinationIpv6CidrBlock$destinationPrefixListId"),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Look(
        "ec2", _association, "aws ec2 disassociate-route-table --association-id $id"
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _ec2(
        "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId", "delete-vpc-endpoints --vpc-endpoint-ids"
    ),
    "aws:ec2/securityGroup:SecurityGroup": _ec2(
        "describe_security_groups", "SecurityGroups", "GroupId", "delete-security-group --group-id"
    ),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": Again("comes with its VPC, and is only taken over"),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _ec2(
        "describe_security_group_rules",
        "SecurityGroupRules",
        "SecurityGroupRuleId",
        "revoke-security-group-ingress --group-id $securityGroupId --security-group-rule-ids",
    ),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _ec2(
        "describe_security_group_rules",
        "SecurityGroupRules",
        "SecurityGroupRuleId",
        "revoke-security-group-egress --group-id $securityGroupId --security-group-rule-ids",
    ),
    "aws:ec2/flowLog:FlowLog": _ec2(
        "describe_flow_logs", "FlowLogs", "FlowLogId", "delete-flow-logs --flow-log-ids", filters="Filter"
    ),
    "aws:ec2/launchTemplate:LaunchTemplate": _ec2(
        "describe_launch_templates",
        "LaunchTemplates",
        "LaunchTemplateId",
        "delete-launch-template --launch-template-id",
    ),
    "aws:ec2/placementGroup:PlacementGroup": _ec2(
        "describe_placement_groups", "PlacementGroups", "GroupName", "delete-placement-group --group-name"
    ),
    "aws:autoscaling/tag:Tag": Again("set again, a tag is set once"),
    "aws:ecr/repository:Repository": Look("ecr", _repository, "aws ecr delete-repository --repository-name $id"),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": _SETTING,
    "aws:ecr/repositoryPolicy:RepositoryPolicy": _SETTING,
    "aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration": _SETTING,
    "aws:ecr/replicationConfiguration:ReplicationConfiguration": _SETTING,
    "aws:ecr/pullThroughCacheRule:PullThroughCacheRule": Id("$ecrRepositoryPrefix"),
    "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate": Id("$prefix"),
    "aws:efs/fileSystem:FileSystem": Look("efs", _file_system, "aws efs delete-file-system --file-system-id $id"),
    "aws:efs/mountTarget:MountTarget": Look("efs", _mount_target, "aws efs delete-mount-target --mount-target-id $id"),
    "aws:efs/accessPoint:AccessPoint": Look("efs", _access_point, "aws efs delete-access-point --access-point-id $id"),
    "aws:efs/backupPolicy:BackupPolicy": _SETTING,
    "aws:efs/fileSystemPolicy:FileSystemPolicy": _SETTING,
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": Look(
        "eks",
        _pod_identity,
        "aws eks delete-pod-identity-association --cluster-name $clusterName --association-id $id",
    ),
    "aws:eks/cluster:Cluster": _eks(
        "describe_cluster", "cluster", "$name", {"name": "$name"}, "delete-cluster --name $id", "cluster_active"
    ),
    "aws:eks/nodeGroup:NodeGroup": _eks(
        "describe_nodegroup",
        "nodegroup",
        "$clusterName:$nodeGroupName",
        {"clusterName": "$clusterName", "nodegroupName": "$nodeGroupName"},
        "delete-nodegroup --cluster-name $clusterName --nodegroup-name $nodeGroupName",
        "nodegroup_active",
    ),
    "aws:eks/addon:Addon": _eks(
        "describe_addon",
        "addon",
        "$clusterName:$addonName",
        {"clusterName": "$clusterName", "addonName": "$addonName"},
        "delete-addon --cluster-name $clusterName --addon-name $addonName",
        "addon_active",
    ),
    "aws:eks/accessEntry:AccessEntry": _eks(
        "describe_access_entry",
        "accessEntry",
        "$clusterName:$principalArn",
        {"clusterName": "$clusterName", "principalArn": "$principalArn"},
        "delete-access-entry --cluster-name $clusterName --principal-arn $principalArn",
    ),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": Again("associated again, a policy is associated once"),
}
"""By type token."""

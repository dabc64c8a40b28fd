"""Lookups for types that need more than a tag filter or a name. The records of the types refer to these functions."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from mlpctl.recover.asking import Inputs, Marks, answered, listed
from mlpctl.recover.plan import Candidate
from mlpctl.tags import pairs


def association(client: Any, inputs: Inputs, marks: Marks) -> Iterator[Candidate]:
    """The route table association of a subnet or gateway, which has at most one."""
    for table in listed(client, "describe_route_tables", "RouteTables", RouteTableIds=[inputs["routeTableId"]]):
        for each in table["Associations"]:
            if (each.get("SubnetId") or each.get("GatewayId")) == (inputs.get("subnetId") or inputs.get("gatewayId")):
                yield Candidate(each["RouteTableAssociationId"])


def added_block(client: Any, inputs: Inputs, marks: Marks) -> Iterator[Candidate]:
    """The association of a CIDR block, which is unique in a VPC."""
    for vpc in listed(client, "describe_vpcs", "Vpcs", VpcIds=[inputs["vpcId"]]):
        for each in vpc.get("CidrBlockAssociationSet", ()):
            if each["CidrBlock"] == inputs["cidrBlock"] and each["CidrBlockState"]["State"] == "associated":
                yield Candidate(each["AssociationId"])


def key(client: Any, inputs: Inputs, marks: Marks) -> Iterator[Candidate]:
    """KMS keys by their tags, without keys that are pending deletion."""
    for key in listed(client, "list_keys", "Keys"):
        try:
            tags = pairs(list(listed(client, "list_resource_tags", "Tags", KeyId=key["KeyId"])))
        except ClientError as error:
            # A key whose policy denies this access does not belong to a stack.
            if error.response["Error"]["Code"] != "AccessDeniedException":
                raise
            continue
        if marks.items() <= tags.items():
            state = client.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"]
            if state not in ("PendingDeletion", "PendingReplicaDeletion"):
                yield Candidate(key["KeyId"], tags)


def log_group(client: Any, inputs: Inputs, marks: Marks) -> Iterator[Candidate]:
    """A log group by its name."""
    name = inputs["name"]
    for group in listed(client, "describe_log_groups", "logGroups", logGroupNamePrefix=name):
        if group["logGroupName"] == name:
            arn = group["arn"].removesuffix(":*")
            yield Candidate(name, client.list_tags_for_resource(resourceArn=arn)["tags"])


def policy(client: Any, inputs: Inputs, marks: Marks) -> Iterator[Candidate]:
    """A customer managed policy by its name."""
    for policy in listed(client, "list_policies", "Policies", Scope="Local"):
        if policy["PolicyName"] == inputs["name"]:
            yield Candidate(
                policy["Arn"], pairs(list(listed(client, "list_policy_tags", "Tags", PolicyArn=policy["Arn"])))
            )


def identity_provider(client: Any, inputs: Inputs, marks: Marks) -> Iterator[Candidate]:
    """An OIDC provider by its URL."""
    for each in listed(client, "list_open_id_connect_providers", "OpenIDConnectProviderList"):
        if each["Arn"].endswith("/" + inputs["url"].removeprefix("https://")):
            found = client.get_open_id_connect_provider(OpenIDConnectProviderArn=each["Arn"])
            yield Candidate(each["Arn"], pairs(found.get("Tags")))


def bucket(client: Any, inputs: Inputs, marks: Marks) -> Iterator[Candidate]:
    """A bucket by its name."""
    if answered(client, "head_bucket", Bucket=inputs["bucket"]):
        tags = answered(client, "get_bucket_tagging", Bucket=inputs["bucket"]) or {}
        yield Candidate(inputs["bucket"], pairs(tags.get("TagSet")))


def repository(client: Any, inputs: Inputs, marks: Marks) -> Iterator[Candidate]:
    """A repository by its name."""
    found = answered(client, "describe_repositories", repositoryNames=[inputs["name"]])
    for each in found["repositories"] if found else ():
        listing = client.list_tags_for_resource(resourceArn=each["repositoryArn"])
        yield Candidate(each["repositoryName"], pairs(listing["tags"]))


def build_project(client: Any, inputs: Inputs, marks: Marks) -> Iterator[Candidate]:
    """A CodeBuild project by its name."""
    for each in client.batch_get_projects(names=[inputs["name"]])["projects"]:
        yield Candidate(each["name"], pairs(each.get("tags")))


def pod_identity(client: Any, inputs: Inputs, marks: Marks) -> Iterator[Candidate]:
    """The association of a service account, which has at most one."""
    place = {name: inputs[name] for name in ("clusterName", "namespace", "serviceAccount")}
    for each in listed(client, "list_pod_identity_associations", "associations", **place):
        description = client.describe_pod_identity_association(
            clusterName=inputs["clusterName"], associationId=each["associationId"]
        )
        yield Candidate(each["associationId"], pairs(description["association"].get("tags")))

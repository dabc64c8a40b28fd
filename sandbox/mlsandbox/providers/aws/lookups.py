"""Lookup functions, `aws.get_…`, for the account, the region and existing resources."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import botocore.session
import pulumi_aws as aws

from mlsandbox.providers.aws import autoscaling, ec2_lookups
from mlsandbox.providers.aws.api import Api
from mlsandbox.providers.aws.declaration import Lookup
from mlsandbox.providers.aws.eks import CLUSTER, enabled_logs
from mlsandbox.providers.aws.mapping import rfc3339
from mlsandbox.providers.aws.steps import uses
from mlsandbox.providers.protocol import Properties, ProviderError

_SESSION: Final = re.compile(r"arn:[\w-]+:sts::\d{12}:assumed-role/(?P<role>[^/]+)/(?P<session>.+)")


def _partition_data(api: Api) -> Mapping[str, Any]:
    partitions = botocore.session.get_session().get_data("partitions")["partitions"]
    return next(one for one in partitions if one["id"] == api.partition)


@uses("get_caller_identity")
def _caller(api: Api, args: Properties) -> Properties:
    answer = api.call("get_caller_identity")
    return {
        "id": answer["Account"],
        "accountId": answer["Account"],
        "arn": answer["Arn"],
        "userId": answer["UserId"],
    }


def _partition(api: Api, args: Properties) -> Properties:
    suffix = str(_partition_data(api)["outputs"]["dnsSuffix"])
    return {
        "id": api.partition,
        "partition": api.partition,
        "dnsSuffix": suffix,
        "reverseDnsPrefix": ".".join(reversed(suffix.split("."))),
    }


def _region(api: Api, args: Properties) -> Properties:
    data = _partition_data(api)
    region = args.get("name") or api.region
    endpoint = f"ec2.{region}.{data['outputs']['dnsSuffix']}"
    if args.get("endpoint") not in (None, endpoint):
        raise ProviderError(f"{api.name}: the endpoint of {region} is {endpoint}, not {args['endpoint']}")
    description = data["regions"].get(region, {}).get("description", region)
    return {"id": region, "region": region, "name": region, "description": description, "endpoint": endpoint}


@uses("get_role")
def _session_context(api: Api, args: Properties) -> Properties:
    arn = args["arn"]
    session = _SESSION.fullmatch(arn)
    if session is None:
        # The ARN of a user or a role is returned unchanged.
        return {"id": arn, "arn": arn, "issuerArn": arn, "issuerId": "", "issuerName": "", "sessionName": ""}
    role = api.call("get_role", RoleName=session["role"])["Role"]
    return {
        "id": arn,
        "arn": arn,
        "issuerArn": role["Arn"],
        "issuerId": role["RoleId"],
        "issuerName": role["RoleName"],
        "sessionName": session["session"],
    }


@uses("get_role")
def _role(api: Api, args: Properties) -> Properties:
    answer = api.find("get_role", RoleName=args["name"])
    if answer is None:
        raise ProviderError(f"{api.name}: reading IAM Role ({args['name']}): couldn't find resource")
    role = answer["Role"]
    document = role["AssumeRolePolicyDocument"]
    return {
        "id": role["RoleName"],
        "arn": role["Arn"],
        "name": role["RoleName"],
        "path": role["Path"],
        "uniqueId": role["RoleId"],
        "description": role.get("Description", ""),
        "createDate": rfc3339(role["CreateDate"]),
        "maxSessionDuration": role["MaxSessionDuration"],
        "assumeRolePolicy": document if isinstance(document, str) else json.dumps(document),
        "permissionsBoundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", ""),
        "roleLastUseds": [],
        "tags": {tag["Key"]: tag["Value"] for tag in role.get("Tags", ())},
    }


@uses("list_clusters")
def _clusters(api: Api, args: Properties) -> Properties:
    return {"id": api.region, "region": api.region, "names": api.listed("list_clusters", "clusters")}


@uses("describe_cluster")
def _cluster(api: Api, args: Properties) -> Properties:
    cluster = api.call("describe_cluster", name=args["name"])["cluster"]
    found = CLUSTER.found(cluster)
    listed = {
        f"{name}s": [found[name]] if found.get(name) else []
        for name in ("accessConfig", "kubernetesNetworkConfig", "zonalShiftConfig", "remoteNetworkConfig")
    }
    return {
        **{name: found.get(name) for name in ("arn", "createdAt", "deletionProtection", "endpoint", "identities")},
        **{name: found.get(name) for name in ("name", "platformVersion", "roleArn", "status", "tags", "version")},
        **listed,
        "id": found["name"],
        "region": api.region,
        "certificateAuthorities": [found["certificateAuthority"]] if found.get("certificateAuthority") else [],
        "enabledClusterLogTypes": enabled_logs(cluster),
        "upgradePolicies": [found["upgradePolicy"]] if found.get("upgradePolicy") else [],
        "vpcConfig": found["vpcConfig"],
    }


@uses("describe_secret", "get_resource_policy")
def _secret(api: Api, args: Properties) -> Properties:
    given = [args[name] for name in ("arn", "name") if args.get(name)]
    if len(given) != 1:
        raise ProviderError(f"{api.name}: exactly one of arn and name must be set")
    secret = api.find("describe_secret", SecretId=given[0])
    if secret is None:
        raise ProviderError(f"{api.name}: the secret {given[0]} does not exist in {api.region}")
    return {
        "id": secret["ARN"],
        "arn": secret["ARN"],
        "name": secret["Name"],
        "description": secret.get("Description", ""),
        "kmsKeyId": secret.get("KmsKeyId", ""),
        "createdDate": rfc3339(secret["CreatedDate"]),
        "lastChangedDate": rfc3339(secret["LastChangedDate"]),
        "policy": api.call("get_resource_policy", SecretId=secret["ARN"]).get("ResourcePolicy", ""),
        "region": api.region,
        "tags": {tag["Key"]: tag["Value"] for tag in secret.get("Tags", ())},
        "type": secret.get("Type", ""),
    }


@uses("get_parameter")
def _parameter(api: Api, args: Properties) -> Properties:
    decrypted = args.get("withDecryption") is not False
    found = api.find("get_parameter", Name=args["name"], WithDecryption=decrypted)
    if found is None:
        raise ProviderError(f"{api.name}: the parameter {args['name']} does not exist in {api.region}")
    parameter = found["Parameter"]
    return {
        "id": parameter["Name"],
        "arn": parameter["ARN"],
        "name": parameter["Name"],
        "type": parameter["Type"],
        "value": parameter["Value"],
        # As in Terraform's provider, the value of a SecureString is only in `value`.
        "insecureValue": "" if parameter["Type"] == "SecureString" else parameter["Value"],
        "version": parameter["Version"],
        "withDecryption": decrypted,
        "region": api.region,
    }


LOOKUPS: Final = (
    Lookup(aws.get_caller_identity, "aws:index/getCallerIdentity:getCallerIdentity", _caller, "sts"),
    Lookup(aws.get_partition, "aws:index/getPartition:getPartition", _partition),
    Lookup(aws.get_region, "aws:index/getRegion:getRegion", _region),
    Lookup(aws.iam.get_role, "aws:iam/getRole:getRole", _role, "iam"),
    Lookup(aws.iam.get_session_context, "aws:iam/getSessionContext:getSessionContext", _session_context, "iam"),
    Lookup(aws.eks.get_clusters, "aws:eks/getClusters:getClusters", _clusters, "eks"),
    Lookup(aws.eks.get_cluster, "aws:eks/getCluster:getCluster", _cluster, "eks"),
    Lookup(aws.ssm.get_parameter, "aws:ssm/getParameter:getParameter", _parameter, "ssm"),
    Lookup(aws.secretsmanager.get_secret, "aws:secretsmanager/getSecret:getSecret", _secret, "secretsmanager"),
    *autoscaling.LOOKUPS,
    *ec2_lookups.LOOKUPS,
)

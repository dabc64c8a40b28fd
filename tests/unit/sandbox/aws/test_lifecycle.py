"""Every declared type through its whole life: create, no diff, update, replace, drift, delete."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from mlsandbox.providers import aws
from mlsandbox.providers.aws import (
    autoscaling,
    ec2_launch,
    ec2_network,
    ec2_routing,
    ec2_security,
    ecr,
    eks,
    iam,
    kms,
    logs,
    s3_bucket,
    s3_settings,
)
from mlsandbox.providers.aws.declaration import Declaration
from mlsandbox.providers.protocol import UNKNOWN, Properties, has_unknown

Values = Mapping[str, Any] | Callable[[Any], Mapping[str, Any]]


@dataclass(frozen=True)
class Case:
    """A type's life: what it is made with, changed to, replaced by, and what somebody does behind its back."""

    declaration: Declaration
    inputs: Values
    update: Values = field(default_factory=dict)
    """Empty for a type of which nothing can be changed in place."""

    replace: Values = field(default_factory=dict)
    drift: Callable[[Any, Any], object] | None = None
    """Gets the bench and the state."""

    drifted: str = ""
    """The input in which the drift shows."""

    remains: bool = False
    """Whether AWS keeps something when the resource is deleted."""


CASES = (
    Case(
        kms.KEY,
        {"description": "models", "enableKeyRotation": True, "rotationPeriodInDays": 180, "tags": {"team": "ml"}},
        update={
            "description": "data",
            "rotationPeriodInDays": 90,
            "deletionWindowInDays": 7,
            "tags": {"team": "ml", "stage": "dev"},
        },
        replace={"keyUsage": "SIGN_VERIFY", "customerMasterKeySpec": "RSA_2048", "enableKeyRotation": False},
        drift=lambda bench, state: bench.boto("kms").disable_key_rotation(KeyId=state.id),
        drifted="enableKeyRotation",
    ),
    Case(
        kms.ALIAS,
        lambda bench: {"name": "alias/models", "targetKeyId": bench.key().rsplit("/", 1)[-1]},
        update=lambda bench: {"targetKeyId": bench.key().rsplit("/", 1)[-1]},
        replace={"name": "alias/data"},
        drift=lambda bench, state: bench.boto("kms").update_alias(
            AliasName=state.id, TargetKeyId=bench.key().rsplit("/", 1)[-1]
        ),
        drifted="targetKeyId",
    ),
    Case(
        logs.LOG_GROUP,
        {"retentionInDays": 14, "tags": {"team": "ml"}},
        update={"retentionInDays": 30, "tags": {"team": "ml", "stage": "dev"}},
        replace={"name": "other"},
        drift=lambda bench, state: bench.boto("logs").delete_retention_policy(logGroupName=state.id),
        drifted="retentionInDays",
    ),
)

DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "arn:aws:s3:::models/*"}],
}
OTHER_DOCUMENT = {**DOCUMENT, "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]}


def about(bucket: str) -> dict[str, Any]:
    """A policy of this bucket: S3 takes no other bucket's ARN."""
    statement = {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": f"arn:aws:s3:::{bucket}/*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def with_policy(bucket: str) -> dict[str, Any]:
    return {"bucket": bucket, "policy": about(bucket)}


def trust(service: str) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
    }


def name_of(arn: str) -> str:
    return arn.rsplit("/", 1)[-1]


CASES += (
    Case(
        iam.ROLE,
        {"assumeRolePolicy": trust("ec2.amazonaws.com"), "description": "nodes", "tags": {"team": "ml"}},
        update={
            "assumeRolePolicy": json.dumps(trust("eks.amazonaws.com")),
            "description": "cluster",
            "maxSessionDuration": 7200,
            "managedPolicyArns": ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"],
            "inlinePolicies": [{"name": "read", "policy": json.dumps(DOCUMENT)}],
            "tags": {"stage": "dev"},
        },
        replace={"path": "/ml/"},
        drift=lambda bench, state: bench.boto("iam").update_role(RoleName=state.id, Description="changed"),
        drifted="description",
    ),
    Case(
        iam.POLICY,
        {"policy": DOCUMENT, "tags": {"team": "ml"}},
        update={"policy": OTHER_DOCUMENT, "tags": {}},
        replace={"description": "other"},
        drift=lambda bench, state: bench.boto("iam").create_policy_version(
            PolicyArn=state.id, PolicyDocument=json.dumps(DOCUMENT), SetAsDefault=True
        ),
        drifted="policy",
    ),
    Case(
        iam.ROLE_POLICY,
        lambda bench: {"role": name_of(bench.role()), "policy": DOCUMENT},
        update={"policy": json.dumps(OTHER_DOCUMENT, indent=2)},
        replace=lambda bench: {"role": name_of(bench.role())},
        drift=lambda bench, state: bench.boto("iam").put_role_policy(
            RoleName=state.inputs["role"], PolicyName=state.inputs["name"], PolicyDocument=json.dumps(DOCUMENT)
        ),
        drifted="policy",
    ),
    Case(
        iam.ROLE_POLICY_ATTACHMENT,
        lambda bench: {"role": name_of(bench.role()), "policyArn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"},
        replace={"policyArn": "arn:aws:iam::aws:policy/AmazonS3FullAccess"},
    ),
    Case(
        iam.OPEN_ID_CONNECT_PROVIDER,
        {
            "url": "https://oidc.example.com/id/1",
            "clientIdLists": ["sts.amazonaws.com"],
            "thumbprintLists": ["a" * 40],
            "tags": {"team": "ml"},
        },
        update={"thumbprintLists": ["b" * 40]},
        replace={"url": "https://oidc.example.com/id/2"},
        drift=lambda bench, state: bench.boto("iam").update_open_id_connect_provider_thumbprint(
            OpenIDConnectProviderArn=state.id, ThumbprintList=["c" * 40]
        ),
        drifted="thumbprintLists",
    ),
    Case(
        s3_bucket.BUCKET,
        {"forceDestroy": True, "tags": {"team": "ml"}},
        update={"tags": {"team": "ml", "stage": "dev"}},
        replace={"objectLockEnabled": True},
        drift=lambda bench, state: bench.boto("s3").put_bucket_tagging(
            Bucket=state.id, Tagging={"TagSet": [{"Key": "team", "Value": "web"}]}
        ),
        drifted="tagsAll",
    ),
    Case(
        s3_settings.VERSIONING,
        lambda bench: {"bucket": bench.bucket(), "versioningConfiguration": {"status": "Enabled"}},
        update={"versioningConfiguration": {"status": "Suspended"}},
        replace={"bucket": "other"},
        drift=lambda bench, state: bench.boto("s3").put_bucket_versioning(
            Bucket=state.id, VersioningConfiguration={"Status": "Enabled"}
        ),
        drifted="versioningConfiguration",
        remains=True,
    ),
    Case(
        s3_settings.ENCRYPTION,
        lambda bench: {
            "bucket": bench.bucket(),
            "rules": [
                {
                    "applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": bench.key()},
                    "bucketKeyEnabled": True,
                }
            ],
        },
        update={"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]},
        replace={"bucket": "other"},
        drift=lambda bench, state: bench.boto("s3").put_bucket_encryption(
            Bucket=state.id,
            ServerSideEncryptionConfiguration={
                "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]
            },
        ),
        drifted="rules",
    ),
    Case(
        s3_settings.PUBLIC_ACCESS_BLOCK,
        lambda bench: {"bucket": bench.bucket(), "blockPublicAcls": True, "blockPublicPolicy": True},
        update={"ignorePublicAcls": True, "restrictPublicBuckets": True},
        replace={"bucket": "other"},
        drift=lambda bench, state: bench.boto("s3").put_public_access_block(
            Bucket=state.id, PublicAccessBlockConfiguration={"BlockPublicAcls": False}
        ),
        drifted="blockPublicAcls",
    ),
    Case(
        s3_settings.OWNERSHIP,
        lambda bench: {"bucket": bench.bucket(), "rule": {"objectOwnership": "BucketOwnerEnforced"}},
        update={"rule": {"objectOwnership": "BucketOwnerPreferred"}},
        replace={"bucket": "other"},
        drift=lambda bench, state: bench.boto("s3").put_bucket_ownership_controls(
            Bucket=state.id, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
        ),
        drifted="rule",
    ),
    Case(
        s3_settings.POLICY,
        lambda bench: with_policy(bench.bucket()),
        update={"policy": json.dumps(OTHER_DOCUMENT, indent=1)},
        replace={"bucket": "other"},
        drift=lambda bench, state: bench.boto("s3").put_bucket_policy(
            Bucket=state.id, Policy=json.dumps(about(state.id))
        ),
        drifted="policy",
    ),
    Case(
        s3_settings.LIFECYCLE,
        lambda bench: {
            "bucket": bench.bucket(),
            "rules": [
                {
                    "id": "old",
                    "status": "Enabled",
                    "filter": {"prefix": "runs/"},
                    "noncurrentVersionExpiration": {"noncurrentDays": 30},
                    "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7},
                },
                {
                    "id": "cold",
                    "status": "Enabled",
                    "filter": {"and": {"prefix": "data/", "tags": {"a": "b", "c": "d"}}},
                    "transitions": [{"days": 90, "storageClass": "GLACIER"}],
                },
                {
                    "id": "markers",
                    "status": "Enabled",
                    "filter": {"prefix": ""},
                    "expiration": {"expiredObjectDeleteMarker": True},
                },
            ],
        },
        update={"rules": [{"id": "old", "status": "Disabled", "filter": {}, "expiration": {"days": 10}}]},
        replace={"bucket": "other"},
        drift=lambda bench, state: bench.boto("s3").put_bucket_lifecycle_configuration(
            Bucket=state.id,
            LifecycleConfiguration={
                "Rules": [{"ID": "old", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 10}}]
            },
        ),
        drifted="rules",
    ),
    Case(
        s3_settings.LOGGING,
        lambda bench: {"bucket": bench.bucket(), "targetBucket": bench.log_bucket(), "targetPrefix": "a/"},
        update={"targetPrefix": "b/"},
        replace={"bucket": "other"},
        drift=lambda bench, state: bench.boto("s3").put_bucket_logging(
            Bucket=state.id,
            BucketLoggingStatus={
                "LoggingEnabled": {"TargetBucket": state.inputs["targetBucket"], "TargetPrefix": "c/"}
            },
        ),
        drifted="targetPrefix",
    ),
)

CASES += (
    Case(
        ec2_network.VPC,
        {"cidrBlock": "10.1.0.0/16", "enableDnsHostnames": True, "tags": {"team": "ml"}},
        update={"enableDnsHostnames": False, "enableNetworkAddressUsageMetrics": True, "tags": {"stage": "dev"}},
        replace={"cidrBlock": "10.2.0.0/16"},
        drift=lambda bench, state: bench.boto("ec2").modify_vpc_attribute(
            VpcId=state.id, EnableDnsSupport={"Value": False}
        ),
        drifted="enableDnsSupport",
    ),
    Case(
        ec2_network.SUBNET,
        lambda bench: {
            "vpcId": bench.vpc(),
            "cidrBlock": "10.0.100.0/24",
            "availabilityZone": "eu-central-1b",
            "tags": {"team": "ml"},
        },
        update={"mapPublicIpOnLaunch": True, "tags": {"stage": "dev"}},
        replace={"availabilityZone": "eu-central-1a"},
        drift=lambda bench, state: bench.boto("ec2").modify_subnet_attribute(
            SubnetId=state.id, MapPublicIpOnLaunch={"Value": False}
        ),
        drifted="mapPublicIpOnLaunch",
    ),
    Case(
        ec2_network.VPC_CIDR_BLOCK,
        lambda bench: {"vpcId": bench.vpc(), "cidrBlock": "100.64.0.0/16"},
        replace={"cidrBlock": "100.65.0.0/16"},
    ),
    Case(
        ec2_network.INTERNET_GATEWAY,
        lambda bench: {"vpcId": bench.vpc(), "tags": {"team": "ml"}},
        update=lambda bench: {"vpcId": bench.other_vpc()},
        drift=lambda bench, state: bench.boto("ec2").create_tags(
            Resources=[state.id], Tags=[{"Key": "team", "Value": "web"}]
        ),
        drifted="tagsAll",
    ),
    Case(
        ec2_network.EIP,
        {"domain": "vpc", "tags": {"team": "ml"}},
        update={"tags": {"stage": "dev"}},
        replace={"networkBorderGroup": "eu-central-1-ham-1"},
        drift=lambda bench, state: bench.boto("ec2").delete_tags(Resources=[state.id], Tags=[{"Key": "stage"}]),
        drifted="tagsAll",
    ),
    Case(
        ec2_network.NAT_GATEWAY,
        lambda bench: {"subnetId": bench.subnet(), "allocationId": bench.address(), "tags": {"team": "ml"}},
        update={"tags": {"stage": "dev"}},
        replace=lambda bench: {"subnetId": bench.subnet(1)},
    ),
    Case(
        ec2_routing.ROUTE_TABLE,
        lambda bench: {"vpcId": bench.vpc(), "tags": {"team": "ml"}},
        update={"tags": {"stage": "dev"}},
        replace=lambda bench: {"vpcId": bench.other_vpc()},
    ),
    Case(
        ec2_routing.ROUTE,
        lambda bench: {
            "routeTableId": bench.route_table(),
            "destinationCidrBlock": "0.0.0.0/0",
            "gatewayId": bench.internet_gateway(),
        },
        update=lambda bench: {"gatewayId": None, "natGatewayId": bench.nat_gateway()},
        replace={"destinationCidrBlock": "192.168.0.0/16"},
        drift=lambda bench, state: bench.boto("ec2").replace_route(
            RouteTableId=state.inputs["routeTableId"],
            DestinationCidrBlock="0.0.0.0/0",
            GatewayId=bench.internet_gateway(),
        ),
        drifted="natGatewayId",
    ),
    Case(
        ec2_routing.ROUTE_TABLE_ASSOCIATION,
        lambda bench: {"routeTableId": bench.route_table(), "subnetId": bench.subnet(1)},
        replace=lambda bench: {"subnetId": bench.subnet(2)},
    ),
    Case(
        ec2_routing.VPC_ENDPOINT,
        lambda bench: {
            "vpcId": bench.vpc(),
            "serviceName": "com.amazonaws.eu-central-1.s3",
            "routeTableIds": [bench.route_table(0), bench.route_table(1)],
            "tags": {"team": "ml"},
        },
        update=lambda bench: {"routeTableIds": [bench.route_table(1), bench.route_table(2)]},
        replace={"serviceName": "com.amazonaws.eu-central-1.dynamodb"},
        drift=lambda bench, state: bench.boto("ec2").modify_vpc_endpoint(
            VpcEndpointId=state.id, RemoveRouteTableIds=[bench.route_table(2)]
        ),
        drifted="routeTableIds",
    ),
    Case(
        ec2_security.SECURITY_GROUP,
        lambda bench: {
            "vpcId": bench.vpc(),
            "ingress": [
                {"protocol": "tcp", "fromPort": 443, "toPort": 443, "cidrBlocks": ["10.0.0.0/8"], "description": "in"}
            ],
            "tags": {"team": "ml"},
        },
        update={
            "ingress": [
                {"protocol": "tcp", "fromPort": 443, "toPort": 443, "cidrBlocks": ["10.0.0.0/8"], "self": True},
            ],
            "egress": [{"protocol": "-1", "fromPort": 0, "toPort": 0, "cidrBlocks": ["0.0.0.0/0"]}],
        },
        replace={"description": "other"},
        drift=lambda bench, state: bench.boto("ec2").authorize_security_group_ingress(
            GroupId=state.id, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
        ),
        drifted="ingress",
    ),
    Case(
        ec2_security.DEFAULT_SECURITY_GROUP,
        lambda bench: {"vpcId": bench.vpc(), "tags": {"team": "ml"}},
        update={"egress": [{"protocol": "-1", "fromPort": 0, "toPort": 0, "cidrBlocks": ["10.0.0.0/16"]}]},
        replace=lambda bench: {"vpcId": bench.other_vpc()},
        remains=True,
    ),
    Case(
        ec2_security.INGRESS_RULE,
        lambda bench: {
            "securityGroupId": bench.security_group(),
            "ipProtocol": "tcp",
            "fromPort": 443,
            "toPort": 443,
            "cidrIpv4": "10.0.0.0/8",
            "description": "in",
            "tags": {"team": "ml"},
        },
        update={"cidrIpv4": "10.0.0.0/16", "toPort": 444},
        replace=lambda bench: {"securityGroupId": bench.security_group()},
    ),
    Case(
        ec2_security.EGRESS_RULE,
        lambda bench: {
            "securityGroupId": bench.security_group(),
            "ipProtocol": "-1",
            "referencedSecurityGroupId": bench.security_group(),
        },
        update={"description": "out"},
        replace=lambda bench: {"securityGroupId": bench.security_group()},
    ),
    Case(
        ec2_security.FLOW_LOG,
        lambda bench: {
            "vpcId": bench.vpc(),
            "trafficType": "ALL",
            "iamRoleArn": bench.role("vpc-flow-logs.amazonaws.com"),
            "logDestination": bench.log_group(),
            "tags": {"team": "ml"},
        },
        update={"tags": {"stage": "dev"}},
        replace={"trafficType": "REJECT"},
    ),
)

TAINT = {"key": "nvidia.com/gpu", "value": "true", "effect": "NO_SCHEDULE"}


def cluster_inputs(bench: Any) -> Mapping[str, Any]:
    bench.no_cluster()
    return {
        "roleArn": bench.role("eks.amazonaws.com"),
        "version": "1.35",
        "vpcConfig": {
            "subnetIds": [bench.subnet(0), bench.subnet(1)],
            "endpointPrivateAccess": True,
            "endpointPublicAccess": False,
        },
        "accessConfig": {"authenticationMode": "API_AND_CONFIG_MAP", "bootstrapClusterCreatorAdminPermissions": True},
        "bootstrapSelfManagedAddons": False,
        "enabledClusterLogTypes": ["audit"],
        "encryptionConfig": {"provider": {"keyArn": bench.key()}, "resources": ["secrets"]},
        "tags": {"team": "ml"},
    }


def cluster_update(bench: Any) -> Mapping[str, Any]:
    return {
        "version": "1.36",
        "vpcConfig": {
            "subnetIds": [bench.subnet(1), bench.subnet(2)],
            "endpointPrivateAccess": True,
            "endpointPublicAccess": True,
            "publicAccessCidrs": ["203.0.113.0/24"],
        },
        "accessConfig": {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": True},
        "enabledClusterLogTypes": ["authenticator", "api"],
        "deletionProtection": False,
        "upgradePolicy": {"supportType": "STANDARD"},
        "zonalShiftConfig": {"enabled": True},
        "tags": {"stage": "dev"},
    }


def node_group_inputs(bench: Any) -> Mapping[str, Any]:
    return {
        "clusterName": bench.cluster(),
        "nodeRoleArn": bench.role(),
        "subnetIds": [bench.subnet(0), bench.subnet(1)],
        "scalingConfig": {"minSize": 0, "desiredSize": 1, "maxSize": 2},
        "instanceTypes": ["g6.2xlarge", "g6.4xlarge"],
        "amiType": "BOTTLEROCKET_x86_64_NVIDIA",
        "launchTemplate": {"id": bench.template_of_two_versions(), "version": "1"},
        "labels": {"pool": "gpu", "old": "yes"},
        "taints": [TAINT],
        "tags": {"team": "ml"},
    }


CASES += (
    Case(
        ec2_launch.PLACEMENT_GROUP,
        {"strategy": "cluster", "tags": {"team": "ml"}},
        update={"tags": {"team": "ml", "stage": "dev"}},
        replace={"strategy": "spread"},
        drift=lambda bench, state: bench.boto("ec2").delete_tags(
            Resources=[state.outputs["placementGroupId"]], Tags=[{"Key": "team"}]
        ),
        drifted="tags",
    ),
    Case(
        ec2_launch.LAUNCH_TEMPLATE,
        lambda bench: {
            "metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 1},
            "blockDeviceMappings": [
                {
                    "deviceName": "/dev/xvda",
                    "ebs": {"volumeSize": 50, "volumeType": "gp3", "encrypted": "true", "kmsKeyId": bench.key()},
                }
            ],
            "tagSpecifications": [{"resourceType": "instance", "tags": {"team": "ml"}}],
            "updateDefaultVersion": True,
            "tags": {"team": "ml"},
        },
        update={
            "metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 2},
            "ebsOptimized": "true",
            "vpcSecurityGroupIds": ["sg-1", "sg-2"],
            "description": "two",
            "tags": {"stage": "dev"},
        },
        replace={"name": "other"},
        drift=lambda bench, state: bench.launch_template_version(state.id),
        drifted="metadataOptions",
    ),
    Case(
        eks.CLUSTER,
        cluster_inputs,
        update=cluster_update,
        replace=lambda bench: {"roleArn": bench.role("eks.amazonaws.com")},
        drift=lambda bench, state: bench.boto("eks").update_cluster_config(
            name=state.id, resourcesVpcConfig={"endpointPublicAccess": False, "endpointPrivateAccess": True}
        ),
        drifted="vpcConfig",
    ),
    Case(
        eks.NODE_GROUP,
        node_group_inputs,
        update=lambda bench: {
            "launchTemplate": {"id": bench.template_of_two_versions(), "version": "2"},
            "scalingConfig": {"minSize": 0, "desiredSize": 2, "maxSize": 3},
            "labels": {"pool": "gpu", "stage": "dev"},
            "taints": [{**TAINT, "value": "yes"}, {"key": "spot", "effect": "NO_EXECUTE"}],
            "updateConfig": {"maxUnavailablePercentage": 50},
            "nodeRepairConfig": {"enabled": True},
            "tags": {"stage": "dev"},
        },
        replace={"capacityType": "SPOT"},
        drift=lambda bench, state: bench.boto("eks").update_nodegroup_config(
            clusterName=state.inputs["clusterName"],
            nodegroupName=state.inputs["nodeGroupName"],
            scalingConfig={"minSize": 1, "desiredSize": 1, "maxSize": 1},
        ),
        drifted="scalingConfig",
    ),
    Case(
        autoscaling.TAG,
        lambda bench: {
            "autoscalingGroupName": bench.scaling_group(),
            "tag": {"key": "team", "value": "ml", "propagateAtLaunch": False},
        },
        update={"tag": {"key": "team", "value": "data", "propagateAtLaunch": True}},
        replace={"tag": {"key": "stage", "value": "ml", "propagateAtLaunch": False}},
        drift=lambda bench, state: bench.boto("autoscaling").create_or_update_tags(
            Tags=[
                {
                    "ResourceId": state.inputs["autoscalingGroupName"],
                    "ResourceType": "auto-scaling-group",
                    "Key": "team",
                    "Value": "others",
                    "PropagateAtLaunch": False,
                }
            ]
        ),
        drifted="tag",
    ),
    Case(
        eks.ADDON,
        lambda bench: {
            "clusterName": bench.cluster(),
            "addonName": "vpc-cni",
            "configurationValues": '{"enableNetworkPolicy": "true"}',
            "podIdentityAssociations": [
                {"roleArn": bench.role("pods.eks.amazonaws.com"), "serviceAccount": "aws-node"}
            ],
            "resolveConflictsOnCreate": "OVERWRITE",
            "tags": {"team": "ml"},
        },
        update=lambda bench: {
            "addonVersion": "v1.21.1-eksbuild.8",
            "configurationValues": None,
            "podIdentityAssociations": [],
            "resolveConflictsOnUpdate": "PRESERVE",
            "tags": {"stage": "dev"},
        },
        replace={"addonName": "coredns"},
        drift=lambda bench, state: bench.boto("eks").update_addon(
            clusterName=state.inputs["clusterName"], addonName="vpc-cni", addonVersion="v1.22.4-eksbuild.3"
        ),
        drifted="addonVersion",
    ),
    Case(
        eks.ACCESS_ENTRY,
        lambda bench: {"clusterName": bench.cluster(), "principalArn": bench.role(), "tags": {"team": "ml"}},
        update={"kubernetesGroups": ["ml-engineers"], "userName": "ml", "tags": {"stage": "dev"}},
        replace=lambda bench: {"principalArn": bench.role()},
        drift=lambda bench, state: bench.boto("eks").update_access_entry(
            clusterName=state.inputs["clusterName"],
            principalArn=state.inputs["principalArn"],
            kubernetesGroups=["others"],
        ),
        drifted="kubernetesGroups",
    ),
    Case(
        eks.POD_IDENTITY_ASSOCIATION,
        lambda bench: {
            "clusterName": bench.cluster(),
            "namespace": bench.unique("chat"),
            "serviceAccount": "chat",
            "roleArn": bench.role("pods.eks.amazonaws.com"),
            "tags": {"team": "ml"},
        },
        update=lambda bench: {
            "roleArn": bench.role("pods.eks.amazonaws.com"),
            "targetRoleArn": bench.role(),
            "tags": {"stage": "dev"},
        },
        replace={"serviceAccount": "other"},
        drift=lambda bench, state: bench.boto("eks").update_pod_identity_association(
            clusterName=state.inputs["clusterName"],
            associationId=state.id,
            roleArn=bench.role("pods.eks.amazonaws.com"),
        ),
        drifted="roleArn",
    ),
    Case(
        eks.ACCESS_POLICY_ASSOCIATION,
        lambda bench: {
            "clusterName": bench.cluster(),
            "principalArn": bench.access_entry(),
            "policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy",
            "accessScope": {"type": "namespace", "namespaces": ["chat"]},
        },
        replace={"accessScope": {"type": "cluster"}},
    ),
)


UNTAGGED = {
    "rulePriority": 2,
    "description": "Delete untagged after 14 days",
    "selection": {
        "tagStatus": "untagged",
        "countType": "sinceImagePushed",
        "countUnit": "days",
        "countNumber": 14,
    },
    "action": {"type": "expire"},
}
NEWEST = {
    "rulePriority": 1,
    "selection": {
        "tagStatus": "tagged",
        "tagPatternList": ["v*"],
        "countType": "imageCountMoreThan",
        "countNumber": 9,
    },
    "action": {"type": "expire"},
}
PULL = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::210987654321:root"},
            "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        }
    ],
}


def moving(*tags: str) -> list[dict[str, str]]:
    return [{"filter": tag, "filterType": "WILDCARD"} for tag in tags]


def scanned(frequency: str, *filters: str) -> dict[str, Any]:
    names = [{"filter": each, "filterType": "WILDCARD"} for each in filters]
    return {"scanFrequency": frequency, "repositoryFilters": names}


def copied(region: str) -> dict[str, Any]:
    destination = {"region": region, "registryId": "123456789012"}
    filters = [{"filter": "ml/", "filterType": "PREFIX_MATCH"}]
    return {"replicationConfiguration": {"rules": [{"destinations": [destination], "repositoryFilters": filters}]}}


CASES += (
    Case(
        ecr.REPOSITORY,
        lambda bench: {
            "encryptionConfigurations": [{"encryptionType": "KMS", "kmsKey": bench.key()}],
            "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
            "imageTagMutabilityExclusionFilters": moving("cache-*", "latest"),
            "imageScanningConfiguration": {"scanOnPush": True},
            "tags": {"team": "ml"},
        },
        update={
            "imageTagMutability": "IMMUTABLE",
            "imageTagMutabilityExclusionFilters": None,
            "imageScanningConfiguration": {"scanOnPush": False},
            "forceDelete": True,
            "tags": {"stage": "dev"},
        },
        replace=lambda bench: {"encryptionConfigurations": [{"encryptionType": "KMS", "kmsKey": bench.key()}]},
        drift=lambda bench, state: bench.boto("ecr").put_image_tag_mutability(
            repositoryName=state.id, imageTagMutability="MUTABLE"
        ),
        drifted="imageTagMutability",
    ),
    Case(
        ecr.LIFECYCLE_POLICY,
        lambda bench: {"repository": bench.repository(), "policy": json.dumps({"rules": [UNTAGGED]}, indent=1)},
        replace={"policy": json.dumps({"rules": [NEWEST, UNTAGGED]})},
    ),
    Case(
        ecr.REPOSITORY_POLICY,
        lambda bench: {"repository": bench.repository(), "policy": json.dumps(PULL)},
        update={"policy": json.dumps({**PULL, "Statement": [{**PULL["Statement"][0], "Sid": "Pull"}]}, indent=1)},
        replace=lambda bench: {"repository": bench.repository()},
        drift=lambda bench, state: bench.boto("ecr").set_repository_policy(
            repositoryName=state.id, policyText=json.dumps(PULL)
        ),
        drifted="policy",
    ),
    Case(
        ecr.REGISTRY_SCANNING,
        {"scanType": "ENHANCED", "rules": [scanned("CONTINUOUS_SCAN", "ml/*"), scanned("SCAN_ON_PUSH", "b*", "a*")]},
        update={"scanType": "BASIC", "rules": [scanned("SCAN_ON_PUSH", "*")]},
        drift=lambda bench, state: bench.boto("ecr").put_registry_scanning_configuration(scanType="BASIC", rules=[]),
        drifted="rules",
        remains=True,
    ),
    Case(
        ecr.REPLICATION,
        copied("eu-west-1"),
        update=copied("us-east-1"),
        drift=lambda bench, state: bench.boto("ecr").put_replication_configuration(**copied("eu-west-2")),
        drifted="replicationConfiguration",
    ),
    Case(
        ecr.PULL_THROUGH_CACHE_RULE,
        lambda bench: {
            "ecrRepositoryPrefix": bench.unique("hub"),
            "upstreamRegistryUrl": "registry-1.docker.io",
            "credentialArn": bench.secret(),
        },
        update=lambda bench: {"credentialArn": bench.secret()},
        replace={"upstreamRegistryUrl": "quay.io"},
        drift=lambda bench, state: bench.boto("ecr").update_pull_through_cache_rule(
            ecrRepositoryPrefix=state.id, credentialArn=bench.secret()
        ),
        drifted="credentialArn",
    ),
    Case(
        ecr.CREATION_TEMPLATE,
        lambda bench: {
            "prefix": bench.unique("hub"),
            "appliedFors": ["PULL_THROUGH_CACHE"],
            "customRoleArn": bench.role("ecr.amazonaws.com"),
            "description": "Cache",
            "encryptionConfigurations": [{"encryptionType": "KMS", "kmsKey": bench.key()}],
            "imageTagMutability": "IMMUTABLE",
            "lifecyclePolicy": json.dumps({"rules": [UNTAGGED]}, indent=1),
            "resourceTags": {"team": "ml"},
        },
        update={
            "appliedFors": ["REPLICATION", "PULL_THROUGH_CACHE"],
            "description": None,
            "imageTagMutability": "MUTABLE_WITH_EXCLUSION",
            "imageTagMutabilityExclusionFilters": moving("v*"),
            "lifecyclePolicy": None,
            "repositoryPolicy": json.dumps(PULL),
            "resourceTags": {},
        },
        replace={"prefix": "other"},
        drift=lambda bench, state: bench.boto("ecr").update_repository_creation_template(
            prefix=state.id, imageTagMutability="IMMUTABLE"
        ),
        drifted="imageTagMutability",
    ),
)


def values(given: Values, bench: Any) -> Properties:
    return dict(given(bench) if callable(given) else given)


def no_failures_below(expected: Any, actual: Any, path: str = "") -> None:
    """Whatever a preview said it knew is what came."""
    if expected is UNKNOWN:
        return
    if isinstance(expected, dict):
        for key, value in expected.items():
            if value is not UNKNOWN and value not in (None, {}, [], "", False, 0):
                no_failures_below(value, actual.get(key), f"{path}.{key}")
    else:
        assert actual == expected, path


def nothing_missing(foreseen: Any, came: Any, path: str) -> None:
    """Whatever came was in the preview, if only as not known yet: a program that reads it does not find it gone."""
    if isinstance(foreseen, dict) and isinstance(came, dict):
        for key, value in came.items():
            if value not in (None, {}, [], "", False, 0):
                assert key in foreseen, f"{path}.{key}"
                nothing_missing(foreseen[key], value, f"{path}.{key}")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.declaration.token)
def test_a_type_lives(bench: Any, case: Case) -> None:
    declaration = case.declaration
    subject = bench.subject(declaration.token, bench.unique("it"))
    program = values(case.inputs, bench)

    inputs = bench.checked(subject, program)
    id, foreseen = bench.provider.create(bench.client, subject, inputs, True, 0)
    assert id == ""
    state = bench.create(declaration.token, subject.name, program)
    no_failures_below(foreseen, state.outputs)
    schema = declaration.schema
    never_null = {name for name, declared in schema.outputs.properties.items() if declared.required}
    empty = {name for name in never_null if state.outputs.get(name) in (None, "", [], {})}
    assert empty - schema.inputs.properties.keys() <= declaration.absent.keys() | {"tagsAll"}
    assert not has_unknown(state.outputs)

    assert bench.checked(subject, program, olds=state.inputs) == state.inputs
    assert not bench.diff(state, state.inputs).changes
    assert bench.refreshed(state) == state

    state = imported(bench, case, state)
    state = updated(bench, case, program, state)
    drifted(bench, case, state)

    if case.replace:
        other = bench.checked(subject, {**program, **values(case.update, bench), **values(case.replace, bench)})
        assert any(change.replaces for change in bench.diff(state, other).changes)

    bench.delete(state)
    assert case.remains or bench.refreshed(state) is None
    bench.delete(state)


def imported(bench: Any, case: Case, state: Any) -> Any:
    """An import finds inputs that a check accepts, and from which the program replaces nothing."""
    found = bench.provider.read(bench.client, state.subject, state.id, {}, {})
    assert found is not None
    _, inputs, outputs = found
    again = bench.checked(
        state.subject, {**inputs, **{name: state.inputs.get(name) for name in case.declaration.local}}
    )
    before = type(state)(state.subject, state.id, again, outputs)
    assert not [change for change in bench.diff(before, state.inputs).changes if change.replaces]
    return state


def updated(bench: Any, case: Case, program: Properties, state: Any) -> Any:
    if not case.update:
        return state
    news = bench.checked(state.subject, {**program, **values(case.update, bench)}, olds=state.inputs)
    changes = bench.diff(state, news).changes
    assert changes
    assert not [change for change in changes if change.replaces]
    foreseen = bench.provider.update(bench.client, state.subject, state.id, state.inputs, state.outputs, news, True, 0)
    state = bench.update(state, news)
    no_failures_below({name: foreseen[name] for name in news if name in foreseen}, state.outputs)
    nothing_missing(foreseen, state.outputs, "")
    assert not bench.diff(state, news).changes
    assert bench.refreshed(state) == state
    return state


def drifted(bench: Any, case: Case, state: Any) -> None:
    if case.drift is None:
        return
    case.drift(bench, state)
    now = bench.refreshed(state)
    assert now is not None
    changes = bench.diff(now, state.inputs).changes
    assert {change.path[0] for change in changes} >= {case.drifted}
    assert not [change for change in changes if change.replaces]
    mended = bench.update(now, state.inputs)
    assert bench.refreshed(mended) == mended
    assert mended.inputs == state.inputs


def test_every_declared_type_has_a_case() -> None:
    assert {case.declaration.token for case in CASES} == {declaration.token for declaration in aws.DECLARATIONS}

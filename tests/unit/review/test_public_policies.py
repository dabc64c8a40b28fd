"""Policies of resources that allow everybody, in all services of AWS."""

import json
from typing import Any

import pytest

from changes import change, plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.plan.model import Op
from mlpctl.review.report.model import Harm


def document(principal: Any, **more: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": "x:Read", "Resource": "*", "Principal": principal, **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


PUBLIC, OWN = document("*"), document({"AWS": "arn:aws:iam::123456789012:root"})
LIMITED = document("*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}})

TEXTS = {
    "aws:opensearch/domainPolicy:DomainPolicy": "accessPolicies",
    "aws:elasticsearch/domainPolicy:DomainPolicy": "accessPolicies",
    "aws:efs/fileSystemPolicy:FileSystemPolicy": "policy",
    "aws:s3/accessPoint:AccessPoint": "policy",
    "aws:s3/bucketPolicy:BucketPolicy": "policy",
    "aws:s3/vectorsVectorBucketPolicy:VectorsVectorBucketPolicy": "policy",
    "aws:s3control/accessPointPolicy:AccessPointPolicy": "policy",
    "aws:s3control/bucketPolicy:BucketPolicy": "policy",
    "aws:s3control/multiRegionAccessPointPolicy:MultiRegionAccessPointPolicy": "details.policy",
    "aws:s3control/objectLambdaAccessPointPolicy:ObjectLambdaAccessPointPolicy": "policy",
    "aws:s3tables/tableBucketPolicy:TableBucketPolicy": "resourcePolicy",
    "aws:s3tables/tablePolicy:TablePolicy": "resourcePolicy",
    "aws:backup/vaultPolicy:VaultPolicy": "policy",
    "aws:glue/resourcePolicy:ResourcePolicy": "policy",
    "aws:kinesis/resourcePolicy:ResourcePolicy": "policy",
    "aws:dynamodb/resourcePolicy:ResourcePolicy": "policy",
    "aws:lambda/resourcePolicy:ResourcePolicy": "policy",
    "aws:cloudwatch/eventBusPolicy:EventBusPolicy": "policy",
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": "policyDocument",
    "aws:cloudwatch/logDestinationPolicy:LogDestinationPolicy": "accessPolicy",
    "aws:glacier/vault:Vault": "accessPolicy",
    "aws:codeartifact/domainPermissions:DomainPermissions": "policyDocument",
    "aws:codeartifact/repositoryPermissionsPolicy:RepositoryPermissionsPolicy": "policyDocument",
    "aws:sagemaker/modelPackageGroupPolicy:ModelPackageGroupPolicy": "resourcePolicy",
    "aws:msk/clusterPolicy:ClusterPolicy": "policy",
    "aws:redshift/resourcePolicy:ResourcePolicy": "policy",
    "aws:sesv2/emailIdentityPolicy:EmailIdentityPolicy": "policy",
    "aws-native:s3:BucketPolicy": "policyDocument",
    "aws-native:s3:AccessPoint": "policy",
    "aws-native:s3express:BucketPolicy": "policyDocument",
    "aws-native:s3tables:TableBucketPolicy": "resourcePolicy",
    "aws-native:sqs:QueuePolicy": "policyDocument",
    "aws-native:sqs:QueueInlinePolicy": "policyDocument",
    "aws-native:sns:TopicPolicy": "policyDocument",
    "aws-native:kms:Key": "keyPolicy",
    "aws-native:secretsmanager:ResourcePolicy": "resourcePolicy",
    "aws-native:ecr:Repository": "repositoryPolicyText",
    "aws-native:ecr:RegistryPolicy": "policyText",
    "aws-native:efs:FileSystem": "fileSystemPolicy",
    "aws-native:backup:BackupVault": "accessPolicy",
    "aws-native:kinesis:ResourcePolicy": "resourcePolicy",
    "aws-native:dynamodb:Table": "resourcePolicy.policyDocument",
    "aws-native:events:EventBus": "policy",
    "aws-native:logs:ResourcePolicy": "policyDocument",
    "aws-native:opensearchservice:Domain": "accessPolicies",
    "aws-native:codeartifact:Domain": "permissionsPolicyDocument",
}


def inputs(path: str, value: Any, **more: Any) -> dict[str, Any]:
    first, _, rest = path.partition(".")
    return {first: inputs(rest, value) if rest else value, **more}


def text_of(*changes: Any) -> str:
    return " ".join(each.text for each in dangers(plan(*changes)) if each.harm is Harm.IDENTITY)


@pytest.mark.parametrize("type", TEXTS)
@pytest.mark.parametrize("form", [json.dumps, dict])
def test_a_policy_for_everybody_is_reported(type: str, form: Any) -> None:
    public, own, limited = (inputs(TEXTS[type], form(each)) for each in (PUBLIC, OWN, LIMITED))
    assert "anyone can use it" in text_of(change(type, Op.CREATE, inputs=public))
    assert "anyone can use it" in text_of(update(type, own, public))
    for narrow in (own, limited):
        assert text_of(change(type, Op.CREATE, inputs=narrow)) == ""
    assert "anyone can use it" not in text_of(update(type, public, limited))


@pytest.mark.parametrize(
    ("type", "name"),
    [
        ("aws:ec2/vpcEndpoint:VpcEndpoint", "policy"),
        ("aws:ec2/vpcEndpointPolicy:VpcEndpointPolicy", "policy"),
        ("aws-native:ec2:VpcEndpoint", "policyDocument"),
        ("aws:vpclattice/authPolicy:AuthPolicy", "policy"),
        ("aws:apigateway/restApiPolicy:RestApiPolicy", "policy"),
        ("aws:ecrpublic/repositoryPolicy:RepositoryPolicy", "policy"),
        ("aws:organizations/policy:Policy", "content"),
    ],
)
def test_a_policy_that_is_intended_for_everybody_is_not_reported(type: str, name: str) -> None:
    assert text_of(change(type, Op.CREATE, inputs={name: json.dumps(PUBLIC)})) == ""


def test_an_access_point_or_a_domain_in_a_vpc_is_not_public() -> None:
    policy = json.dumps(PUBLIC)
    point = {"policy": policy, "vpcConfiguration": {"vpcId": "vpc-1"}}
    assert text_of(change("aws:s3/accessPoint:AccessPoint", Op.CREATE, inputs=point)) == ""
    network = {"vpcOptions": {"subnetIds": ["subnet-1"]}}
    for service in ("opensearch", "elasticsearch"):
        domain = change(f"aws:{service}/domain:Domain", Op.CREATE, name="d", inputs=network)
        depends = {"domainName": (domain.urn,)}
        type = f"aws:{service}/domainPolicy:DomainPolicy"
        assert text_of(domain, change(type, Op.CREATE, inputs={"accessPolicies": policy}, depends=depends)) == ""


@pytest.mark.parametrize(
    ("type", "limit"),
    [
        (
            "aws:cloudwatch/eventPermission:EventPermission",
            {"condition": {"key": "aws:PrincipalOrgID", "value": "o-1"}},
        ),
        ("aws:lambda/layerVersionPermission:LayerVersionPermission", {"organizationId": "o-1"}),
        ("aws-native:lambda:LayerVersionPermission", {"organizationId": "o-1"}),
        ("aws-native:events:EventBusPolicy", {"condition": {"key": "aws:PrincipalOrgID"}}),
    ],
)
def test_a_permission_for_everybody_is_reported(type: str, limit: Any) -> None:
    everybody = {"principal": "*", "statementId": "s"}
    assert "anyone can" in text_of(change(type, Op.CREATE, inputs=everybody))
    assert "anyone can" in text_of(update(type, {**everybody, "principal": "123456789012"}, everybody))
    assert text_of(change(type, Op.CREATE, inputs={**everybody, **limit})) == ""
    assert text_of(change(type, Op.CREATE, inputs={**everybody, "principal": "123456789012"})) == ""


GROUPS = "http://acs.amazonaws.com/groups"


@pytest.mark.parametrize("group", ["global/AllUsers", "global/AuthenticatedUsers"])
@pytest.mark.parametrize("permission", ["READ", "FULL_CONTROL"])
def test_a_grant_of_a_bucket_to_everybody_is_reported(group: str, permission: str) -> None:
    own = {"type": "CanonicalUser", "id": "1", "permissions": ["FULL_CONTROL"]}
    public = {"type": "Group", "uri": f"{GROUPS}/{group}", "permissions": [permission]}
    type = "aws:s3/bucket:Bucket"
    for old in ({}, {"grants": [own]}):
        assert "anyone can read its objects" in text_of(update(type, old, {"grants": [own, public]}))
    assert "anyone can read its objects" in text_of(change(type, Op.CREATE, inputs={"grants": [public]}))
    logs = {"type": "Group", "uri": f"{GROUPS}/s3/LogDelivery", "permissions": ["WRITE"]}
    assert "anyone" not in text_of(change(type, Op.CREATE, inputs={"grants": [own, logs]}))

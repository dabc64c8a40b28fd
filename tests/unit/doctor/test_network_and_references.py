"""The network, reachability, access and references: what AWS may tell, as data."""

import pytest

from healthy_account import (
    ACCOUNT,
    BLOCKS,
    BUCKET,
    CALLER,
    CLUSTER,
    NOTE,
    NOW,
    PASSES,
    UNKNOWN,
    WARNS,
    Case,
    created,
    expect,
)
from mlpctl.doctor.asking import LOCAL, Refusal

STACKS_BUCKET = {
    "resourcegroupstaggingapi:GetResources": [
        {
            "ResourceARN": f"arn:aws:s3:::{BUCKET}",
            "Tags": [{"Key": "mlplatform:name", "Value": "models-bucket"}],
        }
    ]
}

CASES: list[Case] = [
    # Network
    (
        "network.endpoints",
        {"ec2:DescribeVpcEndpointServices": []},
        {},
        BLOCKS,
        "network.interfaceEndpoints",
        "Interface endpoint ecr.api: not available in us-east-1",
        "Allowed: a network without this endpoint",
    ),
    # Reachability
    ("reach.endpoint", created(), {}, PASSES, "cluster.privateAccessCidrs", "the private endpoint at 10.0.0.1:443", ""),
    (
        "reach.endpoint",
        created()
        | {f"{LOCAL}:Connect": Refusal("NotConnected", "api (10.0.0.1:443) does not accept a connection: timed out")},
        {},
        BLOCKS,
        "cluster.privateAccessCidrs",
        "does not reach the private endpoint: api (10.0.0.1:443)",
        "--exclude-dependents",
    ),
    (
        "reach.endpoint",
        created(resourcesVpcConfig={"endpointPublicAccess": True})
        | {f"{LOCAL}:Connect": Refusal("NotConnected", "no")},
        {},
        BLOCKS,
        "cluster.publicAccessCidrs",
        "the public endpoint",
        "Add the public address",
    ),
    (
        "reach.endpoint",
        {},
        {"cluster/publicAccessCidrs": []},
        NOTE,
        "cluster.privateAccessCidrs",
        "is private",
        "--exclude",
    ),
    (
        "reach.groups",
        {"ec2:DescribeSecurityGroups": []},
        {},
        BLOCKS,
        "cluster.privateAccessSecurityGroups",
        "no secu",
        "ID",
    ),
    # Access
    (
        "access.principals",
        {"iam:GetRole": Refusal("NoSuchEntity", "The role cannot be found.")},
        {},
        BLOCKS,
        "cluster.access.admins.role",
        "no IAM role platform-admin",
        "Create it",
    ),
    (
        "access.principals",
        {},
        {},
        UNKNOWN,
        "cluster.access.auditors.principalArn",
        "in the account 444455556666",
        "Check",
    ),
    (
        "access.creator",
        {"sts:GetCallerIdentity": {"Account": ACCOUNT, "Arn": CALLER.replace("deployer", "platform-admin")}},
        {},
        BLOCKS,
        "cluster.access.admins",
        "platform-admin, is also in access",
        "creatorIsAdmin: false",
    ),
    (
        "access.boundary",
        {"iam:GetPolicy": Refusal("NoSuchEntity", "no")},
        {},
        BLOCKS,
        "permissionsBoundary",
        f"no IAM policy arn:aws:iam::{ACCOUNT}:policy/boundaries/ml",
        "Create",
    ),
    # References
    (
        "references.secrets",
        {
            "secretsmanager:DescribeSecret": lambda question: (
                Refusal("ResourceNotFoundException", "no") if question.arguments["SecretId"].startswith("ecr") else {}
            )
        },
        {},
        BLOCKS,
        "images.pullThrough.hub.credentials",
        "no secret ecr-pullthroughcache/hub",
        "create-secret",
    ),
    (
        "references.secrets",
        {"secretsmanager:DescribeSecret": {"DeletedDate": NOW}},
        {"images/pullThrough": {}, "inference": {}, "workloads/chat/serviceAccount": "x"},
        BLOCKS,
        "workloads.chat.secrets[0]",
        "scheduled for deletion",
        "restore-secret",
    ),
    (
        "references.queues",
        {"sqs:GetQueueUrl": Refusal("AWS.SimpleQueueService.NonExistentQueue", "no")},
        {},
        WARNS,
        "workloads.ingestion.queues.documents",
        "no queue documents",
        "Create",
    ),
    (
        "references.images",
        {"ecr:DescribeImages": Refusal("ImageNotFoundException", "no")},
        {},
        WARNS,
        "inference.chat.imageFrom",
        "There is no image mlplatform/full/serving:v1",
        "skopeo",
    ),
    (
        "references.images",
        {"ecr:DescribeImages": Refusal("RepositoryNotFoundException", "no")},
        {},
        WARNS,
        "inference.chat.imageFrom",
        "does not exist yet",
        "The first update",
    ),
    (
        "references.weights",
        {**STACKS_BUCKET, "s3:ListObjectsV2": {"KeyCount": 0}},
        {},
        BLOCKS,
        "inference.chat.model",
        f"nothing below s3://{BUCKET}/chat/r1/",
        "Copy",
    ),
    (
        "references.weights",
        {**STACKS_BUCKET, "s3:ListObjectsV2": {"KeyCount": 1}},
        {},
        PASSES,
        "inference.chat.model",
        "",
        "",
    ),
    # Names
    (
        "names.repositories",
        {"ecr:DescribeRepositories": [{"repositoryName": "mlplatform/full/serving"}]},
        {},
        WARNS,
        "images.repositories.serving",
        "There is a repository mlplatform/full/serving already",
        "import or delete it",
    ),
    (
        "names.repositories",
        created() | {"ecr:DescribeRepositories": [{"repositoryName": "mlplatform/full/serving"}]},
        {},
        PASSES,
        "images.repositories.serving",
        "exists, and so does",
        "",
    ),
    (
        "names.caches",
        created()
        | {"ecr:DescribePullThroughCacheRules": [{"ecrRepositoryPrefix": "hub", "upstreamRegistryUrl": "ghcr.io"}]},
        {},
        BLOCKS,
        "images.pullThrough.hub",
        "is of ghcr.io, not of registry-1.docker.io",
        "another name",
    ),
    (
        "names.logs",
        {"logs:DescribeLogGroups": [{"logGroupName": f"/aws/eks/{CLUSTER}/cluster"}]},
        {},
        WARNS,
        "cluster",
        "There is a log group",
        "delete",
    ),
]


@pytest.mark.parametrize("check", sorted({case[0] for case in CASES}))
def test_a_check_reports_what_aws_tells_with_the_field_and_the_fix(check: str) -> None:
    for case in CASES:
        if case[0] == check:
            expect(case)

"""The permissions that the command needs."""

import json
from typing import Final

READS: Final = (
    "ec2:DescribeAddresses",
    "ec2:DescribeAvailabilityZones",
    "ec2:DescribeCapacityReservations",
    "ec2:DescribeInstances",
    "ec2:DescribeInstanceTypeOfferings",
    "ec2:DescribeNatGateways",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeRegions",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcAttribute",
    "ec2:DescribeVpcEndpoints",
    "ec2:DescribeVpcEndpointServices",
    "ec2:DescribeVpcs",
    "ecr:DescribeImages",
    "ecr:DescribePullThroughCacheRules",
    "ecr:DescribeRepositories",
    "eks:DescribeAddonVersions",
    "eks:DescribeCluster",
    "eks:DescribeClusterVersions",
    "eks:ListClusters",
    "iam:GetPolicy",
    "iam:GetRole",
    "iam:GetUser",
    "iam:SimulatePrincipalPolicy",
    "logs:DescribeLogGroups",
    "resource-groups:ListGroupResources",
    "s3:ListAllMyBuckets",
    "s3:ListBucket",
    "secretsmanager:DescribeSecret",
    "servicequotas:ListAWSDefaultServiceQuotas",
    "servicequotas:ListServiceQuotas",
    "sqs:GetQueueUrl",
    "ssm:GetParameters",
    "tag:GetResources",
)
"""All actions. Each lists or describes, and none reads a secret's value or an object."""


def policy() -> str:
    """The IAM policy with these permissions, as JSON."""
    statement = {"Effect": "Allow", "Action": READS, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=2)

"""Identity, quotas and permissions: what AWS may tell, as data."""

import pytest

from healthy_account import (
    ACCOUNT,
    BLOCKS,
    CALLER,
    CLUSTER,
    GROUPED,
    NOTE,
    PASSES,
    UNKNOWN,
    WARNS,
    Case,
    denied,
    expect,
    instance,
    quotas,
    running,
    tags,
)

GPUS = "L-DB2E81BA (Running On-Demand G and VT instances) is"
OTHERS = {"ec2:DescribeInstances": running(instance("g5.12xlarge"), instance("g6.2xlarge", InstanceLifecycle="spot"))}
NODES = {
    "ec2:DescribeInstances": running(
        instance("g6.4xlarge", Tags=[{"Key": "eks:cluster-name", "Value": CLUSTER}]),
        instance("g6.4xlarge", Tags=tags()),
    )
}

CASES: list[Case] = [
    # Identity
    ("identity.account", {}, {}, PASSES, "allowedAccounts", f"The account is {ACCOUNT}", ""),
    ("identity.account", {}, {"allowedAccounts": []}, NOTE, "allowedAccounts", "any account", f'["{ACCOUNT}"]'),
    (
        "identity.account",
        {},
        {"allowedAccounts": ["999900001111"]},
        BLOCKS,
        "allowedAccounts",
        "has 999900001111",
        "Use credentials of 999900001111",
    ),
    (
        "identity.account",
        denied("sts:GetCallerIdentity", "ExpiredToken"),
        {},
        BLOCKS,
        "",
        "ExpiredToken: User is not",
        "Sign in",
    ),
    (
        "identity.region",
        {"ec2:DescribeRegions": [{"RegionName": "us-east-1", "OptInStatus": "not-opted-in"}]},
        {"images/account": None},
        BLOCKS,
        "aws:region",
        "us-east-1 is not enabled",
        "aws account enable-region --region-name us-east-1",
    ),
    (
        "identity.region",
        {"ec2:DescribeRegions": [{"RegionName": "us-east-1", "OptInStatus": "opt-in-not-required"}]},
        {},
        BLOCKS,
        "images.account.replicateTo",
        "no region eu-south-2",
        "Correct",
    ),
    # vCPUs: four nodes of 16 vCPUs, two at first
    ("quotas.vcpus", quotas("ec2", L_DB2E81BA=64), {}, PASSES, "gpuPools.serving.instanceTypes", f"{GPUS} 64", ""),
    (
        "quotas.vcpus",
        quotas("ec2", L_DB2E81BA=63),
        {},
        WARNS,
        "gpuPools.serving.maxNodes",
        f"{GPUS} 63 vCPUs, of which 0 are in use; gpuPools.serving needs 32 at first and 64 with maxNodes",
        "--quota-code L-DB2E81BA --desired-value 64 --region us-east-1",
    ),
    ("quotas.vcpus", quotas("ec2", L_DB2E81BA=0), {}, BLOCKS, "gpuPools.serving.nodes", f"{GPUS} 0", "Request it"),
    ("quotas.vcpus", quotas("ec2", L_3819A6DF=0), {}, BLOCKS, "gpuPools.experiments.nodes", "Spot", "L-3819A6DF"),
    ("quotas.vcpus", quotas("ec2", L_1216C47A=2), {}, BLOCKS, "cluster.system.nodes", "Standard", "L-1216C47A"),
    ("quotas.vcpus", {**quotas("ec2", L_DB2E81BA=79), **OTHERS}, {}, BLOCKS, "gpuPools.serving.nodes", "48 are", "112"),
    (
        "quotas.vcpus",
        {**quotas("ec2", L_DB2E81BA=64), **NODES},
        {},
        PASSES,
        "gpuPools.serving.instanceTypes",
        "0 ar",
        "",
    ),
    (
        "quotas.vcpus",
        {
            **quotas("ec2", L_DB2E81BA=40),
            "ec2:DescribeCapacityReservations": [{**GROUPED, "AvailableInstanceCount": 2}],
        },
        {},
        BLOCKS,
        "gpuPools.serving.nodes",
        "of which 16 are in use",
        "",
    ),
    (
        "quotas.vcpus",
        quotas("ec2", L_1216C47A=64) | {"service-quotas:ListServiceQuotas": lambda question: []},
        {"gpuPools/experiments": None, "gpuPools/serving/reservation": {"group": "x"}},
        UNKNOWN,
        "cluster.system.instanceTypes",
        "no value of L-1216C47A",
        "console",
    ),
    (
        "quotas.vcpus",
        denied("service-quotas:ListServiceQuotas"),
        {},
        UNKNOWN,
        "cluster.system.instanceTypes",
        "service-quotas:ListServiceQuotas returned AccessDeniedException",
        f"Allow servicequotas:ListServiceQuotas for {CALLER}.",
    ),
    (
        "quotas.vcpus",
        denied("ec2:DescribeInstances", "UnauthorizedOperation"),
        {},
        UNKNOWN,
        "cluster.system.instanceTypes",
        "ec2:DescribeInstances returned UnauthorizedOperation",
        "Allow ec2:DescribeInstances",
    ),
    # Numbers
    ("quotas.numbers", quotas("vpc", L_F678F1CE=1), {}, BLOCKS, "network", "is 1, of which 1 are", "--desired-value 2"),
    (
        "quotas.numbers",
        quotas("vpc", L_F678F1CE=1) | {"ec2:DescribeVpcs": [{"VpcId": "vpc-1", "Tags": tags()}]},
        {"images/account": None, "buckets": {}, "inference": {}, "workloads": {}, "network/interfaceEndpoints": []},
        PASSES,
        "network",
        "L-F678F1CE (VPCs per Region) is 1, of which 0 are in use",
        "",
    ),
    (
        "quotas.numbers",
        {"ec2:DescribeAddresses": [{"PublicIp": f"1.1.1.{each}"} for each in range(4)]},
        {},
        BLOCKS,
        "network.nat",
        "EC2-VPC Elastic IPs) is 5, of which 4 are in use; the stack needs 2",
        "6",
    ),
    ("quotas.numbers", quotas("eks", L_6D54EA21=4), {}, BLOCKS, "gpuPools", "the stack needs 5", "L-6D54EA21"),
    (
        "quotas.numbers",
        quotas("eks", L_1194D53C=1) | {"eks:ListClusters": ["x"]},
        {},
        BLOCKS,
        "cluster",
        "1 are",
        "L-1194",
    ),
    (
        "quotas.numbers",
        denied("ec2:DescribeAddresses"),
        {},
        UNKNOWN,
        "network.nat",
        "ec2:DescribeAddresses",
        "Allow ec2",
    ),
    (
        "quotas.nat",
        quotas("vpc", L_FE5A380F=1) | {"ec2:DescribeNatGateways": [{"SubnetId": "subnet-a"}]},
        {},
        BLOCKS,
        "network.nat",
        "us-east-1a has no room",
        "other zones than us-east-1a",
    ),
    (
        "quotas.nat",
        quotas("vpc", L_FE5A380F=1) | {"ec2:DescribeNatGateways": [{"SubnetId": "subnet-a", "Tags": tags()}]},
        {},
        PASSES,
        "network.nat",
        "at most 0 in a zone",
        "",
    ),
    # Permissions
    (
        "permissions.caller",
        {
            "iam:SimulatePrincipalPolicy": lambda question: [
                {"EvalActionName": each, "EvalDecision": "explicitDeny" if each == "kms:CreateKey" else "allowed"}
                for each in question.arguments["ActionNames"]
            ]
        },
        {},
        WARNS,
        "keys",
        "kms:CreateKey (a policy denies it)",
        "Allow these actions",
    ),
    (
        "permissions.caller",
        {"sts:GetCallerIdentity": {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:root"}},
        {},
        WARNS,
        "",
        "root user",
        "Use a role",
    ),
    (
        "permissions.caller",
        denied("iam:SimulatePrincipalPolicy", "AccessDenied"),
        {},
        UNKNOWN,
        "",
        "iam:SimulatePrincipalPolicy returned AccessDenied",
        "Allow iam:SimulatePrincipalPolicy",
    ),
]


@pytest.mark.parametrize("check", sorted({case[0] for case in CASES}))
def test_a_check_reports_what_aws_tells_with_the_field_and_the_fix(check: str) -> None:
    for case in CASES:
        if case[0] == check:
            expect(case)

"""The flow log of a network."""

import pulumi
import pulumi_aws as aws

from mlplatform import iam, roles
from mlplatform.component import Component


def create(
    component: Component,
    name: str,
    vpc_id: pulumi.Input[str],
    days: int,
    *,
    account_id: pulumi.Input[str],
    partition: pulumi.Input[str],
    region: str,
    logs_key_arn: pulumi.Input[str],
) -> None:
    """Create a flow log of a VPC, its log group and its role, as children of a component."""
    group = aws.cloudwatch.LogGroup(
        f"{name}-flow-logs",
        retention_in_days=days,
        kms_key_id=logs_key_arn,
        tags=component.tags_for(f"{name}-flow-logs"),
        opts=component.guarded(),
    )
    role, _ = roles.role(
        component,
        f"{name}-flow-log-writer",
        pulumi.Output.all(account_id, region, partition).apply(lambda known: trust(*known)),
        inline={f"{name}-flow-log-writes": group.arn.apply(policy)},
    )
    aws.ec2.FlowLog(
        f"{name}-flow-log",
        vpc_id=vpc_id,
        traffic_type="ALL",
        log_destination=group.arn,
        iam_role_arn=role.arn,
        tags=component.tags_for(f"{name}-flow-log"),
        # EC2 rejects a second flow log with the same VPC, traffic type and destination.
        opts=component.child(delete_before_replace=True),
    )


def policy(log_group_arn: str) -> str:
    """The permissions of the flow log's role: write to its own log group, and list the account's log groups.

    Source: https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html
    """
    groups, group, _ = log_group_arn.partition(":log-group:")
    return iam.document(
        iam.allow(
            ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            on=[log_group_arn, f"{log_group_arn}:*"],
        ),
        iam.allow(["logs:DescribeLogGroups"], on=[f"{groups}{group}*"]),
    )


def trust(account_id: str, region: str, partition: str) -> str:
    """The trust policy of the flow log's role: for the service, and only for flow logs of this account and region.

    Source: https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html
    """
    flow_logs = f"arn:{partition}:ec2:{region}:{account_id}:vpc-flow-log/*"
    when = {"ArnLike": {"aws:SourceArn": flow_logs}, "StringEquals": {"aws:SourceAccount": account_id}}
    return iam.trust("vpc-flow-logs.amazonaws.com", when=when)

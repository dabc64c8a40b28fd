"""The VPC endpoints of a network."""

from collections.abc import Sequence
from functools import partial

import pulumi
import pulumi_aws as aws

from mlplatform.component import Component
from mlplatform.foundation.network import endpoint_services
from mlplatform.foundation.network.ground import Ground
from mlplatform.foundation.network.spec import NetworkSpec


def create(
    component: Component,
    name: str,
    layout: NetworkSpec,
    ground: Ground,
    services: Sequence[str],
    *,
    account_id: pulumi.Input[str],
    partition: pulumi.Input[str],
    region: str,
) -> None:
    """Create a component's gateway endpoints, and its interface endpoints of `services` with a security group."""
    limits = pulumi.Output.all(account_id, partition).apply(
        lambda known: endpoint_services.Limits(
            account_id=known[0],
            partition=known[1],
            region=region,
            other_accounts=layout.other_accounts,
            readable_buckets=layout.readable_buckets,
        )
    )
    for service in endpoint_services.GATEWAY_SERVICES if ground.table_ids else ():
        aws.ec2.VpcEndpoint(
            f"{name}-{service}-endpoint",
            vpc_id=ground.vpc_id,
            service_name=endpoint_services.service_name(service, region),
            vpc_endpoint_type="Gateway",
            policy=limits.apply(partial(endpoint_services.gateway_policy, service)),
            route_table_ids=[*ground.table_ids],
            tags=component.tags_for(f"{name}-{service}-endpoint"),
            opts=component.child(),
        )
    if not services:
        return
    group = _group(component, name, ground)
    for service in services:
        endpoint_name = f"{name}-{service.replace('.', '-')}-endpoint"
        aws.ec2.VpcEndpoint(
            endpoint_name,
            vpc_id=ground.vpc_id,
            service_name=endpoint_services.service_name(service, region),
            vpc_endpoint_type="Interface",
            policy=limits.apply(partial(endpoint_services.interface_policy, service)),
            private_dns_enabled=True,
            subnet_ids=[*ground.private.values()],
            security_group_ids=[group.id],
            tags=component.tags_for(endpoint_name),
            opts=component.child(),
        )


def _group(component: Component, name: str, ground: Ground) -> "aws.ec2.SecurityGroup":
    group = aws.ec2.SecurityGroup(
        f"{name}-endpoints",
        vpc_id=ground.vpc_id,
        description="AWS services, reached from inside the network",
        tags=component.tags_for(f"{name}-endpoints"),
        opts=component.child(),
    )
    for cidr in ground.cidrs:
        # The first CIDR block never changes. Rules of the others have names with their CIDR blocks.
        suffix = "" if cidr == ground.cidrs[0] else f"-{cidr.replace('.', '-').replace('/', '-')}"
        aws.vpc.SecurityGroupIngressRule(
            f"{name}-endpoints-https{suffix}",
            security_group_id=group.id,
            description="HTTPS from inside the network",
            cidr_ipv4=cidr,
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            tags=component.tags_for(f"{name}-endpoints-https{suffix}"),
            opts=component.child(),
        )
    return group

"""Rules for what can be reached in a network."""

from collections.abc import Iterator
from typing import Final

import pulumi_aws as aws

from mlpctl.policies import routes
from mlpctl.policies.checks import independently
from mlpctl.policies.estate import Estate, NotEvaluated, Resource, token
from mlpctl.policies.pods import Part
from mlpctl.policies.rule import FROM_STAGING, Field, Severity, rule
from mlpctl.review.values.plain import items
from mlplatform.foundation.network import endpoint_services
from mlplatform.foundation.network.reach import unreachable

_ALWAYS: Final = ("ec2", "ecr.api", "ecr.dkr")
_SUBNET: Final = token(aws.ec2.Subnet)
_GROUP: Final = token(aws.ec2.SecurityGroup)


@rule(
    "ML-NET-01",
    aws.eks.NodeGroup,
    reason="Nodes that cannot reach AWS's services do not join the cluster, and their pods cannot start.",
    remedy="Add a route to a NAT or transit gateway, or for each service an endpoint with HTTPS from the subnet.",
    severity=Severity.HIGH,
    levels=FROM_STAGING,
    fields=[Field("", "network.interfaceEndpoints"), Field("", "network.endpointPreset"), Field("", "network.nat")],
)
def nodes_reach_what_they_need(group: Resource) -> Iterator[str]:
    """The subnets of nodes have routes or endpoints to the services that nodes and pods need."""
    subnets = [each for each in group.referred("subnetIds") if each.type == _SUBNET]
    if not subnets:
        raise NotEvaluated("its subnets are not part of the stack")
    yield from independently(_unreachable(each) for each in subnets)


def _unreachable(subnet: Resource) -> Iterator[str]:
    doors = routes.doors_of(subnet)
    missing: list[str] = []
    for _, service, why in unreachable([routes.subnet_of(subnet, doors)], doors, _needed(subnet.estate)):
        if any(each.service == service and each.private_dns for each in doors):
            yield f"has nodes in {subnet.name} that cannot reach {service}: {why}"
        else:
            missing.append(service)
    if missing:
        names = f"{', '.join(missing)}: {'they have' if len(missing) > 1 else 'it has'} no endpoint"
        yield f"has nodes in {subnet.name} that cannot reach {names}, and no route leads out of the network"


def _needed(estate: Estate) -> dict[str, str]:
    """Services with the reason; the platform's nodes use all, those of other programs at least some of them.

    Source: https://docs.aws.amazon.com/eks/latest/userguide/private-clusters.html
    """
    pods = ("eks-auth",) if estate.of(aws.eks.PodIdentityAssociation) else ()
    names = endpoint_services.NODES_NEED if estate.settings else (*_ALWAYS, *pods)
    return {
        **{each: endpoint_services.NODES_NEED[each] for each in names},
        endpoint_services.LAYERS: "nodes pull the layers of images",
    }


@rule(
    "ML-NET-02",
    aws.eks.Cluster,
    reason="Nobody, and no pipeline, can create objects in a cluster whose API only its own nodes reach.",
    remedy="Set privateAccessCidrs or privateAccessSecurityGroups, or allow HTTPS to the cluster's security group.",
    severity=Severity.MEDIUM,
    levels=FROM_STAGING,
    fields=[
        Field("EksCluster", "privateAccessCidrs", says="only its nodes"),
        Field("EksCluster", "privateAccessSecurityGroups", says="only its nodes"),
    ],
)
def somebody_reaches_the_api(cluster: Resource) -> Iterator[str]:
    """Clients beside the nodes reach the API server of a cluster.

    EKS's defaults: https://docs.aws.amazon.com/eks/latest/APIReference/API_VpcConfigRequest.html
    """
    if cluster.get("vpcConfig.endpointPublicAccess", True) is not False:
        return
    if cluster.get("vpcConfig.endpointPrivateAccess", False) is not True:
        yield "has neither a public nor a private endpoint"
        return
    own = [each for each in cluster.referred("vpcConfig") if each.type == _GROUP]
    if any(routes.allows(each, routes.HTTPS) for target in (cluster, *own) for each in routes.ingress(target)):
        return
    known = {name for each in own for name in each.names}
    if any(isinstance(each, str) and each not in known for each in items(cluster.get("vpcConfig.securityGroupIds"))):
        raise NotEvaluated("its security groups are not part of the stack")
    # The group that EKS makes for a cluster is no resource, so a rule may name it by its ID alone.
    for each in cluster.estate.of(aws.vpc.SecurityGroupIngressRule, aws.ec2.SecurityGroupRule):
        if not each.referred("securityGroupId") and routes.allows(Part(each.inputs), routes.HTTPS):
            raise NotEvaluated(f"the security group of {each.name} is not part of the stack")
    yield "has a private endpoint that only its nodes reach: no rule allows HTTPS from elsewhere"

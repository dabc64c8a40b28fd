"""The availability of interface endpoints in a region and its zones."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from awsfacts.zones import Zone
from mlplatform.foundation.network import endpoint_services
from mlplatform.lookups import find


def check(services: Sequence[str], chosen: Mapping[str, Zone], region: str, opts: pulumi.InvokeOptions | None) -> None:
    """Reject interface endpoints that are not available in the region or in a zone of the network.

    Raises:
        pulumi.RunError: lists all of them; or a lookup fails.
    """
    problems = []
    for service in services:
        there = _looked_up(service, region, opts)
        offered = there.availability_zones if there else ()
        if there is None:
            problems.append(f"{service}: not available in {region}; allowed: a network without this endpoint")
        elif there.private_dns_name == "":
            problems.append(
                f"{service}: has no private DNS name, so clients would not find the endpoint; allowed: a network "
                "without this endpoint, and an endpoint with DNS records of your own"
            )
        elif missing := [key for key, zone in chosen.items() if offered and zone.name not in offered]:
            others = ", ".join(sorted(offered))
            problems.append(
                f"{service}: not available in {', '.join(missing)}; allowed: zones of {others}, or a network without "
                "this endpoint"
            )
    if problems:
        raise pulumi.RunError("\n".join(["the network can't have these interface endpoints:", *problems]))


def _looked_up(
    service: str, region: str, opts: pulumi.InvokeOptions | None
) -> "aws.ec2.GetVpcEndpointServiceResult | None":
    """The endpoint service of an AWS service; None if the region has none.

    AWS returns no zones in GovCloud: https://github.com/hashicorp/terraform-provider-aws/issues/4398. Of some services,
    such as iot.data, it returns no private DNS name: https://docs.aws.amazon.com/iot/latest/developerguide/IoTCore-VPC.html
    """
    name = endpoint_services.service_name(service, region)
    return find(
        lambda: aws.ec2.get_vpc_endpoint_service(service_name=name, service_type="Interface", opts=opts),
        f"the zones with an endpoint of {service}",
        "Allow ec2:DescribeVpcEndpointServices.",
    )

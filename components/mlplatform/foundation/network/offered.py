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
        offered = _zones_with(service, region, opts)
        if offered is None:
            problems.append(f"{service}: not available in {region}; allowed: a network without this endpoint")
        elif missing := [key for key, zone in chosen.items() if offered and zone.name not in offered]:
            others = ", ".join(sorted(offered))
            problems.append(
                f"{service}: not available in {', '.join(missing)}; allowed: zones of {others}, or a network without "
                "this endpoint"
            )
    if problems:
        raise pulumi.RunError("\n".join(["the network can't have these interface endpoints:", *problems]))


def _zones_with(service: str, region: str, opts: pulumi.InvokeOptions | None) -> Sequence[str] | None:
    """The zones with an interface endpoint of a service; None if the region has none.

    Empty if AWS returns no zones, as in GovCloud: https://github.com/hashicorp/terraform-provider-aws/issues/4398
    """
    name = endpoint_services.service_name(service, region)
    return find(
        lambda: (
            aws.ec2.get_vpc_endpoint_service(service_name=name, service_type="Interface", opts=opts).availability_zones
        ),
        f"the zones with an endpoint of {service}",
        "Allow ec2:DescribeVpcEndpointServices.",
    )

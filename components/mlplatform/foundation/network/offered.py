"""The availability of interface endpoints in a region and its zones."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from awsfacts.zones import Zone
from mlplatform.foundation.network import endpoint_services
from mlplatform.lookups import find


@dataclass(frozen=True)
class Offer:
    """A service that has an interface endpoint in a region."""

    zones: Collection[str]
    """Names of the zones that have it; empty if AWS does not say."""

    dns_name: str
    """Private DNS name of the endpoint; empty if it has none."""


def check(services: Sequence[str], chosen: Mapping[str, Zone], region: str, opts: pulumi.InvokeOptions | None) -> None:
    """Reject interface endpoints that are not available in the region or in a zone of the network.

    Raises:
        pulumi.RunError: lists all of them; or a lookup fails.
    """
    there = {service: found for service in services if (found := _looked_up(service, region, opts))}
    offers = {name: Offer(found.availability_zones, found.private_dns_name) for name, found in there.items()}
    if wrong := problems(services, offers, chosen, region):
        raise pulumi.RunError("\n".join(["the network can't have these interface endpoints:", *wrong]))


def problems(
    services: Sequence[str], offers: Mapping[str, Offer], chosen: Mapping[str, Zone], region: str
) -> list[str]:
    """Why a network cannot have interface endpoints of these services: one sentence for each service.

    Args:
        services: the services.
        offers: those that have an interface endpoint in the region.
        chosen: the network's zones, by their names or IDs in the spec.
        region: the region.
    """
    found = []
    for service in services:
        there = offers.get(service)
        if there is None:
            found.append(f"{service}: not available in {region}; allowed: a network without this endpoint")
        elif there.dns_name == "":
            found.append(
                f"{service}: has no private DNS name, so clients would not find the endpoint; allowed: a network "
                "without this endpoint, and an endpoint with DNS records of your own"
            )
        elif missing := [key for key, zone in chosen.items() if there.zones and zone.name not in there.zones]:
            others = ", ".join(sorted(there.zones))
            found.append(
                f"{service}: not available in {', '.join(missing)}; allowed: zones of {others}, or a network without "
                "this endpoint"
            )
    return found


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

"""Rules for instances and what starts them: launch templates and Auto Scaling groups."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import pulumi_aws as aws

from mlpctl.policies.checks import every, in_each, independently, is_on, number, parts
from mlpctl.policies.defaults import defaults
from mlpctl.policies.estate import Estate, NotEvaluated, Resource, token
from mlpctl.policies.nodes import hides_metadata, launch_templates
from mlpctl.policies.rule import ALWAYS, ONLY_ADVICE, Field, Severity, rule
from mlpctl.policies.subnets import foreign_subnets, gives_addresses, subnets
from mlpctl.review.redact import Redactor
from mlpctl.review.values.plain import Masked, Secret, Unknown, items

MOST_HOPS: Final = 2
"""Hop limit with which a program in a container can reach the metadata service, but no farther host:
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html"""

_HOSTS: Final = frozenset(map(token, (aws.ec2.Instance, aws.ec2.SpotInstanceRequest)))
"""Hosts in a subnet of their own choice. Without one, they are in a subnet of the default VPC, which gives them a
public address: https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc.html"""

_INTERFACES: Final = ("networkInterfaces", "primaryNetworkInterface")
"""Inputs with the subnet and the addresses of a host."""

_INTERFACE: Final = token(aws.ec2.NetworkInterface)
_OF_INTERFACES: Final = {
    token(aws.ec2.Eip): "networkInterface",
    token(aws.ec2.EipAssociation): "networkInterfaceId",
}
"""Inputs with the network interface that gets an address."""

_USER_DATA: Final = ("userData", "userDataBase64")
_FEW: Final = 2


@rule(
    "ML-EC2-01",
    aws.ec2.LaunchTemplate,
    aws.ec2.Instance,
    aws.ec2.SpotInstanceRequest,
    aws.ec2.SpotFleetRequest,
    aws.ec2.LaunchConfiguration,
    aws.eks.NodeGroup,
    reason="A program that can be made to send requests would hand out the credentials of its host.",
    remedy="Set httpTokens to required and httpPutResponseHopLimit to 1 in metadataOptions.",
    severity=Severity.HIGH,
    levels=ALWAYS,
    serves=[
        "fsbp:EC2.8",
        "fsbp:EC2.170",
        "fsbp:AutoScaling.3",
        "cis-aws:5.6",
        "nist:AC-3",
        "nist:AC-6",
        "soc2:CC7.2",
        "iso:A.8.20",
        "checkov:CKV_AWS_79",
    ],
)
def hosts_require_imdsv2(resource: Resource) -> Iterator[str]:
    """A host requires IMDSv2, and only its own programs and containers reach its metadata."""
    if resource.type == token(aws.eks.NodeGroup):
        if not launch_templates(resource) and not hides_metadata(resource):
            yield "has no launch template, and therefore EKS's default metadata options"
        return
    if resource.type == token(aws.ec2.SpotFleetRequest):
        yield from _fleet(resource)
        return
    # An instance has the options of its launch template, which is judged itself, unless it has its own.
    if not resource.has("metadataOptions") and launch_templates(resource):
        return
    if resource.get("metadataOptions.httpEndpoint") == "disabled":
        return
    yield from every((_tokens, _hops), lambda check: check(resource))


def _fleet(fleet: Resource) -> Iterator[str]:
    """The violations of a spot fleet, whose launch specifications have no metadata options.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SpotFleetLaunchSpecification.html
    """
    # Its launch templates are judged themselves.
    launch_templates(fleet)
    if fleet.has("launchSpecifications") and _default_tokens(fleet) != "required":
        yield "allows IMDSv1: launchSpecifications cannot require IMDSv2, launchTemplateConfigs can"


def _default_tokens(resource: Resource) -> Any:
    return next((each.get("httpTokens") for each in defaults(resource, aws.ec2.InstanceMetadataDefaults)), None)


def _tokens(resource: Resource) -> Iterator[str]:
    tokens = resource.get("metadataOptions.httpTokens")
    if tokens is None:
        tokens = _default_tokens(resource)
    if tokens != "required":
        yield f"allows IMDSv1: httpTokens is {tokens or 'not set'}"


def _hops(resource: Resource) -> Iterator[str]:
    hops = number(resource.get("metadataOptions.httpPutResponseHopLimit"))
    if hops is not None and hops > MOST_HOPS:
        yield f"lets farther hosts reach its metadata: httpPutResponseHopLimit is {hops}"


@rule(
    "ML-EC2-02",
    aws.ec2.LaunchTemplate,
    aws.ec2.Instance,
    aws.ec2.SpotInstanceRequest,
    aws.ec2.SpotFleetRequest,
    aws.ec2.LaunchConfiguration,
    aws.ec2.Eip,
    aws.ec2.EipAssociation,
    reason="A host with a public address is attacked from the internet as soon as a security group allows it.",
    remedy="Leave associatePublicIpAddress off, and reach hosts by Session Manager or a load balancer.",
    severity=Severity.HIGH,
    levels=ALWAYS,
    serves=[
        "fsbp:EC2.9",
        "fsbp:EC2.25",
        "fsbp:AutoScaling.5",
        "nist:AC-4(21)",
        "nist:SC-7(3)",
        "soc2:CC6.6",
        "iso:A.8.20",
        "iso:A.8.22",
        "checkov:CKV_AWS_88",
    ],
)
def hosts_have_no_public_addresses(resource: Resource) -> Iterator[str]:
    """A host has no public IP address."""
    if resource.has("instance") or resource.has("instanceId"):
        yield "gives an instance a public IP address"
    checks = [
        _interface(resource),
        _assigned(resource),
        in_each(resource, "networkInterfaces", _assigned),
        in_each(resource, "launchSpecifications", lambda each: independently([_assigned(each), _by_subnet(each)])),
    ]
    if resource.type in _HOSTS:
        checks.append(_by_subnet(resource))
    yield from independently(checks)
    if resource.type == token(aws.ec2.SpotFleetRequest):
        launch_templates(resource)


def _interface(address: Resource) -> Iterator[str]:
    """The violations of an address that a network interface gets."""
    by = _OF_INTERFACES.get(address.type, "")
    if by and address.has(by):
        for each in _interfaces(address, by):
            if _is_attached(each):
                yield f"gives an instance a public IP address by its network interface {each.name}"


def _interfaces(address: Resource, by: str) -> list[Resource]:
    found = [each for each in address.referred(by) if each.type == _INTERFACE]
    if not found:
        raise NotEvaluated(f"the network interface in {by} is not part of the stack")
    return found


def _is_attached(interface: Resource) -> bool:
    """Whether a network interface belongs to an instance, by its own inputs, by an attachment or by the instance."""
    if interface.has("attachments"):
        return True
    users = interface.estate.once("users of network interfaces", lambda: frozenset(_used(interface.estate)))
    if not users.isdisjoint({interface.urn, *interface.names}):
        return True
    return bool(interface.referring(aws.ec2.NetworkInterfaceAttachment, "networkInterfaceId"))


def _used(estate: Estate) -> Iterator[str]:
    """The URNs and IDs of the network interfaces that instances, or launch templates, have."""
    for each in estate.of(aws.ec2.Instance, aws.ec2.SpotInstanceRequest, aws.ec2.LaunchTemplate):
        for way in _INTERFACES:
            yield from each.depends.get(way, ())
            for holder in items(each.inputs.get(way)):
                id = holder.get("networkInterfaceId") if isinstance(holder, Mapping) else None
                yield from [id] if isinstance(id, str) else []


def _assigned(host: Resource) -> Iterator[str]:
    if is_on(host.get("associatePublicIpAddress")):
        yield "assigns public IP addresses: associatePublicIpAddress is on"


def _by_subnet(host: Resource) -> Iterator[str]:
    """The violations of a host that leaves the decision to its subnet."""
    if host.get("associatePublicIpAddress") is not None or any(map(host.has, _INTERFACES)):
        return
    # The interfaces of a launch template are judged with it.
    if any(each.has("networkInterfaces") for each in launch_templates(host)):
        return
    if not host.has("subnetId"):
        yield "gets a public IP address from the default subnet: neither subnetId nor associatePublicIpAddress is set"
        return
    yield from every(subnets(host, "subnetId"), _giving)
    foreign_subnets(host, "subnetId")


def _giving(subnet: Resource) -> Iterator[str]:
    if gives_addresses(subnet):
        yield f"gets a public IP address from {subnet.name}, whose mapPublicIpOnLaunch is on"


@rule(
    "ML-EC2-04",
    aws.ec2.LaunchTemplate,
    aws.ec2.Instance,
    aws.ec2.SpotInstanceRequest,
    aws.ec2.SpotFleetRequest,
    aws.ec2.LaunchConfiguration,
    reason="Every program on the host, and everybody who may describe it, can read its user data.",
    remedy="Keep the secret in Secrets Manager, and let the host or the pod read it with its role.",
    severity=Severity.CRITICAL,
    levels=ALWAYS,
    serves=["checkov:CKV_AWS_46"],
)
def user_data_has_no_secrets(resource: Resource) -> Iterator[str]:
    """User data contains no secrets."""
    yield from every(_USER_DATA, lambda way: _secrets(resource, way))
    yield from in_each(
        resource, "launchSpecifications", lambda each: every(_USER_DATA, lambda way: _secrets(each, way))
    )


def _secrets(resource: Resource, way: str) -> Iterator[str]:
    text = resource.inputs.get(way)
    if isinstance(text, Unknown):
        raise NotEvaluated(f"{way} is not known yet")
    # What a program marks as secret as a whole, e.g. since it depends on a secret, may be harmless.
    if isinstance(text, Secret) and text.why == "secret":
        raise NotEvaluated(f"{way} is secret")
    if isinstance(text, str) and not isinstance(text, Masked):
        text = Redactor().inputs({way: text}, kind=resource.type)[way]
    if isinstance(text, Masked | Secret):
        yield f"contains a secret in {way}"


@rule(
    "ML-EC2-05",
    aws.autoscaling.Group,
    aws.eks.NodeGroup,
    reason="One zone or one instance type without capacity would stop all new hosts.",
    remedy="Use subnets of two zones, and two instance types of the same size, with a launch template.",
    severity=Severity.LOW,
    levels=ONLY_ADVICE,
    serves=[
        "fsbp:AutoScaling.2",
        "fsbp:AutoScaling.6",
        "fsbp:AutoScaling.9",
        "nist:CP-2(2)",
        "nist:CP-10",
        "iso:A.8.14",
    ],
    fields=[
        Field("GpuNodePool", "zones", says="only the zone"),
        Field("GpuNodePool", "instanceTypes", says="only the instance type"),
        Field("EksCluster", "system.instanceTypes", says="only the instance type"),
    ],
)
def groups_use_several_zones_and_types(group: Resource) -> Iterator[str]:
    """A group of hosts uses several zones and instance types, unless its hosts must be close together."""
    if group.has("launchConfiguration"):
        yield "has a launch configuration instead of a launch template"
    if not _is_close(group):
        yield from every((_zones, _types), lambda check: check(group))


def _is_close(group: Resource) -> bool:
    """Whether its hosts are placed together: by a placement group, EFA interfaces or reserved capacity."""
    if group.has("placementGroup"):
        return True
    for template in launch_templates(group):
        interfaces = [str(each.get("interfaceType", "")) for each in parts(template, "networkInterfaces")]
        if template.has("placement.groupName") or any(each.startswith("efa") for each in interfaces):
            return True
        if template.has("capacityReservationSpecification.capacityReservationTarget"):
            return True
    return False


def _zones(group: Resource) -> Iterator[str]:
    by = "subnetIds" if group.type == token(aws.eks.NodeGroup) else "vpcZoneIdentifiers"
    zones = {str(each) for each in group.each("availabilityZones")}
    zones |= {str(_zone(each)) for each in subnets(group, by)}
    if len(zones) >= _FEW:
        return
    foreign_subnets(group, by)
    yield f"uses only the zone {', '.join(zones)}" if zones else "uses no zone"


def _zone(subnet: Resource) -> Any:
    return subnet.get("availabilityZone") or subnet.get("availabilityZoneId", subnet.name)


def _types(group: Resource) -> Iterator[str]:
    override = "mixedInstancesPolicy.launchTemplate.overrides"
    types = {str(each) for each in group.each("instanceTypes")}
    for each in parts(group, override):
        if each.has("instanceRequirements"):
            return
        types |= {str(each.get("instanceType"))} if each.has("instanceType") else set()
    if not types:
        for template in launch_templates(group):
            if template.has("instanceRequirements"):
                return
            types |= {str(each) for each in items(template.get("instanceType"))}
    if len(types) < _FEW:
        yield f"uses only the instance type {', '.join(types)}" if types else "names no second instance type"

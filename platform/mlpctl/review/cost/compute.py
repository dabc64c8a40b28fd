"""Prices of compute: instances, node groups, reserved capacity, SageMaker endpoints."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from mlpctl.review.cost import reserved
from mlpctl.review.cost.book import MONTH_HOURS, Price
from mlpctl.review.cost.parts import Line, Missing, NoPrice, Part, Parts, Range, Subject, aside, assuming
from mlpctl.review.cost.reserved import LAUNCH_TEMPLATE
from mlpctl.review.cost.storage import disk

EKS_DEFAULT_TYPE: Final = "t3.medium"
EKS_DISK_GB: Final = 20
"""Defaults of a node group: https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateNodegroup.html"""

EKS_DISK: Final = "gp2"
"""The disk type of nodes without a launch template, regardless of the image:
https://github.com/aws/containers-roadmap/issues/1417, https://github.com/bottlerocket-os/bottlerocket/issues/4799"""

BOTTLEROCKET: Final = "BOTTLEROCKET"
BOTTLEROCKET_SYSTEM_GB: Final = 2
"""Size of Bottlerocket's gp3 system disk, in addition to the disk that EKS sizes:
https://github.com/bottlerocket-os/bottlerocket#default-volumes"""

SCALING_TARGET: Final = "aws:appautoscaling/target:Target"
ENDPOINT_CONFIGURATION: Final = "aws:sagemaker/endpointConfiguration:EndpointConfiguration"

UP_FRONT: Final = "capacity blocks are paid up front, at the price of their offering"


def instance(of: Subject) -> Parts:
    """An EC2 instance with its disks."""
    template = _template(of)
    kind = of.text("instanceType") or (template.text("instanceType") if template else "")
    if not kind:
        raise NoPrice("its instance type is not set")
    market = of.text("instanceMarketOptions.marketType") or (
        template.text("instanceMarketOptions.marketType") if template else ""
    )
    _shared(of.text("tenancy"))
    specified = of if of.get(reserved.SPECIFICATION) is not None else template
    yield from _running(of, specified, [kind], Range.of(1), market)
    yield from _disks(of, [*of.each("rootBlockDevice"), *of.each("ebsBlockDevices")], Range.of(1))
    if not of.each("rootBlockDevice"):
        yield Missing("the root disk, whose size the image determines")
    if of.get("monitoring") in (True, "true"):
        yield Missing("detailed monitoring, which is billed per metric")
    if of.get("associatePublicIpAddress") in (True, "true"):
        yield from of.hourly("public-ipv4", "in-use")


def node_group(of: Subject) -> Parts:
    """An EKS managed node group: its nodes and their disks."""
    elsewhere = False
    try:
        template = _template(of)
    except NoPrice:
        # A group that sets instance types has a template that sets none: EKS accepts only one of the two.
        if not _types(of):
            raise
        template, elsewhere = None, True
    sizes = Range(*(of.number(f"scalingConfig.{each}") for each in ("minSize", "desiredSize", "maxSize")))
    types = _types(of) or ([template.text("instanceType")] if template and template.get("instanceType") else [])
    if template and template.get("instanceRequirements"):
        raise NoPrice("its instance types are selected by attributes")
    if of.text("amiType").startswith("WINDOWS"):
        raise NoPrice("the price book covers only Linux")
    market = of.text("capacityType", "ON_DEMAND").lower().replace("_", "-")
    yield from _nodes(of, template, types or [EKS_DEFAULT_TYPE], sizes, market)
    if template:
        yield from _template_disks(template, sizes)
    elif elsewhere:
        yield Missing("the disks of the nodes: their launch template is not part of the plan", large=True)
    else:
        yield from aside(_disks_of_eks(of, sizes), "the disks of the nodes", large=True)


def _disks_of_eks(of: Subject, nodes: Range) -> Parts:
    """The disks of nodes without a launch template."""
    gb = of.number("diskSize", EKS_DISK_GB)
    assumed = of.default("nodeDiskGb", gb, f"GB of {EKS_DISK} per node")
    yield from assuming(of.monthly("ebs", f"{EKS_DISK}-storage", nodes * gb), assumed)
    if of.text("amiType").startswith(BOTTLEROCKET):
        yield from of.monthly("ebs", "gp3-storage", nodes * BOTTLEROCKET_SYSTEM_GB)


def scaling_group(of: Subject) -> Parts:
    """An EC2 Auto Scaling group: its instances and their disks."""
    low, high = of.number("minSize"), of.number("maxSize")
    sizes = Range(low, of.number("desiredCapacity", low), high)
    mixed = of.known("mixedInstancesPolicy") is not None
    template = _template(of, "mixedInstancesPolicy" if mixed else "launchTemplate")
    if template is None:
        raise NoPrice("its launch template is not part of the plan")
    overrides = of.each("mixedInstancesPolicy.launchTemplate.overrides") if mixed else []
    if any(each.get("instanceRequirements") or each.get("weightedCapacity") for each in overrides):
        raise NoPrice("its instance types are weighted, or selected by attributes")
    types = [each.text("instanceType") for each in overrides if each.get("instanceType")]
    types = types or [template.text("instanceType")]
    if not all(types):
        raise NoPrice("its instance type is not set")
    policy = "mixedInstancesPolicy.instancesDistribution"
    base, percent = (
        of.number(f"{policy}.onDemandBaseCapacity", 0),
        of.number(f"{policy}.onDemandPercentageAboveBaseCapacity", 100),
    )
    if mixed and percent < 100:
        on_demand = _each(sizes, lambda size: min(size, base) + math.ceil(max(0.0, size - base) * percent / 100))
        spot = Range(*(all_ - some for all_, some in zip(_figures(sizes), _figures(on_demand), strict=True)))
        if on_demand.max:
            yield from _nodes(of, template, types, on_demand, "on-demand")
        yield from _instances(of, types, spot, "spot")
    else:
        yield from _nodes(of, template, types, sizes, template.text("instanceMarketOptions.marketType"))
    yield from _template_disks(template, sizes)


def capacity_reservation(of: Subject) -> Parts:
    """A capacity reservation: it is billed like running instances, whether they run or not."""
    if of.text("instancePlatform", "Linux/UNIX") != "Linux/UNIX":
        raise NoPrice("the price book covers only Linux")
    yield from of.hourly("ec2", of.needed("instanceType"), of.number("instanceCount"))


def sagemaker_endpoint(of: Subject) -> Parts:
    """An endpoint: the instances of each variant in its configuration."""
    configurations = of.linked("endpointConfigName", ENDPOINT_CONFIGURATION) or [
        of.beside(each) for each in of.world.called(ENDPOINT_CONFIGURATION, of.get("endpointConfigName"))
    ]
    if not configurations:
        raise NoPrice("its configuration is not part of the plan")
    lists = ("productionVariants", "shadowProductionVariants")
    variants = [each for name in lists for each in configurations[0].each(name)]
    for variant in variants:
        if variant.get("serverlessConfig"):
            raise NoPrice("serverless variants are billed by usage")
        first = variant.number("initialInstanceCount", 1)
        low = high = first
        if variant.known("managedInstanceScaling") is not None:
            low = variant.number("managedInstanceScaling.minInstanceCount", first)
            high = variant.number("managedInstanceScaling.maxInstanceCount", first)
        for target in _scaling_targets(of, variant, len(variants)):
            low, high = target.number("minCapacity"), target.number("maxCapacity")
        count = Range(min(low, first), first, max(high, first))
        yield from of.hourly("sagemaker-hosting", variant.needed("instanceType"), count)
    yield Missing("data processed, and the disks of its instances")


def _scaling_targets(of: Subject, variant: Subject, variants: int) -> Iterator[Subject]:
    """The scaling targets of an endpoint's variant.

    Raises:
        NoPrice: a target scales one of several variants, and it is not known which.
    """
    for each in of.world.users(of.change.urn, SCALING_TARGET, "resourceId"):
        target = of.beside(each)
        if not target.inputs:
            continue
        scales = target.get("resourceId")
        if not isinstance(scales, str) and variants > 1:
            raise NoPrice("the variant that scales is known only after the update")
        if not isinstance(scales, str) or scales.endswith(f"variant/{variant.text('variantName')}"):
            yield target


def _template(of: Subject, path: str = "launchTemplate") -> Subject | None:
    """The launch template of a resource.

    Raises:
        NoPrice: it has one that is not part of the plan.
    """
    found = of.linked(path, LAUNCH_TEMPLATE)
    if found and not found[0].inputs:
        raise NoPrice("its current launch template is not known")
    if not found and of.get(path) is not None:
        raise NoPrice("its launch template is not part of the plan")
    return found[0] if found else None


def _shared(tenancy: str) -> None:
    if tenancy not in ("", "default"):
        raise NoPrice(f"its tenancy is {tenancy}; the price book covers only shared tenancy")


def _types(of: Subject) -> list[str]:
    found = of.known("instanceTypes") or []
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise NoPrice("its instance types are known only after the update")
    return found


def _nodes(of: Subject, template: Subject | None, types: Sequence[str], sizes: Range, market: str) -> Parts:
    """Nodes, except those that run in a reservation of the plan and are charged there."""
    _shared(template.text("placement.tenancy") if template else "")
    yield from _running(of, template, types, sizes, market)


def _running(of: Subject, specified: Subject | None, types: Sequence[str], sizes: Range, market: str) -> Parts:
    """Instances, except those that run in a reservation of the plan; `specified` names the target."""
    if specified and specified.get(f"{reserved.SPECIFICATION}.capacityReservationTarget"):
        if reserved.targets(specified):
            yield from _instances(of, types, reserved.NOTHING, "on-demand")
            return
        yield from _instances(of, types, sizes, market)
        yield Missing("unused reserved capacity, which is charged too")
        return
    share = reserved.covered(of)
    paid = [all_ - some for all_, some in zip(_figures(sizes), _figures(share.inside), strict=True)]
    assumed = None
    if share.assumed:
        assumed = of.default("insideReservation", share.assumed, "instances that run in a reservation of the plan")
    elif share.outside:
        assumed = of.default("outsideReservation", share.outside, "instances that may run in a reservation of the plan")
    yield from assuming(_instances(of, types, Range(*paid), market), assumed)


def _instances(of: Subject, types: Sequence[str], sizes: Range, market: str) -> Parts:
    """Instances of one or more types: the least uses the cheapest type, the expected figure the first type.

    A spot price is the range of recent prices. The expected price is the highest one, so that lower spot prices alone
    do not keep a stack within a limit.
    """
    if market == "capacity-block":
        raise NoPrice(UP_FRONT)
    rates = [_rate(of, each, market == "spot") for each in types]
    lines = (
        Line(min((low for low, _ in rates), key=_usd), Range(sizes.min, 0, 0) * MONTH_HOURS),
        Line(rates[0][1], Range(0, sizes.expected, 0) * MONTH_HOURS),
        Line(max((high for _, high in rates), key=_usd), Range(0, 0, sizes.max) * MONTH_HOURS),
    )
    yield from _merged(lines)


def _rate(of: Subject, kind: str, spot: bool) -> tuple[Price, Price]:
    if not spot:
        price = of.price("ec2", kind)
        return price, price
    if found := of.world.book.spot(of.region, kind):
        return found
    raise NoPrice(f"the price book has no spot price for {kind} in {of.region}")


def _merged(lines: Sequence[Line]) -> Iterator[Part]:
    """The same lines, with one line per price."""
    prices = {line.price.key: line.price for line in lines}
    for key, price in prices.items():
        total = Range(0, 0, 0)
        for line in lines:
            if line.price.key == key and line.price == price:
                total += line.quantity
        yield Line(price, total)


def _usd(price: Price) -> float:
    return price.usd


def _template_disks(template: Subject, count: Range) -> Parts:
    if not (mappings := template.each("blockDeviceMappings")):
        yield Missing("the disks that the image defines")
    for mapping in mappings:
        if mapping.get("ebs") is not None:
            name = mapping.text("deviceName", "(unnamed)")
            yield from aside(disk(mapping, count, below="ebs."), f"disk {name}", large=_is_sized(mapping, "ebs."))


def _disks(of: Subject, disks: Sequence[Subject], count: Range) -> Parts:
    for each in disks:
        yield from aside(disk(each, count), f"disk {each.text('deviceName', '(root)')}", large=_is_sized(each))


def _is_sized(mapping: Subject, below: str = "") -> bool:
    """Whether the size of a disk is set; the disks of images are small."""
    return mapping.get(f"{below}volumeSize") is not None


def _figures(sizes: Range) -> tuple[float, float, float]:
    return sizes.min, sizes.expected, sizes.max


def _each(sizes: Range, function: Callable[[float], float]) -> Range:
    return Range(*map(function, _figures(sizes)))

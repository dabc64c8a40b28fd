"""Prices of EKS clusters, and of Kubernetes objects that cost more than the nodes that they run on."""

import functools
from collections.abc import Mapping
from datetime import date
from typing import Final

from awsfacts import eks_versions
from mlpctl.review.cost.network import balancer
from mlpctl.review.cost.parts import Free, Missing, NoPrice, Parts, Range, Subject
from mlpctl.review.cost.storage import volumes
from mlpctl.review.values.plain import Value, finite

ANNOTATION: Final = "service.beta.kubernetes.io/aws-load-balancer-type"
CONTROLLERS: Final = ("external", "nlb", "nlb-ip")
"""Values of the annotation that create a Network Load Balancer:
https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/service/annotations/"""

ON_NODES: Final = "included in the cost of the nodes"

INGRESS_ANNOTATION: Final = "kubernetes.io/ingress.class"
INGRESS_CLASS: Final = "kubernetes:networking.k8s.io/v1:IngressClass"
EBS_DRIVER: Final = "ebs.csi.aws.com"
EFS_DRIVER: Final = "efs.csi.aws.com"
VOLUME_TYPES: Final[Mapping[str, str]] = {
    EBS_DRIVER: "gp3",
    "ebs.csi.eks.amazonaws.com": "gp3",
    "kubernetes.io/aws-ebs": "gp2",
}
"""Drivers that create EBS volumes, each with the volume type for storage classes that set none:
https://github.com/kubernetes-sigs/aws-ebs-csi-driver/blob/master/docs/parameters.md"""

STORAGE_CLASS: Final = "kubernetes:storage.k8s.io/v1:StorageClass"
ALB_CONTROLLER: Final = "ingress.k8s.aws/alb"
ON_NODES_CLASSES: Final = frozenset({"nginx", "traefik", "haproxy", "istio", "kong", "contour", "cilium", "apisix"})
"""Usual names of ingress classes whose controllers serve traffic from pods."""

PAID_ADDONS: Final[Mapping[str, str]] = {
    "amazon-cloudwatch-observability": "its metrics and logs are billed by volume",
    "aws-guardduty-agent": "GuardDuty is billed by the volume that it analyzes",
    "adot": "the data that it sends is charged by the receiving service",
}
"""AWS add-ons that cause costs elsewhere, by name:
https://docs.aws.amazon.com/eks/latest/userguide/workloads-add-ons-available-eks.html"""

BINARY: Final[Mapping[str, int]] = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
DECIMAL: Final[Mapping[str, int]] = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def cluster(of: Subject) -> Parts:
    """The EKS control plane, with extended support if its version requires it."""
    yield from of.hourly("eks", "cluster")
    if of.text("upgradePolicy.supportType", "EXTENDED") != "STANDARD" and _is_old(of.text("version"), of.world.today):
        yield from of.hourly("eks", "extended-support")
    if of.text("controlPlaneScalingConfig.tier", "standard") != "standard":
        yield Missing("the provisioned tier of the control plane", large=True)
    if of.get("computeConfig.enabled") in (True, "true"):
        yield Missing("the nodes that EKS Auto Mode launches", large=True)


@functools.cache
def ends_of_standard_support() -> Mapping[str, date]:
    """The last day of standard support, by Kubernetes version."""
    return {version: eks_versions.support(version).standard_ends for version in eks_versions.offered()}


def _is_old(version: str, today: date) -> bool:
    """Whether a version is past standard support. A version newer than the table, or EKS's default, is not."""
    ends = ends_of_standard_support()
    if not version or version in ends:
        return bool(version) and today > ends[version]
    try:
        return _ordered(version) < min(map(_ordered, ends))
    except ValueError:
        raise NoPrice(f"{version} is not a Kubernetes version") from None


def _ordered(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def addon(of: Subject) -> Parts:
    """An add-on: free if AWS provides it, unless it sends data to a service that charges for it."""
    name = of.text("addonName")
    if "_" in name or name in PAID_ADDONS:
        raise NoPrice("it is charged by its vendor" if "_" in name else PAID_ADDONS[name])
    yield Free("included in the cost of the control plane and the nodes")


def service(of: Subject) -> Parts:
    """A Service: a load balancer if its type is LoadBalancer."""
    if of.text("spec.type", "ClusterIP") != "LoadBalancer":
        yield Free(ON_NODES)
        return
    annotations = of.known("metadata.annotations")
    annotation = annotations.get(ANNOTATION) if isinstance(annotations, Mapping) else None
    made_by = of.text("spec.loadBalancerClass")
    if annotation not in CONTROLLERS and not made_by.endswith("/nlb"):
        raise NoPrice("the price book does not cover Classic Load Balancers")
    yield from balancer(of, "nlb")


def ingress(of: Subject) -> Parts:
    """An Ingress: a load balancer if the AWS Load Balancer Controller serves it."""
    annotations = of.known("metadata.annotations")
    name = of.text("spec.ingressClassName") or str(
        annotations.get(INGRESS_ANNOTATION, "") if isinstance(annotations, Mapping) else ""
    )
    classes = map(of.beside, of.world.objects(INGRESS_CLASS, name, of.before))
    controllers = {each.get("spec.controller") for each in classes}
    if name == "alb" or ALB_CONTROLLER in controllers:
        yield from balancer(of, "alb")
    elif name in ON_NODES_CLASSES or controllers:
        yield Free(ON_NODES)
    else:
        raise NoPrice(f"the controller of ingress class {name or '(default)'} is not part of the plan")


def claim(of: Subject) -> Parts:
    """A PersistentVolumeClaim: a volume of its storage class."""
    yield from _claimed(of, "spec.", 1)


def stateful_set(of: Subject) -> Parts:
    """A StatefulSet: a volume for each claim template and pod."""
    claims = of.each("spec.volumeClaimTemplates")
    if not claims:
        yield Free(ON_NODES)
    for each in claims:
        yield from _claimed(each, "spec.", of.number("spec.replicas", 1))


def _claimed(of: Subject, below: str, count: float) -> Parts:
    # https://kubernetes.io/docs/concepts/storage/persistent-volumes/#reserving-a-persistentvolume
    if of.get(f"{below}volumeName") is not None:
        yield Free("it binds an existing volume, which is charged by itself")
        return
    gb = gib(of.known(f"{below}resources.requests.storage"))
    name = of.text(f"{below}storageClassName")
    classes = of.world.objects(STORAGE_CLASS, name, of.before)
    if not classes:
        raise NoPrice(f"storage class {name or '(default)'} is not part of the plan")
    chosen = of.beside(classes[0])
    provisioner = chosen.text("provisioner", EBS_DRIVER)
    if provisioner == EFS_DRIVER:
        yield Free("included in the cost of the file system")
    elif kind := VOLUME_TYPES.get(provisioner):
        yield from volumes(chosen, chosen.text("parameters.type", kind), gb, Range.of(count), below="parameters.")
    else:
        raise NoPrice(f"the price book does not cover volumes of {provisioner}")


def gib(quantity: Value) -> float:
    """Convert a Kubernetes quantity, e.g. `100Gi`, to GiB.

    Raises:
        NoPrice: it is not a quantity.
    """
    text = str(quantity or "")
    for suffix, factor in {**BINARY, **DECIMAL, "": 1}.items():
        number = text.removesuffix(suffix)
        amount = finite(number) if number.replace(".", "", 1).isdecimal() else None
        if text.endswith(suffix) and amount is not None:
            return amount * factor / 2**30
    raise NoPrice(f"volume size {text or '(not set)'} is not valid")

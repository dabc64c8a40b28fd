"""Clusters, and what objects in them cost beside the nodes that they run on."""

import functools
from collections.abc import Mapping
from datetime import date
from typing import Final

from awsfacts import eks_versions
from mlpctl.review.cost.network import balancer
from mlpctl.review.cost.parts import Free, Missing, NoPrice, Parts, Range, Subject
from mlpctl.review.cost.storage import volumes
from mlpctl.review.values import Value

ANNOTATION: Final = "service.beta.kubernetes.io/aws-load-balancer-type"
CONTROLLERS: Final = ("external", "nlb", "nlb-ip")
"""What the annotation says for a Network Load Balancer:
https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/service/annotations/"""

ON_NODES: Final = "it runs on nodes, which are paid"

INGRESS_ANNOTATION: Final = "kubernetes.io/ingress.class"
INGRESS_CLASS: Final = "kubernetes:networking.k8s.io/v1:IngressClass"
EBS_DRIVER: Final = "ebs.csi.aws.com"
EFS_DRIVER: Final = "efs.csi.aws.com"
VOLUME_TYPES: Final[Mapping[str, str]] = {
    EBS_DRIVER: "gp3",
    "ebs.csi.eks.amazonaws.com": "gp3",
    "kubernetes.io/aws-ebs": "gp2",
}
"""Drivers that make volumes of EBS, each with the type of those that a class says no type of:
https://github.com/kubernetes-sigs/aws-ebs-csi-driver/blob/master/docs/parameters.md"""

STORAGE_CLASS: Final = "kubernetes:storage.k8s.io/v1:StorageClass"
ALB_CONTROLLER: Final = "ingress.k8s.aws/alb"
ON_NODES_CLASSES: Final = frozenset({"nginx", "traefik", "haproxy", "istio", "kong", "contour", "cilium", "apisix"})
"""Classes of controllers that serve by pods of their own, by their usual names."""

PAID_ADDONS: Final[Mapping[str, str]] = {
    "amazon-cloudwatch-observability": "its metrics and logs are paid by their amount",
    "aws-guardduty-agent": "GuardDuty is paid by what it looks through",
    "adot": "what it sends is paid where it goes",
}
"""Add-ons of AWS that make something else cost, by their names:
https://docs.aws.amazon.com/eks/latest/userguide/workloads-add-ons-available-eks.html"""

BINARY: Final[Mapping[str, int]] = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
DECIMAL: Final[Mapping[str, int]] = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def cluster(of: Subject) -> Parts:
    """The control plane of EKS, with extended support where its version is that old."""
    yield from of.hourly("eks", "cluster")
    if of.text("upgradePolicy.supportType", "EXTENDED") != "STANDARD" and _is_old(of.text("version"), of.world.today):
        yield from of.hourly("eks", "extended-support")
    if of.text("controlPlaneScalingConfig.tier", "standard") != "standard":
        yield Missing("the provisioned tier of its control plane")
    if of.get("computeConfig.enabled") in (True, "true"):
        yield Missing("the nodes that EKS Auto Mode starts", large=True)


@functools.cache
def ends_of_standard_support() -> Mapping[str, date]:
    """The last day of standard support by version of Kubernetes."""
    return {version: eks_versions.support(version).standard_ends for version in eks_versions.offered()}


def _is_old(version: str, today: date) -> bool:
    """Whether a version is past its standard support; one newer than the table, or EKS's own choice, is not."""
    ends = ends_of_standard_support()
    if not version or version in ends:
        return bool(version) and today > ends[version]
    try:
        return _ordered(version) < min(map(_ordered, ends))
    except ValueError:
        raise NoPrice(f"{version} is no version of Kubernetes") from None


def _ordered(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def addon(of: Subject) -> Parts:
    """An add-on: AWS's own run on the nodes; what others sell, or what sends data to a paid service, is not free."""
    name = of.text("addonName")
    if "_" in name or name in PAID_ADDONS:
        raise NoPrice("it is sold by its vendor" if "_" in name else PAID_ADDONS[name])
    yield Free("part of the cluster, whose control plane and nodes are paid")


def service(of: Subject) -> Parts:
    """A Service: a load balancer where it is of that type."""
    if of.text("spec.type", "ClusterIP") != "LoadBalancer":
        yield Free(ON_NODES)
        return
    annotations = of.known("metadata.annotations")
    annotation = annotations.get(ANNOTATION) if isinstance(annotations, Mapping) else None
    made_by = of.text("spec.loadBalancerClass")
    if annotation not in CONTROLLERS and not made_by.endswith("/nlb"):
        raise NoPrice("the price book has no Classic Load Balancer")
    yield from balancer(of, "nlb")


def ingress(of: Subject) -> Parts:
    """An Ingress: a load balancer of its own, where AWS's controller makes it."""
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
        raise NoPrice(f"what serves the class {name or 'by default'} is not part of the plan")


def claim(of: Subject) -> Parts:
    """A PersistentVolumeClaim: a disk of its storage class."""
    yield from _claimed(of, "spec.", 1)


def stateful_set(of: Subject) -> Parts:
    """A StatefulSet: a disk for each claim of each pod."""
    claims = of.each("spec.volumeClaimTemplates")
    if not claims:
        yield Free(ON_NODES)
    for each in claims:
        yield from _claimed(each, "spec.", of.number("spec.replicas", 1))


def _claimed(of: Subject, below: str, count: float) -> Parts:
    # https://kubernetes.io/docs/concepts/storage/persistent-volumes/#reserving-a-persistentvolume
    if of.get(f"{below}volumeName") is not None:
        yield Free("it binds a volume that exists, which is paid by itself")
        return
    gb = gib(of.known(f"{below}resources.requests.storage"))
    name = of.text(f"{below}storageClassName")
    classes = of.world.objects(STORAGE_CLASS, name, of.before)
    if not classes:
        raise NoPrice(f"storage class {name or 'by default'} is not part of the plan")
    chosen = of.beside(classes[0])
    provisioner = chosen.text("provisioner", EBS_DRIVER)
    if provisioner == EFS_DRIVER:
        yield Free("the file system is paid")
    elif kind := VOLUME_TYPES.get(provisioner):
        yield from volumes(chosen, chosen.text("parameters.type", kind), gb, Range.of(count), below="parameters.")
    else:
        raise NoPrice(f"the price book has no storage of {provisioner}")


def gib(quantity: Value) -> float:
    """GiB of a quantity of Kubernetes, e.g. `100Gi`.

    Raises:
        NoPrice: it is none.
    """
    text = str(quantity or "")
    for suffix, factor in {**BINARY, **DECIMAL, "": 1}.items():
        number = text.removesuffix(suffix)
        if text.endswith(suffix) and number.replace(".", "", 1).isdigit():
            return float(number) * factor / 2**30
    raise NoPrice(f"{text or 'no size'} is no size of a disk")

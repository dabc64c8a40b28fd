"""Rules for Services and Ingresses: who reaches them."""

from collections.abc import Callable, Iterator
from typing import Final

import pulumi_aws as aws
import pulumi_kubernetes as k8s

from mlpctl.policies.checks import every, independently
from mlpctl.policies.estate import NotEvaluated, Resource, token
from mlpctl.policies.pods import PATCH, Part
from mlpctl.policies.rule import FROM_STAGING, Severity, rule
from mlpctl.policies.sources import admits_internet
from mlpctl.review.values import addresses
from mlpctl.review.values.plain import Value, items

_ALB: Final = "alb.ingress.kubernetes.io/"
_NLB: Final = "service.beta.kubernetes.io/aws-load-balancer-"
_RANGES: Final = "service.beta.kubernetes.io/load-balancer-source-ranges"
_INTERNET: Final = "internet-facing"
_CIDRS: Final = f"{_ALB}inbound-cidrs"
_GROUPS: Final = "security-groups"
"""Annotation with the IDs or names of security groups. With it, the controller creates none, and only one that
it creates has the source ranges: https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/deploy/security_groups/"""


@rule(
    "ML-K8S-05",
    k8s.core.v1.Service,
    k8s.core.v1.ServicePatch,
    k8s.networking.v1.Ingress,
    k8s.networking.v1.IngressPatch,
    reason="A model or a tool that the internet reaches is found within hours, and few of them ask who calls.",
    remedy=(
        "Use a Service of type ClusterIP, an internal scheme, or loadBalancerSourceRanges with the networks of its "
        "clients."
    ),
    severity=Severity.HIGH,
    levels=FROM_STAGING,
)
def services_are_not_open_to_the_internet(resource: Resource) -> Iterator[str]:
    """A Service or an Ingress is not open to the internet."""
    notes = Part(resource.inputs).item("metadata").item("annotations")
    if resource.type.removesuffix(PATCH) == token(k8s.networking.v1.Ingress):
        yield from _ingress(resource, notes)
    else:
        yield from independently([_external(resource), _service(resource, notes)])


def _ingress(ingress: Resource, notes: Part) -> Iterator[str]:
    scheme = notes.item(f"{_ALB}scheme").known
    if scheme == _INTERNET:
        why = f"its annotation {_ALB}scheme is {_INTERNET}"
        yield from _open(ingress, notes.item(f"{_ALB}{_GROUPS}"), lambda: notes.item(_CIDRS).known, why)
    elif scheme is None and ingress.type.endswith(PATCH):
        yield from _let_in(notes.item(_CIDRS).known)


def _external(service: Resource) -> Iterator[str]:
    if [*service.each("spec.externalIPs")]:
        yield "takes over addresses outside of the cluster: externalIPs is set"


def _service(service: Resource, notes: Part) -> Iterator[str]:
    def ranges() -> Value:
        return [*service.each("spec.loadBalancerSourceRanges")] or notes.item(_RANGES).known

    kind = service.get("spec.type")
    if kind == "LoadBalancer" and not _is_internal(service, notes):
        why = "its type is LoadBalancer, without an internal scheme or source ranges"
        yield from _open(service, notes.item(f"{_NLB}{_GROUPS}"), ranges, why)
    elif kind is None and service.type.endswith(PATCH):
        if notes.item(f"{_NLB}scheme").known == _INTERNET:
            yield from _open(service, notes.item(f"{_NLB}{_GROUPS}"), ranges, f"{_NLB}scheme is {_INTERNET}")
        else:
            yield from _let_in(ranges())


def _let_in(ranges: Value) -> Iterator[str]:
    """The violations of a patch that gives a load balancer other source ranges."""
    if ranges and _is_open(ranges):
        yield "opens a load balancer to the internet by its source ranges"


def _open(resource: Resource, groups: Part, ranges: Callable[[], Value], why: str) -> Iterator[str]:
    """The violations of a load balancer with a public address: by its security groups, or by its source ranges."""
    if groups.value in (None, ""):
        if _is_open(ranges()):
            yield f"is open to the internet: {why}"
        return
    yield from every(_security_groups(resource, groups), _admitted)


def _security_groups(resource: Resource, annotation: Part) -> Iterator[Resource]:
    """The security groups that an annotation names.

    Raises:
        NotEvaluated: after the others, if one is not part of the stack.
    """
    names = {each.strip() for each in str(annotation.value).split(",")} if isinstance(annotation.value, str) else set()
    causes = [resource.estate.by_urn.get(each) for each in resource.depends.get("metadata", ())] if not names else []
    kind = aws.ec2.SecurityGroup
    found = [each for each in causes if each and each.type == token(kind)] or resource.estate.called(names, kind)
    yield from found
    if not found or names.difference(*(each.names for each in found)):
        raise NotEvaluated(f"the security groups in {annotation.path} are not all part of the stack")


def _admitted(group: Resource) -> Iterator[str]:
    if admits_internet(group):
        yield f"is open to the internet: its security group {group.name} admits it"


def _is_internal(service: Resource, notes: Part) -> bool:
    """Whether a load balancer has private addresses only.

    With one of its classes, the AWS Load Balancer Controller makes internal ones by default:
    https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/service/annotations/
    """
    scheme = notes.item(f"{_NLB}scheme").known
    if scheme is not None or service.get("spec.loadBalancerClass"):
        return bool(scheme != _INTERNET)
    kind = notes.item(f"{_NLB}type").known
    return kind in ("external", "nlb-ip") or str(notes.item(f"{_NLB}internal").known) in ("true", "0.0.0.0/0")


def _is_open(ranges: Value) -> bool:
    """Whether networks, in a list or separated by commas, contain the internet, as no networks do."""
    given = [part.strip() for each in items(ranges) for part in str(each).split(",")]
    found = addresses.parsed(given)
    wide = any(addresses.is_large(some, family) for family, some in found.items())
    return not given or wide or any(each.endswith("/0") for each in given)

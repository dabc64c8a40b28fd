"""Rules for load balancers."""

import re
from collections.abc import Iterator
from typing import Final

import pulumi_aws as aws

from mlpctl.policies.checks import independently, is_on, parts, stated
from mlpctl.policies.estate import Resource, token
from mlpctl.policies.rule import FROM_STAGING, Severity, rule

APPLICATION: Final = "application"
GATEWAY: Final = "gateway"

ENCRYPTED: Final = frozenset({"HTTPS", "TLS", "QUIC"})
TERMINATED: Final = frozenset({"HTTPS", "TLS"})
"""Protocols whose listeners have a security policy. Those for QUIC pass connections on."""

DEFAULT_POLICY: Final = "ELBSecurityPolicy-2016-08"
"""The policy of a listener that names none, with TLS 1.0:
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html"""

MODERN: Final = re.compile(r"ELBSecurityPolicy-(TLS13|TLS|FS)-1-[23]-")
"""Security policies without TLS 1.0 and 1.1; the first number is the oldest version."""

PASSED_ON: Final = "GENEVE"
"""Protocol of gateway load balancers, which terminate no connections."""

HARMLESS: Final = "fixed-response"


@rule(
    "ML-LB-01",
    aws.lb.LoadBalancer,
    aws.lb.Listener,
    reason="Requests to models can be read on their way or smuggled past checks, and nothing shows who sent them.",
    remedy=(
        "Use HTTPS or TLS with an sslPolicy of TLS 1.2, redirect HTTP to HTTPS, and set dropInvalidHeaderFields, "
        "accessLogs.enabled and enableDeletionProtection."
    ),
    severity=Severity.HIGH,
    levels=FROM_STAGING,
    serves=[
        "fsbp:ELB.1",
        "fsbp:ELB.4",
        "fsbp:ELB.5",
        "fsbp:ELB.6",
        "fsbp:ELB.17",
        "fsbp:ELB.18",
        "nist:AU-12",
        "nist:SC-8(1)",
        "nist:SC-23",
        "nist:CP-2(5)",
        "soc2:CC7.2",
        "soc2:A1.1",
        "iso:A.8.15",
        "checkov:CKV_AWS_103",
    ],
)
def load_balancer_is_safe(resource: Resource) -> Iterator[str]:
    """A load balancer uses TLS 1.2 or newer, drops invalid headers, logs requests, and is protected from deletion."""
    if resource.type == token(aws.lb.Listener):
        yield from _listener(resource)
    else:
        yield from independently([_deletable(resource), _access_logs(resource), _headers(resource)])


def _deletable(balancer: Resource) -> Iterator[str]:
    if not is_on(balancer.get("enableDeletionProtection")):
        yield f"is not protected from deletion: {stated(balancer, 'enableDeletionProtection')}"


def _access_logs(balancer: Resource) -> Iterator[str]:
    # Logs stay off although a bucket is set: https://www.pulumi.com/registry/packages/aws/api-docs/lb/loadbalancer/
    if not is_on(balancer.get("accessLogs.enabled")) and _kind(balancer) != GATEWAY:
        yield f"has no access logs: {stated(balancer, 'accessLogs.enabled')}"


def _headers(balancer: Resource) -> Iterator[str]:
    if not is_on(balancer.get("dropInvalidHeaderFields")) and _kind(balancer) == APPLICATION:
        yield f"passes invalid headers on: {stated(balancer, 'dropInvalidHeaderFields')}"


def _kind(balancer: Resource) -> str:
    return str(balancer.get("loadBalancerType", APPLICATION))


def _listener(listener: Resource) -> Iterator[str]:
    protocol = _protocol(listener)
    if protocol in TERMINATED:
        yield from _versions(listener)
        return
    if protocol in ENCRYPTED or protocol == PASSED_ON:
        return
    if protocol != "HTTP":
        yield f"accepts connections without TLS: {stated(listener, 'protocol')}"
        return
    yield from independently([_redirect(listener), _rules(listener)])


def _versions(listener: Resource) -> Iterator[str]:
    policy = listener.get("sslPolicy", DEFAULT_POLICY)
    if not MODERN.match(str(policy)):
        yield f"accepts versions of TLS older than 1.2: sslPolicy is {listener.get('sslPolicy', 'not set')}"


def _protocol(listener: Resource) -> str:
    found = listener.get("protocol")
    if found is None:
        # Only listeners of gateway load balancers have no port; HTTP is the default of the others.
        return "HTTP" if listener.has("port") else PASSED_ON
    return str(found).upper()


def _redirect(listener: Resource) -> Iterator[str]:
    if not any(_redirects(each) for each in parts(listener, "defaultActions")):
        yield "answers without TLS: its default action does not redirect to HTTPS"


def _rules(listener: Resource) -> Iterator[str]:
    for each in listener.referring(aws.lb.ListenerRule, "listenerArn"):
        if not all(each.get("type") == HARMLESS or _redirects(each) for each in parts(each, "actions")):
            yield f"answers without TLS: {each.name} does not redirect to HTTPS"


def _redirects(action: Resource) -> bool:
    # The default is the protocol of the request.
    return (action.get("type"), action.get("redirect.protocol")) == ("redirect", "HTTPS")

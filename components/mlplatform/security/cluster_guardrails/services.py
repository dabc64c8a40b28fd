"""The admission policy for Services."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mlplatform.security.cluster_guardrails.policies import GUARDED, Check, spec_of

RULES: Final[Sequence[Mapping[str, Any]]] = (
    {"api_groups": [""], "api_versions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["services"]},
)

CHANGES: Final = {
    "name": "changes-services",
    # Otherwise controllers could not remove their finalizers from Services that are older than the policy.
    "expression": 'request.operation == "CREATE" || object.spec != oldObject.spec',
}

CHECKS: Final = (
    Check(
        "!has(object.spec.externalIPs) || size(object.spec.externalIPs) == 0",
        "has externalIPs; allowed: none, since the nodes would send it what all pods send to these addresses, in spec",
        "object.spec.externalIPs",
    ),
    Check(
        f'!has(object.spec.type) || object.spec.type != "ExternalName" || !({GUARDED})',
        "has the type ExternalName in a namespace with guards; allowed: ClusterIP, since whoever calls the Service "
        "would be sent to another host",
    ),
)


def spec() -> dict[str, Any]:
    """The spec of a policy: Services take no traffic that is meant for others, nor send callers elsewhere.

    By default, the API server lets whoever creates a Service take the traffic to any address by `externalIPs`:
    https://github.com/kubernetes/kubernetes/issues/97076,
    https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#denyserviceexternalips
    """
    return spec_of(RULES, CHANGES, (), CHECKS)

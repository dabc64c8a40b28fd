"""Policies, roles, selectors and load balancers of clusters, by what their controllers do with them."""

from typing import Any

from changes import change, update
from mlpctl.review.plan.model import Op
from unit.review.kinds import check, spec, text_of

QUEUE, DEPLOYMENT = "kubernetes:kueue.x-k8s.io/v1beta1:ClusterQueue", "kubernetes:apps/v1:Deployment"
ISTIO = "kubernetes:security.istio.io/v1:"
ALLOWED, ACCEPT, CONNECT = {"rules": [{"from": [{"source": {"principals": ["x"]}}]}]}, "workloads accept", "can connect"


def test_policies_of_meshes_networks_and_admission_are_reported() -> None:
    webhooks = "kubernetes:admissionregistration.k8s.io/v1:ValidatingWebhookConfiguration"
    kyverno, config = "kubernetes:kyverno.io/v2:PolicyException", "kubernetes:config.gatekeeper.sh/v1alpha1:Config"
    excluded = {"match": [{"excludedNamespaces": ["*"], "processes": ["*"]}]}
    strict, lax = ({"mtls": {"mode": mode}} for mode in ("STRICT", "PERMISSIVE"))
    policies = [
        *("projectcalico.org/v3:NetworkPolicy", "crd.projectcalico.org/v1:GlobalNetworkPolicy"),
        *("policy.networking.k8s.io/v1alpha1:AdminNetworkPolicy", "crd.antrea.io/v1beta1:ClusterNetworkPolicy"),
        "policy.networking.k8s.io/v1alpha2:ClusterNetworkPolicy",
    ]
    for each in policies:
        deny, allow = (spec(ingress=[{"action": action}]) for action in ("Deny", "Allow"))
        check([(f"kubernetes:{each}", deny, allow, CONNECT), (f"kubernetes:{each}", deny, None, CONNECT)])
    check(
        [
            ("kubernetes:projectcalico.org/v3:StagedNetworkPolicy", spec(), spec(ingress=[{"action": "Allow"}]), ""),
            (f"{ISTIO}PeerAuthentication", spec(**strict), spec(**lax), "without mutual TLS"),
            (f"{ISTIO}PeerAuthentication", spec(**strict), None, ACCEPT),
            (f"{ISTIO}AuthorizationPolicy", spec(**ALLOWED), spec(rules=[{}]), "allows every request"),
            (f"{ISTIO}AuthorizationPolicy", spec(action="DENY", rules=[{}]), None, ACCEPT),
            (f"{ISTIO}RequestAuthentication", spec(jwtRules=[{"issuer": "a"}]), spec(), ACCEPT),
            (
                "kubernetes:gateway.envoyproxy.io/v1alpha1:SecurityPolicy",
                spec(oidc={"clientID": "a"}),
                spec(),
                "no longer need a sign-in",
            ),
            (
                "kubernetes:policy.linkerd.io/v1beta3:Server",
                spec(accessPolicy="deny"),
                spec(accessPolicy="all-unauthenticated"),
                "from everybody",
            ),
            (kyverno, None, spec(exceptions=[{"policyName": "p"}]), "that policies reject will be accepted"),
            (kyverno, spec(exceptions=[{"policyName": "p"}]), None, "may be rejected"),
            (config, spec(match=[]), spec(**excluded), "policies do not apply to some namespaces"),
            (config, None, spec(**excluded), "policies do not apply to some namespaces"),
            (
                webhooks,
                {"webhooks": [{"name": "a.b", "clientConfig": {"url": "https://a"}}]},
                {"webhooks": [{"name": "a.b", "clientConfig": {"url": "https://b"}}]},
                "another server checks requests",
            ),
        ]
    )
    assert "allows every" not in text_of(update(f"{ISTIO}AuthorizationPolicy", spec(), spec(action="DENY", rules=[{}])))


EMPTY: dict[str, Any] = {"matchLabels": {}}


def test_an_empty_selector_selects_everything_and_a_missing_one_does_not() -> None:
    def policy(way: str, **peer: Any) -> dict[str, Any]:
        rules = {"ingress": [{"from": [peer]}]} if way == "ingress" else {"egress": [{"to": [peer]}]}
        return spec(podSelector={}, policyTypes=[way.capitalize()], **rules)

    network, web = "kubernetes:networking.k8s.io/v1:NetworkPolicy", {"matchLabels": {"app": "web"}}
    everywhere = [{"podSelector": web, "namespaceSelector": each} for each in ({}, EMPTY, {"matchExpressions": []})]
    for way, says in (("ingress", CONNECT), ("egress", "that its pods may open")):
        old = policy(way, podSelector=web)
        check([(network, old, policy(way, **each), says) for each in everywhere])
        check([(network, policy(way, **one), policy(way, **other), "") for one in everywhere for other in everywhere])
    roles = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole"
    listener = {"name": "a", "allowedRoutes": {"namespaces": {"from": "Selector", "selector": web}}}
    opened = {"name": "a", "allowedRoutes": {"namespaces": {"from": "Selector", "selector": EMPTY}}}
    check(
        [
            (
                "kubernetes:policy/v1:PodDisruptionBudget",
                spec(minAvailable=2),
                spec(minAvailable=2, selector=EMPTY),
                "it",
            ),
            (QUEUE, spec(), spec(namespaceSelector=EMPTY), "the namespaces whose jobs"),
            (
                "kubernetes:external-secrets.io/v1:ClusterExternalSecret",
                spec(namespaces=["a"]),
                spec(namespaces=["a"], namespaceSelector=EMPTY),
                "other namespaces get its secret",
            ),
            (roles, None, {"aggregationRule": {"clusterRoleSelectors": [EMPTY]}}, "the permissions of all roles"),
            (roles, None, {"aggregationRule": {"clusterRoleSelectors": [web]}}, ""),
            (
                "kubernetes:gateway.networking.k8s.io/v1:Gateway",
                spec(listeners=[listener]),
                spec(listeners=[opened]),
                "routes of all namespaces",
            ),
            (
                DEPLOYMENT,
                spec(replicas=3, selector={}),
                spec(replicas=3, selector=EMPTY),
                "",
            ),
        ]
    )


def rules(*parts: tuple[str, Any], **more: Any) -> dict[str, Any]:
    every = {"apiGroups": ["*"], "resources": ["*"]}
    return {"rules": [{**every, "verbs": verbs.split(), **(names or {})} for verbs, names in parts], **more}


def test_full_access_of_a_role_is_that_of_all_its_rules_together() -> None:
    role, full = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole", "get full access to the cluster"
    read, write = "get list watch", "create update patch delete"
    named = {"resourceNames": ["a"]}
    for split, is_full in [
        ([(read, None), (write, None)], True),
        ([(f"{read} {write}", None)], True),
        ([("*", None)], True),
        ([(read, None)], False),
        ([(read, None), (write, named)], False),
        ([("*", named)], False),
    ]:
        assert (full in text_of(change(role, Op.CREATE, inputs=rules(*split)))) is is_full, split
    check(
        [
            (role, rules(("*", named)), rules(("*", None)), full),
            (role, None, rules(("*", named)), ""),
            *(
                (
                    role,
                    None,
                    {"metadata": {"labels": {f"rbac.authorization.k8s.io/aggregate-to-{name}": "true"}}},
                    f"principals with the role {name} get its permissions",
                )
                for name in ("view", "edit", "admin")
            ),
        ]
    )


def test_a_load_balancer_is_public_only_if_its_controller_creates_a_public_one() -> None:
    lead, says = "service.beta.kubernetes.io/aws-load-balancer-", "the whole internet can connect"
    classes = "service.k8s.aws/nlb", "eks.amazonaws.com/nlb"

    def service(load_balancer_class: str | None = None, **notes: str) -> dict[str, Any]:
        annotations = {lead + key: value for key, value in notes.items()}
        chosen = {"loadBalancerClass": load_balancer_class} if load_balancer_class else {}
        return {
            "metadata": {"name": "q", "annotations": annotations},
            "spec": {"type": "LoadBalancer", "ports": [{"port": 5432}], **chosen},
        }

    type = "kubernetes:core/v1:Service"
    internal = [
        *(service(each) for each in (*classes, "tailscale", "networking.gke.io/l4-regional-internal")),
        *(service(internal=each) for each in ("true", "0.0.0.0/0", "yes")),
        *(service(type=each) for each in ("external", "nlb-ip")),
        service(scheme="internal"),
    ]
    public = [
        *(service(each, scheme="internet-facing") for each in classes),
        *(service(), service(type="nlb"), service(internal="false")),
        *(service(type="external", scheme="internet-facing"), service("networking.gke.io/l4-regional-external")),
    ]
    check([(type, None, each, "") for each in internal])
    check([(type, None, each, says) for each in public])
    check([(type, service(scheme="internal", type="external"), service(type="external"), "")])
    ranged = {**internal[0], "spec": {**internal[0]["spec"], "loadBalancerSourceRanges": ["10.0.0.0/8"]}}
    assert says not in text_of(update(type, ranged, internal[0]))
    assert "every address that reaches it" in text_of(update(type, ranged, internal[0]))


def test_an_application_load_balancer_is_internal_by_default() -> None:
    def ingress(name: str, **notes: str) -> dict[str, Any]:
        annotations = {f"alb.ingress.kubernetes.io/{key}": value for key, value in notes.items()}
        return {"metadata": {"annotations": annotations}, "spec": {"ingressClassName": name}}

    type, ranges = "kubernetes:networking.k8s.io/v1:Ingress", {"inbound-cidrs": "10.0.0.0/8"}
    facing = {"scheme": "internet-facing"}
    check(
        [
            (type, ingress("alb", scheme="internal"), ingress("alb"), ""),
            (type, ingress("alb", **ranges), ingress("alb"), "the allowed sources change"),
            (type, ingress("alb", **ranges, **facing), ingress("alb", **facing), "the whole internet is an allowed"),
        ]
    )
    assert "whole internet" not in text_of(update(type, ingress("alb", **ranges), ingress("alb")))

"""Billed resources are never reported as free, nor priced with a template or configuration that they no longer use."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from costing import Prices, change, money, only
from mlpctl.review.plan import Op
from mlpctl.review.values import UNKNOWN

BOOK = Prices({"elb/alb": 0.02, "elb/nlb": 0.02, "public-ipv4/in-use": 0.005, "ec2/g6.xlarge": 1, "ec2/g6.2xlarge": 2})
INGRESS, INGRESS_CLASS = "kubernetes:networking.k8s.io/v1:Ingress", "kubernetes:networking.k8s.io/v1:IngressClass"
ADDON, CERTIFICATE = "aws:eks/addon:Addon", "aws:acm/certificate:Certificate"
TEMPLATE, NODES = "aws:ec2/launchTemplate:LaunchTemplate", "aws:eks/nodeGroup:NodeGroup"
ENDPOINT, CONFIGURATION = (
    "aws:sagemaker/endpoint:Endpoint",
    "aws:sagemaker/endpointConfiguration:EndpointConfiguration",
)


@pytest.mark.parametrize(
    ("type", "inputs"),
    [
        (CERTIFICATE, {"domainName": "x.io", "certificateAuthorityArn": "arn:aws:acm-pca:…"}),
        (CERTIFICATE, {"domainName": "x.io", "options": {"export": "ENABLED"}}),
        (ADDON, {"addonName": "kubecost_kubecost"}),
        (ADDON, {"addonName": "amazon-cloudwatch-observability"}),
        ("aws:sagemaker/domain:Domain", {}),
        ("aws:cloudwatch/logDataProtectionPolicy:LogDataProtectionPolicy", {}),
        ("command:local:Command", {"create": "aws ec2 run-instances"}),
        (INGRESS, {"spec": {"rules": []}}),
        (INGRESS, {"spec": {"ingressClassName": "company-edge"}}),
    ],
)
def test_resources_that_may_cost_something_are_unpriced(type: str, inputs: Mapping[str, Any]) -> None:
    found = only(BOOK, change(type, inputs))
    assert found.monthly_usd is None and found.unpriced and not found.free


@pytest.mark.parametrize(
    ("type", "inputs"),
    [
        (CERTIFICATE, {"domainName": "x.io", "validationMethod": "DNS"}),
        (ADDON, {"addonName": "vpc-cni"}),
        (INGRESS, {"metadata": {"annotations": {"kubernetes.io/ingress.class": "nginx"}}}),
    ],
)
def test_free_variants_of_these_types_are_free(type: str, inputs: Mapping[str, Any]) -> None:
    assert only(BOOK, change(type, inputs)).free


@pytest.mark.parametrize(
    "inputs",
    [
        {"spec": {"ingressClassName": "internal"}},
        {"metadata": {"annotations": {"kubernetes.io/ingress.class": "alb"}}, "spec": {}},
    ],
)
def test_an_ingress_of_the_aws_controller_is_a_load_balancer_for_any_class_name(inputs: Mapping[str, Any]) -> None:
    served = change(INGRESS_CLASS, {"metadata": {"name": "internal"}, "spec": {"controller": "ingress.k8s.aws/alb"}})
    assert only(BOOK, served, change(INGRESS, inputs)).monthly_usd == money(730 * 0.02)


def test_elastic_ip_addresses_are_not_charged_twice() -> None:
    mappings = [{"subnetId": "a", "allocationId": "eipalloc-1"}, {"subnetId": "b"}]
    balancer = change("aws:lb/loadBalancer:LoadBalancer", {"loadBalancerType": "network", "subnetMappings": mappings})
    assert only(BOOK, balancer).monthly_usd == money(730 * (0.02 + 0.005))


def pool(template: Any) -> Mapping[str, Any]:
    sizes = {"minSize": 1, "desiredSize": 1, "maxSize": 1}
    return {"launchTemplate": {"id": template, "version": "1"}, "scalingConfig": sizes}


def template(name: str, id: str, instance: str) -> Any:
    inputs = {"instanceType": instance}
    return replace(change(TEMPLATE, inputs, name, old=inputs, op=Op.SAME), id=id)


def test_a_node_group_that_changes_its_template_has_the_old_one_s_previous_cost() -> None:
    small, large = template("small", "lt-1", "g6.xlarge"), template("large", "lt-2", "g6.2xlarge")
    nodes = change(NODES, pool("lt-2"), old=pool("lt-1"), op=Op.UPDATE, depends={"launchTemplate": [large]})
    found = only(BOOK, small, large, nodes)
    assert (found.before_monthly_usd, found.monthly_usd) == (money(730), money(1460))


def test_without_dependencies_a_template_is_found_by_id() -> None:
    nodes = change(NODES, pool("lt-1"), old=pool("lt-1"), op=Op.SAME)
    assert only(BOOK, template("small", "lt-1", "g6.xlarge"), nodes).monthly_usd == money(730)
    unknown = change(NODES, pool(UNKNOWN), op=Op.CREATE)
    assert only(BOOK, template("small", "lt-1", "g6.xlarge"), unknown).monthly_usd is None


def test_an_endpoint_that_changes_its_configuration_has_the_old_one_s_previous_cost() -> None:
    book = Prices({"sagemaker-hosting/ml.a": 1, "sagemaker-hosting/ml.b": 2})
    old, new = (
        replace(
            change(
                CONFIGURATION,
                {"productionVariants": [{"instanceType": kind, "initialInstanceCount": 1}]},
                name,
                old={"productionVariants": [{"instanceType": kind, "initialInstanceCount": 1}]},
                op=Op.SAME,
            ),
            id=name,
        )
        for name, kind in (("one", "ml.a"), ("two", "ml.b"))
    )
    inputs = {"endpointConfigName": "two"}
    endpoint = change(
        ENDPOINT, inputs, old={"endpointConfigName": "one"}, op=Op.UPDATE, depends={"endpointConfigName": [new]}
    )
    found = only(book, old, new, endpoint)
    assert (found.before_monthly_usd, found.monthly_usd) == (money(730), money(1460))

"""A value that is hidden may differ from an equally hidden one, so what contains it is never called the same."""

from collections.abc import Callable
from typing import Any

import pytest

from changes import update
from mlpctl.review.compare import aws_rules
from mlpctl.review.compare.equality import same_caseless
from mlpctl.review.dangers import aws_forms
from mlpctl.review.firewalls import foreign, reach
from mlpctl.review.firewalls.openings import opening_of
from mlpctl.review.kubernetes import kubernetes_forms
from mlpctl.review.values.plain import UNKNOWN, Masked, Secret

HIDDEN = {"secret": Secret("secret"), "unknown": UNKNOWN, "partly secret": Masked("10.0.0.0/8 (secret)", b"")}
PLAIN = "10.0.0.0/8"


def firewall(value: Any) -> bool:
    opening = opening_of("gcp:compute/firewall")
    assert opening is not None
    old, new = ({"sourceRanges": [value], "allows": [{"protocol": each, "ports": ["22"]}]} for each in ("tcp", "6"))
    return foreign.same(opening, old, new)


def one_rule(value: Any) -> bool:
    old, new = ({"protocol": each, "fromPort": 22, "toPort": 22, "cidrBlocks": [value]} for each in ("tcp", "6"))
    return aws_rules.same(old, new)


def traffic(value: Any) -> bool:
    old, new = ({"protocol": each, "fromPort": 22, "toPort": 22, "cidrBlocks": [value]} for each in ("tcp", "6"))
    return reach.same([old], [new])


def text(value: Any) -> bool:
    return same_caseless([value, "A"], [value, "a"])


def subnets(value: Any) -> bool:
    changed = update(
        "aws:lb/loadBalancer:LoadBalancer", {"subnets": [value]}, {"subnetMappings": [{"subnetId": value}]}
    )
    return aws_forms.aligned(changed).new == changed.old


def role(value: Any) -> bool:
    rule = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": [value]}
    old, new = [{**rule, "verbs": ["get", "list"]}], [{**rule, "verbs": ["get"]}, {**rule, "verbs": ["list"]}]
    changed = update("kubernetes:rbac.authorization.k8s.io/v1:Role", {"rules": old}, {"rules": new})
    return kubernetes_forms.aligned(changed).new == changed.old


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("same", [firewall, one_rule, traffic, text, subnets, role], ids=lambda each: each.__name__)
def test_what_contains_a_hidden_value_is_not_the_same(same: Callable[[Any], bool], hidden: str) -> None:
    assert same(PLAIN), "the other notation means the same"
    assert not same(HIDDEN[hidden])

"""Changes of admission policies, which reject requests to the API server of Kubernetes."""

from typing import Any

import pytest

from changes import change, plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.plan.model import Op
from mlpctl.review.report.model import Harm

POLICY = "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy"
BINDING = f"{POLICY}Binding"
NAMES = {"namespaceSelector": {"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["kube-system"]}]}}


def says(old: Any, new: Any, type: str = BINDING) -> list[str]:
    return [
        each.text for each in dangers(plan(update(type, {"spec": old}, {"spec": new}))) if each.harm is Harm.IDENTITY
    ]


@pytest.mark.parametrize("type", [POLICY, BINDING])
def test_a_deleted_policy_is_a_danger(type: str) -> None:
    found = dangers(plan(change(type, Op.DELETE)))
    assert [each.harm for each in found] == [Harm.IDENTITY]
    assert "rejects will be accepted" in found[0].text


def test_a_binding_that_only_warns_is_a_danger() -> None:
    for weaker in (["Warn", "Audit"], ["Audit"], []):
        (text,) = says({"validationActions": ["Deny"]}, {"validationActions": weaker})
        assert "requests that break its policy will be accepted" in text
    assert says({"validationActions": ["Warn", "Audit"]}, {"validationActions": ["Deny"]}) == []


def test_a_policy_that_passes_what_it_cannot_evaluate_is_a_danger() -> None:
    assert says({"failurePolicy": "Fail"}, {"failurePolicy": "Ignore"}, POLICY)
    assert says({"failurePolicy": "Ignore"}, {"failurePolicy": "Fail"}, POLICY) == []


def test_a_binding_for_other_namespaces_is_a_danger() -> None:
    assert says({"matchResources": NAMES}, {"matchResources": {}})


def test_defaults_that_are_written_out_are_no_change() -> None:
    rules = {"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["pods"]}]}
    scoped = {"resourceRules": [{**rules["resourceRules"][0], "scope": "*"}]}
    everything = {"namespaceSelector": {}, "objectSelector": {"matchLabels": {}}, "matchPolicy": "Equivalent"}
    for kind in ("Validating", "Mutating"):
        policy = POLICY.replace("Validating", kind)
        for more in (scoped, {"matchPolicy": "Equivalent"}, {"namespaceSelector": {}}, {**scoped, **everything}):
            assert says({"matchConstraints": rules}, {"matchConstraints": {**rules, **more}}, policy) == []
            assert says({"matchConstraints": {**rules, **more}}, {"matchConstraints": rules}, policy) == []
        for matches in ({}, everything, {"namespaceSelector": {"matchExpressions": []}}):
            assert says({}, {"matchResources": matches}, f"{policy}Binding") == []
            assert says({"matchResources": matches}, {}, f"{policy}Binding") == []
        assert says({"matchConstraints": rules}, {"matchConstraints": {**rules, "matchPolicy": "Exact"}}, policy)
    webhooks = [{"webhooks": [{"name": "a", **each}]} for each in ({}, {"namespaceSelector": {}, "objectSelector": {}})]
    for old, new in (webhooks, webhooks[::-1]):
        assert dangers(plan(update(f"{POLICY.rpartition(':')[0]}:ValidatingWebhookConfiguration", old, new))) == ()


def test_a_change_of_a_policy_is_said_once() -> None:
    for type, old, new in (
        (BINDING, {"matchResources": {}}, {"matchResources": NAMES}),
        (BINDING, {}, {"paramRef": {"name": "a"}}),
        (POLICY, {"matchConstraints": {}}, {"matchConstraints": NAMES}),
        (POLICY, {"failurePolicy": "Fail"}, {"failurePolicy": "Ignore"}),
    ):
        (text,) = says(old, new, type)
        assert ";" not in text

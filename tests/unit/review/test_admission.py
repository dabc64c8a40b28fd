"""Changes of admission policies, which reject requests to the API server of Kubernetes."""

from typing import Any

import pytest

from changes import change, plan, update
from mlpctl.review.plan import Op
from mlpctl.review.report import Harm
from mlpctl.review.risk import dangers

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

"""Stack files that would break a mandatory rule: waivers of resources of the component let the rule decide."""

from datetime import date, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from mlpctl.config import Platform
from mlpctl.settings.policies import Waiver

ALLOWED = {"reason": "a test of waivers", "owner": "ml", "expires": str(date.today() + timedelta(days=30))}
SCAN = {"images": {"repositories": {"app": {"scanOnPush": False}}}}
PODS = {"guardrails": {"namespaces": {"batch": {"podSecurity": "baseline"}}}}
TEAM = {"teams": {"lab": {"namespaces": {"lab-a": {"podSecurity": "baseline"}}}}}
TYPES = {"allowedInstanceTypes": ["g6.*"]}


def staging(sections: Any, **policies: Any) -> Platform:
    given = {
        "profile": "staging",
        "owner": "ml",
        "network": {"zones": ["us-east-1a", "us-east-1b"]},
        "cluster": {
            "privateAccessCidrs": ["192.168.0.0/20"],
            "logTypes": ["api", "audit", "authenticator", "controllerManager", "scheduler"],
        },
    }
    return Platform.model_validate({**given, **sections, "policies": policies}, context={"region": "us-east-1"})


@pytest.mark.parametrize(
    ("rule", "sections", "policies", "its", "others"),
    [
        ("ML-ECR-01", SCAN, {}, ["images-app", "images-*"], ["app", "image-*", "apps-images"]),
        ("ML-K8S-02", PODS, {}, ["guardrails-batch-namespace", "guardrails-*"], ["batch", "guardrails-other-*"]),
        ("ML-K8S-02", TEAM, {}, ["lab-lab-a-namespace", "lab-*"], ["lab", "lab-lab-b-*"]),
        ("ML-COST-01", {}, TYPES, ["cluster-system-group", "*-group"], ["cluster", "cluster-other", "pool-*"]),
        ("ML-OPS-01", {}, {"allowedRegions": ["eu-west-1"]}, ["network-*"], ["nothing-*"]),
    ],
)
def test_only_a_waiver_of_the_component_s_resources_lets_the_rule_decide(
    rule: str, sections: Any, policies: Any, its: list[str], others: list[str]
) -> None:
    for resource in its:
        staging(sections, **policies, waivers=[{**ALLOWED, "rule": rule, "resource": resource}])
        with pytest.raises(ValidationError):
            staging(sections, **policies, waivers=[{**ALLOWED, "rule": "ML-S3-07", "resource": resource}])
    for resource in others:
        with pytest.raises(ValidationError):
            staging(sections, **policies, waivers=[{**ALLOWED, "rule": rule, "resource": resource}])


def test_networks_that_overlap_are_counted_once() -> None:
    def open_to(*networks: str) -> dict[str, Any]:
        cluster = {"privateAccessCidrs": [], "publicAccessCidrs": [*networks]}
        every = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
        return {"cluster": {**cluster, "logTypes": every}}

    staging(open_to("16.0.0.0/8", "16.1.0.0/16"))
    with pytest.raises(ValidationError, match="16,777,217 addresses"):
        staging(open_to("16.0.0.0/8", "18.0.0.1/32"))


def test_a_waiver_may_be_for_names_below_a_prefix() -> None:
    def waiver(resource: str) -> Waiver:
        return Waiver.model_validate({**ALLOWED, "rule": "ML-S3-07", "resource": resource})

    for resource in ("a-b", "a*", "a-*", "*b", "a-b*"):
        assert waiver(resource).may_be_for("a"), resource
    for resource in ("a", "ab", "ab-*", "b-a-b", "b*"):
        assert not waiver(resource).may_be_for("a"), resource

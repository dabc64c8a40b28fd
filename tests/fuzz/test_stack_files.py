"""Any stack file is either valid, safe and accepted by the APIs, or its problems are reported.

Each property is tested with 200 examples, and by `make fuzz` with 10,000.
"""

import runpy
from datetime import date
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from acceptance import refused
from accounts import Account
from invariants import broken
from judged_files import judged
from mlpctl import config
from mlpctl.policies.evaluate import Outcome, evaluate
from mlpctl.policies.rules import rules
from mlpctl.settings.policies import PolicySettings
from mlplatform.testing import PROJECT, STACK, Plan, declare
from stack_files import CANARIES, hostile, models, read, repaired, valid_ish
from stack_plans import StackPlan

TODAY = date(2026, 11, 29)
EXAMPLES = max(200, settings().max_examples)
PROGRAM = Path(__file__).parents[2] / "platform" / "__main__.py"

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:ecr-pullthroughcache/example-AbCdEf"
# The cluster exists: a new one could not have each version that a stack file may name.
LOOK_UPS = {
    "aws:secretsmanager/getSecret:getSecret": {"arn": SECRET, "id": SECRET},
    "aws:eks/getClusters:getClusters": {"names": [f"{PROJECT}-{STACK}-cluster"], "id": "eks"},
}

thorough = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


@pytest.mark.engine  # takes seconds; the fast tests cover the same with example files
@thorough
@given(hostile())
def test_a_file_loads_or_its_problems_are_reported_without_secrets(content: bytes) -> None:
    try:
        loaded = read(content)
    except config.ConfigError as error:
        text = str(error)
        assert error.problems
        assert all(problem.message for problem in error.problems)
        assert any(problem.line for problem in error.problems) or not content.strip() or len(error.problems) == 1
        assert text.endswith("in Pulumi.made.yaml")
        assert all(char.isprintable() or char == "\n" for char in text)
    else:
        text = repr(loaded.platform)
    assert [canary for canary in CANARIES if canary in text] == []


@pytest.mark.engine
@thorough
@given(st.builds(repaired, valid_ish() | judged()))
def test_a_valid_file_is_safe_and_accepted_by_the_apis(loaded: Any) -> None:
    assume(loaded is not None)
    plan = declared(loaded)
    assert broken(plan) == []
    assert refused(plan) == []
    assert violations(loaded, plan) == []


@pytest.mark.engine
@thorough
@given(st.builds(repaired, models()))
def test_a_valid_model_is_accepted_by_the_apis(loaded: Any) -> None:
    assume(loaded is not None and loaded.platform.inference)
    plan = declared(loaded)
    assert broken(plan) == []
    assert refused(plan) == []
    assert violations(loaded, plan) == []


MAY_BREAK = {
    "ML-S3-07": "buckets have no access logs",
    "ML-VPC-05": "services may be reached through NAT",
    "ML-EC2-05": "a pool may have one instance type",
    "ML-COST-02": "gpuPools.*.nodes",
    "ML-EKS-04": "cluster.logTypes",
    "ML-EKS-07": "nodeSessions and policies of node roles",
    "ML-EKS-01": "cluster.publicAccessCidrs",
    "ML-FS-03": "sharedFilesystems.*.backup",
    "ML-K8S-02": "podSecurity",
    "ML-S3-10": "names of buckets",
}
"""Rules that a stack file may break where its profile does not make them mandatory, and how."""


def violations(loaded: Any, plan: Plan) -> list[str]:
    """The rules that the stack breaks, other than those that it may break."""
    made = StackPlan.of_section(loaded.platform.model_dump(mode="json", by_alias=True), plan)
    # Generated files may name any version; a new cluster with an old one is rejected by the program.
    judged = [each for each in rules() if each.id != "ML-EKS-02"]
    found = evaluate(judged, made.estate(TODAY), PolicySettings(), made.rules.profile, TODAY)
    return [
        f"{each.rule.id} {each.urn} {each.text}"
        for each in found.results
        if each.blocks or (each.outcome in (Outcome.FAIL, Outcome.ERROR) and each.rule.id not in MAY_BREAK)
    ]


def declared(loaded: Any) -> Plan:
    existing = loaded.platform.network.existing
    look_ups = {**LOOK_UPS, **(Account.of(existing, loaded.region).look_ups() if existing else {})}
    with patch.object(config, "load", lambda: loaded.platform):
        return declare(lambda: runpy.run_path(str(PROGRAM)), {"aws:region": loaded.region}, look_ups)

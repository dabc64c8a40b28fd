"""The program for an account, which creates the state backend and the identities."""

import json
import runpy
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from invariants import broken
from mlpctl.policies.evaluate import Outcome
from mlplatform.testing import Plan, declare
from stack_plans import judged


def account(root: Path, **more: Any) -> Plan:
    config = yaml.safe_load((root / "bootstrap" / "Pulumi.account.yaml").read_text())["config"]
    # Tests run in a project with another name.
    given = {key.replace("mlplatform-bootstrap:", "mlplatform:"): each for key, each in config.items()}
    given |= {f"mlplatform:{key}": each for key, each in more.items()}
    texts = {key: each if isinstance(each, str) else json.dumps(each) for key, each in given.items()}
    return declare(lambda: runpy.run_path(str(root / "bootstrap" / "__main__.py")), texts)


GITLAB = {"gitlab": {"project": "group/platform", "branch": "main", "previewBranches": ["change/*"]}}


@pytest.mark.parametrize("more", [{}, {"identity": GITLAB}], ids=["github", "gitlab"])
def test_it_meets_every_rule_of_profile_prod(root: Path, more: Mapping[str, Any]) -> None:
    plan = account(root, **more)
    found = judged(plan, date(2026, 11, 29)).results
    failed = {(each.rule.id, each.urn.split("::")[-1], each.text) for each in found if each.outcome is Outcome.FAIL}
    # Advice.
    assert {each[:2] for each in failed} == {("ML-S3-07", "state-bucket")}
    passed = {each.rule.id for each in found if each.outcome is Outcome.PASS}
    assert {"ML-IAM-01", "ML-IAM-02", "ML-IAM-03", "ML-IAM-04", "ML-S3-01", "ML-S3-03", "ML-KMS-01"} <= passed
    assert broken(plan) == []


def test_it_exports_what_stacks_and_pipelines_need(root: Path) -> None:
    exports = account(root).exports
    assert {*exports} == {
        *("backendUrl", "secretsProvider", "previewRoleArn", "applyRoleArn", "permissionsBoundary"),
        *("permissionsBoundaryArn", "applyBoundaryArn", "rolePath"),
    }
    assert exports["rolePath"] == "mlplatform/"
    assert exports["permissionsBoundary"] == "mlplatform/deploy-roles"


def test_it_runs_only_in_an_allowed_account(root: Path) -> None:
    with pytest.raises(pulumi.RunError, match="the AWS account is 123456789012; allowed: 210987654321"):
        account(root, allowedAccounts=["210987654321"])

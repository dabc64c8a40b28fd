"""Production is compared with the project's staging stacks: by the policy pack, reviews and audits alike."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pulumi
import pytest
import yaml

from mlpctl.keys import PLATFORM, REGION
from mlpctl.policies import local, pack, ruling
from mlpctl.policies.evaluate import Result
from mlpctl.policies.siblings import of_project
from mlpctl.review.plan.model import Plan
from unit.audit import deployed
from unit.review.commands import Mlpctl, mlpctl, prices

__all__ = ["mlpctl", "prices"]  # fixtures

ID: Final = "ML-OPS-04"
TODAY: Final = date(2026, 11, 29)
STAGING: Final[dict[str, Any]] = {
    "profile": "staging",
    "owner": "ml",
    "network": {"zones": ["us-east-1a", "us-east-1b"]},
    "cluster": {
        "access": {"ops": {"role": "ops", "level": "clusterAdmin"}},
        "logDays": 3653,
        "privateAccessCidrs": ["10.8.0.0/16"],
        "system": {"amiRelease": "1.65.0-0be31b34"},
    },
}
PROD: Final = {
    **STAGING,
    "profile": "prod",
    "allowedAccounts": ["111111111111"],
    "cluster": {**STAGING["cluster"], "logDays": 365},
    # The stack's own region is no weakness, although staging does not list it.
    "policies": {"allowedRegions": ["us-east-1"]},
}
WEAKER: Final = "protects less than staging: cluster.logDays is 365, and in staging 3653"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("PATH", deployed.project(tmp_path, deployed.state()))
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://states")
    monkeypatch.chdir(tmp_path)
    stack(tmp_path, "prod", PROD)
    stack(tmp_path, "staging", STAGING)
    yield tmp_path
    pulumi.runtime.set_all_config({})


def stack(project: Path, name: str, platform: Any, region: str = "us-east-1") -> None:
    text = yaml.safe_dump({"config": {REGION: region, PLATFORM: platform}}, sort_keys=False)
    (project / "stacks" / f"Pulumi.{name}.yaml").write_text(text)


def plan(platform: Any = PROD, project: str = "shop") -> Plan:
    return Plan((), config={REGION: "us-east-1", PLATFORM: json.dumps(platform)}, project=project, stack="prod")


def in_a_review(platform: Any = PROD, project: str = "shop") -> list[Result]:
    given = plan(platform, project)
    found = ruling.judged(given, ruling.stack_rules(given), TODAY, local.of_plan(project, "prod"))
    return [each for each in found.results if each.rule.id == ID]


def in_the_pack(project: Path, monkeypatch: pytest.MonkeyPatch, name: str = "shop") -> list[str]:
    """What the pack reports for the stack, other than gaps of other rules."""
    found: list[str] = []
    folder = project / "platform" / "policies"
    folder.mkdir(parents=True, exist_ok=True)
    pulumi.runtime.set_all_config({PLATFORM: json.dumps(PROD), REGION: "us-east-1"})
    monkeypatch.setattr(pulumi, "get_project", lambda: name)

    def serve(name: str, policies: Any) -> None:
        for each in policies[2:]:
            each.validate(SimpleNamespace(resources=[]), lambda text, urn: found.append(text))

    monkeypatch.setattr(pack, "PolicyPack", serve)
    pack.run(folder)
    return [each for each in found if ID in each]


def test_the_pack_a_review_and_an_audit_have_the_same_result(
    project: Path, mlpctl: Mlpctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    (result,) = in_a_review()
    assert (result.text, result.field, result.blocks) == (WEAKER, "cluster.logDays", True)
    (reported,) = in_the_pack(project, monkeypatch)
    assert reported.startswith(f"{ID}: The stack {WEAKER}. Set the field as in staging or stricter")
    ran = mlpctl("audit", "--stack", "prod", "--account", "--json", "-")
    (found,) = [each for each in json.loads(ran.out)["rules"]["findings"] if each["rule"] == ID]
    assert ran.code == 1 and found["text"] == f"The stack {WEAKER}."
    lines = (project / "stacks" / "Pulumi.prod.yaml").read_text().splitlines()
    assert (found["field"], lines[found["line"] - 1].strip()) == ("cluster.logDays", "logDays: 365")


def test_config_compare_lists_the_same(project: Path, mlpctl: Mlpctl) -> None:
    ran = mlpctl("config", "compare", "--stack", "prod", "--with", "staging")
    assert ran.code == 1
    assert [row.split()[0] for row in ran.out.splitlines()[1:]] == [each.field for each in in_a_review()]


def test_a_waiver_names_the_field(project: Path) -> None:
    for field, waived in (("cluster.logDays", True), ("cluster.*", True), ("stack", False)):
        expires = str(TODAY + timedelta(days=30))
        waiver = {"rule": ID, "resource": field, "reason": "two years are kept elsewhere", "owner": "ml"}
        (result,) = in_a_review({**PROD, "policies": {"waivers": [{**waiver, "expires": expires}]}})
        assert bool(result.waiver) is waived, field


def test_waivers_and_approvals_of_production_are_listed_and_do_not_violate_it(project: Path, mlpctl: Mlpctl) -> None:
    allowed = {"resource": "raw-data-bucket", "reason": "copied to the new account", "owner": "ml"}
    allowed["expires"] = str(TODAY + timedelta(days=30))
    policies = {"approvals": [allowed], "waivers": [{**allowed, "rule": "ML-S3-07"}]}
    prod = {**PROD, "cluster": STAGING["cluster"], "policies": policies}
    assert [each.outcome.value for each in in_a_review(prod)] == ["pass"]
    stack(project, "prod", prod)
    ran = mlpctl("config", "compare", "--stack", "prod", "--with", "staging")
    rows = [row.split()[0] for row in ran.out.splitlines()[1:]]
    assert ran.code == 1 and rows == ["policies.waivers[0]", "policies.approvals[0]"]


def test_without_the_project_it_is_not_evaluated(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (result,) = in_a_review(project="another")
    assert (result.outcome.value, result.text) == (
        "notEvaluated",
        "the stack files of the project are not at hand",
    )
    (reported,) = in_the_pack(project, monkeypatch, "another")
    assert reported.startswith("Not evaluated: ML-OPS-04 (the stack files of the project are not at hand)")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("config: [", "the file of stack staging is invalid: "),
        (
            f"config: {{{REGION}: us-east-1, {PLATFORM}: {{profile: stagign}}}}",
            "the file of stack staging is invalid: owner (line 1) is missing",
        ),
        (
            f"config: {{{REGION}: us-east-1, {PLATFORM}: {{profile: staging, owner: ml}}}}",
            "the file of stack staging is invalid: network (line 1) is missing",
        ),
        (f"config: {{{PLATFORM}: []}}", "the file of stack staging is invalid: "),
        (f"config: {{{PLATFORM}: {{profile: 2026-13-45}}}}", "the file of stack staging is invalid: "),
        ("[" * 1_200, "the file of stack staging is invalid: "),
    ],
)
def test_an_invalid_staging_file_is_not_evaluated_with_the_reason(project: Path, content: str, why: str) -> None:
    # The broken text has the platform's name, without which the file is that of another program.
    (project / "stacks" / "Pulumi.staging.yaml").write_text(f"{content} # {PLATFORM}\n")
    (result,) = in_a_review()
    assert result.outcome.value == "notEvaluated" and result.text.startswith(why), result.text


def test_other_stacks_and_other_programs_are_not_compared(project: Path) -> None:
    stack(project, "staging", {**STAGING, "profile": "dev"})
    (project / "stacks" / "Pulumi.website.yaml").write_text("config: [")
    (result,) = in_a_review()
    assert (result.outcome.value, result.text) == ("notApplicable", "the project has no stack of profile staging")


def test_the_stack_files_are_read_once(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = of_project(project, None)
    assert [each.name for each in found.all] == ["dev", "prod", "staging"]
    (staging,) = found.of_profile("staging")
    assert staging.platform is staging.platform and found.of_profile("staging") == [staging]


def test_the_evidence_says_why_the_rule_does_not_apply(project: Path, mlpctl: Mlpctl, tmp_path: Path) -> None:
    (project / "stacks" / "Pulumi.staging.yaml").unlink()
    mlpctl("evidence", "--stack", "prod", "--account", "--out", tmp_path / "out")
    rules = {each["rule"]: each for each in json.loads((tmp_path / "out" / "evidence.json").read_text())["rules"]}
    (result,) = rules[ID]["results"]
    assert (result["outcome"], result["text"]) == ("notApplicable", "the project has no stack of profile staging")

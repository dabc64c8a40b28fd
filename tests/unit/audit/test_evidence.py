"""`mlpctl evidence`: what auditors get."""

import hashlib
import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import own_rules
from mlpctl.audit import command, evidence, judge
from mlpctl.audit.evidence_model import Evidence
from mlpctl.policies.frameworks import FRAMEWORKS
from mlpctl.policies.rules import rules
from unit.audit import deployed
from unit.audit.deployed import GUARDS, LAST_DAY
from unit.audit.test_audit import REFRESH
from unit.review.commands import Mlpctl, Ran, mlpctl, prices

__all__ = ["mlpctl", "prices"]  # fixtures

Written = Callable[..., tuple[Ran, Any, str]]


@pytest.fixture
def written(tmp_path: Path, mlpctl: Mlpctl, monkeypatch: pytest.MonkeyPatch) -> Written:
    """The evidence of a state: what the command printed, the JSON, which has its schema, and the page."""
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://states")

    def run(exported: Mapping[str, Any], *options: str, refresh: Any = None, **policies: Any) -> tuple[Ran, Any, str]:
        monkeypatch.setenv("PATH", deployed.project(tmp_path, exported, refresh))
        file = tmp_path / "stacks" / "Pulumi.dev.yaml"
        lines = "".join(f"      {name}: {json.dumps(value)}\n" for name, value in policies.items())
        file.write_text(file.read_text().replace("    policies:\n", f"    policies:\n{lines}"))
        monkeypatch.setattr(command, "tagged", lambda env, tag, regions: {"arn:aws:s3:::left-over": {}})
        out = tmp_path / "audits" / "today"
        ran = mlpctl("evidence", "--stack", "dev", "--account", "--out", out, "--commit", "0123abc", *options)
        made = json.loads((out / evidence.JSON).read_text())
        jsonschema.validate(made, Evidence.json_schema())
        return ran, made, (out / evidence.PAGE).read_text()

    return run


def rule_of(made: Any, id: str) -> Any:
    (found,) = [each for each in made["rules"] if each["rule"] == id]
    return found


def test_every_rule_has_its_result_for_each_resource_and_its_controls(written: Written, tmp_path: Path) -> None:
    exported = deployed.state(blocks={**GUARDS, "blockPublicAcls": False})
    ran, made, page = written(exported)
    assert ran.code == 1 and not made["passes"]
    assert {each["rule"] for each in made["rules"]} == {*(each.id for each in rules()), "ML-CHANGE-01"}
    public = rule_of(made, "ML-S3-01")
    assert (public["outcome"], public["level"], public["serves"][0]) == ("fail", "mandatory", "fsbp:S3.1")
    assert [(each["name"], each["words"], each["outcome"]) for each in public["results"]] == [
        ("models-bucket", "S3 bucket", "fail")
    ]
    waived = rule_of(made, "ML-S3-03")["results"][0]
    assert waived["waiver"] == {
        "reason": "only readers inside the VPC",
        "owner": "ml-platform",
        "expires": LAST_DAY,
    }
    assert rule_of(made, "ML-OPS-02")["outcome"] == "off"
    assert rule_of(made, "ML-RDS-01")["outcome"] == "notApplicable"
    assert "reviews" in rule_of(made, "ML-CHANGE-01")["results"][0]["text"]
    assert made["counts"]["fail"] == sum(each["counts"].get("fail", 0) for each in made["rules"])
    for text in ("ML-S3-01", "models-bucket", "only readers inside the VPC", LAST_DAY, made["verdict"]):
        assert text in page


def test_what_was_judged_is_identified(written: Written, tmp_path: Path) -> None:
    exported = deployed.state()
    _, made, page = written(exported)
    text = json.dumps(exported, sort_keys=True, separators=(",", ":"))
    assert made["state"] == {"sha256": hashlib.sha256(text.encode()).hexdigest(), "resources": 3}
    file = tmp_path / "stacks" / "Pulumi.dev.yaml"
    assert made["stackFile"] == {
        "path": "stacks/Pulumi.dev.yaml",
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
    }
    assert (made["origin"]["commit"], made["profile"], made["live"]) == ("0123abc", "dev", False)
    assert made["origin"]["time"] and made["state"]["sha256"] in page and "0123abc" in page


def test_the_coverage_of_a_framework_lists_served_controls_and_says_that_others_are_not_covered(
    written: Written,
) -> None:
    _, made, page = written(deployed.state(blocks={}))
    assert [each["key"] for each in made["frameworks"]] == [each.key for each in FRAMEWORKS]
    (fsbp,) = [each for each in made["frameworks"] if each["key"] == "fsbp"]
    by_id = {each["id"]: each for each in fsbp["controls"]}
    assert by_id["S3.8"] == {"id": "S3.8", "rules": ["ML-S3-01"], "outcome": "fail"}
    assert by_id["RDS.2"]["outcome"] == "notApplicable"
    ids = [*by_id]
    assert ids.index("EC2.9") < ids.index("EC2.10"), "in the order of their numbers"
    served = {control for rule in rules() for control in rule.serves if control.startswith("fsbp:")}
    assert {f"fsbp:{each}" for each in ids} == served
    assert "All controls of a framework that are not listed here are not covered." in page


def test_types_that_no_rule_judges_are_listed(written: Written) -> None:
    place = deployed.resource("urn:pulumi:dev::shop::aws:ec2/placementGroup:PlacementGroup::near")
    _, made, page = written(deployed.state(place))
    listed = {each["type"]: each["resources"] for each in made["typesWithoutRules"]}
    assert listed["aws:ec2/placementGroup:PlacementGroup"] == 1 and "aws:s3/bucket:Bucket" not in listed
    assert "aws:ec2/placementGroup:PlacementGroup" in page


def test_live_evidence_contains_drift_and_strangers(written: Written) -> None:
    _, made, page = written(deployed.state(), "--live", refresh=REFRESH)
    assert [(each["name"], each["gone"]) for each in made["drift"]] == [("models-block", False), ("token", True)]
    assert made["drift"][0]["differences"][0]["path"] == "blockPublicPolicy"
    assert made["unmanaged"] == [{"arn": "arn:aws:s3:::left-over", "madeBy": ""}]
    assert "arn:aws:s3:::left-over" in page and "blockPublicPolicy" in page


def test_own_rules_are_marked_and_may_serve_other_frameworks(written: Written, tmp_path: Path) -> None:
    text = own_rules.RULE.format(id=own_rules.ID, name="checked").replace(
        "levels=ALWAYS", 'levels=ALWAYS, serves=["acme:7.2"]'
    )
    own_rules.pack(tmp_path, text=text)
    _, made, page = written(deployed.state(), packs=["acme"])
    assert rule_of(made, own_rules.ID)["own"] is True
    assert made["frameworks"][-1]["key"] == "acme"
    assert made["frameworks"][-1]["controls"] == [{"id": "7.2", "rules": [own_rules.ID], "outcome": "fail"}]
    assert "own rule" in page


def test_text_of_resources_is_text_and_secrets_are_hidden(written: Written) -> None:
    name = "<script>alert(1)</script>"
    exported = deployed.state(deployed.resource(f"urn:pulumi:dev::shop::aws:s3/bucket:Bucket::{name}", {"bucket": "b"}))
    _, made, page = written(exported)
    assert name not in page and "&lt;script&gt;" in page
    assert deployed.CIPHER not in page and deployed.CIPHER not in json.dumps(made)


def test_a_folder_that_cannot_be_written_is_refused_before_anything_starts(tmp_path: Path, mlpctl: Mlpctl) -> None:
    (tmp_path / "file").write_text("")
    ran = mlpctl("evidence", "--out", tmp_path / "file" / "below")
    assert ran.code == 2 and "file is a file" in ran.errors


def test_the_commit_of_a_checkout_counts_only_without_changes(tmp_path: Path) -> None:
    assert judge.commit_of(tmp_path) == ""
    (tmp_path / "a").write_text("")
    for line in ("init -q", "add a", "-c user.name=a -c user.email=a@b commit -qm a"):
        subprocess.run(["git", "-C", str(tmp_path), *line.split()], check=True)
    assert len(judge.commit_of(tmp_path)) == 40
    (tmp_path / "b").write_text("")
    assert judge.commit_of(tmp_path) == ""

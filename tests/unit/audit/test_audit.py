"""`mlpctl audit`: the rules over what a stack has deployed, drift, and resources that the state does not contain."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from mlpctl.audit import command, live, state
from mlpctl.policies.plan_estate import of_plan
from mlpctl.review.plan.model import Op
from unit.audit import deployed
from unit.audit.deployed import BLOCK, BUCKET, GUARDS, LAST_DAY
from unit.review.commands import Mlpctl, Ran, mlpctl, prices

__all__ = ["mlpctl", "prices"]  # fixtures

Audited = Callable[..., Ran]


@pytest.fixture
def audited(tmp_path: Path, mlpctl: Mlpctl, monkeypatch: pytest.MonkeyPatch) -> Audited:
    """Audits a state in the account of the shell."""
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://states")

    def run(exported: Mapping[str, Any], *options: str | Path, refresh: Any = None, tagged: Any = None) -> Ran:
        monkeypatch.setenv("PATH", deployed.project(tmp_path, exported, refresh))
        monkeypatch.setattr(command, "tagged", lambda env, tag, regions: tagged or {})
        return mlpctl("audit", "--stack", "dev", "--account", *options)

    return run


def found(report: Any, rule: str) -> list[str]:
    return [each["text"] for each in report["rules"]["findings"] if each["rule"] == rule]


def test_a_deployed_violation_fails_the_audit_and_a_waived_one_does_not(audited: Audited) -> None:
    ran = audited(deployed.state(blocks={**GUARDS, "blockPublicAcls": False}), "--json", "-")
    report = json.loads(ran.out)
    assert ran.code == 1 and report["audit"] is True
    assert found(report, "ML-S3-01") == [
        "models-bucket does not block public access: blockPublicAcls of models-block is off."
    ]
    (waived,) = [each for each in report["rules"]["findings"] if each["rule"] == "ML-S3-03"]
    assert waived["waived"] == f"only readers inside the VPC (ml-platform, until {LAST_DAY})"
    assert (waived["field"], waived["line"]) == ("buckets.models", 8)
    assert report["rules"]["file"] == "stacks/Pulumi.dev.yaml"


def test_without_its_stack_file_a_stack_is_not_judged(audited: Audited, mlpctl: Mlpctl, tmp_path: Path) -> None:
    audited(deployed.state(blocks={}))
    (file := tmp_path / "stacks" / "Pulumi.dev.yaml").unlink()
    for words in (("audit",), ("evidence", "--out", "bundle")):
        ran = mlpctl(*words, "--stack", "dev", "--account")
        assert ran.code == 3 and "its stack file stacks/Pulumi.dev.yaml is missing" in ran.errors
    assert not (tmp_path / "bundle" / "evidence.json").exists()
    file.write_text("")
    ran = mlpctl("audit", "--stack", "dev", "--account", "--json", "-")
    rules = json.loads(ran.out)["rules"]
    assert ran.code == 0 and rules["profile"] == "" and not any(each["mandatory"] for each in rules["findings"])


def test_code_scanning_shows_the_line_of_the_field_that_decides_a_violation(audited: Audited, tmp_path: Path) -> None:
    above = "urn:pulumi:dev::shop::mlplatform:index:EksCluster::cluster"
    urn = "urn:pulumi:dev::shop::mlplatform:index:EksCluster$aws:eks/cluster:Cluster::cluster-control-plane"
    cluster = deployed.resource(urn, {"enabledClusterLogTypes": ["audit"]}, parent=above)
    audited(deployed.state(deployed.resource(above), cluster), "--sarif", tmp_path / "a.sarif")
    results = json.loads((tmp_path / "a.sarif").read_text())["runs"][0]["results"]
    found = {each["ruleId"]: each for each in results if each["message"]["text"].startswith("cluster-control-plane")}
    lines = deployed.STACK_FILE.splitlines()
    for rule, field, text in (
        ("ML-EKS-04", "cluster.logTypes", "logTypes: [audit]"),
        ("ML-EKS-06", "cluster", "cluster:"),
    ):
        place = found[rule]["locations"][0]["physicalLocation"]
        assert found[rule]["properties"]["field"] == field
        assert lines[place["region"]["startLine"] - 1].strip() == text


def test_relations_of_a_state_are_found_by_its_dependencies(audited: Audited) -> None:
    exported = deployed.state()
    exported["resources"][3]["inputs"]["bucket"] = "another-name"
    assert found(json.loads(audited(exported, "--json", "-").out), "ML-S3-01") == []


def test_no_secret_of_a_state_is_in_a_report(audited: Audited) -> None:
    exported = deployed.state()
    exported["resources"][2]["inputs"]["tags"] = {"password": "hunter2hunter2"}
    exported["resources"][3]["inputs"]["note"] = "hunter2hunter2"
    ran = audited(exported, "--json", "-")
    assert deployed.CIPHER not in ran.out and "hunter2" not in ran.out
    plan = state.plan_of(exported, {}, sandbox=False)
    assert "hunter2" not in str(plan) and str(plan.by_urn[deployed.SECRET].inputs["secretString"]) == "(secret)"


def test_every_format_names_the_audit_and_its_violations(audited: Audited, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.md", "a.html", "a.sarif")]
    ran = audited(
        deployed.state(blocks={}),
        *(each for pair in zip(("--markdown", "--html", "--sarif"), files, strict=True) for each in pair),
    )
    for text in (ran.out, *(each.read_text() for each in files)):
        assert "ML-S3-01" in text and "models-bucket does not block public access" in text
    assert "## Audit of `shop`, stack `dev`" in files[0].read_text()
    assert "<!-- mlpctl audit shop%2Fdev -->" in files[0].read_text()
    assert "Audit of shop, stack dev" in files[1].read_text()
    for text in (ran.out, files[0].read_text(), files[1].read_text()):
        assert "the audit judges the state" in text


def test_old_copies_and_deleted_resources_are_not_judged(audited: Audited) -> None:
    exported = deployed.state(
        deployed.resource(BUCKET, {"bucket": "old"}, id="old", delete=True),
        deployed.resource(BUCKET + "2", {"bucket": "gone"}, pendingReplacement=True),
    )
    report = json.loads(audited(exported, "--json", "-").out)
    assert [each["what"] for each in report["unchecked"]][1:] == [
        "Resources that are being replaced: models-bucket",
        "Resources that are being replaced: models-bucket2",
    ]
    assert report["verdict"].startswith("3 deployed resources: ")


def test_a_state_without_resources_or_with_pending_operations_is_a_partial_result(audited: Audited) -> None:
    assert audited({}).code == 3


def test_an_interrupted_update_is_a_partial_result(audited: Audited) -> None:
    exported = deployed.state() | {"pending_operations": [{"type": "creating", "resource": {"urn": BUCKET}}]}
    ran = audited(exported, "--json", "-")
    assert "interrupted" in json.loads(ran.out)["incomplete"]


def test_a_broken_state_and_an_unknown_stack_give_one_sentence(audited: Audited, tmp_path: Path) -> None:
    ran = audited({"resources": [{"urn": BUCKET, "type": "aws:s3/bucket:Bucket"}] * 2})
    assert ran.code == 3 and "exists twice" in ran.errors


REFRESH = {
    "config": {},
    "steps": [
        deployed.OPENED,
        {
            "op": "delete",
            "urn": deployed.SECRET,
            "oldState": deployed.resource(deployed.SECRET, {"secretId": "token"}),
        },
        deployed.READ,
    ],
    "changeSummary": {"same": 1, "update": 1, "delete": 1},
}


def test_live_judges_what_the_engine_reads_and_reports_drift_and_strangers(audited: Audited) -> None:
    made = "arn:aws:ec2:us-east-1:1:instance/i-1"
    strange = "arn:aws:s3:::left-over"
    tagged = {made: {"aws:autoscaling:groupName": "g"}, strange: {}, "arn:aws:s3:::models-1": {}}
    ran = audited(deployed.state(), "--live", "--json", "-", refresh=REFRESH, tagged=tagged)
    report = json.loads(ran.out)
    assert ran.code == 1
    assert found(report, "ML-S3-01") == [
        "models-bucket does not block public access: blockPublicPolicy of models-block is off."
    ]
    rows = {row["name"]: row["op"] for group in report["groups"] for row in group["rows"]}
    assert rows == {"models-block": "refresh", "token": "gone"}
    assert "1 changed outside of Pulumi, 1 gone already, 1 not in the state, not evaluated" in report["verdict"]
    assert [each.split(" has ")[0] for each in report["notes"]] == [strange, made]
    assert "2 resources that the state does not contain" in [each["what"] for each in report["unchecked"]]
    assert report["notes"][1].endswith(
        "the AWS service that sets aws:autoscaling:groupName created it for a resource of the stack."
    )


def test_what_a_refresh_leaves_as_it_is_stays_as_in_the_state() -> None:
    from mlpctl.review.reading import reader

    plan = live.really(state.plan_of(deployed.state(), {}, sandbox=False), reader.read(json.dumps(REFRESH)))
    ops = {each.name: each.op for each in plan if each.custom}
    assert ops == {"models-bucket": Op.SAME, "models-block": Op.REFRESH, "token": Op.GONE}
    assert plan.by_urn[BUCKET].inputs == {"bucket": "models-1"}
    assert [each.name for each in of_plan(plan, {}, command.today()).resources] == ["models-bucket", "models-block"]
    assert plan.by_urn[BLOCK].depends == {"bucket": (BUCKET,)}


def unmanaged(found: str, type: str, id: str, **outputs: Any) -> bool:
    """Whether a tagged resource is none of a state with one resource."""
    there = {"custom": True, "type": type, "id": id, "outputs": outputs}
    return bool(live.unmanaged({found: {}}, {"resources": [there]}))


CLUSTER = "arn:aws:eks:us-west-2:1:cluster/c"
EKS = "aws:eks/cluster:Cluster"


@pytest.mark.parametrize(
    ("arn", "type", "id", "region"),
    [
        ("arn:aws:ec2:us-east-1:1:subnet/subnet-0123abcd", "aws:ec2/subnet:Subnet", "subnet-0123abcd", ""),
        ("arn:aws:ec2:us-east-1:1:elastic-ip/eipalloc-0123abcd", "aws:ec2/eip:Eip", "eipalloc-0123abcd", ""),
        ("arn:aws:ec2:us-east-1:1:vpc-endpoint/x", "aws:ec2/vpcEndpoint:VpcEndpoint", "x", "us-east-1"),
        (CLUSTER, EKS, "c", "us-west-2"),
        (CLUSTER, "aws-native:eks:Cluster", "c", ""),
        ("arn:aws:ecr:us-east-1:1:repository/team/app", "aws:ecr/repository:Repository", "team/app", ""),
    ],
)
def test_a_resource_without_its_arn_in_the_state_is_known_by_type_and_id(
    arn: str, type: str, id: str, region: str
) -> None:
    assert not unmanaged(arn, type, id, **({"region": region} if region else {}))
    assert unmanaged(arn, type, f"{id}0")


def test_another_resource_with_the_same_last_part_is_no_known_one() -> None:
    assert not unmanaged(CLUSTER, EKS, "x", vpc={"cluster": CLUSTER})
    log = "arn:aws:ec2:us-east-1:1:flow-logs/fl-0123abcd"
    assert not unmanaged(log, "aws:ec2/flowLog:FlowLog", "fl-0123abcd", arn=log.replace("flow-logs", "vpc-flow-log"))
    assert unmanaged(CLUSTER, EKS, "c", region="us-east-1")
    assert unmanaged(CLUSTER, EKS, "c", arn="arn:aws:eks:us-west-2:2:cluster/c"), "of another account"
    assert unmanaged("arn:aws:eks:us-west-2:1:cluster/train-0123abcd", EKS, "train-0123abcd", region="us-east-1")
    assert unmanaged(CLUSTER, "aws:ecr/repository:Repository", "c")
    assert unmanaged("arn:aws:s3:::models", "aws:iam/role:Role", "models")


def test_the_regions_of_a_stack_are_its_own_and_those_of_its_arns() -> None:
    exported = {"resources": [{"outputs": {"a": "arn:aws:ecr:eu-west-1:1:repository/x", "b": "arn:aws:iam::1:role/r"}}]}
    assert live.regions(exported, "us-east-1") == ["us-east-1", "eu-west-1"]


def test_a_refresh_that_fails_is_one_sentence(audited: Audited) -> None:
    ran = audited(deployed.state(), "--live", refresh={"steps": 1})
    assert ran.code == 3 and "The resources of dev cannot be read" in ran.errors


def test_a_folder_and_an_account_contradict_each_other(mlpctl: Mlpctl) -> None:
    assert mlpctl("audit", "--account", "--folder", "x").code == 2

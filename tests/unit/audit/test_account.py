"""`mlpctl audit --account` without a stack: all stacks of a project, and the resources that belong to none of them."""

import json
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest

from mlpctl.audit import account
from mlpctl.audit.account_model import AccountReport
from mlpctl.audit.live import Unmanaged
from mlpctl.stack import Stack, StackError
from unit.audit import deployed
from unit.review.commands import Mlpctl, Ran, mlpctl, prices

__all__ = ["mlpctl", "prices"]  # fixtures

PULUMI: Final = """\
#!/bin/sh
here=${0%/*}
for each; do [ "$before" = --stack ] && name=$each; before=$each; done
case "$1 $2" in
  "stack ls") cat "$here/list" ;;
  "stack export") cat "$here/$name-state" ;;
  refresh*) cat "$here/$name-refresh" ;;
  *) exit 9 ;;
esac
"""
NOTHING: Final = {"config": {}, "steps": [], "changeSummary": {}}
STACK_TAG: Final = "mlplatform:stack"
Audited = Callable[..., Ran]


def of(stack: str, deployment: Any) -> Any:
    """A deployment or a refresh of the stack `dev` as that of another stack."""
    text = json.dumps(deployment).replace("urn:pulumi:dev::", f"urn:pulumi:{stack}::")
    return json.loads(text.replace("shop-dev", f"shop-{stack}").replace("models-1", f"{stack}-models"))


@pytest.fixture
def audited(tmp_path: Path, mlpctl: Mlpctl, monkeypatch: pytest.MonkeyPatch) -> Audited:
    """Audits stacks, given as their states and refreshes, in the account of the shell."""
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://states")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin")
    (tmp_path / "bin").mkdir()
    (tmp_path / "stacks").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\nstackConfigDir: stacks\n")
    script = tmp_path / "bin" / "pulumi"
    script.write_text(PULUMI)
    script.chmod(script.stat().st_mode | stat.S_IEXEC)

    def run(stacks: Mapping[str, tuple[Any, Any]], *options: str | Path, tagged: Any = None, names: Any = None) -> Ran:
        for name, (state, refresh) in stacks.items():
            if state is not None:
                (tmp_path / "bin" / f"{name}-state").write_text(json.dumps({"version": 3, "deployment": state}))
            (tmp_path / "bin" / f"{name}-refresh").write_text(json.dumps(refresh))
            if not (file := tmp_path / "stacks" / f"Pulumi.{name}.yaml").exists():
                file.write_text(deployed.STACK_FILE)
        (tmp_path / "bin" / "list").write_text(json.dumps([{"name": each} for each in (names or stacks)]))

        def find(env: Any, project: str, regions: Any) -> Any:
            asked.append((project, [*regions]))
            if isinstance(tagged, Exception):
                raise tagged
            return tagged or {}

        monkeypatch.setattr(account, "tagged_by_project", find)
        return mlpctl("audit", "--account", *options)

    asked = run.asked = []  # type: ignore[attr-defined]  # what the tests read
    return run


def report(ran: Ran) -> Any:
    return json.loads(ran.out)


def texts(stack: Any, rule: str) -> list[str]:
    return [each["text"] for each in stack["report"]["rules"]["findings"] if each["rule"] == rule]


DRIFT: Final = {
    "config": {},
    "steps": [deployed.OPENED, deployed.READ],
    "changeSummary": {"same": 1, "update": 1},
}
CLEAN: Final = {"resources": [deployed.state()["resources"][0], deployed.state()["resources"][-1]]}
"""Without violations."""

TWO: Final = {"dev": (deployed.state(), NOTHING), "test": (of("test", deployed.state()), of("test", DRIFT))}


def test_every_stack_is_judged_as_it_is_now_and_the_worst_decides(audited: Audited) -> None:
    ran = audited(TWO, "--json", "-")
    found = report(ran)
    jsonschema.validate(found, AccountReport.json_schema())
    assert [each["stack"] for each in found["stacks"]] == ["dev", "test"]
    dev, test = found["stacks"]
    assert texts(dev, "ML-S3-01") == [] and "no drift" in dev["report"]["verdict"]
    assert texts(test, "ML-S3-01") == [
        "models-bucket does not block public access: blockPublicPolicy of models-block is off."
    ]
    assert "1 changed outside of Pulumi" in test["report"]["verdict"]
    broken = [each["report"]["rules"]["findings"] for each in found["stacks"]]
    number = sum(each["mandatory"] and not each["waived"] for findings in broken for each in findings)
    assert ran.code == 1 and number > 1
    assert found["verdict"] == f"2 stacks: {number} mandatory violations, no resource of no stack"
    ran = audited({"dev": (CLEAN, NOTHING)}, "--json", "-")
    assert ran.code == 0
    assert report(ran)["verdict"] == "1 stack: no mandatory violation, no resource of no stack"


def test_resources_of_no_stack_are_listed_once_with_the_tags_that_led_to_them(audited: Audited) -> None:
    lost = "arn:aws:ec2:eu-west-1:1:volume/vol-1"
    node = "arn:aws:ec2:us-east-1:1:instance/i-1"
    tagged = {
        node: {STACK_TAG: "shop/dev", "aws:autoscaling:groupName": "g", "owner": "ml"},
        lost: {STACK_TAG: "shop/destroyed", "mlplatform:name": "scratch", "owner": "ml"},
        "arn:aws:s3:::test-models": {STACK_TAG: "shop/dev"},
        "arn:aws:s3:::models-1": {STACK_TAG: "shop/dev"},
    }
    found = report(ran := audited(TWO, "--json", "-", tagged=tagged))
    assert found["strangers"] == [
        {
            "arn": lost,
            "type": "ec2:volume",
            "tags": {STACK_TAG: "shop/destroyed", "mlplatform:name": "scratch"},
            "madeBy": "",
        },
        {
            "arn": node,
            "type": "ec2:instance",
            "tags": {STACK_TAG: "shop/dev", "aws:autoscaling:groupName": "g"},
            "madeBy": "aws:autoscaling:groupName",
        },
    ]
    assert ran.out.count(lost) == 1
    assert found["verdict"].endswith("1 resource of no stack, not evaluated")
    assert found["unchecked"][0]["what"] == "2 resources of no stack"


def test_the_regions_are_those_of_all_stacks(audited: Audited) -> None:
    copy = deployed.resource("urn:pulumi:dev::shop::aws:s3/bucket:Bucket::copy", {}, outputs={"arn": "x"})
    copy["outputs"]["arn"] = "arn:aws:ecr:eu-west-1:1:repository/app"
    found = report(audited({**TWO, "test": (of("test", deployed.state(copy)), NOTHING)}, "--json", "-"))
    assert audited.asked == [("shop", ["us-east-1", "eu-west-1"])]  # type: ignore[attr-defined]
    assert found["regions"] == ["us-east-1", "eu-west-1"]


def test_a_stack_whose_state_cannot_be_read_does_not_hide_the_others(audited: Audited) -> None:
    mine = {"arn:aws:s3:::of-lost": {STACK_TAG: "shop/lost"}, "arn:aws:s3:::old": {STACK_TAG: "shop/old"}}
    ran = audited({"lost": (None, NOTHING), "dev": TWO["dev"]}, "--json", "-", tagged=mine)
    lost, dev = report(ran)["stacks"]
    assert ran.code == 3 and lost["report"] is None
    assert "pulumi stack export --stack lost failed" in lost["fault"]
    assert dev["report"]["rules"]["passed"] > 0 and dev["fault"] == ""
    # What has its tag may be in its state, so it is no stranger.
    assert lost["unread"] == 1
    assert [each["arn"] for each in report(ran)["strangers"]] == ["arn:aws:s3:::old"]
    assert report(ran)["verdict"].startswith("2 stacks: 1 not audited, ")


def test_a_failed_refresh_and_an_invalid_file_fail_only_their_own_stacks(audited: Audited, tmp_path: Path) -> None:
    (tmp_path / "stacks" / "Pulumi.wrong.yaml").write_text("config:\n  mlplatform:platform: {profile: prod}\n")
    stacks = {
        "wrong": (of("wrong", deployed.state()), NOTHING),
        "stuck": (of("stuck", deployed.state()), {"steps": 1}),
        "dev": TWO["dev"],
    }
    known = {f"arn:aws:s3:::{each}-models": {STACK_TAG: f"shop/{each}"} for each in ("wrong", "stuck")}
    ran = audited(stacks, "--json", "-", tagged=known)
    wrong, stuck, dev = report(ran)["stacks"]
    assert ran.code == 3 and dev["report"]["audit"] is True
    assert "Pulumi.wrong.yaml" in wrong["fault"]
    assert "The resources of stuck cannot be read" in stuck["fault"]
    assert report(ran)["strangers"] == [], "their states are known"


def test_a_stack_whose_file_is_missing_is_a_failure_and_the_others_are_audited(
    audited: Audited, tmp_path: Path
) -> None:
    public = of("ghost", deployed.state(blocks={}))
    audited({"ghost": (public, NOTHING)})
    (tmp_path / "stacks" / "Pulumi.ghost.yaml").unlink()
    ran = audited({"dev": (CLEAN, NOTHING)}, "--json", "-", names=["dev", "ghost"])
    dev, ghost = report(ran)["stacks"]
    assert ran.code == 3 and ghost["report"] is None and dev["report"]["rules"]["profile"] == "dev"
    assert "its stack file stacks/Pulumi.ghost.yaml is missing" in ghost["fault"]
    assert report(ran)["verdict"].startswith("2 stacks: 1 not audited, ")


def test_a_defect_in_one_stack_is_reported_and_the_others_are_audited(
    audited: Audited, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = account.judge.judge

    def broken(stack: Stack, *given: Any, **more: Any) -> Any:
        if stack.name == "test":
            raise KeyError("x")
        return judge(stack, *given, **more)

    monkeypatch.setattr(account.judge, "judge", broken)
    dev, test = report(audited(TWO, "--json", "-"))["stacks"]
    assert "KeyError" in test["fault"] and dev["report"]


def test_a_stack_without_resources_is_neither_judged_nor_a_failure(audited: Audited) -> None:
    ran = audited({"gone": ({"manifest": {}}, NOTHING), "dev": (CLEAN, NOTHING)}, "--json", "-")
    gone, _ = report(ran)["stacks"]
    assert ran.code == 0 and (gone["report"], gone["fault"]) == (None, "")


def test_no_stacks_and_unanswered_queries_are_partial_results(audited: Audited) -> None:
    ran = audited({}, "--json", "-", tagged={"arn:aws:s3:::old": {STACK_TAG: "shop/old"}})
    assert ran.code == 3 and report(ran)["incomplete"] == account.NO_STACKS
    assert [each["arn"] for each in report(ran)["strangers"]] == ["arn:aws:s3:::old"]
    ran = audited({"dev": TWO["dev"]}, "--json", "-", tagged=StackError("The query failed: AccessDenied."))
    assert ran.code == 3 and report(ran)["incomplete"].endswith("The query failed: AccessDenied.")


def test_a_page_has_a_section_for_each_stack_and_code_scanning_a_run(audited: Audited, tmp_path: Path) -> None:
    stacks = {**TWO, "lost": (None, NOTHING), "gone": ({}, NOTHING)}
    tagged = {
        "arn:aws:s3:::a\x1b[31m": {STACK_TAG: "shop/old"},
        "arn:aws:s3:::of-lost": {STACK_TAG: "shop/lost"},
    }
    ran = audited(stacks, "--sarif", tmp_path / "a.sarif", tagged=tagged)
    parts = [
        *("4 stacks: 1 not audited", "Stack dev", "no drift", "Stack test", "ML-S3-01", "Stack lost"),
        *("It could not be audited: pulumi stack export", "1 resource with its tag may belong to it"),
        *("Stack gone", "It has no resources.", "Resources of no stack", "arn:aws:s3:::a\\x1b[31m", "Not checked"),
    ]
    places = [ran.out.index(part) for part in parts]
    assert places == sorted(places) and "\x1b" not in ran.out
    runs = json.loads((tmp_path / "a.sarif").read_text())["runs"]
    assert [each["automationDetails"]["id"] for each in runs] == ["audit/shop/dev/", "audit/shop/test/"]


@pytest.mark.parametrize(("columns", "width"), [("", 120), ("80", 80), ("200", 120)])
def test_headings_are_no_wider_than_the_page(
    audited: Audited, monkeypatch: pytest.MonkeyPatch, columns: str, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    lines = audited({"dev": (CLEAN, NOTHING)}).out.splitlines()
    (heading,) = [each for each in lines if each.startswith("Stack dev")]
    assert len(heading.rstrip()) == width


def test_only_formats_for_several_stacks_are_allowed(mlpctl: Mlpctl) -> None:
    for option in ("--markdown", "--html"):
        ran = mlpctl("audit", "--account", option, "x")
        assert ran.code == 2 and "allowed without --stack" in ran.errors


def test_the_stack_tag_has_no_organization(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    assert {Stack(tmp_path, each).tag for each in ("dev", "acme/dev", "acme/shop/dev")} == {"shop/dev"}


@pytest.mark.parametrize(
    ("arn", "type"),
    [
        ("arn:aws:ec2:us-east-1:1:subnet/subnet-1", "ec2:subnet"),
        ("arn:aws:logs:us-east-1:1:log-group:/aws/eks/c", "logs:log-group"),
        ("arn:aws:s3:::bucket", "s3"),
        ("arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/net/a/b", "elasticloadbalancing:loadbalancer"),
    ],
)
def test_the_type_of_a_resource_is_that_of_its_arn(arn: str, type: str) -> None:
    assert Unmanaged(arn, "").type == type

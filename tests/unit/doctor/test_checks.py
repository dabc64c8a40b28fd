"""What holds for all checks of an account."""

import datetime
import json

from healthy_account import (
    ACCOUNT,
    ACCOUNT_WITH_VPC,
    EXISTING,
    NOW,
    TAGS,
    created,
    denied,
    examine,
    found,
    load,
    quotas,
)
from mlpctl.doctor.asking import Refusal
from mlpctl.doctor.finding import Level
from mlpctl.doctor.policy import READS, policy


def test_a_healthy_account_has_no_findings_except_for_what_it_cannot_know() -> None:
    report, _ = examine()
    assert not report.blocked
    assert report.of(Level.WARNS) == []
    assert [each.field for each in report.of(Level.NOT_CHECKED)] == ["cluster.access.auditors.principalArn"]
    assert {each.field for each in report.of(Level.NOTE)} == {
        "gpuPools.training.reservation",
        "gpuPools.batch.reservation",
        "cluster.publicAccessCidrs",
        "inference.chat.model",
    }


def test_the_expiry_of_the_credentials_is_a_warning_or_not_known() -> None:
    soon = NOW + datetime.timedelta(minutes=20)
    for machine, level in (
        ({"expires": soon}, Level.WARNS),
        ({"expires": soon + datetime.timedelta(hours=2)}, Level.PASSES),
        ({"temporary": True}, Level.NOT_CHECKED),
        ({}, Level.PASSES),
    ):
        (entry,) = found("identity.session", **machine)
        assert entry.level is level
    assert "in 20 minutes" in found("identity.session", expires=soon)[0].fact


def test_the_public_address_is_compared_only_if_it_is_known() -> None:
    for address, level, fix in (
        ("8.8.8.8", Level.PASSES, ""),
        ("9.9.9.9", Level.WARNS, "Add 9.9.9.9/32, or its network."),
        ("", Level.NOT_CHECKED, "Run the command with `--address`."),
    ):
        (entry,) = found("reach.address", address=address)
        assert (entry.level, entry.fix) == (level, fix)


def test_with_the_wrong_account_or_region_nothing_else_is_asked() -> None:
    for account, edits, reason in (
        ({}, {"allowedAccounts": ["999900001111"]}, "the account is"),
        (denied("sts:GetCallerIdentity", "InvalidClientTokenId"), {}, "AWS did not accept the credentials"),
        ({"ec2:DescribeRegions": []}, {}, "AWS lists no region us-east-1"),
    ):
        report, asked = examine(account, edits)
        assert {each.api for each in asked} == {"sts:GetCallerIdentity", "ec2:DescribeRegions"}
        assert report.blocked
        others = [each for each in report.entries if not each.check.startswith("identity.")]
        unknown = [each for each in others if each.level is Level.NOT_CHECKED and not each.source and not each.field]
        assert len(unknown) > 15
        assert all(
            "nothing else was asked, because" in each.fact and reason.lower() in each.fact.lower() for each in unknown
        )


def test_a_denied_request_hides_only_what_needs_its_answer() -> None:
    report, _ = examine(denied("ec2:DescribeVpcs"))
    assert [each.check for each in report.of(Level.NOT_CHECKED)] == ["quotas.numbers", "access.principals"]
    assert len([each for each in report.entries if each.check == "quotas.numbers"]) == 6


def test_each_error_that_is_known_is_explained_as_after_an_update() -> None:
    (entry,) = found(
        "offers.zones", {"ec2:DescribeAvailabilityZones": Refusal("RequestLimitExceeded", "Rate exceeded")}
    )
    assert entry.level is Level.NOT_CHECKED
    assert entry.source == "ec2:DescribeAvailabilityZones"
    assert "There were too many requests to AWS." in entry.fix


def test_no_question_is_asked_twice_and_all_only_read() -> None:
    _, asked = examine(created())
    assert len(asked) == len({*asked})
    assert {each.operation for each in asked if not each.operation.startswith(("Describe", "Get", "List"))} == {
        "Connect",
        "SimulatePrincipalPolicy",
    }


def test_the_documented_permissions_are_those_of_all_questions() -> None:
    tagged_bucket = {"ResourceARN": "arn:aws:s3:::b", "Tags": [{"Key": "mlplatform:name", "Value": "models-bucket"}]}
    weights = {"resourcegroupstaggingapi:GetResources": [tagged_bucket], "s3:ListObjectsV2": {"KeyCount": 1}}
    user = {"cluster/access/auditors": {"principalArn": f"arn:aws:iam::{ACCOUNT}:user/x", "level": "view"}}
    asked = [
        *examine({**created(), **weights})[1],
        *examine({"iam:GetUser": {}}, user)[1],
        *examine(ACCOUNT_WITH_VPC, EXISTING)[1],
    ]
    assert sorted({each.permission for each in asked if each.permission}, key=str.lower) == [*READS]
    assert json.loads(policy())["Statement"][0]["Action"] == [*READS]


def test_the_line_of_each_field_is_that_in_the_file() -> None:
    report, _ = examine(quotas("ec2", L_DB2E81BA=0))
    (entry,) = report.of(Level.BLOCKS)
    assert entry.line == load().lines[("gpuPools", "serving", "nodes")]
    assert TAGS["mlplatform:stack"].endswith(report.stack)

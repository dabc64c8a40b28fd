"""A replacement that retains the old resource: all parts of a review agree."""

from datetime import date
from typing import Any

import pytest

from mlpctl.review import assemble
from mlpctl.review.cost import book
from mlpctl.review.reading import reader
from mlpctl.review.report import wording
from mlpctl.review.report.model import Harm, Report
from mlpctl.review.writers.html import html
from mlpctl.review.writers.markdown import markdown
from unit.review.engine import ROOT, Step, digest, events, state
from unit.review.test_terminal import printed

DATABASE = "aws:rds/instance:Instance"
OLD = {"instanceClass": "db.m6g.large", "skipFinalSnapshot": True, "publiclyAccessible": False, "engine": "postgres"}
BOOK = book.load()


def review(old: Any = OLD, new: Any = OLD, before: Any = None, after: Any = None, write: Any = digest) -> Report:
    """A review of the replacement of a database with old and new resource options."""
    sides = state(DATABASE, "orders", old, **(before or {})), state(DATABASE, "orders", new, **(after or {}))
    return assemble.review(reader.read(write(ROOT, Step("replace", *sides, ("engine",)))), BOOK, date(2026, 11, 1))


RETAIN, PROTECT = {"retainOnDelete": True}, {"protect": True}


@pytest.mark.parametrize("write", [digest, events])
@pytest.mark.parametrize("form", [markdown, html, printed])
def test_no_format_says_that_no_action_is_needed_or_that_anything_is_lost(form: Any, write: Any) -> None:
    report = review(
        new={**OLD, "engine": "mysql", "instanceClass": "db.m6g.xlarge"}, before=RETAIN, after=RETAIN, write=write
    )
    text = " ".join(form(report).split())
    assert report.dangers == () and report.verdict.startswith("1 to replace (the old one is retained")
    assert "No action is needed" not in text and "Decide who manages the resources that stay in the cloud" in text
    assert not any(word in text for word in (" lost", "restarts", "destroy data"))
    assert [wording.component_state(report, each) for each in report.groups] == ["changed"]


def test_access_opened_by_the_new_resource_is_reported_first() -> None:
    report = review(new={**OLD, "publiclyAccessible": True}, before=RETAIN, after=RETAIN)
    (danger,) = report.dangers
    assert (danger.harm, wording.standing(danger)) == (Harm.IDENTITY, "the old one is retained")


def test_public_access_comes_before_the_loss_of_a_retained_resource() -> None:
    opened = state(DATABASE, "opened", {**OLD, "publiclyAccessible": True})
    steps = [
        Step("replace", state(DATABASE, "opened", OLD, **RETAIN), opened, ("publiclyAccessible",)),
        Step(
            "update", state(DATABASE, "weaker", {**OLD, "multiAz": True}), state(DATABASE, "weaker", OLD), ("multiAz",)
        ),
    ]
    report = assemble.review(reader.read(digest(ROOT, *steps)), BOOK, date(2026, 11, 1))
    reported = [(each.name, each.harm) for each in report.dangers]
    assert reported == [("opened", Harm.IDENTITY), ("weaker", Harm.SERVING), ("opened", Harm.PROTECTION)]


def test_removed_retention_concerns_the_new_resource() -> None:
    (danger,) = review(before=RETAIN).dangers
    assert danger.harm is Harm.PROTECTION and "a deletion of the new one will no longer retain it" in danger.text


def test_the_old_resource_is_destroyed_if_only_the_new_one_is_retained() -> None:
    report = review(after=RETAIN)
    assert [each.harm for each in report.dangers] == [Harm.DATA]
    assert report.verdict.startswith("1 to replace;")


@pytest.mark.parametrize(("after", "refused"), [(PROTECT, True), ({}, False)])
def test_the_engine_replaces_a_resource_that_is_no_longer_protected(after: Any, refused: bool) -> None:
    report = review(before=PROTECT, after=after)
    assert [each.protected for each in report.dangers] == [refused]
    assert any("Remove the protection first" in each for each in wording.next_steps(report)) is refused
    assert any("the engine rejects this" in each.text for each in report.dangers) is refused


def test_all_formats_have_the_same_alert_level() -> None:
    report = review(before=RETAIN, after=RETAIN)
    assert wording.alarm(report) == "may"
    assert "[!WARNING]" in markdown(report) and 'class="verdict may"' in html(report)


def test_a_page_shows_names_of_options_as_code() -> None:
    page = html(review())
    assert "<code>retainOnDelete</code>" in page and "`" not in page.split('class="next"')[1].split("</p>")[0]


@pytest.mark.parametrize(
    ("type", "inputs", "stays"),
    [
        ("aws:ec2/defaultVpc:DefaultVpc", {}, True),
        ("aws:ec2/defaultVpc:DefaultVpc", {"forceDestroy": False}, True),
        ("aws:ec2/defaultVpc:DefaultVpc", {"forceDestroy": True}, False),
        ("aws:ec2/defaultSubnet:DefaultSubnet", {"availabilityZone": "eu-west-1a"}, True),
        ("aws:ec2/defaultSubnet:DefaultSubnet", {"availabilityZone": "eu-west-1a", "forceDestroy": True}, False),
        ("aws:ec2/defaultRouteTable:DefaultRouteTable", {"defaultRouteTableId": "rtb-1"}, True),
        ("aws:ec2/defaultNetworkAcl:DefaultNetworkAcl", {"defaultNetworkAclId": "acl-1"}, True),
        ("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", {"vpcId": "vpc-1"}, True),
        ("aws:ec2/defaultVpcDhcpOptions:DefaultVpcDhcpOptions", {}, True),
        ("aws:ec2/vpc:Vpc", {}, False),
    ],
)
def test_the_default_network_of_an_account_stays(type: str, inputs: Any, stays: bool) -> None:
    plan = reader.read(digest(ROOT, Step("delete", state(type, "network", inputs), None)))
    report = assemble.review(plan, BOOK, date(2026, 11, 1))
    assert ("no longer managed" in report.verdict) is stays
    assert (report.dangers == ()) is stays

"""The rules in a review: violations, gaps, waivers and approvals, and what they mean for its result."""

import io
import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from rich.console import Console

from changes import change, plan
from mlpctl.keys import PLATFORM
from mlpctl.review import assemble
from mlpctl.review.cost import book
from mlpctl.review.plan.model import Change, Op
from mlpctl.review.plan.stack_config import SettingsError
from mlpctl.review.report.model import Outcome, Report
from mlpctl.review.values.plain import UNKNOWN
from mlpctl.review.writers import html, markdown, terminal

TODAY = date(2026, 11, 29)
BUCKET, BLOCK = "aws:s3/bucket:Bucket", "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
OPEN = change(BUCKET, Op.SAME, name="data", inputs={"bucket": "data-1"}, id="data-1")
PERMISSION = {"resource": "data", "reason": "moves next month", "owner": "ml", "expires": "2026-12-31"}


def reviewed(*changes: Change, profile: str = "prod", **policies: Any) -> Report:
    config = {PLATFORM: json.dumps({"profile": profile, "policies": policies})} if profile else {}
    return assemble.review(replace(plan(*changes), config=config), book.load(), TODAY)


def rules_of(report: Report) -> Any:
    assert report.rules is not None
    return report.rules


def found(report: Report, id: str) -> list[str]:
    return [each.text for each in rules_of(report).findings if each.rule == id]


def all_formats(report: Report) -> list[str]:
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(terminal.page(report))
    return [markdown.markdown(report), html.html(report), console.export_text()]


def test_a_violation_of_a_mandatory_rule_fails_the_review_in_every_format() -> None:
    report = reviewed(OPEN)
    assert found(report, "ML-S3-01") == ["data has no public access block."]
    assert report.outcome is Outcome.BROKEN
    assert "mandatory rule violation" in report.verdict
    for text in all_formats(report):
        assert "ML-S3-01" in text and "data has no public access block." in text
        assert "Add a BucketPublicAccessBlock" in text


def test_a_program_without_the_platform_s_config_has_no_rules() -> None:
    report = reviewed(OPEN, profile="")
    assert report.rules is None and report.outcome is Outcome.KEPT


def test_a_waiver_lets_the_review_pass_and_is_shown() -> None:
    waivers = [PERMISSION | {"rule": each.rule} for each in rules_of(reviewed(OPEN)).findings]
    report = reviewed(OPEN, waivers=waivers)
    assert report.outcome is Outcome.KEPT
    assert all(each.waived == "moves next month (ml, until 2026-12-31)" for each in rules_of(report).findings)
    for text in all_formats(report):
        assert "moves next month" in text and "ML-S3-01" in text


def test_an_expired_waiver_fails_the_review() -> None:
    report = reviewed(waivers=[PERMISSION | {"rule": "ML-S3-01", "expires": "2026-11-28"}])
    assert report.outcome is Outcome.BROKEN and "1 expired waiver" in report.verdict
    assert "it has expired; renew or remove it." in rules_of(report).waivers[0]
    for text in all_formats(report):
        assert "it has expired" in text


def test_what_is_not_known_yet_is_named_in_the_verdict() -> None:
    block = change(BLOCK, Op.CREATE, name="block", inputs={"bucket": UNKNOWN})
    report = reviewed(change(BUCKET, Op.CREATE, name="data", inputs={}), block)
    (gap,) = [each for each in rules_of(report).gaps if each.rule == "ML-S3-01"]
    assert (gap.names, gap.why) == (["data"], "bucket of block is not known yet")
    assert "not evaluated" in report.verdict
    for text in all_formats(report):
        assert "ML-S3-01" in text and "not evaluated" in text


GONE = change(BUCKET, Op.DELETE, name="data", inputs={"bucket": "data-1", "forceDestroy": True}, id="data-1")


def test_a_loss_needs_an_approval_by_name() -> None:
    assert found(reviewed(GONE), "ML-CHANGE-01") == ["data loses its data without an approval."]
    assert reviewed(GONE).outcome is Outcome.BROKEN
    report = reviewed(GONE, approvals=[PERMISSION])
    (loss,) = [each for each in rules_of(report).findings if each.rule == "ML-CHANGE-01"]
    assert loss.waived == "moves next month (ml, until 2026-12-31)"
    assert report.outcome is Outcome.KEPT


@pytest.mark.parametrize("other", [{"resource": "other"}, {"expires": "2026-11-28"}])
def test_an_approval_of_another_resource_or_of_another_day_is_none(other: dict[str, str]) -> None:
    assert reviewed(GONE, approvals=[PERMISSION | other]).outcome is Outcome.BROKEN


def test_in_dev_a_loss_is_only_reported() -> None:
    report = reviewed(GONE, profile="dev")
    assert found(report, "ML-CHANGE-01") and report.outcome is Outcome.KEPT


def test_invalid_settings_are_one_sentence() -> None:
    with pytest.raises(SettingsError, match=r"policies\.waivers\.0\.owner: field required"):
        reviewed(waivers=[{key: each for key, each in (PERMISSION | {"rule": "ML-S3-01"}).items() if key != "owner"}])


@pytest.mark.parametrize(
    "platform",
    [
        {"profile": "Prod"},
        {"profile": ["prod"]},
        {"profile": None},
        {"profile": ""},
        "x",
        [],
        None,
    ],
)
def test_an_invalid_profile_is_refused_instead_of_none(platform: Any) -> None:
    for value in (platform, json.dumps(platform)):
        with pytest.raises(SettingsError):
            assemble.review(replace(plan(OPEN), config={PLATFORM: value}), book.load(), TODAY)


def test_a_program_may_have_other_sections_without_a_profile() -> None:
    found = assemble.review(replace(plan(OPEN), config={PLATFORM: json.dumps({"cost": {}})}), book.load(), TODAY)
    assert found.rules is None or found.rules.profile == ""


def test_an_invalid_section_of_policies_is_refused_instead_of_none() -> None:
    for policies in ([], None, "x"):
        config = {PLATFORM: json.dumps({"profile": "prod", "policies": policies})}
        with pytest.raises(SettingsError):
            assemble.review(replace(plan(OPEN), config=config), book.load(), TODAY)


def test_a_rule_that_does_not_exist_is_refused_unless_it_may_be_in_a_pack() -> None:
    with pytest.raises(SettingsError, match=r"policies\.mandatory\[0\] is ACME-01, which is no rule"):
        reviewed(OPEN, mandatory=["ACME-01"])
    reviewed(OPEN, mandatory=["ACME-01"], packs=["policies/acme"])

"""Tests of the output of `mlpctl cost`, as a table and as JSON."""

import io
import json
from typing import Any

import pytest
from rich.console import Console

from costing import TODAY, Prices, change, urn
from mlpctl.keys import PLATFORM
from mlpctl.review import assemble
from mlpctl.review.cost import command, table
from mlpctl.review.plan.model import Change, Op, Plan
from mlpctl.review.plan.stack_config import SettingsError
from mlpctl.review.report.model import Outcome
from mlpctl.review.values.plain import UNKNOWN
from mlpctl.text import cents

BOOK = Prices({"kms/key": 1, "ebs/gp3-storage": 0.08, "s3/standard-storage": {0: 0.023, 51200: 0.022}})
KEYS = Change(urn("mlplatform:index:KeyRing", "keys"), Op.CREATE, new={}, custom=False)
KEY = Change(
    urn("aws:kms/key:Key", "keys-data", "mlplatform:index:KeyRing$"),
    Op.CREATE,
    new={"enableKeyRotation": True, "tags": {"team": "ml"}},
    parent=KEYS.urn,
)
DISK = change(
    "aws:ebs/volume:Volume",
    {"type": "gp3", "size": 500},
    old={"type": "gp3", "size": 1000},
    op=Op.UPDATE,
    name="scratch",
)
LOST = change("aws:ebs/volume:Volume", {"type": "gp3", "size": UNKNOWN}, name="lost")
BUCKET = change("aws:s3/bucket:Bucket", {}, name="models")


def a_plan(*changes: Change, cost: Any = None, **config: Any) -> Plan:
    platform = json.dumps({"profile": "dev", "cost": cost} if cost is not None else {"profile": "dev"})
    return Plan(changes, project="shop", stack="dev", config={"aws:region": "us-east-1", PLATFORM: platform, **config})


def printed(plan: Plan, **how: Any) -> tuple[str, Outcome]:
    console = Console(file=io.StringIO(), width=100)
    outcome = command.show(plan, BOOK, TODAY, console, **how)
    text = console.file.getvalue()  # type: ignore[attr-defined] # a StringIO
    return "\n".join(line.rstrip() for line in text.splitlines()), outcome


def test_the_table_shows_totals_assumptions_and_unpriced_resources() -> None:
    usage = {"default": {"s3StorageGb": 60000}}
    text, outcome = printed(
        a_plan(KEYS, KEY, DISK, LOST, BUCKET, cost={"usage": usage, "maxMonthlyUsd": 1500, "maxUnpriced": 1})
    )
    assert outcome is Outcome.KEPT
    assert (
        text
        == """\
Component                Least   Expected       Most      Change
Without a component  $1,411.20  $1,411.20  $1,411.20  +$1,331.20
KeyRing keys             $1.00      $1.00      $3.00      +$1.00
Total                $1,412.20  $1,412.20  $1,414.20  +$1,332.20

Team         Least   Expected       Most
no team  $1,411.20  $1,411.20  $1,411.20
ml           $1.00      $1.00      $3.00

Assumptions, per month
  cost.usage.default.s3StorageGb  60,000 GB

Unpriced, not in the totals (1)
  lost  size is known only after the update

Partly priced (2)
  keys-data  cost.usage has no value for kmsRequests
  models     cost.usage has no value for s3PutRequests and s3GetRequests

Limits
  met  The stack costs $1,412.20 a month; cost.maxMonthlyUsd allows $1,500.00. Not included: 1
       resource without a price.
  met  The plan has 1 resource without a price; cost.maxUnpriced allows 1.

US dollars per month of 730 hours, at AWS list prices of 2026-11-01, without taxes and discounts."""
    )


def test_a_broken_limit_fails() -> None:
    text, outcome = printed(a_plan(DISK, cost={"maxMonthlyUsd": 10}))
    assert outcome is Outcome.BROKEN
    assert "broken  The stack costs $40.00 a month; cost.maxMonthlyUsd allows $10.00." in text


def test_json_matches_the_documentation() -> None:
    text, _ = printed(a_plan(KEYS, KEY, LOST, BUCKET, cost={"usage": {"models": {"s3StorageGb": 10}}}), as_json=True)
    found = json.loads(text)
    key, lost, bucket = found["resources"][1:]
    assert key["urn"] == KEY.urn
    assert (key["type"], key["component"], key["team"]) == ("aws:kms/key:Key", "KeyRing keys", "ml")
    assert key["monthlyUsd"] == {"min": 1, "expected": 1, "max": 3}
    assert key["prices"] == [
        {
            "row": "kms/us-east-1/key",
            "usd": 1,
            "unit": "unit",
            "quantity": 1,
            "source": "Rows of a test",
            "date": "2026-11-01",
            "stale": False,
        }
    ]
    assert lost["monthlyUsd"] is None
    assert bucket["assumptions"] == [{"name": "models.s3StorageGb", "value": 10, "unit": "GB", "given": True}]
    assert found["totals"]["monthlyUsd"] == {"min": 1.23, "expected": 1.23, "max": 3.23}
    assert (found["totals"]["unpriced"], found["region"], found["limits"]) == (1, "us-east-1", [])


def test_stacks_are_compared_side_by_side() -> None:
    console = Console(file=io.StringIO(), width=100)
    plans = {"dev": a_plan(KEYS, KEY, LOST), "prod": a_plan(KEYS, KEY, DISK, cost={"maxMonthlyUsd": 5})}
    assert command.compare(plans, BOOK, TODAY, console) is Outcome.BROKEN
    text = console.file.getvalue()  # type: ignore[attr-defined] # a StringIO
    assert (
        "\n".join(line.rstrip() for line in text.splitlines())
        == """\
Component              dev    prod
KeyRing keys         $1.00   $1.00
Without a component      -  $40.00
Expected             $1.00  $41.00
Least                $1.00  $41.00
Most                 $3.00  $43.00
Unpriced resources       1       0

US dollars per month of 730 hours, at AWS list prices of 2026-11-01, without taxes and discounts.
prod: The stack costs $41.00 a month; cost.maxMonthlyUsd allows $5.00."""
    )
    console = Console(file=io.StringIO())
    command.compare(plans, BOOK, TODAY, console, as_json=True)
    found = json.loads(console.file.getvalue())  # type: ignore[attr-defined] # a StringIO
    assert {name: each["totals"]["monthlyUsd"]["expected"] for name, each in found.items()} == {"dev": 1, "prod": 41}


def test_control_characters_in_names_are_neutralized() -> None:
    hostile = change("aws:ebs/volume:Volume", {"type": "gp3"}, name="\x1b[31mred\x1b[0m [bold]b[/bold] \u202etxt.exe")
    text, _ = printed(a_plan(hostile))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[bold]b[/bold]" in text


class TestSettings:
    def test_a_plan_without_config_has_no_limits_and_no_usage(self) -> None:
        for config in ({}, {PLATFORM: "{}"}, {PLATFORM: '{"profile": "dev"}'}):
            found = command.settings_of(Plan((), config=config))
            assert (found.max_monthly_usd, found.assumed) == (None, {})

    @pytest.mark.parametrize("platform", [{"cost": {"maxMonthlyUsd": 5}}, '{"cost": {"maxMonthlyUsd": 5}}'])
    def test_config_can_be_text_or_an_object(self, platform: Any) -> None:
        assert command.settings_of(Plan((), config={PLATFORM: platform})).max_monthly_usd == 5

    @pytest.mark.parametrize(
        ("platform", "message"),
        [
            ("{", "The value of mlplatform:platform in the plan's config is not JSON, so its limits cannot be read."),
            ('{"cost": {"maxMonthlyUsd": "lots"}}', "cost.maxMonthlyUsd: input should be a valid number"),
            ('{"cost": {"usage": {"a": {"x": 1}}}}', "cost.usage.a.x: extra inputs are not permitted"),
            ('{"cost": 5}', "The plan's config is invalid: cost"),
            ('{"cost": null}', "The plan's config is invalid: cost"),
            ("[]", "The plan's config is invalid: mlplatform:platform is not an object"),
            (UNKNOWN, "The plan's config is invalid: mlplatform:platform is not an object"),
        ],
    )
    def test_invalid_config_fails(self, platform: Any, message: str) -> None:
        with pytest.raises(SettingsError) as error:
            command.settings_of(Plan((), config={PLATFORM: platform}))
        assert message in str(error.value)

    def test_without_a_known_region_everything_is_unpriced(self) -> None:
        found = command.price(Plan((KEY,), config={"aws:region": UNKNOWN}), BOOK, TODAY)
        assert found.cost.resources[0].unpriced == "its region is not known"


@pytest.mark.parametrize(
    ("amount", "text", "change_"),
    [
        (0, "$0.00", ""),
        (1234.5, "$1,234.50", "+$1,234.50"),
        (-8, "-$8.00", "-$8.00"),
        (0.0004, "<$0.01", "+<$0.01"),
        (-0.0004, "-<$0.01", "-<$0.01"),
        (0.005, "$0.01", "+$0.01"),
        (1e9, "$1,000,000,000.00", "+$1,000,000,000.00"),
    ],
)
def test_an_amount_is_formatted_to_the_cent(amount: float, text: str, change_: str) -> None:
    assert (cents(amount), table.change(amount)) == (text, change_)


def test_a_review_fails_a_limit_that_cannot_be_checked() -> None:
    platform = json.dumps({"profile": "dev", "cost": {"maxMonthlyUsd": 1500}})
    plan = Plan((LOST,), project="shop", stack="dev", config={"aws:region": "us-east-1", PLATFORM: platform})
    found = assemble.review(plan, BOOK, TODAY)  # type: ignore[arg-type] # a book of a few rows
    assert not found.passes
    assert "cost.maxMonthlyUsd cannot be checked, since expensive resources are unpriced" in found.verdict

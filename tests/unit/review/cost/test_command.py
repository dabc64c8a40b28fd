"""`mlpctl cost`: what is printed of a plan, as a table and as JSON."""

import io
import json
from typing import Any

import pytest
from rich.console import Console

from costing import TODAY, Prices, change, urn
from mlpctl.keys import PLATFORM, REGION
from mlpctl.review import assemble
from mlpctl.review.cost import command, table
from mlpctl.review.plan import Change, Op, Plan
from mlpctl.review.report import Outcome
from mlpctl.review.values import UNKNOWN

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


def test_the_table_tells_sums_use_and_what_has_no_price() -> None:
    usage = {"default": {"s3StorageGb": 60000}}
    text, outcome = printed(
        a_plan(KEYS, KEY, DISK, LOST, BUCKET, cost={"usage": usage, "maxMonthlyUsd": 1500, "maxUnpriced": 1})
    )
    assert outcome is Outcome.KEPT
    assert (
        text
        == """\
Component            At the least   Expected  At the most      Change
Without a component     $1,411.20  $1,411.20    $1,411.20  +$1,331.20
KeyRing keys                $1.00      $1.00        $3.00      +$1.00
Total                   $1,412.20  $1,412.20    $1,414.20  +$1,332.20

Team            At the least   Expected  At the most
without a team     $1,411.20  $1,411.20    $1,411.20
ml                     $1.00      $1.00        $3.00

Assumed each month
  cost.usage.default.s3StorageGb  60,000 GB

No price (1), and no part of the sums
  lost  size is known only after the update

Not all of it has a price (2)
  keys-data  cost.usage says nothing of kmsRequests
  models     cost.usage says nothing of s3PutRequests and s3GetRequests

Limits
  held  The stack costs $1,412.20 a month; cost.maxMonthlyUsd allows $1,500.00. It leaves out 1
        resource without a price.
  held  The plan has 1 resource without a price; cost.maxUnpriced allows 1.

US dollars a month of 730 hours, at AWS's list prices of 2026-11-01, without taxes and discounts."""
    )


def test_a_broken_limit_fails() -> None:
    text, outcome = printed(a_plan(DISK, cost={"maxMonthlyUsd": 10}))
    assert outcome is Outcome.BROKEN
    assert "broken  The stack costs $40.00 a month; cost.maxMonthlyUsd allows $10.00." in text


def test_json_has_what_the_documentation_says() -> None:
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


def test_stacks_stand_side_by_side() -> None:
    console = Console(file=io.StringIO(), width=100)
    plans = {"dev": a_plan(KEYS, KEY, LOST), "prod": a_plan(KEYS, KEY, DISK, cost={"maxMonthlyUsd": 5})}
    assert command.compare(plans, BOOK, TODAY, console) is Outcome.BROKEN
    text = console.file.getvalue()  # type: ignore[attr-defined] # a StringIO
    assert (
        "\n".join(line.rstrip() for line in text.splitlines())
        == """\
Component                    dev    prod
KeyRing keys               $1.00   $1.00
Without a component            -  $40.00
Expected                   $1.00  $41.00
At the least               $1.00  $41.00
At the most                $3.00  $43.00
Resources without a price      1       0

US dollars a month of 730 hours, at AWS's list prices of 2026-11-01, without taxes and discounts.
prod: The stack costs $41.00 a month; cost.maxMonthlyUsd allows $5.00."""
    )
    console = Console(file=io.StringIO())
    command.compare(plans, BOOK, TODAY, console, as_json=True)
    found = json.loads(console.file.getvalue())  # type: ignore[attr-defined] # a StringIO
    assert {name: each["totals"]["monthlyUsd"]["expected"] for name, each in found.items()} == {"dev": 1, "prod": 41}


def test_names_cannot_act_on_a_terminal() -> None:
    hostile = change("aws:ebs/volume:Volume", {"type": "gp3"}, name="\x1b[31mred\x1b[0m [bold]b[/bold] \u202etxt.exe")
    text, _ = printed(a_plan(hostile))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[bold]b[/bold]" in text


class TestSettings:
    def test_config_is_read_as_the_program_reads_it(self) -> None:
        assert (command.PLATFORM, command.REGION) == (PLATFORM, REGION)

    def test_a_plan_without_config_has_no_limits_and_no_use(self) -> None:
        for config in ({}, {PLATFORM: "{}"}, {PLATFORM: '{"cost": null}'}, {PLATFORM: "[]"}, {PLATFORM: UNKNOWN}):
            found = command.settings_of(Plan((), config=config))
            assert (found.max_monthly_usd, found.assumed) == (None, {})

    @pytest.mark.parametrize("platform", [{"cost": {"maxMonthlyUsd": 5}}, '{"cost": {"maxMonthlyUsd": 5}}'])
    def test_config_may_be_text_or_values(self, platform: Any) -> None:
        assert command.settings_of(Plan((), config={PLATFORM: platform})).max_monthly_usd == 5

    @pytest.mark.parametrize(
        ("platform", "told"),
        [
            ("{", "The plan's config has a mlplatform:platform that is no JSON, so its limits cannot be read."),
            ('{"cost": {"maxMonthlyUsd": "lots"}}', "cost.maxMonthlyUsd: input should be a valid number"),
            ('{"cost": {"usage": {"a": {"x": 1}}}}', "cost.usage.a.x: extra inputs are not permitted"),
            ('{"cost": 5}', "The plan's config can't be used: cost"),
        ],
    )
    def test_what_cannot_be_read_is_told(self, platform: str, told: str) -> None:
        with pytest.raises(command.SettingsError) as error:
            command.settings_of(Plan((), config={PLATFORM: platform}))
        assert told in str(error.value)

    def test_a_region_that_is_not_known_leaves_all_unpriced(self) -> None:
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
def test_an_amount_is_written_to_the_cent(amount: float, text: str, change_: str) -> None:
    assert (table.usd(amount), table.change(amount)) == (text, change_)


def test_a_review_says_that_a_limit_is_not_held_though_its_figure_is_below() -> None:
    platform = json.dumps({"cost": {"maxMonthlyUsd": 1500}})
    plan = Plan((LOST,), project="shop", stack="dev", config={"aws:region": "us-east-1", PLATFORM: platform})
    found = assemble.review(plan, BOOK, TODAY)  # type: ignore[arg-type] # a book of a few rows
    assert not found.passes
    assert found.verdict.endswith("cost.maxMonthlyUsd cannot be checked, since expensive resources are unpriced")

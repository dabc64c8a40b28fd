"""Sums of an estimate, its age, and limits on it."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costing import REGION, TODAY, Prices, change, cost, money, only, plan, urn
from mlpctl.review.cost.estimate import estimate, limits
from mlpctl.review.plan.model import Change, Op, Plan
from mlpctl.review.report import wording
from mlpctl.review.values.plain import UNKNOWN
from mlpctl.settings.cost import CostSettings
from review_plans import bounded
from unit.review.cost.volumes import BOOK, BUCKET, KEY, LARGE, NAT, NODES, POOL, SMALL, VOLUME


class TestAge:
    def test_a_price_is_stale_after_ninety_days_and_counted_once(self) -> None:
        book = Prices({"kms/key": 1}, day=date(2026, 8, 28))
        keys = [change(KEY, {}, name=name) for name in "ab"]
        assert cost(book, *keys, today=date(2026, 11, 26)).totals.stale == 0
        found = cost(book, *keys, today=date(2026, 11, 27))
        assert found.totals.stale == 1
        (use,) = found.resources[0].prices
        assert (use.row, use.date, use.stale, use.source) == (
            "kms/us-east-1/key",
            "2026-08-28",
            True,
            "Rows of a test",
        )


class TestSums:
    def test_by_component_and_team(self) -> None:
        component = Change(urn("mlplatform:index:KeyRing", "keys"), Op.CREATE, new={}, custom=False)
        inside = Change(
            urn(KEY, "keys-data", "mlplatform:index:KeyRing$"),
            Op.CREATE,
            new={"tags": {"Team": "data", "owner": "platform"}},
            parent=component.urn,
        )
        owned = change(KEY, {"tagsAll": {"owner": "platform"}}, name="alone")
        listed = change(KEY, {"tags": [{"key": "team", "value": "data"}]}, name="listed")
        nobody = change(KEY, {"tags": {"team": UNKNOWN}}, name="nobody")
        found = cost(BOOK, component, inside, owned, listed, nobody).totals
        assert found.by_component == {"": money(3), "KeyRing keys": money(1)}
        assert found.by_team == {"data": money(2), "": money(1), "platform": money(1)}

    @given(
        st.lists(
            st.tuples(
                st.floats(0, 1e6),
                st.sampled_from(list(Op)),
                st.sampled_from(["", "a", "b"]),
                st.sampled_from(["gp3", "io9"]),
            ),
            max_size=30,
        )
    )
    def test_totals_are_the_sums_of_their_parts(self, volumes: list[tuple[float, Op, str, str]]) -> None:
        changes = []
        for number, (size, op, team, kind) in enumerate(volumes):
            inputs = {"type": kind, "size": size, "tags": {"team": team}}
            old = None if op in (Op.CREATE, Op.IMPORT, Op.READ) else inputs
            new = None if op in (Op.DELETE, Op.FORGET) else {**inputs, "size": size * 1.5}
            changes.append(change(VOLUME, new, old=old, op=op, name=f"disk-{number}"))
        found = cost(BOOK, *changes)
        sums = found.totals
        now = [each.monthly_usd.expected for each in found.resources if each.monthly_usd]
        was = [each.before_monthly_usd.expected for each in found.resources if each.before_monthly_usd]
        both = [
            each.monthly_usd.expected - each.before_monthly_usd.expected
            for each in found.resources
            if each.monthly_usd and each.before_monthly_usd
        ]
        assert sums.monthly_usd.expected == pytest.approx(sum(now), abs=1e-5)
        assert sums.before_monthly_usd.expected == pytest.approx(sum(was), abs=1e-5)
        assert sums.delta_monthly_usd.expected == pytest.approx(sum(both), abs=1e-5)
        for parts in (sums.by_component, sums.by_team):
            assert sum(each.expected for each in parts.values()) == pytest.approx(sums.monthly_usd.expected, abs=1e-5)
        assert sums.unpriced == sum(bool(each.unpriced) for each in found.resources)

    @given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
    def test_the_range_is_ordered(self, low: int, more: int, most: int) -> None:
        scaling = {"minSize": low, "desiredSize": low + more, "maxSize": low + more + most}
        types = ["p5.48xlarge", "m7i.large"]
        found = only(BOOK, change(NODES, {"instanceTypes": types, "scalingConfig": scaling})).monthly_usd
        assert found and found.min <= found.expected <= found.max

    def test_a_tenth_and_two_tenths_are_three_tenths(self) -> None:
        book = Prices({"kms/key": 0.1, "secrets-manager/secret": 0.2})
        found = cost(book, change(KEY, {}), change("aws:secretsmanager/secret:Secret", {}))
        assert found.totals.monthly_usd.expected == 0.3

    def test_an_empty_plan_costs_nothing(self) -> None:
        assert cost(BOOK).totals.monthly_usd == money(0)


class TestLimits:
    COST = cost(BOOK, change(VOLUME, LARGE, old=SMALL, op=Op.UPDATE), change(BUCKET, {}, name="bucket"))

    @pytest.mark.parametrize(
        ("settings", "names", "broken"),
        [
            ({}, [], []),
            ({"maxMonthlyUsd": 24}, ["cost.maxMonthlyUsd"], []),
            ({"maxMonthlyUsd": 23.99}, ["cost.maxMonthlyUsd"], ["cost.maxMonthlyUsd"]),
            ({"maxMonthlyDeltaUsd": 16}, ["cost.maxMonthlyDeltaUsd"], []),
            ({"maxMonthlyDeltaUsd": 15}, ["cost.maxMonthlyDeltaUsd"], ["cost.maxMonthlyDeltaUsd"]),
            ({"maxUnpriced": 1}, ["cost.maxUnpriced"], []),
            ({"maxUnpriced": 0}, ["cost.maxUnpriced"], ["cost.maxUnpriced"]),
        ],
    )
    def test_a_limit_is_met_or_broken(self, settings: Any, names: list[str], broken: list[str]) -> None:
        found = limits(self.COST, CostSettings.model_validate(settings))
        assert [each.name for each in found] == names
        assert [each.name for each in found if each.broken] == broken

    def test_a_limit_reports_what_is_not_included(self) -> None:
        (found,) = limits(self.COST, CostSettings(max_monthly_usd=10))
        assert found.text == (
            "The stack costs $24.00 a month; cost.maxMonthlyUsd allows $10.00. "
            "Not included: 1 resource without a price."
        )

    GPUS = change(NODES, {**POOL, "instanceTypes": ["p9.huge"]}, name="gpus")
    FORMAT = "aws:cloudwatch/metricStream:MetricStream"

    def test_a_control_plane_alone_breaks_no_limit(self) -> None:
        made = change("aws:eks/cluster:Cluster", {"version": "1.36", "upgradePolicy": {"supportType": "STANDARD"}})
        assert not [each for each in limits(cost(BOOK, made), CostSettings(max_monthly_usd=100)) if each.broken]

    def test_a_change_from_an_unpriced_state_is_unknown(self) -> None:
        moved = change(VOLUME, LARGE, old={"type": "io9", "size": 1}, op=Op.UPDATE)
        estimated = cost(BOOK, moved)
        whole, delta = limits(estimated, CostSettings(max_monthly_usd=1000, max_monthly_delta_usd=1000))
        assert (whole.broken, delta.broken) == (False, True)
        assert "The limit cannot be checked without a price for disks of 1 resource" in delta.text
        assert wording.cost_in_short(estimated).startswith("$24.00 per month, change unknown")

    def test_the_verdict_says_what_the_total_does_not_include(self) -> None:
        priced = change(VOLUME, LARGE, name="priced")
        partly = [change(NAT, {}, name=name) for name in ("a", "b")]
        for changes, words in (
            ([priced], "$24.00 in total"),
            ([priced, partly[0]], "excluding parts of 1 resource"),
            ([priced, *partly], "excluding parts of 2 resources"),
            ([priced, *partly, self.GPUS], "excluding 1 unpriced resource and parts of 2 others"),
            ([priced, partly[0], self.GPUS], "excluding 1 unpriced resource and parts of 1 other"),
            ([priced, self.GPUS], "excluding 1 unpriced resource"),
        ):
            assert wording.cost_in_short(cost(BOOK, *changes)).endswith(words)

    @pytest.mark.parametrize(
        ("lacking", "what"),
        [
            (GPUS, "instances of 1 resource"),
            (change(VOLUME, {"type": "io9", "size": 1}, name="disk"), "disks of 1 resource"),
            (change("aws:rds/cluster:Cluster", {"engine": "aurora-mysql"}, name="db"), "databases of 1 resource"),
            (change("aws:ec2/capacityBlockReservation:CapacityBlockReservation", {}), "instances of 1 resource"),
            (change("gcp:compute/instance:Instance", {"machineType": "a3-highgpu-8g"}), "instances of 1 resource"),
            (change("aws-native:ec2:Instance", {"instanceType": "p5.48xlarge"}), "instances of 1 resource"),
            (change("azure-native:compute:VirtualMachine", {}), "instances of 1 resource"),
            (change("aws:ecs/service:Service", {"desiredCount": 500}), "instances of 1 resource"),
            (change("gcp:sql/databaseInstance:DatabaseInstance", {}), "databases of 1 resource"),
            (change("aws:dax/cluster:Cluster", {}), "databases of 1 resource"),
            (change("azure-native:compute:Disk", {}), "disks of 1 resource"),
            (
                change("aws:eks/cluster:Cluster", {"version": "1.36", "computeConfig": {"enabled": True}}),
                "instances of 1 resource",
            ),
        ],
    )
    def test_a_limit_in_dollars_fails_if_something_expensive_is_unpriced(self, lacking: Change, what: str) -> None:
        settings = CostSettings(max_monthly_usd=1000, max_monthly_delta_usd=1000)
        found = limits(cost(BOOK, lacking), settings)
        assert [each.broken for each in found] == [True, True]
        assert f"The limit cannot be checked without a price for {what}; cost.maxUnpriced sets" in found[0].text

    def test_an_unpriced_disk_of_a_pool_is_expensive(self) -> None:
        book = Prices({"ec2/m7i.large": 0.1})
        found = cost(book, change(NODES, {**POOL, "diskSize": 2000}))
        assert found.resources[0].monthly_usd is not None
        (held,) = limits(found, CostSettings(max_monthly_usd=10_000))
        assert held.broken

    @pytest.mark.parametrize(("most", "broken"), [(1, False), (0, True)])
    def test_the_stack_file_sets_how_many_resources_may_be_unpriced(self, most: int, broken: bool) -> None:
        settings = CostSettings(max_monthly_usd=1000, max_monthly_delta_usd=1000, max_unpriced=most)
        total, delta, unpriced = limits(cost(BOOK, self.GPUS), settings)
        assert (total.broken, delta.broken, unpriced.broken) == (False, False, broken)

    def test_small_items_and_missing_usage_break_no_limit(self) -> None:
        found = cost(BOOK, change(self.FORMAT, {}), change(BUCKET, {}), change("aws:efs/fileSystem:FileSystem", {}))
        assert found.totals.unpriced == 3
        (held,) = limits(found, CostSettings(max_monthly_usd=10))
        assert not held.broken

    def test_unchanged_resources_add_nothing(self) -> None:
        stays = change(NODES, {**POOL, "instanceTypes": ["p9.huge"]}, old=POOL, op=Op.SAME, name="gpus")
        total, delta = limits(cost(BOOK, stays), CostSettings(max_monthly_usd=1000, max_monthly_delta_usd=1000))
        assert (total.broken, delta.broken) == (True, False)


def test_all_resources_are_reported_in_the_order_of_the_plan() -> None:
    changes = [change(KEY, {}, name=name) for name in "cab"]
    found = estimate(plan(*changes), BOOK, region=REGION, usage={}, today=TODAY)
    assert [each.urn for each in found.resources] == [each.urn for each in changes]
    assert found.region == REGION


@bounded
def test_a_plan_of_two_thousand_resources_is_priced_quickly() -> None:
    changes = [change(NODES, POOL, name=f"pool-{number}") for number in range(2000)]
    estimate(Plan(tuple(changes)), BOOK, region=REGION, usage={}, today=TODAY)

"""Tests of estimates: costs before and after, unpriced resources, totals, limits."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costing import REGION, TODAY, Prices, change, cost, money, only, plan, urn
from mlpctl.review import wording
from mlpctl.review.cost.estimate import estimate, limits
from mlpctl.review.cost.settings import CostSettings
from mlpctl.review.plan import Change, Op, Plan
from mlpctl.review.report_cost import Money, ResourceCost
from mlpctl.review.values import UNKNOWN, Secret
from review_plans import bounded

BOOK = Prices(
    {
        "ec2/m7i.large": 0.1,
        "ec2/p5.48xlarge": 55,
        "ebs/gp3-storage": 0.08,
        "nat/gateway": 0.045,
        "nat/data": 0.05,
        "kms/key": 1,
        "eks/cluster": 0.1,
        "eks/extended-support": 0.5,
        "secrets-manager/secret": 0.4,
        "s3/standard-storage": 0.02,
    }
)
VOLUME, KEY, NAT = "aws:ebs/volume:Volume", "aws:kms/key:Key", "aws:ec2/natGateway:NatGateway"
NODES, INSTANCE, BUCKET = "aws:eks/nodeGroup:NodeGroup", "aws:ec2/instance:Instance", "aws:s3/bucket:Bucket"
SMALL: Mapping[str, Any] = {"type": "gp3", "size": 100}
LARGE: Mapping[str, Any] = {"type": "gp3", "size": 300}
POOL: Mapping[str, Any] = {
    "instanceTypes": ["m7i.large"],
    "scalingConfig": {"minSize": 1, "desiredSize": 2, "maxSize": 3},
}


class TestBeforeAndAfter:
    @pytest.mark.parametrize(
        ("op", "old", "new", "before", "after"),
        [
            (Op.CREATE, None, SMALL, 0, 8),
            (Op.UPDATE, SMALL, LARGE, 8, 24),
            (Op.REPLACE, LARGE, SMALL, 24, 8),
            (Op.DELETE, SMALL, None, 8, 0),
            (Op.SAME, SMALL, SMALL, 8, 8),
            (Op.IMPORT, None, SMALL, 8, 8),
            (Op.FORGET, SMALL, None, 8, 8),
            (Op.READ, None, SMALL, 0, 0),
        ],
    )
    def test_an_operation_changes_the_cost(
        self, op: Op, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, before: float, after: float
    ) -> None:
        found = cost(BOOK, change(VOLUME, new, old=old, op=op))
        (volume,) = found.resources
        assert (volume.before_monthly_usd, volume.monthly_usd) == (money(before), money(after))
        assert found.totals.delta_monthly_usd == money(after - before)

    def test_retained_resources_continue_to_cost(self) -> None:
        deleted = only(BOOK, change(VOLUME, None, old=SMALL, op=Op.DELETE, retained=True))
        replaced = only(BOOK, change(VOLUME, LARGE, old=SMALL, op=Op.REPLACE, retained=True))
        assert (deleted.monthly_usd, replaced.monthly_usd) == (money(8), money(24 + 8))

    def test_a_change_to_an_unpriced_instance_type_saves_nothing(self) -> None:
        found = cost(BOOK, change(NODES, {**POOL, "instanceTypes": ["p9.huge"]}, old=POOL, op=Op.UPDATE))
        assert found.totals.before_monthly_usd.expected == 2 * 730 * 0.1
        assert found.totals.monthly_usd == found.totals.delta_monthly_usd == money(0)
        assert found.totals.unpriced == 1

    def test_a_deleted_unpriced_resource_is_reported(self) -> None:
        gone = only(BOOK, change(VOLUME, None, old={"type": "io9", "size": 1}, op=Op.DELETE))
        assert (gone.monthly_usd, gone.before_monthly_usd) == (money(0), None)
        assert gone.unpriced == "its current cost is unpriced: the price book has no ebs/io9-storage in us-east-1"

    def test_nodes_are_priced_with_the_template_before_and_after_the_update(self) -> None:
        template = change(
            "aws:ec2/launchTemplate:LaunchTemplate",
            {"instanceType": "p5.48xlarge"},
            old={"instanceType": "m7i.large"},
            op=Op.UPDATE,
            name="template",
        )
        inputs = {"scalingConfig": POOL["scalingConfig"], "launchTemplate": {"id": "lt-1"}}
        group = change(NODES, inputs, old=inputs, op=Op.UPDATE, depends={"launchTemplate": [template]})
        found = only(BOOK, template, group)
        assert (found.before_monthly_usd, found.monthly_usd) == (
            money(730 * 0.1, 2 * 730 * 0.1, 3 * 730 * 0.1),
            money(730 * 55, 2 * 730 * 55, 3 * 730 * 55),
        )


class TestEndpointsThatScale:
    BOOK = Prices({"sagemaker-hosting/ml.g5.2xlarge": 1.5})

    def endpoint(self, resource: Any, *names: str) -> ResourceCost:
        variants = [{"variantName": name, "instanceType": "ml.g5.2xlarge", "initialInstanceCount": 2} for name in names]
        config = change(
            "aws:sagemaker/endpointConfiguration:EndpointConfiguration",
            {"productionVariants": variants},
            old={"productionVariants": variants},
            op=Op.SAME,
            name="config",
        )
        inputs = {"endpointConfigName": "config"}
        served = change(
            "aws:sagemaker/endpoint:Endpoint", inputs, old=inputs, op=Op.SAME, depends={"endpointConfigName": [config]}
        )
        target = change(
            "aws:appautoscaling/target:Target",
            {"resourceId": resource, "minCapacity": 1, "maxCapacity": 5},
            name="scaling",
            depends={"resourceId": [served]},
        )
        return cost(self.BOOK, config, target, served).resources[2]

    def test_a_scaling_target_sets_the_range_of_a_single_variant(self) -> None:
        found = self.endpoint(UNKNOWN, "a")
        assert found.monthly_usd == money(730 * 1.5, 2 * 730 * 1.5, 5 * 730 * 1.5)
        assert found.before_monthly_usd == money(2 * 730 * 1.5)

    def test_a_scaling_target_of_one_variant_does_not_affect_the_other(self) -> None:
        found = self.endpoint("endpoint/it/variant/b", "a", "b")
        assert found.monthly_usd == money((2 + 1) * 730 * 1.5, (2 + 2) * 730 * 1.5, (2 + 5) * 730 * 1.5)

    def test_an_unknown_target_of_two_variants_is_unpriced(self) -> None:
        found = self.endpoint(UNKNOWN, "a", "b")
        assert found.unpriced == "the variant that scales is known only after the update"


class TestWithoutAPrice:
    @pytest.mark.parametrize(
        ("type", "inputs", "why"),
        [
            (NODES, {**POOL, "scalingConfig": UNKNOWN}, "scalingConfig.minSize is known only after the update"),
            (
                NODES,
                {**POOL, "scalingConfig": {"minSize": 1, "desiredSize": UNKNOWN, "maxSize": 3}},
                "scalingConfig.desiredSize is known only after the update",
            ),
            (NODES, {**POOL, "instanceTypes": UNKNOWN}, "instanceTypes is known only after the update"),
            (NODES, {**POOL, "instanceTypes": [UNKNOWN]}, "its instance types are known only after the update"),
            (NODES, {**POOL, "instanceTypes": ["p9.huge"]}, "the price book has no ec2/p9.huge in us-east-1"),
            (
                NODES,
                {**POOL, "instanceTypes": None, "launchTemplate": {"id": "lt-1"}},
                "its launch template is not part of the plan",
            ),
            (NODES, {**POOL, "capacityType": "SPOT"}, "the price book has no spot price for m7i.large in us-east-1"),
            (NODES, {**POOL, "capacityType": "CAPACITY_BLOCK"}, "capacity blocks are paid up front, at the price"),
            (NODES, {**POOL, "amiType": "WINDOWS_CORE_2022_x86_64"}, "the price book covers only Linux"),
            (INSTANCE, {"instanceType": UNKNOWN}, "instanceType is known only after the update"),
            (INSTANCE, {}, "its instance type is not set"),
            (INSTANCE, {"instanceType": "m7i.large", "tenancy": "host"}, "its tenancy is host"),
            (VOLUME, {"type": "gp3"}, "size is not set"),
            (VOLUME, {"type": "gp3", "size": UNKNOWN}, "size is known only after the update"),
            (VOLUME, {"type": "gp3", "size": Secret("key name")}, "size is secret"),
            (VOLUME, {"type": "gp3", "size": "many"}, "size is not a valid quantity"),
            (VOLUME, {"type": "gp3", "size": -5}, "size is not a valid quantity"),
            (VOLUME, {"type": "gp3", "size": 1e308}, "size is not a valid quantity"),
            (VOLUME, {"type": "gp3", "size": "NaN"}, "size is not a valid quantity"),
            (VOLUME, {"type": "gp3", "size": {"a": 1}}, "size is not a valid quantity"),
            (VOLUME, {**SMALL, "region": UNKNOWN}, "region is known only after the update"),
            (VOLUME, {**SMALL, "region": "cn-north-1"}, "the price book has no ebs/gp3-storage in cn-north-1"),
            ("aws:elasticache/cluster:Cluster", {}, "the price book does not cover caches"),
            ("gcp:compute/instance:Instance", {}, "mlpctl cannot price this type"),
            ("kubernetes:karpenter.sh/v1:NodePool", {}, "a custom resource can create other resources"),
            ("kubernetes:core/v1:Service", {"spec": {"type": "LoadBalancer"}}, "does not cover Classic Load Balancers"),
            (
                "kubernetes:core/v1:PersistentVolumeClaim",
                {"spec": {"resources": {"requests": {"storage": "1Gi"}}}},
                "storage class (default) is not part of the plan",
            ),
            ("aws:sagemaker/endpoint:Endpoint", {}, "its configuration is not part of the plan"),
            (BUCKET, {}, "cost.usage has no value for s3StorageGb, s3PutRequests and s3GetRequests"),
        ],
    )
    def test_an_unpriced_resource_has_a_reason_and_is_not_in_the_totals(
        self, type: str, inputs: Mapping[str, Any], why: str
    ) -> None:
        found = cost(BOOK, change(KEY, {}, name="priced"), change(type, inputs))
        unpriced = found.resources[1]
        assert why in unpriced.unpriced
        assert (unpriced.monthly_usd, unpriced.prices, unpriced.free) == (None, (), "")
        assert found.totals.unpriced == 1
        assert found.totals.monthly_usd == money(1)

    def test_nodes_with_instance_types_are_priced_without_their_template(self) -> None:
        (found,) = cost(BOOK, change(NODES, {**POOL, "launchTemplate": {"id": "lt-1"}})).resources
        (without,) = cost(BOOK, change(NODES, POOL)).resources
        assert found.monthly_usd == without.monthly_usd
        assert found.missing == ("the disks of the nodes: their launch template is not part of the plan",)

    def test_a_disk_of_unknown_size_is_omitted_and_reported(self) -> None:
        template = change(
            "aws:ec2/launchTemplate:LaunchTemplate",
            {
                "instanceType": "m7i.large",
                "blockDeviceMappings": [
                    {"deviceName": "/dev/xvda", "ebs": {"volumeType": "gp3"}},
                    {"deviceName": "/dev/xvdb", "ebs": {"volumeType": "gp3", "volumeSize": 50}},
                ],
            },
            name="template",
        )
        inputs = {"scalingConfig": {"minSize": 1, "desiredSize": 1, "maxSize": 1}, "launchTemplate": {"id": UNKNOWN}}
        found = cost(BOOK, template, change(NODES, inputs, depends={"launchTemplate": [template]}))
        assert found.totals.monthly_usd == money(730 * 0.1 + 50 * 0.08)
        assert found.resources[1].missing == ("disk /dev/xvda: the image determines its size",)
        assert found.totals.partly == 1

    def test_a_reservation_outside_the_plan_is_reported(self) -> None:
        template = change(
            "aws:ec2/launchTemplate:LaunchTemplate",
            {
                "instanceType": "p5.48xlarge",
                "capacityReservationSpecification": {"capacityReservationTarget": {"capacityReservationId": "cr-1"}},
            },
            name="template",
        )
        inputs = {"scalingConfig": {"minSize": 0, "desiredSize": 1, "maxSize": 1}, "launchTemplate": {"id": UNKNOWN}}
        found = only(BOOK, template, change(NODES, inputs, depends={"launchTemplate": [template]}))
        assert found.monthly_usd == money(0, 730 * 55, 730 * 55)
        assert "unused reserved capacity, which is charged too" in found.missing

    def test_usage_without_a_price_is_reported(self) -> None:
        found = only(Prices({"nat/gateway": 0.045}), change(NAT, {}), usage={"default": {"natDataGb": 5}})
        assert found.monthly_usd == money(730 * 0.045)
        assert found.missing[0] == "natDataGb: the price book has no nat/data in us-east-1"

    def test_without_a_region_nothing_is_priced(self) -> None:
        assert only(BOOK, change(VOLUME, SMALL), region="").unpriced == "its region is not known"


class TestRegion:
    FRANKFURT = Prices({"ebs/gp3-storage": 0.0952}, region="eu-central-1")

    def test_the_region_of_a_resource_overrides_its_provider_and_the_stack(self) -> None:
        provider = change("pulumi:providers:aws", {"region": "eu-central-1"}, name="aws")
        by_provider = change(VOLUME, SMALL, provider=provider.urn)
        by_itself = change(VOLUME, {**SMALL, "region": "eu-central-1"})
        elsewhere = change(VOLUME, {**SMALL, "region": REGION}, provider=provider.urn)
        assert only(self.FRANKFURT, provider, by_provider).monthly_usd == money(100 * 0.0952)
        assert only(self.FRANKFURT, by_itself).monthly_usd == money(100 * 0.0952)
        assert only(self.FRANKFURT, provider, elsewhere).monthly_usd is None
        assert only(self.FRANKFURT, change(VOLUME, SMALL), region="eu-central-1").monthly_usd == money(100 * 0.0952)


class TestUse:
    def test_the_most_specific_usage_applies(self) -> None:
        parents = "mlplatform:index:DataBucket$"
        component = Change(urn("mlplatform:index:DataBucket", "models"), Op.CREATE, new={}, custom=False)
        bucket = Change(urn(BUCKET, "models-bucket", parents), Op.CREATE, new={}, parent=component.urn)
        other = change(BUCKET, {}, name="other-bucket")
        usage = {"default": {"s3StorageGb": 100.0}, "models": {"s3StorageGb": 2000.0}}
        _, models, rest = cost(BOOK, component, bucket, other, usage=usage).resources
        assert (models.monthly_usd, rest.monthly_usd) == (money(2000 * 0.02), money(100 * 0.02))
        (assumed,) = models.assumptions
        assert (assumed.name, assumed.value, assumed.unit) == ("models.s3StorageGb", 2000, "GB")
        own = cost(BOOK, component, bucket, usage={**usage, "models-bucket": {"s3StorageGb": 1.0}}).resources[1]
        assert own.monthly_usd == money(0.02)

    def test_zero_usage_is_valid(self) -> None:
        found = only(BOOK, change(BUCKET, {}), usage={"default": {"s3StorageGb": 0}})
        assert found.monthly_usd == money(0)
        assert [each.value for each in found.assumptions] == [0]

    def test_missing_usage_is_reported_with_the_fixed_price(self) -> None:
        found = cost(BOOK, change(NAT, {}))
        assert found.totals.monthly_usd == money(730 * 0.045)
        assert found.resources[0].missing == ("cost.usage has no value for natDataGb and dataOutGb",)
        assert (found.totals.partly, found.totals.unpriced) == (1, 0)


class TestFree:
    @pytest.mark.parametrize(
        ("type", "inputs"),
        [
            ("aws:iam/role:Role", {}),
            ("kubernetes:apps/v1:Deployment", {"spec": {"replicas": 100}}),
            ("kubernetes:core/v1:Service", {"spec": {"type": "ClusterIP"}}),
            ("kubernetes:networking.k8s.io/v1:Ingress", {"spec": {"ingressClassName": "nginx"}}),
            ("aws:ec2/vpcEndpoint:VpcEndpoint", {"vpcEndpointType": "Gateway"}),
            ("aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration", {"scanType": "BASIC"}),
        ],
    )
    def test_a_free_resource_has_a_reason(self, type: str, inputs: Mapping[str, Any]) -> None:
        found = cost(BOOK, change(type, inputs))
        (free,) = found.resources
        assert free.free
        assert free.monthly_usd == money(0)
        assert (found.totals.free, found.totals.unpriced) == (1, 0)

    def test_a_component_has_no_cost_of_its_own(self) -> None:
        component = change("acme:shop:Shop", {"size": 3}, custom=False)
        assert only(BOOK, component).free == "the cost of a component is that of its resources"


class TestSupportOfKubernetes:
    STANDARD, EXTENDED = money(730 * 0.1), money(730 * 0.6)

    @pytest.mark.parametrize(
        ("inputs", "today", "costs"),
        [
            ({"version": "1.34"}, date(2026, 12, 2), STANDARD),
            ({"version": "1.34"}, date(2026, 12, 3), EXTENDED),
            ({"version": "1.34", "upgradePolicy": {"supportType": "STANDARD"}}, date(2026, 12, 3), STANDARD),
            ({"version": "1.34", "upgradePolicy": {"supportType": "EXTENDED"}}, date(2026, 12, 3), EXTENDED),
            ({"version": "1.27"}, TODAY, EXTENDED),
            ({"version": "1.99"}, TODAY, STANDARD),
            ({}, TODAY, STANDARD),
        ],
    )
    def test_an_old_version_costs_more_unless_eks_upgrades_it(
        self, inputs: Mapping[str, Any], today: date, costs: Money
    ) -> None:
        assert only(BOOK, change("aws:eks/cluster:Cluster", inputs), today=today).monthly_usd == costs

    def test_an_invalid_version_is_unpriced(self) -> None:
        found = only(BOOK, change("aws:eks/cluster:Cluster", {"version": "latest"}))
        assert found.unpriced == "latest is not a Kubernetes version"


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

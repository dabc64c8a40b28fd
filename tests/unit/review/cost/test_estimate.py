"""Tests of estimates: costs before and after, unpriced resources, totals, limits."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from costing import REGION, TODAY, Prices, change, cost, money, only, urn
from mlpctl.review.plan.model import Change, Op
from mlpctl.review.report.cost import Money, ResourceCost
from mlpctl.review.values.plain import UNKNOWN, Secret
from unit.review.cost.volumes import BOOK, BUCKET, INSTANCE, KEY, LARGE, NAT, NODES, POOL, SMALL, VOLUME


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

"""Reserved capacity is charged once, with the reservation. SageMaker endpoints are charged, not configurations."""

from collections.abc import Iterable
from typing import Any

import pytest

from costing import Prices, change, cost, money, only
from mlpctl.review.plan.model import Change, Op
from mlpctl.review.report.cost import Money, ResourceCost
from mlpctl.review.values.plain import UNKNOWN

RESERVATION, TEMPLATE = "aws:ec2/capacityReservation:CapacityReservation", "aws:ec2/launchTemplate:LaunchTemplate"
NODES, SCALED, INSTANCE = "aws:eks/nodeGroup:NodeGroup", "aws:autoscaling/group:Group", "aws:ec2/instance:Instance"
GROUP, MEMBER = "aws:resourcegroups/group:Group", "aws:resourcegroups/resource:Resource"
SUBNET = "aws:ec2/subnet:Subnet"
CONFIGURATION = "aws:sagemaker/endpointConfiguration:EndpointConfiguration"
ENDPOINT = "aws:sagemaker/endpoint:Endpoint"

BOOK = Prices({"ec2/p5.48xlarge": 1.0, "ec2/g6.xlarge": 0.1, "sagemaker-hosting/ml.g5.xlarge": 2.0})
HOURS = 730
A, B = "us-east-1a", "us-east-1b"


def reserved(count: float = 4, zone: str = A, name: str = "reserved", **more: Any) -> Change:
    inputs = {"instanceType": "p5.48xlarge", "instancePlatform": "Linux/UNIX", "instanceCount": count}
    return change(RESERVATION, {**inputs, "availabilityZone": zone, **more}, name=name)


def subnets(*zones: str) -> list[Change]:
    return [change(SUBNET, {"availabilityZone": zone}, name=f"subnet-{number}") for number, zone in enumerate(zones)]


def nodes(low: float, wanted: float, high: float, below: Iterable[Change] = (), name: str = "n", **more: Any) -> Change:
    sizes = {"minSize": low, "desiredSize": wanted, "maxSize": high}
    inputs = {"instanceTypes": ["p5.48xlarge"], "scalingConfig": sizes, "subnetIds": [UNKNOWN for _ in below], **more}
    return change(NODES, inputs, name=name, depends={"subnetIds": below})


def paid(*changes: Change) -> dict[str, Money | None]:
    """The monthly cost of each resource by name. Disks have no price in this book."""
    return {each.urn.rsplit("::", 1)[1]: each.monthly_usd for each in cost(BOOK, *changes).resources}


def hours(low: float, wanted: float | None = None, high: float | None = None) -> Money:
    wanted = low if wanted is None else wanted
    return money(low * HOURS, wanted * HOURS, (wanted if high is None else high) * HOURS)


class TestOpenReservations:
    def test_nodes_of_the_same_type_and_zone_use_the_reservation(self) -> None:
        found = paid(reserved(4), *(here := subnets(A)), nodes(2, 4, 6, here))
        assert (found["reserved"], found["n"]) == (hours(4), hours(0, 0, 2))

    def test_a_reservation_is_charged_without_running_instances(self) -> None:
        found = paid(reserved(4), *(here := subnets(A)), nodes(0, 0, 0, here))
        assert (found["reserved"], found["n"]) == (hours(4), hours(0))

    @pytest.mark.parametrize("zones", [(B,), (B, "us-east-1c")])
    def test_nodes_in_other_zones_do_not_use_it(self, zones: tuple[str, ...]) -> None:
        assert paid(reserved(4), *(here := subnets(*zones)), nodes(2, 4, 6, here))["n"] == hours(2, 4, 6)

    def test_nodes_in_several_zones_may_use_it(self) -> None:
        here = subnets(A, B)
        found = only(BOOK, reserved(4), *here, nodes(2, 4, 6, here))
        assert found.monthly_usd == hours(0, 4, 6)
        assert [each.value for each in found.assumptions if each.name == "n.outsideReservation"] == [4]

    @pytest.mark.parametrize("zone", [{"subnetIds": ["subnet-far"]}, {"subnetIds": None}, {"subnetIds": UNKNOWN}])
    def test_nodes_in_unknown_zones_are_expected_to_use_it(self, zone: Any) -> None:
        found = only(BOOK, reserved(3), nodes(0, 4, 6, **zone))
        assert found.monthly_usd == hours(0, 1, 6)
        assert [each.value for each in found.assumptions if each.name == "n.insideReservation"] == [3]
        for known in (subnets(A), subnets(B)):
            unused = only(BOOK, reserved(3), *known, nodes(0, 4, 6, known)).assumptions
            assert [each for each in unused if "Reservation" in each.name] == []

    def test_a_scaling_group_in_subnets_outside_the_plan_reports_it(self) -> None:
        template = change(TEMPLATE, {"instanceType": "p5.48xlarge"}, name="template")
        sizes = {"minSize": 1, "maxSize": 9, "desiredCapacity": 4}
        inputs = {**sizes, "vpcZoneIdentifiers": ["subnet-far"], "launchTemplate": {"id": UNKNOWN}}
        group = change(SCALED, inputs, name="group", depends={"launchTemplate": [template]})
        found = only(BOOK, reserved(4), template, group)
        assert found.monthly_usd == hours(0, 0, 9)
        assert [each.value for each in found.assumptions] == [4]

    @pytest.mark.parametrize(
        "more",
        [
            {"instanceTypes": ["g6.xlarge"]},
            {"instanceTypes": ["p5.48xlarge", "g6.xlarge"]},
        ],
    )
    def test_nodes_of_other_types_do_not_use_it(self, more: Any) -> None:
        here = subnets(A)
        alone = paid(*here, nodes(2, 4, 6, here, **more))["n"]
        assert paid(reserved(4), *here, nodes(2, 4, 6, here, **more))["n"] == alone

    def test_reserved_capacity_is_used_only_once(self) -> None:
        here = subnets(A)
        found = paid(reserved(4), *here, nodes(3, 3, 3, here, "one"), nodes(3, 3, 3, here, "two"))
        assert (found["one"], found["two"]) == (hours(0), hours(2))

    def test_nodes_of_a_known_zone_use_it_first(self) -> None:
        here = subnets(A)
        found = paid(reserved(4), nodes(3, 3, 3, name="far", subnetIds=None), *here, nodes(3, 3, 3, here, "near"))
        assert (found["near"], found["far"]) == (hours(0), hours(2, 2, 3))

    def test_nodes_in_another_region_do_not_use_it(self) -> None:
        far = Prices(BOOK.rows, region="eu-west-1")
        inputs = nodes(2, 4, 6, subnetIds=None, region="eu-west-1")
        assert only(far, reserved(4), inputs).monthly_usd == hours(2, 4, 6)

    def test_a_reservation_in_an_unknown_zone_is_expected_to_be_used(self) -> None:
        here = subnets(A)
        assert paid(reserved(3, zone=UNKNOWN), *here, nodes(2, 4, 6, here))["n"] == hours(0, 1, 6)

    def test_targeted_instances_use_an_open_reservation_before_others(self) -> None:
        one = reserved(2)
        both = targeting({"capacityReservationId": UNKNOWN}, [one], INSTANCE)
        found = paid(one, both, nodes(2, 2, 2, subnetIds=None))
        assert (found["targeting"], found["n"]) == (hours(0), hours(1, 1, 2))

    def test_several_reservations_are_added_up(self) -> None:
        here = subnets(A)
        found = paid(reserved(1), reserved(2, name="more"), reserved(9, B, "far"), *here, nodes(4, 4, 4, here))
        assert found["n"] == hours(1)

    @pytest.mark.parametrize("more", [{"instanceMatchCriteria": "targeted"}, {"tenancy": "dedicated"}])
    def test_a_reservation_that_is_not_open_is_not_used(self, more: Any) -> None:
        assert paid(reserved(4, **more), *(here := subnets(A)), nodes(2, 2, 2, here))["n"] == hours(2)

    def test_a_scaling_group_and_an_instance_use_it(self) -> None:
        template = change(TEMPLATE, {"instanceType": "p5.48xlarge"}, name="template")
        group = change(
            SCALED,
            {
                "minSize": 1,
                "maxSize": 3,
                "desiredCapacity": 2,
                "availabilityZones": [A],
                "launchTemplate": {"id": UNKNOWN},
            },
            name="group",
            depends={"launchTemplate": [template]},
        )
        one = change(INSTANCE, {"instanceType": "p5.48xlarge", "availabilityZone": A}, name="one")
        found = paid(reserved(3), template, group, one)
        assert (found["group"], found["one"]) == (hours(0), hours(0, 0, 1))

    @pytest.mark.parametrize(
        "opted_out",
        [
            {"capacityReservationSpecification": {"capacityReservationPreference": "none"}},
            {"placement": {"tenancy": "default"}, "instanceMarketOptions": {"marketType": "spot"}},
        ],
    )
    def test_instances_that_opt_out_or_are_spot_do_not_use_it(self, opted_out: Any) -> None:
        one = change(INSTANCE, {"instanceType": "p5.48xlarge", "availabilityZone": A, **opted_out}, name="one")
        book = Prices(BOOK.rows, {"p5.48xlarge": (0.5, 0.6)})
        assert only(book, reserved(3), one).monthly_usd == only(book, one).monthly_usd

    def test_spot_nodes_are_charged_in_addition(self) -> None:
        book = Prices(BOOK.rows, {"p5.48xlarge": (0.5, 0.6)})
        here = subnets(A)
        spot = nodes(1, 1, 1, here, capacityType="SPOT")
        assert only(book, reserved(3), *here, spot).monthly_usd == only(book, *here, spot).monthly_usd

    def test_the_state_before_the_update_is_calculated_separately(self) -> None:
        old = {"instanceType": "p5.48xlarge", "instanceCount": 1, "availabilityZone": A}
        more = change(RESERVATION, {**old, "instanceCount": 2}, name="reserved", old=old, op=Op.UPDATE)
        inputs = {"instanceType": "p5.48xlarge", "availabilityZone": A}
        both = [change(INSTANCE, inputs, name=name, old=inputs, op=Op.SAME) for name in ("one", "two")]
        found = {each.urn.rsplit("::", 1)[1]: each for each in cost(BOOK, more, *both).resources}
        assert (found["two"].before_monthly_usd, found["two"].monthly_usd) == (hours(1), hours(0))


def targeting(target: Any, sources: Iterable[Change] = (), kind: str = TEMPLATE) -> Change:
    specification = {"capacityReservationSpecification": {"capacityReservationTarget": target}}
    inputs = {"instanceType": "p5.48xlarge", "availabilityZone": A, **specification}
    return change(kind, inputs, name="targeting", depends={"capacityReservationSpecification": sources})


def with_template(template: Change) -> Change:
    sizes = {"minSize": 0, "desiredSize": 2, "maxSize": 4}
    inputs = {"scalingConfig": sizes, "launchTemplate": {"id": UNKNOWN}}
    return change(NODES, inputs, name="n", depends={"launchTemplate": [template]})


class TestTargets:
    def test_nodes_can_target_a_reservation_by_id(self) -> None:
        one = change(RESERVATION, reserved(2).new, name="reserved", id="cr-1", op=Op.SAME, old=reserved(2).new)
        template = targeting({"capacityReservationId": "cr-1"})
        assert paid(one, template, with_template(template))["n"] == hours(0)
        elsewhere = targeting({"capacityReservationId": "cr-2"})
        assert paid(one, elsewhere, with_template(elsewhere))["n"] == hours(0, 2, 4)

    def test_nodes_can_target_a_group_of_reservations(self) -> None:
        one, group = reserved(2), change(GROUP, {"name": "ml"}, name="group")
        member = change(
            MEMBER,
            {"groupArn": UNKNOWN, "resourceArn": UNKNOWN},
            "member",
            depends={"groupArn": [group], "resourceArn": [one]},
        )
        template = targeting({"capacityReservationResourceGroupArn": UNKNOWN}, [group])
        assert paid(one, group, member, template, with_template(template))["n"] == hours(0)
        assert paid(one, group, template, with_template(template))["n"] == hours(0, 2, 4)

    def test_an_instance_can_target_a_reservation(self) -> None:
        one = reserved(2, instanceMatchCriteria="targeted")
        found = paid(one, targeting({"capacityReservationId": UNKNOWN}, [one], INSTANCE))
        assert (found["reserved"], found["targeting"]) == (hours(2), hours(0))

    def test_a_reservation_outside_the_plan_is_reported(self) -> None:
        found = only(BOOK, targeting({"capacityReservationId": "cr-9"}, (), INSTANCE))
        assert found.monthly_usd == hours(1)
        assert "unused reserved capacity, which is charged too" in found.missing


def configuration(name: Any = UNKNOWN, count: int = 2) -> Change:
    variant = {"variantName": "all", "instanceType": "ml.g5.xlarge", "initialInstanceCount": count}
    return change(CONFIGURATION, {"name": name, "productionVariants": [variant]}, name="configuration")


class TestEndpoints:
    @pytest.mark.parametrize("type", [CONFIGURATION, "aws-native:sagemaker:EndpointConfig"])
    def test_a_configuration_without_an_endpoint_is_free(self, type: str) -> None:
        found: ResourceCost = only(BOOK, change(type, configuration().new))
        assert (found.monthly_usd, found.unpriced, found.missing) == (money(0), "", ())
        assert found.free == "only endpoints that use it are charged"

    def test_an_endpoint_is_priced_once_through_its_configuration(self) -> None:
        made = configuration()
        endpoint = change(ENDPOINT, {"endpointConfigName": UNKNOWN}, "endpoint", depends={"endpointConfigName": [made]})
        found = paid(made, endpoint)
        assert (found["configuration"], found["endpoint"]) == (money(0), money(2 * 2 * HOURS))

    def test_each_endpoint_of_a_configuration_is_charged(self) -> None:
        made = configuration()
        both = [
            change(ENDPOINT, {"endpointConfigName": UNKNOWN}, name, depends={"endpointConfigName": [made]})
            for name in "ab"
        ]
        assert cost(BOOK, made, *both).totals.monthly_usd == money(2 * 2 * 2 * HOURS)

    def test_without_dependencies_a_configuration_is_found_by_name(self) -> None:
        found = paid(configuration("large"), change(ENDPOINT, {"endpointConfigName": "large"}, "endpoint"))
        assert found["endpoint"] == money(2 * 2 * HOURS)
        other = only(BOOK, configuration("large"), change(ENDPOINT, {"endpointConfigName": "small"}, "endpoint"))
        assert other.unpriced == "its configuration is not part of the plan"

"""Every type that we use is priced, free for a reason, or unpriced."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import awssdk
import every_record
import mlplatform
from costing import Prices, change, cost
from golden_types import declared
from mlpctl.review.cost import catalogue
from mlpctl.review.cost.parts import Subject
from mlpctl.review.types import records
from mlpctl.settings.cost import CostUse
from mlplatform.component import Component
from mlsandbox.providers.aws import DECLARATIONS


def ours() -> Iterator[str]:
    """Types that the stacks declare, types of the sandbox, and components."""
    yield from declared()
    yield from (each.token for each in DECLARATIONS)
    for name in mlplatform.__all__:
        kind = getattr(mlplatform, name)
        if isinstance(kind, type) and issubclass(kind, Component):
            yield f"mlplatform:index:{name}"


OURS = sorted({*ours()})
PRICED = sorted({each.priced for each in every_record.every()} - {""})
PRICED_TYPES = sorted(
    [type for type, record in every_record.aws() if record.priced]
    + [type for types, record in every_record.others() for type in types if record.priced]
)


@pytest.mark.parametrize("type", OURS)
def test_every_type_of_the_stacks_is_priced_or_free_or_unpriced_with_a_reason(type: str) -> None:
    found = records.record(type)
    assert sum(map(bool, (found.priced, found.free, found.unpriced))) == 1


def test_our_types_include_aws_kubernetes_and_components() -> None:
    assert len(OURS) > 50
    assert {"aws:eks/nodeGroup:NodeGroup", "kubernetes:core/v1:Service", "mlplatform:index:GpuNodePool"} <= {*OURS}


@pytest.mark.parametrize("name", PRICED)
def test_every_function_in_a_record_is_a_pricing_function(name: str) -> None:
    function = catalogue.pricing(name)
    assert inspect.signature(function).parameters["of"].annotation is Subject
    assert not name.split(".")[1].startswith("_")


@pytest.mark.engine  # takes seconds
def test_expensive_types_are_never_free() -> None:
    dear = ("Instance", "Cluster", "Domain", "Gateway", "LoadBalancer", "FileSystem", "Table", "Broker", "Fleet")
    free_and_dear = {token for token in awssdk.properties() if token.endswith(dear) and records.record(token).free}
    assert free_and_dear == {
        "aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway",
        "aws:ec2/internetGateway:InternetGateway",
        "aws:ec2/routeTable:RouteTable",
        "aws:ec2/defaultRouteTable:DefaultRouteTable",
    }


@pytest.mark.parametrize("type", PRICED_TYPES)
@pytest.mark.parametrize("inputs", [{}, {"spec": None}, {"spec": [], "metadata": "x", "size": []}], ids=str)
def test_pricing_functions_accept_any_inputs(type: str, inputs: dict[str, Any]) -> None:
    (found,) = cost(Prices({}), change(type, inputs)).resources
    assert found.unpriced or found.free


def test_the_usage_fields_of_the_config_are_those_of_the_pricing_functions() -> None:
    package = Path(catalogue.__file__).parent
    asked = {field for path in package.glob("*.py") for field in re.findall(r'\.used\("(\w+)"', path.read_text())}
    assert asked == {field.alias for field in CostUse.model_fields.values()}


def test_the_packaged_book_prices_the_resources_of_our_stacks() -> None:
    from mlpctl.review.cost import book

    packaged = book.load()
    pool = {
        "instanceTypes": ["g6e.12xlarge"],
        "scalingConfig": {"minSize": 1, "desiredSize": 1, "maxSize": 2},
    }
    found = cost(
        packaged,
        change("aws:eks/nodeGroup:NodeGroup", pool),
        change("aws:eks/nodeGroup:NodeGroup", {**pool, "capacityType": "SPOT"}, name="spot"),
        change("aws:eks/cluster:Cluster", {"version": "1.35"}),
        change("aws:ec2/natGateway:NatGateway", {}),
        change("aws:kms/key:Key", {}),
        change("aws:route53/zone:Zone", {}),
    )
    assert [each.unpriced for each in found.resources] == [""] * 6
    assert found.totals.monthly_usd.expected > 730 * 5

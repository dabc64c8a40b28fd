"""Every type of ours is priced, free for a reason, or counted as unpriced."""

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

import mlplatform
from costing import Prices, change, cost
from mlpctl.review.cost import catalogue
from mlpctl.review.cost.settings import CostUse
from mlplatform.component import Component
from mlsandbox.providers.aws import DECLARATIONS

GOLDEN = Path(__file__).parents[3] / "golden"
TABLES = yaml.safe_load((files("mlpctl.review.cost") / "types.yaml").read_text())

UNPRICED = {
    "aws:ecr/pullThroughCacheRule:PullThroughCacheRule",
    "aws:ecr/replicationConfiguration:ReplicationConfiguration",
    "aws:efs/backupPolicy:BackupPolicy",
}
"""Types of ours that cost something and cannot be priced; who adds one says why in `types.yaml`."""


def declared() -> Iterator[str]:
    """Types that the stacks declare, a JSON object after the other, and those that the sandbox knows."""
    for path in sorted(GOLDEN.glob("plan-of-*.json")):
        text, decoder, at = path.read_text(), json.JSONDecoder(), 0
        while at < len(text):
            found, at = decoder.raw_decode(text, at)
            yield found["type"]
            at += len(text[at:]) - len(text[at:].lstrip())
    yield from (each.token for each in DECLARATIONS)
    for name in mlplatform.__all__:
        kind = getattr(mlplatform, name)
        if isinstance(kind, type) and issubclass(kind, Component):
            yield f"mlplatform:index:{name}"


OURS = sorted({*declared()})


def tokens() -> set[str]:
    """Every type of the AWS SDK, as its registry of modules has them."""
    spec = find_spec("pulumi_aws")
    assert spec and spec.origin
    modules = re.search(r'resource_modules="""(.*?)"""', Path(spec.origin).read_text(), re.DOTALL)
    assert modules
    return {token for module in json.loads(modules[1]) for token in module["classes"]}


@pytest.mark.parametrize("type", OURS)
def test_a_type_of_ours_is_priced_or_free_or_unpriced_for_a_reason(type: str) -> None:
    ways = [type in catalogue.PRICED, bool(catalogue.because(type, "free")), type in UNPRICED]
    assert any(ways)
    if type in UNPRICED:
        assert catalogue.because(type, "unpriced")


def test_ours_are_many_and_of_every_kind() -> None:
    assert len(OURS) > 50
    assert {"aws:eks/nodeGroup:NodeGroup", "kubernetes:core/v1:Service", "mlplatform:index:GpuNodePool"} <= {*OURS}


def test_every_type_of_aws_that_is_named_exists() -> None:
    known = tokens()
    named = [each for table in TABLES.values() for entry in table for each in entry["types"]]
    for pattern in [*catalogue.PRICED, *named]:
        if pattern.startswith("aws:"):
            wanted = re.compile(re.escape(pattern).replace(r"\*", ".*"))
            assert any(wanted.fullmatch(token) for token in known), pattern


def test_no_type_is_free_that_the_table_of_unpriced_ones_has() -> None:
    both = [each for each in tokens() if catalogue.because(each, "free") and catalogue.because(each, "unpriced")]
    assert both == []


def test_what_costs_much_is_never_free() -> None:
    dear = ("Instance", "Cluster", "Domain", "Gateway", "LoadBalancer", "FileSystem", "Table", "Broker", "Fleet")
    free_and_dear = {
        token
        for token in tokens()
        if token.endswith(dear) and token not in catalogue.PRICED and catalogue.because(token, "free")
    }
    assert free_and_dear == {
        "aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway",
        "aws:ec2/internetGateway:InternetGateway",
        "aws:ec2/routeTable:RouteTable",
        "aws:ec2/defaultRouteTable:DefaultRouteTable",
    }


@pytest.mark.parametrize("type", sorted(catalogue.PRICED))
@pytest.mark.parametrize("inputs", [{}, {"spec": None}, {"spec": [], "metadata": "x", "size": []}], ids=str)
def test_no_inputs_bring_a_pricing_function_down(type: str, inputs: dict[str, Any]) -> None:
    (found,) = cost(Prices({}), change(type, inputs)).resources
    assert found.unpriced or found.free


def test_the_config_has_every_use_that_prices_ask_for_and_no_other() -> None:
    package = Path(catalogue.__file__).parent
    asked = {field for path in package.glob("*.py") for field in re.findall(r'\.used\("(\w+)"', path.read_text())}
    assert asked == {field.alias for field in CostUse.model_fields.values()}


def test_the_packaged_book_prices_what_the_stacks_run() -> None:
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

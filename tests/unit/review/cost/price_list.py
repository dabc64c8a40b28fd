"""A price list of AWS in memory, and a refresh that queries it."""

import datetime
import functools
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from mlpctl.review.cost import refresh
from mlpctl.review.cost.book import Row, Source, SpotRow, load, save
from mlpctl.review.cost.query import Query

TODAY = datetime.date(2026, 11, 26)
OLD = Source("old", "An old list", "somewhere", datetime.date(2025, 1, 1))


def sold(
    usage: str,
    *steps: tuple[str, str],
    unit: str = "Hrs",
    currency: str = "USD",
    effective: str = "2026-11-01",
    **attributes: str,
) -> str:
    """An entry of `PriceList` with the start and the price of each tier."""
    ends = [*(begin for begin, _ in steps[1:]), *["Inf"][: len(steps)]]
    dimensions = {
        f"SKU.TERM.{number}": {
            "unit": unit,
            "beginRange": begin,
            "endRange": end,
            "description": "",
            "rateCode": f"SKU.TERM.{number}",
            "pricePerUnit": {currency: usd},
        }
        for number, ((begin, usd), end) in enumerate(zip(steps, ends, strict=True))
    }
    term = {"priceDimensions": dimensions, "sku": "SKU", "effectiveDate": f"{effective}T00:00:00Z"}
    return json.dumps(
        {
            "product": {"attributes": {"usagetype": usage, "locationType": "AWS Region", **attributes}, "sku": "SKU"},
            "terms": {"OnDemand": {"SKU.TERM": term} if steps else {}},
            "publicationDate": "2026-11-20T10:00:00Z",
        }
    )


@functools.cache
def _real() -> tuple[Any, Any, Any]:
    """A session and its clients, which are slow to create."""
    session = boto3.Session("x", "y", region_name="us-east-1")
    return session, session.client("pricing"), session.client("ec2")


class Cloud:
    """A session with stubbed clients, which are validated against the services' models."""

    def __init__(self) -> None:
        self.session, self.pricing, self.ec2 = _real()
        self.stubs = {"pricing": Stubber(self.pricing), "ec2": Stubber(self.ec2)}
        self.asked: list[tuple[str, str]] = []
        for stub in self.stubs.values():
            stub.activate()

    def client(self, name: str, region_name: str, config: Any) -> Any:
        self.asked.append((name, region_name))
        return {"pricing": self.pricing, "ec2": self.ec2}[name]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.session, name)

    def answer(self, step: Query, *pages: Sequence[str]) -> None:
        """Add the response to a query, in one or more pages."""
        for number, page in enumerate(pages):
            expected = {"ServiceCode": step.code, "FormatVersion": "aws_v1", "Filters": step.filters}
            token = {"NextToken": f"page-{number}"} if number else {}
            more = {"NextToken": f"page-{number + 1}"} if number + 1 < len(pages) else {}
            self.stubs["pricing"].add_response(
                "get_products", {"FormatVersion": "aws_v1", "PriceList": [*page], **more}, {**expected, **token}
            )

    def refuse(self, code: str, message: str = "no", service: str = "pricing") -> None:
        operation = {"pricing": "get_products", "ec2": "describe_spot_price_history"}[service]
        self.stubs[service].add_client_error(operation, code, message)

    def spot(self, *prices: tuple[str, str, str]) -> None:
        """Add the response to a query for spot prices: instance type, zone and price."""
        history = [
            {"InstanceType": name, "AvailabilityZone": zone, "SpotPrice": usd, "ProductDescription": "Linux/UNIX"}
            for name, zone, usd in prices
        ]
        self.stubs["ec2"].add_response(
            "describe_spot_price_history",
            {"SpotPriceHistory": history, "NextToken": ""},
            {"ProductDescriptions": ["Linux/UNIX (Amazon VPC)"], "StartTime": ANY, "EndTime": ANY},
        )

    def done(self) -> None:
        for stub in self.stubs.values():
            stub.assert_no_pending_responses()


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    made = Cloud()
    yield made
    for stub in made.stubs.values():
        stub.deactivate()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [
        Row("nat", "us-east-1", "gateway", 0, 0.04, "old"),
        Row("nat", "us-east-1", "data", 0, 0.04, "old"),
        Row("nat", "eu-west-1", "gateway", 0, 0.05, "old"),
        Row("s3", "us-east-1", "standard-storage", 0, 0.03, "old"),
        Row("s3", "us-east-1", "standard-storage", 1000, 0.02, "old"),
        Row("ec2", "us-east-1", "m5.large", 0, 0.1, "old"),
    ]
    save(tmp_path, rows, [SpotRow("us-east-1", "m5.large", 0.03, 0.05, "old")], [OLD])
    return tmp_path


Renew = Callable[..., refresh.Outcome]


@pytest.fixture
def renew(cloud: Cloud, folder: Path) -> Renew:
    """Refreshes one service in us-east-1 from one answer to its one question."""

    def run(service: str, *pages: Sequence[str], region: str = "us-east-1", **options: Any) -> refresh.Outcome:
        steps = refresh.steps([region], [service])
        for number, step in enumerate(steps):
            assert isinstance(step, Query)
            cloud.answer(step, *(pages if not number else [[]]))
        done = refresh.refresh([region], [service], session=cloud, folder=folder, today=TODAY, **options)
        cloud.done()
        return done

    return run


def priced(folder: Path, service: str, item: str, region: str = "us-east-1") -> list[tuple[float, float, str]]:
    return [(start, price.usd, price.source.key) for start, price in load(folder).tiers(service, region, item)]

"""Tests of a refresh with responses in the documented format of `GetProducts` and `DescribeSpotPriceHistory`."""

import datetime
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from mlpctl.review.cost import book, items, refresh
from mlpctl.review.cost.book import Row, load
from mlpctl.review.cost.query import Query
from mlpctl.review.cost.refresh import SpotQuery
from unit.review.cost.price_list import TODAY, Cloud, Renew, cloud, folder, priced, renew, sold

__all__ = ["cloud", "folder", "renew"]  # fixtures

# https://docs.aws.amazon.com/cli/latest/reference/pricing/get-products.html#examples
DOCUMENTED = (
    '{"product":{"productFamily":"Storage","attributes":{"storageMedia":"SSD-backed",'
    '"maxThroughputvolume":"320 MB/sec",'
    '"volumeType":"Provisioned IOPS","maxIopsvolume":"20000","servicecode":"AmazonEC2",'
    '"usagetype":"APS1-EBS:VolumeUsage.piops","locationType":"AWS Region","location":"Asia Pacific (Singapore)",'
    '"servicename":"Amazon Elastic Compute Cloud","maxVolumeSize":"16 TiB","operation":""},"sku":"3MKHN58N7RDDVGKJ"},'
    '"serviceCode":"AmazonEC2","terms":{"OnDemand":{"3MKHN58N7RDDVGKJ.JRTCKXETXF":{"priceDimensions":'
    '{"3MKHN58N7RDDVGKJ.JRTCKXETXF.6YS6EN2CT7":{"unit":"GB-Mo","endRange":"Inf","description":'
    '"$0.138 per GB-month of Provisioned IOPS SSD (io1)  provisioned storage - Asia Pacific (Singapore)",'
    '"appliesTo":[],"rateCode":"3MKHN58N7RDDVGKJ.JRTCKXETXF.6YS6EN2CT7","beginRange":"0",'
    '"pricePerUnit":{"USD":"0.1380000000"}}},"sku":"3MKHN58N7RDDVGKJ","effectiveDate":"2018-08-01T00:00:00Z",'
    '"offerTermCode":"JRTCKXETXF","termAttributes":{}}}},"version":"20180808005701",'
    '"publicationDate":"2018-08-08T00:57:01Z"}'
)


def test_the_documented_response_is_parsed(folder: Path) -> None:
    step = next(
        step
        for step in refresh.steps(["ap-southeast-1"], ["ebs"])
        if isinstance(step, Query) and ("productFamily", "Storage") in step.where
    )
    problems: list[str] = []
    read = refresh.offer(DOCUMENTED, TODAY)
    assert (read.usage, read.published) == ("APS1-EBS:VolumeUsage.piops", "2018-08-08")
    assert refresh.rows(step, [read], "s", problems) == [Row("ebs", "ap-southeast-1", "io1-storage", 0, 0.138, "s")]


def test_new_prices_replace_old_ones_and_other_prices_keep_their_date(renew: Renew, folder: Path) -> None:
    done = renew("nat", [sold("NatGateway-Hours", ("0", "0.0450000000"))])
    key = "price-list.AmazonEC2.2026-11-26"
    assert priced(folder, "nat", "gateway") == [(0, 0.045, key)]
    assert priced(folder, "nat", "data") == [(0, 0.04, "old")]
    assert priced(folder, "nat", "gateway", "eu-west-1") == [(0, 0.05, "old")]
    source = load(folder).sources[key]
    assert (source.day, source.where) == (TODAY, "GetProducts, published 2026-11-20")
    assert (done.renewed, done.changed) == (1, 1)
    assert done.problems == ["nat/us-east-1/data: AWS lists no price; any existing price is kept."]


def test_all_pages_of_a_response_are_read(renew: Renew, folder: Path) -> None:
    renew(
        "ec2",
        [sold("BoxUsage:m5.large", ("0", "0.096"))],
        [sold("BoxUsage:g6e.2xlarge", ("0", "2.24208")), sold("BoxUsage:m5.metal", ("0", "4.608"))],
    )
    assert load(folder).items("ec2", "us-east-1") == ("g6e.2xlarge", "m5.large", "m5.metal")
    assert priced(folder, "ec2", "m5.large")[0][1] == 0.096


def test_the_ec2_query_filters_linux_and_shared_tenancy() -> None:
    (step,) = refresh.steps(["eu-west-1"], ["ec2"])
    assert isinstance(step, Query)
    assert {(each["Field"], each["Value"]) for each in step.filters} == {
        ("regionCode", "eu-west-1"),
        ("operatingSystem", "Linux"),
        ("tenancy", "Shared"),
        ("preInstalledSw", "NA"),
        ("licenseModel", "No License required"),
        ("capacitystatus", "Used"),
    }


def test_only_on_demand_instances_of_the_region_itself_are_used(renew: Renew, folder: Path) -> None:
    done = renew(
        "ec2",
        [
            sold("USE1-BoxUsage:p5.4xlarge", ("0", "6.88"), marketoption="OnDemand"),
            sold("USE1-BoxUsage:p5.4xlarge", ("0", "3.933"), marketoption="CapacityBlock"),
            sold("USE1-BoxUsage:m5.large", ("0", "0.2"), locationType="AWS Local Zone"),
            sold("UnusedBox:m5.large", ("0", "0.3")),
            sold("USE1-Reservation:m5.large", ("0", "0.4")),
            sold("EBSOptimized:m5.large", ("0", "0.5")),
        ],
    )
    assert [usd for _, usd, _ in priced(folder, "ec2", "p5.4xlarge")] == [6.88]
    assert priced(folder, "ec2", "m5.large") == [(0, 0.1, "old")]
    assert done.problems == []


@pytest.mark.parametrize("prefix", ["", "USE1-", "EU-", "EUC1-", "APS10-", "UGW1-", "us-gov-west-1-", "IA-"])
def test_usage_types_have_an_optional_region_prefix(renew: Renew, folder: Path, prefix: str) -> None:
    renew("kms", [sold(f"{prefix}KMS-Keys", ("0", "1"), unit="Keys")])
    assert bool(priced(folder, "kms", "key")) is (prefix != "IA-")


def test_similar_usage_types_do_not_match(renew: Renew, folder: Path) -> None:
    renew(
        "dynamodb",
        [
            sold("IA-TimedStorage-ByteHrs", ("0", "0.1"), unit="GB-Mo"),
            sold("USE1-IA-TimedStorage-ByteHrs", ("0", "0.1"), unit="GB-Mo"),
            sold("TimedStorage-ByteHrs-X", ("0", "0.1"), unit="GB-Mo"),
        ],
    )
    assert priced(folder, "dynamodb", "storage") == []


def test_new_tiers_replace_all_old_tiers(renew: Renew, folder: Path) -> None:
    steps = (("0", "0.0230000000"), ("51200", "0.0220000000"), ("512000", "0.0210000000"))
    renew("s3", [sold("TimedStorage-ByteHrs", *steps, unit="GB-Mo")])
    assert [(start, usd) for start, usd, _ in priced(folder, "s3", "standard-storage")] == [
        (0, 0.023),
        (51200, 0.022),
        (512000, 0.021),
    ]


def test_the_free_tier_of_an_account_is_ignored(cloud: Cloud, folder: Path) -> None:
    free_first = sold("TimedStorage-ByteHrs", ("0", "0.0000000000"), ("25", "0.2500000000"), unit="GB-Mo")
    for step in refresh.steps(["us-east-1"], ["dynamodb"]):
        assert isinstance(step, Query)
        cloud.answer(step, [free_first] if ("productFamily", "Database Storage") in step.where else [])
    refresh.refresh(["us-east-1"], ["dynamodb"], session=cloud, folder=folder, today=TODAY)
    assert [(start, usd) for start, usd, _ in priced(folder, "dynamodb", "storage")] == [(0, 0.25)]


def test_separate_products_for_tiers_become_tiers() -> None:
    step = next(
        step
        for step in refresh.steps(["us-east-1"], ["ebs"])
        if isinstance(step, Query) and ("productFamily", "System Operation") in step.where
    )
    usages = {"io2": "0.0650000000", "io2.tier2": "0.0455000000", "io2.tier3": "0.0318500000"}
    offers = [
        refresh.offer(sold(f"EBS:VolumeP-IOPS.{name}", ("0", usd), unit="IOPS-Mo"), TODAY)
        for name, usd in usages.items()
    ]
    made = sorted(refresh.rows(step, offers, "s", []))
    assert [row[2:5] for row in made] == [
        ("io2-iops", 0, 0.065),
        ("io2-iops", 32000, 0.0455),
        ("io2-iops", 64000, 0.03185),
    ]


def test_units_are_converted_to_those_of_the_catalog(cloud: Cloud, folder: Path) -> None:
    for step in refresh.steps(["us-east-1"], ["ebs"]):
        assert isinstance(step, Query)
        throughput = sold("EBS:VolumeP-Throughput.gp3", ("0", "40.9600000000"), unit="GiBps-mo")
        cloud.answer(step, [throughput] if ("productFamily", "Provisioned Throughput") in step.where else [])
    refresh.refresh(["us-east-1"], ["ebs"], session=cloud, folder=folder, today=TODAY)
    assert [usd for _, usd, _ in priced(folder, "ebs", "gp3-throughput")] == [0.04]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (
            [sold("NatGateway-Hours", ("0", "0.045")), sold("NatGateway-Hours", ("0", "0.055"))],
            "nat/us-east-1/gateway: AWS lists 2 different prices; any existing price is kept.",
        ),
        (
            [sold("NatGateway-Hours", ("0", "0.045"), unit="Fortnights")],
            "nat/us-east-1/gateway: AWS prices it per 'Fortnights', an unknown unit; any existing price is kept.",
        ),
        (
            [sold("NatGateway-Hours", ("0", "0.0000000000"))],
            "nat/us-east-1/gateway: AWS lists no price above 0 in US dollars; any existing price is kept.",
        ),
        (
            [sold("NatGateway-Hours", ("0", "0.3"), currency="CNY")],
            "nat/us-east-1/gateway: AWS lists no price above 0 in US dollars; any existing price is kept.",
        ),
        (
            [sold("NatGateway-Hours")],
            "nat/us-east-1/gateway: AWS lists no price above 0 in US dollars; any existing price is kept.",
        ),
    ],
)
def test_an_unusable_price_is_reported_and_the_existing_one_kept(
    renew: Renew, folder: Path, entries: Sequence[str], message: str
) -> None:
    done = renew("nat", entries)
    assert message in done.problems
    assert priced(folder, "nat", "gateway") == [(0, 0.04, "old")]


def test_several_products_with_the_same_price_are_accepted(renew: Renew, folder: Path) -> None:
    renew("nat", [sold("NatGateway-Hours", ("0", "0.045"), operation=each) for each in ("", "NatGateway")])
    assert [usd for _, usd, _ in priced(folder, "nat", "gateway")] == [0.045]


def test_future_terms_are_ignored() -> None:
    entry = json.loads(sold("NatGateway-Hours", ("0", "0.045"), effective="2026-11-01"))
    later = json.loads(sold("NatGateway-Hours", ("0", "0.050"), effective="2026-12-01"))
    entry["terms"]["OnDemand"]["SKU.LATER"] = later["terms"]["OnDemand"]["SKU.TERM"]
    read = refresh.offer(json.dumps(entry), TODAY)
    assert [float(usd) for _, usd in read.steps] == [0.045]
    assert [float(usd) for _, usd in refresh.offer(json.dumps(entry), datetime.date(2026, 12, 2)).steps] == [0.05]


def test_a_refresh_queries_every_item_of_the_catalog() -> None:
    steps = refresh.steps(["us-east-1"], [*items.catalogue().services, refresh.SPOT])
    asked = {(service, item.item) for step in steps if isinstance(step, Query) for service, item in step.entries}
    assert asked == {(service, item.item) for service, _, item in items.catalogue().entries}
    assert isinstance(steps[-1], SpotQuery)


def test_an_invalid_book_is_not_refreshed(cloud: Cloud, folder: Path) -> None:
    (folder / book.PRICES).write_text("nothing")
    with pytest.raises(book.BookError):
        refresh.refresh(["us-east-1"], ["nat"], session=cloud, folder=folder, today=TODAY)

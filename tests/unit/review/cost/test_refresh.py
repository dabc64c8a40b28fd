"""Tests of a refresh with responses in the documented format of `GetProducts` and `DescribeSpotPriceHistory`."""

import datetime
import functools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.credentials import CredentialResolver
from botocore.stub import ANY, Stubber

from mlpctl.review.cost import book, items, refresh
from mlpctl.review.cost.book import Row, Source, SpotRow, load, save
from mlpctl.review.cost.query import Query, RefreshError
from mlpctl.review.cost.refresh import SpotQuery

TODAY = datetime.date(2026, 11, 26)
OLD = Source("old", "An old list", "somewhere", datetime.date(2025, 1, 1))

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


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"product": {"attributes": {}}}', "null"])
def test_a_response_in_an_unknown_format_fails(text: str) -> None:
    with pytest.raises(RefreshError, match=r"AWS returned a price in an unknown format"):
        refresh.offer(text, TODAY)


def test_global_prices_are_queried_once(cloud: Cloud, folder: Path) -> None:
    (step,) = refresh.steps(["us-east-1", "eu-west-1"], ["route53"])
    assert isinstance(step, Query)
    assert step.filters == [{"Type": "TERM_MATCH", "Field": "productFamily", "Value": "DNS Zone"}]
    cloud.answer(step, [sold("HostedZone", ("0", "0.5"), ("25", "0.1"), unit="HostedZone")])
    refresh.refresh(["us-east-1", "eu-west-1"], ["route53"], session=cloud, folder=folder, today=TODAY)
    assert [(start, usd) for start, usd, _ in priced(folder, "route53", "hosted-zone", items.GLOBAL)] == [
        (0, 0.5),
        (25, 0.1),
    ]


def test_the_price_list_has_its_own_endpoint(renew: Renew, cloud: Cloud) -> None:
    renew("nat", [], region="eu-west-1")
    assert cloud.asked == [("pricing", "us-east-1")]


def test_a_region_without_prices_is_reported(renew: Renew) -> None:
    assert renew("nat", [], region="ap-southeast-5").problems == [
        "AmazonEC2 in ap-southeast-5: AWS returns no products; any existing prices are kept."
    ]


def test_china_is_skipped_and_reported(cloud: Cloud, folder: Path) -> None:
    done = refresh.refresh(["cn-north-1"], session=cloud, folder=folder, today=TODAY)
    assert done.problems == [
        "cn-north-1: skipped, since AWS China prices are in yuan, and the price book is in US dollars."
    ]


@pytest.mark.parametrize(
    ("regions", "services", "message"),
    [
        (["us-eas-1"], None, r"us-eas-1 is not a region; did you mean us-east-1\?"),
        (["us-east-1"], ["nats"], r"nats is not a service of the price book; did you mean nat\?"),
    ],
)
def test_unknown_regions_and_services_fail_before_any_request(
    cloud: Cloud, folder: Path, regions: Sequence[str], services: Sequence[str] | None, message: str
) -> None:
    with pytest.raises(RefreshError, match=message):
        refresh.refresh(regions, services, session=cloud, folder=folder, today=TODAY)
    assert cloud.asked == []


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "AccessDeniedException",
            r"AWS did not return the prices of AmazonEC2 in us-east-1: .*The permission pricing:GetProducts is",
        ),
        ("ThrottlingException", r"AWS did not return the prices of AmazonEC2 in us-east-1: .*ThrottlingException.*\.$"),
        (
            "ExpiredNextTokenException",
            r"AWS did not return the prices of AmazonEC2 in us-east-1: .*ExpiredNextTokenException",
        ),
    ],
)
def test_a_failed_request_fails_with_a_message_and_the_book_is_unchanged(
    cloud: Cloud, folder: Path, code: str, message: str
) -> None:
    before = {path: path.read_bytes() for path in folder.iterdir()}
    cloud.refuse(code)
    with pytest.raises(RefreshError, match=message):
        refresh.refresh(["us-east-1"], ["nat"], session=cloud, folder=folder, today=TODAY)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_missing_credentials_fail_with_a_message(folder: Path) -> None:
    session = botocore.session.Session()
    session.register_component("credential_provider", CredentialResolver([]))
    with pytest.raises(RefreshError, match=r"AWS did not return the prices of AmazonEC2 in us-east-1: .*credentials"):
        refresh.refresh(
            ["us-east-1"], ["nat"], session=boto3.Session(botocore_session=session), folder=folder, today=TODAY
        )


def test_an_interrupted_refresh_resumes_without_loss(cloud: Cloud, folder: Path) -> None:
    nat, kms = refresh.steps(["us-east-1"], ["nat", "kms"])
    assert isinstance(nat, Query) and isinstance(kms, Query)

    def stopped(steps: Sequence[refresh.Step]) -> Iterable[refresh.Step]:
        yield steps[0]
        raise KeyboardInterrupt

    cloud.answer(nat, [sold("NatGateway-Hours", ("0", "0.045"))])
    with pytest.raises(KeyboardInterrupt):
        refresh.refresh(["us-east-1"], ["nat", "kms"], session=cloud, folder=folder, today=TODAY, watch=stopped)
    assert [usd for _, usd, _ in priced(folder, "nat", "gateway")] == [0.045]

    cloud.answer(kms, [sold("us-east-1-KMS-Keys", ("0", "1"), unit="Keys")])
    done = refresh.refresh(["us-east-1"], ["nat", "kms"], session=cloud, folder=folder, today=TODAY)
    assert (done.already, done.renewed) == (1, 1)

    cloud.answer(nat, [sold("NatGateway-Hours", ("0", "0.046"))])
    cloud.answer(kms, [sold("us-east-1-KMS-Keys", ("0", "1"), unit="Keys")])
    done = refresh.refresh(["us-east-1"], ["nat", "kms"], session=cloud, folder=folder, today=TODAY, again=True)
    assert (done.already, done.renewed, done.changed) == (0, 2, 1)
    cloud.done()


def test_a_spot_price_is_the_range_over_zones_and_weeks(cloud: Cloud, folder: Path) -> None:
    assert refresh.steps(["us-east-1"], ["spot"]) == [SpotQuery("us-east-1")]
    for week in range(refresh.SPOT_WEEKS):
        cloud.spot(
            ("m5.large", "us-east-1a", "0.0350"),
            ("m5.large", "us-east-1b", f"0.0{400 + week}"),
            ("g6.xlarge", "us-east-1a", "0.0000"),
        )
    done = refresh.refresh(["us-east-1"], ["spot"], session=cloud, folder=folder, today=TODAY)
    found = load(folder).spot("us-east-1", "m5.large")
    assert found and [price.usd for price in found] == [0.035, 0.0412]
    assert found[0].source.day == TODAY
    assert load(folder).spot("us-east-1", "g6.xlarge") is None
    assert (done.renewed, done.changed, done.problems) == (1, 1, [])
    again = refresh.refresh(["us-east-1"], ["spot"], session=cloud, folder=folder, today=TODAY)
    assert again.already == 1
    cloud.done()


def test_the_weeks_of_spot_prices_fit_into_the_history_of_ec2(cloud: Cloud, folder: Path) -> None:
    oldest = datetime.timedelta(weeks=refresh.SPOT_WEEKS - 1)
    assert datetime.timedelta(days=80) < oldest < datetime.timedelta(days=90)


@pytest.mark.parametrize("code", ["UnauthorizedOperation", "AuthFailure", "OptInRequired"])
def test_denied_spot_prices_do_not_stop_the_refresh(cloud: Cloud, folder: Path, code: str) -> None:
    cloud.refuse(code, service="ec2")
    done = refresh.refresh(["us-east-1"], ["spot"], session=cloud, folder=folder, today=TODAY)
    assert len(done.problems) == 1
    assert done.problems[0].startswith("AWS did not return the spot prices in us-east-1: ")
    found = load(folder).spot("us-east-1", "m5.large")
    assert found and found[0].source.key == "old"


def test_a_summary_has_counts(folder: Path) -> None:
    done = refresh.Outcome(renewed=1200, changed=3, already=2, problems=["x"])
    assert refresh.summary(done, folder) == (
        f"1,200 prices read, 3 of them new or changed, into {folder}. 1 omitted, see above. "
        "2 queries were already answered today; --again repeats them."
    )
    assert refresh.summary(refresh.Outcome(), folder) == f"0 prices read, 0 of them new or changed, into {folder}."


def test_a_refresh_queries_every_item_of_the_catalog() -> None:
    steps = refresh.steps(["us-east-1"], [*items.catalogue().services, refresh.SPOT])
    asked = {(service, item.item) for step in steps if isinstance(step, Query) for service, item in step.entries}
    assert asked == {(service, item.item) for service, _, item in items.catalogue().entries}
    assert isinstance(steps[-1], SpotQuery)


def test_an_invalid_book_is_not_refreshed(cloud: Cloud, folder: Path) -> None:
    (folder / book.PRICES).write_text("nothing")
    with pytest.raises(book.BookError):
        refresh.refresh(["us-east-1"], ["nat"], session=cloud, folder=folder, today=TODAY)

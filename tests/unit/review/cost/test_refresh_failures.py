"""Refreshes of the price book that fail or are interrupted, and spot prices."""

import datetime
from collections.abc import Iterable, Sequence
from pathlib import Path

import boto3
import botocore.session
import pytest
from botocore.credentials import CredentialResolver

from mlpctl.review.cost import items, refresh
from mlpctl.review.cost.book import load
from mlpctl.review.cost.query import Query, RefreshError
from mlpctl.review.cost.refresh import SpotQuery
from unit.review.cost.price_list import TODAY, Cloud, Renew, cloud, folder, priced, renew, sold

__all__ = ["cloud", "folder", "renew"]  # fixtures


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

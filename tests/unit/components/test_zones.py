import pytest
from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend

from awsfacts import zones

REAL = {
    "us-east-1": "use1",
    "us-west-2": "usw2",
    "ap-northeast-1": "apne1",
    "ap-southeast-2": "apse2",
    "ap-south-1": "aps1",
    "ca-central-1": "cac1",
    "eu-central-2": "euc2",
    "sa-east-1": "sae1",
    "me-south-1": "mes1",
    "il-central-1": "ilc1",
    "us-gov-west-1": "usgw1",
    "us-gov-east-1": "usge1",
    "cn-north-1": "cnn1",
    "cn-northwest-1": "cnnw1",
}


@pytest.mark.parametrize("region", REAL)
def test_the_zone_id_prefix_of_a_region_matches_aws(region: str) -> None:
    assert zones.id_prefix(region) == REAL[region]
    assert zones.problem(f"{REAL[region]}-az1", region) is None
    assert zones.problem(f"{region}a", region) is None


@pytest.mark.parametrize(
    ("zone", "reason"),
    [
        ("us-east-1-bos-1a", "local zones"),
        ("use1-bos1-az1", "local zones"),
        ("us-east-1-wl1-bos-wlz-1", "Wavelength zones"),
        ("use1-wl1-bos-wlz1", "Wavelength zones"),
        ("us-east-1g", "us-east-1a to us-east-1f, or use1-az1 to use1-az6"),
        ("use1-az7", "us-east-1a to us-east-1f, or use1-az1 to use1-az6"),
        ("use1-az0", "us-east-1a to us-east-1f"),
        ("us-east-\uff11a", "names or ids of availability zones"),
        ("use1-az\uff13", "names or ids of availability zones"),
        ("use1-az3", "EKS has no control plane there"),
        ("eu-west-1a", "zones of us-east-1, e.g. us-east-1a or use1-az1"),
        ("usw2-az1", "zones of us-east-1"),
        ("us-east-1", "names or ids of availability zones, e.g. us-east-1a or use1-az1"),
        ("us-east-1a\n", "names or ids of availability zones"),
        ("a", "names or ids of availability zones"),
    ],
)
def test_an_unsupported_zone_is_rejected_with_the_reason(zone: str, reason: str) -> None:
    assert reason in str(zones.problem(zone, "us-east-1"))


def test_the_highest_zone_numbers_match_moto_s_list() -> None:
    """Accounts can have different zones, so only the highest number is relevant."""
    known = zones._data()["highest"]
    listed = RegionsAndZonesBackend.zones
    assert {*known} == {*listed} - {"cn-north-1"}
    for region, highest in known.items():
        numbers = [int(zone.zone_id[-1]) for zone in listed[region]]
        assert max(numbers) == highest, region
        assert all(zones.problem(zone.name, region) is None for zone in listed[region])


def test_zones_of_an_unlisted_region_are_not_checked() -> None:
    assert zones.problem("cn-north-1d", "cn-north-1") is None
    assert zones.problem("eusc-de-east-1c", "eusc-de-east-1") is None

import pytest

from mlplatform import zones

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
def test_the_ids_of_a_region_s_zones_begin_as_aws_lists_them(region: str) -> None:
    assert zones.id_prefix(region) == REAL[region]
    assert zones.problem(f"{REAL[region]}-az1", region) is None
    assert zones.problem(f"{region}a", region) is None


@pytest.mark.parametrize(
    ("zone", "told"),
    [
        ("us-east-1-bos-1a", "local zones"),
        ("use1-bos1-az1", "local zones"),
        ("us-east-1-wl1-bos-wlz-1", "Wavelength zones"),
        ("use1-wl1-bos-wlz1", "Wavelength zones"),
        ("use1-az3", "EKS has no control plane there"),
        ("eu-west-1a", "zones of us-east-1, e.g. us-east-1a or use1-az1"),
        ("usw2-az1", "zones of us-east-1"),
        ("us-east-1", "names or ids of availability zones, e.g. us-east-1a or use1-az1"),
        ("us-east-1a\n", "names or ids of availability zones"),
        ("a", "names or ids of availability zones"),
    ],
)
def test_another_place_is_refused_with_the_reason(zone: str, told: str) -> None:
    assert told in str(zones.problem(zone, "us-east-1"))

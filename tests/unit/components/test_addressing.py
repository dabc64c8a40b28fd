from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlplatform import addressing

ZONES = ["us-east-1a", "us-east-1b", "us-east-1c"]
networks = st.builds(
    lambda prefix, host: IPv4Network((10 << 24 | (host << (32 - prefix)) & 0xFFFFFF, prefix)),
    st.integers(addressing.WIDEST_PREFIX, addressing.NARROWEST_PREFIX),
    st.integers(0, 255),
)


@given(networks, st.integers(1, addressing.MAX_ZONES))
def test_subnets_lie_inside_the_network_and_never_overlap(network: IPv4Network, count: int) -> None:
    cut = addressing.zones(str(network), ZONES[:count])
    subnets = [IPv4Network(cidr) for zone in cut for cidr in (zone.private_cidr, zone.public_cidr)]
    assert all(subnet.subnet_of(network) for subnet in subnets)
    assert not any(a.overlaps(b) for i, a in enumerate(subnets) for b in subnets[i + 1 :])


@given(networks)
def test_a_new_zone_moves_no_subnet_of_the_others(network: IPv4Network) -> None:
    assert addressing.zones(str(network), ZONES)[:2] == addressing.zones(str(network), ZONES[:2])


def test_private_subnets_get_nearly_everything() -> None:
    zone = addressing.zones("10.0.0.0/16", ZONES)[2]
    assert (zone.private_cidr, zone.public_cidr) == ("10.0.128.0/18", "10.0.224.0/20")


def test_the_narrowest_network_still_gives_subnets_that_a_vpc_can_have() -> None:
    zone = addressing.zones(f"10.0.0.0/{addressing.NARROWEST_PREFIX}", ZONES)[0]
    assert IPv4Network(zone.public_cidr).prefixlen == 28


def test_zones_keep_their_order_and_names() -> None:
    assert [zone.name for zone in addressing.zones("10.0.0.0/16", ZONES)] == ZONES


@pytest.mark.parametrize("days", [30, 365])
def test_retention_takes_the_periods_of_cloudwatch(days: int) -> None:
    from mlplatform.logs import retention

    assert retention(days) == days


def test_retention_refuses_other_periods_and_names_the_allowed_ones() -> None:
    from mlplatform.logs import retention

    with pytest.raises(ValueError, match=r"allowed: 1, 3, 5, 7, 14, 30"):
        retention(31)

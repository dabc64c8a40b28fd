from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlplatform.foundation.network import addressing

ZONES = [f"us-east-1{letter}" for letter in "abcdf"]
networks = st.builds(
    lambda prefix, host: IPv4Network((10 << 24 | (host << (32 - prefix)) & 0xFFFFFF, prefix)),
    st.integers(addressing.WIDEST_PREFIX, addressing.NARROWEST_PREFIX),
    st.integers(0, 255),
)


@pytest.mark.engine  # takes seconds
@given(networks, st.integers(1, addressing.MAX_ZONES))
def test_subnets_are_inside_the_network_and_never_overlap(network: IPv4Network, count: int) -> None:
    cut = addressing.zones(str(network), ZONES[:count])
    subnets = [IPv4Network(cidr) for zone in cut for cidr in (zone.private_cidr, zone.public_cidr)]
    assert all(subnet.subnet_of(network) for subnet in subnets)
    assert not any(a.overlaps(b) for i, a in enumerate(subnets) for b in subnets[i + 1 :])


@given(networks, st.sampled_from([(2, 3), (4, 5)]))
def test_adding_a_zone_moves_no_subnet_within_a_layout(network: IPv4Network, counts: tuple[int, int]) -> None:
    fewer, more = counts
    assert addressing.zones(str(network), ZONES[:more])[:fewer] == addressing.zones(str(network), ZONES[:fewer])


@pytest.mark.parametrize(("count", "prefix"), [(2, 18), (3, 18), (4, 19), (5, 19)])
def test_private_subnets_have_a_quarter_or_an_eighth_of_the_addresses(count: int, prefix: int) -> None:
    cut = addressing.zones("10.0.0.0/16", ZONES[:count])
    assert {IPv4Network(zone.private_cidr).prefixlen for zone in cut} == {prefix}
    assert {IPv4Network(zone.public_cidr).prefixlen for zone in cut} == {20}


@given(st.integers(2, addressing.MAX_ZONES), st.integers(16, 22))
def test_the_pod_range_is_divided_among_the_zones(count: int, prefix: int) -> None:
    parts = [IPv4Network(part) for part in addressing.pods(f"100.64.0.0/{prefix}", ZONES[:count]).values()]
    assert len(parts) == count
    assert all(part.subnet_of(IPv4Network(f"100.64.0.0/{prefix}")) for part in parts)
    assert not any(a.overlaps(b) for i, a in enumerate(parts) for b in parts[i + 1 :])


@pytest.mark.parametrize(
    ("cidr", "pods", "refused"),
    [
        ("10.4.0.0/16", "100.64.0.0/16", False),
        ("172.16.0.0/16", "100.64.0.0/16", False),
        ("192.168.0.0/20", "192.168.64.0/20", False),
        ("198.19.0.0/16", "100.64.0.0/16", False),
        ("100.64.0.0/16", "100.65.0.0/16", False),
        ("10.4.0.0/16", "10.5.0.0/16", False),
        ("10.4.0.0/16", "10.4.0.0/18", True),
        ("10.4.0.0/16", "172.16.0.0/16", True),
        ("10.4.0.0/16", "198.19.0.0/16", True),
        ("10.1.0.0/16", "10.0.0.0/20", True),
        ("172.16.0.0/16", "172.31.0.0/20", True),
        ("100.64.0.0/16", "10.0.0.0/16", True),
        ("198.19.0.0/18", "198.19.64.0/18", True),
    ],
)
def test_the_pod_range_can_be_added_to_the_vpc(cidr: str, pods: str, refused: bool) -> None:
    """https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html#add-cidr-block-restrictions"""
    assert bool(addressing.cannot_be_added(cidr, pods)) is refused


def test_private_subnets_get_most_addresses() -> None:
    zone = addressing.zones("10.0.0.0/16", ZONES[:3])[2]
    assert (zone.private_cidr, zone.public_cidr) == ("10.0.128.0/18", "10.0.224.0/20")


def test_the_smallest_network_has_subnets_of_a_valid_size() -> None:
    zone = addressing.zones(f"10.0.0.0/{addressing.NARROWEST_PREFIX}", ZONES)[4]
    assert IPv4Network(zone.public_cidr).prefixlen == 28


def test_zones_keep_their_order_and_names() -> None:
    assert [zone.name for zone in addressing.zones("10.0.0.0/16", ZONES)] == ZONES


@pytest.mark.parametrize("days", [30, 365])
def test_retention_accepts_the_periods_of_cloudwatch(days: int) -> None:
    from mlplatform.logs import retention

    assert retention(days) == days


def test_retention_rejects_other_periods_and_lists_the_allowed_ones() -> None:
    from mlplatform.logs import retention

    with pytest.raises(ValueError, match=r"allowed: 1, 3, 5, 7, 14, 30"):
        retention(31)

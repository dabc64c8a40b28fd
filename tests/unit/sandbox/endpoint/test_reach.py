"""Reachability of a cluster's API server, by the endpoint access settings and the security group rules."""

from collections.abc import Callable
from typing import Any

import pytest

Closed = Callable[..., str | None]

PRIVATE = {"endpointPublicAccess": False, "endpointPrivateAccess": True}
PUBLIC = {"endpointPublicAccess": True, "endpointPrivateAccess": False, "publicAccessCidrs": ["203.0.112.0/24"]}


@pytest.fixture
def closed(account: Any, process: Any) -> Closed:
    """Returns why the cluster cannot be reached; None if it can."""

    def ask(origin: str = "") -> str | None:
        server = account.eks.describe_cluster(name="main")["cluster"]["endpoint"]
        reason: str | None = process.closed(server, origin)
        return reason

    return ask


def cluster(account: Any, **access: Any) -> str:
    """Create the cluster; returns the ID of its cluster security group."""
    account.cluster(resourcesVpcConfig={"subnetIds": account.subnets, **access})
    config = account.eks.describe_cluster(name="main")["cluster"]["resourcesVpcConfig"]
    return str(config["clusterSecurityGroupId"])


def let_in(account: Any, group: str, *, port: int = 443, protocol: str = "tcp", **source: Any) -> None:
    rule = {"IpProtocol": protocol, **({} if protocol == "-1" else {"FromPort": port, "ToPort": port}), **source}
    account.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])


def new_group(account: Any, name: str) -> str:
    made = account.ec2.create_security_group(GroupName=name, Description=name, VpcId=account.vpc)
    return str(made["GroupId"])


def test_a_private_endpoint_is_unreachable_by_default(account: Any, closed: Closed) -> None:
    group = cluster(account, **PRIVATE)
    reason = closed()
    assert reason is not None
    assert reason.startswith("dial tcp 127.0.0.1:")
    assert ": i/o timeout (sandbox: the endpoint is private, " in reason
    assert f"add such a rule to {group}" in reason


def test_a_range_on_443_opens_the_private_endpoint(account: Any, closed: Closed) -> None:
    group = cluster(account, **PRIVATE)
    let_in(account, group, IpRanges=[{"CidrIp": "10.8.0.0/16"}])
    assert closed() is None
    assert closed("10.8.3.4") is None
    assert "10.9.3.4" in (closed("10.9.3.4") or "")


def test_another_group_opens_the_private_endpoint_to_its_members(account: Any, closed: Closed) -> None:
    group, runner = cluster(account, **PRIVATE), new_group(account, "runner")
    let_in(account, group, UserIdGroupPairs=[{"GroupId": runner}])
    assert closed() is None
    assert closed(runner) is None
    assert closed("sg-00000000000000000") is not None


@pytest.mark.parametrize("rule", [{"port": 22}, {"protocol": "udp"}])
def test_a_rule_for_something_else_opens_nothing(account: Any, closed: Closed, rule: dict[str, Any]) -> None:
    let_in(account, cluster(account, **PRIVATE), IpRanges=[{"CidrIp": "10.0.0.0/8"}], **rule)
    assert closed() is not None


def test_all_traffic_holds_443(account: Any, closed: Closed) -> None:
    let_in(account, cluster(account, **PRIVATE), protocol="-1", IpRanges=[{"CidrIp": "10.0.0.0/8"}])
    assert closed() is None


def test_the_cluster_s_additional_groups_count(account: Any, closed: Closed) -> None:
    extra = new_group(account, "extra")
    cluster(account, **PRIVATE, securityGroupIds=[extra])
    assert closed() is not None
    let_in(account, extra, IpRanges=[{"CidrIp": "10.8.0.0/16"}])
    assert closed() is None


def test_a_public_endpoint_is_open_to_its_ranges(account: Any, closed: Closed) -> None:
    group = cluster(account, **PUBLIC)
    assert closed() is None
    assert closed("203.0.112.9") is None
    assert closed("198.51.99.1") is not None
    # Security group rules have no effect without a private endpoint.
    let_in(account, group, IpRanges=[{"CidrIp": "198.51.99.0/24"}])
    assert "only public" in (closed("198.51.99.1") or "")


def test_the_endpoint_of_another_cluster_is_not_checked(account: Any, process: Any) -> None:
    cluster(account, **PRIVATE)
    assert process.closed("https://127.0.0.1:9") is None

"""RDS Extended Support has no price in the book, so it is reported as missing and expensive."""

from typing import Any

import pytest

from costing import Prices, change, cost, money, only
from mlpctl.review.cost.estimate import limits
from mlpctl.review.cost.settings import CostSettings
from mlpctl.review.values import UNKNOWN

DATABASE, CLUSTER = "aws:rds/instance:Instance", "aws:rds/cluster:Cluster"
MEMBER = "aws:rds/clusterInstance:ClusterInstance"
BOOK = Prices(
    {
        "rds/postgres.single.db.r6g.large": 0.25,
        "rds/mysql.single.db.r6g.large": 0.25,
        "rds/mariadb.single.db.r6g.large": 0.25,
        "rds/aurora-postgresql.single.db.r6g.large": 0.26,
        "rds/aurora-mysql.single.db.r6g.large": 0.26,
        "rds/gp2-storage.single": 0.115,
    }
)
LARGE = {"instanceClass": "db.r6g.large"}


def missing(engine: str, version: Any, **more: Any) -> tuple[tuple[str, ...], str]:
    inputs = {**LARGE, "allocatedStorage": 100, "engine": engine, "engineVersion": version, **more}
    found = only(BOOK, change(DATABASE, inputs))
    assert found.monthly_usd == money(730 * 0.25 + 11.5), "without the missing part"
    return tuple(found.missing), found.large


@pytest.mark.parametrize(
    ("engine", "version", "words"),
    [
        ("postgres", "11.22", "postgres 11"),
        ("postgres", "12", "postgres 12"),
        ("postgres", "13.23-rds.20260301", "postgres 13"),
        ("mysql", "5.7.44", "mysql 5.7"),
        ("mysql", "8.0.40", "mysql 8.0"),
    ],
)
def test_a_database_past_standard_support_lacks_a_price(engine: str, version: str, words: str) -> None:
    assert missing(engine, version) == (
        (f"RDS Extended Support of {words}, which is charged per vCPU",),
        "databases",
    )


@pytest.mark.parametrize(
    ("engine", "version", "more"),
    [
        ("postgres", "16.4", {}),
        ("mysql", "8.4.3", {}),
        ("mariadb", "10.5.9", {}),
        ("postgres", None, {}),
        ("mysql", "5.7.44", {"engineLifecycleSupport": "open-source-rds-extended-support-disabled"}),
    ],
)
def test_other_databases_have_no_extended_support(engine: str, version: Any, more: Any) -> None:
    assert missing(engine, version, **more) == ((), "")


def test_an_unknown_version_may_need_extended_support() -> None:
    assert missing("postgres", UNKNOWN) == (("RDS Extended Support, if its engine version requires it",), "")


def test_a_replica_has_the_version_of_its_source() -> None:
    source = change(
        DATABASE, {**LARGE, "engine": "postgres", "engineVersion": "12.4", "allocatedStorage": 100}, name="source"
    )
    replica = change(DATABASE, LARGE, depends={"replicateSourceDb": [source]})
    assert "RDS Extended Support of postgres 12" in only(BOOK, source, replica).missing[0]


@pytest.mark.parametrize("own", [{}, {"engineVersion": UNKNOWN}, {"engineVersion": "12.22"}])
def test_an_aurora_instance_has_the_version_of_its_cluster(own: Any) -> None:
    cluster = change(
        CLUSTER,
        {"engine": "aurora-postgresql", "engineVersion": "12.22", "clusterIdentifier": "orders"},
        name="cluster",
    )
    inputs = {**LARGE, "engine": "aurora-postgresql", "clusterIdentifier": "orders", **own}
    for depends in ({"clusterIdentifier": [cluster]}, {}):
        found = only(BOOK, cluster, change(MEMBER, inputs, depends=depends))
        assert "RDS Extended Support of aurora-postgresql 12" in found.missing[0]
        assert found.large == "databases"


def test_extended_support_of_a_cluster_can_be_disabled() -> None:
    cluster = change(
        CLUSTER,
        {"engineVersion": "12.22", "engineLifecycleSupport": "open-source-rds-extended-support-disabled"},
        name="cluster",
    )
    inputs = {**LARGE, "engine": "aurora-postgresql", "clusterIdentifier": UNKNOWN}
    assert only(BOOK, cluster, change(MEMBER, inputs, depends={"clusterIdentifier": [cluster]})).missing == ()


def test_a_limit_cannot_be_checked_without_it() -> None:
    inputs = {**LARGE, "allocatedStorage": 100, "engine": "mysql", "engineVersion": "5.7.44"}
    (limit,) = limits(cost(BOOK, change(DATABASE, inputs)), CostSettings(max_monthly_usd=10_000))
    assert limit.broken and "databases" in limit.text

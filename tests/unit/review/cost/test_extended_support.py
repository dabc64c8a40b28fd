"""RDS Extended Support is charged per vCPU; without a price in the book it is reported as missing and expensive."""

from datetime import date
from typing import Any

import pytest

from awsfacts.database_versions import is_in_third_year
from costing import Prices, change, cost, money, only
from mlpctl.review.cost.book import load
from mlpctl.review.cost.database import vcpus
from mlpctl.review.cost.estimate import limits
from mlpctl.review.cost.parts import NoPrice
from mlpctl.review.values.plain import UNKNOWN
from mlpctl.settings.cost import CostSettings

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
def test_without_a_price_extended_support_is_reported_as_missing(engine: str, version: str, words: str) -> None:
    assert missing(engine, version) == (
        (
            f"RDS Extended Support of {words}, which is charged per vCPU: the price book has no"
            f" rds/extended-support.{'year-3' if words in ('postgres 11', 'mysql 5.7') else 'years-1-2'} in us-east-1",
        ),
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


PRICED = Prices({**BOOK.rows, "rds/extended-support.years-1-2": 0.1, "rds/extended-support.year-3": 0.2})


@pytest.mark.parametrize(
    ("engine", "version", "hourly"),
    [
        ("postgres", "11.22", 0.4),
        ("postgres", "12.22-rds.20251114", 0.2),
        ("postgres", "13", 0.2),
        ("mysql", "5.7.44", 0.4),
        ("mysql", "8.0.40", 0.2),
        ("postgres", "14.20", 0.0),
        ("mysql", "8.4.3", 0.0),
        ("mariadb", "10.5.9", 0.0),
    ],
)
def test_extended_support_is_charged_by_vcpu_and_year(engine: str, version: str, hourly: float) -> None:
    inputs = {**LARGE, "allocatedStorage": 100, "engine": engine, "engineVersion": version}
    found = only(PRICED, change(DATABASE, inputs))
    assert found.monthly_usd == money(730 * (0.25 + hourly) + 11.5)
    assert (found.missing, found.large) == ((), "")


def test_the_standby_is_charged_too() -> None:
    inputs = {**LARGE, "allocatedStorage": 100, "engine": "postgres", "engineVersion": "12.22"}
    one, two = (only(PRICED, change(DATABASE, {**inputs, "multiAz": each})).monthly_usd for each in (False, True))
    assert one and two and two.expected == pytest.approx(2 * one.expected)


def test_a_replica_is_charged_for_its_own_vcpus() -> None:
    source = change(
        DATABASE, {**LARGE, "engine": "postgres", "engineVersion": "12.4", "allocatedStorage": 100}, name="source"
    )
    replica = change(DATABASE, LARGE, depends={"replicateSourceDb": [source]})
    assert only(PRICED, source, replica).monthly_usd == money(730 * 0.45 + 11.5)


@pytest.mark.parametrize(
    ("engine", "version", "usd"),
    [
        ("aurora-postgresql", "12.22", 0.46),
        ("aurora-postgresql", "11.21", 0.66),
        ("aurora-postgresql", "16.4", 0.26),
        ("aurora-mysql", "5.7.mysql_aurora.2.12.5", 0.46),
        ("aurora", "5.7.mysql_aurora.2.12.5", 0.46),
        ("aurora-mysql", "8.0.mysql_aurora.3.08.0", 0.26),
    ],
)
def test_an_aurora_instance_is_charged_for_the_version_of_its_cluster(engine: str, version: str, usd: float) -> None:
    cluster = change(CLUSTER, {"engine": engine, "engineVersion": version, "clusterIdentifier": "x"}, name="cluster")
    inputs = {**LARGE, "engine": engine, "clusterIdentifier": "x"}
    assert only(PRICED, cluster, change(MEMBER, inputs)).monthly_usd == money(730 * usd)


def test_versions_that_are_too_old_and_unknown_classes_have_no_price() -> None:
    assert "only for later versions" in missing("postgres", "9.6.24")[0][0]
    for kind, count in (("db.t4g.micro", 2), ("db.m5.large", 2), ("db.r6g.xlarge", 4), ("db.r5.24xlarge", 96)):
        assert vcpus(kind) == count
    for kind in ("db.t2.micro", "db.serverless", "db.m3.medium", "db.r5.2xlarge.tpc2.mem8x", "r5.large"):
        with pytest.raises(NoPrice):
            vcpus(kind)


def test_the_shipped_book_has_prices_of_both_years() -> None:
    book = load()
    for region in ("us-east-1", "eu-central-1"):
        early, late = (book.find("rds", region, f"extended-support.{each}") for each in ("years-1-2", "year-3"))
        assert early and late and late.usd == pytest.approx(2 * early.usd)


def test_the_third_year_begins_on_a_day() -> None:
    assert not is_in_third_year("mysql", "8.0.40", date(2028, 7, 31))
    assert is_in_third_year("mysql", "8.0.40", date(2028, 8, 1))
    assert not is_in_third_year("postgres", "15.4", date(2030, 2, 28))
    assert is_in_third_year("postgres", "15.4", date(2030, 3, 1))
    assert is_in_third_year("postgres", "9.6", date(2026, 11, 26)) is None

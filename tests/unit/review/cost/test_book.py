import csv
import datetime
import shutil
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsfacts import instances
from costing import change, only
from mlpctl import config
from mlpctl.review.cost import book, items
from mlpctl.review.cost.book import STALE_DAYS, Book, BookError, Price, Row, Source, SpotRow, load, save
from mlpctl.text import decimal

DAY = datetime.date(2026, 9, 1)
SOURCE = Source("list-1", "A list", "somewhere", DAY)
OTHER = Source("list-2", "Another list", "elsewhere", datetime.date(2026, 1, 1))

RETIRED = {"cc2", "cr1", "dl1", "f1", "g2", "g3", "g3s", "g4ad", "hs1", "i3", "i3p", "p2", "p3"} | {
    f"u-{tib}tb1" for tib in (9, 12, 18, 24)
}
"""Families in the price lists that EC2 no longer describes."""


@pytest.fixture(scope="module")
def shipped() -> Book:
    return load()


@pytest.fixture(scope="module")
def rows(shipped: Book) -> list[Row]:
    return [*shipped.rows]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [
        Row("ec2", "us-east-1", "g6e.2xlarge", 0, 2.24208, "list-1"),
        Row("ec2", "us-west-2", "g6e.2xlarge", 0, 2.25, "list-1"),
        Row("s3", "us-east-1", "standard-storage", 51200, 0.022, "list-2"),
        Row("s3", "us-east-1", "standard-storage", 0, 0.023, "list-2"),
        Row("s3", "us-east-1", "get-requests", 0, 0.0000004, "list-2"),
        Row("route53", items.GLOBAL, "hosted-zone", 0, 0.5, "list-1"),
    ]
    save(tmp_path, rows, [SpotRow("us-east-1", "g6e.2xlarge", 0.9, 1.1, "list-2")], [SOURCE, OTHER])
    return tmp_path


def test_the_packaged_book_is_valid_and_in_the_format_of_a_refresh(
    shipped: Book, rows: list[Row], tmp_path: Path
) -> None:
    save(tmp_path, rows, shipped.spot_rows, shipped.sources.values())
    for name in (book.PRICES, book.SPOT, book.SOURCES):
        assert (tmp_path / name).read_bytes() == (book.FOLDER / name).read_bytes(), name
    assert len(rows) > 20_000


def test_every_source_has_a_location_and_a_date(shipped: Book) -> None:
    for source in shipped.sources.values():
        assert source.title and source.where
        assert datetime.date(2024, 1, 1) <= source.day <= datetime.datetime.now(datetime.UTC).date()


def test_packaged_instance_types_exist_in_ec2(rows: list[Row]) -> None:
    priced = {row.item for row in rows if row.service == "ec2"}
    unknown = {name for name in priced if not instances.find(name)}
    assert {name.split(".")[0] for name in unknown} <= RETIRED


def test_price_tiers_start_at_zero_and_decrease(rows: list[Row]) -> None:
    steps: dict[tuple[str, str, str], list[tuple[float, float]]] = {}
    for row in rows:
        steps.setdefault(row[:3], []).append((row.start, row.usd))
    for key, found in steps.items():
        assert min(start for start, _ in found) == 0, key
        assert [usd for _, usd in sorted(found)] == sorted((usd for _, usd in found), reverse=True), key


def test_spot_does_not_cost_more_than_on_demand(shipped: Book) -> None:
    for row in shipped.spot_rows:
        on_demand = shipped.find("ec2", row.region, row.item)
        assert on_demand is None or row.high <= on_demand.usd * 1.0001, row


def test_sagemaker_prices_are_plausible_relative_to_ec2(shipped: Book, rows: list[Row]) -> None:
    ratios = {
        row[:3]: row.usd / ec2.usd
        for row in rows
        if row.service == "sagemaker-hosting" and (ec2 := shipped.find("ec2", row.region, row.item.removeprefix("ml.")))
    }
    assert len(ratios) > 1_000
    assert {key: ratio for key, ratio in ratios.items() if not 1 <= ratio <= 1.6} == {}


@pytest.mark.parametrize("stack", ["local", "dev", "staging", "prod"])
def test_instance_types_of_our_stacks_are_priced(shipped: Book, root: Path, stack: str) -> None:
    loaded = config.read(config.find(root, stack))
    platform = loaded.platform
    types = {
        *platform.cluster.system.instance_types,
        *(name for pool in platform.gpu_pools.values() for name in pool.instance_types),
    }
    assert types
    assert [name for name in types if not shipped.find("ec2", loaded.region, name)] == []


@pytest.mark.parametrize(
    "item",
    [
        "ebs/gp3-storage", "ebs/gp3-iops", "ebs/gp3-throughput", "ebs/snapshot", "s3/standard-storage",
        "s3/put-requests", "s3/get-requests", "efs/standard-storage", "efs/elastic-read", "efs/elastic-write",
        "fsx-lustre/persistent-125", "fsx-lustre/scratch", "rds/postgres.single.db.t4g.micro",
        "rds/gp3-storage.single", "eks/cluster", "eks/extended-support", "nat/gateway", "nat/data", "elb/alb",
        "elb/alb-lcu", "elb/nlb", "vpc-endpoint/interface", "vpc-endpoint/data", "public-ipv4/in-use", "kms/key",
        "kms/requests", "ecr/storage", "cloudwatch/logs-ingest", "cloudwatch/logs-storage", "cloudwatch/alarm",
        "secrets-manager/secret", "dynamodb/on-demand-read", "dynamodb/on-demand-write", "dynamodb/storage",
        "transfer/out", "transfer/inter-az", "route53/hosted-zone", "sagemaker-hosting/ml.g6e.2xlarge",
    ],
)  # fmt: skip
def test_common_items_are_priced_in_us_east_1(shipped: Book, item: str) -> None:
    service, _, name = item.partition("/")
    assert shipped.find(service, "us-east-1", name)


def test_a_price_has_a_unit_and_a_source(folder: Path) -> None:
    found = load(folder).find("ec2", "us-east-1", "g6e.2xlarge")
    assert found == Price("ec2", "us-east-1", "g6e.2xlarge", 2.24208, "hour", SOURCE)
    assert found.key == "ec2/us-east-1/g6e.2xlarge"


def test_missing_items_return_none(folder: Path) -> None:
    there = load(folder)
    for service, region, item in (
        ("ec2", "us-east-1", "p5.48xlarge"),
        ("ec2", "eu-west-1", "g6e.2xlarge"),
        ("x", "y", "z"),
    ):
        assert there.find(service, region, item) is None
        assert there.tiers(service, region, item) == ()
    assert there.spot("us-west-2", "g6e.2xlarge") is None


def test_a_tiered_price_returns_its_tiers_and_the_first_by_default(folder: Path) -> None:
    there = load(folder)
    assert [(start, price.usd) for start, price in there.tiers("s3", "us-east-1", "standard-storage")] == [
        (0, 0.023),
        (51200, 0.022),
    ]
    first = there.find("s3", "us-east-1", "standard-storage")
    assert first and first.usd == 0.023


def test_lines_can_have_any_order(folder: Path) -> None:
    head, *lines = (folder / book.PRICES).read_text().splitlines()
    (folder / book.PRICES).write_text("\n".join([head, *reversed(lines)]) + "\n")
    there = load(folder)
    assert [start for start, _ in there.tiers("s3", "us-east-1", "standard-storage")] == [0, 51200]
    assert [*there.rows] == sorted(there.rows)


def test_a_global_price_is_found_in_every_region(folder: Path) -> None:
    there = load(folder)
    found = there.find("route53", "eu-north-1", "hosted-zone")
    assert found and found.region == items.GLOBAL
    assert there.items("route53", "eu-north-1") == ("hosted-zone",)


def test_a_spot_price_is_a_range(folder: Path) -> None:
    found = load(folder).spot("us-east-1", "g6e.2xlarge")
    assert found and [price.usd for price in found] == [0.9, 1.1]
    assert {price.unit for price in found} == {"hour"}
    assert len({price.key for price in found}) == 2


def test_items_and_regions_with_a_price_are_listed(folder: Path) -> None:
    there = load(folder)
    assert there.items("s3", "us-east-1") == ("get-requests", "standard-storage")
    assert there.regions("ec2") == ("us-east-1", "us-west-2")


@pytest.mark.parametrize(("days", "stale"), [(0, False), (STALE_DAYS, False), (STALE_DAYS + 1, True)])
def test_a_price_is_stale_after_ninety_days(days: int, stale: bool) -> None:
    price = Price("ec2", "us-east-1", "g6e.2xlarge", 1, "hour", SOURCE)
    assert STALE_DAYS == 90
    assert price.stale(DAY + datetime.timedelta(days=days)) is stale


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (book.PRICES, "2.24208", "free", "line 2, column usd: 'free' is not a price above 0."),
        (book.PRICES, "2.24208", "0", "line 2, column usd: '0' is not a price above 0."),
        (book.PRICES, "2.24208", "-1", "line 2, column usd: '-1' is not a price above 0."),
        (book.PRICES, "2.24208", "nan", "line 2, column usd: 'nan' is not a price above 0."),
        (
            book.PRICES,
            "us-east-1,g6e.2xlarge",
            "us-east-1,g6e 2xlarge",
            "line 2, column item: 'g6e 2xlarge' is not an item of ec2.",
        ),
        (book.PRICES, ",2.24208,list-1", ",2.24208,list-9", "line 2, column source: 'list-9' is not in sources.yaml."),
        (
            book.PRICES,
            "g6e.2xlarge,,2.24208",
            "g6e.2xlarge,many,2.24208",
            "line 2, column from_quantity: 'many' is not a quantity.",
        ),
        (book.PRICES, ",2.24208,list-1", ",2.24208", "line 2, column usd: the line has 5 fields instead of 6."),
        (book.PRICES, ",2.24208,list-1", ',"2.24208,list-1', "line 2"),
        (
            book.PRICES,
            "service,region,item",
            "service;region;item",
            "line 1: the columns are not service, region, item, from_quantity, usd, source.",
        ),
        (
            book.PRICES,
            "ec2,us-west-2,g6e.2xlarge",
            "ec2,us-east-1,g6e.2xlarge",
            "line 3, column item: 'g6e.2xlarge' is a duplicate.",
        ),
        (
            book.PRICES,
            "ec2,us-west-2,g6e.2xlarge,,2.25,list-1",
            "cut",
            "line 3, column service: the line has 1 fields instead of 6.",
        ),
        (book.SPOT, "0.9,1.1", "1.2,1.1", "line 2, column max: '1.1' is below the lowest price, 1.2."),
        (book.SPOT, "0.9,1.1", "x,1.1", "line 2, column min: 'x' is not a price above 0."),
        (book.SOURCES, "day: 2026-09-01", "day: yesterday", ": list-1 must have the keys title, where and day."),
        (book.SOURCES, "title: A list", "title: [", ", line 4, column 6: "),
    ],
)
def test_an_invalid_book_fails_with_a_position(folder: Path, file: str, old: str, new: str, message: str) -> None:
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1))
    with pytest.raises(BookError) as error:
        there = load(folder)
        there.find("ec2", "us-east-1", "g6e.2xlarge")
        there.spot("us-east-1", "g6e.2xlarge")
    assert str(error.value).startswith("The price book is invalid: ")
    assert f"{file}, {message}" in str(error.value) or f"{file}{message}" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_or_binary_book_fails(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BookError, match=r"cannot be read: .*nowhere.*: No such file or directory\."):
        load(tmp_path / "nowhere")
    (folder / book.PRICES).write_bytes(b"service\n\xff\xfe\n")
    with pytest.raises(BookError, match=r"prices\.csv, line 2: the text is not UTF-8\."):
        load(folder)


def test_an_invalid_row_does_not_affect_other_regions(folder: Path) -> None:
    text = (folder / book.PRICES).read_text()
    (folder / book.PRICES).write_text(text.replace("2.25", "x"))
    there = load(folder)
    assert there.find("ec2", "us-east-1", "g6e.2xlarge")
    with pytest.raises(BookError, match="line 3"):
        there.find("ec2", "us-west-2", "g6e.2xlarge")


@pytest.mark.parametrize("step", range(4))
def test_an_interrupted_save_leaves_a_readable_book(folder: Path, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    there = load(folder)
    left = [step]
    really = Path.replace

    def replace(path: Path, target: Path) -> Path:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return really(path, target)

    monkeypatch.setattr(Path, "replace", replace)
    new = Source("list-3", "A new list", "there", DAY)
    moved = [row._replace(source="list-3") for row in there.rows]
    with pytest.raises(KeyboardInterrupt):
        save(folder, moved, there.spot_rows, [*there.sources.values(), new])
    after = load(folder)
    assert Counter(row[:5] for row in after.rows) == Counter(row[:5] for row in moved)
    assert [*after.spot_rows] == [*there.spot_rows]
    assert sorted(path.name for path in folder.iterdir()) == sorted((book.PRICES, book.SPOT, book.SOURCES))


def test_a_source_without_prices_is_removed(folder: Path) -> None:
    there = load(folder)
    save(folder, (row for row in there.rows if row.source == "list-1"), [], there.sources.values())
    assert set(load(folder).sources) == {"list-1"}


@given(st.decimals(min_value="0.0000000001", max_value=10**9, places=10).map(float))
def test_a_number_is_written_without_exponent_and_without_loss(number: float) -> None:
    written = decimal(number)
    assert float(written) == number
    assert "e" not in written.lower()


def test_every_unit_is_in_the_catalog_and_every_item_has_one_entry() -> None:
    listed = items.catalogue()
    for name, service, item in listed.entries:
        assert item.unit in listed.units, (name, item.item)
        example = item.item.replace("{}", "db.x9.huge")
        assert {each.item for each in service.items if each.name(example)} == {item.item}
        assert len({each.unit for each in service.items if each.item == item.item}) == 1
        assert ("{}" in item.usage) == item.is_family


def test_the_wheel_contains_the_book(root: Path) -> None:
    from hatchling.builders.wheel import WheelBuilder

    shipped = {file.distribution_path for file in WheelBuilder(str(root)).recurse_included_files()}
    for name in (book.PRICES, book.SPOT, book.SOURCES, "items.yaml"):
        assert f"mlpctl/review/cost/{name}" in shipped


def test_the_packaged_files_are_plain_csv() -> None:
    for name in (book.PRICES, book.SPOT):
        text = (book.FOLDER / name).read_text()
        assert [",".join(fields) for fields in csv.reader(text.splitlines())] == text.splitlines()


def test_a_copy_of_the_book_has_the_same_prices(tmp_path: Path, shipped: Book) -> None:
    for name in (book.PRICES, book.SPOT, book.SOURCES):
        shutil.copy(book.FOLDER / name, tmp_path)
    assert load(tmp_path).find("nat", "us-east-1", "gateway") == shipped.find("nat", "us-east-1", "gateway")


def test_prices_of_other_regions_are_not_used() -> None:
    """Only two rows are global. Other items need a row for their region, or are unpriced and name the missing row."""
    rows = [line.split(",") for line in (Path(book.__file__).parent / "prices.csv").read_text().splitlines()[1:]]
    shared = {(service, item) for service, region, item, *_ in rows if region == "global"}
    assert shared == {("cloudwatch", "dashboard"), ("route53", "hosted-zone")}
    found = load()
    sold = {(service, item) for service, region, item, *_ in rows if region == "us-east-1"} - shared
    assert [each for each in sold if found.find(each[0], "xx-nowhere-1", each[1])] == []
    volume = change("aws:ebs/volume:Volume", {"type": "gp3", "size": 100})
    unpriced = only(found, volume, region="xx-nowhere-1")
    assert (unpriced.monthly_usd, unpriced.unpriced) == (None, "the price book has no ebs/gp3-storage in xx-nowhere-1")

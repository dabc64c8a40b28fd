"""Tests of the output of `mlpctl prices`."""

import datetime
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mlpctl import cli, ending
from mlpctl.review.cost import book, refresh, show
from mlpctl.review.cost.book import Row, Source, SpotRow, load, save

TODAY = datetime.date(2026, 11, 26)
NEW = Source("new", "A new list", "here", datetime.date(2026, 11, 1))
OLD = Source("old", "An old list", "there", datetime.date(2026, 1, 1))

Mlpctl = Callable[..., tuple[int | str | None, str, str]]


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rows = [
        Row("ec2", "us-east-1", "g6e.2xlarge", 0, 2.24208, "new"),
        Row("ec2", "eu-west-1", "g6e.2xlarge", 0, 2.5, "old"),
        Row("sagemaker-hosting", "us-east-1", "ml.g6e.2xlarge", 0, 2.8026, "old"),
        Row("ebs", "us-east-1", "gp3-storage", 0, 0.08, "new"),
        Row("ebs", "us-east-1", "gp3-iops", 0, 0.005, "new"),
        Row("rds", "us-east-1", "postgres.single.db.t4g.micro", 0, 0.016, "new"),
        Row("rds", "us-east-1", "gp3-storage.single", 0, 0.115, "new"),
        Row("s3", "us-east-1", "standard-storage", 0, 0.023, "new"),
        Row("s3", "us-east-1", "standard-storage", 51200, 0.022, "new"),
        Row("s3", "us-east-1", "get-requests", 0, 0.0000004, "new"),
        Row("route53", "global", "hosted-zone", 0, 0.5, "new"),
    ]
    save(tmp_path, rows, [SpotRow("us-east-1", "g6e.2xlarge", 0.9, 1.1, "old")], [NEW, OLD])
    monkeypatch.setattr(book, "FOLDER", tmp_path)
    return tmp_path


@pytest.fixture
def mlpctl(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Mlpctl:
    def run(*arguments: str) -> tuple[int | str | None, str, str]:
        monkeypatch.setattr(sys, "argv", ["mlpctl", *arguments])
        monkeypatch.setenv("COLUMNS", "100")
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return ended.value.code, printed.out, printed.err

    return run


def shown(shelf: Path, name: str, *regions: str) -> list[tuple[str, tuple[float, ...], bool]]:
    return [(each.key, each.usd, each.stale) for each in show.show(load(shelf), name, regions, TODAY)]


def test_an_instance_type_is_shown_on_demand_for_sagemaker_and_as_spot(shelf: Path) -> None:
    assert shown(shelf, "g6e.2xlarge") == [
        ("ec2/eu-west-1/g6e.2xlarge", (2.5,), True),
        ("ec2/us-east-1/g6e.2xlarge", (2.24208,), False),
        ("sagemaker-hosting/us-east-1/ml.g6e.2xlarge", (2.8026,), True),
        ("spot-min/us-east-1/g6e.2xlarge", (0.9, 1.1), True),
    ]


def test_regions_can_be_chosen(shelf: Path) -> None:
    assert [key for key, *_ in shown(shelf, "g6e.2xlarge", "eu-west-1")] == ["ec2/eu-west-1/g6e.2xlarge"]


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("ml.g6e.2xlarge", ["sagemaker-hosting/us-east-1/ml.g6e.2xlarge"]),
        ("db.t4g.micro", ["rds/us-east-1/postgres.single.db.t4g.micro"]),
        ("t4g.micro", ["rds/us-east-1/postgres.single.db.t4g.micro"]),
        ("gp3-storage", ["ebs/us-east-1/gp3-storage"]),
        ("ebs/gp3-storage", ["ebs/us-east-1/gp3-storage"]),
        ("ebs", ["ebs/us-east-1/gp3-iops", "ebs/us-east-1/gp3-storage"]),
        ("rds", ["rds/us-east-1/gp3-storage.single"]),
        ("s3/standard-storage", ["s3/us-east-1/standard-storage"] * 2),
        ("hosted-zone", ["route53/global/hosted-zone"]),
    ],
)
def test_a_price_is_found_by_its_usual_names(shelf: Path, name: str, keys: list[str]) -> None:
    assert sorted(key for key, *_ in shown(shelf, name)) == keys


def test_a_global_price_is_shown_for_every_region(shelf: Path) -> None:
    assert [key for key, *_ in shown(shelf, "hosted-zone", "eu-west-1")] == ["route53/global/hosted-zone"]


def test_an_hourly_price_is_also_shown_per_month_of_730_hours(shelf: Path) -> None:
    (instance,) = show.show(load(shelf), "ml.g6e.2xlarge", (), TODAY)
    assert instance.monthly_usd == (2.8026 * 730,)
    (volume,) = show.show(load(shelf), "ebs/gp3-storage", (), TODAY)
    assert volume.monthly_usd == ()


def test_the_page_shows_price_month_date_and_source(shelf: Path, mlpctl: Mlpctl) -> None:
    code, out, errors = mlpctl("prices", "show", "g6e.2xlarge")
    assert (code, errors) == (0, "")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "EC2 instance on demand, Linux: g6e.2xlarge" in lines
    assert "us-east-1 2.24208 hour 1,636.72 2026-11-01 2" in lines
    assert "us-east-1 0.9 to 1.1 hour 657.00 to 803.00 2026-01-01 stale 1" in lines
    assert "1 An old list; there" in lines
    assert "2 A new list; here" in lines


def test_price_tiers_are_shown_with_their_start(shelf: Path, mlpctl: Mlpctl) -> None:
    _, out, _ = mlpctl("prices", "show", "s3")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "us-east-1 51,200 0.022 GB-month 2026-11-01 1" in lines
    assert "us-east-1 0.0000004 request 2026-11-01 1" in lines


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("g6e.2xlarg",), "The price book has no g6e.2xlarg; did you mean g6e.2xlarge"),
        (("g6e.2xlarge", "--region", "ap-south-1"), "has g6e.2xlarge in eu-west-1, us-east-1, but not in ap-south-1."),
        (("unheard-of",), "The price book has no unheard-of; `mlpctl prices list` shows its contents."),
    ],
)
def test_an_unknown_item_fails_with_suggestions(
    shelf: Path, mlpctl: Mlpctl, arguments: tuple[str, ...], message: str
) -> None:
    code, out, errors = mlpctl("prices", "show", *arguments)
    assert (code, out) == (cli.FAILED, "")
    assert message in errors


def test_an_invalid_book_fails_with_one_line(shelf: Path, mlpctl: Mlpctl) -> None:
    (shelf / book.PRICES).write_text("nothing")
    code, _, errors = mlpctl("prices", "list")
    assert code == cli.FAILED
    assert errors.startswith("The price book is invalid: prices.csv, line 1")
    assert errors.count("\n") == 1


def test_the_list_counts_items_and_prices(shelf: Path, mlpctl: Mlpctl) -> None:
    code, out, _ = mlpctl("prices", "list")
    assert code == 0
    lines = [line.split() for line in out.splitlines()]
    assert lines[0] == ["Service", "Items", "Regions", "Prices", "Stale", "Oldest", "Newest"]
    found = {each.service: each for each in show.coverage(load(shelf), TODAY)}
    assert (found["ec2"].items, found["ec2"].regions, found["ec2"].prices, found["ec2"].stale) == (
        1,
        ("eu-west-1", "us-east-1"),
        2,
        1,
    )
    assert found["route53"].where == "global"
    assert (found["spot"].prices, found["spot"].stale) == (1, 1)
    assert "nat" not in found


def test_a_refresh_reports_omissions_and_a_summary(
    shelf: Path, mlpctl: Mlpctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def renew(regions: list[str], services: list[str] | None, **options: object) -> refresh.Outcome:
        asked.append((regions, services, options["again"]))
        return refresh.Outcome(renewed=3, changed=1, problems=["nat/eu-west-1/data: [gone]"])

    monkeypatch.setattr(refresh, "refresh", renew)
    code, out, errors = mlpctl("prices", "refresh", "--region", "eu-west-1", "--service", "nat", "--again")
    assert (code, errors) == (0, "")
    assert asked == [(["eu-west-1"], ["nat"], True)]
    assert out == (
        f"nat/eu-west-1/data: [gone]\n3 prices read, 1 of them new or changed, into {shelf}. 1 omitted, see above.\n"
    )


def test_an_interrupted_refresh_explains_how_to_resume(
    shelf: Path, mlpctl: Mlpctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(refresh, "refresh", stopped)
    code, _, errors = mlpctl("prices", "refresh", "--region", "eu-west-1")
    assert code == ending.INTERRUPTED
    assert "Run the same command again to continue." in errors


def test_the_book_is_read_without_the_aws_sdk_or_pulumi() -> None:
    code = (
        "import sys; from mlpctl.review.cost import book, show; book.load().find('ec2', 'us-east-1', 'g6e.2xlarge'); "
        "sys.exit([each for each in ('boto3', 'botocore', 'pulumi', 'pulumi_aws') if each in sys.modules] or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")

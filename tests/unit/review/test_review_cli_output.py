"""Outputs of `mlpctl review`: formats, JSON and standard output."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from unit.review.canaries import resource
from unit.review.commands import Mlpctl, mlpctl, prices, written
from unit.review.previews import KEY, SMALL, disk, key, lost, preview, ring

__all__ = ["mlpctl", "prices"]  # fixtures


def test_a_plan_is_read_from_standard_input(mlpctl: Mlpctl) -> None:
    ran = mlpctl("review", "--plan", "-", given=json.dumps(SMALL).encode())
    assert ran.code == 0
    verdict, *_ = ran.out.split("\n")
    assert verdict == (
        "3 to create; +$9.00 per month, $9.00 in total, excluding 1 unpriced resource and parts of 1 other"
    )
    ran = mlpctl("cost", "--plan", "-", given=b"no")
    assert (ran.code, ran.out) == (2, "")
    assert ran.errors.startswith("Standard input: ")


@pytest.mark.parametrize(("name", "begin"), [("markdown", "<!-- mlpctl review "), ("html", "<!doctype"), ("json", "{")])
def test_a_report_on_standard_output_is_the_only_output(name: str, begin: str, tmp_path: Path, mlpctl: Mlpctl) -> None:
    plan = written(tmp_path, SMALL)
    ran = mlpctl("review", "--plan", plan, f"--{name}", "-")
    assert (ran.code, ran.errors) == (0, "")
    assert ran.out.lstrip().startswith(begin)
    mlpctl("review", "--plan", plan, f"--{name}", "report")
    assert Path("report").read_text(encoding="utf-8") == ran.out


def test_several_formats_are_written_at_once(tmp_path: Path, mlpctl: Mlpctl) -> None:
    plan = written(tmp_path, SMALL)
    ran = mlpctl("review", "--plan", plan, "--markdown", "a.md", "--html", "a.html", "--json", "a.json")
    assert ran.out.startswith("3 to create")
    verdict = json.loads(Path("a.json").read_text())["verdict"]
    assert verdict in Path("a.html").read_text()
    assert "3 to create" in Path("a.md").read_text()
    ran = mlpctl("review", "--plan", plan, "--markdown", "b.md", "--json", "-")
    assert json.loads(ran.out)["verdict"] == verdict
    assert Path("b.md").read_text() == Path("a.md").read_text()


def test_the_output_is_utf_8_regardless_of_the_terminal(
    root: Path, mlpctl: Mlpctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = root / "tests" / "golden" / "plans" / "foreign.json"
    for option, arrow in ((("--markdown", "-"), "→"), ((), "\\u2192")):
        data = io.BytesIO()
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", io.TextIOWrapper(data, encoding="ascii"))
            ran = mlpctl("review", "--plan", plan, *option)
            sys.stdout.flush()
            assert (ran.code, ran.errors) == (0, "")
            assert f"storageEncrypted: false {arrow} true" in data.getvalue().decode()


def test_json_of_costs_has_the_documented_shape(tmp_path: Path, mlpctl: Mlpctl) -> None:
    usage = {"keys-data": {"kmsRequests": 1_000_003}}
    plan = preview(ring(), key(), disk("scratch", 33, old=66), disk("odd", 7), lost(), cost={"usage": usage})
    ran = mlpctl("cost", "--plan", written(tmp_path, plan), "--json")
    assert ran.code == 0
    found = json.loads(ran.out)
    assert [*found] == ["region", "totals", "resources", "limits", "incomplete"]
    by_urn = {each["urn"]: each for each in found["resources"]}
    for each in by_urn.values():
        assert {"urn", "type", "component", "monthlyUsd", "prices", "assumptions"} <= {*each}
        assert each["monthlyUsd"] is None or [*each["monthlyUsd"]] == ["min", "expected", "max"]
    mine = by_urn[key()["urn"]]
    assert (mine["type"], mine["component"]) == (KEY, "KeyRing keys")
    assert [(each["name"], each["value"], each["given"]) for each in mine["assumptions"]] == [
        ("keys-data.kmsRequests", 1_000_003, True)
    ]
    assert all({"row", "usd", "unit", "quantity", "source", "date", "stale"} == {*each} for each in mine["prices"])
    assert by_urn[lost()["urn"]]["monthlyUsd"] is None


def test_totals_are_the_sums_of_the_shown_amounts(tmp_path: Path, mlpctl: Mlpctl) -> None:
    disks = [disk(f"d{number}", 7 * number + 1, old=3 * number + 1) for number in range(60)]
    plan = written(tmp_path, preview(ring(), key(), *disks, disk("new", 13), lost(), cost={"maxMonthlyUsd": 1e6}))
    reported = json.loads(mlpctl("review", "--plan", plan, "--json", "-").out)
    found = json.loads(mlpctl("cost", "--plan", plan, "--json").out)
    assert reported["cost"] == {name: each for name, each in found.items() if name not in ("limits", "incomplete")}
    totals = found["totals"]

    def cents(money: dict[str, float]) -> int:
        return round(money["expected"] * 100)

    for now, what in (("monthlyUsd", "monthlyUsd"), ("beforeMonthlyUsd", "beforeMonthlyUsd")):
        assert cents(totals[now]) == sum(cents(each[what]) for each in found["resources"] if each[what])
    assert cents(totals["monthlyUsd"]) == sum(map(cents, totals["byComponent"].values()))
    assert cents(totals["deltaMonthlyUsd"]) == cents(totals["monthlyUsd"]) - cents(totals["beforeMonthlyUsd"])
    groups = [each["monthlyDeltaUsd"] for each in reported["groups"]]
    assert cents(totals["deltaMonthlyUsd"]) == sum(cents(each) for each in groups if each)
    for amount in amounts(reported):
        assert len(repr(amount).partition(".")[2]) <= 2, amount


def amounts(value: Any) -> list[float]:
    """All amounts in dollars."""
    if isinstance(value, list):
        return [found for each in value for found in amounts(each)]
    if not isinstance(value, dict):
        return []
    own = [value[name] for name in ("min", "expected", "max", "found", "allowed") if name in value]
    return own + [found for each in value.values() for found in amounts(each)]


def test_a_component_may_have_the_name_of_a_secret(tmp_path: Path, mlpctl: Mlpctl) -> None:
    secret = resource("db-password", "aws:secretsmanager/secret:Secret", new={"name": "x"})
    usage = {"db-password": {"secretRequests": 4_711_000}}
    ran = mlpctl("cost", "--plan", written(tmp_path, preview(secret, cost={"usage": usage})), "--json")
    assert ran.code == 0
    assert json.loads(ran.out)["resources"][-1]["assumptions"][0]["value"] == 4_711_000


def test_possible_replacements_are_in_the_first_line(tmp_path: Path, mlpctl: Mlpctl, root: Path) -> None:
    ran = mlpctl("review", "--plan", root / "tests" / "golden" / "plans" / "replacements.json")
    assert "2 to replace, 1 may be replaced, " in ran.out.splitlines()[0]


def test_an_unpriced_plan_does_not_cost_zero(tmp_path: Path, mlpctl: Mlpctl) -> None:
    plan = written(tmp_path, preview(lost()))
    for option in ((), ("--markdown", "-"), ("--html", "-"), ("--json", "-")):
        out = mlpctl("review", "--plan", plan, *option).out
        assert "cost unknown, 1 unpriced resource" in out
        assert "$0" not in out

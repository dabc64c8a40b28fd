"""The commands `mlpctl review` and `mlpctl cost`: output and exit codes."""

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlpctl import ending
from mlpctl.review.cost import book
from unit.review.canaries import PREFIX, STACK, resource
from unit.review.commands import Mlpctl, fake_pulumi, mlpctl, prices, written
from unit.review.previews import SMALL, disk, key, preview, ring

__all__ = ["mlpctl", "prices"]  # fixtures

LOAD = book.load


def test_a_plan_within_its_limits_exits_with_0(tmp_path: Path, mlpctl: Mlpctl) -> None:
    plan = written(tmp_path, preview(ring(), key(), cost={"maxMonthlyUsd": 2}))
    for command in ("review", "cost"):
        ran = mlpctl(command, "--plan", plan)
        assert (ran.code, ran.errors) == (0, "")
        assert "KeyRing keys" in ran.out


@pytest.mark.parametrize(
    ("cost", "expected"),
    [
        ({"maxMonthlyUsd": 0.99}, "The stack costs $1.00 a month; cost.maxMonthlyUsd allows $0.99."),
        ({"maxMonthlyDeltaUsd": 0.5}, "The update adds $1.00 a month; cost.maxMonthlyDeltaUsd allows $0.50."),
    ],
)
def test_an_exceeded_limit_exits_with_1_and_is_in_every_output(
    cost: Any, expected: str, tmp_path: Path, mlpctl: Mlpctl
) -> None:
    plan = written(tmp_path, preview(ring(), key(), cost=cost))
    for arguments in (("review",), ("review", "--html", "-"), ("review", "--json", "-"), ("cost",), ("cost", "--json")):
        ran = mlpctl(*arguments, "--plan", plan)
        assert ran.code == 1
        assert expected in ran.out
    assert "exceeded" in mlpctl("review", "--plan", plan, "--markdown", "-").out


def test_a_rejected_object_exits_with_1(tmp_path: Path, mlpctl: Mlpctl) -> None:
    unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
    provider = f"{PREFIX}pulumi:providers:kubernetes::cluster"
    made = {"urn": provider, "custom": True, "type": "pulumi:providers:kubernetes", "parent": STACK}
    made["inputs"] = {"kubeconfig": unknown}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"prots": []}}
    step = resource("web", "kubernetes:core/v1:Service", new=service)
    step["provider"] = step["newState"]["provider"] = f"{provider}::{unknown}"
    plan = preview({"op": "create", "urn": provider, "detailedDiff": None, "newState": made}, step)
    ran = mlpctl("review", "--plan", written(tmp_path, plan))
    assert ran.code == 1
    assert "prots (did you mean ports?)" in ran.out
    assert "1 Kubernetes object rejected" in ran.out.splitlines()[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "The input is empty"),
        ("Previewing update (prod)\n", "is not JSON"),
        ('{"terraform_version": "1.9", "resource_changes": []}', "This is a Terraform plan"),
        ('{"version": 3, "deployment": {}}', "This is a state from `pulumi stack export`"),
        ("[1, 2]", "expected: the output of `pulumi preview --json`"),
        (json.dumps({**SMALL, "steps": {"a": 1}}), "steps"),
        (json.dumps(preview(cost={"maxMonthlyUsd": "lots"})), "cost.maxMonthlyUsd: input should be a valid number"),
        (json.dumps(preview(cost={"maxMonthly": 1})), "cost.maxMonthly: extra inputs are not permitted"),
    ],
)
def test_an_input_other_than_a_preview_exits_with_2(text: str, expected: str, tmp_path: Path, mlpctl: Mlpctl) -> None:
    file = written(tmp_path, text)
    for command in ("review", "cost"):
        ran = mlpctl(command, "--plan", file)
        assert (ran.code, ran.out) == (2, "")
        assert expected in ran.errors
        assert ran.errors.count("\n") == 1


def test_a_missing_file_exits_with_2(mlpctl: Mlpctl) -> None:
    for command in ("review", "cost"):
        ran = mlpctl(command, "--plan", "nowhere.json")
        assert (ran.code, ran.out, ran.errors) == (2, "", "nowhere.json cannot be read: No such file or directory.\n")
    assert mlpctl("review", "--plan", ".").errors == ". cannot be read: Is a directory.\n"


def test_an_unwritable_path_exits_with_2_before_anything_is_read(tmp_path: Path, mlpctl: Mlpctl) -> None:
    for place, expected in (
        (tmp_path / "no" / "report.md", "the folder"),
        (tmp_path, "it is a folder"),
        (written(tmp_path, SMALL) / "report.md", "the folder"),
    ):
        ran = mlpctl("review", "--plan", "nowhere.json", "--markdown", place)
        assert (ran.code, ran.out) == (2, "")
        assert f"cannot be written: {expected}" in ran.errors
    ran = mlpctl("review", "--plan", "nowhere.json", "--markdown", "-", "--json", "-")
    assert (ran.code, ran.errors) == (2, "Only one format can be written to standard output.\n")


def test_a_full_disk_exits_with_2(tmp_path: Path, mlpctl: Mlpctl) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    ran = mlpctl("review", "--plan", written(tmp_path, SMALL), "--markdown", "/dev/full")
    assert (ran.code, ran.errors) == (2, "/dev/full cannot be written: No space left on device.\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("review", "--plan"),
        ("review", "--plans", "x"),
        ("review", "extra"),
        ("review", "--plan", "x", "--account"),
        ("cost", "--plan", "x", "--compare", "dev,prod"),
        ("cost", "--json", "x"),
    ],
)
def test_invalid_options_exit_with_2(arguments: tuple[str, ...], mlpctl: Mlpctl) -> None:
    ran = mlpctl(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert "Error" in ran.errors


def test_an_invalid_stack_file_exits_with_2_and_starts_nothing(
    root: Path, tmp_path: Path, mlpctl: Mlpctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    shutil.copy(root / "Pulumi.yaml", tmp_path)
    shutil.copytree(root / "stacks", tmp_path / "stacks")
    file = tmp_path / "stacks" / "Pulumi.dev.yaml"
    file.write_text(file.read_text().replace("profile:", "profil:"))
    for arguments in (("review", "--stack", "dev"), ("cost", "--stack", "dev"), ("cost", "--compare", "dev,prod")):
        ran = mlpctl(*arguments, "--account")
        assert (ran.code, ran.out) == (2, "")
        assert "profil" in ran.errors
    assert not (tmp_path / ".sandbox").exists()


def test_a_missing_engine_exits_with_3(tmp_path: Path, mlpctl: Mlpctl, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: go\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    for arguments in (("review",), ("cost",), ("cost", "--compare", "dev,prod")):
        ran = mlpctl(*arguments, "--account")
        assert (ran.code, ran.out) == (3, "")
        assert "There is no `pulumi` on PATH" in ran.errors


def test_it_exits_with_3_outside_a_project(mlpctl: Mlpctl) -> None:
    ran = mlpctl("review", "--account")
    assert (ran.code, ran.out) == (3, "")
    assert "There is no Pulumi.yaml" in ran.errors


def test_a_failed_preview_exits_with_3_with_its_errors_and_no_report(
    tmp_path: Path, mlpctl: Mlpctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = [{"severity": "error", "message": f"error: quota {number} is used up\n"} for number in range(25)]
    text = json.dumps(preview(key(), diagnostics=[*errors, *errors]))
    monkeypatch.setenv("PATH", fake_pulumi(tmp_path, out=text, code=255))
    ran = mlpctl("review", "--account", "--stack", "prod", "--markdown", "report.md")
    assert (ran.code, ran.out) == (3, "")
    assert ran.errors.count("quota 7 is used up") == 1
    assert ran.errors.endswith("and 5 more\n")
    assert not Path("report.md").exists()


def test_a_preview_of_this_shell_is_reviewed(tmp_path: Path, mlpctl: Mlpctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", fake_pulumi(tmp_path, out=json.dumps(SMALL), errors="warning: an old plugin\n"))
    ran = mlpctl("review", "--account", "--stack", "prod", "--json", "-")
    assert ran.code == 0
    found = json.loads(ran.out)
    assert (found["sandbox"], found["counts"]) == (False, {"create": 3})


def test_each_stack_is_compared_once(tmp_path: Path, mlpctl: Mlpctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", fake_pulumi(tmp_path, out=json.dumps(preview(ring(), key(), cost={"maxMonthlyUsd": 0}))))
    ran = mlpctl("cost", "--account", "--compare", " dev,prod,,dev ", "--json")
    assert ran.code == 1
    assert [*json.loads(ran.out)] == ["dev", "prod"]
    ran = mlpctl("cost", "--account", "--compare", "dev,prod")
    assert ran.code == 1
    assert ran.out.splitlines()[0].split() == ["Component", "dev", "prod"]
    assert "dev: The stack costs $1.00 a month; cost.maxMonthlyUsd allows $0.00." in ran.out


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        (book.PRICES, "nonsense\n", f"The price book is invalid: {book.PRICES}, line 1: the columns are not"),
        (book.SOURCES, "a: [", f"The price book is invalid: {book.SOURCES}"),
        (book.PRICES, None, "The price book cannot be read: "),
    ],
)
def test_a_damaged_price_book_exits_with_3_and_one_sentence(
    file: str, text: str | None, expected: str, tmp_path: Path, mlpctl: Mlpctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "book"
    folder.mkdir()
    for each in (book.PRICES, book.SOURCES):
        shutil.copy(book.FOLDER / each, folder)
    (folder / file).unlink()
    if text is not None:
        (folder / file).write_text(text)
    monkeypatch.setattr(book, "load", lambda: LOAD(folder))
    for command in ("review", "cost"):
        ran = mlpctl(command, "--plan", written(tmp_path, SMALL))
        assert (ran.code, ran.out) == (3, "")
        assert ran.errors.startswith(expected)
        assert ran.errors.count("\n") <= 2


IMPORTED = (
    "import sys; sys.argv = ['mlpctl', *sys.argv[1:]]\n"
    "from mlpctl import cli\n"
    "try: cli.main()\n"
    "except SystemExit: pass\n"
    "heavy = {'boto3', 'pulumi', 'pulumi_aws', 'jinja2', 'jsonschema', 'yaml'}\n"
    "print(sorted({name.split('.')[0] for name in sys.modules} & heavy))"
)


def test_an_existing_plan_needs_neither_pulumi_nor_aws(tmp_path: Path) -> None:
    plan = written(tmp_path, preview(ring(), key()))
    for command in ("review", "cost"):
        done = subprocess.run(
            [sys.executable, "-c", IMPORTED, command, "--plan", str(plan)], capture_output=True, text=True, check=True
        )
        assert not {"boto3", "pulumi", "pulumi_aws"} & set(ast.literal_eval(done.stdout.splitlines()[-1]))


def test_help_lists_exit_codes_and_imports_nothing_heavy(mlpctl: Mlpctl) -> None:
    for command in ("review", "cost"):
        out = " ".join(mlpctl(command, "--help").out.split())
        for expected in ("0 all limits are met", "1 a limit is exceeded", "2 invalid input", "3 the result is"):
            assert expected in out
    for arguments in (("--help",), ("review", "--help")):
        done = subprocess.run([sys.executable, "-c", IMPORTED, *arguments], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "[]"


def test_a_closed_pipe_is_not_a_defect(tmp_path: Path) -> None:
    plan = written(tmp_path, preview(*(disk(f"disk-{number}", number + 1) for number in range(300))))
    command = [sys.executable, "-c", "from mlpctl.cli import main; main()", "review", "--plan", plan, "--json", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == ending.BROKEN_PIPE


@pytest.mark.parametrize("option", ["--json", "--html", "--markdown"])
def test_the_plan_is_not_overwritten(option: str, tmp_path: Path, mlpctl: Mlpctl) -> None:
    plan = written(tmp_path, SMALL)
    before = plan.read_bytes()
    link = tmp_path / "link.json"
    link.symlink_to(plan)
    for path in (plan, link, tmp_path / "." / ".." / tmp_path.name / plan.name):
        ran = mlpctl("review", "--plan", plan, option, path)
        assert (ran.code, ran.errors) == (2, f"{path} cannot be written: it is the file of the plan.\n")
    assert plan.read_bytes() == before

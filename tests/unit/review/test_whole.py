"""From a plan to all outputs: no secret is shown, and no text has an effect."""

import base64
import html as markup
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from unit.review import test_html, test_inert
from unit.review.browser import CHROMIUM, browser
from unit.review.canaries import CANARIES, PREFIX, STACK, Canary, plan_with_canaries, resource
from unit.review.commands import Mlpctl, fake_pulumi, mlpctl, prices, written
from unit.review.hostile import NAMES

__all__ = ["mlpctl", "prices"]  # fixtures

OUTPUTS = ("markdown", "html", "json")

COMMANDS = [("review",), ("review", "--markdown", "-"), ("review", "--html", "-"), ("review", "--json", "-")]
COMMANDS += [("cost",), ("cost", "--json")]


def forms(canary: Canary) -> Iterator[str]:
    """All texts that would reveal a canary."""
    data = canary.secret.encode()
    yield from canary.forms
    yield canary.secret[::-1]
    yield quote(canary.secret, safe="")
    yield data.hex()
    yield base64.urlsafe_b64encode(data).decode().rstrip("=")
    # In a longer base64 text it starts at one of three offsets; its first and last characters mix with others.
    yield from (base64.b64encode(b"\0" * shift + data).decode()[4:-4] for shift in (1, 2) if len(data) > 12)
    if len(canary.secret) >= 24:
        half = len(canary.secret) // 2
        yield from (canary.secret[:half], canary.secret[half:])


FORMS = [(canary.way, form) for canary in CANARIES for form in dict.fromkeys(forms(canary)) if form.strip()]


def given_away(text: str) -> list[str]:
    """The canaries whose secrets occur in a text, in any escaping."""
    flat = re.sub(r"\s+", "", text)
    seen = [
        text,
        markup.unescape(text),
        re.sub(r"\\(?=[^\w\s])", "", markup.unescape(text)),
        flat,
        markup.unescape(flat),
    ]
    return [way for way, form in FORMS if any(form in each for each in seen)]


def test_the_search_finds_canaries() -> None:
    """All canaries are found in the plan itself, raw or in base64, so the test can fail."""
    text = json.dumps(plan_with_canaries(), ensure_ascii=False)
    found = {*given_away(text), *given_away(text.replace("\\\\", "\\").replace("\\n", "\n"))}
    hidden = {"gzip in base64"}
    deep = {way for way in (canary.way for canary in CANARIES) if way not in found} - hidden
    assert len(CANARIES) >= 40
    assert deep <= {"JSON in base64", "a script in base64", "PEM in one line", "basic authorization"}, deep


def test_no_command_prints_a_canary(tmp_path: Path, mlpctl: Mlpctl) -> None:
    plan = written(tmp_path, plan_with_canaries())
    for command in COMMANDS:
        ran = mlpctl(command[0], "--plan", plan, *command[1:])
        # The plan is that of a preview that failed.
        assert ran.code == 3, ran.errors
        assert given_away(ran.out) == []
        assert given_away(ran.errors) == []


def test_no_file_contains_a_canary(tmp_path: Path, mlpctl: Mlpctl) -> None:
    plan = written(tmp_path, plan_with_canaries())
    made = tmp_path / "made"
    made.mkdir()
    options = [part for name in OUTPUTS for part in (f"--{name}", str(made / name))]
    assert mlpctl("review", "--plan", plan, *options).code == 3
    assert sorted(each.name for each in made.iterdir()) == sorted(OUTPUTS)
    for file in made.iterdir():
        assert given_away(file.read_text(encoding="utf-8")) == [], file.name


@pytest.mark.parametrize("key", ["config", "steps", "diagnostics"])
def test_no_canary_of_a_plan_in_another_format_is_printed(key: str, tmp_path: Path, mlpctl: Mlpctl) -> None:
    """Error messages do not contain the rejected content."""
    plan = plan_with_canaries()
    for wrong in ({**plan, key: json.dumps(plan[key])}, {**plan, key: [plan[key]]}, {"outputs": plan}, [plan]):
        ran = mlpctl("review", "--plan", written(tmp_path, wrong), "--markdown", "-")
        assert ran.code in (0, 2)
        assert given_away(ran.out + ran.errors) == []


@pytest.mark.engine  # takes seconds
def test_no_canary_of_broken_json_is_printed(tmp_path: Path, mlpctl: Mlpctl) -> None:
    text = json.dumps(plan_with_canaries(), indent=1)
    for canary in CANARIES:
        at = text.find(json.dumps(canary.secret)[1:-1])
        if at < 0:
            continue
        end = at + len(json.dumps(canary.secret)) - 2
        for broken in (text[:end], text[:at] + '" ' + text[at:]):
            ran = mlpctl("review", "--plan", written(tmp_path, broken))
            assert ran.code == 2
            assert given_away(ran.out + ran.errors) == [], canary.way


@pytest.mark.engine  # takes seconds
def test_no_canary_of_plain_text_is_printed(tmp_path: Path, mlpctl: Mlpctl) -> None:
    for canary in CANARIES:
        ran = mlpctl("review", "--plan", written(tmp_path, f"error: login with password={canary.secret} failed\n"))
        assert ran.code == 2
        assert given_away(ran.out + ran.errors) == []


def test_no_canary_of_a_failed_preview_is_printed(
    tmp_path: Path, mlpctl: Mlpctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_with_canaries()
    path = fake_pulumi(tmp_path, out=json.dumps(plan), errors="error: preview failed\n", code=255)
    monkeypatch.setenv("PATH", path)
    for command in ("review", "cost"):
        ran = mlpctl(command, "--account", "--stack", "prod")
        assert (ran.code, ran.out) == (3, "")
        assert "The preview of prod failed:" in ran.errors
        assert "\n401 for (secret)\n" in ran.errors
        assert given_away(ran.errors) == []


def test_no_canary_of_engine_errors_is_printed(tmp_path: Path, mlpctl: Mlpctl, monkeypatch: pytest.MonkeyPatch) -> None:
    known = [
        canary for canary in CANARIES if canary.secret.startswith(("ghp_", "glpat-", "xoxb-", "hf_", "AKIA", "sk-"))
    ]
    errors = "".join(f"error: cannot log in with password={canary.secret}\n" for canary in known)
    monkeypatch.setenv("PATH", fake_pulumi(tmp_path, errors=errors, code=1))
    ran = mlpctl("review", "--account", "--stack", "prod")
    assert ran.code == 3
    assert ran.errors.startswith("The preview of prod failed: error: cannot log in")
    assert given_away(ran.errors) == []


# Texts with an effect


def hostile_plan(names: list[str]) -> dict[str, Any]:
    """A plan whose names, types, properties, values, tags, config and messages are these texts."""
    steps: list[dict[str, Any]] = []
    provider = f"{PREFIX}pulumi:providers:kubernetes::cluster"
    unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
    component = {"custom": False, "parent": STACK, "inputs": {}}
    for number, name in enumerate(names):
        inputs = {"bucket": name, name: name, "tags": {name: name, "team": name}, "list": [name, {name: name}]}
        whole = f"{PREFIX}mlplatform:index:GpuNodePool::{name}"
        state = {"urn": whole, "type": "mlplatform:index:GpuNodePool", **component}
        steps.append({"op": "create", "urn": whole, "detailedDiff": None, "newState": state})
        new = {**inputs, "size": f"{name} 2", "instanceType": name, "engine": name}
        for kind, type_, op, old in (
            ("a", "aws:s3/bucket:Bucket", "create", None),
            ("b", "aws:s3/bucket:Bucket", "delete", inputs),
            ("c", "aws:rds/instance:Instance", "replace", {**inputs, "engine": "postgres", "size": name}),
            ("d", "aws:ec2/instance:Instance", "update", {**inputs, "size": f"{name}\nof\nlines", "instanceType": "x"}),
            ("e", f"aws:{name}:{name}", "create", None),
        ):
            step = resource(f"{kind}{number}{name}", type_, op=op, old=old, new=None if op == "delete" else new)
            urn = f"{PREFIX}mlplatform:index:GpuNodePool${type_}::{name}{kind}{number}"
            step["urn"] = urn
            for side in ("oldState", "newState"):
                if side in step:
                    step[side] |= {"urn": urn, "parent": whole, "protect": op == "replace"}
            if op == "replace":
                step |= {"replaceReasons": ["engine", name], "diffReasons": ["engine", "size", name]}
            steps.append(step)
        thing = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {name: name, "type": name}}
        step = resource(f"service{number}{name}", "kubernetes:core/v1:Service", new=thing)
        step["provider"] = step["newState"]["provider"] = f"{provider}::{unknown}"
        step["newState"]["inputs"][name] = unknown
        steps.append(step)
    made = {"urn": provider, "custom": True, "type": "pulumi:providers:kubernetes", "parent": STACK}
    made["inputs"] = {"kubeconfig": unknown}
    steps.insert(0, {"op": "create", "urn": provider, "detailedDiff": None, "newState": made})
    stack = {"urn": STACK, "custom": False, "type": "pulumi:pulumi:Stack", "inputs": {}}
    steps.insert(0, {"op": "same", "urn": STACK, "detailedDiff": None, "newState": stack})
    usage = {name[:100]: {"s3StorageGb": 5 + number} for number, name in enumerate(names)}
    diagnostics = [
        {"severity": kind, "message": f"{kind}: {name}\n{name}\n"} for name in names for kind in ("warning", "error")
    ]
    return {
        "config": {
            "aws:region": "us-east-1",
            "mlplatform:platform": json.dumps({"cost": {"usage": usage, "maxMonthlyUsd": 1}}),
            **{f"canaries:{name}": name for name in names},
        },
        "steps": steps,
        "diagnostics": [*diagnostics, *({"urn": steps[-1]["urn"], **each} for each in diagnostics)],
    }


ALL = [*NAMES.values()]
LOTS = [ALL[start : start + 8] for start in range(0, len(ALL), 8)]
"""Number of texts per plan, so that the Markdown omits nothing."""

PLAIN = [f"plain{number}" for number in range(8)]


def reviewed(names: list[str], tmp_path: Path, mlpctl: Mlpctl, *output: str) -> str:
    ran = mlpctl("review", "--plan", written(tmp_path, hostile_plan(names)), *output)
    assert ran.code == 1, "objects are refused"
    return ran.out


@pytest.mark.engine  # takes seconds in all
@pytest.mark.parametrize("names", LOTS, ids=range(len(LOTS)))
def test_hostile_names_are_inert_in_markdown(names: list[str], tmp_path: Path, mlpctl: Mlpctl) -> None:
    known = {*test_inert.github(reviewed(PLAIN, tmp_path, mlpctl, "--markdown", "-")).tags}
    page = test_inert.github(reviewed(names, tmp_path, mlpctl, "--markdown", "-"))
    assert {*page.tags} - known - {"details []", "summary []", "/details", "/summary"} == set()
    assert not test_inert.GITHUB_ACTS_ON.search(page.outside)
    assert page.tags.count("details []") == page.tags.count("/details")


@pytest.mark.engine  # takes seconds in all
@pytest.mark.parametrize("names", LOTS, ids=range(len(LOTS)))
def test_hostile_names_are_inert_in_the_page(names: list[str], tmp_path: Path, mlpctl: Mlpctl) -> None:
    known = test_html.Page(reviewed(PLAIN, tmp_path, mlpctl, "--html", "-"))
    page = test_html.Page(reviewed(names, tmp_path, mlpctl, "--html", "-"))
    assert {*page.tags} - {*known.tags} - {"details class id open"} == set()
    assert {*page.values} == {*known.values}
    assert all(value == "data:," or re.fullmatch(r"#[\w-]+", value) for value in page.values["href"])
    assert page.tags.count("script ") == page.tags.count("style ") == 1


@pytest.mark.engine  # takes seconds in all
@pytest.mark.parametrize("names", LOTS, ids=range(len(LOTS)))
def test_hostile_names_control_no_terminal(names: list[str], tmp_path: Path, mlpctl: Mlpctl) -> None:
    plan = written(tmp_path, hostile_plan(names))
    for command in ("review", "cost"):
        ran = mlpctl(command, "--plan", plan)
        assert all(char.isprintable() or char == "\n" for char in ran.out + ran.errors)
    for command in (("review", "--json", "-"), ("cost", "--json")):
        assert json.loads(mlpctl(command[0], "--plan", plan, *command[1:]).out)


@pytest.mark.engine  # takes seconds in all
@pytest.mark.parametrize("names", LOTS, ids=range(len(LOTS)))
def test_hostile_errors_control_no_terminal(
    names: list[str], tmp_path: Path, mlpctl: Mlpctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = json.dumps(hostile_plan(names))
    monkeypatch.setenv("PATH", fake_pulumi(tmp_path, out=failing, errors="".join(names), code=255))
    ran = mlpctl("review", "--account", "--stack", "prod")
    assert ran.code == 3
    assert ran.errors.startswith("The preview of prod failed:\n")
    assert all(char.isprintable() or char == "\n" for char in ran.errors)


@pytest.mark.engine
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH")
def test_hostile_names_have_no_effect_in_a_real_browser(tmp_path: Path, mlpctl: Mlpctl) -> None:
    page = tmp_path / "page.html"
    reviewed(ALL, tmp_path, mlpctl, "--html", str(page))
    with browser(tmp_path / "browser") as tab:
        tab.open(page)
        tab.run("for (const each of document.querySelectorAll('details')) each.open = true")
        tab.settle()
        assert tab.run("typeof window.owned") == "undefined"
        assert tab.run("document.querySelectorAll('img, iframe, object, embed, base').length") == 0
        assert tab.run("document.scripts.length") == 1
        assert tab.run("document.querySelectorAll('.row').length") == 6 * len(ALL) + 1  # and the provider
        assert [each for each in tab.requests if not each.startswith(("file:", "data:"))] == []
        assert (tab.dialogs, tab.complaints) == ([], [])

"""Own rules of a team: `policies.packs`, in the policy pack, reviews and audits."""

import json
import re
import sys
from dataclasses import replace
from datetime import date, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import own_rules
from changes import change, plan
from mlpctl.keys import PLATFORM
from mlpctl.policies import local, pack
from mlpctl.policies.local import Local
from mlpctl.policies.packs import PackError, load
from mlpctl.policies.testing import resource, results
from mlpctl.review import assemble
from mlpctl.review.cost.book import Book
from mlpctl.review.plan.model import Op, Plan
from mlpctl.settings.rule_ids import RESERVED
from own_rules import ID
from unit.review.commands import Mlpctl, mlpctl, prices, written
from unit.review.previews import key, preview, ring

__all__ = ["mlpctl", "prices"]  # fixtures

TODAY = date(2026, 11, 29)
BUCKET = "aws:s3/bucket:Bucket"


def test_the_rules_of_a_pack_are_loaded_and_can_be_tested(tmp_path: Path) -> None:
    made = own_rules.pack(tmp_path, "policies/acme")
    (made / "test_buckets.py").write_text("raise SystemExit(1)")
    (made / "_helpers.py").write_text("raise SystemExit(1)")
    (rule,) = load(tmp_path, ["policies/acme"])
    assert (rule.id, rule.title) == (ID, "The name of a bucket begins with acme-.")
    assert results(rule, resource(BUCKET, {"bucket": "acme-1"}, name="a"), resource(BUCKET, name="b")) == {
        "a": "pass",
        "b": "has a name without acme-",
    }


def test_modules_of_a_pack_import_each_other_and_a_change_is_loaded_again(tmp_path: Path) -> None:
    own_rules.pack(tmp_path, text="from .buckets import bucket_has_the_prefix\n", file="all_of_them.py")
    own_rules.pack(tmp_path)
    assert [each.id for each in load(tmp_path, ["acme"])] == [ID]
    own_rules.pack(tmp_path, id="ACME-S3-0002")
    assert [each.id for each in load(tmp_path, ["acme"])] == ["ACME-S3-0002"]


def test_what_a_pack_prints_does_not_reach_standard_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own_rules.pack(tmp_path, text="print('loading')\n" + own_rules.RULE.format(id=ID, name="checked"))
    load(tmp_path, ["acme"])
    assert capsys.readouterr() == ("", "loading\n")


def refused(root: Path, *folders: str) -> str:
    with pytest.raises(PackError) as error:
        load(root, folders)
    return str(error.value)


def test_a_pack_that_cannot_be_used_is_one_clear_sentence(tmp_path: Path) -> None:
    assert "the folder nowhere does not exist" in refused(tmp_path, "nowhere")
    own_rules.pack(tmp_path, "empty", text="")
    assert "empty contains no rules" in refused(tmp_path, "empty")
    own_rules.pack(tmp_path, "wrong", text="import no_such_module")
    assert "wrong/buckets.py:1 cannot be imported: ModuleNotFoundError: No module named 'no_such_module'." in refused(
        tmp_path, "wrong"
    )
    own_rules.pack(tmp_path, "syntax", text="a = 1\ndef f(:\n")
    assert "syntax/buckets.py:2 cannot be imported: SyntaxError" in refused(tmp_path, "syntax")
    text = own_rules.RULE.format(id=ID, name="checked").replace("import ALWAYS,", "import ALWAYS, Field,")
    own_rules.pack(tmp_path, "fields", text=text.replace("levels=", 'fields=[Field("EksCluster", "logs")], levels='))
    assert "fields has cluster.logs, which no stack file can have" in refused(tmp_path, "fields")
    own_rules.pack(tmp_path, "deep/er", text="\n\n1 / 0")
    assert "deep/er/buckets.py:3 cannot be imported: ZeroDivisionError: division by zero." in refused(
        tmp_path, "deep/er"
    )
    own_rules.pack(tmp_path, "exits", text="import sys\nsys.exit(3)")
    assert "exits/buckets.py:2 cannot be imported: SystemExit: 3." in refused(tmp_path, "exits")
    own_rules.pack(tmp_path, "malformed", id="acme 1")
    assert "cannot be imported: ValueError: acme 1 is not the ID of a rule" in refused(tmp_path, "malformed")
    own_rules.pack(tmp_path, "reserved", id="ML-S3-99")
    assert "reserved has the rule ML-S3-99, but ML- begins the platform's IDs" in refused(tmp_path, "reserved")
    own_rules.pack(tmp_path, "one"), own_rules.pack(tmp_path, "two")
    assert f"two has the rule {ID}, which one has already" in refused(tmp_path, "one", "two")
    own_rules.pack(tmp_path, "project/own"), own_rules.pack(tmp_path, "outside")
    (tmp_path / "project" / "linked").symlink_to(tmp_path / "outside")
    assert "linked leads out of the project" in refused(tmp_path / "project", "linked")
    (tmp_path / "a-file").write_text("")
    assert "the folder a-file does not exist" in refused(tmp_path, "a-file")


def test_this_project_s_rules_and_those_of_another_pack_may_be_imported_in_a_pack(tmp_path: Path) -> None:
    own_rules.pack(tmp_path, text="from mlpctl.policies.rules.storage import *\n", file="others.py")
    own_rules.pack(tmp_path)
    assert [each.id for each in load(tmp_path, ["acme"])] == [ID]


def planned(**policies: Any) -> Plan:
    bucket = change(BUCKET, Op.SAME, name="data", inputs={"bucket": "data-1"}, id="data-1")
    config = {PLATFORM: json.dumps({"profile": "dev", "policies": policies})}
    return replace(plan(bucket), config=config)


def test_a_review_evaluates_own_rules_with_levels_and_waivers(tmp_path: Path, prices: Book) -> None:
    own_rules.pack(tmp_path)
    ours = Local(rules=load(tmp_path, ["acme"]), loaded=True)
    report = assemble.review(planned(packs=["acme"]), prices, TODAY, ours)
    assert report.rules
    assert [each.text for each in report.rules.findings if each.rule == ID] == ["data has a name without acme-."]
    waiver = {"rule": ID, "resource": "data", "reason": "older than the rule", "owner": "ml", "expires": "2027-01-31"}
    waived = assemble.review(planned(packs=["acme"], waivers=[waiver]), prices, TODAY, ours).rules
    assert waived and [each.waived for each in waived.findings if each.rule == ID] != [""]
    assert waived.waivers == []


def test_a_plan_never_loads_code_and_the_review_says_so(tmp_path: Path, mlpctl: Mlpctl) -> None:
    ran = tmp_path / "ran"
    own_rules.pack(tmp_path, text=f"open({str(ran)!r}, 'w').close()\n" + own_rules.RULE.format(id=ID, name="checked"))
    (tmp_path / "Pulumi.yaml").write_text("name: canaries\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  mlplatform:platform:\n    policies: {packs: [acme]}\n")
    given = preview(ring(), key(), cost={})
    waiver = {"rule": ID, "resource": "x", "reason": "older than the rule", "owner": "ml"}
    waiver["expires"] = str(TODAY + timedelta(days=30))
    given["config"][PLATFORM] = json.dumps({"profile": "dev", "policies": {"packs": ["acme"], "waivers": [waiver]}})
    out = json.loads(mlpctl("review", "--plan", written(tmp_path, given), "--json", "-").out)
    assert not ran.exists()
    (unchecked,) = [each for each in out["unchecked"] if each["what"] == "Own rules in acme"]
    assert "never because of a plan file" in unchecked["why"]
    assert out["rules"]["waivers"] == [], "a rule that was not loaded may need the waiver"


def test_a_broken_pack_stops_a_review_before_anything_starts(
    tmp_path: Path, mlpctl: Mlpctl, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Pulumi.yaml").write_text((root / "Pulumi.yaml").read_text())
    (tmp_path / "stacks").mkdir()
    text = (root / "stacks" / "Pulumi.dev.yaml").read_text()
    head = "  mlplatform:platform:\n"
    assert text.count(head) == 1 and "    policies:" not in text
    policies = f"{head}    policies: {{packs: [nowhere]}}\n"
    (tmp_path / "stacks" / "Pulumi.dev.yaml").write_text(text.replace(head, policies))
    for command in (("review",), ("audit", "--account")):
        ran = mlpctl(*command, "--stack", "dev")
        assert (ran.code, ran.out) == (2, "")
        assert "policies.packs: the folder nowhere does not exist in" in ran.errors
    assert not (tmp_path / ".sandbox").exists()


def test_the_policy_pack_loads_the_own_rules_of_its_project(tmp_path: Path) -> None:
    folder = tmp_path / "platform" / "policies"
    folder.mkdir(parents=True)
    own_rules.pack(tmp_path)
    assert pack.own_rules(folder, [], "shop") == ()
    with pytest.raises(SystemExit, match="is not in the project shop"):
        pack.own_rules(folder, ["acme"], "shop")
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    assert [each.id for each in pack.own_rules(folder, ["acme"], "shop")] == [ID]
    with pytest.raises(SystemExit, match="is not in the project other"):
        pack.own_rules(folder, ["acme"], "other")
    with pytest.raises(SystemExit, match="the folder nowhere does not exist"):
        pack.own_rules(folder, ["nowhere"], "shop")


def test_the_example_in_the_documentation_works(tmp_path: Path, root: Path) -> None:
    text = (root / "docs" / "own-rules.md").read_text()
    rule, _, test, *_ = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    own_rules.pack(tmp_path, text=rule, file="queues.py")
    own_rules.pack(tmp_path, text=test, file="test_queues.py")
    assert [each.id for each in load(tmp_path, ["acme"])] == ["ACME-SQS-01"]
    (package,) = [
        name for name, each in sys.modules.items() if [*getattr(each, "__path__", [])] == [str(tmp_path / "acme")]
    ]
    import_module(f"{package}.test_queues").test_a_queue_needs_a_dead_letter_queue()


def test_the_lines_of_a_stack_file_are_known_without_its_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert local.of_plan("shop", "dev") == local.NOTHING
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  mlplatform:platform:\n    buckets:\n      models: {}\n")
    found = local.of_plan("shop", "organization/shop/dev")
    assert (found.file, found.rules, found.loaded) == ("Pulumi.dev.yaml", (), False)
    lines = {path: found.line(path) for path in ("buckets.models", "buckets.other", "network", "")}
    assert lines == {"buckets.models": 4, "buckets.other": 3, "network": 2, "": 2}
    text = 'tags:\n      "a.b": x\n    policies:\n      mandatory:\n        - ML-S3-07\n'
    (tmp_path / "Pulumi.dev.yaml").write_text(f"config:\n  mlplatform:platform:\n    {text}")
    found = local.of_plan("shop", "dev")
    assert [found.line(path) for path in ('tags["a.b"]', "policies.mandatory[0]", "policies.mandatory[1]")] == [4, 7, 6]
    assert local.of_plan("another", "dev") == local.NOTHING
    (tmp_path / "Pulumi.dev.yaml").write_text("a: [")
    assert local.of_plan("shop", "dev") == local.NOTHING
    assert RESERVED == "ML-" and not [each for each in sys.modules if each.startswith("mlpctl_pack_x")]


def test_rules_in_subfolders_are_loaded_except_for_tests_and_helpers(tmp_path: Path) -> None:
    own_rules.pack(tmp_path)
    own_rules.pack(tmp_path, "acme/data", id="ACME-S3-0002", text=None)
    own_rules.pack(tmp_path, "acme/data/deep-er", id="ACME-S3-0003")
    (tmp_path / "acme/data/__init__.py").write_text("")
    for skipped in ("acme/tests", "acme/_lib", "acme/test_data", "acme/data/test", "acme/.venv", "acme/__pycache__"):
        own_rules.pack(tmp_path, skipped, text="raise SystemExit(1)")
    own_rules.pack(tmp_path, "shared/more", id="ACME-S3-0004")
    (tmp_path / "acme/linked").symlink_to("../shared/more")
    (tmp_path / "acme/again").symlink_to(".")
    ids = [each.id for each in load(tmp_path, ["acme"])]
    assert ids == [ID, "ACME-S3-0002", "ACME-S3-0003", "ACME-S3-0004"]
    own_rules.pack(tmp_path, "acme/v1.2")
    assert "acme/v1.2/buckets.py cannot be imported; allowed: names without a dot" in refused(tmp_path, "acme")


def test_a_link_in_a_pack_that_leads_out_of_the_project_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "project"
    own_rules.pack(tmp_path, "outside")
    for name, target in {
        "rules.py": "outside/buckets.py",
        "_lib.py": "outside/buckets.py",
        "sub/a.py": "outside/buckets.py",
        "folder": "outside",
        "_folder": "outside",
        "gone.py": "outside/nothing.py",
        "data.yaml": "outside/data.yaml",
    }.items():
        link = own_rules.pack(root, "acme") / name
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(tmp_path / target)
        assert f"policies.packs: acme/{name} leads out of the project" in refused(root, "acme")
        link.unlink()
    (root / "acme" / "loop.py").symlink_to("loop.py")
    assert "acme/loop.py leads out of the project" in refused(root, "acme")
    (root / "acme" / "loop.py").unlink()
    (root / "acme" / "same.py").symlink_to("buckets.py")
    assert f"has the rule {ID}, which acme has already" in refused(root, "acme")


def test_the_message_of_an_import_error_is_one_line_without_control_characters(tmp_path: Path) -> None:
    for raised in (
        r"raise ValueError('first\nsecond\x1b[31m\r\u202e')",
        r"raise RuntimeError('\x00\x07' + 'x' * 5000 + '\n')",
        r"import sys; sys.exit('a\nb\x9b')",
        "class E(Exception):\n    def __str__(self):\n        raise KeyError\nraise E",
        r"exec(compile('a =', 'a\nb\x1b.py', 'exec'))",
    ):
        own_rules.pack(tmp_path, text=raised)
        said = refused(tmp_path, "acme")
        assert said.isprintable() and len(said) < 500, said
        assert re.fullmatch(r"policies\.packs: acme/buckets\.py:\d+ cannot be imported: .+\.", said)


def test_config_validate_reports_folders_that_cannot_be_used(tmp_path: Path, root: Path, mlpctl: Mlpctl) -> None:
    (tmp_path / "Pulumi.yaml").write_text((root / "Pulumi.yaml").read_text())
    (tmp_path / "stacks").mkdir()
    own_rules.pack(tmp_path, "good", text="raise SystemExit(1)")
    own_rules.pack(tmp_path, "empty", file="_x.py")
    text = (root / "stacks" / "Pulumi.dev.yaml").read_text()
    file = tmp_path / "stacks" / "Pulumi.dev.yaml"
    file.write_text(f"{text}    policies:\n      packs: [nowhere, good, empty]\n")
    ran = mlpctl("config", "validate", "--stack", "dev")
    assert ran.code == 2
    line = file.read_text().count("\n")
    assert f"line {line}  policies.packs[0] cannot be used: the folder nowhere does not exist in" in ran.errors
    assert "policies.packs[2] cannot be used: empty contains no modules with rules" in ran.errors
    assert "2 problems in" in ran.errors and "good" not in ran.errors
    file.write_text(f"{text}    policies:\n      packs: [good]\n")
    assert mlpctl("config", "validate", "--stack", "dev").code == 0, "the code is not run"

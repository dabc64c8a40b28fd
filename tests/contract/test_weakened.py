"""The rules for this repository's stacks: what they exercise, and that each weakened control is caught everywhere."""

import copy
import fnmatch
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from mlpctl.policies.estate import Estate
from mlpctl.policies.evaluate import Outcome, evaluate
from mlpctl.policies.pack import Checks
from mlpctl.policies.plan_estate import of_plan
from mlpctl.policies.rule import Level, Rule
from mlpctl.policies.rules import rules
from mlpctl.policies.siblings import of_project
from mlplatform.testing import Declared, Plan
from stack_plans import StackPlan

TODAY = date(2026, 11, 29)
STACKS = ("local", "dev", "staging", "prod")
FILES = "files"
"""The example stack with shared file systems."""

RULES = {each.id: each for each in rules()}
WEAKENED: Mapping[str, Any] = yaml.safe_load(Path(__file__).with_name("weakened.yaml").read_text(encoding="utf-8"))

Made = Callable[[str], StackPlan]


@pytest.fixture(scope="module")
def stack(root: Path, plan_of: Callable[[Path], Plan]) -> Made:
    siblings = of_project(root, "us-east-1")

    def made(name: str) -> StackPlan:
        folder = root / "examples" / "shared-files" if name == FILES else root / "stacks"
        file = folder / f"Pulumi.{name}.yaml"
        return replace(StackPlan.of(file, plan_of(file)), siblings=siblings)

    return made


@pytest.mark.parametrize("name", [*STACKS, FILES])
def test_a_stack_meets_its_mandatory_rules(stack: Made, name: str, root: Path, golden: Any) -> None:
    """The golden file lists the rules that a stack exercises, with their results."""
    made = stack(name)
    found = evaluate(rules(), reviewed(made), made.rules.policies, made.rules.profile, TODAY)
    assert found.passes, [f"{each.rule.id} {each.urn} {each.text}" for each in found.results if each.blocks]
    counts: dict[str, dict[str, int]] = {}
    for each in found.results:
        of_rule = counts.setdefault(each.rule.id, {})
        of_rule[each.outcome.value] = of_rule.get(each.outcome.value, 0) + 1
    golden(root / "tests" / "golden" / "rules" / f"{name}.yaml", yaml.safe_dump(counts, default_flow_style=None))


def test_every_rule_that_a_stack_exercises_has_a_weakened_control(stack: Made) -> None:
    exercised: set[str] = set()
    for name in STACKS:
        made = stack(name)
        for each in evaluate(rules(), reviewed(made), made.rules.policies, made.rules.profile, TODAY).results:
            if each.outcome is not Outcome.NOT_APPLICABLE:
                exercised.add(each.rule.id)
    assert exercised - {*WEAKENED} == {*VIOLATED}
    assert {*WEAKENED} <= exercised


VIOLATED = {
    "ML-COST-02": "all pools of the profile dev violate it",
    "ML-S3-07": "all buckets violate it",
    "ML-S3-10": "its violation is a new role of a bucket, not a lost control",
}


@pytest.mark.engine  # seconds in all
@pytest.mark.parametrize("id", WEAKENED)
def test_a_weakened_control_is_caught_in_the_pack_and_in_the_review_alike(stack: Made, id: str) -> None:
    caught = set()
    for name in STACKS:
        made = stack(name).with_settings(WEAKENED[id].get("platform", {}))
        if (weaker := weakened(made, WEAKENED[id])) is None:
            continue
        in_review = in_a_review(weaker, RULES[id]) - in_a_review(made, RULES[id])
        in_pack = in_the_pack(weaker, RULES[id]) - in_the_pack(made, RULES[id])
        assert in_pack == (set() if WEAKENED[id].get("unseen") else in_review)
        assert in_review, f"the weakened {name} is not caught"
        caught.add(name)
    assert caught


def reviewed(stack: StackPlan) -> Estate:
    return of_plan(stack.review_plan(), stack.rules.settings, TODAY, stack.siblings)


def in_a_review(stack: StackPlan, rule: Rule) -> set[str]:
    found = evaluate([rule], reviewed(stack), stack.rules.policies, stack.rules.profile, TODAY)
    name = {each.urn: each.name for each in stack.resources}
    return {
        f"{rule.id}: {name.get(each.urn, 'The stack')} {each.text}. {rule.remedy}"
        for each in found.results
        if each.outcome is Outcome.FAIL
    }


class QuickChecks(Checks):
    """Reads each resource once, since stacks that differ in one resource are evaluated again and again."""

    known: ClassVar[dict[int, tuple[Any, Any]]] = {}

    def _read(self, type: str, props: Any) -> Any:
        if id(props) not in self.known:
            self.known[id(props)] = (props, super()._read(type, props))
        return self.known[id(props)][1]


def in_the_pack(stack: StackPlan, rule: Rule) -> set[str]:
    checks, found = QuickChecks([rule], stack.rules, TODAY, stack.siblings), set()
    resources = stack.policy_resources()
    args: Any = type("Args", (), {"resources": resources})
    for level in (Level.MANDATORY, Level.ADVISORY):
        for each in resources:
            checks.of_resources(level).validate(each, lambda text, urn: found.add(text))
        checks.of_stack(level).validate(args, lambda text, urn: found.add(text))
    return {each for each in found if not each.startswith("Not evaluated")}


def weakened(stack: StackPlan, entry: Mapping[str, Any]) -> StackPlan | None:
    """A stack with a weakened control; None if it has no such resource."""
    if stack.platform["profile"] not in entry.get("only", [stack.platform["profile"]]):
        return None
    if "file" in entry:
        return stack.with_settings(entry["file"])
    resources: Sequence[Declared] = stack.resources
    for each in (entry, *entry.get("also", ())):
        if not (found := next(matching(resources, *each["of"]), None)):
            return None if each is entry else stack.with_resources(resources)
        resources = [
            changed
            for there in resources
            for changed in ([there] if there is not found else [] if each.get("gone") else [edited(there, each)])
        ]
    return stack.with_resources(resources)


def matching(resources: Sequence[Declared], type: str, pattern: str) -> Iterator[Declared]:
    service, kind = type.split()
    for each in resources:
        _, module, name = each.type.split(":")
        if (module.split("/")[0], name) == (service, kind) and fnmatch.fnmatchcase(each.name, pattern):
            yield each


def edited(resource: Declared, entry: Mapping[str, Any]) -> Declared:
    inputs = copy.deepcopy(dict(resource.inputs))
    for path, value in entry.get("set", {}).items():
        put(inputs, path.split("."), value)
    for path in entry.get("without", ()):
        remove(inputs, path.split("."))
    if "policy" in entry:
        statement = {"Effect": "Allow", "Resource": "*", **entry["policy"]}
        if entry.get("at") == "assumeRolePolicy":
            del statement["Resource"]
        inputs[entry.get("at", "policy")] = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    depends = {
        name: urns for name, urns in resource.depends.items() if name in inputs and name not in entry.get("set", {})
    }
    if entry.get("unprotected"):
        resource = replace(resource, protected=False, retained=False)
    return replace(resource, inputs=inputs, depends=depends)


def put(holder: Any, path: Sequence[str], value: Any) -> None:
    key: Any = int(path[0]) if isinstance(holder, list) else path[0]
    if len(path) == 1:
        holder[key] = value
        return
    if not isinstance(holder, list):
        holder.setdefault(key, {})
    put(holder[key], path[1:], value)


def remove(holder: Any, path: Sequence[str]) -> None:
    for key in path[:-1]:
        holder = holder[int(key) if isinstance(holder, list) else key]
    holder.pop(path[-1], None)

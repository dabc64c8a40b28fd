"""Reads the cases of rules: resources, and the result of one rule for each of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import yaml

from mlpctl.policies.estate import Estate, Resource
from mlpctl.policies.evaluate import Evaluation, Result, evaluate
from mlpctl.policies.rule import Rule
from mlpctl.policies.rules import rules
from mlpctl.review.containers import own_names
from mlpctl.review.values import UNKNOWN, Secret
from mlpctl.settings.policies import PolicySettings
from mlplatform.testing import Plan

FOLDER: Final = Path(__file__).parent / "unit" / "policies" / "rules"
TODAY: Final = date(2026, 11, 29)


class _Loader(yaml.SafeLoader):
    """YAML with `!unknown` for a value that is known after the update, and `!secret` for a secret."""


_Loader.add_constructor("!unknown", lambda loader, node: UNKNOWN)
_Loader.add_constructor("!secret", lambda loader, node: Secret("secret"))


@dataclass(frozen=True)
class Case:
    """One stack, and what a rule says of it."""

    rule: str
    about: str
    resources: Mapping[str, Mapping[str, Any]]
    """By logical name: `type`, `inputs`, and optionally `id`, `depends`, `protected` and `retained`."""

    expected: Mapping[str, str]
    """By logical name, or `stack`: `pass`, `notEvaluated`, `notApplicable`, or the sentence of the violation."""

    settings: Mapping[str, Any]


def cases() -> Iterator[Case]:
    for path in sorted(FOLDER.glob("*.yaml")):
        for rule, entries in yaml.load(path.read_text(), _Loader).items():
            for each in entries:
                yield Case(rule, each["about"], each["resources"], each["expected"], each.get("settings", {}))


def urn(name: str, type: str) -> str:
    return f"urn:pulumi:test::shop::{type}::{name}"


def estate(case: Case) -> Estate:
    urns = {name: urn(name, each["type"]) for name, each in case.resources.items()}

    def make(made: Estate) -> Iterator[Resource]:
        for name, each in case.resources.items():
            inputs, id = each.get("inputs") or {}, each.get("id", "")
            yield Resource(
                urn=urns[name],
                type=each["type"],
                inputs=inputs,
                estate=made,
                id=id,
                depends={key: [urns[one] for one in found] for key, found in (each.get("depends") or {}).items()},
                protected=each.get("protected", False),
                retained=each.get("retained", False),
                names=frozenset({*own_names(each["type"], inputs), *([id] if id else [])}),
            )

    return Estate(make, case.settings, today=TODAY)


def of_plan(plan: Plan) -> Evaluation:
    """The results of all rules, with the levels of profile prod, for what a program declares under mocks."""
    resources = {
        each.name: {
            "type": each.type,
            "inputs": each.inputs,
            "id": f"{each.name}-id" if each.type.startswith("aws:s3") else each.name,
            "protected": each.protected,
            "retained": each.retained,
        }
        for each in plan
        if each.custom
    }
    case = Case("", "", resources, {}, {"owner": "ml-platform"})
    return evaluate(rules(), estate(case), PolicySettings(), "prod", TODAY)


def results(rule: Rule, case: Case) -> dict[str, str]:
    """The results of a rule by logical name, in the form of `Case.expected`."""
    found = evaluate([rule], estate(case), PolicySettings(), "prod", TODAY).results
    by_name: dict[str, list[str]] = {}
    for each in found:
        by_name.setdefault(each.urn.split("::")[-1] or "stack", []).append(_shown(each))
    return {name: "\n".join(texts) for name, texts in by_name.items()}


def _shown(result: Result) -> str:
    return result.text if result.outcome.value == "fail" else result.outcome.value

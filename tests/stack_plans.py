"""The plans of this repository's stacks, as a review and a policy pack read them, without an engine."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import yaml

from mlpctl.keys import PLATFORM
from mlpctl.policies.estate import Estate, Resource
from mlpctl.policies.evaluate import Evaluation, evaluate
from mlpctl.policies.plan_estate import current_type, names_of
from mlpctl.policies.rules import rules
from mlpctl.policies.siblings import Siblings
from mlpctl.policies.stack import StackRules
from mlpctl.review.plan.model import Change, Plan
from mlpctl.review.reading import reader
from mlpctl.settings.policies import PolicySettings
from mlpctl.urns import PROVIDER_TYPE
from mlplatform.testing import Declared
from mlplatform.testing import Plan as Declaration


@dataclass(frozen=True)
class StackPlan:
    """What a stack declares, and the platform's section of its file."""

    platform: Mapping[str, Any]
    resources: tuple[Declared, ...]
    siblings: Siblings | None = None
    """The stacks of its project."""

    @classmethod
    def of(cls, file: Path, plan: Declaration) -> Self:
        platform = yaml.safe_load(file.read_text(encoding="utf-8"))["config"][PLATFORM]
        return cls.of_section(platform, plan)

    @classmethod
    def of_section(cls, platform: Mapping[str, Any], plan: Declaration) -> Self:
        return cls(platform, tuple(each for each in plan if each.custom and not each.type.startswith(PROVIDER_TYPE)))

    @property
    def rules(self) -> StackRules:
        return StackRules.of(self.platform, PolicySettings.model_validate(self.platform.get("policies") or {}))

    def with_settings(self, more: Mapping[str, Any]) -> Self:
        """The same with more settings in its file."""
        return replace(self, platform={**self.platform, **more})

    def with_resources(self, resources: Iterable[Declared]) -> Self:
        return replace(self, resources=tuple(resources))

    def review_plan(self) -> Plan:
        """The plan of its creation."""
        config = {PLATFORM: json.dumps(self.platform)}
        return Plan(changes=tuple(map(_created, self.resources)), config=config)

    def estate(self, today: date) -> Estate:
        """The resources as rules see them, without the reader of reviews."""

        def make(estate: Estate) -> Iterator[Resource]:
            for each in self.resources:
                yield Resource(
                    urn=each.urn,
                    type=current_type(each.type),
                    inputs=each.inputs,
                    estate=estate,
                    id=each.id,
                    depends={name: sorted(urns) for name, urns in each.depends.items()},
                    protected=each.protected,
                    retained=each.retained,
                    names=names_of(each.type, each.inputs, each.id),
                )

        return Estate(make, self.rules.settings, today=today)

    def policy_resources(self) -> list[Any]:
        """The arguments of a policy pack."""
        by_urn = {each.urn: each for each in self.resources}
        return [
            SimpleNamespace(
                urn=each.urn,
                resource_type=each.type,
                props=each.inputs,
                opts=SimpleNamespace(protect=each.protected),
                property_dependencies={
                    name: [by_urn[urn] for urn in urns if urn in by_urn] for name, urns in each.depends.items()
                },
            )
            for each in self.resources
        ]


_READ: dict[int, tuple[Declared, Change]] = {}
"""The changes by the resources that they create, since stacks that differ in one resource are read again and again."""


def _created(each: Declared) -> Change:
    if id(each) not in _READ:
        step = {"op": "create", "urn": each.urn, "newState": _state(each)}
        (change,) = reader.read(json.dumps({"steps": [step], "changeSummary": {"create": 1}})).changes
        _READ[id(each)] = (each, change)
    return _READ[id(each)][1]


def _state(each: Declared) -> dict[str, Any]:
    return {
        "urn": each.urn,
        "type": each.type,
        "custom": True,
        "id": each.id,
        "inputs": dict(each.inputs),
        "outputs": dict(each.inputs),
        "protect": each.protected,
        "retainOnDelete": each.retained,
        "propertyDependencies": {name: sorted(urns) for name, urns in each.depends.items()},
    }


def judged(plan: Declaration, today: date) -> Evaluation:
    """The results of all rules, with the levels of profile prod, for what a program declares."""
    made = StackPlan.of_section({"owner": "ml-platform"}, plan)
    return evaluate(rules(), made.estate(today), PolicySettings(), "prod", today)

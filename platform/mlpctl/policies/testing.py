"""Tests of rules, without an engine: resources as data in, results out.

```python
from acme_rules import queues
from mlpctl.policies.testing import resource, results

def test_a_queue_needs_a_dead_letter_queue() -> None:
    queue = resource("aws:sqs/queue:Queue", name="jobs")
    assert results(queues.queue_has_a_dead_letter_queue, queue) == {"jobs": "has no dead-letter queue"}
```

Cases can also be in YAML files; see `cases`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

import yaml

from mlpctl.policies.estate import Estate
from mlpctl.policies.estate import Resource as Judged
from mlpctl.policies.evaluate import OF_STACK, Outcome, Result, evaluate
from mlpctl.policies.plan_estate import current_type, names_of
from mlpctl.policies.rule import Rule
from mlpctl.policies.siblings import of_sections
from mlpctl.review.values.plain import UNKNOWN, Secret
from mlpctl.settings.policies import PolicySettings

__all__ = ["SECRET", "STACK", "UNKNOWN", "Case", "Given", "cases", "resource", "results"]

SECRET: Final = Secret("secret")
"""An input that is secret."""

STACK: Final = OF_STACK
"""Name under which the result of a rule for the whole stack is returned."""


@dataclass(frozen=True)
class Given:
    """A resource of a test."""

    type: str
    """Type token, e.g. `aws:sqs/queue:Queue`."""

    name: str
    """Logical name."""

    inputs: Mapping[str, Any] = field(default_factory=dict)
    """Inputs by the names of Pulumi's schema (camelCase); `UNKNOWN` and `SECRET` stand for such values."""

    id: str = ""
    """The provider's ID; empty if the resource does not exist yet."""

    depends: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Logical names of the resources that each input depends on."""

    protected: bool = False
    retained: bool | None = False
    """None for a resource in a policy pack, which is not told whether it is retained."""


@dataclass(frozen=True)
class Case:
    """One stack, and what a rule says of it."""

    rule: str
    """ID of the rule."""

    about: str
    """What the case is, for the name of the test."""

    resources: tuple[Given, ...]
    expected: Mapping[str, str]
    """In the form of `results`."""

    settings: Mapping[str, Any]
    """The platform's section of the stack file; empty by default."""

    stacks: Mapping[str, Mapping[str, Any] | None] | None = None
    """Those of other stacks, as in `results`."""


def resource(type: str, inputs: Mapping[str, Any] | None = None, *, name: str = "it", **more: Any) -> Given:
    """A resource of a test.

    Args:
        type: type token, e.g. `aws:sqs/queue:Queue`.
        inputs: its inputs.
        name: its logical name.
        more: other fields of `Given`; `depends` may name one resource or a list.
    """
    depends = {
        key: (names,) if isinstance(names, str) else (*names,)
        for key, names in (more.pop("depends", None) or {}).items()
    }
    return Given(type, name, inputs or {}, depends=depends, **more)


def results(
    rule: Rule,
    *resources: Given,
    settings: Mapping[str, Any] | None = None,
    profile: str = "prod",
    today: date | None = None,
    stacks: Mapping[str, Mapping[str, Any] | None] | None = None,
) -> dict[str, str]:
    """The results of a rule for a stack with these resources.

    Args:
        rule: the rule.
        resources: all resources of the stack.
        settings: the platform's section of the stack file, for rules that read `Estate.settings`.
        profile: the profile; a rule that is off there has no results.
        today: the day on which AWS must support what the resources use; by default today.
        stacks: the platform's sections of the other stack files of the project, by the stacks' names, for rules that
            read `Estate.siblings`; None for a file that is invalid. By default, the project is not at hand.

    Returns:
        By logical name, by the path of a field, or `stack` for a rule for the whole stack: the sentence of the
        violation (several are separated by line breaks), or `pass`, `notEvaluated` or `notApplicable`. A rule that
        raises an exception has the result `error: …`.
    """
    urns = {each.name: f"urn:pulumi:test::test::{each.type}::{each.name}" for each in resources}

    def make(estate: Estate) -> Iterator[Judged]:
        for each in resources:
            yield Judged(
                urn=urns[each.name],
                type=current_type(each.type),
                inputs=each.inputs,
                estate=estate,
                id=each.id,
                depends={key: [urns[name] for name in names] for key, names in each.depends.items()},
                protected=each.protected,
                retained=each.retained,
                names=names_of(each.type, each.inputs, each.id),
            )

    day = today or date.today()
    estate = Estate(make, settings or {}, today=day, siblings=None if stacks is None else of_sections(stacks))
    found = evaluate([rule], estate, PolicySettings(), profile, day).results
    by_name: dict[str, list[str]] = {}
    for result in found:
        by_name.setdefault(result.name, []).append(_shown(result))
    return {name: "\n".join(texts) for name, texts in by_name.items()}


def cases(folder: Path) -> Iterator[Case]:
    """The cases in the YAML files of a folder, e.g. for `pytest.mark.parametrize`.

    A file maps the IDs of rules to lists of cases:

    ```yaml
    ACME-SQS-01:
      - about: a queue without a dead-letter queue
        resources:
          jobs: {type: "aws:sqs/queue:Queue", inputs: {name: !unknown}}
        expected: {jobs: has no dead-letter queue}
    ```

    `!unknown` is a value that is known only after the update, `!secret` a secret. Resources have the fields of `Given`,
    except for `name`, which is their key.
    """
    for path in sorted(folder.glob("*.yaml")):
        for rule, entries in yaml.load(path.read_text(encoding="utf-8"), _Loader).items():
            for each in entries:
                made = tuple(_read(name, fields) for name, fields in each["resources"].items())
                more = (each.get("settings", {}), each.get("stacks"))
                yield Case(rule, each["about"], made, each["expected"], *more)


def _read(name: str, fields: Mapping[str, Any]) -> Given:
    more = {key: value for key, value in fields.items() if key not in ("type", "inputs")}
    return resource(fields["type"], fields.get("inputs"), name=name, **more)


def _shown(result: Result) -> str:
    if result.outcome is Outcome.ERROR:
        return f"{result.outcome.value}: {result.text}"
    return result.text if result.outcome is Outcome.FAIL else result.outcome.value


class _Loader(yaml.SafeLoader):
    """YAML with unknown values and secrets."""


_Loader.add_constructor("!unknown", lambda loader, node: UNKNOWN)
_Loader.add_constructor("!secret", lambda loader, node: SECRET)

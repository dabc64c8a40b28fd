"""The rules as a Pulumi policy pack.

The pack has one policy for each level and each kind of call, because the SDK decodes all properties again for every
policy: a policy for each rule would take several times as long. Rules that need only the resource itself are evaluated
before the engine creates it; the others after the engine has seen all resources, in a preview before anything is
created. Deletions are not shown to policy packs: only reviews check their approvals.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import pulumi
from pulumi_policy import (
    EnforcementLevel,
    PolicyPack,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError
from pydantic import ValidationError

from mlpctl import project, urns
from mlpctl.keys import PLATFORM
from mlpctl.policies.estate import Estate, Resource
from mlpctl.policies.evaluate import Evaluation, Outcome, Result, evaluate
from mlpctl.policies.packs import PackError, load
from mlpctl.policies.plan_estate import current_type, names_of
from mlpctl.policies.rule import Level, Rule
from mlpctl.policies.rules import rules
from mlpctl.policies.siblings import Siblings, of_project
from mlpctl.policies.stack import StackRules
from mlpctl.review.plan.stack_config import profile_fault
from mlpctl.review.redact import Redactor
from mlpctl.review.values import marks
from mlpctl.review.values.plain import Value
from mlpctl.settings.policies import PolicySettings

NAME: Final = "mlplatform"
_LEVELS: Final = {Level.MANDATORY: EnforcementLevel.MANDATORY, Level.ADVISORY: EnforcementLevel.ADVISORY}


def run(folder: Path) -> None:
    """Serve the pack to the engine.

    Args:
        folder: the pack's own folder. Own rules are those of the project that it is in.

    Raises:
        SystemExit: the stack's config is invalid, or own rules cannot be loaded; the message is for the user.
    """
    stack = stack_rules()
    own = own_rules(folder, stack.policies.packs, pulumi.get_project())
    known = (*rules(), *own)
    if fault := stack.unknown(each.id for each in known):
        raise SystemExit(fault)
    root = root_of(folder, pulumi.get_project())
    siblings = of_project(root, pulumi.Config("aws").get("region")) if root else None
    checks = Checks(known, stack, datetime.now(UTC).date(), siblings)
    PolicyPack(
        NAME,
        [
            *(checks.of_resources(level) for level in _LEVELS),
            *(checks.of_stack(level) for level in _LEVELS),
        ],
    )


def stack_rules() -> StackRules:
    """The levels and exceptions in the running stack's config.

    Raises:
        SystemExit: the config is invalid; the message is for the user.
    """
    namespace, name = PLATFORM.split(":")
    value = pulumi.Config(namespace).get(name)
    try:
        platform = {} if value is None else json.loads(value)
        if value is not None and (fault := profile_fault(platform)):
            raise SystemExit(f"The config of the stack is invalid: {fault}.")
        return StackRules.of(platform, PolicySettings.model_validate(platform.get("policies", {})))
    except json.JSONDecodeError:
        raise SystemExit(f"The value of {PLATFORM} is not JSON, so the rules of the stack cannot be read.") from None
    except ValidationError as error:
        problems = "; ".join(f"policies.{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise SystemExit(f"The rules of the stack are invalid: {problems}.") from None


def root_of(folder: Path, project_name: str) -> Path | None:
    """The folder of the running stack's project; None if the policy pack is not in it.

    The engine tells a policy pack the config of the stack, but not the folder of its project.

    Args:
        folder: the folder of the policy pack.
        project_name: the project of the running stack.
    """
    around = (each for each in folder.resolve().parents if (each / project.PROJECT_FILE).is_file())
    root = next(around, None)
    return root if root is not None and project.name(root) == project_name else None


def own_rules(folder: Path, packs: Sequence[str], project_name: str) -> tuple[Rule, ...]:
    """The rules of a stack's own packs.

    Args:
        folder: the folder of the policy pack.
        packs: the folders of own rules, relative to the project.
        project_name: the project of the running stack.

    Raises:
        SystemExit: the policy pack is not in the stack's project, or own rules cannot be loaded.
    """
    if not packs:
        return ()
    root = root_of(folder, project_name)
    if root is None:
        raise SystemExit(
            f"policies.packs: {folder} is not in the project {project_name}, whose folders contain the rules. Use the "
            "policy pack of the project."
        )
    try:
        return load(root, packs)
    except PackError as error:
        raise SystemExit(str(error)) from None


class Checks:
    """The policies, which share what they find."""

    def __init__(self, known: Sequence[Rule], stack: StackRules, today: date, siblings: Siblings | None = None) -> None:
        """Evaluate these rules as the stack's config says; without a project, there are no other stacks at hand."""
        self._rules = known
        self._stack = stack
        self._today = today
        self._siblings = siblings
        self._redactor = Redactor()
        self._inputs: dict[str, Mapping[str, Value]] = {}
        """Inputs, without secrets, of the resources that the engine has shown. For the stack it shows outputs, and in a
        preview those that a provider computes are unknown."""

    def of_resources(self, level: Level) -> ResourceValidationPolicy:
        """The policy of a level for single resources."""

        def check(args: ResourceValidationArgs, report: ReportViolation) -> None:
            inputs = self._inputs[args.urn] = self._read(args.resource_type, args.props)
            resource: _Given = (args.urn, args.resource_type, inputs, args.opts.protect, {}, "")
            own = [rule for rule in self._rules if current_type(args.resource_type) in rule.types]
            for each in self._evaluate(own, [resource], whole=False).results:
                if each.level is level and not each.deferred and (text := _violation(each)):
                    report(text, None)

        return ResourceValidationPolicy(
            f"{level.value}-rules-for-resources",
            f"Resources meet the {level.value} rules.",
            check,
            _LEVELS[level],
        )

    def of_stack(self, level: Level) -> StackValidationPolicy:
        """The policy of a level for relations between resources, and for the stack."""

        def check(args: StackValidationArgs, report: ReportViolation) -> None:
            given = [self._given(each) for each in args.resources]
            of_resources = [rule for rule in self._rules if rule.of_resource is not None]
            alone = self._evaluate(of_resources, given, whole=False)
            deferred = {(each.rule.id, each.urn) for each in alone.results if each.deferred}
            found = self._evaluate(self._rules, given, whole=True)
            for each in found.results:
                is_new = each.rule.of_stack is not None or (each.rule.id, each.urn) in deferred
                if each.level is level and is_new and (text := _violation(each)):
                    report(text, each.urn or None)
            for text in _about_the_stack(found, level):
                report(text, None)

        return StackValidationPolicy(
            f"{level.value}-rules-for-the-stack",
            f"The stack meets the {level.value} rules.",
            check,
            _LEVELS[level],
        )

    def _given(self, resource: PolicyResource) -> "_Given":
        type, known = resource.resource_type, self._inputs.get(resource.urn)
        inputs = self._read(type, resource.props) if known is None else known
        return resource.urn, type, inputs, resource.opts.protect, _depends(resource), _id(resource.props)

    def _read(self, type: str, props: Mapping[str, Any]) -> Mapping[str, Value]:
        return self._redactor.inputs(_plain(props), kind=type)

    def _evaluate(self, known: Iterable[Rule], given: Iterable["_Given"], *, whole: bool) -> Evaluation:
        def make(estate: Estate) -> Iterator[Resource]:
            for urn, type, inputs, protected, depends, id in given:
                if type.startswith(urns.PROVIDER_TYPE):
                    continue
                yield Resource(
                    urn=urn,
                    type=current_type(type),
                    inputs=inputs,
                    estate=estate,
                    id=id,
                    depends=depends,
                    protected=protected,
                    retained=None,
                    names=names_of(type, inputs, id),
                )

        stack = self._stack
        estate = Estate(make, stack.settings, whole, today=self._today, siblings=self._siblings)
        return evaluate(known, estate, stack.policies, stack.profile, self._today)


_Given = tuple[str, str, Mapping[str, Value], bool, Mapping[str, Sequence[str]], str]


def _depends(resource: PolicyResource) -> dict[str, list[str]]:
    return {name: [each.urn for each in found] for name, found in resource.property_dependencies.items()}


def _id(props: Mapping[str, Any]) -> str:
    """The ID, which is among the outputs that the engine shows for the stack; empty if it is not known yet."""
    # The proxy reads a value to say whether it has the key, and raises if it is unknown.
    found = _item(props, "id") if "id" in [*props] else None
    return found if isinstance(found, str) and found not in marks.UNKNOWNS else ""


def _plain(value: Any) -> Any:
    """A value without the SDK's proxies, with the engine's placeholders for unknown values."""
    if isinstance(value, Mapping):
        return {key: _item(value, key) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_item(value, index) for index in range(len(value))]
    return value


def _item(holder: Any, key: Any) -> Any:
    try:
        return _plain(holder[key])
    except UnknownValueError as error:
        return error.unknown_type_sentinel


def _violation(result: Result) -> str:
    if result.outcome not in (Outcome.FAIL, Outcome.ERROR):
        return ""
    subject = urns.name(result.urn) if result.urn else "The stack"
    return f"{result.rule.id}: {subject} {result.text}. {result.rule.remedy}"


def _about_the_stack(found: Evaluation, level: Level) -> Iterator[str]:
    if level is Level.MANDATORY:
        for each in found.expired:
            yield (
                f"The waiver of {each.rule} for {each.resource} expired on {each.expires}. Renew or remove it in "
                "policies.waivers."
            )
        return
    for each in found.unused:
        yield f"The waiver of {each.rule} for {each.resource} matches no violation. Remove it from policies.waivers."
    open_rules: dict[str, str] = {}
    for result in found.results:
        if result.outcome is Outcome.NOT_EVALUATED:
            open_rules.setdefault(result.rule.id, result.text)
    if open_rules:
        yield f"Not evaluated: {', '.join(f'{id} ({why})' for id, why in sorted(open_rules.items()))}."

"""Lifecycle policies that AWS rejects but moto accepts."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from moto.ecr.exceptions import InvalidParameterException
from moto.ecr.policy_validation import EcrLifecyclePolicyValidator

MAX_WILDCARDS: Final = 4
"""https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html"""

Rule = dict[str, Any]

_validate = EcrLifecyclePolicyValidator.validate


def _validate_whole(self: EcrLifecyclePolicyValidator) -> None:
    """AWS also checks rules against each other; moto checks each separately."""
    _validate(self)
    for problem in problems(self._rules):
        raise InvalidParameterException(f"{self.INVALID_PARAMETER_ERROR_MESSAGE}{problem}'")


def problems(rules: Sequence[Rule]) -> Iterator[str]:
    """Everything that AWS rejects in rules that are valid separately.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
    """
    priorities = [rule["rulePriority"] for rule in rules]
    if len({*priorities}) < len(priorities):
        yield "Rule priorities must be unique"
    selections = [rule["selection"] for rule in sorted(rules, key=lambda rule: rule["rulePriority"])]
    tags = [_tags(selection) for selection in selections]
    if [each for each in tags if each and tags.count(each) > 1]:
        yield "Tag prefixes and patterns must be unique"
    for selection, selected in zip(selections, tags, strict=True):
        if (selection["tagStatus"] == "tagged") != bool(selected):
            yield "tagPrefixList or tagPatternList is required for tagged images, and allowed only for these"
        if ("countUnit" in selection) != (selection["countType"] == "sinceImagePushed"):
            yield "countUnit is required for sinceImagePushed, and allowed only for it"
        if any(pattern.count("*") > MAX_WILDCARDS for pattern in selection.get("tagPatternList", ())):
            yield f"A tag pattern has at most {MAX_WILDCARDS} wildcards"
    statuses = [selection["tagStatus"] for selection in selections]
    if statuses.count("untagged") > 1:
        yield "Only one rule may select untagged images"
    if "any" in statuses[:-1]:
        yield "A rule for images of any tag status must have the highest value of rulePriority"


def _tags(selection: dict[str, Any]) -> tuple[str, ...]:
    return tuple(sorted({*selection.get("tagPrefixList", ()), *selection.get("tagPatternList", ())}))


def apply() -> None:
    """Apply the checks, for the whole process. Idempotent."""
    EcrLifecyclePolicyValidator.validate = _validate_whole  # type: ignore[method-assign]  # intended

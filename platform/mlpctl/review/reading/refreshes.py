"""Finds the steps that report the results of a refresh: in a digest they may look like those of an update."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from mlpctl import urns
from mlpctl.review.reading.steps import REFRESH, REPLACING, Raw, Step, leaves

_LOOKS: Final = ("update", "delete")
"""What the digest writes instead of a refresh that found a difference (`ShowPreviewDigest` in Pulumi's
pkg/backend/display/json.go)."""


LEFT_OUT: Final = (
    "Digests of Pulumi before 3.132 omit some results of a refresh, "
    "and later ones omit changes that only affect outputs"
)
"""https://github.com/pulumi/pulumi/pull/16146 (3.120) added changes to the digest, and
https://github.com/pulumi/pulumi/pull/16851 (3.132) added deletions."""


def hides(raw: Raw, steps: Sequence[Step]) -> bool:
    """Whether a digest has refresh steps and no sign that its engine writes their results.

    Always false for `pulumi refresh`: there the engine's summary contains the number of changes.
    """
    if is_refresh(raw):
        return False
    found = [each for each in steps if each.op == REFRESH]
    return bool(found) and not (raw.streamed or raw.has_events) and not any(each.result for each in found)


def is_refresh(raw: Raw) -> bool:
    """Whether the plan is one of `pulumi refresh`: no program ran, so the stack itself is only refreshed.

    With `pulumi preview --refresh` the program registers the stack, which adds a step.
    """
    ops = {each.op for each in raw.steps}
    stack = {each.op for each in raw.steps if urns.kind(each.urn) == urns.STACK_TYPE}
    # An event has the operation of the step; the digest writes the operation that resulted from it.
    allowed = {REFRESH} if raw.streamed else {REFRESH, *_LOOKS}
    return REFRESH in ops and ops <= allowed and stack <= {REFRESH} and _single(raw.steps)


def marked(raw: Raw) -> list[Step]:
    """The steps, with the results of a refresh marked as `refresh`.

    If this contradicts the engine's summary, a step stays as it is: a false danger is better than a missed one.
    """
    if raw.streamed:
        return raw.steps
    if is_refresh(raw):
        return [_found(each) for each in raw.steps]
    before = _followed(raw.steps)
    before = before if _agrees(before, raw.counted) else raw.steps
    if not _stack_was_refreshed(raw.steps):
        return before
    # Then everything was refreshed, and the first step of each resource is the result of the refresh.
    seen: set[str] = set()
    after = []
    for each in before:
        after.append(each if each.urn in seen or leaves(each) else _found(each))
        seen.add(each.urn)
    return after if _agrees(after, raw.counted) else before


def _followed(steps: Sequence[Step]) -> list[Step]:
    """Mark each step that another step of the same resource follows: a plan never changes a resource twice."""
    last = {each.urn: number for number, each in enumerate(steps) if not leaves(each)}
    deletes_first = {each.urn for each in steps if each.op in REPLACING[1:]}
    return [
        _found(each)
        if number < last.get(each.urn, number) and not (each.op == "delete" and each.urn in deletes_first)
        else each
        for number, each in enumerate(steps)
    ]


def _stack_was_refreshed(steps: Sequence[Step]) -> bool:
    return any(each.op == REFRESH and urns.kind(each.urn) == urns.STACK_TYPE for each in steps)


def _agrees(steps: Sequence[Step], counted: Mapping[str, int]) -> bool:
    """Whether at least as many resources change as the engine counts."""
    found = Counter(each.op for each in steps)
    return all(found[op] >= counted.get(op, 0) for op in _LOOKS)


def _single(steps: Sequence[Step]) -> bool:
    """Whether each resource and each old copy has exactly one step."""
    return all(count == 1 for count in Counter((each.urn, each.old.id if each.old else "") for each in steps).values())


def _found(step: Step) -> Step:
    return replace(step, op=REFRESH, result=step.op) if step.op in _LOOKS else step

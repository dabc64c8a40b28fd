"""Which steps tell what a refresh found: in a digest they may look like those of an update."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from mlpctl import urns
from mlpctl.review.steps import REFRESH, REPLACING, Raw, Step, leaves

_LOOKS: Final = ("update", "delete")
"""What the digest writes in the place of a refresh that found something (`ShowPreviewDigest` in Pulumi's
pkg/backend/display/json.go)."""


LEFT_OUT: Final = (
    "A digest of Pulumi before 3.132 does not say all that a refresh found, and a later one not what outputs alone tell"
)
"""https://github.com/pulumi/pulumi/pull/16146 (3.120) has the digest say what changed, and
https://github.com/pulumi/pulumi/pull/16851 (3.132) what is gone."""


def hides(raw: Raw, steps: Sequence[Step]) -> bool:
    """Whether a digest has steps of a refresh, and nothing shows that its engine writes what one found.

    Of a refresh alone the engine's summary tells how much there is to find.
    """
    if is_refresh(raw):
        return False
    found = [each for each in steps if each.op == REFRESH]
    return bool(found) and not (raw.streamed or raw.has_events) and not any(each.result for each in found)


def is_refresh(raw: Raw) -> bool:
    """Whether it is one of `pulumi refresh`: no program ran, so the stack itself is only refreshed.

    With `pulumi preview --refresh` the program registers the stack, which is a step more.
    """
    ops = {each.op for each in raw.steps}
    stack = {each.op for each in raw.steps if urns.kind(each.urn) == urns.STACK_TYPE}
    # An event keeps the op of the step, the digest writes what came of it.
    allowed = {REFRESH} if raw.streamed else {REFRESH, *_LOOKS}
    return REFRESH in ops and ops <= allowed and stack <= {REFRESH} and _single(raw.steps)


def marked(raw: Raw) -> list[Step]:
    """The steps, with those that tell what a refresh found marked as that.

    Where the engine's summary contradicts, a step stays what it looks like: rather a danger too many than one too few.
    """
    if raw.streamed:
        return raw.steps
    if is_refresh(raw):
        return [_found(each) for each in raw.steps]
    before = _followed(raw.steps)
    before = before if _agrees(before, raw.counted) else raw.steps
    if not _stack_was_refreshed(raw.steps):
        return before
    # Then everything was, and the first step of each resource tells what was found.
    seen: set[str] = set()
    after = []
    for each in before:
        after.append(each if each.urn in seen or leaves(each) else _found(each))
        seen.add(each.urn)
    return after if _agrees(after, raw.counted) else before


def _followed(steps: Sequence[Step]) -> list[Step]:
    """Mark a step after which the same resource has another one: nothing is updated twice, nor after it is deleted."""
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
    """Whether as many resources are changed as the engine counts."""
    found = Counter(each.op for each in steps)
    return all(found[op] >= counted.get(op, 0) for op in _LOOKS)


def _single(steps: Sequence[Step]) -> bool:
    """Whether each resource has one step; an old copy has one too."""
    return all(count == 1 for count in Counter((each.urn, each.old.id if each.old else "") for each in steps).values())


def _found(step: Step) -> Step:
    return replace(step, op=REFRESH, result=step.op) if step.op in _LOOKS else step

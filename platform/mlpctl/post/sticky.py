"""One comment a stack, and labels that belong to all stacks of a pull request."""

from collections.abc import Iterable
from typing import Final

from mlpctl.post.api import ApiError, UnsureError
from mlpctl.post.forge import Comment, Forge
from mlpctl.post.labels import LABELS, Effect, marked
from mlpctl.review.writers.marker import START

_TRIES: Final = 4


def ours(forge: Forge, me: int) -> list[Comment]:
    """The comments of reviews that the token's own user or app wrote, oldest first.

    Anybody can write a comment with a marker, and a token may be allowed to edit everybody's comments.
    """
    return [each for each in forge.comments() if each.author == me and each.first_line.startswith(START)]


def put(forge: Forge, me: int, marker: str, body: str) -> str:
    """Create the comment with this marker, or replace its text. Returns its URL.

    Raises:
        ApiError: The comment could not be written.
    """
    gone: set[int] = set()
    failure: ApiError | None = None
    for _ in range(_TRIES):
        these = [each for each in ours(forge, me) if each.first_line == marker and each.id not in gone]
        if these:
            # Two runs that started together may both have created one.
            for duplicate in these[1:]:
                forge.delete(duplicate.id)
            if url := forge.edit(these[0].id, body):
                return url
            gone.add(these[0].id)
        try:
            return forge.create(body)
        except UnsureError as error:
            failure = error
    raise failure or ApiError("The comment could not be written: it is deleted again and again.")


def label(forge: Forge, me: int, marker: str, own: Iterable[Effect]) -> list[str]:
    """Set the labels: what this stack and the comments of the other stacks call for. Returns their names.

    Posts of other stacks may run at the same time. Each has written its comment before it reads the labels, which are
    therefore read before the comments. After a removal, the comments are read again: another post may need the label.

    Raises:
        ApiError: The labels could not be set.
    """
    present = forge.labels()
    needed = {*own, *_of_others(forge, me, marker)}
    if needed:
        # Also labels that are present, which the post of another stack may be about to remove.
        forge.add([LABELS[effect] for effect in Effect if effect in needed], present)
    false = [effect for effect in Effect if effect not in needed and LABELS[effect].name in present]
    for effect in false:
        forge.remove(LABELS[effect])
    if false and (again := {*_of_others(forge, me, marker)}.intersection(false)):
        forge.add([LABELS[effect] for effect in Effect if effect in again], present)
        needed |= again
    return [LABELS[effect].name for effect in Effect if effect in needed]


def _of_others(forge: Forge, me: int, marker: str) -> Iterable[Effect]:
    for comment in ours(forge, me):
        if comment.first_line != marker:
            yield from marked(comment.body)

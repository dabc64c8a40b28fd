"""Abbreviates values and texts of any size."""

import difflib
import json
import os
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Final

from mlpctl.review.values.marks import SIGNATURE
from mlpctl.review.values.plain import Value
from mlpctl.text import number

MAX_VALUE: Final = 120
"""Maximum number of characters of a value, without the note about what was cut."""

MAX_LINES: Final = 24
"""Maximum number of lines of an excerpt."""

MAX_LINE: Final = 160
"""Maximum number of characters of a line of an excerpt."""

_CONTEXT: Final = 2
_COMPARED_LINES: Final = 400
"""Maximum number of lines per side that are compared pairwise: the effort grows with their product."""


def short(value: Value, limit: int = MAX_VALUE) -> str:
    """A value in at most `limit` characters, with a note about what was cut."""
    if isinstance(value, str):
        return _cut(value, limit)
    if isinstance(value, Mapping) and SIGNATURE in value:
        return f"(file {str(value.get('hash', ''))[:12] or 'without a hash'})"
    if isinstance(value, bool | int | float | Mapping | list) or value is None:
        return _cut(json.dumps(value, default=str, ensure_ascii=False), limit)
    return str(value)


def pair(old: Value, new: Value, limit: int = MAX_VALUE) -> tuple[str, str]:
    """Two abbreviated values; long texts are reduced to the part around their first difference."""
    if isinstance(old, str) and isinstance(new, str) and max(len(old), len(new)) > limit:
        same = len(os.path.commonprefix([old, new]))  # noqa: RUF071 - these are texts, not paths
        start = max(0, min(same - limit // 4, max(len(old), len(new)) - limit))
        lead = "…" if start else ""
        return lead + _cut(old[start:], limit), lead + _cut(new[start:], limit)
    return short(old, limit), short(new, limit)


def excerpt(old: str, new: str) -> str:
    """A unified diff of two texts, with at most `MAX_LINES` lines."""
    before, after = old.splitlines(), new.splitlines()
    start = common(before, after)
    end = common(before[start:][::-1], after[start:][::-1])
    first = max(0, start - _CONTEXT)
    removed = before[start : len(before) - end]
    added = after[start : len(after) - end]
    tail = after[len(after) - end :][:_CONTEXT]
    if max(len(removed), len(added)) > _COMPARED_LINES:
        half = (MAX_LINES - 2) // 2
        lines = [f"@@ -{start + 1},{len(removed)} +{start + 1},{len(added)} @@"]
        lines += [f"-{line}" for line in removed[:half]] + [f"+{line}" for line in added[:half]]
        left_out = len(removed[half:]) + len(added[half:])
    else:
        lead = before[first:start]
        found = difflib.unified_diff([*lead, *removed, *tail], [*lead, *added, *tail], n=_CONTEXT, lineterm="")
        # The first two lines name files; positions are relative to the first compared line.
        every = [line if not line.startswith("@@") else _moved(line, first) for line in islice(found, 2, None)]
        lines, left_out = every[: MAX_LINES - 1], max(0, len(every) - MAX_LINES + 1)
    lines = [_cut(line, MAX_LINE) for line in lines]
    return "\n".join([*lines, f"… {number(left_out, 'more line')}"] if left_out else lines)


def _cut(text: str, limit: int) -> str:
    line, *rest = text.split("\n", 1)
    line = line.rstrip("\r")
    if len(line) > limit:
        return f"{line[:limit]}… ({number(len(text) - limit, 'more character')})"
    if rest:
        return f"{line}… ({number(rest[0].count(chr(10)) + 1, 'more line')})"
    return line


def common(one: Sequence[Value], other: Sequence[Value]) -> int:
    """Number of equal leading items."""
    return next(
        (number for number, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def _moved(head: str, lines: int) -> str:
    """A hunk header, `@@ -1,4 +1,5 @@`, with its positions shifted by a number of lines."""
    places = []
    for place in head.split()[1:3]:
        position, comma, length = place[1:].partition(",")
        places.append(f"{place[0]}{int(position) + lines}{comma}{length}")
    return f"@@ {' '.join(places)} @@"

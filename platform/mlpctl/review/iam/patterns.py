"""Matches texts with the wildcards of IAM: `*` for any characters, `?` for one.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
"""

import re
from functools import lru_cache
from typing import Final

ANY: Final = "zz"
"""Stands for a wildcard in samples: no service, action or resource that a policy names contains it."""


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern of IAM matches a text.

    Each part between two `*` is taken where it occurs first: if the pattern matches at all, it matches so, and no other
    place has to be tried.
    """
    first, *rest = pattern.split("*")
    if not rest:
        return len(first) == len(text) and _fits(first, text, 0)
    *middle, last = rest
    start, end = len(first), len(text) - len(last)
    if start > end or not _fits(first, text, 0) or not _fits(last, text, end):
        return False
    for part in middle:
        start = _place(part, text, start, end)
        if start < 0:
            return False
        start += len(part)
    return True


def _fits(part: str, text: str, start: int) -> bool:
    if "?" not in part:
        return text.startswith(part, start)
    return _expression(part).match(text, start) is not None


def _place(part: str, text: str, start: int, end: int) -> int:
    """Where a part first occurs; negative if it does not."""
    if "?" not in part:
        return text.find(part, start, end)
    found = _expression(part).search(text, start, end)
    return found.start() if found else -1


@lru_cache(maxsize=1024)
def _expression(part: str) -> re.Pattern[str]:
    """A part with `?`; all that it matches has the same length, so that nothing is tried twice."""
    return re.compile(".".join(map(re.escape, part.split("?"))), re.DOTALL)


def sample(pattern: str) -> str:
    """A text that a pattern matches, and that a narrower pattern does not."""
    return pattern.replace("*", ANY).replace("?", "z")

"""Finds the end of a word of a command that is in quotes and may contain blanks and other quotes."""

import re
from typing import Final

from awsfacts.credential_forms import WORD_END

_ESCAPED: Final = re.compile(r"""\\{1,3}["']""")
_LONGEST: Final = 4096
_LONGEST_LEAD: Final = 300


def end_of(text: str, start: int, end: int) -> int:
    """The end of the quoted word around a span: of `{"key"` in `--value '{"key": "x"}'`; the span's end if none is."""
    sign = _opening(text, start)
    if not sign:
        return end
    stop = text.find(WORD_END, end, end + _LONGEST)
    limit = stop if stop >= 0 else end + _LONGEST
    inside = start + len(sign) if text.startswith(sign, start) else start
    found = text.find(sign, max(inside, end), limit)
    while found > 0 and text[found - 1] == "\\":
        found = text.find(sign, found + 1, limit)
    return max(found, end)


def _opening(text: str, start: int) -> str:
    """The quote, with its backslashes, in which the word at a position is; empty if it is in none."""
    if escaped := _ESCAPED.match(text, start):
        return escaped[0]
    lead = text[max(0, start - _LONGEST_LEAD) : start].rsplit(None, 1)
    prefix = lead[-1] if lead and not text[start - 1 : start].isspace() else ""
    quotes = [at for at, each in enumerate(prefix) if each in "\"'" and prefix.count(each) % 2]
    if not quotes:
        return ""
    before = prefix[: quotes[-1]]
    return "\\" * (len(before) - len(before.rstrip("\\"))) + prefix[quotes[-1]]

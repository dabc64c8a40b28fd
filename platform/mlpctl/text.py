"""How commands write text: without control characters; paths, counts, lists, amounts of money; similar words."""

import difflib
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Sequence
from decimal import Decimal
from typing import Final

FIRST_MARK: Final = "\u0300"
"""The first combining character; all printable but invisible characters come after it."""

MOST_MARKS: Final = 3
"""Maximum number of combining characters per letter; more of them would overlap adjacent lines."""

# Printable by their Unicode category, but invisible: fillers, blanks, joiners, variation selectors.
# https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point
_UNSEEN: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)

# Text that GitHub workflows act on: expressions anywhere in a file, and commands at the start of a log line, which may
# be wrapped anywhere.
# https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
_WORKFLOW: Final = re.compile(
    r"\$(?=\{\{)|#(?=#\[)|:(?=:(?:add-|set-|save-|remove-|stop-|debug|notice|warning|error|group|endgroup|echo))",
    re.IGNORECASE,
)


def visible(text: str) -> str:
    r"""Write invisible and control characters as escapes, `\u202e`, so that no terminal or workflow acts on them."""
    if text.isascii() and text.isprintable():
        return _outside_workflows(text)
    shown, marks = "", 0
    for char in text:
        if char < FIRST_MARK:
            # Most characters; the checks below take ten times as long.
            marks = 0
            shown += char if char.isprintable() else char.encode("unicode_escape").decode()
            continue
        marks = marks + 1 if unicodedata.category(char).startswith("M") else 0
        if not char.isprintable() or marks > MOST_MARKS or _UNSEEN.match(char):
            shown += char.encode("unicode_escape").decode()
        else:
            shown += char
    return _outside_workflows(shown)


def _outside_workflows(text: str) -> str:
    return _WORKFLOW.sub(r"\g<0>\\", text)


def shorten(text: str, most: int) -> str:
    """Truncate a text to `most` characters, without separating a letter from its combining characters."""
    if len(text) <= most:
        return text
    end = most - 1
    while end > 0 and _joins(text[end]):
        end -= 1
    return text[:end] + "…"


def _joins(char: str) -> bool:
    """Whether a character combines with the one before it."""
    return unicodedata.category(char).startswith("M") or "\U0001f3fb" <= char <= "\U0001f3ff"


def dotted(path: Iterable[str | int], plain: Callable[[str], bool], quoted: Callable[[str], str]) -> str:
    """A path of keys and positions, e.g. `gpuPools.inference.taints[0]` or `labels["app.kubernetes.io/name"]`.

    Args:
        path: the keys and positions.
        plain: whether a key is written without brackets.
        quoted: how the other keys are written in brackets.
    """
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        elif plain(key):
            text += f".{key}" if text else key
        else:
            text += f"[{quoted(key)}]"
    return text


def number(count: int, noun: str) -> str:
    """A number with its noun: `1 entry`, `3 entries`, `1,200 resources`."""
    return f"{count:,} {plural(count, noun)}"


def plural(count: int, noun: str) -> str:
    """A noun as it follows a number: `entry` after 1, `entries` after any other."""
    if count == 1:
        return noun
    return f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2] not in "aeiou" else f"{noun}s"


def any_of(words: Sequence[str]) -> str:
    """Alternatives, e.g. `dev, staging or prod`."""
    return _joined(words, "or")


def all_of(words: Iterable[str]) -> str:
    """Words without duplicates, e.g. `a, b and c`."""
    return _joined([*dict.fromkeys(words)], "and")


def _joined(words: Sequence[str], last: str) -> str:
    return f" {last} ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def decimal(number: float) -> str:
    """A number without an exponent and trailing zeros: `0.0000004`, `51200`."""
    text = format(Decimal(repr(number)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def amount(usd: float) -> str:
    """An amount of money without a currency sign: whole dollars from 100 on."""
    return f"{usd:,.0f}" if abs(usd) >= 100 else f"{usd:,.2f}"


def dollars(usd: float) -> str:
    """An amount of money: `$1,234`, `-$0.35`."""
    return f"-${amount(-usd)}" if usd < 0 else f"${amount(usd)}"


def cents(usd: float) -> str:
    """An amount of money to the cent: `$1,234.50`; `<$0.01` for an amount that would round to zero."""
    sign = "-" if usd < 0 else ""
    return f"{sign}<$0.01" if 0 < abs(usd) < 0.005 else f"{sign}${abs(usd):,.2f}"


def change(usd: float, written: Callable[[float], str] = dollars) -> str:
    """A change of an amount of money: `+$1,234`, `-$0.35`, `$0.00`."""
    return f"+{written(usd)}" if usd > 0 else written(usd)


def similar(word: str, choices: Collection[str], *, most: int = 1, cutoff: float = 0.6) -> list[str]:
    """The choices that a misspelled word most likely means, most similar first.

    Args:
        word: the word.
        choices: the valid words.
        most: maximum number of choices.
        cutoff: required similarity, between 0 and 1 (`difflib.get_close_matches`).
    """
    return difflib.get_close_matches(word, choices, n=most, cutoff=cutoff)


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The key that a misspelled one most likely means, in any spelling (`max-nodes`); None if none is similar."""
    folded = {choice.lower(): choice for choice in choices}
    found = similar(re.sub("[-_]", "", word).lower(), folded, cutoff=0.7)
    return folded[found[0]] if found else None

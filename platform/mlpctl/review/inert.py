"""What comes from a resource, made inert: it is shown letter by letter, and nothing in it acts where it is read."""

import re
import unicodedata
from collections.abc import Iterable
from html import escape
from typing import Final
from urllib.parse import quote

FIRST_MARK: Final = "\u0300"
"""The first accent that joins the letter before it, before everything printable that is not seen."""

MOST_MARKS: Final = 3
"""Accents that a letter may carry; more of them paint over the lines above and below."""

# Printable by Unicode's categories, and yet nothing is seen of them: fillers, blanks, joiners, selectors of variants.
# https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point
_UNSEEN: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)

# What GitHub's workflows act on: expressions wherever they turn up in a file, and commands that begin a line of a log,
# which may be broken anywhere.
# https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
_WORKFLOW: Final = re.compile(
    r"\$(?=\{\{)|#(?=#\[)|:(?=:(?:add-|set-|save-|remove-|stop-|debug|notice|warning|error|group|endgroup|echo))",
    re.IGNORECASE,
)

# Words that Markdown, GitHub's links and LaTeX leave alone in the middle of a line: letters, hyphenated ones too, and
# numbers. A number at the start of a line may begin a list.
# A text that is quoted as code already, with what follows on it; or a word.
_TOKEN: Final = re.compile(r"`(?P<quoted>[^`\s](?:[^`\n]*[^`\s])?)`(?P<after>[.,;:!?)]*)(?!\S)|\S+")
_PUNCTUATED: Final = re.compile(r"(?P<name>(?=[^(]*\Z).*[\w\])}/%*'\"])(?P<after>[.,;:!?)]+)")
_PLAIN_WORD: Final = re.compile(r"[(\"]?[A-Za-zÀ-ɏ][A-Za-zÀ-ɏ0-9]*(?:[-'][A-Za-zÀ-ɏ]+)*'?[)\"]?[.,;:!?]?")
_PLAIN_NUMBER: Final = re.compile(r"[(+]?-?\d{1,3}(?:,?\d{3}){0,3}(?:\.\d+)?(?:-\d{1,5})?%?\)?[.,;:]?")
_PLAIN_SIGN: Final = frozenset("→·—")
_ADDRESS: Final = re.compile(r"https?://[\w.-]+(?::\d{1,5})?/[\w./%~+-]*", re.ASCII)
_COMMIT: Final = re.compile(r"[(\"]?[0-9a-fA-F]{7,40}[)\"]?[.,;:!?]?")


def visible(text: str) -> str:
    r"""Show what is not seen or steers as an escape, `\u202e`, so that every letter can be read and none acts."""
    if text.isascii() and text.isprintable():
        return _outside_workflows(text)
    shown, marks = "", 0
    for char in text:
        if char < FIRST_MARK:
            # Most letters; what follows takes ten times as long.
            marks = 0
            shown += char if char.isprintable() else char.encode("unicode_escape").decode()
            continue
        marks = marks + 1 if unicodedata.category(char).startswith("M") else 0
        if not char.isprintable() or marks > MOST_MARKS or _UNSEEN.match(char):
            shown += char.encode("unicode_escape").decode()
        else:
            shown += char
    return _outside_workflows(shown)


def shorten(text: str, most: int) -> str:
    """Leave out the end of what is longer than `most` characters; a letter keeps its accents."""
    if len(text) <= most:
        return text
    end = most - 1
    while end > 0 and _joins(text[end]):
        end -= 1
    return text[:end] + "…"


def code(text: str, most: int = 200) -> str:
    """A span of code in Markdown, of at most `most` characters: no markup, link, mention or shortcode works in it."""
    shown = shorten(visible(text), most)
    if not shown.strip():
        return f"`{shown!r}`"
    ticks = "`" * (_longest_run(shown) + 1)
    padding = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{ticks}{padding}{shown}{padding}{ticks}"


def cell(text: str, most: int = 200) -> str:
    """A span of code in a cell of a table, which splits cells before it reads code."""
    # A backslash before the bar's own would take its place: such a bar is shown as an escape.
    return re.sub(r"(?<!\\)\|", r"\\|", code(text.replace("\\|", "\\x7c"), most))


def prose(text: str, most: int = 1_000) -> str:
    """Sentences in Markdown, of at most `most` characters: plain words as they are, everything else as code."""
    parts: list[str] = []
    strange: list[str] = []

    def as_code(after: str = "") -> None:
        if strange:
            parts.append(code(" ".join(strange), most) + after)
            strange.clear()

    for match in _TOKEN.finditer(shorten(visible(text), most)):
        word = match[0]
        if match["quoted"] is not None:
            as_code()
            strange.append(match["quoted"])
            as_code(match["after"])
        elif _plain(word, first=not parts and not strange):
            as_code()
            parts.append(word)
        else:
            # What ends a part of a sentence is no part of the name before it.
            end = _PUNCTUATED.fullmatch(word)
            strange.append(end["name"] if end else word)
            if end:
                as_code(end["after"])
    as_code()
    return " ".join(parts) or code(text, most)


def prose_cell(text: str, most: int = 1_000) -> str:
    """Sentences in a cell of a table."""
    return re.sub(r"(?<!\\)\|", r"\\|", prose(text.replace("\\|", "\\x7c"), most))


def html_code(text: str, most: int = 200) -> str:
    """Code inside HTML that stands in Markdown, such as the summary of what is folded; Markdown reads nothing there."""
    return f"<code>{escape(shorten(visible(text), most))}</code>"


def html_prose(text: str, most: int = 200) -> str:
    """Words inside HTML that stands in Markdown: as they are where they are plain, else as code."""
    return escape(text) if prose(text, most) == text else html_code(text, most)


def is_address(text: str) -> bool:
    """Whether a text is the address of a page, of letters that neither Markdown nor HTML acts on."""
    return bool(_ADDRESS.fullmatch(text))


def link(words: str, address: str) -> str:
    """A link in Markdown; an address that may be something else is shown as code."""
    return f"[{words}](<{address}>)" if is_address(address) else code(address)


def fence(lines: Iterable[str], language: str = "") -> str:
    """A block of code in Markdown, of lines that are visible already."""
    body = "\n".join(lines)
    ticks = "`" * max(3, _longest_run(body) + 1)
    return f"{ticks}{language}\n{body}\n{ticks}"


def label(text: str, most: int = 48) -> str:
    """A label in a Mermaid picture: letters, digits and spaces, and a line in place of everything else."""
    return re.sub(r"[^\w .-]", "_", shorten(text, most)).strip() or "_"


def comment(text: str) -> str:
    """A text inside an HTML comment, as a URL writes it: no hyphen stands beside another."""
    return quote(text, safe="").replace("--", "-%2D")


def _outside_workflows(text: str) -> str:
    return _WORKFLOW.sub(r"\g<0>\\", text)


def _plain(word: str, *, first: bool) -> bool:
    if word in _PLAIN_SIGN:
        return not first
    if _COMMIT.fullmatch(word):
        return False
    if _PLAIN_NUMBER.fullmatch(word):
        return not first or word[-1] not in ".)"
    return bool(_PLAIN_WORD.fullmatch(word))


def _joins(char: str) -> bool:
    """Whether a character belongs to the one before it."""
    return unicodedata.category(char).startswith("M") or "\U0001f3fb" <= char <= "\U0001f3ff"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)

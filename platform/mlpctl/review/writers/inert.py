"""Makes text from resources inert: it is displayed literally and has no effect in Markdown, HTML or workflows."""

import re
from collections.abc import Iterable
from html import escape
from typing import Final
from urllib.parse import quote

from mlpctl.text import shorten, visible

# Words without effect in Markdown, GitHub's links and LaTeX within a line: letters, also hyphenated, and numbers. A
# number at the start of a line may begin a list.
# A token is a text that is already quoted as code, with its punctuation; or a word.
_TOKEN: Final = re.compile(r"`(?P<quoted>[^`\s](?:[^`\n]*[^`\s])?)`(?P<after>[.,;:!?)]*)(?!\S)|\S+")
_PUNCTUATED: Final = re.compile(r"(?P<name>(?=[^(]*\Z).*[\w\])}/%*'\"])(?P<after>[.,;:!?)]+)")
_PLAIN_WORD: Final = re.compile(r"[(\"]?[A-Za-zÀ-ɏ][A-Za-zÀ-ɏ0-9]*(?:[-'][A-Za-zÀ-ɏ]+)*'?[)\"]?[.,;:!?]?")
_PLAIN_NUMBER: Final = re.compile(r"[(+]?-?\d{1,3}(?:,?\d{3}){0,3}(?:\.\d+)?(?:-\d{1,5})?%?\)?[.,;:]?")
_PLAIN_SIGN: Final = frozenset("→·—")
_ADDRESS: Final = re.compile(r"https?://[\w.-]+(?::\d{1,5})?/[\w./%~+-]*", re.ASCII)
_COMMIT: Final = re.compile(r"[(\"]?[0-9a-fA-F]{7,40}[)\"]?[.,;:!?]?")


def code(text: str, most: int = 200) -> str:
    """A Markdown code span of at most `most` characters; no markup, link, mention or shortcode has an effect in it."""
    shown = shorten(visible(text), most)
    if not shown.strip():
        return f"`{shown!r}`"
    ticks = "`" * (_longest_run(shown) + 1)
    padding = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{ticks}{padding}{shown}{padding}{ticks}"


def cell(text: str, most: int = 200) -> str:
    """A code span in a table cell; Markdown splits cells before it parses code."""
    # A backslash before a bar would be taken for its escape, so such a bar is written as an escape.
    return re.sub(r"(?<!\\)\|", r"\\|", code(text.replace("\\|", "\\x7c"), most))


def prose(text: str, most: int = 1_000) -> str:
    """Sentences in Markdown of at most `most` characters: plain words unchanged, everything else as code."""
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
            # Punctuation is not part of the name before it.
            end = _PUNCTUATED.fullmatch(word)
            strange.append(end["name"] if end else word)
            if end:
                as_code(end["after"])
    as_code()
    return " ".join(parts) or code(text, most)


def prose_cell(text: str, most: int = 1_000) -> str:
    """Sentences in a table cell."""
    return re.sub(r"(?<!\\)\|", r"\\|", prose(text.replace("\\|", "\\x7c"), most))


def html_code(text: str, most: int = 200) -> str:
    """Code in HTML within Markdown, such as the summary of a collapsed section, where Markdown is not parsed."""
    return f"<code>{escape(shorten(visible(text), most))}</code>"


def html_prose(text: str, most: int = 200) -> str:
    """Words in HTML within Markdown: unchanged if they are plain, otherwise as code."""
    return escape(text) if prose(text, most) == text else html_code(text, most)


def is_address(text: str) -> bool:
    """Whether a text is a URL without characters that are special in Markdown or HTML."""
    return bool(_ADDRESS.fullmatch(text))


def link(words: str, address: str) -> str:
    """A Markdown link; an unsafe address is written as code."""
    return f"[{words}](<{address}>)" if is_address(address) else code(address)


def fence(lines: Iterable[str], language: str = "") -> str:
    """A Markdown code block; the lines must already be made visible."""
    body = "\n".join(lines)
    ticks = "`" * max(3, _longest_run(body) + 1)
    return f"{ticks}{language}\n{body}\n{ticks}"


def label(text: str, most: int = 48) -> str:
    """A label in a Mermaid diagram: letters, digits and spaces; other characters become underscores."""
    return re.sub(r"[^\w .-]", "_", shorten(text, most)).strip() or "_"


def comment(text: str) -> str:
    """A percent-encoded text for an HTML comment, without double hyphens."""
    return quote(text, safe="").replace("--", "-%2D")


def _plain(word: str, *, first: bool) -> bool:
    if word in _PLAIN_SIGN:
        return not first
    if _COMMIT.fullmatch(word):
        return False
    if _PLAIN_NUMBER.fullmatch(word):
        return not first or word[-1] not in ".)"
    return bool(_PLAIN_WORD.fullmatch(word))


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)

"""Redacts values that a text assigns to the name of a secret, or passes with a flag or an element of that name."""

import re
from collections.abc import Callable
from typing import Final

from mlpctl.review.redact import signs
from mlpctl.review.values import marks
from mlpctl.review.values.plain import HIDDEN

_ASSIGNED: Final = re.compile(
    r"""(?<![\w.-])(?P<name>[\w.-]{2,64})(?:\\{0,3}["'])?[ \t]{0,4}(?P<sign>:?=>?|:)[ \t]{0,4}"""
)
"""A name with an assignment sign."""

_VALUE: Final = re.compile(
    r"""(?:(?:\$|[A-Za-z]{1,2})(?=\\{0,3}["']))?"""
    r"""(?P<quote>"{3}|'{3}|\\{0,3}["'])(?P<quoted>(?<="{3})(?s:.{1,4096}?)|(?<='{3})(?s:.{1,4096}?)"""
    r"""|(?:\\.|[^\\\n]){1,4096}?)(?<!\\)(?P=quote)"""
    r"""|<<[-~]?["']?(?P<end>\w{1,64})["']?\n(?P<here>(?s:.{1,4096}?))\n[ \t]{0,64}(?P=end)\b"""
    r"""|["']?(?P<bare>[^\s"'`;&<>{\[\\][^\s"'`;&<>]{0,4096})"""
)
"""An assigned value: quoted (`u'x'` and `N'x'` too), a here-document, or bare."""

_WORD: Final = r"""["']?(?P<bare>(?<=["'])[^"'\n]{1,4096}|[^\s"'-][^\s"']{0,4096})"""
_NAME_FLAG: Final = r"""(?:--?(?:name|key|PropertyName)|/v)[ \t=]{1,4}["']?(?P<name>[\w./-]{2,128})"""
_VALUE_FLAG: Final = r"(?:--?value|/d)[ \t=]{1,4}"
_BETWEEN: Final = r"""["']?[ \t](?:[^\n]{0,100}?[ \t])?"""

_GIVEN: Final = (
    re.compile(
        r"""(?<![\w-])--?(?![\w-]{0,64}stdin\b)(?P<name>[\w.-]{2,64})[ \t]{1,3}\$?"""
        r"""(?P<quote>\\{0,3}["'])(?P<bare>(?s:\\.|[^\\]){1,4096}?)(?<!\\)(?P=quote)"""
    ),
    re.compile(
        r"""(?<![\w-])(?:--?(?![\w-]{0,64}stdin\b)|(?:ENV|ARG)[ \t]{1,8})(?P<name>[\w.-]{2,64})[ \t]{1,3}["']?"""
        r"""(?P<bare>[^\s"'=-][^\s"']{0,4096})"""
    ),
    re.compile(
        r"""\b(?:setx(?:[ \t]{1,3}/\w{1,2})?|set[ \t]{1,3}-\w{0,4}x\w{0,4}|config(?:ure)?[ \t]{1,3}set)"""
        r"""[ \t]{1,3}(?P<name>[\w.-]{2,64})[ \t]{1,3}["']?"""
        r"""(?P<bare>[^\s"'=-][^\s"']{0,4096})"""
    ),
    re.compile(
        r"""\bs(?P<sep>[|/#,@~!])[\W_]{0,8}(?P<name>[A-Za-z][\w.-]{1,62}?)[\W_]{0,8}(?P=sep)"""
        r"""(?P<bare>(?:(?!(?P=sep))[^\s"'=:]){1,512})(?P=sep)"""
    ),
    re.compile(
        r"""<(?P<name>[\w.:-]{2,64})(?:\s[^<>]{0,200})?>\s{0,64}(?:<(?i:value|string)>)?"""
        r"""(?:<!\[CDATA\[)?(?P<bare>[^<>\s][^<>]{0,4096}?)(?:\]\]>)?</"""
    ),
    re.compile(r"""<\w{1,32}\s{1,8}(?:key|name)=["'](?P<name>[\w.:-]{2,64})["']\s{0,4}>(?P<bare>[^<>]{1,4096})</"""),
    re.compile(
        r"""<(?i:name|key)>\s{0,8}(?P<name>[\w./-]{2,128})\s{0,8}</\w{3,4}>\s{0,64}(?:<\w{1,32}>[^<>]{0,512}</\w{1,32}>\s{0,64})?"""
        r"""(?:<(?i:value|string)>)(?P<bare>[^<>]{1,4096})</"""
    ),
    re.compile(
        r"""\(\s{0,8}\\{0,3}["'](?P<name>[\w.-]{2,64})\\{0,3}["']\s{0,4},\s{0,8}[A-Za-z]{0,2}\\{0,3}["'](?P<bare>[^"'\n\\]{1,4096})"""
    ),
    re.compile(rf"(?<![\w-]){_NAME_FLAG}{_BETWEEN}{_VALUE_FLAG}{_WORD}", re.IGNORECASE),
    re.compile(rf"(?<![\w-]){_VALUE_FLAG}{_WORD}{_BETWEEN}{_NAME_FLAG}", re.IGNORECASE),
    re.compile(rf"""\bEnv:(?P<name>\w{{2,64}})["']?[ \t]{{1,4}}(?:-Value[ \t]{{1,4}})?{_WORD}""", re.IGNORECASE),
    re.compile(
        r"""\bItemProperty[ \t]{1,4}(?:-\w{1,32}[ \t]{1,4})?["']?[^\s"']{1,256}["']?"""
        rf"""[ \t]{{1,4}}["']?(?P<name>\w[\w.-]{{1,64}})["']?[ \t]{{1,4}}(?:-\w{{1,32}}[ \t]{{1,4}})?{_WORD}""",
        re.IGNORECASE,
    ),
    re.compile(
        r"""(?m)^[ \t]{0,16}(?P<name>[A-Za-z][A-Za-z0-9]{0,32}(?:[._-][A-Za-z0-9]{1,32}){1,8})[ \t]{1,32}"""
        r"""(?P<bare>[^\s=:"'|<>-][^\s"']{0,4096})[ \t]{0,16}$"""
    ),
    re.compile(
        r"""\b(?:key|name)=["'](?P<name>[\w.:-]{2,64})["'][^<>"']{1,8}value=["'](?P<bare>[^"'<>]{1,4096})""",
        re.IGNORECASE,
    ),
)
"""A flag with its value in quotes, or without, or a Dockerfile variable; a command that sets a variable; a replacement
by sed; an XML element; a name and a value in adjacent elements; two arguments of a function; flags with a name and with
its value, in both orders; an item of the Windows registry; a line of a properties file; attributes of an element."""

_BLOCKS: Final = ("|", ">", "|-", ">-", "|+", ">+")

Remember = Callable[[str], None]
"""Registers a secret, so that it is also redacted in all other texts."""


def assignments(text: str, remember: Remember) -> str:
    """Redact values that are assigned to the name of a secret: `password=x`, `"token": "x"`, `export API_KEY='x'`."""
    parts: list[str] = []
    done = 0
    for match in _ASSIGNED.finditer(text):
        sure = signs.named_secret(match["name"])
        # After another colon, a name is part of an ARN or a reference: `arn:aws:secretsmanager:…:secret:…`.
        inner = match["sign"] == ":" and text[match.start() - 1 : match.start()] in (":", "/")
        found = _VALUE.match(text, match.end()) if sure and not inner and match.start() >= done else None
        if found is None:
            continue
        group = next(each for each in ("quoted", "here", "bare") if found[each] is not None)
        value = found[group] if group != "bare" else found[group].rstrip(",)]}")
        if not value or HIDDEN in found[group]:
            continue
        if found[group].startswith(("${", "$(")) or not _assigned(match["name"], value, match["sign"], group):
            continue
        start = found.start(group)
        end = start + len(value)
        if group == "bare" and value in _BLOCKS:
            start, end = _block(text, match.start(), end)
        elif match["sign"] != ":" or group != "bare":
            remember(value)
        if end > start:
            parts += (text[done:start], HIDDEN)
            done = end
    return "".join(parts) + text[done:] if parts else text


def beside(text: str, remember: Remember) -> str:
    """Redact values that follow the name of a secret, such as the value of a flag."""
    for given in _GIVEN:
        text = given.sub(lambda match: _given(match, remember), text)
    return text


def _given(match: re.Match[str], remember: Remember) -> str:
    """Redact the value of one match."""
    value = match["bare"]
    sure = signs.named_secret(match["name"])
    is_secret = sure != "perhaps" and signs.is_secret(match["name"], value)
    if not is_secret or HIDDEN in value or signs.rules().references.fullmatch(value):
        return match[0]
    remember(value)
    start = match.start("bare") - match.start()
    return match[0][:start] + HIDDEN + match[0][start + len(value) :]


def _assigned(name: str, value: str, sign: str, group: str) -> bool:
    """Whether a value that is assigned to the name of a secret is a secret."""
    if value == marks.BLINDED or value in marks.UNKNOWNS or signs.rules().references.fullmatch(value):
        return False
    if value not in _BLOCKS and not signs.is_secret(name, value):
        return False
    # In prose, a colon may also follow a name: `invalid token: expired`.
    return sign != ":" or group != "bare" or value in _BLOCKS or len(value) >= signs.LITERAL or not value.isalpha()


def _block(text: str, name: int, end: int) -> tuple[int, int]:
    """Span of a YAML block: the lines that are indented deeper than its name."""
    line = text.rfind("\n", 0, name) + 1
    indent = len(text[line:name]) - len(text[line:name].lstrip(" \t"))
    last = start = end
    while (following := text.find("\n", last)) >= 0:
        stop = text.find("\n", following + 1)
        content = text[following + 1 : stop if stop >= 0 else len(text)]
        if content.strip() and len(content) - len(content.lstrip(" \t")) <= indent:
            break
        last = stop if stop >= 0 else len(text)
        if stop < 0:
            break
    return start, last

"""Names of secrets: a value under such a name is a secret, unless its format rules that out.

Rejecting a valid file costs more than it saves, so only the last words of a name count, and some values are harmless.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from awsfacts import secret_words
from awsfacts.randomness import looks_like_key

_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BETWEEN: Final = re.compile(r"[-_.:\s]+")

_METHOD: Final = re.compile(r"auth|authentication")
"""Last word of the name of either a secret or an authentication method."""

_SPECIAL: Final = re.compile(
    r"audio|begin|bos|cls|end|eos|first|image|last|mask|max|min|new|next|pad|per|sep|special|start|stop|think|unk|video"
)
"""Words before `token` in the names of a tokenizer's tokens and of token counts."""

_BEHIND: Final = frozenset({"b", "base", "encoded", "plain", "raw", "text", "value"})
"""Words after the name of a secret that describe its encoding, without numbers: `b` for `b64`."""

_HARMLESS: Final = re.compile(r"[/.~$<].*|\[[A-Z]+\]|arn:.*|true|false|yes|no|none|null|", re.IGNORECASE | re.DOTALL)
"""Values that no secret has: file paths, references, special tokens of a tokenizer (`</s>`), booleans."""

_METHODS: Final = re.compile(
    r"[0-9]+|anonymous|aws.*|basic|bearer|digest|disabled?|enabled?|iam|jwt|kerberos|ldap|mtls|oauth2?|off|oidc|on"
    r"|optional|public|required|saml|sigv4|tls|token",
    re.IGNORECASE,
)

_REFERENCE: Final = re.compile(
    r"""
    (?i:(?:basic|bearer|digest|negotiate|token)(?:\s|%20|\+)+)?  # the scheme of an Authorization header
    ["'\\]*
    (?:[\w.%@-]*:)?  # the user of a user and a password
    ["'\\]*
    (?:\$\(|\$\{|\$[A-Z_][A-Z0-9_]*(?:\W|$)|<|\{\{|\{\w+(?:\}|$)).*
    """,
    re.VERBOSE | re.DOTALL,
)
"""Values that refer to a secret: `Bearer $(API_KEY)`, `user:${PASSWORD}`, `Bearer <token>`."""

_SCHEME: Final = re.compile(r"basic|bearer|digest|negotiate|token", re.IGNORECASE)

_PLAIN_WORD: Final = re.compile(r"(?=.{1,24}$)[A-Za-z]+(?:[-_.][A-Za-z]+)*|[0-9]{1,4}")
"""Values that are not secrets although their name is ambiguous: short words and small numbers."""

_PATTERN: Final = re.compile(r".*[*?\[\]^|\\].*", re.DOTALL)
"""Globs and regular expressions, which `PAT` may stand for."""

_BULLET: Final = re.compile(r"[-*•]|[0-9]{1,2}[.)]")
"""What a text that ends a line in a colon goes on with, where it lists something."""

_PROSE: Final = re.compile(
    r"""
    \s+(?:[aAI]|[A-Z]?[a-z]+(?:['\u2019][a-z]+)?)
    (?:
        # a second word, which is not the next name that is assigned to
        [,;]?\s+[A-Za-z]+(?:['\u2019-][A-Za-z]+)*(?![\w.@/-]*\s*[:=])(?=[\s.,;!?)"'\u2019]|$)
        | [.!?](?=["')\s]*$)
    )
    """,
    re.VERBOSE,
)
"""A sentence that goes on after a colon: `the password: it is secret`."""

_SIGN: Final = re.compile("[=:]")
_NAME_BACKWARDS: Final = re.compile(r"""["']?([\w.-]*[A-Za-z])""")
_VALUE: Final = re.compile(
    r"""\s*["']?((?i:(?:basic|bearer|digest|negotiate|token)\s+["'\\]*(?=[$<{]))?[^\s"',;&}]+)"""
)
_LONGEST_NAME: Final = 100
_LONG_FLAG: Final = re.compile(r"""(?<!\S)--([A-Za-z][\w.-]{0,80})\s+["']?([^\s"'-][^\s"']*)""")
_FLAG: Final = re.compile(r"--?([A-Za-z][\w.-]*)")
_QUERY: Final = re.compile(r"[?&;]([^=&;]{1,80})=([^&;]+)")
_IN_QUERIES: Final = frozenset({"code", "key", "sig", "signature"})


def names_a_secret(name: str) -> bool:
    """Whether a name is the name of a secret, e.g. `PGPASSWORD`, `DB_PASS`, `apiKey`, `HF_TOKEN_2`."""
    words = _words(name)
    if not words:
        return False
    *before, last = words
    if words[-3:] == ["access", "key", "id"]:
        return True
    if last == "key":
        return bool(_keys().search(" ".join(before)))
    if last == "token" and before and _SPECIAL.fullmatch(before[-1]):
        return False
    if last == "pass" and before and _steps().fullmatch(before[-1]):
        return False
    return bool(_last().fullmatch(last))


def names_a_key(name: str) -> bool:
    """Whether a value under a name is a secret if it looks like a key, e.g. `RERANKER_KEY`, but not `CACHE_KEY`."""
    *before, last = _words(name) or [""]
    return last == "key" and bool(before) and not _public_keys().search(" ".join(before))


def is_reference(value: str) -> bool:
    """Whether a value refers to a secret instead of containing it, e.g. `$(API_KEY)`, `Bearer <token>`."""
    return _REFERENCE.fullmatch(value) is not None


def is_secret(name: str, value: str) -> bool:
    """Whether a value under a name is a secret."""
    if _HARMLESS.fullmatch(value) or is_reference(value):
        return False
    words = _words(name)
    last = words[-1] if words else ""
    is_ambiguous = _ambiguous().fullmatch(last) or _METHOD.fullmatch(last)
    if is_ambiguous and (_PLAIN_WORD.fullmatch(value) or _SCHEME.fullmatch(value)):
        return False
    if last == "pat" and _PATTERN.fullmatch(value):
        return False
    if names_a_secret(name) or (names_a_key(name) and looks_like_key(value)):
        return True
    return bool(words and _METHOD.fullmatch(words[-1])) and not _METHODS.fullmatch(value)


def is_given(before: object, argument: str) -> bool:
    """Whether an argument of a program is a secret, judging by the flag before it or by a flag in it."""
    flag = _FLAG.fullmatch(before) if isinstance(before, str) else None
    after_flag = flag is not None and not argument.startswith("-") and is_secret(flag[1], argument)
    return after_flag or assigns(argument)


def assigns(text: str, signs: str = "=:") -> bool:
    """Whether a text assigns a secret to a name, with one of `signs` or as a command-line flag with a value."""
    given = [(name, value) for name, sign, value in _assignments(text) if sign in signs]
    given += [(found[1], found[2]) for found in _LONG_FLAG.finditer(text)]
    return any(is_secret(name, value) for name, value in given)


def gives_away(text: str) -> bool:
    """As `assigns`, for a text that may be an image reference, in which a tag follows the colon, e.g. `token:v1`."""
    return assigns(text, "=" if len(text.split()) < 2 else "=:")


def queries(path: str) -> bool:
    """Whether the query of an HTTP path contains a secret, e.g. `/health?token=…`."""
    return any(name.lower() in _IN_QUERIES or is_secret(name, value) for name, value in _QUERY.findall(path))


def _assignments(text: str) -> Iterator[tuple[str, str, str]]:
    """The assignments in a text from left to right, as name, sign and value. They do not overlap.

    This takes one pass over the text. One regular expression for the whole would take quadratic time.
    """
    at = 0
    while sign := _SIGN.search(text, at):
        at = sign.end()
        before = text[max(0, sign.start() - _LONGEST_NAME) : sign.start()].rstrip()
        name = _NAME_BACKWARDS.match(before[::-1])
        value = _VALUE.match(text, at) if name else None
        if value and sign[0] == ":" and (_PROSE.match(text, at) or _BULLET.fullmatch(value[1])):
            continue
        if name and sign[0] == ":" and _is_a_tag(text, before[: -name.end()], at):
            continue
        if name and value:
            at = value.end()
            yield name[1][::-1], sign[0], value[1]


def _is_a_tag(text: str, before: str, at: int) -> bool:
    """Whether a colon that ends before `at` separates an image's repository from its tag: `team/token:v1`."""
    return before.endswith("/") and not before.endswith("//") and not text[at : at + 1].isspace()


def _words(name: str) -> list[str]:
    """The words of a name in lower case, without numbers and without words at the end that describe an encoding."""
    words = [word.rstrip("0123456789") for word in _BETWEEN.split(_CAMEL.sub("_", name).lower())]
    words = [word for word in words if word]
    while len(words) > 1 and words[-1] in _BEHIND:
        words.pop()
    return words


@cache
def _last() -> re.Pattern[str]:
    """Regular expression for the last word of the name of a secret."""
    return re.compile(f".*{secret_words.refused('ends')}|{secret_words.refused('last')}")


@cache
def _ambiguous() -> re.Pattern[str]:
    """Regular expression for the last word of a name whose value may be a plain word."""
    return re.compile(secret_words.ambiguous())


@cache
def _steps() -> re.Pattern[str]:
    """Regular expression for words before `pass` that make it a step, not a password."""
    return re.compile(secret_words.harmless_passes())


@cache
def _keys() -> re.Pattern[str]:
    """Regular expression for the words before `key` that make it a secret. A primary, sort or public key is not one."""
    return re.compile(rf"(?:^| ){secret_words.refused('keys')}$")


@cache
def _public_keys() -> re.Pattern[str]:
    """Regular expression for the words before `key` of a key that is not a secret."""
    return re.compile(rf"(?:^| ){secret_words.public_keys()}$")

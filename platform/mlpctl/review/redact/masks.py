"""Redacted values, with digests that distinguish them."""

import base64
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from mlpctl.review.values.plain import HIDDEN, Masked, Secret, Value

DEEPEST: Final = 64
"""Maximum depth of mappings and lists that are searched; everything below is hidden."""

_KEY: Final = os.urandom(32)


def texts(value: Any, depth: int = 0) -> Iterator[str]:
    """All texts in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)) and depth < DEEPEST:
        for each in value.values() if isinstance(value, dict) else value:
            yield from texts(each, depth + 1)


def literal_pattern(literals: Iterable[str], words: Iterable[str] = ()) -> re.Pattern[str] | None:
    """A pattern for secrets in plain, JSON, URL, hexadecimal and base64 form; grouped by first letter for speed.

    `words` are short secrets, which match only as whole words.
    """
    anywhere = _alternatives(literals)
    alone = [rf"(?<![\w-])(?:{each})(?![\w-])" for each in _alternatives(words)]
    return re.compile("|".join([*anywhere, *alone])) if anywhere or alone else None


def _alternatives(literals: Iterable[str]) -> list[str]:
    """Patterns for all forms of secrets, one for each first letter."""
    forms: dict[str, set[str]] = {}
    for each in literals:
        raw = each.encode(errors="surrogatepass")
        encoded = base64.b64encode(raw).decode().rstrip("=")
        for form in (
            *(each, json.dumps(each)[1:-1], json.dumps(each, ensure_ascii=False)[1:-1]),
            *(quote(each, safe="", errors="replace"), raw.hex(), raw.hex().upper()),
        ):
            forms.setdefault(form[0], set()).add(re.escape(form[1:]))
        forms.setdefault(encoded[0], set()).add(re.escape(encoded[1:]) + "={0,2}")
    return [
        re.escape(first) + "(?:" + "|".join(sorted(rests, key=lambda rest: (-len(rest), rest))) + ")"
        for first, rests in sorted(forms.items())
    ]


def digest(value: Any) -> bytes:
    """A digest of a value, with a key that only this process has."""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    kind = b"s" if isinstance(value, str) else b"j"
    return hashlib.blake2b(kind + text.encode(errors="surrogatepass"), key=_KEY, digest_size=16).digest()


_KUBERNETES_SECRET: Final = re.compile(r"kubernetes:core/v1:Secret(Patch)?")


def encoded_data(kind: str, values: Mapping[str, Any], shown: dict[str, Value]) -> dict[str, Value]:
    """The inputs of a Kubernetes Secret, in which a base64 value in `data` equals the same text in `stringData`.

    https://kubernetes.io/docs/concepts/configuration/secret/#restriction-names-data
    """
    data, hidden = values.get("data"), shown.get("data")
    if not _KUBERNETES_SECRET.fullmatch(kind) or not isinstance(data, dict) or not isinstance(hidden, dict):
        return shown
    return {**shown, "data": {key: _decoded(data.get(key), each) for key, each in hidden.items()}}


def _decoded(text: Any, hidden: Value) -> Value:
    """A secret with the digest of its decoded text, if it is one."""
    if not isinstance(text, str) or not isinstance(hidden, Secret):
        return hidden
    try:
        return Secret(hidden.why, digest(base64.b64decode(text, validate=True).decode()))
    except ValueError:
        return hidden


def masked(text: str, left: str, why: str) -> Secret | Masked:
    """A partly redacted text, or a secret if nothing else is left."""
    mark = digest(text)
    return Secret(why, mark) if left.strip(" \n\"'") == HIDDEN else Masked(left, mark)


def altered(before: Any, after: Value) -> bool:
    """Whether a part of a value was hidden."""
    if isinstance(after, (Secret, Masked)) or type(before) is not type(after):
        return True
    if isinstance(before, dict):
        return before.keys() != after.keys() or any(altered(each, after[key]) for key, each in before.items())
    if isinstance(before, list):
        return any(altered(one, other) for one, other in zip(before, after, strict=True))
    return False


def dumped(value: Value, like: str) -> str:
    """JSON in the layout of another text."""
    indent = 2 if "\n" in like.strip() else None
    separators = None if indent or '": ' in like else (",", ":")
    return json.dumps(value, indent=indent, separators=separators, ensure_ascii=False, default=str)

"""Words that mark a name as that of a secret. Stack files reject such names, and reviews redact their values."""

import re
from collections.abc import Mapping, Sequence
from functools import cache


@cache
def table() -> Mapping[str, Mapping[str, Sequence[str]]]:
    """The content of `secret_words.yaml`, which documents its keys."""
    # The library imports this module, and needs YAML only once it checks a name.
    from awsfacts.tables import read_table

    found: Mapping[str, Mapping[str, Sequence[str]]] = read_table("secret_words.yaml")
    return found


def refused(kind: str) -> str:
    """Regular expression for the words of a kind (`ends`, `last`, `keys`) under which plain values are rejected."""
    return _any([*table()[kind]["refused"], *table()[kind].get("ambiguous", ())])


def ambiguous() -> str:
    """Regular expression for last words of a name under which a short plain word is not a secret."""
    return _any(table()["last"]["ambiguous"])


def harmless_passes() -> str:
    """Regular expression for words before `pass` with which it does not name a password."""
    return _any(table()["passes"]["harmless"])


def public_keys() -> str:
    """Regular expression for words before `key` with which it does not name a secret, however random its value is."""
    return _any(table()["keys"]["public"])


def struck(kind: str) -> str:
    """Regular expression for the words of a kind that a review redacts: the rejected ones, and more."""
    return _any([word for part, words in table()[kind].items() for word in words if part != "public"])


def _any(words: Sequence[str]) -> str:
    return f"(?:{'|'.join(map(re.escape, words))})"

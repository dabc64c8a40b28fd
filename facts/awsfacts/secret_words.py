"""Words by which a name is a secret's, for whoever refuses such names and whoever strikes out what they name."""

import re
from collections.abc import Mapping, Sequence
from functools import cache


@cache
def table() -> Mapping[str, Mapping[str, Sequence[str]]]:
    """`secret_words.yaml`, where all of it is explained."""
    # The library imports this module, and needs no YAML until it looks at a name.
    from awsfacts.tables import read_table

    found: Mapping[str, Mapping[str, Sequence[str]]] = read_table("secret_words.yaml")
    return found


def refused(kind: str) -> str:
    """An expression for the words of a kind (`ends`, `last`, `keys`) that plain values are refused under."""
    return _any(table()[kind]["refused"])


def struck(kind: str) -> str:
    """An expression for the words of a kind that a review strikes out: those that are refused, and more."""
    return _any([*table()[kind]["refused"], *table()[kind]["struck"]])


def _any(words: Sequence[str]) -> str:
    return f"(?:{'|'.join(map(re.escape, words))})"

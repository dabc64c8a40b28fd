"""The resource types that the golden plans declare."""

import json
from functools import cache
from pathlib import Path

GOLDEN = Path(__file__).parent / "golden"


@cache
def declared() -> frozenset[str]:
    """The type tokens of all stacks' plans; a file has one JSON object after the other."""
    types = set()
    for path in GOLDEN.glob("plan-of-*.json"):
        text, decoder, at = path.read_text(), json.JSONDecoder(), 0
        while at < len(text):
            found, at = decoder.raw_decode(text, at)
            types.add(found["type"])
            at += len(text[at:]) - len(text[at:].lstrip())
    return frozenset(types)

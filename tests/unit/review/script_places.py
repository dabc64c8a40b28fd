"""Places of a script in the inputs of resources."""

import base64
import gzip
import json
from collections.abc import Iterator
from typing import Any, Final

from mlpctl.review.redact import Redactor

RANDOM: Final = "Zq9xkWm3Tv7b"
WORD: Final = "horsebattery"
"""Secrets that look random and that do not."""


def shown(value: Any) -> str:
    """A redacted value, with what is in base64 decoded."""
    left = json.dumps(Redactor().inputs({"it": value}), default=str)
    for part in left.replace("\\n", " ").replace('"', " ").split():
        try:
            left += base64.b64decode(part + "=" * (-len(part) % 4)).decode()
        except ValueError:
            continue
    return left


def places(script: str, *, lines_apart: bool = True) -> Iterator[Any]:
    """Values that contain a script, also with its lines as the items of a list."""
    lines = script.split("\n")
    build = "version: 0.2\nphases:\n  build:\n    commands:\n      - |\n" + "".join(
        f"        {each}\n" for each in lines
    )
    whole = f"#!/bin/sh\nset -e\n{script}\necho done\n"
    yield from (script, whole, base64.b64encode(whole.encode()).decode())
    yield base64.b64encode(gzip.compress(whole.encode())).decode()
    yield ["sh", "-c", script]
    yield {"spec": {"containers": [{"command": ["sh", "-c"], "args": [script]}]}}
    yield {"buildspec": build}
    if lines_apart:
        yield json.dumps(
            {"mainSteps": [{"action": "aws:runShellScript", "inputs": {"runCommand": ["set -e", *lines]}}]}
        )

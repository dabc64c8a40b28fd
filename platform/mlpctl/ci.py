"""Reads what a CI service tells a job about the event that started it.

The variables are those of GitHub Actions:
https://docs.github.com/en/actions/reference/workflows-and-actions/variables
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

_LARGEST_EVENT: Final = 4 * 1024 * 1024
"""Maximum size in bytes of an event that is read."""


def event(environment: Mapping[str, str]) -> Mapping[str, Any]:
    """The event that started a GitHub workflow; empty without one, or if it cannot be read."""
    path = Path(environment.get("GITHUB_EVENT_PATH", ""))
    try:
        if path.stat().st_size > _LARGEST_EVENT:
            return {}
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def at(data: Any, *keys: str) -> Any:
    """The value below these keys; None if any of them is missing."""
    for key in keys:
        if not isinstance(data, Mapping):
            return None
        data = data.get(key)
    return data


def text_at(data: Any, *keys: str) -> str:
    """The text below these keys; empty if it is missing or no text."""
    found = at(data, *keys)
    return found if isinstance(found, str) else ""

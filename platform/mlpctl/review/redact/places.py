"""Where a value stands: what is secret there by what stands above it, beside it, or by its name."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from mlpctl.review import marks, signs

_COPIES: Final = {"tagsAll": "tags", "pulumiLabels": "labels", "effectiveLabels": "labels"}
"""Inputs that providers copy from others; a copy may have lost the mark of what is secret."""

NAMES: Final = (
    "name",
    "Name",
    "key",
    "Key",
    "k",
    "variable",
    "header",
    "parameterKey",
    "ParameterKey",
    "parameterName",
)
VALUES: Final = ("value", "Value", "v", "stringValue", "defaultValue", "parameterValue", "ParameterValue", "content")

_DIGESTS: Final = frozenset(
    {"hash", "sha", "sha256", "digest", "checksum", "fingerprint", "thumbprint", "etag", "integrity"}
)


@dataclass(frozen=True)
class Place:
    """Where a value stands."""

    why: str = ""
    """Why it is a secret by what stands above it; empty where it is none."""

    wholly: bool = False
    """Whether all of it is secret, harmless names too."""

    properties: frozenset[str] = frozenset()
    """Names below that are secret by the resource's type."""

    beside: bool = False
    """Whether a value beside a name is secret, though the names above it are none of a secret's."""

    digest: bool = False
    """Whether a value that looks random is a digest here."""

    depth: int = 0
    nested: int = 0

    def below(self) -> "Place":
        """Return the place of what is below it."""
        return replace(self, depth=self.depth + 1)


def place_of(key: str, value: Any, place: Place) -> Place:
    """Where a value under this name stands."""
    if place.wholly:
        return place
    if key in place.properties:
        return replace(place, why="secret by type", wholly=True)
    if isinstance(value, (dict, list)) and not place.beside and signs.holds_secrets(key):
        place = replace(place, beside=True)
    words = [each.lower() for each in signs.WORDS.findall(key)]
    digest = bool(words) and words[-1] in _DIGESTS
    if place.why:
        return replace(place, why="" if signs.harmless(key) else place.why, digest=digest)
    sure = signs.named_secret(key)
    if sure == "always" and not (isinstance(value, (int, float)) and "token" in words):
        return replace(place, why="key name", digest=digest)
    if sure == "perhaps" and isinstance(value, str) and len(value) >= 12 and not value.isupper():
        return replace(place, why="key name", digest=digest)
    return replace(place, digest=digest) if digest != place.digest else place


def paired(values: Mapping[str, Any]) -> str:
    """The name that a mapping gives to the value beside it, as lists of environment variables do."""
    if any(key in values for key in VALUES):
        return next((str(values[key]) for key in NAMES if isinstance(values.get(key), str)), "")
    return ""


def with_copies(values: Mapping[str, Any], twin: Mapping[str, Any]) -> dict[str, Any]:
    """A resource's inputs before or after, with the marks of what is copied on the copies too."""
    result = dict(twin)
    for copy, original in _COPIES.items():
        made = dict(twin[copy]) if isinstance(twin.get(copy), dict) else {}
        for each in (values.get(original), twin.get(original)):
            if isinstance(each, dict):
                made |= {key: value for key, value in each.items() if marks.secret(value)}
        if made:
            result[copy] = made
    return result

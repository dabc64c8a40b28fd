"""The place of a value: whether it is secret because of a parent, a sibling, or its own name."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from mlpctl.review.redact import signs
from mlpctl.review.values import marks

_COPIES: Final = {"tagsAll": "tags", "pulumiLabels": "labels", "effectiveLabels": "labels"}
"""Inputs that providers copy from others; a copy may have lost the secret mark."""

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
    "httpHeaderName",
    "headerName",
)
VALUES: Final = ("value", "Value", "v", "stringValue", "defaultValue", "parameterValue", "ParameterValue", "content")

_DIGESTS: Final = frozenset(
    {"hash", "sha", "sha256", "digest", "checksum", "fingerprint", "thumbprint", "etag", "integrity"}
)


@dataclass(frozen=True)
class Place:
    """The place of a value."""

    why: str = ""
    """Why it is a secret because of a parent; empty if it is not."""

    wholly: bool = False
    """Whether everything below is secret, including harmless names."""

    properties: frozenset[str] = frozenset()
    """Names below it that are secret because of the resource's type."""

    beside: bool = False
    """Whether the value of a name-value pair is secret although no parent's name is that of a secret."""

    digest: bool = False
    """Whether a value that looks random is a digest here."""

    depth: int = 0
    nested: int = 0

    def below(self) -> "Place":
        """Return the place of a child."""
        return replace(self, depth=self.depth + 1)


def place_of(key: str, value: Any, place: Place) -> Place:
    """The place of a value with this name."""
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
    if signs.is_secret(key, value) and not (isinstance(value, (int, float)) and "token" in words):
        return replace(place, why="key name", digest=digest)
    return replace(place, digest=digest) if digest != place.digest else place


def holds_value(key: str, value: Any) -> bool:
    """Whether a property holds the value of a name-value pair; `values` are those of a chart if they are no list."""
    return key in VALUES or (key == "values" and isinstance(value, list))


def paired(values: Mapping[str, Any]) -> str:
    """The name in a name-value pair, such as an environment variable; empty if the mapping is not one."""
    if any(holds_value(*each) for each in values.items()):
        return next((str(values[key]) for key in NAMES if isinstance(values.get(key), str)), "")
    return ""


def with_copies(values: Mapping[str, Any], twin: Mapping[str, Any]) -> dict[str, Any]:
    """A resource's inputs before or after, with the secret marks also on copied inputs."""
    result = dict(twin)
    for copy, original in _COPIES.items():
        made = dict(twin[copy]) if isinstance(twin.get(copy), dict) else {}
        for each in (values.get(original), twin.get(original)):
            if isinstance(each, dict):
                made |= {key: value for key, value in each.items() if marks.secret(value)}
        if made:
            result[copy] = made
    return result

"""Tags in the formats of AWS's APIs."""

from collections.abc import Mapping
from typing import Any, Final

_FORMS: Final = (("Key", "Value"), ("TagKey", "TagValue"), ("key", "value"))


def pairs(tags: Any) -> dict[str, str]:
    """Tags in any of AWS's formats: a map, or a list of keys and values."""
    if isinstance(tags, Mapping):
        return dict(tags)
    return {tag[key]: tag[value] for tag in tags or () for key, value in _FORMS if key in tag}

"""Pulumi's own marks in JSON for secrets, unknown values and special values."""

from collections.abc import Mapping
from typing import Any, Final

# sdk/go/common/resource/sig/sig.go and sdk/go/common/resource/plugin/rpc.go of Pulumi.
SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"
REFERENCE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
BYTES: Final = "803fd3297a5875dc03ca845dda5d2a98"
FLOAT: Final = "8ad145fe-0d11-4827-bfd7-1abcbf086f5c"
ASSETS: Final = {"c44067f5952c0a294b673a41bacd8c17": "file", "0def7320c3a5731c473e5ecbe6d01bc7": "archive"}
UNKNOWNS: Final = frozenset(
    {
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)
"""Placeholders of unknown values, by type."""

BLINDED: Final = "[secret]"
"""Placeholder of a secret."""


def secret(value: Any) -> bool:
    """Whether the engine marks a value as secret."""
    return value == BLINDED or (
        isinstance(value, dict)
        and (value.get(SIGNATURE) == SECRET or (value.get(SIGNATURE) == OUTPUT and bool(value.get("secret"))))
    )


def secrets(values: Mapping[str, Any]) -> frozenset[str]:
    """Names of the properties that the engine marks as secret."""
    return frozenset(key for key, each in values.items() if secret(each))


def unknown(value: Any) -> bool:
    """Whether a value is unknown."""
    return isinstance(value, str) and value in UNKNOWNS

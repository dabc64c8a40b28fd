"""The quotas of a sandbox's account and the source of connections, set with `mlsandbox quota` and `mlsandbox from`.

The file persists across a reset, as do keys and ports. Changes apply from the next request on.
"""

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from mlsandbox.errors import SandboxError
from mlsandbox.ground import files
from mlsandbox.ground.layout import Layout

_GROUP = re.compile(r"sg-[0-9a-f]{8,17}\Z")


class Conditions(BaseModel):
    """The conditions of one sandbox."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    origin: str | None = None
    """The source of connections to the cluster endpoint: an IP address, or the ID of the machine's security group. None
    for a machine that satisfies every rule that allows any traffic from outside the cluster."""

    quotas: Mapping[str, int] = {}
    """The quotas that are set, by their codes."""

    @classmethod
    def of(cls, layout: Layout) -> Self:
        """The conditions of the sandbox; the defaults if none are set."""
        try:
            return cls.model_validate_json(_file(layout).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return cls()
        except ValidationError as problem:
            raise SandboxError(f"{_file(layout)} cannot be read: {problem}") from None

    def save(self, layout: Layout) -> None:
        """Apply these conditions to the sandbox."""
        layout.prepare()
        files.replace(_file(layout), self.model_dump_json(indent=2) + "\n")


def checked_origin(text: str) -> str | None:
    """Parse a user's origin; `anywhere` is None. Raises `SandboxError` if it is invalid."""
    if text == "anywhere":
        return None
    if _GROUP.match(text):
        return text
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise SandboxError(
            f"ORIGIN is {text}; allowed: an IP address, the ID of a security group (sg-…), or anywhere"
        ) from None


def _file(layout: Layout) -> Path:
    return layout.folder / "conditions.json"

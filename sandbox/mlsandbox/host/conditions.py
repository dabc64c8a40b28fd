"""What is true of a sandbox's account and of whoever uses it: chosen with `mlsandbox from` and `quota`.

The file outlives a reset, as the folder's keys and ports do, and counts from the next request on.
"""

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from mlsandbox.errors import SandboxError
from mlsandbox.host import files
from mlsandbox.host.layout import Layout

_GROUP = re.compile(r"sg-[0-9a-f]{8,17}\Z")


class Conditions(BaseModel):
    """The conditions of one sandbox."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    origin: str | None = None
    """Where connections to the cluster's endpoint come from: an address, or the id of a security group of the machine.
    None for a machine that each rule lets in which lets in anything from outside the cluster."""

    quotas: Mapping[str, int] = {}
    """Quotas in force, by their names in `quotas.QUOTAS`."""

    @classmethod
    def of(cls, layout: Layout) -> Self:
        """The conditions of the sandbox, the defaults if none were chosen."""
        try:
            return cls.model_validate_json(_file(layout).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return cls()
        except ValidationError as problem:
            raise SandboxError(f"{_file(layout)} cannot be read: {problem}") from None

    def save(self, layout: Layout) -> None:
        """Put these conditions in force."""
        layout.prepare()
        files.replace(_file(layout), self.model_dump_json(indent=2) + "\n")


def checked_origin(text: str) -> str | None:
    """The origin that a user wrote; `anywhere` is None. Raises `SandboxError` for what is none."""
    if text == "anywhere":
        return None
    if _GROUP.match(text):
        return text
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise SandboxError(
            f"ORIGIN is {text}; allowed: an IP address, the id of a security group (sg-…), or anywhere"
        ) from None


def _file(layout: Layout) -> Path:
    return layout.folder / "conditions.json"

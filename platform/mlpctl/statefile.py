"""The state file of a stack in a file backend: check it, and find and restore the backups that Pulumi creates.

Before each write, Pulumi moves the file to its `.bak`; after each update it adds a copy to `history` and `backups`
(pkg/backend/diy in Pulumi's repository). It treats a missing file, or one that contains `null`, as a stack
without resources, and would create all of them a second time.
"""

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from mlpctl import filebackend, files, urns

MOST_FLAWS: Final = 5
"""Maximum number of reported problems per state."""

_BACKUP: Final = ".bak"
_COMPRESSED: Final = ".gz"


class UnreadableError(Exception):
    """A file does not contain a state; the text continues a sentence that starts with the file's name."""


@dataclass(frozen=True)
class StateFile:
    """A stack's state, or a backup of it."""

    path: Path

    @cached_property
    def deployment(self) -> Mapping[str, Any]:
        """The content of `checkpoint.latest`; empty for a stack without an update.

        Raises:
            UnreadableError: The file contains something else.
        """
        try:
            data = self.path.read_bytes()
            text = gzip.decompress(data) if _COMPRESSED in self.path.suffixes else data
            content = json.loads(text)
        except FileNotFoundError:
            raise UnreadableError("does not exist") from None
        except OSError as error:
            raise UnreadableError(f"cannot be read: {error.strerror or error}") from None
        except (ValueError, EOFError, RecursionError):
            raise UnreadableError("is empty" if not self.path.stat().st_size else "is not valid JSON") from None
        checkpoint = content.get("checkpoint") if isinstance(content, dict) else None
        if not isinstance(checkpoint, dict):
            raise UnreadableError(f"contains {json.dumps(content)[:20]}, which is not a state")
        latest = checkpoint.get("latest") or {}
        if not isinstance(latest, dict) or not all(isinstance(each, dict) for each in latest.get("resources") or ()):
            raise UnreadableError("contains no list of resources")
        return latest

    @property
    def problems(self) -> list[str]:
        """Its problems, as continuations of a sentence that starts with the file's name; empty for a valid state."""
        try:
            found = [*flaws(self.deployment)]
        except UnreadableError as error:
            return [str(error)]
        more = [f"and {len(found) - MOST_FLAWS} more"] if len(found) > MOST_FLAWS else []
        return [*found[:MOST_FLAWS], *more]

    @property
    def resources(self) -> int:
        """Number of resources in it that a provider created."""
        return sum(bool(each.get("custom")) for each in self.deployment.get("resources") or ())

    @property
    def is_of_no_stack(self) -> bool:
        """Whether there is no state because there is no stack: it never existed, or its last state was empty."""
        last = StateFile(self.path.with_name(f"{self.path.name}{_BACKUP}"))
        return not self.path.exists() and bool(last.problems or not last.resources)

    def __str__(self) -> str:
        since = datetime.fromtimestamp(self.path.stat().st_mtime, UTC)
        return f"{self.path} ({self.resources:,} resources, {since.isoformat(' ', 'seconds')})"


def find(backend: str, project: str, stack: str) -> StateFile | None:
    """The state of a stack in a file backend, whether the file exists or not; None in any other backend."""
    folder = filebackend.folder(backend)
    if folder is None:
        return None
    plain = folder / "stacks" / project / f"{stack}.json"
    packed = plain.with_name(plain.name + _COMPRESSED)
    return StateFile(packed if packed.exists() and not plain.exists() else plain)


def backups(backend: str, project: str, stack: str) -> list[StateFile]:
    """The valid backups of a stack's state that contain resources, newest first."""
    folder = filebackend.folder(backend)
    if folder is None:
        return []
    kept = [
        *(folder / "stacks" / project).glob(f"{stack}.json*{_BACKUP}"),
        *(folder / "history" / project / stack).glob(f"{stack}-*.checkpoint.json*"),
        *(folder / "backups" / project / stack).glob(f"{stack}.*.json*"),
    ]
    states = [StateFile(path) for path in kept if path.suffix != ".attrs"]
    states.sort(key=lambda each: each.path.stat().st_mtime, reverse=True)
    return [each for each in states if not each.problems and each.resources]


def restore(state: StateFile, backup: StateFile) -> Path | None:
    """Replace a state by a backup. Returns the path to which the broken state was moved; None if there was none."""
    kept = None
    if state.path.exists():
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        kept = state.path.with_name(f"{state.path.name}.broken-{moment}")
        state.path.replace(kept)
    # The attributes file belongs to the broken state; Pulumi works without it.
    state.path.with_name(f"{state.path.name}.attrs").unlink(missing_ok=True)
    packed = _COMPRESSED in backup.path.suffixes
    text = gzip.decompress(backup.path.read_bytes()).decode() if packed else backup.path.read_text(encoding="utf-8")
    files.replace(state.path.with_suffix("") if state.path.suffix == _COMPRESSED else state.path, text)
    return kept


def flaws(deployment: Mapping[str, Any]) -> Iterator[str]:
    """Problems of a state that make the engine fail: duplicate, unordered or missing resources.

    The rules are those of `VerifyIntegrity` in pkg/resource/deploy/snapshot.go of Pulumi's repository.
    """
    resources: Sequence[Mapping[str, Any]] = deployment.get("resources") or ()
    everywhere = {str(each.get("urn")) for each in resources}
    before: set[str] = set()
    alive: set[str] = set()
    providers: set[str] = set()
    for number, each in enumerate(resources):
        urn = str(each.get("urn") or "")
        if not urn or not each.get("type"):
            yield f"resource {number} has no URN or no type"
            continue
        name = f"{each['type']} {urns.name(urn)}"
        if urn in alive and not each.get("delete"):
            yield f"{name} exists twice"
        for what, other in _needs(each):
            if other not in before:
                how = "comes after it" if other in everywhere else "does not exist"
                yield f"{name} has the {what} {urns.name(other)}, which {how}"
        provider = str(each.get("provider") or "")
        # A resource that is pending deletion may have lost its provider, which was replaced first.
        if provider and provider not in providers and not (each.get("delete") or each.get("pendingReplacement")):
            other = urns.of_provider(provider)
            how = "comes after it" if other in everywhere - before else "does not exist"
            yield f"{name} has the provider {urns.name(other)}, which {how}"
        before.add(urn)
        if not each.get("delete"):
            alive.add(urn)
        if str(each["type"]).startswith(urns.PROVIDER_TYPE):
            providers.add(f"{urn}::{each.get('id')}")


def _needs(resource: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The resources that must precede a resource: role and URN of each."""
    if parent := resource.get("parent"):
        yield "parent", str(parent)
    needed = dict.fromkeys(map(str, resource.get("dependencies") or ()))
    for each in (resource.get("propertyDependencies") or {}).values():
        needed |= dict.fromkeys(map(str, each or ()))
    for urn in needed:
        yield "dependency", urn

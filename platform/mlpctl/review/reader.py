"""Reads what `pulumi preview --json` writes, for any program in any language, and takes the secrets out on the way.

Two shapes: the digest (`digest`) and the stream of events (`stream`).
"""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

from mlpctl.review import changes, checked, digest, stream
from mlpctl.review.checked import EXPECTED
from mlpctl.review.documents import Broken, Document, Documents
from mlpctl.review.inert import visible
from mlpctl.review.plan import Message, Plan, PlanError
from mlpctl.review.redact import Redactor, scrub
from mlpctl.review.steps import Raw

LARGEST_BYTES: Final = 256 * 1024 * 1024
"""What is read at most; a plan of 2,000 resources has about 10 MB, and needs eight times as much memory as its text."""


def load(path: Path, *, sandbox: bool = False) -> Plan:
    """Read a plan from a file, or from standard input for `-`.

    Raises `PlanError` if there is no plan.
    """
    try:
        if str(path) == "-":
            data = sys.stdin.buffer.read(LARGEST_BYTES + 1)
        else:
            with path.open("rb") as file:
                data = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise PlanError(f"{path} cannot be read: {error.strerror or error}.") from None
    try:
        return read(data, sandbox=sandbox)
    except PlanError as error:
        raise PlanError(f"{'Standard input' if str(path) == '-' else path}: {error}") from None


def read(text: str | bytes, *, sandbox: bool = False, shows_replacements: bool = False, events: bytes = b"") -> Plan:
    """Read a plan: the digest or the stream of events.

    `sandbox` says that a sandbox stood in for AWS, `shows_replacements` that the engine was asked for the steps of
    replacements (`--show-replacement-steps`), of which a digest may have none. `events` are those of the same preview,
    for what the digest leaves out.

    Raises `PlanError` if it is none.
    """
    if len(text) > LARGEST_BYTES:
        raise PlanError(f"This is larger than {LARGEST_BYTES // 1024**2} MiB, the most that is read.")
    try:
        raw = _raw(_decoded(text))
        if events and not raw.streamed:
            _complete(raw, events)
    except PlanError as error:
        # It may quote what it found.
        raise PlanError(visible(scrub(str(error)))) from None
    # What the first reading finds by name and mark, the second strikes out wherever else it stands.
    first = Redactor()
    plan = changes.plan(raw, first)
    if first.found:
        plan = changes.plan(raw, Redactor(first.found))
    shown = plan.shows_replacements or shows_replacements
    return replace(plan, sandbox=sandbox, shows_replacements=shown)


def _decoded(text: str | bytes) -> str:
    if isinstance(text, str):
        return text.removeprefix("\ufeff")
    try:
        # PowerShell writes UTF-16 with a byte order mark.
        return text.decode(json.detect_encoding(text))
    except UnicodeDecodeError as error:
        raise PlanError(f"This is no text: byte {error.start} is not {error.encoding}; {EXPECTED}.") from None


def _raw(text: str) -> Raw:
    documents = Documents(text)
    found: list[Document] = []
    try:
        for each in documents:
            found.append(each)
            if stream.is_event(each.value) or stream.listed(each.value):
                return _with_text(stream.read(documents, found), documents)
    except Broken as error:
        hint = ", all of it" if "too early" in str(error) else ""
        raise PlanError(f"{error}; {EXPECTED}{hint}.") from None
    if not found:
        raise PlanError(_no_document(text))
    if not isinstance(found[0].value, dict):
        raise PlanError(f"This JSON is {checked.kind_of(found[0].value)}; {EXPECTED}, which is a mapping.")
    if len(found) > 1:
        raise PlanError(f"Another JSON document begins on line {found[1].line}; {EXPECTED}, and of one preview only.")
    return _with_text(digest.read(found[0].value), documents)


def _complete(raw: Raw, events: bytes) -> None:
    """Take from the events of a preview what its digest leaves out; without them it only stays unknown."""
    try:
        more = _raw(_decoded(events))
    except PlanError:
        return
    if not more.streamed or stream.ENDED in more.incomplete:
        return
    raw.has_events = True
    raw.violations, raw.outputs = more.violations, more.outputs
    raw.messages = [*dict.fromkeys([*raw.messages, *more.messages])]
    raw.incomplete = [*dict.fromkeys([*raw.incomplete, *more.incomplete])]


def _with_text(raw: Raw, documents: Documents) -> Raw:
    """Say what plain text stands around a plan: the plan is whole without it, but an error in it is none of nothing."""
    for place, text in (("before", documents.before), ("after", documents.rest)):
        lines = text.splitlines()
        if lines:
            raw.messages.append(Message("warning", f"Text {place} the plan was not read: {lines[0]}"))
        errors = [line.strip() for line in lines if line.strip().lower().startswith(("error:", "fatal:"))]
        raw.incomplete += [f"The text {place} the plan says: {error}" for error in errors[:1]]
    return raw


def _no_document(text: str) -> str:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return f"This is no JSON (line 1, column 1); {EXPECTED}, without what the command writes to standard error."
    return f"This JSON is {checked.kind_of(value)}; {EXPECTED}, which is a mapping."

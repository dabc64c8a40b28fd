"""Reads the output of `pulumi preview --json`, for any program in any language, and redacts the secrets.

There are two formats: the digest (`digest`) and the stream of events (`stream`).
"""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

from mlpctl.review.plan.model import Message, Plan, PlanError
from mlpctl.review.reading import changes, checked, digest, stream
from mlpctl.review.reading.checked import EXPECTED
from mlpctl.review.reading.documents import Broken, Document, Documents
from mlpctl.review.reading.steps import Raw
from mlpctl.review.redact import Redactor, scrub
from mlpctl.text import visible

LARGEST_BYTES: Final = 256 * 1024 * 1024
"""Maximum size of the input. A plan of 2,000 resources has about 10 MB; reading needs about eight times its size."""


def load(path: Path, *, sandbox: bool = False) -> Plan:
    """Read a plan from a file, or from standard input for `-`.

    Raises `PlanError` if it does not contain a plan.
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

    `sandbox`: the plan was created in a sandbox instead of AWS. `shows_replacements`: the preview was called with
    `--show-replacement-steps`, even if the digest contains no such step. `events`: the events of the same preview, for
    the information that the digest lacks.

    Raises `PlanError` if the text is not a plan.
    """
    if len(text) > LARGEST_BYTES:
        raise PlanError(f"The input is larger than {LARGEST_BYTES // 1024**2} MiB, the maximum size.")
    try:
        raw = _raw(_decoded(text))
        if events and not raw.streamed:
            _complete(raw, events)
    except PlanError as error:
        # The message may quote a secret.
        raise PlanError(visible(scrub(str(error)))) from None
    plan = built(raw, sandbox=sandbox)
    return replace(plan, shows_replacements=plan.shows_replacements or shows_replacements)


def built(raw: Raw, *, sandbox: bool) -> Plan:
    """The plan of checked steps, with secrets redacted.

    Raises `PlanError` if the steps contradict each other.
    """
    # The second pass also redacts other occurrences of the secrets that the first pass found by name or mark.
    first = Redactor()
    plan = changes.plan(raw, first)
    if first.found:
        plan = changes.plan(raw, Redactor(first.found))
    return replace(plan, sandbox=sandbox)


def _decoded(text: str | bytes) -> str:
    if isinstance(text, str):
        return text.removeprefix("\ufeff")
    try:
        # PowerShell writes UTF-16 with a byte order mark.
        return text.decode(json.detect_encoding(text))
    except UnicodeDecodeError as error:
        raise PlanError(f"This is not text: byte {error.start} is not {error.encoding}; {EXPECTED}.") from None


def _raw(text: str) -> Raw:
    documents = Documents(text)
    found: list[Document] = []
    try:
        for each in documents:
            found.append(each)
            if stream.is_event(each.value) or stream.listed(each.value):
                return _with_text(stream.read(documents, found), documents)
    except Broken as error:
        hint = ", complete" if "too early" in str(error) else ""
        raise PlanError(f"{error}; {EXPECTED}{hint}.") from None
    if not found:
        raise PlanError(_no_document(text))
    if not isinstance(found[0].value, dict):
        raise PlanError(f"This JSON is {checked.kind_of(found[0].value)}; {EXPECTED}, which is an object.")
    if len(found) > 1:
        raise PlanError(f"Another JSON document begins on line {found[1].line}; {EXPECTED}, of one preview only.")
    return _with_text(digest.read(found[0].value), documents)


def _complete(raw: Raw, events: bytes) -> None:
    """Add the information that a digest lacks from the events of the same preview; it stays unknown without them."""
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
    """Add a warning about plain text around a plan; an error in this text makes the plan incomplete."""
    for place, text in (("before", documents.before), ("after", documents.rest)):
        lines = text.splitlines()
        if lines:
            raw.messages.append(Message("warning", f"Text {place} the plan was ignored: {lines[0]}"))
        errors = [line.strip() for line in lines if line.strip().lower().startswith(("error:", "fatal:"))]
        raw.incomplete += [f"The text {place} the plan contains: {error}" for error in errors[:1]]
    return raw


def _no_document(text: str) -> str:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return f"This is not JSON (line 1, column 1); {EXPECTED}, without the command's standard error."
    return f"This JSON is {checked.kind_of(value)}; {EXPECTED}, which is an object."

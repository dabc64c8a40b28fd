"""Reads the stream of the engine's events (`EngineEvent` in Pulumi's sdk/go/common/apitype/events.go).

`PULUMI_ENABLE_STREAMING_JSON_PREVIEW` and `--event-log` write it, and the REST API of Pulumi Cloud returns it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import chain
from typing import Any, Final

from mlpctl import urns
from mlpctl.review.plan.model import Message, PlanError
from mlpctl.review.reading import checked, messages
from mlpctl.review.reading.checked import EXPECTED
from mlpctl.review.reading.digest import CORRUPT
from mlpctl.review.reading.documents import Broken, Document, Documents
from mlpctl.review.reading.steps import REFRESH, RESULTS, Raw, State, Step, exports, step, summary

ENDED: Final = "The events end before the engine's summary."

DONE_ALREADY: Final = "These are the events of a completed update, not of a preview."

_FAILED: Final = ("failed", "canceled")


def is_event(value: Any) -> bool:
    """Whether a document is an engine event."""
    return isinstance(value, dict) and (
        bool({"sequence", "timestamp"} & value.keys()) or any(key.endswith("Event") for key in value)
    )


def listed(value: Any) -> list[Any] | None:
    """The events of a document with several: a list, or a response of the REST API; None for any other document."""
    events = value.get("events") if isinstance(value, dict) else value
    return events if isinstance(events, list) and events and all(map(is_event, events)) else None


def read(documents: Documents, first: Iterable[Document] = ()) -> Raw:
    """Read a stream; `first` contains the documents that were already read.

    Raises `PlanError` if a document is not an event.
    """
    raw = Raw(streamed=True)
    reader = _Reader(raw)
    broken = ""
    try:
        for each in chain(first, documents):
            for event in listed(each.value) or [each.value]:
                if not is_event(event):
                    raise PlanError(f"Line {each.line} is not an engine event; {EXPECTED}.")
                reader.take(event, f"line {each.line}")
    except Broken as error:
        if documents.text.find("\n", documents.at) >= 0 and not reader.summed:
            _refuse_middle(documents, str(error))
        broken = str(error)
    if documents.rest and not reader.summed:
        raise PlanError(f"Line {documents.line} is not an engine event: it is plain text; {EXPECTED}.")
    if not reader.summed:
        raw.incomplete.append(ENDED)
    elif broken:
        raw.incomplete.append("The last event is truncated.")
    return raw


def _refuse_middle(documents: Documents, why: str) -> None:
    """Reject a broken document that other documents follow; only the last one may be truncated."""
    following = documents.text[documents.text.find("\n", documents.at) :]
    if any(line.startswith("{") for line in following.splitlines()):
        raise PlanError(
            f"Line {documents.line} is not an engine event: {why[0].lower()}{why[1:]}; {EXPECTED}."
        ) from None


class _Reader:
    """Processes events in order."""

    def __init__(self, raw: Raw) -> None:
        self.raw = raw
        self.summed = False
        self._refreshes: dict[tuple[str, str], int] = {}
        """Positions of refreshes without a result yet, by URN and ID: an old copy has the same URN."""

    def take(self, event: Mapping[str, Any], place: str) -> None:
        """Process an event, which has exactly one of the kinds."""
        for kind, keep in _KINDS.items():
            if event.get(kind) is not None:
                where = f"{place}: {kind}"
                keep(self, checked.mapping(event[kind], where), where)

    def prelude(self, event: Mapping[str, Any], place: str) -> None:
        self.raw.config = checked.mapping(event.get("config"), f"{place}.config")

    def before(self, event: Mapping[str, Any], place: str) -> None:
        found = self._step(event, place)
        if found.op == REFRESH:
            self._refreshes[_key(found)] = len(self.raw.steps)
        self.raw.steps.append(found)
        self.raw.outputs = exports(found) or self.raw.outputs

    def outputs(self, event: Mapping[str, Any], place: str) -> None:
        """Store the result of a refresh, and the stack outputs; other steps have no new information here."""
        found = self._step(event, place)
        number = self._refreshes.pop(_key(found), None)
        if number is not None:
            result = found.op if found.op in RESULTS else "" if found.new else "delete"
            self.raw.steps[number] = replace(found, op=REFRESH, result=result)
        elif urns.kind(found.urn) == urns.STACK_TYPE and found.new is not None:
            self.raw.outputs = (found.old or State()).outputs, found.new.outputs

    def failed(self, event: Mapping[str, Any], place: str) -> None:
        found = self._step(event, place)
        self.raw.messages.append(Message("error", f"The operation {found.op} failed.", found.urn))

    def error(self, event: Mapping[str, Any], place: str) -> None:
        text = messages.plain(checked.text(event.get("error"), f"{place}.error"))
        self.raw.messages.append(Message("error", text or "The engine reports an error without a message."))

    def diagnostic(self, event: Mapping[str, Any], place: str) -> None:
        messages.diagnostic(self.raw, event, place)

    def violation(self, event: Mapping[str, Any], place: str) -> None:
        messages.violation(self.raw, event, place)

    def remediation(self, event: Mapping[str, Any], place: str) -> None:
        messages.remediation(self.raw, event, place)

    def summary(self, event: Mapping[str, Any], place: str) -> None:
        self.summed = True
        summary(self.raw, event.get("resourceChanges"), f"{place}.resourceChanges")
        if checked.flag(event.get("maybeCorrupt"), f"{place}.maybeCorrupt"):
            self.raw.incomplete.append(CORRUPT)
        if "isPreview" in event and not checked.flag(event["isPreview"], f"{place}.isPreview"):
            self.raw.messages.append(Message("warning", DONE_ALREADY))
        if (result := checked.text(event.get("result"), f"{place}.result")) in _FAILED:
            self.raw.incomplete.append(f"The preview was {result}.")

    def _step(self, event: Mapping[str, Any], place: str) -> Step:
        where = f"{place}.metadata"
        return step(checked.mapping(event.get("metadata"), where), where, streamed=True)


_KINDS: Final = {
    "preludeEvent": _Reader.prelude,
    "resourcePreEvent": _Reader.before,
    "resOutputsEvent": _Reader.outputs,
    "resOpFailedEvent": _Reader.failed,
    "diagnosticEvent": _Reader.diagnostic,
    "stdoutEvent": _Reader.diagnostic,
    "policyEvent": _Reader.violation,
    "policyRemediationEvent": _Reader.remediation,
    "errorEvent": _Reader.error,
    "summaryEvent": _Reader.summary,
}


def _key(found: Step) -> tuple[str, str]:
    return found.urn, found.old.id if found.old else ""

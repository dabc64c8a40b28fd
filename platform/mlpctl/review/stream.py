"""The stream of the engine's events (`EngineEvent` in Pulumi's sdk/go/common/apitype/events.go).

`PULUMI_ENABLE_STREAMING_JSON_PREVIEW` and `--event-log` write it, and Pulumi's REST API answers with it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import chain
from typing import Any, Final

from mlpctl import urns
from mlpctl.review import checked, messages
from mlpctl.review.checked import EXPECTED
from mlpctl.review.digest import CORRUPT
from mlpctl.review.documents import Broken, Document, Documents
from mlpctl.review.plan import Message, PlanError
from mlpctl.review.steps import REFRESH, RESULTS, Raw, State, Step, exports, step, summary

ENDED: Final = "The events end before the engine's summary."

DONE_ALREADY: Final = "These are the events of an update that was made already, not of a preview."

_FAILED: Final = ("failed", "canceled")


def is_event(value: Any) -> bool:
    """Whether a document is an event of the engine's."""
    return isinstance(value, dict) and (
        bool({"sequence", "timestamp"} & value.keys()) or any(key.endswith("Event") for key in value)
    )


def listed(value: Any) -> list[Any] | None:
    """The events of a document that holds many: a list of them, or what the REST API answers; None for another."""
    events = value.get("events") if isinstance(value, dict) else value
    return events if isinstance(events, list) and events and all(map(is_event, events)) else None


def read(documents: Documents, first: Iterable[Document] = ()) -> Raw:
    """Read a stream; `first` are those of the documents that were read already.

    Raises `PlanError` if something in it is no event.
    """
    raw = Raw(streamed=True)
    reader = _Reader(raw)
    broken = ""
    try:
        for each in chain(first, documents):
            for event in listed(each.value) or [each.value]:
                if not is_event(event):
                    raise PlanError(f"Line {each.line} is no event of the engine; {EXPECTED}.")
                reader.take(event, f"line {each.line}")
    except Broken as error:
        if documents.text.find("\n", documents.at) >= 0 and not reader.summed:
            _refuse_middle(documents, str(error))
        broken = str(error)
    if documents.rest and not reader.summed:
        raise PlanError(f"Line {documents.line} is no event of the engine: it is plain text; {EXPECTED}.")
    if not reader.summed:
        raw.incomplete.append(ENDED)
    elif broken:
        raw.incomplete.append("The last event is cut off.")
    return raw


def _refuse_middle(documents: Documents, why: str) -> None:
    """Refuse a broken document that more documents follow; the last one may only have been cut off."""
    following = documents.text[documents.text.find("\n", documents.at) :]
    if any(line.startswith("{") for line in following.splitlines()):
        raise PlanError(
            f"Line {documents.line} is no event of the engine: {why[0].lower()}{why[1:]}; {EXPECTED}."
        ) from None


class _Reader:
    """Takes events in their order."""

    def __init__(self, raw: Raw) -> None:
        self.raw = raw
        self.summed = False
        self._refreshes: dict[tuple[str, str], int] = {}
        """Positions of refreshes whose result is to come, by URN and id: an old copy has the same URN."""

    def take(self, event: Mapping[str, Any], place: str) -> None:
        """Keep what an event says; exactly one of its kinds is there."""
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
        """Keep what a refresh found, and what the stack exports; of others the step was told before."""
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
        said = messages.plain(checked.text(event.get("error"), f"{place}.error"))
        self.raw.messages.append(Message("error", said or "The engine reports an error without a text."))

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

"""Reads what `pulumi preview --json` writes, for any program in any language, and takes the secrets out on the way.

Two shapes: the digest (`PreviewDigest` in Pulumi's pkg/display/json.go), and the stream of the engine's events
(`EngineEvent` in sdk/go/common/apitype/events.go), one JSON object a line, which `PULUMI_ENABLE_STREAMING_JSON_PREVIEW`
and `--event-log` give.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mlpctl import urns
from mlpctl.keys import PLATFORM
from mlpctl.review import marks
from mlpctl.review.plan import Change, Message, Op, Plan, PlanError
from mlpctl.review.redact import Redactor, scrub
from mlpctl.review.values import Value

LARGEST_BYTES: Final = 256 * 1024 * 1024
"""What is read at most; a plan of 2,000 resources has about 10 MB, and needs eight times as much memory as its text."""

EXPECTED: Final = "expected is the output of `pulumi preview --json`"

_STREAM: Final = re.compile(r'\{\s*"(?:sequence|timestamp|[a-z]\w*Event)"\s*:')
_COLOURS: Final = re.compile(r"<\{%.*?%\}>|\x1b\[[0-9;]*[A-Za-z]")
_DIGEST: Final = frozenset({"config", "steps", "diagnostics", "duration", "changeSummary", "maybeCorrupt"})

_OTHERS: Final[Mapping[str, str]] = {
    "terraform_version": "a plan of Terraform",
    "resource_changes": "a plan of Terraform",
    "planned_values": "a plan of Terraform",
    "deployment": "a state that `pulumi stack export` wrote",
    "checkpoint": "a state file",
    "resourcePlans": "a plan that `pulumi preview --save-plan` wrote",
}
"""What people take for a preview, by a key that it has."""

_OPS: Final[Mapping[str, Op]] = {
    "create": Op.CREATE,
    "update": Op.UPDATE,
    "delete": Op.DELETE,
    "replace": Op.REPLACE,
    "create-replacement": Op.REPLACE,
    "read-replacement": Op.REPLACE,
    "import-replacement": Op.REPLACE,
    "import": Op.IMPORT,
    "read": Op.READ,
    "discard": Op.FORGET,
    "same": Op.SAME,
    "refresh": Op.SAME,
    "diff": Op.SAME,
    "extend-parameterize": Op.SAME,
}
"""What the engine's steps mean (pkg/resource/deploy/step.go)."""

_OLD_GOES: Final = ("delete-replaced", "discard-replaced")
_FORGOTTEN: Final = "remove-pending-replace"

_QUIET: Final = "debug"
_LOUD: Final = ("warning", "error")


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


def read(text: str | bytes, *, sandbox: bool = False) -> Plan:
    """Read a plan: the digest or the stream of events. `sandbox` says that a sandbox stood in for AWS.

    Raises `PlanError` if it is none.
    """
    if len(text) > LARGEST_BYTES:
        raise PlanError(f"This is larger than {LARGEST_BYTES // 1024**2} MiB, the most that is read.")
    try:
        raw = _raw(_decoded(text))
    except PlanError as error:
        # It may quote what it found.
        raise PlanError(scrub(str(error))) from None
    # What the first reading finds by name and mark, the second strikes out wherever else it stands.
    first = Redactor()
    plan = _plan(raw, first, sandbox)
    return _plan(raw, Redactor(first.found), sandbox) if first.found else plan


@dataclass(frozen=True)
class _Step:
    """One step of the engine's, in either shape."""

    op: str
    urn: str
    old: Mapping[str, Any] | None
    new: Mapping[str, Any] | None
    provider: str
    keys: Sequence[str]
    diffs: Sequence[str]
    detailed: Mapping[str, str]
    """Kinds of difference by property."""


@dataclass
class _Raw:
    """What was written, checked but with its secrets; it lives only while it is read."""

    config: Mapping[str, Any] = field(default_factory=dict)
    steps: list[_Step] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    incomplete: list[str] = field(default_factory=list)
    same: int = 0
    """Unchanged resources, as the engine's summary counts them."""


def _decoded(text: str | bytes) -> str:
    if isinstance(text, str):
        return text.removeprefix("\ufeff")
    try:
        # PowerShell writes UTF-16 with a byte order mark.
        return text.decode(json.detect_encoding(text))
    except UnicodeDecodeError as error:
        raise PlanError(f"This is no text: byte {error.start} is not {error.encoding}; {EXPECTED}.") from None


def _raw(text: str) -> _Raw:
    start = len(text) - len(text.lstrip())
    if start == len(text):
        raise PlanError(f"There is nothing in it; {EXPECTED}.")
    if _STREAM.match(text, start):
        return _stream(_lines(text))
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise PlanError(_no_json(text, start, error)) from None
    except (ValueError, RecursionError):
        raise PlanError(f"This JSON has numbers too long or lists too deep to be read; {EXPECTED}.") from None
    if not isinstance(document, dict):
        raise PlanError(f"This JSON is {_kind(document)}; {EXPECTED}, which is a mapping.")
    return _digest(document)


def _no_json(text: str, start: int, error: json.JSONDecodeError) -> str:
    where = f"line {error.lineno}, column {error.colno}"
    if text[start] != "{":
        return f"This is no JSON ({where}); {EXPECTED}, without what the command writes to standard error."
    if not text.rstrip().endswith("}"):
        return f"This JSON ends too early ({where}); {EXPECTED}, all of it."
    return f"This is no JSON: {error.msg[0].lower()}{error.msg[1:]} ({where}); {EXPECTED}."


def _lines(text: str) -> Iterator[str]:
    """The lines, one at a time: the text is too large for two copies."""
    start = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield text[start:end]
        start = end + 1


def _digest(document: Mapping[str, Any]) -> _Raw:
    for key, what in _OTHERS.items():
        if key in document and "steps" not in document:
            raise PlanError(f"This is {what}; {EXPECTED}.")
    if not _DIGEST & document.keys():
        raise PlanError(f"This JSON has none of {', '.join(sorted(_DIGEST))}; {EXPECTED}.")
    raw = _Raw(config=_mapping(document.get("config"), "config"))
    for number, each in enumerate(_list(document.get("steps"), "steps")):
        place = f"steps[{number}]"
        step = _mapping(each, place)
        raw.steps.append(_step(step, place, "oldState", "newState", "replaceReasons", "diffReasons", "kind"))
    for number, each in enumerate(_list(document.get("diagnostics"), "diagnostics")):
        place = f"diagnostics[{number}]"
        diagnostic = _mapping(each, place)
        _tell(raw, diagnostic, place)
    summary = document.get("changeSummary")
    raw.same = _count(_mapping(summary, "changeSummary").get("same"), "changeSummary.same")
    if _flag(document.get("maybeCorrupt"), "maybeCorrupt"):
        raw.incomplete.append("The engine says that the state may be corrupt.")
    if summary is None and "duration" not in document:
        raw.incomplete.append("The preview ended before the engine's summary.")
    return raw


def _stream(lines: Iterable[str]) -> _Raw:
    raw = _Raw()
    summed = False
    broken: tuple[int, str] | None = None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if broken:
            raise PlanError(f"Line {broken[0]} is no event of the engine: {broken[1]}; {EXPECTED}.")
        try:
            event = json.loads(line)
        except (ValueError, RecursionError) as error:
            # The last line may have been cut off; any other is no event.
            broken = (number, error.msg if isinstance(error, json.JSONDecodeError) else "it cannot be read")
            continue
        place = f"line {number}"
        event = _mapping(event, place)
        if event.get("preludeEvent") is not None:
            prelude = _mapping(event["preludeEvent"], f"{place}: preludeEvent")
            raw.config = _mapping(prelude.get("config"), f"{place}: preludeEvent.config")
        if event.get("resourcePreEvent") is not None:
            where = f"{place}: resourcePreEvent"
            metadata = _mapping(_mapping(event["resourcePreEvent"], where).get("metadata"), f"{where}.metadata")
            raw.steps.append(_step(metadata, f"{where}.metadata", "old", "new", "keys", "diffs", "diffKind"))
        for kind in ("diagnosticEvent", "stdoutEvent"):
            if event.get(kind) is not None:
                _tell(raw, _mapping(event[kind], f"{place}: {kind}"), f"{place}: {kind}")
        if event.get("summaryEvent") is not None:
            where = f"{place}: summaryEvent"
            summary = _mapping(event["summaryEvent"], where)
            summed = True
            changes = _mapping(summary.get("resourceChanges"), f"{where}.resourceChanges")
            raw.same = _count(changes.get("same"), f"{where}.resourceChanges.same")
            if _flag(summary.get("maybeCorrupt"), f"{where}.maybeCorrupt"):
                raw.incomplete.append("The engine says that the state may be corrupt.")
            if _text(summary.get("result"), f"{where}.result") in ("failed", "canceled"):
                raw.incomplete.append(f"The preview was {summary['result']}.")
    if not summed:
        raw.incomplete.append("The events end before the engine's summary.")
    elif broken:
        raw.incomplete.append("The last event is cut off.")
    return raw


def _step(step: Mapping[str, Any], place: str, old: str, new: str, keys: str, diffs: str, kind: str) -> _Step:
    """One step, by the names that a shape gives to its parts."""
    op = _text(step.get("op"), f"{place}.op")
    if not op:
        raise PlanError(f"{place} has no op; {EXPECTED}.")
    detailed = {}
    for name, each in _mapping(step.get("detailedDiff"), f"{place}.detailedDiff").items():
        where = f"{place}.detailedDiff.{name}"
        detailed[name] = _text(_mapping(each, where).get(kind), f"{where}.{kind}")
    return _Step(
        op=op,
        urn=_urn(step.get("urn"), f"{place}.urn", needed=True),
        old=_state(step.get(old), f"{place}.{old}"),
        new=_state(step.get(new), f"{place}.{new}"),
        provider=_text(step.get("provider"), f"{place}.provider"),
        keys=_texts(step.get(keys), f"{place}.{keys}"),
        diffs=_texts(step.get(diffs), f"{place}.{diffs}"),
        detailed=detailed,
    )


def _state(value: Any, place: str) -> Mapping[str, Any] | None:
    """A resource's state, of which only what is used is kept."""
    if value is None:
        return None
    state = _mapping(value, place)
    outputs = _mapping(state.get("outputs"), f"{place}.outputs")
    depends = _mapping(state.get("propertyDependencies"), f"{place}.propertyDependencies")
    after = _texts(state.get("dependencies"), f"{place}.dependencies")
    return {
        "inputs": _mapping(state.get("inputs"), f"{place}.inputs"),
        "parent": _urn(state.get("parent"), f"{place}.parent"),
        "provider": _text(state.get("provider"), f"{place}.provider"),
        "id": _text(state.get("id"), f"{place}.id") or _text(state.get("importID"), f"{place}.importID"),
        "depends": {name: _texts(each, f"{place}.propertyDependencies.{name}") for name, each in depends.items()},
        "after": after,
        "replaceOnChanges": _texts(state.get("replaceOnChanges"), f"{place}.replaceOnChanges"),
        "replaceWith": [
            _urn(each, f"{place}.replaceWith") for each in _texts(state.get("replaceWith"), f"{place}.replaceWith")
        ],
        "deletedWith": _urn(state.get("deletedWith"), f"{place}.deletedWith"),
        "replacementTrigger": state.get("replacementTrigger"),
        "secret": marks.secrets(outputs)
        | set(_texts(state.get("additionalSecretOutputs"), f"{place}.additionalSecretOutputs")),
        **{
            name: _flag(state.get(name), f"{place}.{name}")
            for name in ("custom", "protect", "retainOnDelete", "external", "pendingReplacement", "taint")
        },
    }


def _tell(raw: _Raw, diagnostic: Mapping[str, Any], place: str) -> None:
    """Keep what the engine, a provider or the program said."""
    severity = _text(diagnostic.get("severity"), f"{place}.severity") or "info"
    said = _text(diagnostic.get("prefix"), f"{place}.prefix") + _text(diagnostic.get("message"), f"{place}.message")
    urn = _urn(diagnostic.get("urn"), f"{place}.urn")
    text = _COLOURS.sub("", said).strip().removeprefix(f"{severity}:").strip()
    if text and severity != _QUIET and not _flag(diagnostic.get("ephemeral"), f"{place}.ephemeral"):
        raw.messages.append(Message(severity if severity in _LOUD else "info", text, urn))


def _plan(raw: _Raw, redactor: Redactor, sandbox: bool) -> Plan:
    names = _Urns(redactor)
    groups: dict[str, list[_Step]] = {}
    for step in raw.steps:
        groups.setdefault(step.urn, []).append(step)
    changes: list[Change] = []
    messages = [Message(each.severity, redactor.text(each.text), names.clean(each.urn)) for each in raw.messages]
    incomplete = [*raw.incomplete]
    for steps in groups.values():
        change, notes = _change(steps, redactor, names)
        changes.append(change)
        messages += [Message("warning", note, change.urn) for note in notes]
        for each in steps:
            if each.op not in _OPS and each.op not in (*_OLD_GOES, _FORGOTTEN):
                incomplete.append(f"What {redactor.text(each.op)!r} means for {change.name} is not known here.")
    _check_parents({each.urn: each.parent for each in changes})
    failed = next((each for each in messages if each.severity == "error"), None)
    if failed:
        incomplete.append(f"The preview failed: {failed.text.splitlines()[0]}")
    parts = raw.steps[0].urn.split("::") if raw.steps else []
    return Plan(
        changes=tuple(changes),
        project=parts[1] if parts else "",
        stack=parts[0].removeprefix("urn:pulumi:") if parts else "",
        config=_config(raw.config, redactor),
        messages=tuple(messages),
        sandbox=sandbox,
        incomplete=" ".join(incomplete),
        unlisted=max(0, raw.same - sum(each.op is Op.SAME for each in changes)),
    )


def _check_parents(parents: Mapping[str, str]) -> None:
    """Refuse resources that are above themselves: whoever goes up from them never arrives."""
    right: set[str] = set()
    for urn in parents:
        way: dict[str, None] = {}
        while urn in parents and urn not in right:
            if urn in way:
                raise PlanError(f"{urn[:200]!r} is its own parent, or a parent's; {EXPECTED}.")
            way[urn] = None
            urn = parents[urn]
        right.update(way)


def _config(config: Mapping[str, Any], redactor: Redactor) -> Mapping[str, Value]:
    """A stack's config without secrets; figures below `cost` stay, though a component may be called `db-password`."""
    platform = config.get(PLATFORM)
    try:
        said = json.loads(platform) if isinstance(platform, str) else platform
    except (ValueError, RecursionError):
        said = None
    if not (isinstance(said, Mapping) and isinstance(said.get("cost"), Mapping)):
        return redactor.inputs(config)
    rest = redactor.inputs({**config, PLATFORM: {key: each for key, each in said.items() if key != "cost"}})
    shown = rest[PLATFORM]
    return {**rest, PLATFORM: {**(shown if isinstance(shown, dict) else {}), "cost": _figures(said["cost"], redactor)}}


def _figures(value: Any, redactor: Redactor) -> Value:
    if isinstance(value, Mapping):
        return {redactor.text(str(key)): _figures(each, redactor) for key, each in value.items()}
    return value if isinstance(value, (int, float)) else redactor.value(value)


def _change(steps: Sequence[_Step], redactor: Redactor, names: "_Urns") -> tuple[Change, list[str]]:
    """What the steps of one resource come to, and what a reader has to know besides."""
    op = _op(steps)
    old, new = _states(steps, op)
    was, will = old or {}, new or {}
    urn = names.clean(steps[0].urn)
    kind = urns.kind(steps[0].urn)
    hidden = was.get("secret", frozenset()) | will.get("secret", frozenset())

    def inputs(state: Mapping[str, Any] | None, other: Mapping[str, Any]) -> Mapping[str, Value] | None:
        if state is None:
            return None
        return redactor.inputs(state["inputs"], kind=kind, hidden=hidden, twin=other.get("inputs"))

    state = was or will
    detailed = {name: each for step in steps for name, each in step.detailed.items()}
    forced = dict.fromkeys(key for step in steps for key in step.keys)
    forced = forced or dict.fromkeys(name for name, each in detailed.items() if each.endswith("-replace"))
    reported = dict.fromkeys(detailed) or dict.fromkeys(name for step in steps for name in step.diffs)
    provider = next((each for step in steps if (each := step.provider)), "") or state.get("provider", "")
    depends = {
        redactor.text(name): tuple(map(names.clean, each))
        for name, each in (will or was).get("depends", {}).items()
        if each
    }
    change = Change(
        urn=urn,
        op=op,
        old=inputs(old, will),
        new=inputs(new, was),
        parent=names.clean((will or was).get("parent", "")),
        id=redactor.text(state.get("id", "")),
        custom=state.get("custom", True),
        protected=state.get("protect", False),
        retained=state.get("retainOnDelete", False),
        unprotected=bool(new and was.get("protect") and not will.get("protect")),
        unretained=bool(new and was.get("retainOnDelete") and not will.get("retainOnDelete")),
        deletes_first=op is Op.REPLACE and _deletes_first(steps),
        pending=was.get("pendingReplacement", False),
        tainted=was.get("taint", False),
        triggered=bool(old and new and old["replacementTrigger"] != new["replacementTrigger"]),
        replaces_on=tuple(map(redactor.text, will.get("replaceOnChanges", ()))),
        replaced_with=tuple(map(names.clean, will.get("replaceWith", ()))),
        deleted_with=names.clean(was.get("deletedWith", "")),
        forced_by=tuple(map(redactor.text, forced)) if op is Op.REPLACE else (),
        reported=tuple(map(redactor.text, reported)),
        depends=depends,
        after=tuple(map(names.clean, (will or was).get("after", ()))),
        # A reference to a provider is its URN and its id.
        provider=names.clean(provider.rsplit("::", 1)[0]),
    )
    return change, _notes(steps, op, redactor)


def _op(steps: Sequence[_Step]) -> Op:
    """What happens to a resource, by all of its steps."""
    ops = [_meaning(step) for step in steps if step.op not in (*_OLD_GOES, _FORGOTTEN)]
    if Op.REPLACE in ops:
        return Op.REPLACE
    # With `--refresh` there is a step for what the cloud has, and then one for what the program wants.
    if acting := [op for op in ops if op is not Op.SAME]:
        return acting[-1]
    if ops:
        return Op.SAME
    return Op.DELETE if any(step.op == "delete-replaced" for step in steps) else Op.FORGET


def _meaning(step: _Step) -> Op:
    old = step.old or {}
    if step.op == "delete" and (old.get("external") or (old.get("retainOnDelete") and old.get("custom"))):
        return Op.FORGET
    if step.op in _OPS:
        return _OPS[step.op]
    return Op.UPDATE if step.old and step.new else Op.CREATE if step.new else Op.DELETE


def _states(steps: Sequence[_Step], op: Op) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
    """The state before all of the steps and the state after."""
    main = [step for step in steps if step.op not in (*_OLD_GOES, _FORGOTTEN)] or list(steps)
    if op in (Op.DELETE, Op.FORGET):
        return next((step.old for step in reversed(main) if step.old), None), None
    if op is Op.CREATE:
        return None, next((step.new for step in reversed(main) if step.new), None)
    old = next((step.old for step in main if step.old), None)
    new = next((step.new for step in reversed(main) if step.new), None)
    # What stays the same may be written down once.
    return (old or new, new or old) if op is Op.SAME else (old, new)


def _deletes_first(steps: Sequence[_Step]) -> bool:
    """Whether the old resource goes before the new one comes.

    The digest leaves the steps out that tell it, unless the preview was asked to show them. Then the old state tells
    it: the engine marks what it deleted first as pending its replacement.
    """
    for step in steps:
        if step.op in _OLD_GOES:
            return True
        if step.op in ("create-replacement", "read-replacement", "import-replacement"):
            return False
    return any(step.old is not None and step.old["pendingReplacement"] for step in steps)


def _notes(steps: Sequence[_Step], op: Op, redactor: Redactor) -> list[str]:
    """What happens to copies that an interrupted update left behind."""
    notes = []
    for step in steps:
        if op is not Op.REPLACE and step.op in _OLD_GOES:
            known = redactor.text((step.old or {}).get("id", ""))
            what = f"An old copy ({known})" if known else "An old copy"
            notes.append(f"{what} that an interrupted replacement left behind is deleted.")
        if step.op == _FORGOTTEN and op is Op.FORGET:
            notes.append("An interrupted replacement deleted it already; the stack forgets it.")
    return notes


class _Urns:
    """URNs without secrets; two that were different stay different."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._clean: dict[str, str] = {"": ""}
        self._taken: set[str] = set()

    def clean(self, urn: str) -> str:
        """The URN with the secrets struck out of its name."""
        if urn not in self._clean:
            head, sign, name = urn.rpartition("::")
            clean = first = head + sign + self._redactor.text(name)
            number = 2
            while clean in self._taken:
                clean, number = f"{first} {number}", number + 1
            self._taken.add(clean)
            self._clean[urn] = clean
        return self._clean[urn]


def _urn(value: Any, place: str, *, needed: bool = False) -> str:
    urn = _text(value, place)
    if (urn or needed) and not (urn.startswith("urn:pulumi:") and urn.count("::") >= 3):
        raise PlanError(f"{place} is {urn[:80]!r}, which is no URN of Pulumi; {EXPECTED}.")
    return urn


def _mapping(value: Any, place: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise PlanError(f"{place} is {_kind(value)} where a mapping belongs; {EXPECTED}.")
    return value


def _list(value: Any, place: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise PlanError(f"{place} is {_kind(value)} where a list belongs; {EXPECTED}.")
    return value


def _texts(value: Any, place: str) -> list[str]:
    return [_text(each, f"{place}[{number}]") for number, each in enumerate(_list(value, place))]


def _text(value: Any, place: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise PlanError(f"{place} is {_kind(value)} where a text belongs; {EXPECTED}.")
    # JSON can escape half a character, which no file can hold.
    return value if value.isascii() else value.encode(errors="replace").decode()


def _count(value: Any, place: str) -> int:
    if value is None:
        return 0
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise PlanError(f"{place} is {_kind(value)}, not a whole number; {EXPECTED}.")


def _flag(value: Any, place: str) -> bool:
    if value is None:
        return False
    if not isinstance(value, bool):
        raise PlanError(f"{place} is {_kind(value)} where true or false belongs; {EXPECTED}.")
    return value


def _kind(value: Any) -> str:
    """What a value is, in JSON's words."""
    words = {type(None): "null", bool: "true or false", str: "a text", list: "a list", dict: "a mapping"}
    return words.get(type(value), "a number")

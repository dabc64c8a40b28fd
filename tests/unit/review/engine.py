"""Steps of Pulumi's engine as a digest and as a stream of events."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

PREFIX = "urn:pulumi:dev::shop::"
STACK = f"{PREFIX}pulumi:pulumi:Stack::shop-dev"
PROVIDER = f"{PREFIX}pulumi:providers:aws::default::1"

State = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """One step; `new` of a refresh is the state that it found."""

    op: str
    old: State | None = None
    new: State | None = None
    paths: tuple[str, ...] = ()
    """Different properties."""

    logical: bool = True
    """Whether the engine's summary counts it."""

    @property
    def urn(self) -> str:
        state = self.new or self.old
        assert state
        return str(state["urn"])


def state(type: str, name: str, inputs: Mapping[str, Any], **more: Any) -> State:
    shape = {"urn": f"{PREFIX}{type}::{name}", "type": type, "custom": True, "id": f"{name}-1", "parent": STACK}
    return {**shape, "provider": PROVIDER, "inputs": dict(inputs), "outputs": dict(inputs), **more}


ROOT = Step("same", *(2 * [{"urn": STACK, "type": "pulumi:pulumi:Stack", "custom": False}]))


def counted(steps: Iterable[Step]) -> dict[str, int]:
    """The engine's summary."""
    found: dict[str, int] = {}
    for each in steps:
        if each.logical:
            found[each.op] = found.get(each.op, 0) + 1
    return found


def digest(*steps: Step, **more: Any) -> str:
    """The output of `pulumi preview --json --show-sames --show-replacement-steps`."""
    written = [
        {
            "op": each.op,
            "urn": each.urn,
            **({"oldState": each.old} if each.old else {}),
            **({"newState": each.new} if each.new else {}),
            "detailedDiff": _detailed(each, "kind"),
            **({"replaceReasons": each.paths} if "replace" in each.op else {}),
            "diffReasons": each.paths,
        }
        for each in steps
    ]
    return json.dumps({"steps": written, "duration": 1, "changeSummary": counted(steps), **more})


def events(*steps: Step, more: Iterable[Mapping[str, Any]] = ()) -> str:
    """The event stream of the same preview."""
    found: list[Mapping[str, Any]] = [{"preludeEvent": {"config": {}}}]
    for each in steps:
        before = replace(each, new=each.old, paths=()) if each.op == "refresh" else each
        found.append({"resourcePreEvent": {"metadata": _metadata(before), "planning": True}})
        found.append({"resOutputsEvent": {"metadata": _metadata(each), "planning": True}})
    summary = {"resourceChanges": counted(steps), "isPreview": True, "result": "succeeded", "maybeCorrupt": False}
    found += [*more, {"summaryEvent": summary}, {"cancelEvent": {}}]
    return "".join(json.dumps({"sequence": number, "timestamp": 1, **each}) + "\n" for number, each in enumerate(found))


def _metadata(step: Step) -> dict[str, Any]:
    return {
        "op": step.op,
        "urn": step.urn,
        "type": step.urn.split("::")[2].split("$")[-1],
        "old": _event_state(step.old),
        "new": _event_state(step.new),
        "keys": step.paths if "replace" in step.op else (),
        "diffs": step.paths,
        "detailedDiff": _detailed(step, "diffKind"),
        "provider": (step.new or step.old or {}).get("provider", ""),
    }


def _event_state(state: State | None) -> State | None:
    """A state in an event, which omits false values and unsupported keys."""
    if state is None:
        return None
    left_out = {"viewOf", "dependencies", "propertyDependencies", "pendingReplacement"}
    return {"id": "", "provider": "", **{key: each for key, each in state.items() if each and key not in left_out}}


def _detailed(step: Step, kind: str) -> dict[str, Any] | None:
    if not step.paths:
        return None
    forces = "-replace" if "replace" in step.op else ""
    return {path: {kind: f"update{forces}", "inputDiff": True} for path in step.paths}

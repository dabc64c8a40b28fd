"""Decide what to do about each operation of an interrupted update. Pure functions of a state and lookup results."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from mlpctl import urns
from mlpctl.review.values.marks import SIGNATURE
from mlplatform.component import NAME_TAG, STACK_TAG

AUTO_NAME_DIGITS: Final = 7
"""Number of random hexadecimal digits at the end of an auto-generated name in AWS; in Kubernetes, eight."""

FOUND: Final = "found"
IF_THERE: Final = "if it exists"

Deployment = Mapping[str, Any]
"""A stack's state: the `deployment` in the output of `pulumi stack export`."""


class UnavailableInput(LookupError):
    """The state does not contain an input that the lookup of a resource needs; the text is for the user."""


@dataclass(frozen=True)
class PlainInputs(Mapping[str, Any]):
    """Inputs in a state. An input that is missing or encrypted raises `UnavailableInput`."""

    raw: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        value = self.raw.get(name)
        if value is None:
            raise UnavailableInput(f"the state does not contain its {name}")
        if isinstance(value, Mapping):
            if SIGNATURE in value:
                raise UnavailableInput(f"its {name} is a secret, which is encrypted in the state")
            return PlainInputs(value)
        return value

    def get(self, name: str, default: Any = None) -> Any:
        """The input, or `default` if it is missing."""
        return default if self.raw.get(name) is None else self[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.raw)

    def __len__(self) -> int:
        return len(self.raw)


@dataclass(frozen=True)
class Pending:
    """An operation that was started and whose result is not in the state."""

    operation: str
    """`creating`, `updating`, `deleting`, `reading` or `importing`."""

    resource: Mapping[str, Any]
    """The resource's entry in the state: URN, type, resolved inputs, parent, provider, dependencies."""

    @property
    def urn(self) -> str:
        """The resource's URN."""
        return str(self.resource["urn"])

    @property
    def type(self) -> str:
        """The resource's type token."""
        return str(self.resource["type"])

    @property
    def name(self) -> str:
        """The resource's logical name."""
        return urns.name(self.urn)

    @property
    def inputs(self) -> Mapping[str, Any]:
        """The resource's inputs."""
        return self.resource.get("inputs") or {}

    @property
    def plain_inputs(self) -> "PlainInputs":
        """The resource's inputs, which raise `UnavailableInput` if they are missing or encrypted."""
        return PlainInputs(self.inputs)

    def inputs_with_id(self, id: str) -> "PlainInputs":
        """The same, with the id as the input `id`."""
        return PlainInputs({**self.inputs, "id": id})

    @property
    def id(self) -> str:
        """The resource's id in the state; empty if it has none."""
        return str(self.resource.get("id") or "")

    @property
    def marks(self) -> Mapping[str, str]:
        """The tags that identify this resource."""
        return {STACK_TAG: f"{urns.project(self.urn)}/{urns.stack(self.urn)}", NAME_TAG: self.name}


@dataclass(frozen=True)
class Candidate:
    """A resource in AWS or in a cluster that the operation may have created."""

    id: str
    """Its id in the state."""

    tags: Mapping[str, str] | None = None
    """Its tags; None if the type has no tags and its parent identifies it."""

    outputs: Mapping[str, Any] = field(default_factory=dict)
    """Outputs that the provider needs to read it, in addition to id and inputs."""


@dataclass(frozen=True)
class Idempotent:
    """Creating it a second time creates no duplicate, for this reason."""

    reason: str


@dataclass(frozen=True)
class Known:
    """The id follows from the inputs; the refresh detects whether the resource exists."""

    id: str


@dataclass(frozen=True)
class Found:
    """The results of the lookup, which may include resources that are already in the state."""

    candidates: Sequence[Candidate] = ()
    delete: str = ""
    """Command that deletes a candidate, with `{id}`."""


@dataclass(frozen=True)
class LookupFailed:
    """The lookup was not possible, for this reason."""

    reason: str


Finding = Idempotent | Known | Found | LookupFailed


class Verdict(Enum):
    """What is done about a pending operation."""

    IMPORT = "import"
    DROP = "drop"
    REFRESH = "refresh"
    ASK = "ask"


@dataclass(frozen=True)
class Action:
    """The action for one pending operation, and its reason."""

    pending: Pending
    verdict: Verdict
    reason: str
    id: str = ""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    choices: Sequence[str] = ()
    """Ids to choose from."""

    delete: str = ""
    """Command that deletes one of them, with `{id}`."""


@dataclass(frozen=True)
class Choices:
    """The user's decisions, by logical name or URN."""

    take: Mapping[str, str] = field(default_factory=dict)
    """Ids of the resources to import."""

    drop: frozenset[str] = frozenset()
    """Resources that do not exist, regardless of the lookup results."""

    def unknown(self, pending: Sequence[Pending]) -> list[str]:
        """Names that match no pending operation, or more than one."""
        return [
            name
            for name in (*self.take, *sorted(self.drop))
            if len([each for each in pending if name in (each.urn, each.name)]) != 1
        ]


def pending(deployment: Deployment) -> list[Pending]:
    """The pending operations of a state, ordered by URN."""
    operations = deployment.get("pending_operations") or []
    return sorted((Pending(each["type"], each["resource"]) for each in operations), key=lambda each: each.urn)


def needs_lookup(each: Pending) -> bool:
    """Whether the operation may have created something that is missing in the state."""
    made = each.resource.get("custom") and not each.type.startswith("pulumi:providers:")
    return each.operation == "creating" and bool(made)


def decide(each: Pending, finding: Finding | None, taken: frozenset[str], choices: Choices) -> Action:
    """The action for one operation.

    Args:
        each: The operation.
        finding: The result of its lookup; None if it needs none.
        taken: Ids of its type that are already in the state.
        choices: The user's decisions.
    """
    if each.name in choices.drop or each.urn in choices.drop:
        return Action(each, Verdict.DROP, "as you chose")
    chosen = choices.take.get(each.urn) or choices.take.get(each.name)
    if chosen:
        outputs = next((item.outputs for item in _candidates(finding) if item.id == chosen), {})
        return Action(each, Verdict.IMPORT, "as you chose", chosen, outputs)
    if not needs_lookup(each):
        if each.operation in ("updating", "deleting"):
            return Action(each, Verdict.REFRESH, "its current state is read; the next update does the rest")
        return Action(each, Verdict.DROP, "creates nothing outside the state")
    match finding:
        case Idempotent(reason):
            return Action(each, Verdict.DROP, reason)
        case Known(id):
            return Action(each, Verdict.IMPORT, IF_THERE, id)
        case LookupFailed(reason):
            return Action(each, Verdict.ASK, reason)
    return _among(each, [item for item in _candidates(finding) if item.id not in taken], finding)


def _among(each: Pending, candidates: Sequence[Candidate], finding: Finding | None) -> Action:
    ours = [item for item in candidates if _is_made_by(each, item)]
    delete = finding.delete if isinstance(finding, Found) else ""
    if len(ours) == 1:
        return Action(each, Verdict.IMPORT, FOUND, ours[0].id, ours[0].outputs)
    if ours:
        ids = [item.id for item in ours]
        return Action(each, Verdict.ASK, f"{len(ids)} resources have its name tag", choices=ids, delete=delete)
    if candidates:
        ids = [item.id for item in candidates]
        return Action(
            each, Verdict.ASK, "its name is in use, without the tags of this stack", choices=ids, delete=delete
        )
    return Action(each, Verdict.DROP, "was not created")


def _is_made_by(each: Pending, item: Candidate) -> bool:
    if item.tags is None or each.marks.items() <= item.tags.items():
        return True
    # Tags may be added in a second step, which did not happen. The random digits of a name identify it as well.
    return STACK_TAG not in item.tags and is_auto_name(each.name, item.id)


def is_auto_name(logical: str, id: str) -> bool:
    """Whether the last part of an id is a name that consists of the logical name and random digits."""
    return re.fullmatch(rf"{re.escape(logical)}-[0-9a-f]{{{AUTO_NAME_DIGITS},}}", re.split("[:/]", id)[-1]) is not None


def _candidates(finding: Finding | None) -> Sequence[Candidate]:
    return finding.candidates if isinstance(finding, Found) else ()


def recovered(deployment: Deployment, actions: Sequence[Action]) -> dict[str, Any]:
    """The state with all imported resources, and without pending operations.

    An imported resource has the inputs, the parent and the dependencies that the interrupted update used. Its outputs
    are its inputs, as right after a creation. `refreshBeforeUpdate` makes the engine read the other outputs before
    they are used, in case the refresh that follows is interrupted.
    """
    resources = list(deployment.get("resources") or [])
    for action in actions:
        if action.verdict is Verdict.IMPORT:
            resources = [*_without_predecessor(resources, action), _adopted(action)]
    return {**deployment, "resources": resources, "pending_operations": []}


def _adopted(action: Action) -> dict[str, Any]:
    inputs = action.pending.inputs
    rest = {"id": action.id, "outputs": {**inputs, **action.outputs}, "refreshBeforeUpdate": True}
    return {**action.pending.resource, **rest}


def _without_predecessor(resources: Sequence[Mapping[str, Any]], action: Action) -> Iterator[Mapping[str, Any]]:
    """The resources. The one that this creation replaces is marked for deletion, unless it was already deleted."""
    for each in resources:
        if each["urn"] != action.pending.urn or each.get("delete"):
            yield each
        elif not each.get("pendingReplacement") and each.get("id") != action.id:
            yield {**each, "delete": True}


def taken(deployment: Deployment, type: str) -> frozenset[str]:
    """Ids of a type in the state."""
    return frozenset(
        each["id"] for each in deployment.get("resources") or [] if each["type"] == type and each.get("id")
    )


def refreshed(actions: Sequence[Action]) -> list[str]:
    """URNs of the resources that must be refreshed."""
    return [each.pending.urn for each in actions if each.verdict in (Verdict.IMPORT, Verdict.REFRESH)]


def commands(action: Action, recovery: str) -> list[tuple[str, str]]:
    """Commands for an action that needs a decision, with their meanings. `recovery` is the command that was run."""
    name = action.pending.name
    ids = action.choices or ["ID"]
    take = [(f"{recovery} --import {name}={id}", "import it") for id in ids]
    delete = [(action.delete.format(id=id), "delete it") for id in action.choices if action.delete]
    return [*take, *delete, (f"{recovery} --drop {name}", "none of them: the next update creates it")]

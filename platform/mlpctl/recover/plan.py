"""What to do about each operation that a killed update had begun: pure functions from a state and what was found."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from mlpctl import urns
from mlpctl.review.marks import SIGNATURE
from mlplatform.component import NAME_TAG, STACK_TAG

AUTO_NAME_DIGITS: Final = 7
"""Random hexadecimal digits at the end of an automatic name in AWS; Kubernetes' have eight."""

FOUND: Final = "found"
IF_THERE: Final = "if it is there"

Deployment = Mapping[str, Any]
"""A stack's state as `pulumi stack export` writes it, below `deployment`."""


class Unsaid(LookupError):
    """An input by which a resource would be looked for, and which the state does not say; the text is for the user."""


@dataclass(frozen=True)
class Said(Mapping[str, Any]):
    """Inputs as a state has them. One that is missing, or only there encrypted, raises `Unsaid`."""

    raw: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        value = self.raw.get(name)
        if value is None:
            raise Unsaid(f"the state does not say its {name}")
        if isinstance(value, Mapping):
            if SIGNATURE in value:
                raise Unsaid(f"its {name} is a secret, which the state has encrypted")
            return Said(value)
        return value

    def get(self, name: str, default: Any = None) -> Any:
        """The input, or `default` where there is none."""
        return default if self.raw.get(name) is None else self[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.raw)

    def __len__(self) -> int:
        return len(self.raw)


@dataclass(frozen=True)
class Pending:
    """An operation that had begun and of which the state does not say how it ended."""

    operation: str
    """`creating`, `updating`, `deleting`, `reading` or `importing`."""

    resource: Mapping[str, Any]
    """The resource as the state will have it: URN, type, resolved inputs, parent, provider, dependencies."""

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
    def said(self) -> "Said":
        """The resource's inputs, as far as the state says them in plain text."""
        return Said(self.inputs)

    def called(self, id: str) -> "Said":
        """The same, with an id."""
        return Said({**self.inputs, "id": id})

    @property
    def id(self) -> str:
        """The id that the state has of it; empty for what it does not know."""
        return str(self.resource.get("id") or "")

    @property
    def marks(self) -> Mapping[str, str]:
        """The tags that tell this resource from all others."""
        stack, project, *_ = self.urn.removeprefix("urn:pulumi:").split("::")
        return {STACK_TAG: f"{project}/{stack}", NAME_TAG: self.name}


@dataclass(frozen=True)
class Candidate:
    """Something in AWS or in a cluster that may be what the operation made."""

    id: str
    """As the state names it."""

    tags: Mapping[str, str] | None = None
    """Its tags; None where the type has none, and its place alone tells what it is."""

    outputs: Mapping[str, Any] = field(default_factory=dict)
    """Outputs by which the provider reads it, beside id and inputs."""


@dataclass(frozen=True)
class Again:
    """Making it a second time makes nothing twice, for this reason."""

    reason: str


@dataclass(frozen=True)
class Known:
    """Its inputs say its id; the refresh will find out whether it is there."""

    id: str


@dataclass(frozen=True)
class Found:
    """What the look-up found, resources that the state has already among it."""

    candidates: Sequence[Candidate] = ()
    delete: str = ""
    """Command that deletes one, with `{id}`."""


@dataclass(frozen=True)
class Unseen:
    """It could not be looked up, for this reason."""

    reason: str


Finding = Again | Known | Found | Unseen


class Verdict(Enum):
    """What becomes of a pending operation."""

    IMPORT = "import"
    DROP = "drop"
    REFRESH = "refresh"
    ASK = "ask"


@dataclass(frozen=True)
class Action:
    """What is done about one pending operation, and why."""

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
    """What the user decided: by logical name or URN."""

    take: Mapping[str, str] = field(default_factory=dict)
    """Ids of what is taken over."""

    drop: frozenset[str] = frozenset()
    """What is not there, whatever is found."""

    def unknown(self, pending: Sequence[Pending]) -> list[str]:
        """Names that no pending operation has, or more than one."""
        return [
            name
            for name in (*self.take, *sorted(self.drop))
            if len([each for each in pending if name in (each.urn, each.name)]) != 1
        ]


def pending(deployment: Deployment) -> list[Pending]:
    """The pending operations of a state, in order of URN."""
    operations = deployment.get("pending_operations") or []
    return sorted((Pending(each["type"], each["resource"]) for each in operations), key=lambda each: each.urn)


def is_looked_for(each: Pending) -> bool:
    """Whether it may have made something that the state does not know of."""
    made = each.resource.get("custom") and not each.type.startswith("pulumi:providers:")
    return each.operation == "creating" and bool(made)


def decide(each: Pending, finding: Finding | None, taken: frozenset[str], choices: Choices) -> Action:
    """What to do about one operation.

    Args:
        each: the operation.
        finding: what was found of it; None for one that is not looked for.
        taken: ids of its type that the state has already.
        choices: what the user decided.
    """
    if each.name in choices.drop or each.urn in choices.drop:
        return Action(each, Verdict.DROP, "you said so")
    chosen = choices.take.get(each.urn) or choices.take.get(each.name)
    if chosen:
        outputs = next((item.outputs for item in _candidates(finding) if item.id == chosen), {})
        return Action(each, Verdict.IMPORT, "you said so", chosen, outputs)
    if not is_looked_for(each):
        if each.operation in ("updating", "deleting"):
            return Action(each, Verdict.REFRESH, "read as it is now; the next update does the rest")
        return Action(each, Verdict.DROP, "makes nothing outside of the state")
    match finding:
        case Again(reason):
            return Action(each, Verdict.DROP, reason)
        case Known(id):
            return Action(each, Verdict.IMPORT, IF_THERE, id)
        case Unseen(reason):
            return Action(each, Verdict.ASK, reason)
    return _among(each, [item for item in _candidates(finding) if item.id not in taken], finding)


def _among(each: Pending, candidates: Sequence[Candidate], finding: Finding | None) -> Action:
    ours = [item for item in candidates if _is_made_by(each, item)]
    delete = finding.delete if isinstance(finding, Found) else ""
    if len(ours) == 1:
        return Action(each, Verdict.IMPORT, FOUND, ours[0].id, ours[0].outputs)
    if ours:
        ids = [item.id for item in ours]
        return Action(each, Verdict.ASK, f"{len(ids)} bear its name", choices=ids, delete=delete)
    if candidates:
        ids = [item.id for item in candidates]
        return Action(
            each, Verdict.ASK, "its name is taken, without the tags of this stack", choices=ids, delete=delete
        )
    return Action(each, Verdict.DROP, "was not made")


def _is_made_by(each: Pending, item: Candidate) -> bool:
    if item.tags is None or each.marks.items() <= item.tags.items():
        return True
    # Tags may come in a second step, which the crash prevented. Random digits are as good a proof.
    return STACK_TAG not in item.tags and is_auto_name(each.name, item.id)


def is_auto_name(logical: str, id: str) -> bool:
    """Whether the last part of an id is a name that was made of the logical name and random digits."""
    return re.fullmatch(rf"{re.escape(logical)}-[0-9a-f]{{{AUTO_NAME_DIGITS},}}", re.split("[:/]", id)[-1]) is not None


def _candidates(finding: Finding | None) -> Sequence[Candidate]:
    return finding.candidates if isinstance(finding, Found) else ()


def recovered(deployment: Deployment, actions: Sequence[Action]) -> dict[str, Any]:
    """The state with everything that is imported, and without pending operations.

    What is imported keeps the inputs, the parent and the dependencies that the update had for it. Its outputs are what
    a provider has right after a creation: the inputs. `refreshBeforeUpdate` has the engine read the rest before
    anything else uses it, should the refresh that follows not come to its end.
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
    """The resources, of which the one that this creation replaces waits for its deletion, if it was not deleted."""
    for each in resources:
        if each["urn"] != action.pending.urn or each.get("delete"):
            yield each
        elif not each.get("pendingReplacement") and each.get("id") != action.id:
            yield {**each, "delete": True}


def taken(deployment: Deployment, type: str) -> frozenset[str]:
    """Ids of a type that the state has."""
    return frozenset(
        each["id"] for each in deployment.get("resources") or [] if each["type"] == type and each.get("id")
    )


def refreshed(actions: Sequence[Action]) -> list[str]:
    """URNs of what has to be read."""
    return [each.pending.urn for each in actions if each.verdict in (Verdict.IMPORT, Verdict.REFRESH)]


def commands(action: Action, recovery: str) -> list[tuple[str, str]]:
    """What the user can do about an action that asks: command and meaning. `recovery` is the command that was run."""
    name = action.pending.name
    ids = action.choices or ["ID"]
    take = [(f"{recovery} --import {name}={id}", "take it over") for id in ids]
    delete = [(action.delete.format(id=id), "delete it") for id in action.choices if action.delete]
    return [*take, *delete, (f"{recovery} --drop {name}", "none of them: the next update makes it")]

"""Reads the state of a stack as a plan that changes nothing, so that everything that judges plans judges it too."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mlpctl import urns
from mlpctl.keys import PLATFORM, REGION
from mlpctl.review.plan.model import Message, Plan
from mlpctl.review.reading import reader
from mlpctl.review.reading.steps import Raw, step

Deployment = Mapping[str, Any]
"""The content of `deployment` in the output of `pulumi stack export`."""

EMPTY: Final = "The state contains no resources, so there is nothing to judge."
INTERRUPTED: Final = "The last update was interrupted, so there may be resources that the state does not contain."


def plan_of(deployment: Deployment, config: Mapping[str, Any], *, sandbox: bool) -> Plan:
    """The resources of a state, all unchanged, with secrets redacted as in every plan.

    Old copies, which wait for their deletion, and resources that are already deleted are left out: see `left_out`.

    Args:
        deployment: the state.
        config: the section `config` of the stack file; the platform's part of it decides on levels and waivers.
        sandbox: whether the sandbox replaces AWS.

    Raises:
        PlanError: the state is malformed.
    """
    steps = []
    for number, each in enumerate(_resources(deployment)):
        if not _goes(each):
            op = "read" if each.get("external") else "same"
            raw = {"op": op, "urn": each.get("urn"), "oldState": each, "newState": each}
            steps.append(step(raw, f"resources[{number}]", streamed=False))
    incomplete = [INTERRUPTED] if deployment.get("pending_operations") else []
    if not any(each.get("custom") for each in _resources(deployment)):
        incomplete.append(EMPTY)
    ours = {key: config[key] for key in (REGION, PLATFORM) if key in config}
    return reader.built(Raw(config=ours, steps=steps, incomplete=incomplete), sandbox=sandbox)


def left_out(deployment: Deployment) -> list[Message]:
    """The resources of a state that are not judged, with the reason."""
    return [
        Message(
            "info",
            "an interrupted replacement already deleted it"
            if each.get("pendingReplacement")
            else "an old copy from a replacement, which the next update deletes",
            str(each.get("urn")),
        )
        for each in _resources(deployment)
        if _goes(each)
    ]


def arns(deployment: Deployment) -> frozenset[str]:
    """The ARNs in a state: of everything that the stack manages or refers to."""
    values = (each.get(part) for each in _resources(deployment) for part in ("outputs", "inputs"))
    return frozenset(arn for value in values for arn in _arns(value))


def ids(deployment: Deployment) -> frozenset[str]:
    """The IDs of the resources in a state."""
    return frozenset(str(each["id"]) for each in _resources(deployment) if each.get("id"))


@dataclass(frozen=True)
class Known:
    """A resource of a state whose own ARN is not in the state."""

    type: str
    """Module and class in small letters, e.g. `ec2:natgateway`."""

    id: str
    region: str
    """Its region; empty if the state does not contain it."""


def without_arn(deployment: Deployment) -> list[Known]:
    """The resources of a state whose own ARNs are not in it."""
    return [
        Known(_type(str(each.get("type"))), str(each.get("id")), str(_of(each, "region") or ""))
        for each in _resources(deployment)
        if each.get("custom") and each.get("id") and not _of(each, "arn")
    ]


def _of(resource: Mapping[str, Any], field: str) -> Any:
    outputs = resource.get("outputs")
    return outputs.get(field) if isinstance(outputs, Mapping) else None


def _type(token: str) -> str:
    """Module and class of a type, e.g. of `aws:ec2/natGateway:NatGateway`, in small letters."""
    module = token.partition(":")[2].partition("/")[0].partition(":")[0]
    return f"{module}:{urns.class_of(token)}".lower()


def _arns(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if value.startswith("arn:"):
            yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _arns(each)
    elif isinstance(value, list):
        for each in value:
            yield from _arns(each)


def _resources(deployment: Deployment) -> list[Mapping[str, Any]]:
    return [each for each in deployment.get("resources") or () if isinstance(each, Mapping)]


def _goes(resource: Mapping[str, Any]) -> bool:
    return bool(resource.get("delete") or resource.get("pendingReplacement"))

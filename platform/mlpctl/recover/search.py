"""Looks in AWS and in the cluster for what a killed update may have made."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from mlpctl.recover.kinds import KINDS, Id, Look, filled
from mlpctl.recover.plan import (
    FOUND,
    Action,
    Again,
    Candidate,
    Deployment,
    Finding,
    Found,
    Known,
    Pending,
    Unseen,
    Verdict,
    taken,
)
from mlpctl.sandbox.kubernetes.objects import Reference
from mlpctl.sandbox.kubernetes.settings import Connection, Settings
from mlpctl.sandbox.provider import ProviderError
from mlplatform.component import NAME_ANNOTATION, NAME_TAG, STACK_ANNOTATION, STACK_TAG

KUBERNETES: Final = "kubernetes:"
ANNOTATIONS: Final = {STACK_ANNOTATION: STACK_TAG, NAME_ANNOTATION: NAME_TAG}
FIELD_MANAGER: Final = "__fieldManager"
"""Output in which pulumi-kubernetes keeps the name under which it owns the fields of an object."""

AGAIN_AFTER_S: Final = 2.0


class Search:
    """Look-ups for one stack, with the credentials of this process's environment."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._providers = {
            f"{each['urn']}::{each.get('id')}": each.get("inputs") or {} for each in deployment.get("resources") or []
        }
        self._session = boto3.session.Session()
        self._connections: dict[str, Connection] = {}

    def find(self, pending: Sequence[Pending], patience_s: float) -> dict[str, Finding]:
        """What is found of each, by URN.

        AWS may list what was made a moment ago only later: what is missing is looked for again for `patience_s`.
        """
        deadline = time.monotonic() + patience_s
        findings = {each.urn: self.look(each) for each in pending}
        while missing := [each for each in pending if self._is_missing(each, findings[each.urn])]:
            if time.monotonic() >= deadline:
                break
            time.sleep(AGAIN_AFTER_S)
            findings |= {each.urn: self.look(each) for each in missing}
        return findings

    def _is_missing(self, each: Pending, finding: Finding) -> bool:
        known = taken(self._deployment, each.type)
        return isinstance(finding, Found) and all(item.id in known for item in finding.candidates)

    def look(self, each: Pending) -> Finding:
        """What is there of one."""
        if each.type.startswith(KUBERNETES):
            return self._object(each)
        match KINDS.get(each.type):
            case Again() as again:
                return again
            case Id() as id:
                return Known(id.of(each.inputs))
            case Look(service, find):
                try:
                    candidates = tuple(find(self._client(service, each), each.inputs, each.marks))
                except (BotoCoreError, ClientError) as error:
                    return Unseen(f"AWS cannot be asked: {error}")
                return Found(candidates, _delete(each))
        return Unseen(f"mlpctl does not know how to find an {each.type}")

    def wait_until_ready(self, action: Action) -> Action:
        """Wait for what is found but still being made; an action that asks if it fails.

        What the user decided is not waited for.
        """
        kind = KINDS.get(action.pending.type)
        if action.reason != FOUND or not isinstance(kind, Look) or kind.ready is None:
            return action
        inputs = {**action.pending.inputs, "id": action.id}
        waiter = self._client(kind.service, action.pending).get_waiter(kind.ready.waiter)
        try:
            waiter.wait(**filled(kind.ready.call, inputs))
        except WaiterError as error:
            delete = _delete(action.pending)
            return Action(action.pending, Verdict.ASK, f"is not ready: {error}", choices=(action.id,), delete=delete)
        return action

    def _client(self, service: str, each: Pending) -> Any:
        configured = self._providers.get(str(each.resource.get("provider")), {})
        return self._session.client(service, region_name=each.inputs.get("region") or configured.get("region"))

    def _object(self, each: Pending) -> Finding:
        configured = self._providers.get(str(each.resource.get("provider")), {})
        if not isinstance(configured.get("kubeconfig"), str):
            return Unseen("its provider says no kubeconfig that can be read")
        try:
            connection = self._connection(configured)
            sought = Reference.to(each.inputs)
            live = connection.cluster.get(replace(sought, namespace=sought.namespace or connection.namespace))
        except ProviderError as error:
            return Unseen(f"the cluster cannot be asked: {error}")
        return Found((_candidate(live),) if live else (), _delete(each))

    def _connection(self, configured: Mapping[str, Any]) -> Connection:
        kubeconfig = configured["kubeconfig"]
        if kubeconfig not in self._connections:
            settings = Settings.of(configured)
            self._connections[kubeconfig] = settings.connect(*settings.source(None))
        return self._connections[kubeconfig]


def _delete(each: Pending) -> str:
    kind = KINDS.get(each.type)
    if isinstance(kind, Look):
        return str(filled(kind.delete, {**each.inputs, "id": "{id}"}))
    if each.type.startswith(KUBERNETES):
        metadata = each.inputs["metadata"]
        namespace = f" --namespace {metadata['namespace']}" if metadata.get("namespace") else ""
        return f"kubectl delete {each.inputs['kind'].lower()} {metadata['name']}{namespace}"
    return ""


def _candidate(live: Mapping[str, Any]) -> Candidate:
    metadata = live["metadata"]
    annotations = metadata.get("annotations") or {}
    tags = {tag: annotations[key] for key, tag in ANNOTATIONS.items() if key in annotations}
    applied = [each["manager"] for each in metadata.get("managedFields") or () if each["operation"] == "Apply"]
    manager = next((name for name in applied if name.startswith("pulumi-kubernetes-")), None)
    return Candidate(Reference.to(live).id, tags, {FIELD_MANAGER: manager} if manager else {})

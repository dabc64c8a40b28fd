"""Looks in AWS and in the cluster for what a killed update may have made."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from awsfacts.recovery import Ready
from mlpctl.recover.asking import filled
from mlpctl.recover.cluster import Cluster, ClusterError
from mlpctl.recover.kinds import Id, Look, moves, way
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
    Unsaid,
    Unseen,
    Verdict,
    taken,
)
from mlpctl.stack import StackError
from mlplatform.component import NAME_ANNOTATION, NAME_TAG, STACK_ANNOTATION, STACK_TAG

KUBERNETES: Final = "kubernetes:"
RELEASE: Final = "kubernetes:helm.sh/v3:Release"
HELM: Final = "owner=helm"
"""Label of the Secrets in which Helm keeps the revisions of its releases."""

ANNOTATIONS: Final = {STACK_ANNOTATION: STACK_TAG, NAME_ANNOTATION: NAME_TAG}
FIELD_MANAGER: Final = "__fieldManager"
"""Output in which pulumi-kubernetes keeps the name under which it owns the fields of an object."""

AGAIN_AFTER_S: Final = 2.0

LONGEST_CHANGE_S: Final = 3600.0
"""Seconds that a change which a killed update had begun is waited for."""


class Search:
    """Look-ups for one stack, with the credentials of this process's environment."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._providers = {
            f"{each['urn']}::{each.get('id')}": each.get("inputs") or {} for each in deployment.get("resources") or []
        }
        self._session = boto3.session.Session()
        self._clusters: dict[str, Cluster] = {}

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
        try:
            return self._look(each)
        except Unsaid as missing:
            return Unseen(str(missing))

    def _look(self, each: Pending) -> Finding:
        if each.type.startswith(KUBERNETES):
            return self._object(each)
        match way(each.type):
            case Again() as again:
                return again
            case Id() as id:
                return Known(id.of(each.said))
            case Look(service, find):
                try:
                    candidates = tuple(find(self._client(service, each), each.said, each.marks))
                except (BotoCoreError, ClientError) as error:
                    return Unseen(f"AWS cannot be asked: {error}")
                return Found(candidates, _delete(each))
        return Unseen(f"mlpctl does not know how to find an {each.type}")

    def tagged(self, stack: str, region: str | None) -> list[str]:
        """ARNs of the resources that bear a stack's tag in a region, the session's by default; none without a region.

        The tagging API knows no IAM, and may lag behind.

        Raises:
            StackError: AWS cannot be asked.
        """
        where = region or self._session.region_name
        if where is None:
            return []
        wanted = [{"Key": STACK_TAG, "Values": [stack]}]
        try:
            pages = self._session.client("resourcegroupstaggingapi", where).get_paginator("get_resources")
            found = [
                each["ResourceARN"]
                for page in pages.paginate(TagFilters=wanted)
                for each in page["ResourceTagMappingList"]
            ]
        except (BotoCoreError, ClientError) as error:
            raise StackError(f"AWS cannot be asked for the resources of the stack: {error}") from None
        return sorted(found)

    def wait_until_ready(self, action: Action) -> Action:
        """Wait for what is still being made, changed or deleted; an action that asks if it fails.

        AWS refuses a change of what is in motion, and a refresh would take it for what it will not be. What the user
        decided is not waited for.
        """
        each, kind = action.pending, way(action.pending.type)
        if not isinstance(kind, Look) or kind.ready is None:
            return action
        try:
            if action.verdict is Verdict.REFRESH:
                return self._at_rest(action, kind.service, kind.ready)
            if action.reason == FOUND:
                call = filled(kind.ready.call, each.called(action.id))
                self._client(kind.service, each).get_waiter(kind.ready.waiter).wait(**call)
        except Unsaid as missing:
            return replace(action, verdict=Verdict.ASK, reason=str(missing))
        except (BotoCoreError, ClientError) as error:
            delete = _delete(each)
            return Action(each, Verdict.ASK, f"is not ready: {error}", choices=(action.id or each.id,), delete=delete)
        return action

    def _at_rest(self, action: Action, service: str, ready: Ready) -> Action:
        """Wait for the end of a change or deletion; an action that asks where it does not come."""
        each = action.pending
        client, inputs = self._client(service, each), each.called(each.id)
        deadline = time.monotonic() + LONGEST_CHANGE_S
        while moves(ready, client, inputs):
            if time.monotonic() > deadline:
                return replace(action, verdict=Verdict.ASK, reason="is still being changed")
            time.sleep(AGAIN_AFTER_S)
        return action

    def _client(self, service: str, each: Pending) -> Any:
        configured = self._providers.get(str(each.resource.get("provider")), {})
        return self._session.client(service, region_name=each.said.get("region") or configured.get("region"))

    def _object(self, each: Pending) -> Finding:
        configured = self._providers.get(str(each.resource.get("provider")), {})
        if not isinstance(configured.get("kubeconfig"), str):
            return Unseen("its provider says no kubeconfig that can be read")
        try:
            cluster = self._cluster(configured)
            if each.type == RELEASE:
                return _release(each, cluster)
            if _named_by_server(each):
                return _generated(each, cluster)
            metadata = each.said["metadata"]
            live = cluster.get(each.said["apiVersion"], each.said["kind"], metadata["name"], metadata.get("namespace"))
        except ClusterError as error:
            return Unseen(f"the cluster cannot be asked: {error}")
        return Found((_candidate(live),) if live else (), _delete(each))

    def _cluster(self, configured: Mapping[str, Any]) -> Cluster:
        kubeconfig = configured["kubeconfig"]
        if kubeconfig not in self._clusters:
            self._clusters[kubeconfig] = Cluster(configured)
        return self._clusters[kubeconfig]


def _release(each: Pending, cluster: Cluster) -> Finding:
    """A Helm release: its name and namespace say which it is, and Helm keeps a Secret of each revision."""
    name, namespace = each.said["name"], each.said.get("namespace") or cluster.namespace
    found = cluster.list("v1", "Secret", namespace, f"{HELM},name={name}")
    candidates = (Candidate(f"{namespace}/{name}"),) if found else ()
    return Found(candidates, f"helm uninstall {name} --namespace {namespace}")


def _named_by_server(each: Pending) -> bool:
    """Whether the API server puts an end to the object's name."""
    metadata = each.said.get("metadata", {})
    return bool(metadata.get("generateName")) and not metadata.get("name")


def _generated(each: Pending, cluster: Cluster) -> Finding:
    """An object with a name of the API server's: one of those that bear the stack's annotations."""
    namespace = each.said["metadata"].get("namespace") or cluster.namespace
    begins = each.said["metadata"]["generateName"]
    found = cluster.list(each.said["apiVersion"], each.said["kind"], namespace)
    there = [live for live in found if live["metadata"]["name"].startswith(begins)]
    ours = [one for one in map(_candidate, there) if each.marks.items() <= (one.tags or {}).items()]
    if there and not ours:
        return Unseen(f"its name is made by the API server, and {len(there)} begin with {begins}")
    return Found(tuple(ours))


def _delete(each: Pending) -> str:
    kind = way(each.type)
    if isinstance(kind, Look):
        return str(filled(kind.delete, each.called("{id}")))
    if each.type.startswith(KUBERNETES):
        metadata = each.said["metadata"]
        namespace = f" --namespace {metadata['namespace']}" if metadata.get("namespace") else ""
        return f"kubectl delete {each.said['kind'].lower()} {metadata['name']}{namespace}"
    return ""


def _candidate(live: Mapping[str, Any]) -> Candidate:
    metadata = live["metadata"]
    annotations = metadata.get("annotations") or {}
    tags = {tag: annotations[key] for key, tag in ANNOTATIONS.items() if key in annotations}
    applied = [each["manager"] for each in metadata.get("managedFields") or () if each["operation"] == "Apply"]
    manager = next((name for name in applied if name.startswith("pulumi-kubernetes-")), None)
    id = "/".join(filter(None, (metadata.get("namespace"), metadata["name"])))
    return Candidate(id, tags, {FIELD_MANAGER: manager} if manager else {})

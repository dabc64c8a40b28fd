"""Look up what an interrupted update may have created, in AWS and in the cluster."""

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from awsfacts.recovery import Ready
from mlpctl.recover.asking import filled
from mlpctl.recover.cluster import Cluster, ClusterError
from mlpctl.recover.kinds import Id, Look, in_transition, method
from mlpctl.recover.plan import (
    FOUND,
    Action,
    Candidate,
    Deployment,
    Finding,
    Found,
    Idempotent,
    Known,
    LookupFailed,
    Pending,
    UnavailableInput,
    Verdict,
    taken,
)
from mlpctl.stack import StackError
from mlpctl.tags import pairs
from mlplatform.component import NAME_ANNOTATION, NAME_TAG, STACK_ANNOTATION, STACK_TAG

KUBERNETES: Final = "kubernetes:"
RELEASE: Final = "kubernetes:helm.sh/v3:Release"
HELM: Final = "owner=helm"
"""Label of the Secrets in which Helm stores the revisions of its releases."""

ANNOTATIONS: Final = {STACK_ANNOTATION: STACK_TAG, NAME_ANNOTATION: NAME_TAG}
FIELD_MANAGER: Final = "__fieldManager"
"""Output in which pulumi-kubernetes stores its field manager name for an object."""

RETRY_DELAY_S: Final = 2.0

LONGEST_CHANGE_S: Final = 3600.0
"""Maximum wait in seconds for a change that an interrupted update had started."""


@contextmanager
def environment(env: Mapping[str, str]) -> Iterator[None]:
    """Run boto3 and the cluster's credential plugin with the environment of a stack's `pulumi` commands."""
    # A stack in an account has the environment of this process itself.
    before, during = dict(os.environ), dict(env)
    os.environ.clear()
    os.environ.update(during)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def tagged(env: Mapping[str, str], stack: str, regions: Iterable[str | None]) -> dict[str, dict[str, str]]:
    """The tags of the resources with a stack's tag in some regions, by ARN; see `Search.tagged`.

    Args:
        env: the environment of the stack's `pulumi` commands.
        stack: the value of the stack's tag.
        regions: the regions; None is the environment's own.

    Raises:
        StackError: a query to AWS failed.
    """
    with environment(env):
        search = Search({})
        return {arn: tags for region in regions for arn, tags in search.tags(region, stack).items()}


def tagged_by_project(env: Mapping[str, str], project: str, regions: Iterable[str | None]) -> dict[str, dict[str, str]]:
    """The tags of the resources with the tag of any stack of a project, whether that stack exists or not, by ARN.

    Args:
        env: the environment of the `pulumi` commands.
        project: name of the project.
        regions: the regions; None is the environment's own.

    Raises:
        StackError: a query to AWS failed.
    """
    with environment(env):
        search = Search({})
        found = {arn: tags for region in regions for arn, tags in search.tags(region).items()}
    return {arn: tags for arn, tags in found.items() if tags.get(STACK_TAG, "").startswith(f"{project}/")}


class Search:
    """Lookups for one stack, with the credentials of this process's environment."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._providers = {
            f"{each['urn']}::{each.get('id')}": each.get("inputs") or {} for each in deployment.get("resources") or []
        }
        self._session = boto3.session.Session()
        self._clusters: dict[str, Cluster] = {}

    def find(self, pending: Sequence[Pending], patience_s: float) -> dict[str, Finding]:
        """The lookup result of each operation, by URN.

        AWS may list a new resource with a delay, so lookups of missing resources are retried for `patience_s` seconds.
        """
        deadline = time.monotonic() + patience_s
        findings = {each.urn: self.look(each) for each in pending}
        while missing := [each for each in pending if self._is_missing(each, findings[each.urn])]:
            if time.monotonic() >= deadline:
                break
            time.sleep(RETRY_DELAY_S)
            findings |= {each.urn: self.look(each) for each in missing}
        return findings

    def _is_missing(self, each: Pending, finding: Finding) -> bool:
        known = taken(self._deployment, each.type)
        return isinstance(finding, Found) and all(item.id in known for item in finding.candidates)

    def look(self, each: Pending) -> Finding:
        """The lookup result of one operation."""
        try:
            return self._look(each)
        except UnavailableInput as missing:
            return LookupFailed(str(missing))

    def _look(self, each: Pending) -> Finding:
        if each.type.startswith(KUBERNETES):
            return self._object(each)
        match method(each.type):
            case Idempotent() as idempotent:
                return idempotent
            case Id() as id:
                return Known(id.of(each.plain_inputs))
            case Look(service, find):
                try:
                    candidates = tuple(find(self._client(service, each), each.plain_inputs, each.marks))
                except (BotoCoreError, ClientError) as error:
                    return LookupFailed(f"the query to AWS failed: {error}")
                return Found(candidates, _delete(each))
        return LookupFailed(f"mlpctl does not know how to find an {each.type}")

    def tagged(self, stack: str, region: str | None) -> list[str]:
        """ARNs of the resources with a stack's tag in a region, by default the session's; none without a region.

        The tagging API does not support IAM, and may lag behind.

        Raises:
            StackError: The query to AWS failed.
        """
        return sorted(self.tags(region, stack))

    def tags(self, region: str | None, *stacks: str) -> dict[str, dict[str, str]]:
        """The tags of the resources with one of these values of the stack's tag, by ARN; with any value if empty.

        Raises:
            StackError: The query to AWS failed.
        """
        where = region or self._session.region_name
        if where is None:
            return {}
        # Without values, AWS finds all resources with the key:
        # https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
        wanted = [{"Key": STACK_TAG, **({"Values": stacks} if stacks else {})}]
        try:
            pages = self._session.client("resourcegroupstaggingapi", where).get_paginator("get_resources")
            return {
                each["ResourceARN"]: pairs(each["Tags"])
                for page in pages.paginate(TagFilters=wanted)
                for each in page["ResourceTagMappingList"]
            }
        except (BotoCoreError, ClientError) as error:
            raise StackError(f"The query to AWS for resources with the tag {STACK_TAG} failed: {error}") from None

    def wait_until_ready(self, action: Action) -> Action:
        """Wait while a resource is being created, changed or deleted. If that fails, the returned action asks the user.

        AWS rejects changes of such a resource, and a refresh would record a transitional state. Resources that the user
        chose are not waited for.
        """
        each, kind = action.pending, method(action.pending.type)
        if not isinstance(kind, Look) or kind.ready is None:
            return action
        try:
            if action.verdict is Verdict.REFRESH:
                return self._wait_for_change(action, kind.service, kind.ready)
            if action.reason == FOUND:
                call = filled(kind.ready.call, each.inputs_with_id(action.id))
                self._client(kind.service, each).get_waiter(kind.ready.waiter).wait(**call)
        except UnavailableInput as missing:
            return replace(action, verdict=Verdict.ASK, reason=str(missing))
        except (BotoCoreError, ClientError) as error:
            delete = _delete(each)
            return Action(each, Verdict.ASK, f"is not ready: {error}", choices=(action.id or each.id,), delete=delete)
        return action

    def _wait_for_change(self, action: Action, service: str, ready: Ready) -> Action:
        """Wait for the end of a change or deletion. After a timeout, the returned action asks the user."""
        each = action.pending
        client, inputs = self._client(service, each), each.inputs_with_id(each.id)
        deadline = time.monotonic() + LONGEST_CHANGE_S
        while in_transition(ready, client, inputs):
            if time.monotonic() > deadline:
                return replace(action, verdict=Verdict.ASK, reason="is still being changed")
            time.sleep(RETRY_DELAY_S)
        return action

    def _client(self, service: str, each: Pending) -> Any:
        configured = self._providers.get(str(each.resource.get("provider")), {})
        return self._session.client(service, region_name=each.plain_inputs.get("region") or configured.get("region"))

    def _object(self, each: Pending) -> Finding:
        configured = self._providers.get(str(each.resource.get("provider")), {})
        if not isinstance(configured.get("kubeconfig"), str):
            return LookupFailed("its provider has no readable kubeconfig")
        try:
            cluster = self._cluster(configured)
            if each.type == RELEASE:
                return _release(each, cluster)
            if _named_by_server(each):
                return _generated(each, cluster)
            metadata = each.plain_inputs["metadata"]
            live = cluster.get(
                each.plain_inputs["apiVersion"], each.plain_inputs["kind"], metadata["name"], metadata.get("namespace")
            )
        except ClusterError as error:
            return LookupFailed(f"the query to the cluster failed: {error}")
        return Found((_candidate(live),) if live else (), _delete(each))

    def _cluster(self, configured: Mapping[str, Any]) -> Cluster:
        kubeconfig = configured["kubeconfig"]
        if kubeconfig not in self._clusters:
            self._clusters[kubeconfig] = Cluster(configured)
        return self._clusters[kubeconfig]


def _release(each: Pending, cluster: Cluster) -> Finding:
    """Find a Helm release by its name and namespace: Helm stores a Secret for each revision."""
    name, namespace = each.plain_inputs["name"], each.plain_inputs.get("namespace") or cluster.namespace
    found = cluster.list("v1", "Secret", namespace, f"{HELM},name={name}")
    candidates = (Candidate(f"{namespace}/{name}"),) if found else ()
    return Found(candidates, f"helm uninstall {name} --namespace {namespace}")


def _named_by_server(each: Pending) -> bool:
    """Whether the API server generates the object's name."""
    metadata = each.plain_inputs.get("metadata", {})
    return bool(metadata.get("generateName")) and not metadata.get("name")


def _generated(each: Pending, cluster: Cluster) -> Finding:
    """Find an object with a generated name by the stack's annotations."""
    namespace = each.plain_inputs["metadata"].get("namespace") or cluster.namespace
    begins = each.plain_inputs["metadata"]["generateName"]
    found = cluster.list(each.plain_inputs["apiVersion"], each.plain_inputs["kind"], namespace)
    there = [live for live in found if live["metadata"]["name"].startswith(begins)]
    ours = [one for one in map(_candidate, there) if each.marks.items() <= (one.tags or {}).items()]
    if there and not ours:
        return LookupFailed(f"the API server generates its name, and {len(there)} objects have the prefix {begins}")
    return Found(tuple(ours))


def _delete(each: Pending) -> str:
    kind = method(each.type)
    if isinstance(kind, Look):
        return str(filled(kind.delete, each.inputs_with_id("{id}")))
    if each.type.startswith(KUBERNETES):
        metadata = each.plain_inputs["metadata"]
        namespace = f" --namespace {metadata['namespace']}" if metadata.get("namespace") else ""
        return f"kubectl delete {each.plain_inputs['kind'].lower()} {metadata['name']}{namespace}"
    return ""


def _candidate(live: Mapping[str, Any]) -> Candidate:
    metadata = live["metadata"]
    annotations = metadata.get("annotations") or {}
    tags = {tag: annotations[key] for key, tag in ANNOTATIONS.items() if key in annotations}
    applied = [each["manager"] for each in metadata.get("managedFields") or () if each["operation"] == "Apply"]
    manager = next((name for name in applied if name.startswith("pulumi-kubernetes-")), None)
    id = "/".join(filter(None, (metadata.get("namespace"), metadata["name"])))
    return Candidate(id, tags, {FIELD_MANAGER: manager} if manager else {})

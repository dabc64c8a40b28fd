"""Pulumi's `kubernetes` package against a real API server: any kind, by discovery and server-side apply."""

import importlib.metadata
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import grpc
import yaml
from typing_extensions import override

from mlsandbox.providers.kubernetes import naming, settings
from mlsandbox.providers.kubernetes.annotations import AUTONAMED, REPLACE_UNREADY, is_true, wait_for
from mlsandbox.providers.kubernetes.cluster import UnreachableError
from mlsandbox.providers.kubernetes.helm import Releases
from mlsandbox.providers.kubernetes.helm import releases as helm
from mlsandbox.providers.kubernetes.instances import Closed, Instances
from mlsandbox.providers.kubernetes.naming import RELEASE_TYPE, is_patch, kind_of
from mlsandbox.providers.kubernetes.objects import DEFAULT_NAMESPACE, Kind, dig
from mlsandbox.providers.kubernetes.readiness import expression_error
from mlsandbox.providers.kubernetes.replacement import difference
from mlsandbox.providers.kubernetes.resource import ObjectResource, Session
from mlsandbox.providers.kubernetes.settings import Settings
from mlsandbox.providers.protocol import (
    Change,
    Difference,
    Failure,
    Properties,
    Provider,
    ProviderError,
    Subject,
    has_unknown,
)
from mlsandbox.providers.protocol import Kind as ChangeKind
from mlsandbox.providers.servicer import serve as serve_provider

_JOB = Kind("batch/v1", "Job")


def _open(server: str) -> str | None:
    """No network that keeps anyone from anything."""
    return None


def serve(port: int, default_kubeconfig: Path | None = None, closed: Closed = _open) -> grpc.Server:
    """Serve the provider on 127.0.0.1:`port`. Programs that name no kubeconfig get `default_kubeconfig`'s cluster.

    `closed` tells what the network keeps the provider from. Stopping the server ends what is still waited for.
    """
    provider = KubernetesProvider(default_kubeconfig, closed)
    server, servicer = serve_provider(provider, port)
    provider.say = servicer.say

    def end_with_server() -> None:
        server.wait_for_termination()
        provider.close()

    threading.Thread(target=end_with_server, name="kubernetes-provider-end", daemon=True).start()
    return server


class KubernetesProvider(Provider):
    """Answers for every kind that the cluster serves, and for Helm releases."""

    name = "kubernetes"
    version = importlib.metadata.version("pulumi_kubernetes")

    def __init__(self, default_kubeconfig: Path | None = None, closed: Closed = _open) -> None:
        self._instances = Instances(default_kubeconfig, closed)
        self.say: Callable[..., None] = lambda client, subject, message, **options: None
        """Shows a message to a client's user; `servicer.Servicer.say` once the provider is served."""

    def close(self) -> None:
        """End what is waited for; nothing is asked of the provider any more."""
        self._instances.end_all_waits()

    @override
    def check_config(self, config: Properties) -> Sequence[Failure]:
        return settings.failures(config)

    @override
    def configure(self, client: str, config: Properties) -> None:
        self._instances.configure(client, Settings.of(config))
        try:
            self._instances.connection(client)
        except UnreachableError:
            # A preview may do without; an update says it with the first object.
            return

    @override
    def cancel(self, client: str) -> None:
        self._instances.end_waits(client)

    @override
    def check(
        self, client: str, subject: Subject, olds: Properties, news: Properties, seed: bytes
    ) -> tuple[Properties, Sequence[Failure]]:
        if (reason := naming.refusal(subject.type)) is not None:
            return news, [Failure("", reason)]
        if subject.type == RELEASE_TYPE:
            namespace = self._instances.of(client).settings.namespace or DEFAULT_NAMESPACE
            return helm.check(subject, olds, news, seed, namespace)
        kind = kind_of(subject, news)
        inputs = _complete(news, kind)
        if not isinstance(inputs["metadata"], dict):
            # It is not known yet; the update checks again.
            return inputs, []
        if not is_patch(subject, kind):
            naming.name_object(inputs, olds, subject, seed)
        elif not dig(inputs, "metadata", "name"):
            return inputs, [Failure("metadata.name", "metadata.name is missing; a patch names the object it patches.")]
        wrong = [Failure("metadata.annotations", text) for text in map(expression_error, wait_for(inputs)) if text]
        try:
            inputs, refused = self._resource(client, subject, kind).check(inputs)
        except UnreachableError as error:
            self._warn(client, subject, error)
            return inputs, wrong
        return inputs, [*wrong, *refused]

    @override
    def diff(
        self, client: str, subject: Subject, id: str, old_inputs: Properties, outputs: Properties, news: Properties
    ) -> Difference:
        if subject.type == RELEASE_TYPE:
            return helm.difference(old_inputs, news)
        kind, configured = kind_of(subject, news), self._instances.of(client).settings
        mutable = (kind.name == "Secret" and configured.enable_secret_mutable) or (
            kind.name == "ConfigMap" and configured.enable_config_map_mutable
        )
        found = difference(kind, old_inputs, news, mutable=mutable, patch=is_patch(subject, kind))
        if kind == _JOB and is_true(news, REPLACE_UNREADY) and self._is_unready(client, subject, kind, id):
            unready = Change(("metadata", "annotations", REPLACE_UNREADY), ChangeKind.UPDATE, replaces=True)
            return Difference([*found.changes, unready], found.delete_before_replace or not is_true(news, AUTONAMED))
        return found

    @override
    def create(
        self, client: str, subject: Subject, inputs: Properties, preview: bool, timeout_s: float
    ) -> tuple[str, Properties]:
        if subject.type == RELEASE_TYPE:
            return ("", helm.foreseen(inputs, 1)) if preview else self._releases(client, subject).create(inputs)
        kind = kind_of(subject, inputs)
        if not preview:
            return self._resource(client, subject, kind).create(inputs, timeout_s)
        try:
            return "", self._resource(client, subject, kind).foreseen(inputs)
        except UnreachableError as error:
            self._warn(client, subject, error)
            return "", inputs

    @override
    def read(
        self, client: str, subject: Subject, id: str, inputs: Properties, outputs: Properties
    ) -> tuple[str, Properties, Properties] | None:
        try:
            if subject.type == RELEASE_TYPE:
                found = self._releases(client, subject).read(id, inputs)
            else:
                kind = kind_of(subject, inputs or outputs)
                found = self._resource(client, subject, kind).read(id, inputs, outputs)
        except UnreachableError as error:
            if self._forgets(client, subject, error):
                return None
            if self._instances.of(client).settings.skip_update_unreachable:
                return id, inputs, outputs
            raise
        return None if found is None else (id, *found)

    @override
    def update(
        self,
        client: str,
        subject: Subject,
        id: str,
        old_inputs: Properties,
        outputs: Properties,
        news: Properties,
        preview: bool,
        timeout_s: float,
    ) -> Properties:
        if subject.type == RELEASE_TYPE:
            return helm.foreseen(news, None) if preview else self._releases(client, subject).update(news)
        if preview and has_unknown(news):
            return {**outputs, **news}
        try:
            resource = self._resource(client, subject, kind_of(subject, news))
            return resource.update(id, outputs, news, timeout_s, preview=preview)
        except UnreachableError as error:
            if not preview:
                raise
            self._warn(client, subject, error)
            return {**outputs, **news}

    @override
    def delete(
        self, client: str, subject: Subject, id: str, inputs: Properties, outputs: Properties, timeout_s: float
    ) -> None:
        try:
            if subject.type == RELEASE_TYPE:
                chart = str(outputs.get("chart") or inputs.get("chart") or "")
                return self._releases(client, subject).delete(id, chart, timeout_s)
            kind = kind_of(subject, outputs or inputs)
            return self._resource(client, subject, kind).delete(id, outputs, timeout_s)
        except UnreachableError as error:
            if self._forgets(client, subject, error):
                return None
            raise

    @override
    def invoke(self, client: str, token: str, args: Properties, preview: bool) -> Properties | Sequence[Failure]:
        if token == "kubernetes:yaml:decode":
            return _decoded(args)
        return [
            Failure(
                "",
                f"{token} is not in the sandbox: it renders no charts and reads no folders. Use "
                "`kubernetes.helm.v3.Release`, which it records, or one resource per object.",
            )
        ]

    def _is_unready(self, client: str, subject: Subject, kind: Kind, id: str) -> bool:
        try:
            return self._resource(client, subject, kind).is_unready(id)
        except UnreachableError as error:
            self._warn(client, subject, error)
            return False

    def _resource(self, client: str, subject: Subject, kind: Kind) -> ObjectResource:
        instance, said = self._instances.of(client), [""]

        def say(message: str) -> None:
            if said[0] != message:
                said[0] = message
                self.say(client, subject, message)

        session = Session(self._instances.connection(client), instance.settings, instance.waits, say)
        return ObjectResource(subject, kind, session)

    def _releases(self, client: str, subject: Subject) -> Releases:
        def say(message: str, *, lasting: bool = False) -> None:
            self.say(client, subject, message, lasting=lasting)

        return Releases(self._instances.connection(client).cluster, self._instances.of(client).waits, say)

    def _forgets(self, client: str, subject: Subject, error: UnreachableError) -> bool:
        """Whether an object counts as gone together with its cluster. Raises `ProviderError` unless settings say so."""
        configured = self._instances.of(client).settings
        if configured.delete_unreachable:
            self._warn(client, subject, error)
            return True
        if configured.skip_update_unreachable:
            self._warn(client, subject, error)
            return False
        raise ProviderError(
            f"{error} If the cluster is gone for good, set the provider's deleteUnreachable to forget its objects."
        ) from None

    def _warn(self, client: str, subject: Subject, error: UnreachableError) -> None:
        """Tell each instance's user once that the cluster cannot be asked."""
        instance = self._instances.of(client)
        if not instance.warned:
            instance.warned = True
            self.say(client, subject, f"{error} Its objects are not checked.", warning=True)


def _complete(news: Properties, kind: Kind) -> Properties:
    """The inputs without nulls and with what every object has."""
    inputs: Properties = {"apiVersion": kind.api_version, "kind": kind.name, **_without_nulls(news)}
    return {**inputs, "metadata": inputs.get("metadata", {})}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def _decoded(args: Properties) -> Properties | Sequence[Failure]:
    try:
        documents = list(yaml.safe_load_all(str(args.get("text", ""))))
    except yaml.YAMLError as error:
        return [Failure("text", f"The text is not valid YAML: {' '.join(str(error).split())}")]
    items = [item for document in documents if document for item in document.get("items") or [document]]
    return {"result": items}

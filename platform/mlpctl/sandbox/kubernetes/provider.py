"""Pulumi's `kubernetes` package against a real API server: any kind, by discovery and server-side apply."""

import importlib.metadata
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import grpc
import yaml
from typing_extensions import override

from mlpctl.sandbox.kubernetes import naming, settings
from mlpctl.sandbox.kubernetes.annotations import (
    AUTONAMED,
    PATCH_FIELD_MANAGER,
    PATCH_FORCE,
    REPLACE_UNREADY,
    SKIP_AWAIT,
    annotation,
    is_true,
    propagation,
    timeout,
    wait_for,
)
from mlpctl.sandbox.kubernetes.cluster import ApiError, Cluster, UnreachableError
from mlpctl.sandbox.kubernetes.helm import Releases
from mlpctl.sandbox.kubernetes.helm import releases as helm
from mlpctl.sandbox.kubernetes.instances import Instances
from mlpctl.sandbox.kubernetes.live import drift, foreseen, importable, shown
from mlpctl.sandbox.kubernetes.naming import RELEASE_TYPE, is_patch, kind_of
from mlpctl.sandbox.kubernetes.objects import (
    DEFAULT_NAMESPACE,
    Kind,
    Object,
    Reference,
    as_kubernetes,
    as_pulumi,
    dig,
    parse_id,
)
from mlpctl.sandbox.kubernetes.readiness import AWAITED, awaited, expression_error
from mlpctl.sandbox.kubernetes.replacement import difference
from mlpctl.sandbox.kubernetes.settings import Connection, Settings
from mlpctl.sandbox.kubernetes.validation import failures
from mlpctl.sandbox.kubernetes.waiting import DELETE_TIMEOUT_S, Say, UnreadyError, Waits
from mlpctl.sandbox.provider import (
    Change,
    Difference,
    Failure,
    NotReadyError,
    Properties,
    Provider,
    ProviderError,
    Subject,
    has_unknown,
)
from mlpctl.sandbox.provider import Kind as ChangeKind
from mlpctl.sandbox.provider import serve as serve_provider

MANAGER_KEY: Final = "__fieldManager"
"""Output that keeps the name of the fields' owner, as the official provider does."""

# A custom resource's definition and an object's namespace may be made by the same update without the program saying so;
# the official provider tries again five times, 31 s in all.
_PREREQUISITE_S = 30.0

# Where the official provider's `skipAwait` counts for deletions too: provider/pkg/metadata/overrides.go.
_SKIPS_DELETION = frozenset(
    {
        ("", "Namespace"),
        ("", "Pod"),
        ("", "ReplicationController"),
        ("apps", "DaemonSet"),
        ("apps", "Deployment"),
        ("apps", "StatefulSet"),
        ("batch", "Job"),
    }
)

_JOB = Kind("batch/v1", "Job")


def serve(port: int, default_kubeconfig: Path | None = None) -> grpc.Server:
    """Serve the provider on 127.0.0.1:`port`. Programs that name no kubeconfig get `default_kubeconfig`'s cluster.

    Stopping the server ends what is still waited for.
    """
    provider = KubernetesProvider(default_kubeconfig)
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

    def __init__(self, default_kubeconfig: Path | None = None) -> None:
        self._instances = Instances(default_kubeconfig)
        self.say: Callable[..., None] = lambda client, subject, message, **options: None
        """Shows a message to a client's user; `provider.Servicer.say` once the provider is served."""

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
            return inputs, []
        found: list[Failure] = [
            Failure("metadata.annotations", error) for text in wait_for(inputs) if (error := expression_error(text))
        ]
        if is_patch(subject, kind):
            if not dig(inputs, "metadata", "name"):
                found.append(Failure("metadata.name", "metadata.name is missing; a patch names the object it patches."))
        else:
            naming.name_object(inputs, olds, subject, seed)
        try:
            found += self._check_in_cluster(self._instances.connection(client), subject, kind, inputs)
        except UnreachableError as error:
            self._warn(client, subject, error)
        return inputs, found

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
        if kind == _JOB and is_true(news, REPLACE_UNREADY) and self._is_unready(client, id, kind):
            unready = Change(("metadata", "annotations", REPLACE_UNREADY), ChangeKind.UPDATE, replaces=True)
            fixed_name = not is_true(news, AUTONAMED)
            return Difference([*found.changes, unready], found.delete_before_replace or fixed_name)
        return found

    @override
    def create(
        self, client: str, subject: Subject, inputs: Properties, preview: bool, timeout_s: float
    ) -> tuple[str, Properties]:
        if preview:
            return "", self._foreseen(client, subject, inputs)
        connection, say = self._instances.connection(client), self._say(client, subject)
        waits = self._instances.of(client).waits
        if subject.type == RELEASE_TYPE:
            return self._releases(client, subject, connection).create(inputs)
        kind = kind_of(subject, inputs)
        manager = annotation(inputs, PATCH_FIELD_MANAGER) or naming.field_manager(subject)

        def attempt() -> Object:
            item = _placed(connection, kind, as_kubernetes(inputs))
            if "name" not in item["metadata"]:
                return connection.cluster.create(item, manager)
            self._check_presence(client, connection.cluster, item, wanted=is_patch(subject, kind))
            return self._apply(client, connection.cluster, item, manager)

        live = waits.until_possible(attempt, _PREREQUISITE_S, say)
        live = self._await(connection.cluster, waits, live, inputs, manager, timeout_s, say, created=True)
        return Reference.to(live).id, _outputs(live, manager)

    @override
    def read(
        self, client: str, subject: Subject, id: str, inputs: Properties, outputs: Properties
    ) -> tuple[str, Properties, Properties] | None:
        configured = self._instances.of(client).settings
        try:
            connection = self._instances.connection(client)
            if subject.type == RELEASE_TYPE:
                release = self._releases(client, subject, connection).read(id, inputs)
                return None if release is None else (id, *release)
            live = connection.cluster.get(_reference(connection, id, kind_of(subject, inputs or outputs)))
        except UnreachableError as error:
            if configured.delete_unreachable:
                return None
            if configured.skip_update_unreachable:
                self._warn(client, subject, error)
                return id, inputs, outputs
            raise ProviderError(
                f"{error} If the cluster is gone for good, deleteUnreachable makes Pulumi forget its objects."
            ) from None
        if live is None:
            return None
        manager = str(outputs.get(MANAGER_KEY) or naming.field_manager(subject))
        seen = self._seen(connection.cluster, inputs, live, manager)
        how = awaited(live, created=False) if inputs else None
        if how is not None and not (result := how.check(live, connection.cluster)).ready:
            reasons = [f"{Reference.to(live)} is not ready: {result.message}", *how.explain(live, connection.cluster)]
            raise NotReadyError(id, _outputs(live, manager), seen, reasons)
        return id, seen, _outputs(live, manager)

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
        if preview and has_unknown(news):
            return {**outputs, **news}
        try:
            connection = self._instances.connection(client)
            if subject.type == RELEASE_TYPE:
                return (
                    helm.foreseen(news, None) if preview else self._releases(client, subject, connection).update(news)
                )
            kind = kind_of(subject, news)
            before = connection.cluster.get(_reference(connection, id, kind))
        except UnreachableError as error:
            if not preview:
                raise
            self._warn(client, subject, error)
            return {**outputs, **news}
        if before is None:
            raise ProviderError(
                f"{kind.name} {id} is not in the cluster any more. Run `pulumi refresh` to forget it; the next update "
                "makes it again."
            )
        old_manager = str(outputs.get(MANAGER_KEY) or naming.field_manager(subject))
        manager = annotation(news, PATCH_FIELD_MANAGER) or old_manager
        item = _placed(connection, kind, as_kubernetes(news))
        item["metadata"].setdefault("name", before["metadata"]["name"])
        live = self._apply(client, connection.cluster, item, manager, dry_run=preview)
        if preview:
            return foreseen(_outputs(live, manager), news, live, created=False)
        if manager != old_manager:
            connection.cluster.relinquish(Reference.to(live), old_manager)
        waits, say = self._instances.of(client).waits, self._say(client, subject)
        live = self._await(connection.cluster, waits, live, news, manager, timeout_s, say, created=False)
        return _outputs(live, manager)

    @override
    def delete(
        self, client: str, subject: Subject, id: str, inputs: Properties, outputs: Properties, timeout_s: float
    ) -> None:
        try:
            connection = self._instances.connection(client)
            if subject.type == RELEASE_TYPE:
                chart = str(outputs.get("chart") or inputs.get("chart") or "")
                return self._releases(client, subject, connection).delete(id, chart, timeout_s)
            kind = kind_of(subject, outputs or inputs)
            live = connection.cluster.get(_reference(connection, id, kind))
        except UnreachableError as error:
            if self._instances.of(client).settings.delete_unreachable:
                self._warn(client, subject, error)
                return None
            raise ProviderError(
                f"{error} If the cluster is gone for good, deleteUnreachable makes Pulumi forget its objects."
            ) from None
        if live is None:
            return None
        if is_patch(subject, kind):
            manager = str(outputs.get(MANAGER_KEY) or naming.field_manager(subject))
            connection.cluster.relinquish(Reference.to(live), manager)
            return None
        connection.cluster.delete(
            Reference.to(live), propagation=propagation(outputs), uid=str(live["metadata"]["uid"])
        )
        if is_true(outputs, SKIP_AWAIT) and (kind.group, kind.name) in _SKIPS_DELETION:
            return None
        seconds = timeout(outputs, timeout_s, DELETE_TIMEOUT_S)
        waits = self._instances.of(client).waits
        return waits.until_gone(connection.cluster, live, seconds, self._say(client, subject))

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

    def _check_in_cluster(
        self, connection: Connection, subject: Subject, kind: Kind, inputs: Properties
    ) -> Sequence[Failure]:
        """Put the object into its namespace, in place, and ask the API server for what is wrong with it."""
        served = connection.cluster.served(kind)
        if served is None:
            # What is not Kubernetes' own may be defined by the same update.
            own = kind.comes_with_kubernetes
            return [Failure("apiVersion", str(connection.cluster.not_served(kind)))] if own else []
        inputs.update(_placed(connection, kind, inputs))
        if has_unknown(inputs) or is_patch(subject, kind):
            return []
        return failures(connection.cluster, as_kubernetes(inputs))

    def _foreseen(self, client: str, subject: Subject, inputs: Properties) -> Properties:
        """The outputs of a creation as a preview can tell them: by a dry run where that is possible."""
        if subject.type == RELEASE_TYPE:
            return helm.foreseen(inputs, 1)
        kind = kind_of(subject, inputs)
        if has_unknown(inputs) or is_patch(subject, kind):
            return inputs
        try:
            cluster = self._instances.connection(client).cluster
            manager = naming.field_manager(subject)
            live = cluster.create(as_kubernetes(inputs), manager, dry_run=True)
        except UnreachableError as error:
            self._warn(client, subject, error)
            return inputs
        except ProviderError:
            # Its namespace, its kind or the end of the object that it replaces comes with the update; what is wrong
            # with the object itself, `check` has said.
            return inputs
        return foreseen(_outputs(live, manager), inputs, live, created=True)

    def _check_presence(self, client: str, cluster: Cluster, item: Object, *, wanted: bool) -> None:
        reference = Reference.to(item)
        found = cluster.get(reference)
        if wanted and found is None:
            raise ProviderError(f"There is no {reference} to patch.")
        if not wanted and found is not None and not self._instances.of(client).settings.upsert_existing_objects:
            raise ProviderError(
                f"{reference} already exists. Import it with `pulumi import`, choose another name, or set the "
                "provider's upsertExistingObjects to take it over."
            )

    def _apply(self, client: str, cluster: Cluster, item: Object, manager: str, *, dry_run: bool = False) -> Object:
        force = is_true(item, PATCH_FORCE) or self._instances.of(client).settings.enable_patch_force
        try:
            return cluster.apply(item, manager, force=force, dry_run=dry_run)
        except ApiError as error:
            if error.status != 409 or not error.causes:
                raise
            conflicts = "; ".join(f"{field}: {message}" for field, message in error.causes)
            raise ProviderError(
                f"{Reference.to(item)} has fields that somebody else manages: {conflicts}. Leave them out of the "
                f'program, or take them over with the annotation {PATCH_FORCE}: "true".'
            ) from None

    def _await(
        self,
        cluster: Cluster,
        waits: Waits,
        live: Object,
        inputs: Properties,
        manager: str,
        timeout_s: float,
        say: Say,
        *,
        created: bool,
    ) -> Object:
        how = awaited(live, created=created)
        if how is None:
            return live
        try:
            return waits.until_ready(cluster, live, how, timeout(live, timeout_s, how.timeout_s), say)
        except UnreadyError as error:
            reference = Reference.to(error.live)
            raise NotReadyError(reference.id, _outputs(error.live, manager), inputs, error.reasons) from None

    def _seen(self, cluster: Cluster, inputs: Properties, live: Object, manager: str) -> Properties:
        """The inputs as the cluster has them."""
        if not inputs:
            found: Properties = as_pulumi(importable(live))
            return found
        item = as_kubernetes(inputs)
        item["metadata"] = {**item["metadata"], "name": live["metadata"]["name"]}
        if namespace := live["metadata"].get("namespace"):
            item["metadata"]["namespace"] = namespace

        def reapplied() -> Object | None:
            try:
                return cluster.apply(item, manager, force=True, dry_run=True)
            except ApiError:
                # What drifted cannot be changed back in place.
                return None

        drifted: Properties = as_pulumi(drift(as_kubernetes(inputs), live, reapplied))
        return drifted

    def _is_unready(self, client: str, id: str, kind: Kind) -> bool:
        try:
            connection = self._instances.connection(client)
            live = connection.cluster.get(_reference(connection, id, kind))
        except UnreachableError:
            return False
        how = AWAITED[(kind.group, kind.name)]
        return live is not None and not how.check(live, connection.cluster).ready

    def _releases(self, client: str, subject: Subject, connection: Connection) -> Releases:
        def say(message: str, *, lasting: bool = False) -> None:
            self.say(client, subject, message, lasting=lasting)

        return Releases(connection.cluster, self._instances.of(client).waits, say)

    def _say(self, client: str, subject: Subject) -> Say:
        said: list[str] = []

        def say(message: str) -> None:
            if said[-1:] != [message]:
                said[:] = [message]
                self.say(client, subject, message)

        return say

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


def _placed(connection: Connection, kind: Kind, inputs: Properties) -> Object:
    """The object in its namespace, or in none if its kind has none."""
    metadata = dict(inputs["metadata"])
    served = connection.cluster.served(kind)
    if served is not None and not served.namespaced:
        metadata.pop("namespace", None)
    elif served is not None and not metadata.get("namespace"):
        metadata["namespace"] = connection.namespace
    return {**inputs, "metadata": metadata}


def _reference(connection: Connection, id: str, kind: Kind) -> Reference:
    namespace, name = parse_id(id)
    return Reference(kind, name, namespace or connection.namespace)


def _outputs(live: Object, manager: str) -> Properties:
    return {**as_pulumi(shown(live)), MANAGER_KEY: manager}


def _decoded(args: Properties) -> Properties | Sequence[Failure]:
    try:
        documents = list(yaml.safe_load_all(str(args.get("text", ""))))
    except yaml.YAMLError as error:
        return [Failure("text", f"The text is not valid YAML: {' '.join(str(error).split())}")]
    items = [item for document in documents if document for item in document.get("items") or [document]]
    return {"result": items}

"""One Pulumi resource as an object in a cluster that can be reached: made, read, changed and deleted there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mlsandbox.providers.kubernetes import naming
from mlsandbox.providers.kubernetes.annotations import (
    PATCH_FIELD_MANAGER,
    PATCH_FORCE,
    SKIP_AWAIT,
    annotation,
    is_true,
    propagation,
    timeout,
)
from mlsandbox.providers.kubernetes.cluster import ApiError, UnreachableError
from mlsandbox.providers.kubernetes.live import drift, foreseen, importable, shown
from mlsandbox.providers.kubernetes.naming import is_patch
from mlsandbox.providers.kubernetes.objects import Kind, Object, Reference, as_kubernetes, as_pulumi, parse_id
from mlsandbox.providers.kubernetes.readiness import AWAITED, awaited
from mlsandbox.providers.kubernetes.settings import Connection, Settings
from mlsandbox.providers.kubernetes.validation import failures
from mlsandbox.providers.kubernetes.waiting import DELETE_TIMEOUT_S, Say, UnreadyError, Waits
from mlsandbox.providers.protocol import Failure, NotReadyError, Properties, ProviderError, Subject, has_unknown

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


@dataclass(frozen=True)
class Session:
    """What one request of a provider instance works with."""

    connection: Connection
    settings: Settings
    waits: Waits
    say: Say


class ObjectResource:
    """A resource that stands for one object, or for some fields of one (a patch)."""

    def __init__(self, subject: Subject, kind: Kind, session: Session) -> None:
        self._subject = subject
        self._kind = kind
        self._patch = is_patch(subject, kind)
        self._session = session
        self._cluster = session.connection.cluster

    def check(self, inputs: Properties) -> tuple[Properties, Sequence[Failure]]:
        """The inputs with the namespace that the object is in, and what the API server finds wrong with them."""
        served = self._cluster.served(self._kind)
        if served is None:
            if not self._kind.comes_with_kubernetes:
                # It may be defined by the same update.
                return inputs, []
            known = any(near.api_version == self._kind.api_version for near in self._cluster.nearest(self._kind))
            return inputs, [Failure("kind" if known else "apiVersion", str(self._cluster.not_served(self._kind)))]
        inputs = self._placed(inputs)
        if has_unknown(inputs) or self._patch:
            return inputs, []
        return inputs, failures(self._cluster, as_kubernetes(inputs))

    def foreseen(self, inputs: Properties) -> Properties:
        """The outputs of a creation as a preview can tell them: by a dry run where that is possible."""
        if has_unknown(inputs) or self._patch:
            return inputs
        manager = naming.field_manager(self._subject)
        try:
            live = self._cluster.create(as_kubernetes(inputs), manager, dry_run=True)
        except UnreachableError:
            raise
        except ProviderError:
            # Its namespace, its kind or the end of the object that it replaces comes with the update; what is wrong
            # with the object itself, `check` has said.
            return inputs
        return foreseen(_outputs(live, manager), inputs, live, created=True)

    def create(self, inputs: Properties, timeout_s: float) -> tuple[str, Properties]:
        """Make the object and wait until it is ready; id and outputs."""
        manager = annotation(inputs, PATCH_FIELD_MANAGER) or naming.field_manager(self._subject)

        def attempt() -> Object:
            item = self._placed(as_kubernetes(inputs))
            if "name" not in item["metadata"]:
                return self._cluster.create(item, manager)
            self._check_presence(Reference.to(item))
            return self._apply(item, manager)

        live = self._session.waits.until_possible(attempt, _PREREQUISITE_S, self._session.say)
        live = self._ready(live, inputs, manager, timeout_s, created=True)
        return Reference.to(live).id, _outputs(live, manager)

    def read(self, id: str, inputs: Properties, outputs: Properties) -> tuple[Properties, Properties] | None:
        """Inputs and outputs as the cluster has them; None if the object is gone. Without inputs it is an import."""
        live = self._cluster.get(self._reference(id))
        if live is None:
            return None
        manager = self._manager(outputs)
        seen = self._seen(inputs, live, manager)
        how = awaited(live, created=False) if inputs else None
        if how is not None and not (result := how.check(live, self._cluster)).ready:
            reasons = [f"{Reference.to(live)} is not ready: {result.message}", *how.explain(live, self._cluster)]
            raise NotReadyError(id, _outputs(live, manager), seen, reasons)
        return seen, _outputs(live, manager)

    def update(self, id: str, outputs: Properties, news: Properties, timeout_s: float, *, preview: bool) -> Properties:
        """Change the object to what the inputs say and, unless in a preview, wait until it is ready; its outputs."""
        before = self._cluster.get(self._reference(id))
        if before is None:
            raise ProviderError(
                f"{self._kind.name} {id} is not in the cluster any more. Run `pulumi refresh` to forget it; the next "
                "update makes it again."
            )
        old_manager = self._manager(outputs)
        manager = annotation(news, PATCH_FIELD_MANAGER) or old_manager
        item = self._placed(as_kubernetes(news))
        item["metadata"].setdefault("name", before["metadata"]["name"])
        live = self._apply(item, manager, dry_run=preview)
        if preview:
            return foreseen(_outputs(live, manager), news, live, created=False)
        if manager != old_manager:
            self._cluster.relinquish(Reference.to(live), old_manager)
        return _outputs(self._ready(live, news, manager, timeout_s, created=False), manager)

    def delete(self, id: str, outputs: Properties, timeout_s: float) -> None:
        """Delete the object and wait until it is gone; of a patched object, give up the fields."""
        live = self._cluster.get(self._reference(id))
        if live is None:
            return
        if self._patch:
            self._cluster.relinquish(Reference.to(live), self._manager(outputs))
            return
        uid = str(live["metadata"]["uid"])
        # The official provider's default is the foreground. The garbage collector, which ends such a deletion, learns
        # of custom kinds only every 30 s.
        dependents = "Foreground" if self._kind.comes_with_kubernetes else "Background"
        self._cluster.delete(Reference.to(live), propagation=propagation(outputs, dependents), uid=uid)
        if is_true(outputs, SKIP_AWAIT) and (self._kind.group, self._kind.name) in _SKIPS_DELETION:
            return
        seconds = timeout(outputs, timeout_s, DELETE_TIMEOUT_S)
        self._session.waits.until_gone(self._cluster, live, seconds, self._session.say)

    def is_unready(self, id: str) -> bool:
        """Whether the object exists and is not ready now."""
        live = self._cluster.get(self._reference(id))
        how = AWAITED.get((self._kind.group, self._kind.name))
        return live is not None and how is not None and not how.check(live, self._cluster).ready

    def _manager(self, outputs: Properties) -> str:
        return str(outputs.get(MANAGER_KEY) or naming.field_manager(self._subject))

    def _reference(self, id: str) -> Reference:
        namespace, name = parse_id(id)
        return Reference(self._kind, name, namespace or self._session.connection.namespace)

    def _placed(self, item: Mapping[str, Any]) -> Object:
        """The object in its namespace, or in none if its kind has none."""
        metadata = dict(item["metadata"])
        served = self._cluster.served(self._kind)
        if served is not None and not served.namespaced:
            metadata.pop("namespace", None)
        elif served is not None and not metadata.get("namespace"):
            metadata["namespace"] = self._session.connection.namespace
        return {**item, "metadata": metadata}

    def _check_presence(self, reference: Reference) -> None:
        found = self._cluster.get(reference) is not None
        if self._patch and not found:
            raise ProviderError(f"There is no {reference} to patch.")
        if found and not self._patch and not self._session.settings.upsert_existing_objects:
            raise ProviderError(
                f"{reference} already exists. Import it with `pulumi import`, choose another name, or set the "
                "provider's upsertExistingObjects to take it over."
            )

    def _apply(self, item: Object, manager: str, *, dry_run: bool = False) -> Object:
        force = is_true(item, PATCH_FORCE) or self._session.settings.enable_patch_force
        try:
            return self._cluster.apply(item, manager, force=force, dry_run=dry_run)
        except ApiError as error:
            if error.status != 409 or not error.causes:
                raise
            conflicts = "; ".join(f"{field}: {message}" for field, message in error.causes)
            raise ProviderError(
                f"{Reference.to(item)} has fields that somebody else manages: {conflicts}. Leave them out of the "
                f'program, or take them over with the annotation {PATCH_FORCE}: "true".'
            ) from None

    def _ready(self, live: Object, inputs: Properties, manager: str, timeout_s: float, *, created: bool) -> Object:
        how = awaited(live, created=created)
        if how is None:
            return live
        seconds = timeout(live, timeout_s, how.timeout_s)
        try:
            return self._session.waits.until_ready(self._cluster, live, how, seconds, self._session.say)
        except UnreadyError as error:
            reference = Reference.to(error.live)
            raise NotReadyError(reference.id, _outputs(error.live, manager), inputs, error.reasons) from None

    def _seen(self, inputs: Properties, live: Object, manager: str) -> Properties:
        """The inputs as the cluster has them."""
        if not inputs:
            imported: Properties = as_pulumi(importable(live))
            return imported
        item = as_kubernetes(inputs)
        identity = {key: live["metadata"][key] for key in ("name", "namespace") if key in live["metadata"]}

        def reapplied() -> Object | None:
            again = {**item, "metadata": {**item["metadata"], **identity}}
            try:
                return self._cluster.apply(again, manager, force=True, dry_run=True)
            except ApiError:
                # What drifted cannot be changed back in place.
                return None

        seen: Properties = as_pulumi(drift(item, live, reapplied))
        return seen


def _outputs(live: Object, manager: str) -> Properties:
    return {**as_pulumi(shown(live)), MANAGER_KEY: manager}

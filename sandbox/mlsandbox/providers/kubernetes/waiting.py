"""Waits: until an object is ready, until it is gone, with what is missing said on the way and at the end."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence

from mlsandbox.providers.kubernetes.cluster import ApiError, Cluster, NotServedError
from mlsandbox.providers.kubernetes.objects import Kind, Object, Reference, conditions, dig
from mlsandbox.providers.kubernetes.readiness import Awaited
from mlsandbox.providers.protocol import ProviderError

DELETE_TIMEOUT_S = 600.0
"""The official provider's default for workloads; where something hangs it waits less for some other kinds."""

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 1.0

Say = Callable[[str], None]

_NAMESPACE = Kind("v1", "Namespace")

# Finalizers that Kubernetes itself sets and removes, with what they wait for.
_OWN_FINALIZERS = {
    "customresourcecleanup.apiextensions.k8s.io": "custom resources of its kind are still being deleted",
    "foregroundDeletion": "objects that it owns are still being deleted",
    "kubernetes.io/pv-protection": "a claim still uses it",
    "kubernetes.io/pvc-protection": "a pod still uses it",
    "orphan": "objects that it owns are being let go",
}


class UnreadyError(Exception):
    """An object did not become ready."""

    def __init__(self, live: Object, reasons: Sequence[str]) -> None:
        super().__init__("; ".join(reasons))
        self.live = live
        self.reasons = reasons


class Waits:
    """The waits of one client of the provider, which end early together when it cancels or the sandbox stops."""

    def __init__(self) -> None:
        self._ended = threading.Event()

    def end(self) -> None:
        """End all waits now; what is waited for then counts as not ready."""
        self._ended.set()

    def until_ready(self, cluster: Cluster, live: Object, how: Awaited, timeout_s: float, say: Say) -> Object:
        """The object once it is ready.

        Raises `UnreadyError` with the reasons after `timeout_s` seconds, or sooner if it cannot become ready any more.
        """
        reference, stalled_from_the_start, waited = Reference.to(live), True, False
        for last in self._moments(timeout_s):
            now = cluster.get(reference)
            if now is None:
                raise UnreadyError(live, [f"{reference} was deleted while it was awaited"])
            live = now
            result = how.check(live, cluster)
            if result.ready:
                if waited:
                    # What was said last stays beside the object in the engine's display.
                    say("ready")
                return live
            waited = True
            say(result.message)
            stalled_from_the_start &= result.stalled
            failed = result.failed or (result.stalled and not stalled_from_the_start)
            if failed or last:
                end = "did not become ready" if failed else f"was not ready {self._after(timeout_s)}"
                raise UnreadyError(live, [f"{reference} {end}: {result.message}", *how.explain(live, cluster)])
        raise AssertionError("the last moment ends the wait")

    def until_gone(self, cluster: Cluster, gone: Object, timeout_s: float, say: Say) -> None:
        """Return once the object is gone; a namesake made since is another object.

        Raises `ProviderError` that says what blocks the deletion after `timeout_s` seconds.
        """
        reference, uid = Reference.to(gone), gone["metadata"]["uid"]
        for last in self._moments(timeout_s):
            now = cluster.get(reference)
            if now is None or now["metadata"]["uid"] != uid:
                return
            blocks = list(_blockers(reference, now))
            say("; ".join(blocks) or "is being deleted")
            if last:
                why = "".join(f" {block[0].upper()}{block[1:]}." for block in [*blocks, *_remedy(reference, now)])
                raise ProviderError(f"{reference} was asked to go and is still there {self._after(timeout_s)}.{why}")

    def until_possible(self, attempt: Callable[[], Object], timeout_s: float, say: Say) -> Object:
        """What `attempt` gives, tried again while the kind or the namespace that it needs is not there yet.

        Raises the attempt's last error after `timeout_s` seconds, and any other error at once.
        """
        for last in self._moments(timeout_s):
            try:
                return attempt()
            except (NotServedError, ApiError) as error:
                if last or (isinstance(error, ApiError) and not error.namespace_missing):
                    raise
                say(f"not possible yet: {error}")
        raise AssertionError("the last moment ends the wait")

    def _moments(self, timeout_s: float) -> Iterator[bool]:
        """Moments to look, ever further apart; true at the last."""
        deadline, pause = time.monotonic() + timeout_s, _FIRST_PAUSE_S
        while True:
            last = self._ended.is_set() or time.monotonic() >= deadline
            yield last
            if last:
                return
            self._ended.wait(min(pause, max(deadline - time.monotonic(), 0)))
            pause = min(pause * 1.5, _LONGEST_PAUSE_S)

    def _after(self, timeout_s: float) -> str:
        if self._ended.is_set():
            return "when the update was cancelled"
        return f"after {timeout_s / 60:g} min" if timeout_s >= 60 else f"after {timeout_s:g} s"


def _blockers(reference: Reference, item: Object) -> Iterator[str]:
    """What keeps a deleted object alive, as clauses."""
    if reference.kind == _NAMESPACE:
        for condition in conditions(item).values():
            if condition.get("status") == "True":
                yield str(condition.get("message")).rstrip(".")
    finalizers = dig(item, "metadata", "finalizers") or []
    if foreign := [name for name in finalizers if name not in _OWN_FINALIZERS]:
        yield f"it still has the finalizer{'s' if len(foreign) > 1 else ''} {', '.join(foreign)}"
    for name in finalizers:
        if name in _OWN_FINALIZERS:
            yield _OWN_FINALIZERS[name]


def _remedy(reference: Reference, item: Object) -> Iterator[str]:
    """What helps against a finalizer whose controller is gone."""
    if {*(dig(item, "metadata", "finalizers") or [])} - {*_OWN_FINALIZERS}:
        namespace = f" -n {reference.namespace}" if reference.namespace else ""
        yield (
            "its controller removes it; without one: "
            f"kubectl patch {_resource_argument(reference.kind)} {reference.name}{namespace} "
            """--type=merge -p '{"metadata":{"finalizers":null}}'"""
        )


def _resource_argument(kind: Kind) -> str:
    """The kind as `kubectl` takes it without doubt: `certificate.v1.cert-manager.io`."""
    if not kind.group:
        return kind.name.lower()
    return f"{kind.name.lower()}.{kind.api_version.rpartition('/')[2]}.{kind.group}"

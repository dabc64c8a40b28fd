"""Waits: until an object is ready, until it is gone, with what is missing said on the way and at the end."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence

from mlpctl.sandbox.kubernetes.cluster import ApiError, Cluster, NotServedError
from mlpctl.sandbox.kubernetes.objects import Kind, Object, Reference, conditions, dig
from mlpctl.sandbox.kubernetes.readiness import Awaited
from mlpctl.sandbox.provider import ProviderError

DELETE_TIMEOUT_S = 600.0
"""The official provider's default for workloads; where something hangs it waits less for some other kinds."""

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 1.0

Say = Callable[[str], None]

_NAMESPACE = Kind("v1", "Namespace")

# Kubernetes' own, in place while dependents are deleted or let go.
_GARBAGE_COLLECTOR = frozenset({"foregroundDeletion", "orphan"})


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
        reference = Reference.to(live)
        for last in self._moments(timeout_s):
            now = cluster.get(reference)
            if now is None:
                raise UnreadyError(live, [f"{reference} was deleted while it was awaited"])
            live = now
            result = how.check(live, cluster)
            if result.ready:
                return live
            say(result.message)
            if result.failed or last:
                end = "did not become ready" if result.failed else f"was not ready {self._after(timeout_s)}"
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
            say("; ".join(blocks) or "waiting for its deletion")
            if last:
                why = "".join(f" {block}." for block in blocks)
                raise ProviderError(
                    f"{reference} was still there {self._after(timeout_s)} after its deletion began.{why}"
                )

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
    """What keeps a deleted object alive, a sentence without its full stop each."""
    if reference.kind == _NAMESPACE:
        for name, condition in conditions(item).items():
            if condition.get("status") == "True" and name != "NamespaceTerminating":
                yield str(condition.get("message")).rstrip(".")
    finalizers = [name for name in dig(item, "metadata", "finalizers") or () if name not in _GARBAGE_COLLECTOR]
    if finalizers:
        namespace = f" -n {reference.namespace}" if reference.namespace else ""
        yield (
            f"It still has the finalizer{'s' if len(finalizers) > 1 else ''} {', '.join(finalizers)}, for a controller "
            f"to remove; without one: kubectl patch {_resource_argument(reference.kind)} {reference.name}{namespace} "
            """--type=merge -p '{"metadata":{"finalizers":null}}'"""
        )
    elif dig(item, "metadata", "finalizers"):
        yield "Objects that it owns are still being deleted"


def _resource_argument(kind: Kind) -> str:
    """The kind as `kubectl` takes it without doubt: `certificate.v1.cert-manager.io`."""
    if not kind.group:
        return kind.name.lower()
    return f"{kind.name.lower()}.{kind.api_version.rpartition('/')[2]}.{kind.group}"

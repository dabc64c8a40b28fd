"""Waits end when they can, and say why they could not."""

import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest

from mlsandbox.providers.kubernetes.cluster import ApiError, NotServedError
from mlsandbox.providers.kubernetes.objects import Kind, Reference
from mlsandbox.providers.kubernetes.readiness import Awaited, Readiness
from mlsandbox.providers.kubernetes.waiting import UnreadyError, Waits
from mlsandbox.providers.protocol import ProviderError


def thing(**metadata: Any) -> dict[str, Any]:
    named = {"name": "x", "namespace": "n", "uid": "u", **metadata}
    return {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": named}


class Sequel:
    """A cluster in which an object is a different one at each look, and stays as it is at the last."""

    def __init__(self, *looks: dict[str, Any] | None) -> None:
        self._looks: list[dict[str, Any] | None] = list(looks)

    def get(self, reference: Reference) -> dict[str, Any] | None:
        return self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]


def in_turn(*results: Readiness) -> Awaited:
    left = list(results)
    return Awaited(lambda item, cluster: left.pop(0) if len(left) > 1 else left[0], 1, lambda item, cluster: ["why"])


def until_ready(how: Awaited, timeout_s: float = 5, cluster: Any = None) -> Sequence[str]:
    said: list[str] = []
    looked_at: Any = cluster or Sequel(thing())
    Waits().until_ready(looked_at, thing(), how, timeout_s, said.append)
    return said


def test_a_wait_ends_with_readiness_and_says_what_it_waits_for() -> None:
    assert until_ready(in_turn(Readiness(False, "one"), Readiness(False, "two"), Readiness(True))) == [
        "one",
        "two",
        "ready",
    ]


def test_a_wait_gives_up_with_the_reasons() -> None:
    with pytest.raises(UnreadyError) as caught:
        until_ready(in_turn(Readiness(False, "0 of 1")), timeout_s=0.1)
    assert caught.value.reasons == ["Thing n/x was not ready after 0.1 s: 0 of 1", "why"]


def test_a_failure_ends_the_wait_at_once() -> None:
    with pytest.raises(UnreadyError, match="Thing n/x did not become ready: broken"):
        until_ready(in_turn(Readiness(False, "broken", failed=True)), timeout_s=60)


def test_a_stall_ends_the_wait_unless_it_was_there_before() -> None:
    stalled = Readiness(False, "no progress", stalled=True)
    with pytest.raises(UnreadyError, match="did not become ready: no progress"):
        until_ready(in_turn(Readiness(False, "0 of 1"), stalled), timeout_s=60)
    assert until_ready(in_turn(stalled, stalled, Readiness(True))) == ["no progress", "no progress", "ready"]


def test_what_is_deleted_meanwhile_is_not_ready() -> None:
    with pytest.raises(UnreadyError, match="was deleted while it was awaited"):
        until_ready(in_turn(Readiness(False)), cluster=Sequel(None))


def test_a_namesake_is_not_the_deleted_object() -> None:
    cluster: Any = Sequel(thing(), thing(uid="another"))
    Waits().until_gone(cluster, thing(), 5, lambda message: None)


@pytest.mark.parametrize(
    ("last", "words"),
    [
        (thing(finalizers=["foregroundDeletion"]), "Objects that it owns are still being deleted."),
        (
            thing(finalizers=["example.com/a", "example.com/b"]),
            "It still has the finalizers example.com/a, example.com/b. Its controller removes it; without one: "
            "kubectl patch thing.v1.example.com x -n n --type=merge",
        ),
    ],
)
def test_a_deletion_that_hangs_names_what_blocks_it(last: dict[str, Any], words: str) -> None:
    cluster: Any = Sequel(last)
    with pytest.raises(ProviderError) as caught:
        Waits().until_gone(cluster, thing(), 0.1, lambda message: None)
    assert str(caught.value).startswith("Thing n/x was asked to go and is still there after 0.1 s.")
    assert words in str(caught.value)


def test_what_is_not_possible_yet_is_tried_again() -> None:
    errors: list[Exception] = [
        NotServedError("no kind"),
        ApiError(404, {"message": "no namespace", "details": {"kind": "namespaces"}}),
    ]

    def attempt() -> dict[str, Any]:
        if errors:
            raise errors.pop(0)
        return thing()

    said: list[str] = []
    assert Waits().until_possible(attempt, 5, said.append) == thing()
    assert said == ["not possible yet: no kind", "not possible yet: no namespace"]


def test_another_error_is_raised_at_once_and_the_last_one_in_the_end() -> None:
    def refused() -> dict[str, Any]:
        raise ApiError(403, {"message": "forbidden"})

    def missing() -> dict[str, Any]:
        raise NotServedError(str(Kind("example.com/v1", "Thing")))

    with pytest.raises(ApiError, match="forbidden"):
        Waits().until_possible(refused, 60, lambda message: None)
    with pytest.raises(NotServedError, match=r"example\.com/v1 Thing"):
        Waits().until_possible(missing, 0.1, lambda message: None)


def test_ending_the_waits_ends_a_long_one() -> None:
    waits = Waits()
    threading.Timer(0.1, waits.end).start()
    started = time.monotonic()
    cluster: Any = Sequel(thing())
    with pytest.raises(UnreadyError, match="when the update was cancelled"):
        waits.until_ready(cluster, thing(), in_turn(Readiness(False, "0 of 1")), 600, lambda message: None)
    assert time.monotonic() - started < 5

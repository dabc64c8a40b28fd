"""Corrections of moto that cannot be seen from outside within a test's time."""

import time
from types import SimpleNamespace
from typing import Any

from mlsandbox.endpoint import corrections


def test_an_instance_that_ended_an_hour_ago_is_forgotten_with_its_reservation() -> None:
    long_ago, just_now = time.time() - corrections.TERMINATED_S - 60, time.time()
    ended, shown = SimpleNamespace(terminated_at=long_ago), SimpleNamespace(terminated_at=just_now)
    live = SimpleNamespace()
    backend: Any = SimpleNamespace(
        reservations={
            "r-1": SimpleNamespace(instances=[ended]),
            "r-2": SimpleNamespace(instances=[ended, shown, live]),
        }
    )
    corrections._forget_terminated(backend)
    assert [*backend.reservations] == ["r-2"]
    assert backend.reservations["r-2"].instances == [shown, live]

"""The page that `mlpctl sandbox status` shows."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console

from mlpctl.sandbox import report
from mlpctl.sandbox.aws import DECLARATIONS
from mlpctl.sandbox.faults import Fault, Planned
from mlpctl.sandbox.lifecycle import ProcessStatus, Status
from mlpctl.sandbox.record import ControlPlaneState, Phase


def ready() -> Status:
    begun = datetime.now(UTC) - timedelta(minutes=5)
    return Status(
        folder=Path("sandbox"),
        phase=Phase.READY,
        reason=None,
        since=begun,
        control_plane=ControlPlaneState(phase=Phase.FAILED, reason="kwok ended with exit code 1"),
        endpoints={"AWS API": "http://127.0.0.1:20001"},
        processes=(ProcessStatus("sandbox", 4711, begun, 400 * 2**20),),
        versions={},
    )


def shown(status: Status, planned: Sequence[Planned] = ()) -> str:
    console = Console(width=160, record=True, file=None, force_terminal=False)
    with console.capture() as capture:
        console.print(report.page(status, planned))
    return capture.get()


def test_it_tells_what_runs_where_since_when_and_with_how_much_memory() -> None:
    page = shown(ready())
    assert "http://127.0.0.1:20001" in page
    (row,) = [line.split() for line in page.splitlines() if "4711" in line]
    assert (row[0], row[-2:]) == ("sandbox", ["400", "MiB"])
    assert row[2:4] == ["5", "min"]


def test_failures_that_were_asked_for_are_listed_with_how_often_they_struck() -> None:
    fault = Fault(operation="*", code="ThrottlingException", message="no", rate=0.2, times=9, match="[x]")
    (row,) = [line for line in shown(ready(), [Planned(fault=fault, struck=3)]).splitlines() if "Throttling" in line]
    assert row.split() == [
        "*",
        "ThrottlingException",
        *["9", "times,", "20%", "of", "requests,", "that", "hold", "[x]"],
        "3",
    ]
    assert "Throttling" not in shown(ready())


def test_a_control_plane_that_failed_says_why() -> None:
    assert "kwok ended with exit code 1" in shown(ready())


def test_every_declared_type_is_listed_with_who_serves_it() -> None:
    lines = shown(ready()).splitlines()
    text = " ".join(" ".join(lines).split())
    for declaration in DECLARATIONS:
        assert declaration.token.rsplit(":", 1)[-1] in text
    (clusters,) = [line for line in lines if "NodeGroup" in line]
    assert clusters.split()[:3] == ["aws:eks", "the", "sandbox"]


def test_what_is_stored_and_not_acted_on_is_said_even_when_nothing_runs() -> None:
    status = Status(Path("sandbox"), Phase.ABSENT, None, None, ControlPlaneState(), {}, (), {})
    page = shown(status)
    assert "absent" in page
    for what, how in report.NOT_ACTED_ON:
        assert what in page
        assert how[:40] in page

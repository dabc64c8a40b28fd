"""The page that `mlsandbox status` shows."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from rich.console import Console
from typer.testing import CliRunner

from mlpctl.cli import app
from mlsandbox.cluster.controlplane import flags
from mlsandbox.endpoint.eks import rollout
from mlsandbox.errors import SandboxError
from mlsandbox.ground.conditions import Conditions
from mlsandbox.ground.faults import Fault, Planned
from mlsandbox.ground.layout import Layout
from mlsandbox.ground.record import ControllerState, ControlPlaneState, Phase, ProcessId
from mlsandbox.host import status_page
from mlsandbox.host.lifecycle import ProcessStatus, Status
from mlsandbox.providers.aws import DECLARATIONS


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
        console.print(status_page.page(status, planned))
    return capture.get()


def test_it_shows_processes_endpoints_running_time_and_memory() -> None:
    page = shown(ready())
    assert "http://127.0.0.1:20001" in page
    (row,) = [line.split() for line in page.splitlines() if "4711" in line]
    assert (row[0], row[-2:]) == ("sandbox", ["400", "MiB"])
    assert row[2:4] == ["5", "min"]


def test_a_state_that_cannot_be_saved_is_shown_with_the_reason() -> None:
    assert "not saved" not in shown(ready())
    page = shown(replace(ready(), unsaved="OSError: no space left"))
    assert "a restart would lose its last changes: OSError: no space left" in page


def test_requested_failures_are_listed_with_the_number_of_occurrences() -> None:
    fault = Fault(operation="*", code="ThrottlingException", message="no", rate=0.2, times=9, match="[x]")
    (row,) = [line for line in shown(ready(), [Planned(fault=fault, struck=3)]).splitlines() if "Throttling" in line]
    assert row.split() == [
        "*",
        "ThrottlingException",
        *["9", "times,", "20%", "of", "requests,", "that", "contain", "[x]"],
        "3",
    ]
    assert "Throttling" not in shown(ready())


def test_it_shows_why_the_control_plane_failed() -> None:
    assert "kwok ended with exit code 1" in shown(ready())


def test_requested_controllers_are_listed_with_their_states_and_memory() -> None:
    assert "Controller" not in shown(ready())
    process = ProcessId.of()
    for state, words in (
        (ControllerState(), "starts when the cluster has the EKS add-on metrics-server"),
        (ControllerState(reason="It is restarted, because it ended."), "It is restarted, because it ended."),
        (ControllerState(process=process), "running"),
    ):
        page = shown(replace(ready(), controllers={"metrics-server": state, "of-another-version": state}))
        assert f"metrics-server {words}" in flat(page)
        assert "of-another-version" not in page


def test_the_usage_of_pods_is_listed_as_what_annotations_say() -> None:
    (entry,) = [each for each in status_page.differences() if each.what == "usage"]
    for expression in yaml.safe_load_all(flags.usage().read_text()):
        for usage in expression["spec"].get("usages", ()):
            for resource, rule in usage["usage"].items():
                assert f"kwok.x-k8s.io/usage-{resource}" in rule["expression"]
                assert f"kwok.x-k8s.io/usage-{resource}" in entry.how


def test_every_supported_type_is_listed_with_its_implementation() -> None:
    lines = shown(ready()).splitlines()
    text = " ".join(" ".join(lines).split())
    for declaration in DECLARATIONS:
        assert declaration.token.rsplit(":", 1)[-1] in text
    (clusters,) = [line for line in lines if "NodeGroup" in line]
    assert clusters.split()[:3] == ["aws:eks", "the", "sandbox"]


def flat(page: str) -> str:
    """A page without line breaks."""
    return " ".join(page.split())


def test_differences_from_aws_are_shown_even_if_no_sandbox_is_running() -> None:
    status = Status(Path("sandbox"), Phase.ABSENT, None, None, ControlPlaneState(), {}, (), {})
    page = shown(status)
    assert "absent" in page
    for each in status_page.differences():
        assert each.what in page
        assert each.how.split()[0] in page


def test_each_difference_from_aws_is_listed_once_in_full_sentences() -> None:
    entries = status_page.differences()
    assert len({each.what for each in entries}) == len(entries)
    for each in entries:
        assert each.how.endswith(".")
        assert each.how[0].isupper()


def test_the_eviction_time_on_the_page_is_the_one_in_use() -> None:
    (entry,) = [each for each in status_page.differences() if each.what == "time"]
    assert f"{rollout.EVICTION_S:.0f} s" in entry.how


def test_settings_are_shown_only_if_they_were_set() -> None:
    status = Status(Path("sandbox"), Phase.ABSENT, None, None, ControlPlaneState(), {}, (), {})
    assert "Setting" not in shown(status)
    console = Console(width=160, record=True, file=None, force_terminal=False)
    with console.capture() as capture:
        console.print(status_page.page(status, (), Conditions(origin="10.8.3.4", quotas={"L-DB2E81BA": 0})))
    page = flat(capture.get())
    assert "source of connections to the cluster endpoint 10.8.3.4" in page
    assert "quota L-DB2E81BA 0" in page


@pytest.mark.parametrize("origin", ["10.8.3.4", "sg-0123456789abcdef0", "2001:db8::1"])
def test_the_source_of_connections_persists_until_it_is_reset_to_anywhere(tmp_path: Path, origin: str) -> None:
    runner, folder = CliRunner(), ["--folder", str(tmp_path / "sandbox")]
    assert runner.invoke(app, ["sandbox", "from", origin, *folder]).exit_code == 0
    layout = Layout(tmp_path / "sandbox")
    assert Conditions.of(layout).origin == origin
    assert runner.invoke(app, ["sandbox", "quota", "L-DB2E81BA", "0", *folder]).exit_code == 0
    assert Conditions.of(layout) == Conditions(origin=origin, quotas={"L-DB2E81BA": 0})
    runner.invoke(app, ["sandbox", "quota", "L-DB2E81BA", *folder])
    runner.invoke(app, ["sandbox", "from", "anywhere", *folder])
    assert Conditions.of(layout) == Conditions()


@pytest.mark.parametrize("command", [["from", "office"], ["from", "10.0.0.0/8"], ["quota", "GPUS", "0"]])
def test_invalid_sources_and_quotas_are_rejected(tmp_path: Path, command: list[str]) -> None:
    says = {"from": "is", "quota": "unknown quota"}[command[0]]
    done = CliRunner().invoke(app, ["sandbox", *command, "--folder", str(tmp_path / "sandbox")])
    assert isinstance(done.exception, SandboxError)
    assert f"{says} {command[1]}; allowed: " in str(done.exception)

"""The page that `mlsandbox status` shows."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from awsfacts.tables import read_table
from mlsandbox.ground.conditions import Conditions
from mlsandbox.ground.faults import Planned
from mlsandbox.ground.record import Phase
from mlsandbox.host.lifecycle import Status
from mlsandbox.tools.toolchain.progress import duration


@dataclass(frozen=True)
class Difference:
    """A respect in which the sandbox is more permissive or faster than AWS or Kubernetes."""

    what: str
    how: str
    """One or more sentences."""


@functools.cache
def differences() -> Sequence[Difference]:
    """All entries of `differences.yaml`."""
    from mlsandbox.endpoint.eks.rollout import EVICTION_S

    rows = read_table("differences.yaml", "mlsandbox.host")
    return [Difference(each["what"], each["how"].format(eviction=f"{EVICTION_S:.0f}")) for each in rows]


def page(
    status: Status,
    planned: Sequence[Planned] = (),
    conditions: Conditions = Conditions(),  # noqa: B008 -- frozen
) -> RenderableType:
    """The complete status of a sandbox; `planned` are the requested failures."""
    heading = Text.assemble(("Sandbox ", "bold"), str(status.folder), ": ", (status.phase.value, _style(status.phase)))
    parts: list[RenderableType] = [heading]
    if status.reason:
        parts.append(Text(status.reason))
    if status.unsaved:
        what = f"The state of the AWS API is not saved, and a restart would lose its last changes: {status.unsaved}"
        parts.append(Text(what, style="red"))
    if planned:
        parts += [Text(), _faults(planned)]
    if conditions != Conditions():
        parts += [Text(), _conditions(conditions)]
    if status.phase is Phase.READY:
        parts += [Text(), _endpoints(status), Text(), _processes(status)]
        parts += [Text(), _controllers(status)] if status.controllers else []
        parts += [Text(), _aws_types()]
    parts += [Text(), _differences()]
    return Group(*parts)


def _faults(planned: Sequence[Planned]) -> Table:
    table = _table("Requested failure", "Error code", "Condition", "Occurred")
    for each in planned:
        fault = each.fault
        how = [
            "later" if fault.later else "",
            f"{fault.times} times" if fault.times else "",
            f"{fault.rate:.0%} of requests" if fault.rate < 1 else "",
            f"that contain {fault.match}" if fault.match else "",
        ]
        table.add_row(*map(Text, (fault.operation, fault.code, ", ".join(filter(None, how)), str(each.struck))))
    return table


def _endpoints(status: Status) -> Table:
    table = _table("Endpoint", "Address")
    for name, address in status.endpoints.items():
        table.add_row(name, address)
    if status.control_plane.phase is not Phase.READY:
        table.add_row("Kubernetes API", status.control_plane.reason or status.control_plane.phase.value)
    return table


def _processes(status: Status) -> Table:
    table = _table("Process", "PID", "Running for", "Memory")
    now = datetime.now(UTC)
    for each in status.processes:
        lasted = duration((now - each.since).total_seconds())
        table.add_row(each.name, str(each.pid), lasted, _mebibytes(each.memory_bytes))
    table.add_row("total", "", "", _mebibytes(status.memory_bytes), style="bold")
    return table


def _controllers(status: Status) -> Table:
    from mlsandbox.cluster.controllers import CONTROLLERS

    table = _table("Controller", "State")
    for controller in CONTROLLERS.values():
        if state := status.controllers.get(controller.name):
            waits = f"starts when the cluster has the EKS add-on {controller.addon}"
            table.add_row(controller.name, state.reason or ("running" if state.process else waits))
    return table


def _aws_types() -> Table:
    """The supported AWS types, with one row per service and implementation of its operations."""
    from mlsandbox.endpoint import KEPT_BY_SANDBOX
    from mlsandbox.providers.aws import DECLARATIONS, Declaration, Lookup
    from mlsandbox.providers.aws.lookups import LOOKUPS

    everything: list[Declaration | Lookup] = [*DECLARATIONS, *LOOKUPS]
    rows: dict[tuple[str, str], list[str]] = {}
    for declared in everything:
        kept = {*KEPT_BY_SANDBOX.get(declared.service, ())}
        operations = {*declared.operations}
        by = "moto" if not operations & kept else "the sandbox" if operations <= kept else "both"
        package, _, name = declared.token.rpartition(":")
        rows.setdefault((package.split("/")[0], by if operations else "computed"), []).append(name)
    table = _table("AWS types and lookups", "Served by", "")
    for (package, by), names in sorted(rows.items()):
        table.add_row(package, by, ", ".join(sorted(names)))
    return table


def _differences() -> Table:
    table = _table("More permissive than AWS", "")
    for each in differences():
        table.add_row(each.what, each.how)
    return table


def _conditions(conditions: Conditions) -> Table:
    table = _table("Setting", "Value")
    if conditions.origin:
        table.add_row("source of connections to the cluster endpoint", conditions.origin)
    for code, most in sorted(conditions.quotas.items()):
        table.add_row(f"quota {code}", str(most))
    return table


def _table(*columns: str) -> Table:
    return Table(*(Column(each, overflow="fold") for each in columns), box=None, pad_edge=False, header_style="bold")


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:,.0f} MiB"


def _style(phase: Phase) -> str:
    return {Phase.READY: "green", Phase.FAILED: "red"}.get(phase, "yellow")

"""The page that `mlpctl sandbox status` shows."""

from datetime import UTC, datetime
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mlpctl.sandbox.lifecycle import Status
from mlpctl.sandbox.record import Phase
from mlpctl.sandbox.toolchain.progress import duration

NOT_ACTED_ON: Final = (
    (
        "containers",
        "pods are scheduled and shown Running; there is no container behind them: no logs, no exec, no HTTP",
    ),
    ("probes", "stored; a pod is ready at once"),
    ("autoscalers", "fewest replicas are kept; there are no metrics to scale by"),
    ("network policies", "stored; there is no network between pods"),
    ("volumes", "stored; nothing is mounted"),
    ("Helm releases", "recorded with their CRDs; charts are not rendered"),
    ("IAM policies", "stored; the AWS API does not enforce them. The EKS API server does check who signs in"),
)
"""What the sandbox keeps and answers, but does not act on."""


def page(status: Status) -> RenderableType:
    """Everything there is to say of a sandbox."""
    heading = Text.assemble(("Sandbox ", "bold"), str(status.folder), ": ", (status.phase.value, _style(status.phase)))
    parts: list[RenderableType] = [heading]
    if status.reason:
        parts.append(Text(status.reason))
    if status.phase is Phase.READY:
        parts += [Text(), _endpoints(status), Text(), _processes(status), Text(), _aws_types()]
    parts += [Text(), _not_acted_on()]
    return Group(*parts)


def _endpoints(status: Status) -> Table:
    table = _table("Serves", "At")
    for name, address in status.endpoints.items():
        table.add_row(name, address)
    if status.control_plane.phase is not Phase.READY:
        table.add_row("Kubernetes API", status.control_plane.reason or status.control_plane.phase.value)
    return table


def _processes(status: Status) -> Table:
    table = _table("Process", "PID", "Runs for", "Memory")
    now = datetime.now(UTC)
    for each in status.processes:
        lasted = duration((now - each.since).total_seconds())
        table.add_row(each.name, str(each.pid), lasted, _mebibytes(each.memory_bytes))
    table.add_row("all", "", "", _mebibytes(status.memory_bytes), style="bold")
    return table


def _aws_types() -> Table:
    from mlpctl.sandbox.aws import DECLARATIONS
    from mlpctl.sandbox.awsapi import KEPT_BY_SANDBOX

    table = _table("AWS type", "Served by moto", "Served by the sandbox itself")
    for declaration in sorted(DECLARATIONS, key=lambda each: each.token):
        kept = KEPT_BY_SANDBOX.get(declaration.service, ())
        ours = [operation for operation in declaration.operations if operation in kept]
        theirs = [operation for operation in declaration.operations if operation not in kept]
        table.add_row(declaration.token, _listed(theirs), _listed(ours))
    return table


def _not_acted_on() -> Table:
    table = _table("Stored, not acted on", "")
    for what, how in NOT_ACTED_ON:
        table.add_row(what, how)
    return table


def _table(*columns: str) -> Table:
    return Table(*columns, box=None, pad_edge=False, header_style="bold")


def _listed(operations: list[str]) -> str:
    return ", ".join(operations) or "-"


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:,.0f} MiB"


def _style(phase: Phase) -> str:
    return {Phase.READY: "green", Phase.FAILED: "red"}.get(phase, "yellow")

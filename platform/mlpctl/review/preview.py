"""The plan of a stack, as the engine makes it now."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from mlpctl.review.plan import Plan, PlanError
from mlpctl.review.reader import read
from mlpctl.review.redact import scrub
from mlpctl.stack import Stack, StackError

EVENT_LOG: Final = {"PULUMI_DEBUG_COMMANDS": "true"}
"""What makes the engine take `--event-log`, as Pulumi's Automation API has it."""

MAX_TOLD: Final = 20
"""Errors of a failed preview that are shown."""


def preview(stack: Stack, *, sandbox: bool) -> Plan:
    """Have the engine make a plan; nothing is changed.

    Raises:
        StackError: the preview failed; with what the engine, the program and the providers said, without secrets.
    """
    with TemporaryDirectory(prefix="mlpctl-preview-") as folder:
        log = Path(folder) / "events.ndjson"
        asked = ("--json", "--show-sames", "--show-replacement-steps", "--event-log", str(log))
        done = stack.run("preview", *asked, "--stack", stack.name, variables=EVENT_LOG)
        events = log.read_bytes() if log.is_file() else b""
    try:
        plan = read(done.stdout, sandbox=sandbox, shows_replacements=True, events=events)
    except PlanError:
        # Before there is a plan, the engine says what is wrong in plain text.
        raise StackError(f"The preview of {stack.name} failed: {scrub((done.stderr or done.stdout).strip())}") from None
    if done.returncode != 0:
        found = [f"{each.pack}/{each.policy}: {each.text}" for each in plan.violations if each.mandatory]
        found += [each.text.strip() for each in plan.messages if each.severity == "error"]
        told = list(dict.fromkeys(found))
        more = [f"and {len(told) - MAX_TOLD} more"] if len(told) > MAX_TOLD else []
        lines = told[:MAX_TOLD] + more or [scrub(done.stderr.strip())]
        raise StackError("\n".join([f"The preview of {stack.name} failed:", *lines]))
    return plan

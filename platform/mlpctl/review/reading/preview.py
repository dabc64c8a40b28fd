"""Runs a preview of a stack."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from mlpctl.review.plan.model import Plan, PlanError
from mlpctl.review.reading.reader import read
from mlpctl.review.redact import scrub
from mlpctl.stack import Stack, StackError

EVENT_LOG: Final = {"PULUMI_DEBUG_COMMANDS": "true"}
"""Environment variable that enables `--event-log`; Pulumi's Automation API sets it too."""

MAX_TOLD: Final = 20
"""Maximum number of errors of a failed preview in the message."""


def preview(stack: Stack, *, sandbox: bool) -> Plan:
    """Run a preview and read its plan; nothing is changed.

    Raises:
        StackError: the preview failed; the message contains the errors, with secrets redacted.
    """
    with TemporaryDirectory(prefix="mlpctl-preview-") as folder:
        log = Path(folder) / "events.ndjson"
        asked = ("--json", "--show-sames", "--show-replacement-steps", "--event-log", str(log))
        done = stack.run("preview", *asked, "--stack", stack.name, variables=EVENT_LOG)
        events = log.read_bytes() if log.is_file() else b""
    try:
        plan = read(done.stdout, sandbox=sandbox, shows_replacements=True, events=events)
    except PlanError:
        # Errors before the plan are plain text.
        raise StackError(f"The preview of {stack.name} failed: {scrub((done.stderr or done.stdout).strip())}") from None
    if done.returncode != 0:
        found = [f"{each.pack}/{each.policy}: {each.text}" for each in plan.violations if each.mandatory]
        found += [each.text.strip() for each in plan.messages if each.severity == "error"]
        errors = list(dict.fromkeys(found))
        more = [f"and {len(errors) - MAX_TOLD} more"] if len(errors) > MAX_TOLD else []
        lines = errors[:MAX_TOLD] + more or [scrub(done.stderr.strip())]
        raise StackError("\n".join([f"The preview of {stack.name} failed:", *lines]))
    return plan

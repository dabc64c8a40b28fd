"""The plan of a stack, as the engine makes it now."""

from typing import Final

from mlpctl.review.plan import Plan, PlanError
from mlpctl.review.reader import read
from mlpctl.review.redact import scrub
from mlpctl.stack import Stack, StackError

MAX_TOLD: Final = 20
"""Errors of a failed preview that are shown."""


def preview(stack: Stack, *, sandbox: bool) -> Plan:
    """Have the engine make a plan; nothing is changed.

    Raises:
        StackError: the preview failed; with what the engine, the program and the providers said, without secrets.
    """
    done = stack.run("preview", "--json", "--show-sames", "--show-replacement-steps", "--stack", stack.name)
    try:
        plan = read(done.stdout, sandbox=sandbox, shows_replacements=True)
    except PlanError:
        # Before there is a plan, the engine says what is wrong in plain text.
        raise StackError(f"The preview of {stack.name} failed: {scrub((done.stderr or done.stdout).strip())}") from None
    if done.returncode != 0:
        told = list(dict.fromkeys(each.text.strip() for each in plan.messages if each.severity == "error"))
        more = [f"and {len(told) - MAX_TOLD} more"] if len(told) > MAX_TOLD else []
        lines = told[:MAX_TOLD] + more or [scrub(done.stderr.strip())]
        raise StackError("\n".join([f"The preview of {stack.name} failed:", *lines]))
    return plan

"""Judges what a stack has deployed, by its state or by what a refresh reads."""

import os
import subprocess
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from mlpctl import config, project
from mlpctl.audit import live, state
from mlpctl.audit import report as reports
from mlpctl.audit.live import Unmanaged
from mlpctl.audit.report import Audit
from mlpctl.audit.state import Deployment
from mlpctl.policies import local, ruling
from mlpctl.policies.local import Local
from mlpctl.review.plan.model import Plan
from mlpctl.review.report.model import Origin
from mlpctl.review.writers import origin
from mlpctl.stack import Stack, StackError


def stack_file(root: Path, stack: str) -> Local:
    """The stack file of a deployed stack, which decides on the levels of rules.

    All rules are advisory for one without the platform's config, which is that of another program.

    Raises:
        StackError: the file is missing. Without it, the levels are unknown, and no violation would be mandatory.
        ConfigError: the file is invalid.
        PackError: own rules cannot be loaded.
    """
    path = config.find(root, stack)
    if not path.is_file():
        raise StackError(
            f"Stack {stack} cannot be judged: its stack file {os.path.relpath(path, root)} is missing, which "
            "decides on its profile, waivers and own rules. Restore the file, or correct the name of the stack."
        )
    return local.of_stack(root, stack)


def read(stack: Stack, deployment: Deployment, ours: Local, *, sandbox: bool, really: bool) -> Plan:
    """The deployed resources of a stack as a plan.

    Args:
        stack: the stack.
        deployment: its state.
        ours: its file.
        sandbox: whether it is deployed in a sandbox.
        really: whether to read AWS and the cluster.

    Raises:
        PlanError: the state is malformed.
        StackError: the resources cannot be read.
    """
    plan = state.plan_of(deployment, ours.config, sandbox=sandbox)
    return live.really(plan, live.refreshed(stack, sandbox=sandbox)) if really else plan


def judge(
    stack: Stack,
    deployment: Deployment,
    plan: Plan,
    ours: Local,
    source: Origin,
    unmanaged: Sequence[Unmanaged] | None,
    today: date,
    *,
    really: bool,
) -> Audit:
    """Judge the deployed resources of a stack.

    Args:
        stack: the stack.
        deployment: its state.
        plan: what is deployed, from `read`.
        ours: its file.
        source: the origin of the audit.
        unmanaged: resources with the stack's tag that the state does not contain; None if they were not looked for.
        today: the day on which waivers, approvals and versions are valid or not.
        really: whether `plan` is what AWS and the cluster contain.

    Raises:
        SettingsError: the config of the stack is invalid.
    """
    levels = ruling.stack_rules(plan)
    evaluation = ruling.judged(plan, levels, today, ours)
    rules = ruling.report(evaluation, levels, today, plan.parents, ours)
    found = reports.report(plan, rules, state.left_out(deployment), unmanaged, stack.tag, live=really)
    named = {
        "project": found.project or project.name(stack.root),
        "stack": found.stack or stack.name,
        "origin": source,
    }
    report = found.model_copy(update=named)
    return Audit(report, plan, evaluation, levels, ours, deployment, tuple(unmanaged or ()), live=really)


def source(root: Path, *, commit: str, run_url: str) -> Origin:
    """The origin of an audit, from the arguments, the variables of the CI service, or the project's checkout."""
    found = origin.origin(os.environ, datetime.now(UTC), commit=commit, run_url=run_url)
    return found if found.commit else found.model_copy(update={"commit": commit_of(root)})


def commit_of(root: Path) -> str:
    """The commit of a checkout; empty if it has changes, or is no checkout."""

    def git(*command: str) -> str | None:
        try:
            done = subprocess.run(["git", "-C", str(root), *command], capture_output=True, text=True, check=False)
        except OSError:
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    return (git("rev-parse", "HEAD") or "") if git("status", "--porcelain") == "" else ""

"""Implements `mlpctl audit` and `mlpctl evidence`: reads a stack, judges it and reports."""

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from mlpctl import project
from mlpctl.audit import live, state
from mlpctl.audit import report as reports
from mlpctl.audit.live import Unmanaged
from mlpctl.audit.report import Audit
from mlpctl.policies import local, ruling
from mlpctl.recover.search import tagged
from mlpctl.review.command import today
from mlpctl.review.writers import origin
from mlpctl.stack import SandboxStack, Stack


def audit(name: str, *, account: bool, folder: Path | None, really: bool, commit: str = "", run_url: str = "") -> Audit:
    """Judge the deployed resources of a stack of the project in the current folder. Nothing is changed.

    Args:
        name: name of the stack.
        account: whether to use the backend and the account of this shell; otherwise the sandbox.
        folder: folder of the sandbox; None for the default next to the project.
        really: whether to read AWS and the cluster, and to look for resources with the stack's tag.
        commit: the audited commit; by default from the variables of the CI service, or that of a checkout without
            changes.
        run_url: URL of the run; by default from the variables of the CI service.

    Raises:
        ConfigError: the stack file is invalid.
        PackError: own rules cannot be loaded.
        StackError: the state or the resources cannot be read.
        SandboxError: the sandbox does not start.
    """
    root = project.root()
    ours = local.of_stack(root, name)
    with Console(stderr=True).status(f"Reading {name}"):
        stack = Stack(root, name) if account else _in_sandbox(root, name, folder, really=really)
        stack.ensure_whole()
        deployment = stack.deployment()
        plan = state.plan_of(deployment, ours.config, sandbox=not account)
        strangers: tuple[Unmanaged, ...] = ()
        if really:
            plan = live.really(plan, live.refreshed(stack, sandbox=not account))
            places = live.regions(deployment, project.region(root, name))
            strangers = (*live.unmanaged(tagged(stack.env, stack.tag, places), deployment),)
    levels = ruling.stack_rules(plan)
    evaluation = ruling.judged(plan, levels, today(), ours)
    rules = ruling.report(evaluation, levels, today(), plan.parents, ours)
    found = reports.report(plan, rules, state.left_out(deployment), strangers, stack.tag, live=really)
    source = origin.origin(os.environ, datetime.now(UTC), commit=commit, run_url=run_url)
    if not source.commit:
        source = source.model_copy(update={"commit": commit_of(root)})
    named = {"project": found.project or project.name(root), "stack": found.stack or name, "origin": source}
    return Audit(found.model_copy(update=named), plan, evaluation, levels, ours, deployment, strangers, live=really)


def commit_of(root: Path) -> str:
    """The commit of a checkout; empty if it has changes, or is no checkout."""

    def git(*command: str) -> str | None:
        try:
            done = subprocess.run(["git", "-C", str(root), *command], capture_output=True, text=True, check=False)
        except OSError:
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    return (git("rev-parse", "HEAD") or "") if git("status", "--porcelain") == "" else ""


def _in_sandbox(root: Path, name: str, folder: Path | None, *, really: bool) -> Stack:
    # An account is audited without the extra `sandbox`.
    from mlsandbox import Sandbox

    sandbox = Sandbox.find(folder)
    sandbox.start(cluster=False)
    stack = SandboxStack(root, name, sandbox)
    # The refresh reads the objects in the cluster.
    if really and stack.reaches_clusters():
        sandbox.start()
    return stack

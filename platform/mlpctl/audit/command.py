"""Implements `mlpctl audit` and `mlpctl evidence`: reads a stack, judges it and reports."""

from pathlib import Path

from rich.console import Console

from mlpctl import project
from mlpctl.audit import account as account_audit
from mlpctl.audit import judge, live
from mlpctl.audit.account_model import AccountReport
from mlpctl.audit.live import Unmanaged
from mlpctl.audit.report import Audit
from mlpctl.recover.search import tagged
from mlpctl.review.command import today
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
        StackError: the stack file is missing, or the state or the resources cannot be read.
        SandboxError: the sandbox does not start.
    """
    root = project.root()
    ours = judge.stack_file(root, name)
    with Console(stderr=True).status(f"Reading {name}"):
        stack = Stack(root, name) if account else _in_sandbox(root, name, folder, really=really)
        stack.ensure_whole()
        deployment = stack.deployment()
        plan = judge.read(stack, deployment, ours, sandbox=not account, really=really)
        strangers: list[Unmanaged] = []
        if really:
            places = live.regions(deployment, project.region(root, name))
            strangers = live.unmanaged(tagged(stack.env, stack.tag, places), deployment)
    source = judge.source(root, commit=commit, run_url=run_url)
    return judge.judge(stack, deployment, plan, ours, source, strangers, today(), really=really)


def audit_account(*, commit: str = "", run_url: str = "") -> AccountReport:
    """Judge all stacks of the project in the current folder, and find resources that belong to none of them.

    The backend and the account are those of this shell. Nothing is changed.

    Args:
        commit: the audited commit, as in `audit`.
        run_url: URL of the run, as in `audit`.

    Raises:
        StackError: the backend cannot be read.
    """
    root = project.root()
    source = judge.source(root, commit=commit, run_url=run_url)
    with Console(stderr=True).status("Reading the backend") as status:
        return account_audit.audit(root, today(), source, status.update)


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

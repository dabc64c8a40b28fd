"""`mlpctl up`: deploy a stack in the sandbox, which is started if needed."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from mlpctl import config, failure_page, failures, out
from mlpctl.recover import reject_lost_state
from mlpctl.stack import SandboxStack
from mlsandbox import Sandbox


def up(root: Path, stack_name: str, sandbox: Sandbox, console: Console) -> int:
    """Deploy a stack in a sandbox. Returns the exit code of `pulumi up`.

    While the control plane is being built, the preview is shown, which needs only the engine and the AWS API.

    Raises:
        config.ConfigError: The stack file is invalid; nothing was changed.
        SandboxError: A program can be neither found nor built, or the sandbox does not start.
        StackError: The stack cannot be updated in its current state.
    """
    loaded = config.read(config.find(root, stack_name))
    stack = SandboxStack(root, stack_name, sandbox)
    sandbox.start(cluster=False, provider=False)
    with stack.alone():
        return _update(stack, loaded, console)


def _update(stack: SandboxStack, loaded: config.Loaded[config.Platform], console: Console) -> int:
    reject_lost_state(stack)
    for removed in stack.ensure():
        console.print(removed, highlight=False)
    if stack.sandbox.has_cluster_programs:
        stack.sandbox.start()
    else:
        with stack.sandbox.starting() as variables:
            if variables and stack.reaches_clusters():
                console.print("No preview: the cluster is not running yet, so its objects cannot be compared.")
            else:
                preview(stack, console, variables)

    if refreshed := stack.catch_up():
        console.print(refreshed, highlight=False)
    code, result = stack.update(console.status("Evaluating the rules for the plan"))
    if code == 0:
        console.print(Text(), summary(stack), soft_wrap=True)
    elif result.failures:
        explained = failures.explain(result, loaded)
        out.console(stderr=True).print(failure_page.page(explained, loaded.path, [f"mlpctl up --stack {stack.name}"]))
    return code


def preview(stack: SandboxStack, console: Console, environment: Mapping[str, str]) -> None:
    """Show the preview of an update above the progress display.

    Args:
        stack: The stack.
        console: The output.
        environment: Additional environment variables.
    """
    command = ["pulumi", "preview", "--stack", stack.name, "--non-interactive", "--suppress-permalink=true"]
    if console.is_terminal:
        command += ["--color", "always"]
    with subprocess.Popen(
        command,
        cwd=stack.root,
        env={**stack.env, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            console.print(Text.from_ansi(line.rstrip("\n")), soft_wrap=True)


def summary(stack: SandboxStack) -> RenderableType:
    """The components of the stack, how to reach it, and the next commands."""
    outputs = stack.outputs()
    made = _columns()
    made.add_row("Component", "Kind", "Resources", style="bold")
    for each in stack.made():
        made.add_row(each.name, each.kind, str(each.resources))
    reach = _columns()
    for name, bucket in outputs.get("buckets", {}).items():
        reach.add_row(f"bucket {name}", f"s3://{bucket}")
    for name, url in outputs.get("repositories", {}).items():
        reach.add_row(f"repository {name}", url)
    reach.add_row("cluster", outputs.get("clusterName", ""))
    for name, url in outputs.get("inferenceEndpoints", {}).items():
        reach.add_row(f"model {name}", url)
    reach.add_row("kubeconfig", str(stack.sandbox.kubeconfig))
    commands = _columns()
    commands.add_row('eval "$(.venv/bin/mlpctl sandbox env)"', "for this shell, then")
    commands.add_row(f"pulumi stack output --stack {stack.name}", "its outputs")
    if shutil.which("kubectl"):
        commands.add_row("kubectl get pods --all-namespaces --output wide", "models on GPU nodes")
    commands.add_row(f"$EDITOR stacks/Pulumi.{stack.name}.yaml", "then run `make up` again")
    commands.add_row("make down", "destroy everything")
    for table in (made, reach, commands):
        for column in table.columns[1:]:
            # Values to copy may be long, and must not be truncated.
            column.overflow = "fold"
    return Group(made, Text(), reach, Text(), Text("Next", style="bold"), commands)


def _columns() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    return table

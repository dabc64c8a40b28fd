"""`mlpctl up`: from nothing to a stack that runs in the sandbox."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from mlpctl import config, failure_page, failures, out
from mlpctl.recover import refuse_lost
from mlpctl.sandbox import lifecycle, toolchain
from mlpctl.sandbox.layout import Layout
from mlpctl.sandbox.record import Phase
from mlpctl.sandbox.toolchain import RichReporter
from mlpctl.stack import SandboxStack

ENGINE = "pulumi"
YAML_HOST = "pulumi-language-yaml"
CONTROL_PLANE = tuple(name for name in toolchain.TOOLS if name not in (ENGINE, YAML_HOST))


def up(root: Path, stack_name: str, layout: Layout, console: Console) -> int:
    """Bring a stack up in the sandbox; the exit code of `pulumi up`.

    While the control plane is still being built, the preview is shown: it needs the engine and the AWS API alone.

    Raises:
        config.ConfigError: the stack file is not right; nothing has been touched.
        toolchain.ToolchainError: a tool is neither there nor could be built.
        SandboxError: the sandbox does not start.
        StackError: the stack cannot be updated as it is.
    """
    loaded = config.read(config.find(root, stack_name))
    reporter = RichReporter(console)
    stack = SandboxStack(root, stack_name, layout)

    engine(layout, reporter)
    aws_api(layout, reporter)
    with stack.alone():
        return _update(stack, loaded, layout, reporter, console)


def _update(
    stack: SandboxStack,
    loaded: config.Loaded[config.Platform],
    layout: Layout,
    reporter: toolchain.Reporter,
    console: Console,
) -> int:
    refuse_lost(stack)
    for removed in stack.ensure():
        console.print(removed, highlight=False)
    if all(toolchain.look(name).found for name in CONTROL_PLANE):
        control_plane(layout, reporter)
    else:
        with _in_background(layout, reporter):
            preview(stack, console)

    if told_anew := stack.catch_up():
        console.print(told_anew, highlight=False)
    code, told = stack.update()
    if code == 0:
        console.print(Text(), summary(stack), soft_wrap=True)
    elif told.failures:
        explained = failures.explain(told, loaded)
        out.console(stderr=True).print(failure_page.page(explained, loaded.path, [f"mlpctl up --stack {stack.name}"]))
    return code


def engine(layout: Layout, reporter: toolchain.Reporter) -> None:
    """Have the engine and a language host, and put both where the sandbox's environment finds them."""
    found = toolchain.ensure([ENGINE], reporter)[ENGINE]
    layout.prepare()
    layout.install_engine(found, toolchain.language_host(found))


def yaml(layout: Layout, reporter: toolchain.Reporter) -> None:
    """Have the language host for YAML programs as well, which no stack of this project needs."""
    layout.install_language_host(YAML_HOST, toolchain.ensure([YAML_HOST], reporter)[YAML_HOST])


def aws_api(layout: Layout, reporter: toolchain.Reporter) -> None:
    """Run the sandbox: the AWS API, the providers, and the control plane if an earlier start had it."""
    runs = lifecycle.status(layout).phase is Phase.READY
    with nullcontext() if runs else reporter.step("Starting the sandbox", 5):
        lifecycle.up(layout)


def control_plane(layout: Layout, reporter: toolchain.Reporter) -> None:
    """Have the control plane's programs, and run them."""
    tools = toolchain.ensure(CONTROL_PLANE, reporter)
    runs = lifecycle.status(layout).control_plane.phase is Phase.READY
    with nullcontext() if runs else reporter.step("Starting the Kubernetes control plane", 10):
        lifecycle.start_control_plane(layout, tools)


def preview(stack: SandboxStack, console: Console) -> None:
    """Show what an update would do, above whatever progress is being shown."""
    command = ["pulumi", "preview", "--stack", stack.name, "--non-interactive", "--suppress-permalink=true"]
    if console.is_terminal:
        command += ["--color", "always"]
    with subprocess.Popen(
        command,
        cwd=stack.root,
        env=stack.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            console.print(Text.from_ansi(line.rstrip("\n")), soft_wrap=True)


def summary(stack: SandboxStack) -> RenderableType:
    """What was made, how to reach it, and what to type next."""
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
    reach.add_row("kubeconfig", str(stack.layout.kubeconfig))
    commands = _columns()
    commands.add_row('eval "$(.venv/bin/mlpctl sandbox env)"', "for this shell, then")
    commands.add_row(f"pulumi stack output --stack {stack.name}", "what it tells others")
    if shutil.which("kubectl"):
        commands.add_row("kubectl get pods --all-namespaces --output wide", "models on GPU nodes")
    commands.add_row(f"$EDITOR stacks/Pulumi.{stack.name}.yaml", "then `make up` again")
    commands.add_row("make down", "to nothing")
    for table in (made, reach, commands):
        for column in table.columns[1:]:
            # What is copied may be long, and is never cut.
            column.overflow = "fold"
    return Group(made, Text(), reach, Text(), Text("Next", style="bold"), commands)


def _columns() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    return table


@contextmanager
def _in_background(layout: Layout, reporter: toolchain.Reporter) -> Iterator[None]:
    """Build and start the control plane in a thread of its own; on leaving, wait for it and raise what it raised."""
    failures: list[BaseException] = []

    def work() -> None:
        try:
            control_plane(layout, reporter)
        except BaseException as error:
            failures.append(error)

    # A daemon: at an interrupt nobody waits for a build that goes on where it stopped anyway.
    thread = threading.Thread(target=work, name="control-plane", daemon=True)
    thread.start()
    yield
    thread.join()
    if failures:
        raise failures[0]

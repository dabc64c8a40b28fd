"""The public API of this package."""

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Thread
from typing import Self

from rich.console import Console

from mlsandbox.errors import SandboxError
from mlsandbox.ground.conditions import Conditions, checked_origin
from mlsandbox.ground.faults import Planned
from mlsandbox.ground.layout import Layout
from mlsandbox.ground.record import Phase
from mlsandbox.host import environment, faults, lifecycle, older_states
from mlsandbox.host.lifecycle import Status
from mlsandbox.tools import toolchain
from mlsandbox.tools.toolchain import Reporter, RichReporter

ENGINE = "pulumi"
YAML_HOST = "pulumi-language-yaml"
PACKAGE = "kubernetes"
PROVIDER = f"pulumi-resource-{PACKAGE}"
CLUSTER = tuple(name for name in toolchain.TOOLS if name not in (ENGINE, YAML_HOST, PROVIDER))
"""Programs of the Kubernetes control plane."""

SDK = f"pulumi-{PACKAGE}"
"""Distribution of the SDK that the programs in this Python environment use."""

CONTROLLERS = tuple(toolchain.ON_REQUEST)
"""Controllers that a sandbox can run in its cluster."""

ATTACHED = environment.ATTACHED


@dataclass(frozen=True)
class Sandbox:
    """A local AWS API and a Kubernetes control plane to which plain `pulumi` commands deploy programs.

    Everything is stored in one folder. Two folders are two independent sandboxes.

    Raises:
        SandboxError: an error that the user can fix: a program can be neither found nor built, a process does not
            start, a port is in use.
    """

    layout: Layout
    """The folder of the sandbox."""

    progress: Reporter = field(default_factory=RichReporter)
    """Shows the progress of long steps; on standard error by default."""

    @classmethod
    def find(cls, folder: Path | None = None, console: Console | None = None) -> Self:
        """The sandbox in `folder`; by default `$MLPLATFORM_SANDBOX`, or `.sandbox` next to the nearest `Pulumi.yaml`.

        The progress of long steps is shown on `console`, by default on standard error.

        Raises:
            SandboxError: no folder is passed or set, and neither the working folder nor its parents have a Pulumi.yaml.
        """
        return cls(Layout.find(folder), RichReporter(console))

    @property
    def folder(self) -> Path:
        """The folder of the sandbox."""
        return self.layout.folder

    @property
    def kubeconfig(self) -> Path:
        """An administrator's kubeconfig for the cluster."""
        return self.layout.kubeconfig

    def build(self, *, cluster: bool = True, yaml: bool = False, provider: bool = True) -> None:
        """Find, install or build the programs of the sandbox. The first time takes about 18 minutes on two cores.

        Args:
            cluster: Include the programs of the Kubernetes control plane. Without them there is only the AWS API.
            yaml: Include the language host for YAML programs.
            provider: Include Pulumi's provider for Kubernetes. Programs with the package `kubernetes` need it even for
                a preview without a cluster.
        """
        engine = toolchain.ensure([ENGINE], self.progress)[ENGINE]
        self.layout.prepare()
        self.layout.install_engine(engine, toolchain.language_host(engine))
        if yaml:
            host = toolchain.ensure([YAML_HOST], self.progress)[YAML_HOST]
            self.layout.install_language_host(YAML_HOST, host)
        if cluster:
            toolchain.ensure(CLUSTER, self.progress)
        if provider:
            self._install_provider()

    def start(
        self,
        *,
        cluster: bool = True,
        yaml: bool = False,
        provider: bool = True,
        controllers: Collection[str] | None = None,
    ) -> None:
        """Build missing programs, start the sandbox and wait until it responds. Running processes are not restarted.

        Args:
            cluster: Start the Kubernetes control plane too. If an earlier start included it, it starts in any case.
            yaml: Include the language host for YAML programs.
            provider: Include Pulumi's provider for Kubernetes.
            controllers: The controllers in `CONTROLLERS` that run in clusters with their add-ons, from now on and after
                every restart; None keeps the earlier choice, which is none at first. Each is built when first chosen.

        Raises:
            SandboxError: a controller is unknown, among others.
        """
        _check(controllers)
        self.build(cluster=False, yaml=yaml, provider=provider and not cluster)
        runs = lifecycle.status(self.layout).phase is Phase.READY
        with nullcontext() if runs else self.progress.step("Starting the sandbox", 5):
            lifecycle.up(self.layout)
        if cluster:
            self._start_cluster()
            if provider:
                self._install_provider()
        if controllers is not None or cluster:
            self._install_controllers(controllers)

    @contextmanager
    def starting(self) -> Iterator[Mapping[str, str]]:
        """Build and start the control plane of a running sandbox, and the provider, in the background.

        The context manager yields variables to add to `environment` in the meantime. With them, a stack whose clusters
        do not exist yet can be previewed before the provider for Kubernetes is built.

        On exit it waits for both, and raises the error if one failed.
        """
        problems: list[BaseException] = []

        def work() -> None:
            try:
                self._start_cluster()
                self._install_provider()
                self._install_controllers(None)
            except BaseException as problem:
                problems.append(problem)

        with ExitStack() as stops:
            variables: dict[str, str] = {}
            if self.has_provider:
                self._install_provider()
            else:
                # Imported late: importing gRPC is slow.
                from mlsandbox.providers import unbuilt

                attached = environment.variables(self.layout)[ATTACHED]
                variables[ATTACHED] = f"{attached},{PACKAGE}:{stops.enter_context(unbuilt.standing_in(PACKAGE))}"
            # A daemon thread: an interrupt need not wait for the build, which can be resumed.
            thread = Thread(target=work, name="control-plane", daemon=True)
            thread.start()
            yield variables
        thread.join()
        if problems:
            raise problems[0]

    @property
    def has_cluster_programs(self) -> bool:
        """Whether the control plane can start, and objects can be previewed, without a build."""
        return self.has_provider and all(toolchain.look(name).found for name in CLUSTER)

    @property
    def has_provider(self) -> bool:
        """Whether Pulumi's provider for Kubernetes is available."""
        return toolchain.look(PROVIDER).found is not None

    def stop(self) -> bool:
        """Stop all processes and wait until they have ended. False if none was running. The state is kept."""
        return lifecycle.down(self.layout)

    def reset(self) -> None:
        """Delete all resources in the AWS API and the cluster, and the Pulumi state of the sandbox's stacks."""
        lifecycle.reset(self.layout)

    def environment(self, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
        """`environ` changed so that `pulumi`, AWS tools and `kubectl` use this sandbox and nothing else.

        Raises:
            SandboxError: the sandbox was never started.
        """
        return environment.of_processes(self.layout, environ)

    def shell(self, environ: Mapping[str, str] = os.environ) -> str:
        """The variables of `environment` as statements for a POSIX shell whose environment is `environ`."""
        return environment.shell_exports(self.layout, environ)

    def fail(
        self,
        operation: str,
        code: str,
        *,
        message: str | None = None,
        times: int | None = None,
        rate: float = 1.0,
        match: str = "",
        later: bool = False,
    ) -> None:
        """Make requests to the running AWS API fail, until `succeed` or a restart.

        Args:
            operation: `CreateNodegroup`, `ec2:CreateVpc`, or `*` for every operation.
            code: The error code, e.g. `InsufficientInstanceCapacity`.
            message: The error message; by default AWS's own, if it is known.
            times: How many requests fail; None for no limit.
            rate: The fraction of requests that fail, above 0 and up to 1.
            match: Only requests that contain this text fail.
            later: Accept the request and fail the resource afterwards (EKS only).

        Raises:
            SandboxError: no sandbox is running, or the operation does not exist.
        """
        fault = faults.fault(operation, code, message=message, times=times, rate=rate, match=match, later=later)
        faults.add(self.layout, fault)

    def succeed(self) -> None:
        """Remove all requested failures. Raises `SandboxError` if no sandbox is running."""
        faults.clear(self.layout)

    def status(self) -> Status:
        """The running processes, their endpoints, start times and memory use. Does not raise if there is no sandbox."""
        return lifecycle.status(self.layout)

    def planned(self) -> list[Planned]:
        """The requested failures and how often each occurred. Empty if no sandbox is running."""
        return faults.planned(self.layout) if self.status().phase is Phase.READY else []

    @property
    def conditions(self) -> Conditions:
        """The quotas of the account, and the source of connections to the cluster endpoint."""
        return Conditions.of(self.layout)

    def reach_from(self, origin: str) -> None:
        """Set the source of connections to the cluster endpoint: an address, a security group, or `anywhere`."""
        changed = self.conditions.model_copy(update={"origin": checked_origin(origin)})
        changed.save(self.layout)

    def limit(self, quota: str, value: int | None) -> None:
        """Set a quota of the account by its code, e.g. `L-DB2E81BA`; None removes the limit.

        Raises:
            SandboxError: the sandbox does not support this quota.
        """
        # Imported late: importing moto takes a second.
        from mlsandbox.endpoint import quotas

        known = dict(quotas.known())
        if quota not in known:
            raise SandboxError(f"unknown quota {quota}; allowed: {', '.join(known)}")
        before = self.conditions
        kept = {code: most for code, most in before.quotas.items() if code != quota}
        before.model_copy(update={"quotas": kept if value is None else {**kept, quota: value}}).save(self.layout)

    def lost_work(self, seen: Path) -> bool:
        """Whether the AWS API lost changes in a crash, and did so after the file `seen` was last touched.

        After handling the loss, touch `seen`.
        """
        lost = self.layout.lost_file
        return lost.exists() and not (seen.exists() and seen.stat().st_mtime_ns >= lost.stat().st_mtime_ns)

    def _install_provider(self) -> None:
        program = toolchain.ensure([PROVIDER], self.progress)[PROVIDER]
        versions = {str(toolchain.TOOLS[PROVIDER].version)}
        with suppress(PackageNotFoundError):
            versions.add(version(SDK))
        older_states.complete(self.layout)
        for each in versions:
            self.layout.install_plugin(PACKAGE, each, program.parent)

    def _install_controllers(self, chosen: Collection[str] | None) -> None:
        """Install the chosen controllers; None for those that were chosen before, in their current versions."""
        before = self.layout.controllers()
        # A newer version of this package may have chosen a controller that this one does not have.
        names = [name for name in before if name in CONTROLLERS] if chosen is None else chosen
        programs = toolchain.ensure(names, self.progress)
        if programs != before:
            self.layout.write_controllers(programs)

    def _start_cluster(self) -> None:
        tools = toolchain.ensure(CLUSTER, self.progress)
        runs = lifecycle.status(self.layout).control_plane.phase is Phase.READY
        with nullcontext() if runs else self.progress.step("Starting the Kubernetes control plane", 10):
            lifecycle.start_control_plane(self.layout, tools)


def _check(controllers: Collection[str] | None) -> None:
    for name in controllers or ():
        if name not in CONTROLLERS:
            raise SandboxError(f"unknown controller {name}; allowed: {', '.join(CONTROLLERS)}")

"""The one way into this package for other programs."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Thread
from typing import Self

from rich.console import Console

from mlsandbox.errors import SandboxError
from mlsandbox.host import environment, faults, lifecycle, older_states
from mlsandbox.host.conditions import Conditions, checked_origin
from mlsandbox.host.layout import Layout
from mlsandbox.host.lifecycle import Status
from mlsandbox.host.record import Phase
from mlsandbox.tools import toolchain
from mlsandbox.tools.toolchain import Reporter, RichReporter

ENGINE = "pulumi"
YAML_HOST = "pulumi-language-yaml"
PACKAGE = "kubernetes"
PROVIDER = f"pulumi-resource-{PACKAGE}"
CLUSTER = tuple(name for name in toolchain.TOOLS if name not in (ENGINE, YAML_HOST, PROVIDER))
"""Programs of the Kubernetes control plane."""

SDK = f"pulumi-{PACKAGE}"
"""Distribution of the SDK that programs of this environment use."""

ATTACHED = environment.ATTACHED


@dataclass(frozen=True)
class Sandbox:
    """A local AWS API and a Kubernetes control plane in which plain `pulumi` commands bring programs up.

    Everything it is lies in one folder. Two folders are two sandboxes that do not touch each other.

    Raises:
        SandboxError: what its user can act on: a program can be neither found nor built, a process does not start, a
            port is taken.
    """

    layout: Layout
    """Its folder."""

    progress: Reporter = field(default_factory=RichReporter)
    """Where long steps are shown; standard error by default."""

    @classmethod
    def find(cls, folder: Path | None = None, console: Console | None = None) -> Self:
        """The sandbox in `folder`; by default in `$MLPLATFORM_SANDBOX`, or `.sandbox` beside the next `Pulumi.yaml`.

        Steps that take long are shown on `console`, by default on standard error.

        Raises:
            SandboxError: no folder was passed, and there is no Pulumi.yaml here or above.
        """
        return cls(Layout.find(folder), RichReporter(console))

    @property
    def folder(self) -> Path:
        """Where it lives."""
        return self.layout.folder

    @property
    def kubeconfig(self) -> Path:
        """An administrator's kubeconfig for its cluster."""
        return self.layout.kubeconfig

    def build(self, *, cluster: bool = True, yaml: bool = False, provider: bool = True) -> None:
        """Find, install or build the programs it runs; the first time takes about 18 minutes on two cores.

        Args:
            cluster: The programs of the Kubernetes control plane too; without them there is the AWS API alone.
            yaml: The language host for YAML programs too.
            provider: Pulumi's provider for Kubernetes too, which programs with the package `kubernetes` need even for
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

    def start(self, *, cluster: bool = True, yaml: bool = False, provider: bool = True) -> None:
        """Build what is missing, start it and wait until it answers. What runs already stays.

        Args:
            cluster: Start the Kubernetes control plane too. One that an earlier start had comes back in any case.
            yaml: Have the language host for YAML programs too.
            provider: Have Pulumi's provider for Kubernetes too.
        """
        self.build(cluster=False, yaml=yaml, provider=provider and not cluster)
        runs = lifecycle.status(self.layout).phase is Phase.READY
        with nullcontext() if runs else self.progress.step("Starting the sandbox", 5):
            lifecycle.up(self.layout)
        if cluster:
            self._start_cluster()
            if provider:
                self._install_provider()

    @contextmanager
    def starting(self) -> Iterator[Mapping[str, str]]:
        """Build and start the control plane of a running sandbox, and the provider, meanwhile; leaving waits for them.

        Entering gives variables to put on top of `environment` meanwhile. With them, a stack whose clusters are not
        there yet can be previewed although the provider for Kubernetes is not either.

        Leaving raises what kept them from being there.
        """
        problems: list[BaseException] = []

        def work() -> None:
            try:
                self._start_cluster()
                self._install_provider()
            except BaseException as problem:
                problems.append(problem)

        with ExitStack() as stops:
            variables: dict[str, str] = {}
            if self.has_provider:
                self._install_provider()
            else:
                # gRPC takes a moment to import.
                from mlsandbox.providers import unbuilt

                attached = environment.variables(self.layout)[ATTACHED]
                variables[ATTACHED] = f"{attached},{PACKAGE}:{stops.enter_context(unbuilt.standing_in(PACKAGE))}"
            # A daemon: at an interrupt nobody waits for a build, which goes on where it stopped.
            thread = Thread(target=work, name="control-plane", daemon=True)
            thread.start()
            yield variables
        thread.join()
        if problems:
            raise problems[0]

    @property
    def has_cluster_programs(self) -> bool:
        """Whether the control plane can start, and objects be previewed, without anything being built."""
        return self.has_provider and all(toolchain.look(name).found for name in CLUSTER)

    @property
    def has_provider(self) -> bool:
        """Whether Pulumi's provider for Kubernetes is there."""
        return toolchain.look(PROVIDER).found is not None

    def stop(self) -> bool:
        """Stop every process and wait until all are gone; False when none ran. The state stays for the next start."""
        return lifecycle.down(self.layout)

    def reset(self) -> None:
        """Empty the AWS API, the cluster and the Pulumi state of its stacks together."""
        lifecycle.reset(self.layout)

    def environment(self, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
        """`environ` changed so that `pulumi`, AWS tools and `kubectl` reach this sandbox and nothing else.

        Raises:
            SandboxError: the sandbox was never started.
        """
        return environment.of_processes(self.layout, environ)

    def shell(self, environ: Mapping[str, str] = os.environ) -> str:
        """The same as statements for a POSIX shell whose environment is `environ`."""
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
        """Have the running AWS API answer requests with an error, until `succeed` or a restart.

        Args:
            operation: `CreateNodegroup`, `ec2:CreateVpc`, or `*` for every operation.
            code: Code of the error, e.g. `InsufficientInstanceCapacity`.
            message: Its message; by default AWS's own where it is known.
            times: How often it fails; None for as long as it is there.
            rate: Share of the requests that fail, above 0 and up to 1.
            match: Text that a request has to contain.
            later: Accept the request and fail the resource afterwards (EKS only).

        Raises:
            SandboxError: no sandbox runs, or there is no such operation.
        """
        fault = faults.fault(operation, code, message=message, times=times, rate=rate, match=match, later=later)
        faults.add(self.layout, fault)

    def succeed(self) -> None:
        """Remove every failure that was asked for. Raises `SandboxError` when no sandbox runs."""
        faults.clear(self.layout)

    def status(self) -> Status:
        """What runs, where, since when and with how much memory. Never raises for a sandbox that is not there."""
        return lifecycle.status(self.layout)

    def planned(self) -> list[faults.Planned]:
        """The failures that are asked for and how often each has struck; none when nothing runs."""
        return faults.planned(self.layout) if self.status().phase is Phase.READY else []

    @property
    def conditions(self) -> Conditions:
        """The quotas of its account and where connections to its cluster's endpoint come from."""
        return Conditions.of(self.layout)

    def reach_from(self, origin: str) -> None:
        """Have connections to the cluster's endpoint come from an address or a security group, or from `anywhere`."""
        changed = self.conditions.model_copy(update={"origin": checked_origin(origin)})
        changed.save(self.layout)

    def limit(self, quota: str, value: int | None) -> None:
        """Set a quota of the account by its code, e.g. `L-DB2E81BA`; None removes the limit.

        Raises:
            SandboxError: the code is not one of those that are counted.
        """
        # moto takes a second to import.
        from mlsandbox.endpoint import quotas

        known = dict(quotas.known())
        if quota not in known:
            raise SandboxError(f"CODE is {quota}; allowed: {', '.join(known)}")
        before = self.conditions
        kept = {code: most for code, most in before.quotas.items() if code != quota}
        before.model_copy(update={"quotas": kept if value is None else {**kept, quota: value}}).save(self.layout)

    def lost_work(self, seen: Path) -> bool:
        """Whether the AWS API, after a crash, restarted behind what it had answered, and `seen` is older than that.

        Touch `seen` after acting on it.
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

    def _start_cluster(self) -> None:
        tools = toolchain.ensure(CLUSTER, self.progress)
        runs = lifecycle.status(self.layout).control_plane.phase is Phase.READY
        with nullcontext() if runs else self.progress.step("Starting the Kubernetes control plane", 10):
            lifecycle.start_control_plane(self.layout, tools)

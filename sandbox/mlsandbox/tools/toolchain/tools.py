"""The programs that the sandbox runs, their versions, and which installed versions are compatible."""

import hashlib
import os
import re
import subprocess
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from semver import Version

from mlsandbox.errors import SandboxError

MODULES = Path(__file__).parent
"""Contains one folder per Go module, with the `go.mod` and `go.sum` that pin the build."""

_SEMVER = re.compile(r"(?<![\d.])v?(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?)")

_PROBE_SECONDS = 30
"""A program that takes longer to print its version is regarded as broken; a cold start of the engine takes 2 s."""


class ToolchainError(SandboxError):
    """A program cannot be found, installed or built. The message contains the reason and a remedy."""


@dataclass(frozen=True)
class Fit:
    """The rule for which installed versions are compatible with the pinned version."""

    words: str
    """The rule as text, formatted with `{pinned}` and its parts."""

    holds: Callable[[Version, Version], bool]
    """The rule as a function of the found and the pinned version."""


NOT_OLDER = Fit(
    "{pinned.major}.{pinned.minor} or a newer {pinned.major}.x",
    lambda found, pinned: found.major == pinned.major and found >= pinned.replace(patch=0),
)
SAME_MINOR = Fit(
    "{pinned.major}.{pinned.minor}.x",
    lambda found, pinned: found[:2] == pinned[:2] and found >= pinned.replace(patch=0),
)
EXACT = Fit("exactly {pinned}", lambda found, pinned: found == pinned)


def not_older_than(oldest: str) -> Fit:
    """Any version of the pinned major version from `oldest` on."""
    least = Version.parse(oldest)
    return Fit(
        f"{oldest} or a newer {{pinned.major}}.x",
        lambda found, pinned: found.major == pinned.major and found >= least,
    )


@dataclass(frozen=True)
class Tool:
    """A program of the sandbox, and how to find and build it."""

    name: str
    """The program's file name."""

    module: str
    """Folder under `MODULES` with the Go module that pins it."""

    requirement: str
    """Go module whose version in `go.mod` is the program's version."""

    package: str
    """Go package that is built."""

    version_arguments: tuple[str, ...]
    """Arguments that print the version. Empty for a language host: it cannot, and must come with the engine."""

    fit: Fit
    """Which installed versions are compatible."""

    usual_seconds: int
    """Duration of a build on two cores, starting with empty caches and in the order of `TOOLS`."""

    disk_gb: float
    """Space in Go's build cache that such a build takes."""

    official: str
    """URL of the official download."""

    version_variables: Mapping[str, str]
    """Go variables set at link time, from which the program knows its version; `{v}` is the version."""

    plugin: str = ""
    """Package whose resource plugin it is; empty for other programs."""

    stands_for: str = ""
    """The version that it counts as, if `go.mod` pins a commit without a release."""

    beside: tuple[str, ...] = ()
    """Files that the program reads from its folder, by their paths in the required Go module."""

    @cached_property
    def version(self) -> Version:
        """The pinned version: `stands_for`, or else the version in `go.mod`."""
        if self.stands_for:
            return Version.parse(self.stands_for)
        return self.pin

    @cached_property
    def pin(self) -> Version:
        """The version of the required Go module in `go.mod`."""
        pin = re.search(rf"^\s*(?:require )?{re.escape(self.requirement)} v(\S+)", self._read("go.mod"), re.MULTILINE)
        if pin is None:
            raise ToolchainError(f"{self.folder / 'go.mod'} does not require {self.requirement}: reinstall mlplatform")
        return Version.parse(pin[1])

    @cached_property
    def go_version(self) -> tuple[int, int]:
        """The oldest Go release that builds it, from `go.mod`."""
        line = re.search(r"^go (\d+)\.(\d+)", self._read("go.mod"), re.MULTILINE)
        if line is None:
            raise ToolchainError(f"{self.folder / 'go.mod'} has no Go version: reinstall mlplatform")
        return int(line[1]), int(line[2])

    @property
    def folder(self) -> Path:
        """The Go module's folder."""
        return MODULES / self.module

    @property
    def build_flags(self) -> tuple[str, ...]:
        """Flags of `go build` for reproducible builds."""
        values = {"v": self.version, "major": self.version.major, "minor": self.version.minor}
        variables = [f"-X {name}={value.format(**values)}" for name, value in self.version_variables.items()]
        return ("-trimpath", "-mod=readonly", "-ldflags", " ".join(["-s", "-w", *variables]))

    @property
    def key(self) -> str:
        """Identifies a build: the version, the platform, and a digest of all other inputs."""
        digest = hashlib.sha256()
        own = sorted(file for file in self.folder.rglob("*") if file.name == "go.mod" or file.suffix == ".go")
        sources = [file.read_text() for file in own if file != self.folder / "go.mod"]
        parts = (self._read("go.mod"), self._read("go.sum"), self.package, *self.build_flags, *self.beside, *sources)
        for part in parts:
            digest.update(part.encode() + b"\0")
        return f"v{self.version}-{sysconfig.get_platform()}-{digest.hexdigest()[:12]}"

    @property
    def wanted(self) -> str:
        """The compatible versions, as text."""
        return self.fit.words.format(pinned=self.version)

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"

    def _read(self, name: str) -> str:
        return (self.folder / name).read_text()


def installed_version(tool: Tool, program: Path) -> Version | None:
    """The version that a program reports; None if it does not run or reports none."""
    try:
        answer = subprocess.run(
            [program, *tool.version_arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PROBE_SECONDS,
            check=True,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    version = _SEMVER.search(answer)
    return Version.parse(version[1]) if version and Version.is_valid(version[1]) else None


_KUBERNETES_VERSION = {
    f"{package}.{variable}": value
    for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    for variable, value in {
        "gitVersion": "v{v}",
        "gitMajor": "{major}",
        "gitMinor": "{minor}",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
    }.items()
}


def _kubernetes(name: str, *, usual_seconds: int, disk_gb: float) -> Tool:
    return Tool(
        name=name,
        module="kubernetes",
        requirement="k8s.io/kubernetes",
        package=f"k8s.io/kubernetes/cmd/{name}",
        version_arguments=("--version",),
        fit=SAME_MINOR,
        usual_seconds=usual_seconds,
        disk_gb=disk_gb,
        official="https://kubernetes.io/releases/download/",
        version_variables=_KUBERNETES_VERSION,
    )


TOOLS: Mapping[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool(
            name="pulumi",
            module="engine",
            requirement="github.com/pulumi/pulumi/pkg/v3",
            package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
            version_arguments=("version",),
            # Pulumi's protocols are compatible within a major version. An older engine may lack features of the SDK.
            fit=NOT_OLDER,
            usual_seconds=250,
            disk_gb=1.8,
            official="https://www.pulumi.com/docs/install/",
            version_variables={"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": "v{v}"},
        ),
        Tool(
            name="etcd",
            module="kubernetes",
            requirement="go.etcd.io/etcd/server/v3",
            package="go.etcd.io/etcd/server/v3",
            version_arguments=("--version",),
            # MinExternalEtcdVersion in cmd/kubeadm/app/constants/constants.go of Kubernetes 1.37.
            fit=not_older_than("3.5.24"),
            usual_seconds=26,
            disk_gb=0.3,
            official="https://github.com/etcd-io/etcd/releases",
            version_variables={},
        ),
        _kubernetes("kube-apiserver", usual_seconds=275, disk_gb=3.0),
        _kubernetes("kube-controller-manager", usual_seconds=95, disk_gb=0.6),
        _kubernetes("kube-scheduler", usual_seconds=11, disk_gb=0.2),
        Tool(
            name="kwok",
            module="kwok",
            requirement="sigs.k8s.io/kwok",
            package="sigs.k8s.io/kwok/cmd/kwok",
            version_arguments=("--version",),
            # The stages are written for one version, because kwok's API is not stable yet.
            fit=EXACT,
            usual_seconds=75,
            disk_gb=0.8,
            official="https://kwok.sigs.k8s.io/docs/user/installation/",
            version_variables={},
        ),
        Tool(
            name="pulumi-language-yaml",
            module="engine",
            requirement="github.com/pulumi/pulumi-yaml",
            package="github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml",
            version_arguments=(),
            fit=EXACT,
            usual_seconds=30,
            disk_gb=0.2,
            official="https://www.pulumi.com/docs/install/",
            version_variables={"github.com/pulumi/pulumi-yaml/pkg/version.Version": "v{v}"},
        ),
        Tool(
            name="pulumi-resource-kubernetes",
            module="provider",
            requirement="github.com/pulumi/pulumi-kubernetes/provider/v4",
            package="mlplatform/toolchain/provider",
            version_arguments=("--version",),
            fit=EXACT,
            usual_seconds=140,
            disk_gb=1.5,
            official="https://www.pulumi.com/registry/packages/kubernetes/",
            version_variables={"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version.Version": "v{v}"},
            plugin="kubernetes",
            # The engine rejects plugins older than the program's SDK, and the module proxy has only one commit.
            stands_for="4.34.2",
            beside=(
                "cmd/pulumi-resource-kubernetes/schema.json",
                "cmd/pulumi-resource-kubernetes/terraform-mapping.json",
            ),
        ),
    )
}
"""The programs of every sandbox in the order in which missing ones are built: first the engine, so that previews work
early."""

ON_REQUEST: Mapping[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool(
            name="metrics-server",
            module="metrics-server",
            requirement="sigs.k8s.io/metrics-server",
            package="sigs.k8s.io/metrics-server/cmd/metrics-server",
            version_arguments=("--version",),
            # Its flags and permissions are written for one version.
            fit=EXACT,
            usual_seconds=110,
            disk_gb=1.2,
            official="https://github.com/kubernetes-sigs/metrics-server/releases",
            version_variables={"k8s.io/client-go/pkg/version.gitVersion": "v{v}"},
        ),
    )
}
"""Programs that are found or built only when a user asks for them: the controllers of clusters."""

"""The folder of a sandbox, which contains its state, keys, ports and logs."""

import configparser
import io
import json
import os
import secrets
import shlex
import shutil
import string
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, ValidationError

from mlsandbox.errors import SandboxError
from mlsandbox.ground import files, ports
from mlsandbox.ground.ports import HOST, Ports
from mlsandbox.ground.record import Record

ACCOUNT_ID = "123456789012"
"""The AWS account of every sandbox: moto's default."""

FOLDER_VARIABLE = "MLPLATFORM_SANDBOX"
"""Environment variable with the folder of the sandbox to use."""

SANDBOX_USER = "sandbox"
ADMIN_ROLE = "platform-admin"
"""Names of the IAM user that owns the sandbox's key, and of the role for administrators of the account."""


class Credentials(BaseModel):
    """An AWS access key of the sandbox's IAM user. It is not valid outside the sandbox."""

    model_config = ConfigDict(frozen=True)

    access_key_id: str
    secret_access_key: str

    @classmethod
    def generate(cls) -> Self:
        """A new key in AWS's format: `AKIA` and 16 characters, with a secret of 40 characters."""
        letters = string.ascii_uppercase + "234567"
        return cls(
            access_key_id="AKIA" + "".join(secrets.choice(letters) for _ in range(16)),
            secret_access_key=secrets.token_urlsafe(30),
        )


@dataclass(frozen=True)
class Layout:
    """The sandbox's folder and its content. Two folders are two independent sandboxes."""

    folder: Path

    @classmethod
    def find(cls, folder: Path | None = None) -> Self:
        """The sandbox in `folder`, else in `$MLPLATFORM_SANDBOX`, else in `.sandbox` next to the nearest `Pulumi.yaml`.

        Raises `SandboxError` if there is none of these.
        """
        if folder is None and (named := os.environ.get(FOLDER_VARIABLE)):
            folder = Path(named)
        if folder is not None:
            return cls(folder.expanduser().absolute())
        here = Path.cwd()
        for parent in (here, *here.parents):
            if (parent / "Pulumi.yaml").is_file():
                return cls(parent / ".sandbox")
        raise SandboxError(
            f"There is no Pulumi.yaml in {here} or a parent folder, so the folder of the sandbox is unknown. "
            f"Change to the project's folder, or set {FOLDER_VARIABLE} to the sandbox's folder."
        )

    @property
    def record_file(self) -> Path:
        """The record of the running daemon."""
        return self.folder / "sandbox.json"

    @property
    def ports_file(self) -> Path:
        """The ports, which persist across restarts."""
        return self.folder / "ports.json"

    @property
    def tools_file(self) -> Path:
        """The paths of the control plane's programs, for the daemon."""
        return self.folder / "tools.json"

    @property
    def controllers_file(self) -> Path:
        """The paths of the requested controllers' programs, for the daemon."""
        return self.folder / "controllers.json"

    @property
    def credentials_file(self) -> Path:
        """The sandbox's AWS key, in the format of an AWS credentials file."""
        return self.folder / "credentials"

    @property
    def daemon_lock(self) -> Path:
        """Locked by the daemon while it runs."""
        return self.folder / "daemon.lock"

    @property
    def command_lock(self) -> Path:
        """Locked by a command while it starts, stops or resets the sandbox."""
        return self.folder / "command.lock"

    @property
    def logs(self) -> Path:
        """One log per process, `<name>.log`. The log of the previous run is `<name>.log.previous`."""
        return self.folder / "logs"

    @property
    def pki(self) -> Path:
        """Keys and certificates of the sandbox's CA, and the kubeconfigs of the control plane's own clients."""
        return self.folder / "pki"

    @property
    def ca_certificate(self) -> Path:
        """The CA that signed the certificate of the API server and the webhook (PEM). It is never replaced."""
        return self.pki / "ca.crt"

    @property
    def serving_certificate(self) -> Path:
        """Certificate for 127.0.0.1 and localhost (PEM), for the API server, etcd and the webhook."""
        return self.pki / "serving.crt"

    @property
    def serving_key(self) -> Path:
        """Private key of `serving_certificate` (PEM)."""
        return self.pki / "serving.key"

    @property
    def etcd(self) -> Path:
        """Data folder of etcd."""
        return self.folder / "etcd"

    @property
    def kubeconfig(self) -> Path:
        """An administrator's kubeconfig, with embedded certificates."""
        return self.folder / "kubeconfig"

    @property
    def aws(self) -> Path:
        """Snapshots of the AWS API and other files of it."""
        return self.folder / "aws"

    @property
    def lost_file(self) -> Path:
        """Touched whenever the AWS API lost changes, because it was killed between two snapshots."""
        return self.aws / "lost"

    @property
    def pulumi_backend(self) -> Path:
        """State of the sandbox's stacks, in Pulumi's file backend."""
        return self.folder / "pulumi"

    @property
    def pulumi_home(self) -> Path:
        """`PULUMI_HOME` in the sandbox, separate from the user's."""
        return self.folder / "pulumi-home"

    @property
    def bin(self) -> Path:
        """The engine and the language hosts; the first folder on PATH."""
        return self.folder / "bin"

    @property
    def aws_endpoint(self) -> str:
        """URL of the local AWS API."""
        return f"http://{HOST}:{self.ports().aws}"

    @property
    def kubernetes_endpoint(self) -> str:
        """URL of the EKS cluster endpoint, which is reachable only from where the cluster's network allows it."""
        return f"https://{HOST}:{self.ports().kubernetes_api}"

    @property
    def api_server_endpoint(self) -> str:
        """URL of the Kubernetes API server itself, which programs on this machine always reach."""
        return f"https://{HOST}:{self.ports().api_server}"

    @property
    def plugins(self) -> Path:
        """Pulumi's folder of resource plugins, with one folder per version."""
        return self.pulumi_home / "plugins"

    @property
    def webhook_endpoint(self) -> str:
        """URL to which the API server sends token reviews (`authentication.k8s.io/v1`)."""
        return f"https://{HOST}:{self.ports().webhook}/token-review"

    def prepare(self) -> None:
        """Create the folder, its ports and its key. Idempotent."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(self.folder / "prepare.lock"):
            for folder in (self.logs, self.pki, self.aws, self.pulumi_backend, self.pulumi_home, self.bin):
                folder.mkdir(mode=0o700, exist_ok=True)
            self._prepare_ports()
            if not self.credentials_file.exists():
                files.replace(self.credentials_file, _profile(Credentials.generate()))

    def _prepare_ports(self) -> None:
        """Choose the ports that are missing. A folder of another version of this package keeps its ports."""
        known = json.loads(self.ports_file.read_text(encoding="utf-8")) if self.ports_file.exists() else {}
        if known.keys() != Ports.model_fields.keys():
            files.replace(self.ports_file, Ports.choose(known).model_dump_json(indent=2) + "\n")

    def ports(self) -> Ports:
        """The sandbox's ports. Raises `SandboxError` if it was never started."""
        return Ports.model_validate_json(self._read(self.ports_file))

    def credentials(self) -> Credentials:
        """The key of the IAM user `SANDBOX_USER`. Raises `SandboxError` if the sandbox was never started."""
        profile = configparser.ConfigParser(interpolation=None)
        profile.read_string(self._read(self.credentials_file))
        return Credentials(
            access_key_id=profile["default"]["aws_access_key_id"],
            secret_access_key=profile["default"]["aws_secret_access_key"],
        )

    def record(self) -> Record | None:
        """The last record of the daemon, even if it was killed. None if it was never started or ended normally."""
        try:
            return Record.model_validate_json(self.record_file.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValidationError):
            # A record of another version of this package cannot be relied on.
            return None

    def write_record(self, record: Record) -> None:
        """Replace the record."""
        files.replace(self.record_file, record.model_dump_json(indent=2) + "\n")

    def tools(self) -> dict[str, Path] | None:
        """The control plane's programs by name. None if they were never written or one is missing."""
        tools = _programs(self.tools_file)
        return tools if tools is not None and all(os.access(path, os.X_OK) for path in tools.values()) else None

    def write_tools(self, tools: Mapping[str, Path]) -> None:
        """Store the control plane's programs, so that every restart starts them."""
        _write_programs(self.tools_file, tools)

    def controllers(self) -> dict[str, Path]:
        """The programs of the requested controllers by name."""
        return _programs(self.controllers_file) or {}

    def write_controllers(self, programs: Mapping[str, Path]) -> None:
        """Request controllers instead of the previous ones. A running sandbox starts and stops them within seconds."""
        _write_programs(self.controllers_file, programs)

    def install_engine(self, engine: Path | None, language_host: Path | None) -> None:
        """Install the engine and the language host for Python in `bin`.

        `engine` is the `pulumi` to use; if None, the one on PATH is used. `language_host` is an official
        `pulumi-language-python`; if None, the sandbox's own language host is installed.
        """
        self.bin.mkdir(mode=0o700, parents=True, exist_ok=True)
        _link(self.bin / "pulumi", engine)
        _link(self.bin / "pulumi-language-python", language_host)
        if language_host is None:
            interpreter = shlex.quote(sys.executable)
            shim = f'#!/bin/sh\nexec {interpreter} -m mlsandbox.tools.languagehost "$@"\n'
            files.replace(self.bin / "pulumi-language-python", shim, mode=0o755)

    def install_language_host(self, name: str, program: Path) -> None:
        """Install `program`, the language host `name`, in `bin`."""
        _link(self.bin / name, program)

    def install_plugin(self, package: str, version: str, folder: Path) -> None:
        """Install a resource plugin in the engine's folder for plugins.

        Args:
            package: The package whose provider it is.
            version: Version of the package's SDK, without a leading `v`.
            folder: Contains the plugin and the files that it reads from its folder.
        """
        place = self.plugins / f"resource-{package}-v{version}"
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file in folder.iterdir():
            if file.is_file():
                _link(place / file.name, file)

    def check_ports(self, *servers: str) -> None:
        """Raise `SandboxError` if another program uses the port of one of `servers`, the fields of `Ports`."""
        for server, port in self.ports().taken().items():
            if server not in servers:
                continue
            raise SandboxError(
                f"Port {port} of {HOST}, which this sandbox reserves for {server}, is in use by another program"
                f"{ports.owner(port)}. Stop that program, or choose new ports with `mlsandbox reset`, which also "
                "empties the sandbox."
            )

    def _read(self, path: Path) -> str:
        try:
            return path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise SandboxError(f"There is no sandbox in {self.folder} yet. Start it with `mlsandbox up`.") from None


def _programs(file: Path) -> dict[str, Path] | None:
    """The paths of programs by name, or None if `file` does not exist."""
    try:
        named = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return {name: Path(path) for name, path in named.items()}


def _write_programs(file: Path, programs: Mapping[str, Path]) -> None:
    named = {name: str(path.absolute()) for name, path in programs.items()}
    files.replace(file, json.dumps(named, indent=2) + "\n")


def _profile(key: Credentials) -> str:
    profile = configparser.ConfigParser(interpolation=None)
    profile["default"] = {
        "aws_access_key_id": key.access_key_id,
        "aws_secret_access_key": key.secret_access_key,
    }
    text = io.StringIO()
    profile.write(text)
    return text.getvalue()


def _link(link: Path, target: Path | None) -> None:
    """Atomically create the hard link `link` to `target`, or remove `link` if `target` is None.

    Not a symbolic link: the engine would resolve it, and then warn that the language host is not next to the engine.
    """
    if target is None:
        link.unlink(missing_ok=True)
        return
    fresh = link.with_name(f".{link.name}.new")
    fresh.unlink(missing_ok=True)
    try:
        fresh.hardlink_to(target.resolve())
    except OSError:
        # The cache is on another file system.
        shutil.copy2(target, fresh)
    fresh.replace(link)
    # `rename` does nothing if both names are links to the same file.
    fresh.unlink(missing_ok=True)

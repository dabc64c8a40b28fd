"""One folder holds all that a sandbox is: its state, its keys, its logs and how to reach it."""

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
from mlsandbox.host import files, ports
from mlsandbox.host.ports import HOST, Ports
from mlsandbox.host.record import Record

ACCOUNT_ID = "123456789012"
"""The AWS account of every sandbox, which is moto's default."""

FOLDER_VARIABLE = "MLPLATFORM_SANDBOX"
"""Environment variable that names the folder of the sandbox that is meant."""

SANDBOX_USER = "sandbox"
ADMIN_ROLE = "platform-admin"
"""Name of the IAM user that the sandbox's key belongs to."""


class Credentials(BaseModel):
    """An AWS access key of the sandbox's IAM user. It opens nothing outside the sandbox."""

    model_config = ConfigDict(frozen=True)

    access_key_id: str
    secret_access_key: str

    @classmethod
    def generate(cls) -> Self:
        """A new key in the form of AWS's: `AKIA` and 16 characters, and a secret of 40."""
        letters = string.ascii_uppercase + "234567"
        return cls(
            access_key_id="AKIA" + "".join(secrets.choice(letters) for _ in range(16)),
            secret_access_key=secrets.token_urlsafe(30),
        )


@dataclass(frozen=True)
class Layout:
    """The sandbox's folder and what lies in it. Two folders are two sandboxes that do not touch each other."""

    folder: Path

    @classmethod
    def find(cls, folder: Path | None = None) -> Self:
        """The sandbox meant: `folder`, else `$MLPLATFORM_SANDBOX`, else `.sandbox` beside the nearest `Pulumi.yaml`.

        Raises `SandboxError` where none of these says anything.
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
            f"There is no Pulumi.yaml in {here} or above it, so no sandbox belongs to it. "
            f"Change to the project's folder, or set {FOLDER_VARIABLE} to the sandbox's folder."
        )

    @property
    def record_file(self) -> Path:
        """What the running daemon says of itself."""
        return self.folder / "sandbox.json"

    @property
    def ports_file(self) -> Path:
        """The ports, kept over restarts."""
        return self.folder / "ports.json"

    @property
    def tools_file(self) -> Path:
        """Where the control plane's programs are, for the daemon that starts them."""
        return self.folder / "tools.json"

    @property
    def credentials_file(self) -> Path:
        """The sandbox's AWS key, in the AWS tools' own format."""
        return self.folder / "credentials"

    @property
    def daemon_lock(self) -> Path:
        """Held by the daemon while it lives."""
        return self.folder / "daemon.lock"

    @property
    def command_lock(self) -> Path:
        """Held by a command while it starts, stops or resets the sandbox."""
        return self.folder / "command.lock"

    @property
    def logs(self) -> Path:
        """One log per process, `<name>.log`; the run before it is `<name>.log.previous`."""
        return self.folder / "logs"

    @property
    def pki(self) -> Path:
        """Keys and certificates of the one CA, and the kubeconfigs of the control plane's own clients."""
        return self.folder / "pki"

    @property
    def ca_certificate(self) -> Path:
        """The CA that signed the API server's and the webhook's certificate (PEM). Kept until the folder goes."""
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
        """Data of etcd."""
        return self.folder / "etcd"

    @property
    def kubeconfig(self) -> Path:
        """An administrator's kubeconfig, with its certificates inside."""
        return self.folder / "kubeconfig"

    @property
    def aws(self) -> Path:
        """Snapshots of the AWS API, and what the sandbox keeps beside it."""
        return self.folder / "aws"

    @property
    def lost_file(self) -> Path:
        """There since the AWS API last began behind what it had answered: it was killed between two snapshots."""
        return self.aws / "lost"

    @property
    def pulumi_backend(self) -> Path:
        """State of the sandbox's stacks, as Pulumi's file backend keeps it."""
        return self.folder / "pulumi"

    @property
    def pulumi_home(self) -> Path:
        """Pulumi's own folder, apart from the user's."""
        return self.folder / "pulumi-home"

    @property
    def bin(self) -> Path:
        """The engine and the language hosts, first on PATH."""
        return self.folder / "bin"

    @property
    def aws_endpoint(self) -> str:
        """URL of the local AWS API."""
        return f"http://{HOST}:{self.ports().aws}"

    @property
    def kubernetes_endpoint(self) -> str:
        """URL of the EKS cluster's endpoint, which only those reach that the cluster's network lets in."""
        return f"https://{HOST}:{self.ports().kubernetes_api}"

    @property
    def api_server_endpoint(self) -> str:
        """URL of the Kubernetes API server itself, which programs of this machine always reach."""
        return f"https://{HOST}:{self.ports().api_server}"

    @property
    def plugins(self) -> Path:
        """Pulumi's own folder of resource plugins, one folder a version."""
        return self.pulumi_home / "plugins"

    @property
    def webhook_endpoint(self) -> str:
        """URL to which the API server posts token reviews (`authentication.k8s.io/v1`)."""
        return f"https://{HOST}:{self.ports().webhook}/token-review"

    def prepare(self) -> None:
        """Make the folder with its ports and its key, once. Later calls change nothing."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(self.folder / "prepare.lock"):
            for folder in (self.logs, self.pki, self.aws, self.pulumi_backend, self.pulumi_home, self.bin):
                folder.mkdir(mode=0o700, exist_ok=True)
            self._prepare_ports()
            if not self.credentials_file.exists():
                files.replace(self.credentials_file, _profile(Credentials.generate()))

    def _prepare_ports(self) -> None:
        """Choose ports, once; a folder of another version of this package keeps those that it has."""
        known = json.loads(self.ports_file.read_text(encoding="utf-8")) if self.ports_file.exists() else {}
        if known.keys() != Ports.model_fields.keys():
            files.replace(self.ports_file, Ports.choose(known).model_dump_json(indent=2) + "\n")

    def ports(self) -> Ports:
        """The sandbox's ports. Raises `SandboxError` if the sandbox was never started."""
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
        """What the daemon wrote last, of which the daemon may be dead; None when none was started or it ended well."""
        try:
            return Record.model_validate_json(self.record_file.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValidationError):
            # A record of another version of this package tells nothing that can be relied on.
            return None

    def write_record(self, record: Record) -> None:
        """Put `record` in place of the one before."""
        files.replace(self.record_file, record.model_dump_json(indent=2) + "\n")

    def tools(self) -> dict[str, Path] | None:
        """The control plane's programs by name; None when they were never given or one of them is gone."""
        try:
            named = json.loads(self.tools_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        tools = {name: Path(path) for name, path in named.items()}
        return tools if all(os.access(path, os.X_OK) for path in tools.values()) else None

    def write_tools(self, tools: Mapping[str, Path]) -> None:
        """Remember the control plane's programs, so that it comes back with every restart."""
        named = {name: str(path.absolute()) for name, path in tools.items()}
        files.replace(self.tools_file, json.dumps(named, indent=2) + "\n")

    def install_engine(self, engine: Path | None, language_host: Path | None) -> None:
        """Put into `bin` what PATH does not offer itself.

        `engine` is the `pulumi` to use, `language_host` an official `pulumi-language-python`. None for `engine` leaves
        the one on PATH; None for `language_host` puts the sandbox's own in its place.
        """
        self.bin.mkdir(mode=0o700, parents=True, exist_ok=True)
        _link(self.bin / "pulumi", engine)
        _link(self.bin / "pulumi-language-python", language_host)
        if language_host is None:
            interpreter = shlex.quote(sys.executable)
            shim = f'#!/bin/sh\nexec {interpreter} -m mlsandbox.tools.languagehost "$@"\n'
            files.replace(self.bin / "pulumi-language-python", shim, mode=0o755)

    def install_language_host(self, name: str, program: Path) -> None:
        """Put `program`, the language host `name`, into `bin`."""
        _link(self.bin / name, program)

    def install_plugin(self, package: str, version: str, folder: Path) -> None:
        """Put a resource plugin where the engine looks for it.

        Args:
            package: The package that it is the provider of.
            version: Version of the package's SDK, without a leading `v`.
            folder: Holds the plugin and what it wants to find beside it.
        """
        place = self.plugins / f"resource-{package}-v{version}"
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file in folder.iterdir():
            if file.is_file():
                _link(place / file.name, file)

    def check_ports(self, *servers: str) -> None:
        """Raise `SandboxError` if another program sits on a port kept for one of `servers`, the fields of `Ports`."""
        for server, port in self.ports().taken().items():
            if server not in servers:
                continue
            raise SandboxError(
                f"Port {port} of {HOST}, which this sandbox keeps for {server}, is taken by another program"
                f"{ports.owner(port)}. End that program, or choose new ports with `mlsandbox reset`, which also "
                "empties the sandbox."
            )

    def _read(self, path: Path) -> str:
        try:
            return path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise SandboxError(f"There is no sandbox in {self.folder} yet. Start it with `mlsandbox up`.") from None


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
    """Have `target` under the name `link` too, with no moment in between without one; None takes the name away.

    No symbolic link: the engine resolves that, and then warns that the language host does not lie beside it.
    """
    if target is None:
        link.unlink(missing_ok=True)
        return
    fresh = link.with_name(f".{link.name}.new")
    fresh.unlink(missing_ok=True)
    try:
        fresh.hardlink_to(target.resolve())
    except OSError:
        # Another file system than the cache's.
        shutil.copy2(target, fresh)
    fresh.replace(link)
    # Of two names of one file, replacing changes neither.
    fresh.unlink(missing_ok=True)

"""The environment variables with which plain `pulumi`, AWS tools and `kubectl` use a sandbox and nothing else."""

import os
import shlex
import sysconfig
from collections.abc import Mapping

from mlsandbox.ground.layout import FOLDER_VARIABLE, Layout
from mlsandbox.ground.ports import HOST

DEFAULT_REGION = "us-east-1"
"""Region for AWS tools if neither they nor the user's environment set one."""

SANDBOX_PASSPHRASE = "sandbox"
"""Passphrase of sandbox stacks. It is not a secret: it protects only what exists on one machine's loopback, and every
user must be able to decrypt the stack file, which contains its salt."""

ATTACHED = "PULUMI_DEBUG_PROVIDERS"
"""Variable with the providers that the engine attaches to instead of starting them, and their ports."""

# Variables that would bypass the sandbox, or sign requests as another principal, although the sandbox's are set.
UNSET = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "PULUMI_CONFIG_PASSPHRASE_FILE",
)
_SERVICE_ENDPOINT_PREFIX = "AWS_ENDPOINT_URL_"


def variables(layout: Layout, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables to set in `environ`, whose PATH and NO_PROXY are extended."""
    numbers, key = layout.ports(), layout.credentials()
    first = [str(layout.bin), sysconfig.get_path("scripts")]
    rest = [entry for entry in environ.get("PATH", os.defpath).split(os.pathsep) if entry not in first]
    return {
        ATTACHED: f"aws:{numbers.aws_provider}",
        "PULUMI_BACKEND_URL": f"file://{layout.pulumi_backend}",
        "PULUMI_CONFIG_PASSPHRASE": SANDBOX_PASSPHRASE,
        "PULUMI_HOME": str(layout.pulumi_home),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # The official language host looks for plugins on the network even if providers are attached.
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        # Lets a program whose SDK is older than the sandbox's plugin use that plugin, the only one that is installed.
        "PULUMI_ENABLE_LEGACY_PLUGIN_SEARCH": "true",
        "AWS_ENDPOINT_URL": layout.aws_endpoint,
        "AWS_ACCESS_KEY_ID": key.access_key_id,
        "AWS_SECRET_ACCESS_KEY": key.secret_access_key,
        "AWS_REGION": environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "KUBECONFIG": str(layout.kubeconfig),
        "PATH": os.pathsep.join([*first, *rest]),
        # Python's HTTP clients and gRPC send even loopback requests to a proxy. Some read one spelling, some the other.
        **{name: _with_loopback(environ.get(name, "")) for name in ("NO_PROXY", "no_proxy")},
        FOLDER_VARIABLE: str(layout.folder),
    }


def of_processes(layout: Layout, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of a child process: `environ` with `variables`, without variables that bypass the sandbox.

    Raises:
        SandboxError: the sandbox was never started.
    """
    return without_misleading(environ) | variables(layout, environ)


def without_misleading(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` without variables that would bypass the sandbox."""
    return {name: value for name, value in environ.items() if not _misleads(name)}


def shell_exports(layout: Layout, environ: Mapping[str, str] = os.environ) -> str:
    """The same for a POSIX shell whose environment is `environ`, with one statement per line."""
    unset = sorted({*UNSET, *filter(_misleads, environ)})
    exports = [f"export {name}={shlex.quote(value)}" for name, value in variables(layout, environ).items()]
    return "\n".join([f"unset {' '.join(unset)}", *exports]) + "\n"


def _misleads(name: str) -> bool:
    return name in UNSET or name.startswith(_SERVICE_ENDPOINT_PREFIX)


def _with_loopback(no_proxy: str) -> str:
    entries = [entry.strip() for entry in no_proxy.split(",") if entry.strip()]
    return ",".join([*entries, *(host for host in (HOST, "localhost") if host not in entries)])

"""Finds the programs that a sandbox runs, or installs or builds them once per user.

For each program the following sources are searched in this order. The first one with a compatible version is used:

- the engine `pulumi`: PATH, the per-user cache, the official installer (not with `MLPLATFORM_INSTALLER=off`), a build
- Kubernetes' programs and `etcd`: the folder `$KUBEBUILDER_ASSETS`, PATH, the cache, a build
- `kwok`, and the controllers in `ON_REQUEST`: PATH, the cache, a build
- the plugin `pulumi-resource-kubernetes`: `~/.pulumi` or `$PULUMI_HOME`, the cache, the official download (not
  with `MLPLATFORM_INSTALLER=off`), a build
- the language host `pulumi-language-yaml`: next to the engine or on PATH, the cache, a build

The cache is `$MLPLATFORM_CACHE`; by default it is in the user's cache folder of the operating system.
"""

from mlsandbox.tools.toolchain.progress import Reporter, RichReporter, SilentReporter, Step
from mlsandbox.tools.toolchain.resolve import Found, Search, ensure, language_host, look
from mlsandbox.tools.toolchain.store import Cache
from mlsandbox.tools.toolchain.tools import ON_REQUEST, TOOLS, Tool, ToolchainError

__all__ = [
    "ON_REQUEST",
    "TOOLS",
    "Cache",
    "Found",
    "Reporter",
    "RichReporter",
    "Search",
    "SilentReporter",
    "Step",
    "Tool",
    "ToolchainError",
    "ensure",
    "language_host",
    "look",
]

"""The programs that a sandbox runs: found where they are installed, else installed or built once per user.

A program is looked for in this order, and the first in a fitting version is used:

- the engine `pulumi`: PATH, the per-user cache, the vendor's installer (not with `MLPLATFORM_INSTALLER=off`), a build
- Kubernetes' programs and `etcd`: the folder `$KUBEBUILDER_ASSETS`, PATH, the cache, a build
- `kwok`: PATH, the cache, a build
- the plugin `pulumi-resource-kubernetes`: `~/.pulumi` or `$PULUMI_HOME`, the cache, the vendor's download (not with
  `MLPLATFORM_INSTALLER=off`), a build
- the language host `pulumi-language-yaml`: beside the engine or on PATH, the cache, a build

The cache is `$MLPLATFORM_CACHE`, by default the platform's cache folder of the user.
"""

from mlsandbox.tools.toolchain.progress import Reporter, RichReporter, SilentReporter, Step
from mlsandbox.tools.toolchain.resolve import Found, Search, ensure, language_host, look
from mlsandbox.tools.toolchain.store import Cache
from mlsandbox.tools.toolchain.tools import TOOLS, Tool, ToolchainError

__all__ = [
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

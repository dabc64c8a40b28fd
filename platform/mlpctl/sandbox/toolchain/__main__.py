"""Have every tool in the cache: `python -m mlpctl.sandbox.toolchain`."""

import sys

from mlpctl.sandbox.toolchain import TOOLS, RichReporter, ToolchainError, ensure

try:
    ensure(list(TOOLS), RichReporter())
except ToolchainError as problem:
    sys.exit(str(problem))

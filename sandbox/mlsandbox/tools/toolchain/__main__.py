"""Find, install or build all programs: `python -m mlsandbox.tools.toolchain`."""

import sys

from mlsandbox.tools.toolchain import TOOLS, RichReporter, ToolchainError, ensure

try:
    ensure(list(TOOLS), RichReporter())
except ToolchainError as problem:
    sys.exit(str(problem))

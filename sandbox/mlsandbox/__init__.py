"""A sandbox for Pulumi programs: a local AWS API, a real Kubernetes control plane and the real engine.

`Sandbox` is the complete API of this package for other programs.
"""

from typing import TYPE_CHECKING, Any

from mlsandbox.errors import SandboxError, missing_extra

if TYPE_CHECKING:
    from mlsandbox.sandbox import Sandbox

__all__ = ["Sandbox", "SandboxError"]


def __getattr__(name: str) -> Any:
    # The processes of the sandbox import this package too. Without this module they start several times faster.
    if name != "Sandbox":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from mlsandbox.sandbox import Sandbox
    except ModuleNotFoundError as error:
        raise missing_extra(error) from None
    return Sandbox

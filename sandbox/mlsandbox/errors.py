"""The error type of this package."""

from typing import Final

_PACKAGES: Final = ("mlsandbox", "awsfacts")
_EXTRA: Final = (
    "The sandbox needs {module}, which is not installed. Install its extra: pip install 'mlplatform[sandbox]'"
)


class SandboxError(Exception):
    """An error that the user of the sandbox can fix; the message is written for the user."""


def missing_extra(error: ModuleNotFoundError) -> SandboxError:
    """The error for a dependency that is not installed.

    Raises:
        ModuleNotFoundError: the missing module belongs to this distribution, so the installation is broken.
    """
    module = (error.name or "").partition(".")[0]
    if not module or module in _PACKAGES:
        raise error
    return SandboxError(_EXTRA.format(module=module))

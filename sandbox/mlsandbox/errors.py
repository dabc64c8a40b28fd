"""The error type of this package."""


class SandboxError(Exception):
    """An error that the user of the sandbox can fix; the message is written for the user."""

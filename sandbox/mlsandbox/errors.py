"""The error that this package's users meet."""


class SandboxError(Exception):
    """Something about the sandbox that its user can act on; the text is for them."""

"""Keys of a stack's config, shared by the stack file, the program and plans."""

from typing import Final

NAMESPACE: Final = "mlplatform"
"""Namespace of the project's keys: the name of the Pulumi project."""

PLATFORM: Final = f"{NAMESPACE}:platform"
"""The key of the platform's config."""

REGION: Final = "aws:region"
"""The key of the AWS region."""

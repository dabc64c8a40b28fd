"""Keys of a stack's config, for whoever reads it: the stack file, the program, and a plan."""

from typing import Final

NAMESPACE: Final = "mlplatform"
"""Namespace of our keys: the name of the Pulumi project."""

PLATFORM: Final = f"{NAMESPACE}:platform"
"""The key that holds a platform."""

REGION: Final = "aws:region"
"""The key that holds the AWS region."""

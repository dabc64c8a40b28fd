"""What the sandbox keeps of ECR, beside moto's repositories and in the same backend, so that snapshots hold it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from moto.ecr.models import ECRBackend

Shape = dict[str, Any]
"""A structure of botocore's model of ECR by the names of its members."""

Operation = Callable[["Call", Shape], Shape]
"""Answers an operation: request in, response out, both by the names of botocore's model."""


@dataclass
class Kept:
    """The sandbox's part of one registry."""

    caches: dict[str, Shape] = field(default_factory=dict)
    """`PullThroughCacheRule`s by prefix."""

    templates: dict[str, Shape] = field(default_factory=dict)
    """`RepositoryCreationTemplate`s by prefix."""


@dataclass(frozen=True)
class Call:
    """One request: the registry that it goes to."""

    backend: ECRBackend

    @property
    def kept(self) -> Kept:
        """What is kept of the registry."""
        kept: Kept = vars(self.backend).setdefault("kept_by_sandbox", Kept())
        return kept

    @property
    def registry(self) -> str:
        """The registry's id, which is the account's."""
        return str(self.backend.account_id)

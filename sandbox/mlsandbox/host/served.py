"""What the sandbox's process serves, by what the daemon needs to know of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from mlsandbox.host.layout import Layout


class Server(Protocol):
    """A server inside this process, already listening."""

    def stop(self) -> None:
        """End what it does and close its port."""


class AwsApi(Server, Protocol):
    """The local AWS API with its token webhook."""

    def snapshot(self) -> None:
        """Save to `Layout.aws` what changed since the last time."""


@dataclass(frozen=True)
class Services:
    """What the daemon serves; tests put others in their place."""

    aws_api: Callable[[Layout], AwsApi]
    """Starts the AWS API and the token webhook, from the last snapshot if there is one."""

    providers: Sequence[Callable[[Layout], Server]]
    """Each starts one resource provider."""

"""The interfaces of the services that the daemon runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from mlsandbox.ground.layout import Layout
from mlsandbox.ground.record import ControllersChanged


class Server(Protocol):
    """A server in this process that is already listening."""

    def stop(self) -> None:
        """Stop serving and close the port."""


class AwsApi(Server, Protocol):
    """The local AWS API with its token webhook."""

    def stop_controllers(self) -> None:
        """Stop the cluster's controllers, before the control plane stops."""

    def snapshot(self) -> None:
        """Save the changes since the last snapshot to `Layout.aws`."""


@dataclass(frozen=True)
class Services:
    """The services that the daemon runs. Tests use others."""

    aws_api: Callable[[Layout, ControllersChanged], AwsApi]
    """Starts the AWS API and the token webhook, with the state of the last snapshot if there is one."""

    providers: Sequence[Callable[[Layout], Server]]
    """Functions that each start one resource provider."""

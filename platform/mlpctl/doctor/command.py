"""Implements `mlpctl doctor`: reads the stack file, asks AWS with the stack's identity, and shows the report."""

import ipaddress
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from mlpctl import config, project
from mlpctl.doctor import diagnose
from mlpctl.doctor.asker import Asker, expiry, session
from mlpctl.doctor.finding import Report, Wanted
from mlpctl.doctor.page import page
from mlpctl.errors import InputError


def examine(root: Path, stack: str, address: str, console: Console) -> Report:
    """Check the account of this process's credentials for what a stack file asks.

    Args:
        root: the project's folder.
        stack: the stack.
        address: this machine's public address; empty if it is not known.
        console: the output of the progress display.

    Raises:
        config.ConfigError: the stack file is invalid.
        InputError: `address` is not an IP address.
        SignInError: the identity of the stack's configuration cannot be used.
    """
    loaded = config.read(config.find(root, stack))
    identity, temporary = session(_provider_config(Path(loaded.path)), loaded.region)
    wanted = Wanted(
        platform=loaded.platform,
        region=loaded.region,
        project=project.name(root),
        stack=project.own_name(stack),
        now=datetime.now(UTC),
        expires=expiry(),
        temporary=temporary,
        address=_address(address),
    )
    answered = 0
    with console.status("Asking AWS") as status:

        def count() -> None:
            nonlocal answered
            answered += 1
            status.update(f"Asking AWS: {answered} answers")

        return diagnose(wanted, loaded, Asker(identity, loaded.region), count)


def show(report: Report, console: Console, *, as_json: bool) -> None:
    """Print a report, as JSON in ASCII or for a terminal."""
    if as_json:
        sys.stdout.write(report.to_json())
    else:
        console.print(page(report))


def _provider_config(file: Path) -> dict[str, Any]:
    """The stack's configuration, which has the settings of the AWS provider."""
    found = yaml.safe_load(file.read_text(encoding="utf-8"))["config"]
    assert isinstance(found, dict)
    return found


def _address(given: str) -> str:
    try:
        return str(ipaddress.ip_address(given)) if given else ""
    except ValueError:
        raise InputError(f"--address is {given}; allowed: an IP address, e.g. 198.51.100.7") from None

"""`mlpctl explain`: explain the failures of an update of plain Pulumi, from its output or its event log."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from rich.console import RenderableType
from rich.text import Text

from mlpctl import config, failure_page, failures, project, urns
from mlpctl.config import Platform
from mlpctl.config.places import places
from mlpctl.errors import InputError
from mlpctl.failures import Failure, Update
from mlplatform.component import type_token

# The headings of the engine's section `Diagnostics` and the first lines of its messages.
_HEADING: Final = re.compile(r"^  (?P<type>\S+:\S+) \((?P<name>[^()]+)\):$")
_MESSAGE: Final = re.compile(r"^    (?:(?P<severity>error|warning|info|debug): ?)?(?P<text>.*)$")


class NoFailureError(InputError):
    """The input has no failure; the text is for the user."""


def explain(root: Path, stack: str, text: str) -> RenderableType:
    """A report of the failures in the output or the event log of an update.

    Raises:
        config.ConfigError: the stack file is invalid.
        NoFailureError: the text has no failure.
    """
    loaded = config.read(config.find(root, stack))
    update = read(text, loaded.platform, project.name(root), project.own_name(stack))
    if not update.failures:
        raise NoFailureError(
            "The input has no failure: pass the output of a failed `pulumi up`, its event log, or AWS's message."
        )
    commands = [f"mlpctl doctor --stack {stack}", f"pulumi up --stack {stack}"]
    return failure_page.page(failures.explain(update, loaded), loaded.path, commands)


def read(text: str, platform: Platform, project_name: str, stack: str) -> Update:
    """Read the failures in the event log of an update, in its output, or in a single message.

    Args:
        text: the text.
        platform: the stack's config, for the components of resources, which an output does not name.
        project_name: the Pulumi project.
        stack: the stack, without organization and project.
    """
    lines = [Text.from_ansi(line).plain.rstrip() for line in text.splitlines()]
    if events := [line for line in lines if _is_event(line)]:
        return failures.read(events)
    prefix = f"urn:pulumi:{stack}::{project_name}::"
    top = f"{prefix}{urns.STACK_TYPE}::{project_name}-{stack}"
    messages = [*_messages(lines)]
    if not messages:
        whole = failures.parse(top, " ".join(lines))
        return Update((whole,) if whole.code else ())
    found: dict[str, Failure] = {}
    parents: dict[str, str] = {}
    for kind, name, message in messages:
        urn = f"{prefix}{kind}::{name}"
        failure = failures.parse(urn, message)
        if kind == urns.STACK_TYPE and not failure.code:
            continue
        if urn not in found or (failure.code and not found[urn].code):
            found[urn] = failure
        if component := _component(kind, name, platform):
            parents[urn] = f"{prefix}{component}"
            parents[parents[urn]] = top
    return Update(tuple(found.values()), parents)


def _is_event(line: str) -> bool:
    try:
        event = json.loads(line)
    except ValueError:
        return False
    return isinstance(event, dict) and "sequence" in event


def _messages(lines: list[str]) -> Iterator[tuple[str, str, str]]:
    """Type, logical name and text of each error in the section `Diagnostics`, with its following lines."""
    kind = name = ""
    error: list[str] | None = None
    for line in [*lines, ""]:
        heading, message = _HEADING.match(line), _MESSAGE.match(line)
        severity = message["severity"] if message else None
        if error is not None and (heading or severity or not message):
            yield kind, name, " ".join(error)
            error = None
        if heading:
            kind, name = heading["type"], heading["name"]
        elif message and kind and severity == "error":
            error = [message["text"]]
        elif message and error is not None:
            error.append(message["text"])


def _component(kind: str, name: str, platform: Platform) -> str:
    """Type and name of the component that a resource belongs to, from the stack file; empty if none fits.

    Logical names begin with the name of their component.
    """
    fitting = [
        (component, class_name)
        for class_name, pattern in places().items()
        for component in _named(pattern, platform)
        if (name == component or name.startswith(f"{component}-"))
    ]
    if not fitting:
        return ""
    # A model and its workload have the same name; objects in the cluster are those of the model.
    in_cluster = kind.startswith(urns.KUBERNETES)
    component, class_name = max(fitting, key=lambda each: (len(each[0]), in_cluster == (each[1] == "InferenceService")))
    return f"{type_token(class_name)}::{component}"


def _named(pattern: str, platform: Platform) -> list[str]:
    """The names of the components at a place of the stack file."""
    section, _, entry = pattern.partition(".")
    if not entry:
        return [section]
    fields = {str(field.alias): name for name, field in type(platform).model_fields.items()}
    return [*getattr(platform, fields[section])]

"""The stack's config, as the engine passes it to a program."""

import json
from pathlib import Path
from typing import Any

import pulumi

from mlpctl.config import profiles
from mlpctl.config.problems import ConfigError
from mlpctl.config.stack_file import Loaded, check, find, has_secrets, without
from mlpctl.config.validation import ModelT
from mlpctl.config.yaml_file import Document, YamlError, parse
from mlpctl.keys import PLATFORM, REGION


def load(model: type[ModelT], table: profiles.Profiles) -> Loaded[ModelT]:
    """Read the config of the running stack.

    The engine's values are used. Problems are reported with line numbers of the stack file, unless its values differ
    from the engine's, because the engine used another file or the program was started without one.

    Raises:
        pulumi.RunError: the config is invalid; the message lists all problems.

    """
    root = Path(pulumi.get_root_directory())
    values = _engine_values()
    path, document = _file_of(root, values)
    name = path or f"the config of stack {pulumi.get_stack()}"
    try:
        return check(document or Document(values), name, model, table, pulumi.get_project())
    except ConfigError as error:
        raise pulumi.RunError(f"the config is invalid:\n{error}") from None


def _engine_values() -> dict[str, Any]:
    """The engine's config, in the structure of a stack file."""
    namespace, name = PLATFORM.split(":")
    platform, region = pulumi.Config(namespace).get(name), pulumi.Config("aws").get("region")
    config: dict[str, Any] = {} if region is None else {REGION: region}
    if pulumi.runtime.is_config_secret(PLATFORM):
        # The engine has decrypted or redacted the value in place, so it is no longer known which part was the secret.
        config[PLATFORM] = {"secure": ""}
    elif platform is not None:
        try:
            config[PLATFORM] = json.loads(platform)
        except json.JSONDecodeError:
            config[PLATFORM] = platform
    return {"config": config}


def _file_of(root: Path, values: dict[str, Any]) -> tuple[Path | None, Document | None]:
    """Read the stack file, if the values come from it."""
    try:
        path = find(root, pulumi.get_stack())
        document = parse(path.read_bytes())
    except (OSError, ConfigError, YamlError):
        return None, None
    config = document.data.get("config") if isinstance(document.data, dict) else None
    # The engine may have interpreted values that `parse` rejects, e.g. octal numbers.
    ours, theirs = config if isinstance(config, dict) else {}, without(document.unread, values)["config"]
    both_secret = has_secrets(ours.get(PLATFORM)) and has_secrets(theirs.get(PLATFORM))
    same = all(ours.get(key) == theirs.get(key) for key in (PLATFORM, REGION))
    return (path.relative_to(root), document) if same or both_secret else (None, None)

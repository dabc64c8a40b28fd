"""Check that plain values contain no credentials: they are readable in the file, the state, AWS and the cluster."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from awsfacts import credentials, secret_names
from mlplatform.refusals import Problem
from mlplatform.spec import Spec

INSTEAD: Final = (
    "plain values; store the secret in AWS Secrets Manager: models read it with `secretEnv`, other programs with "
    "`secrets` of their workload"
)
"""What is allowed instead of a credential."""


def holds(sort: str) -> str:
    """The problem of a value that is a credential of a kind, a phrase that follows its path."""
    if sort == credentials.BY_NAME:
        return "holds a secret in plain text, judging by its name"
    return f"holds what looks like {sort}, in plain text"


def problems(argument: str, value: Any) -> Iterator[Problem]:
    """Credentials in an argument of a component, each with its path and without its value. Outputs are skipped.

    Args:
        argument: the argument.
        value: its value: a spec, a mapping, a list or text.
    """
    for path, sort in credentials.find(_plain(value), (argument,)):
        keys = [str(key) for key in path]
        if credentials.sort(keys[-1]) or secret_names.gives_away(keys[-1]):
            keys.pop()
        yield Problem(".".join(keys), f"{holds(sort)}; allowed: {INSTEAD}")


def _plain(value: Any) -> Any:
    if isinstance(value, Spec):
        return value.model_dump(mode="json", by_alias=True)
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items() if isinstance(key, str)}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value

"""Detects credentials in plain values, by their form (`credential_forms`) or by the name of a value (`secret_names`).

Text that only looks random is accepted, because image digests and model revisions look the same.
"""

import bisect
import itertools
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

from awsfacts import secret_names

_REGISTRY: Final = "a registry with a username and password"
BY_NAME: Final = "a secret, judging by its name"
"""The type of a credential that only its name reveals."""

_NAMED: Final = (("env",), ("config",), ("tags",), ("gpuPools", "*", "labels"), ("pool", "labels"))
"""Mappings from names to plain values, by the ends of their paths in stack files and in programs. Elsewhere, a value
with the name of a secret may be a reference to a secret."""

_HTTP_PATHS: Final = ("healthPath", "health_path")
"""Fields that contain an HTTP path, as spelled in stack files and in programs."""

_NEXT_COMMAND: Final = re.compile("[;&|\n]")

_USER: Final = re.compile(r"(?P<user>[^@]*)@(?!sha\d+:)(?P<rest>.*)", re.DOTALL)
"""An image reference that was written as a URL with a user before the host."""


def is_credential(text: str) -> bool:
    """Whether text contains a credential in a known form."""
    return sort(text) is not None


# A value is checked by itself, in its list and in its component, and most values occur many times in a stack.
@lru_cache(maxsize=1024)
def sort(text: str) -> str | None:
    """The type of credential in text, as the end of "looks like …", e.g. `an AWS access key`; None if there is none."""
    return next((name for name, _ in _found(text)), None)


def _found(text: str, *, command: bool = False) -> Iterator[tuple[str, int]]:
    """The credentials in a text, each as its type and its position.

    Args:
        text: the text.
        command: only by the forms of commands.
    """
    # The library imports this module, and needs the table only once it checks a value.
    from awsfacts.credential_forms import SECRET, Reader, possible

    lower = text.lower()
    for form in possible(Reader.REFUSE, lower):
        if command and not form.command:
            continue
        for match in form.find.finditer(text):
            group = SECRET if SECRET in form.find.groupindex else 0
            # The flag of another command on the line means something else: `mysql -h db; ssh -p22 host`.
            is_other = form.command and _NEXT_COMMAND.search(text, match.start(), match.start(group))
            if not is_other and not (group and secret_names.is_reference(match[group])):
                yield form.name, match.start(group)


def find(data: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """List the paths of credentials in plain values, and what each looks like.

    Credentials in a known format, and texts that assign a secret to a name (`--api-key=…`), are found everywhere. The
    key of a text counts only in the mappings of `_NAMED`, where the key is the name of the value itself. The path of a
    key that is a credential ends in that key.
    """
    if isinstance(data, str):
        if (found := _in_text(data, path)) is not None:
            yield path, found
    elif isinstance(data, dict):
        for key, value in data.items():
            if (found := sort(key)) is not None:
                yield (*path, key), found
            elif secret_names.gives_away(key):
                yield (*path, key), BY_NAME
            else:
                yield from find(value, (*path, key))
    elif isinstance(data, list):
        given = _in_command(data)
        for index, value in enumerate(data):
            before = data[index - 1] if index else None
            if index in given and not sort(value):
                yield (*path, index), given[index]
            elif isinstance(value, str) and not sort(value) and secret_names.is_given(before, value):
                yield (*path, index), BY_NAME
            else:
                yield from find(value, (*path, index))


def _in_command(words: Sequence[Any]) -> dict[int, str]:
    """The words of a command with a credential that only the whole command reveals (`mysql -pSECRET`), and its type."""
    from awsfacts.credential_forms import WORD_END, as_command

    line = as_command(words)
    if line is None:
        return {}
    ends = list(itertools.accumulate(len(each) + len(WORD_END) for each in words))
    return {bisect.bisect_right(ends, at): name for name, at in _found(line, command=True)}


def _in_text(text: str, path: tuple[str | int, ...]) -> str | None:
    if (found := sort(text)) is not None:
        return found
    field = path[-1] if path else ""
    if field == "image":
        return _REGISTRY if _has_user(text) else BY_NAME if secret_names.gives_away(text) else None
    if field in _HTTP_PATHS and secret_names.queries(text):
        return BY_NAME
    by_key = _is_value_of_a_name(path) and secret_names.is_secret(str(field), text)
    return BY_NAME if by_key or secret_names.assigns(text) else None


def _is_value_of_a_name(path: tuple[str | int, ...]) -> bool:
    above = path[:-1]
    return any(
        len(above) >= len(end) and all(part in ("*", key) for part, key in zip(end, above[-len(end) :], strict=True))
        for end in _NAMED
    )


def _has_user(image: str) -> bool:
    found = _USER.match(image)
    return found is not None and ("/" in found["rest"] or (":" in found["user"] and "/" not in found["user"]))

"""Tells a credential from other text, by its form or by the name that it is given.

The forms are those with a mark of their own, as in gitleaks' rules: https://github.com/gitleaks/gitleaks. What only
looks random is let pass: digests of images and revisions of models look the same.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

FORMS: Final = {
    "an AWS access key": r"\b(AKIA|ASIA)[0-9A-Z]{16}\b",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY|\bAGE-SECRET-KEY-1",
    # `-----BEGIN` and the kinds of private key, three bytes in four letters.
    "a private key in base64": (
        r"LS0tLS1CRUdJTi(BQUklWQVRF|BSU0EgUFJJVkFUR|BFQyBQUklWQVRF|BEU0EgUFJJVkFUR|BFTkNSWVBURUQ|BPUEVOU1NI)"
    ),
    "a Hugging Face token": r"\b(hf|api_org)_[A-Za-z0-9]{30,}",
    "a GitHub token": r"\b(gh[oprsu]_|github_pat_)\w{8,}",
    "a GitLab token": r"\bgl(pat|dt|ptt|rt|cbt|agent)-[\w-]{8,}",
    "a Slack token": r"\bxox[abeoprs]-\w{8,}|hooks\.slack\.com/services/\w",
    "a Pulumi token": r"\bpul-\w{8,}",
    "an NVIDIA API key": r"\bnvapi-[\w-]{20,}",
    "an API key of OpenAI's form": r"\bsk-((proj|svcacct|admin|ant-[a-z0-9]+)-[\w-]{20,}|[A-Za-z0-9]{32,})",
    "a Google API key": r"\bAIza[\w-]{35}",
    "a Docker Hub token": r"\bdckr_(pat|oat)_[\w-]{20,}",
    "an npm or PyPI token": r"\bnpm_[A-Za-z0-9]{36}|\bpypi-AgE[\w-]{20,}",
    "a Vault token": r"\bhv[sbr]\.[\w-]{20,}",
    "a JSON web token": r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.",
    "a registry with its user and password": r"^[^\s/:@]+:[^\s/:@]+@[\w.-]+(:\d+)?/",
    "a URL with a password": r"\b[a-z][a-z0-9+.-]*://[^\s/:@]*:(?!\$)[^\s/@]+@",
}
"""Sort of credential → what only such a one holds."""

_FORMS: Final = [(sort, re.compile(form)) for sort, form in FORMS.items()]
_ANY: Final = re.compile("|".join(FORMS.values()))

_NAMES_A_SECRET: Final = re.compile(
    r"passw(or)?d$|(^|[-_.:])(pass|pwd|passphrase|secret|token|credentials?|(api|access|secret|private)[-_]?key([-_]id)?)$",
    re.IGNORECASE,
)
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_HARMLESS: Final = re.compile(r"[/.~$<].*|arn:.*|true|false|yes|no|none|null|", re.IGNORECASE | re.DOTALL)
"""Files, references, the special tokens of a tokenizer (`</s>`), switches: values that no secret has."""

_ASSIGNMENT: Final = re.compile(r"""(?<![\w-])-{0,2}([A-Za-z][\w.-]*)["']?\s*[=:]\s*["']?([^\s"',;}]+)""")
_FLAG: Final = re.compile(r"--?([A-Za-z][\w.-]*)")


def is_credential(text: str) -> bool:
    """Say whether text holds a known form of credential."""
    return _ANY.search(text) is not None


def sort(text: str) -> str | None:
    """Say what credential text holds by its form, to be read after "looks like": `an AWS access key`."""
    return next((name for name, form in _FORMS if form.search(text)), None)


def find(data: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """List where credentials stand in plain values, and what each looks like.

    By form they are found in every text. By name they are found where a program's environment and arguments, or a
    provider's settings are: elsewhere a name that speaks of a secret may well refer to one. A key that is a credential
    is listed as a place.
    """
    if isinstance(data, str):
        if (found := sort(data)) is not None:
            yield path, found
        elif path[-2:-1] in (("env",), ("config",)) and (_is_secret(str(path[-1]), data) or _assigns_secret(data)):
            yield path, "a secret, by its name"
    elif isinstance(data, dict):
        for key, value in data.items():
            if (found := sort(key)) is not None:
                yield (*path, key), found
            else:
                yield from find(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            before = _FLAG.fullmatch(data[index - 1]) if index and isinstance(data[index - 1], str) else None
            if isinstance(value, str) and not sort(value) and _argument_is_secret(before, value):
                yield (*path, index), "a secret, by its name"
            else:
                yield from find(value, (*path, index))


def _argument_is_secret(flag: re.Match[str] | None, value: str) -> bool:
    after_flag = flag is not None and not value.startswith("-") and _is_secret(flag[1], value)
    return after_flag or _assigns_secret(value)


def _assigns_secret(text: str) -> bool:
    return any(_is_secret(name, value) for name, value in _ASSIGNMENT.findall(text))


def _is_secret(name: str, value: str) -> bool:
    return bool(_NAMES_A_SECRET.search(_CAMEL.sub("_", name))) and not _HARMLESS.fullmatch(value)

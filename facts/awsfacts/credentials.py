"""Detects credentials in text, by their format or by the name of a value (`secret_names`).

The formats are those with a distinctive prefix or structure, as in gitleaks' rules:
https://github.com/gitleaks/gitleaks. Text that only looks random is accepted, because image digests and model
revisions look the same.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from awsfacts import secret_names

FORMS: Final = {
    "an AWS access key": r"\b(AKIA|ASIA)[0-9A-Z]{16}\b",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY|\bAGE-SECRET-KEY-1",
    # `-----BEGIN` and the types of private key; base64 encodes three bytes as four characters.
    "a private key in base64": (
        r"LS0tLS1CRUdJTi(BQUklWQVRF|BSU0EgUFJJVkFUR|BFQyBQUklWQVRF|BEU0EgUFJJVkFUR|BFTkNSWVBURUQ|BPUEVOU1NI)"
    ),
    "a Hugging Face token": r"\b(hf|api_org)_[A-Za-z0-9]{30,}",
    "a GitHub token": r"\b(gh[oprsu]_|github_pat_)\w{8,}",
    "a GitLab token": r"\bgl(pat|dt|ptt|rt|cbt|agent)-[\w-]{8,}",
    "a Slack token": r"\bxox[abeoprs]-\w{8,}|hooks\.slack\.com/services/\w",
    "a Pulumi token": r"\bpul-\w{8,}",
    "an NVIDIA API key": r"\bnvapi-[\w-]{20,}",
    "an OpenAI-style API key": r"\bsk-((proj|svcacct|admin|ant-[a-z0-9]+)-[\w-]{20,}|[A-Za-z0-9]{32,})",
    "a Google API key": r"\bAIza[\w-]{35}|\bya29\.[\w-]{20,}|\bGOCSPX-[\w-]{20,}",
    "a Bedrock API key": r"\bABSK[A-Za-z0-9+/]{40,}|\bbedrock-api-key-[\w-]{8,}",
    "a Databricks token": r"\bdapi[0-9a-f]{32}",
    "a token of a model hosting service": r"\b(gsk_|r8_|xai-|pplx-|pcsk_|rpa_|tgp_v1_)[\w-]{20,}",
    "a token of a tracing service": r"\b(lsv2_(pt|sk)_|glsa_|glc_|sntrys_)\w{20,}",
    "a Stripe or SendGrid key": r"\b[rs]k_(live|test)_\w{10,}|\bSG\.[\w-]{16,100}\.[\w-]{16,}",
    "an Azure key or a signed URL": (
        r"\b(AccountKey|SharedAccessKey)=[\w+/]{20,}|[?&]sig=[\w%+/=-]{20,}|X-Amz-(Signature|Security-Token)=\w"
    ),
    "an HTTP Authorization header": (
        r"(?i:\bauthorization[\"']?\s*[:=]\s*[\"']?(bearer|basic|token)\s+[\"'\\]*[^\s$<{\"'\\])"
    ),
    "a Docker Hub token": r"\bdckr_(pat|oat)_[\w-]{20,}",
    "an npm or PyPI token": r"\bnpm_[A-Za-z0-9]{36}|\bpypi-AgE[\w-]{20,}",
    "a Vault token": r"\bhv[sbr]\.[\w-]{20,}",
    "a JSON web token": r"\beyJ[\w-]{8,2000}\.eyJ[\w-]{8,}\.",
    "a registry with a username and password": r"^\s*[^\s/:@]*:(?![$<])[^\s/:@]+@(?!sha\d+:)[\w.-]+(:\d+)?(/|$)",
    "a URL with a password": r"\b[a-z][a-z0-9+.-]{0,30}://[^\s/:@]{0,200}:(?!\$)[^\s/@]{1,500}@",
}
"""Type of credential → regular expression that matches only text that contains one."""

_REGISTRY: Final = "a registry with a username and password"
_BY_NAME: Final = "a secret, judging by its name"

_NAMED: Final = (("env",), ("config",), ("tags",), ("gpuPools", "*", "labels"), ("pool", "labels"))
"""Mappings from names to plain values, by the ends of their paths in stack files and in programs. Elsewhere, a value
with the name of a secret may be a reference to a secret."""

_HTTP_PATHS: Final = ("healthPath", "health_path")
"""Fields that contain an HTTP path, as spelled in stack files and in programs."""

_USER: Final = re.compile(r"(?P<user>[^@]*)@(?!sha\d+:)(?P<rest>.*)", re.DOTALL)
"""An image reference that was written as a URL with a user before the host."""


@cache
def _any() -> re.Pattern[str]:
    return re.compile("|".join(FORMS.values()))


def is_credential(text: str) -> bool:
    """Whether text contains a credential in a known format."""
    return _any().search(text) is not None


def sort(text: str) -> str | None:
    """The type of credential in text, as the end of "looks like …", e.g. `an AWS access key`; None if there is none."""
    return next((name for name, form in FORMS.items() if re.search(form, text)), None) if is_credential(text) else None


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
                yield (*path, key), _BY_NAME
            else:
                yield from find(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            before = data[index - 1] if index else None
            if isinstance(value, str) and not sort(value) and secret_names.is_given(before, value):
                yield (*path, index), _BY_NAME
            else:
                yield from find(value, (*path, index))


def _in_text(text: str, path: tuple[str | int, ...]) -> str | None:
    if (found := sort(text)) is not None:
        return found
    field = path[-1] if path else ""
    if field == "image":
        return _REGISTRY if _has_user(text) else _BY_NAME if secret_names.gives_away(text) else None
    if field in _HTTP_PATHS and secret_names.queries(text):
        return _BY_NAME
    by_key = _is_value_of_a_name(path) and secret_names.is_secret(str(field), text)
    return _BY_NAME if by_key or secret_names.assigns(text) else None


def _is_value_of_a_name(path: tuple[str | int, ...]) -> bool:
    above = path[:-1]
    return any(
        len(above) >= len(end) and all(part in ("*", key) for part, key in zip(end, above[-len(end) :], strict=True))
        for end in _NAMED
    )


def _has_user(image: str) -> bool:
    found = _USER.match(image)
    return found is not None and ("/" in found["rest"] or (":" in found["user"] and "/" not in found["user"]))

"""Maps the types of resources in Terraform modules to Pulumi types."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final

from awsfacts.tables import read_table

_TOKEN: Final = re.compile(r"[^:]+:tf:(?P<type>[a-z][a-z0-9]*_\w+)")


_VERSION: Final = re.compile(r"_v\d+\w*$")


def pulumi_type(token: str, known: Sequence[str]) -> str:
    """The type in `known`, e.g. `aws:s3/bucket`, for the type token of a resource in a Terraform module.

    An unknown type has the same form, `aws:index/someBucket`. Any other token is returned unchanged.
    """
    found = _TOKEN.fullmatch(token)
    if not found:
        return token
    type = found["type"]
    if type in _table()["types"]:
        return str(_table()["types"][type])
    provider, _, name = type.partition("_")
    package = _table()["packages"].get(provider, provider)
    if package == "kubernetes":
        name = _VERSION.sub("", name)
    types = _by_letters(tuple(known))
    return next((types[each] for each in _spellings(package, name) if each in types), _unknown(package, name))


def is_resource(token: str) -> bool:
    """Whether a token is that of a resource in a Terraform module."""
    return _TOKEN.fullmatch(token) is not None


def _unknown(package: str, name: str) -> str:
    """An unknown type in the form of its package."""
    camel_name = camel(name)
    if package != "kubernetes":
        return f"{package}:index/{camel_name}"
    return _kinds().get(_letters(package, name), f"kubernetes:core/v1:{camel_name[:1].upper()}{camel_name[1:]}")


def _spellings(package: str, name: str) -> Iterator[str]:
    """Possible spellings of a type of a package in lower-case letters, most likely first."""
    yield _letters(package, name)
    yield _letters(package, f"index_{package}_{name}")
    word, _, rest = name.partition("_")
    module = _table()["modules"].get(package, {}).get(word)
    if module and rest:
        yield _letters(package, f"{module}_{rest}")
    for module in _table()["unnamed"].get(package, ()):
        yield _letters(package, f"{module}_{name}")


@cache
def _by_letters(known: tuple[str, ...]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for each in known:
        package, _, name = each.partition(":")
        module, slash, last = name.partition("/")
        if slash:
            found.setdefault(_letters(package, f"{module}_{last}"), each)
    for each in known:
        # Terraform names do not contain the modules of most packages; for AWS they do, except those in the table.
        package, _, name = each.partition(":")
        if package not in _table()["unnamed"] and "/" in name:
            found.setdefault(_letters(package, re.split("[/:]", name)[-1]), each)
    return found


@cache
def _kinds() -> Mapping[str, str]:
    """The kinds of Kubernetes outside of the core group, by their lower-case letters."""
    return {
        _letters("kubernetes", kind): f"kubernetes:{version}:{kind}"
        for version, kinds in _table()["kinds"].items()
        for kind in kinds
    }


def _letters(package: str, name: str) -> str:
    return f"{package}:{re.sub('[^a-z0-9]', '', name.lower())}"


def camel(name: str) -> str:
    """A Terraform name in camel case: `skipFinalSnapshot` for `skip_final_snapshot`."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


@cache
def _table() -> Mapping[str, Any]:
    names: Mapping[str, Any] = read_table("terraform.yaml", "mlpctl.review.types")
    return names

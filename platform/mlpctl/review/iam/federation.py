"""Finds trust policies that let any identity of an OpenID Connect provider assume a role.

Who a token belongs to is in its subject: a policy that checks only the audience, or a pattern that names no tenant of a
provider that many customers share, lets in strangers. The providers are data: `federations.yaml`.
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc_secure-by-default.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html
"""

import fnmatch
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Final

from awsfacts.tables import Row, read_table
from mlpctl.review.iam.conditions import limits_callers
from mlpctl.review.iam.evaluation import statements
from mlpctl.review.values.plain import Masked, Secret, Unknown, Value, items

_ACTION: Final = "sts:assumerolewithwebidentity"
_PROVIDER: Final = re.compile(r"arn:[\w-]+:iam::[^:]*:oidc-provider/(?P<issuer>.+)")
_ISSUER: Final = re.compile(r"(?:https://)?(?P<issuer>[\w-]+(?:\.[\w-]+)+(?:/\S*)?)")

_EXACT: Final = frozenset({"stringequals", "stringequalsignorecase", "numericequals"})
_INVERSE: Final = frozenset({"stringnotequals", "stringnotequalsignorecase", "stringnotlike", "numericnotequals"})
_OPERATORS: Final = {"Allow": _EXACT | {"stringlike"}, "Deny": _INVERSE}
"""Operators that limit the identities. A missing claim satisfies `ForAllValues:` and `IfExists`, which are not among
them: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html"""

_WILD: Final = re.compile(r"[*?]|\$\{")
_END: Final = " "
"""Ends the last part of a complete value, as a separator ends all others."""


class _Issuer(Row):
    """A row of `federations.yaml`, which explains its fields."""

    subject: str = ""
    claims: Mapping[str, str] = {}
    within: Mapping[str, str] = {}


class _Table(Row):
    """`federations.yaml`, which explains its fields."""

    shared: Mapping[str, _Issuer]
    own: Mapping[str, _Issuer]
    words: Sequence[str]

    @cached_property
    def general(self) -> str:
        """The pattern of subjects of which it is only known with which words they begin."""
        words = "|".join(self.words)
        return f"^(?:(?:{words})[:/])*+(?!(?:{words})?[:/]?$)[^:/]"

    def row(self, issuer: str) -> _Issuer:
        """The row of a provider, empty if it has none."""
        rows = {**self.own, **self.shared}
        return next((row for name, row in rows.items() if fnmatch.fnmatchcase(issuer, name)), _Issuer())


@cache
def _table() -> _Table:
    return _Table.model_validate(read_table("federations.yaml", "mlpctl.review.iam"))


def is_shared(issuer: Value) -> bool:
    """Whether an issuer, by its URL, gives tokens to many customers."""
    match = _ISSUER.fullmatch(issuer) if isinstance(issuer, str) else None
    name = match["issuer"].lower().rstrip("/") if match else ""
    return any(fnmatch.fnmatchcase(name, each) for each in _table().shared)


def open_issuers(document: Value) -> set[str]:
    """The OpenID Connect providers of which any identity can assume a role with this trust policy."""
    found: set[str] = set()
    denied: list[Mapping[str, Any]] | None = None
    for statement in statements(document):
        for issuer in _issuers(statement):
            condition = statement.get("Condition")
            if limits_callers(condition) or _limits(issuer, condition, "Allow"):
                continue
            if denied is None:
                denied = [*statements(document, "Deny")]
            if not any(_denies(each, issuer) for each in denied):
                found.add(issuer)
    return found


def _issuers(statement: Mapping[str, Any]) -> Iterator[str]:
    """The OpenID Connect providers whose identities a statement is about, in lower case."""
    principal = statement.get("Principal")
    if not isinstance(principal, Mapping) or not _is_about_identities(statement):
        return
    for each in items(principal.get("Federated")):
        match = isinstance(each, str) and (_PROVIDER.fullmatch(each) or _ISSUER.fullmatch(each))
        if match:
            yield match["issuer"].lower().rstrip("/")


def _is_about_identities(statement: Mapping[str, Any]) -> bool:
    if "NotAction" in statement:
        return not _covers(statement["NotAction"])
    return _covers(statement.get("Action"))


def _covers(actions: Value) -> bool:
    return any(fnmatch.fnmatchcase(_ACTION, str(each).lower()) for each in items(actions))


def _denies(statement: Mapping[str, Any], issuer: str) -> bool:
    """Whether a statement denies the role to all other identities of a provider."""
    principal, condition = statement.get("Principal"), statement.get("Condition")
    everybody = principal == "*" or (isinstance(principal, Mapping) and "*" in items(principal.get("AWS")))
    if not _is_about_identities(statement) or not (everybody or issuer in _issuers(statement)):
        return False
    # Of several conditions, a statement applies only if all are met.
    return len([*_conditions(condition)]) == 1 and _limits(issuer, condition, "Deny")


def _conditions(condition: Value) -> Iterator[tuple[str, str, Value]]:
    """Operator and key in lower case, and the values."""
    for operator, keys in condition.items() if isinstance(condition, Mapping) else ():
        for key, values in keys.items() if isinstance(keys, Mapping) else ():
            yield str(operator).lower(), str(key).lower(), values


def _limits(issuer: str, condition: Value, effect: str) -> bool:
    """Whether conditions limit the identities of a provider to some."""
    if isinstance(condition, Unknown | Secret | Masked):
        return True
    return any(
        operator.removeprefix("foranyvalue:") in _OPERATORS[effect]
        and _are_some(_patterns(issuer, key), values, wild=operator.endswith("like"))
        for operator, key, values in _conditions(condition)
    )


def _are_some(patterns: "_Patterns | None", values: Value, *, wild: bool) -> bool:
    """Whether all values of a condition key identify somebody."""
    found = items(values)
    return patterns is not None and bool(found) and all(_names(patterns, each, wild=wild) for each in found)


@dataclass(frozen=True)
class _Patterns:
    """Patterns of values of a condition key that identify somebody."""

    head: str
    """For the part before the first wildcard."""

    within: str = ""
    """For the whole value with its wildcards; empty if there is none."""


def _patterns(issuer: str, key: str) -> _Patterns | None:
    """The patterns of a condition key; None if its values identify nobody."""
    row, general = _table().row(issuer), _table().general
    of, _, claim = key.partition(":")
    if claim == "sub":
        # Tokens of another provider do not have this claim.
        return _Patterns(row.subject or general, row.within.get(claim, "")) if of == issuer else _Patterns(general)
    name = claim if of == issuer else key
    return _Patterns(row.claims[name], row.within.get(name, "")) if name in row.claims else None


def _names(patterns: _Patterns, value: Value, *, wild: bool) -> bool:
    """Whether a value identifies an identity, or those of a tenant."""
    if isinstance(value, Unknown | Secret | Masked):
        return True
    text = str(value)
    head, *rest = _WILD.split(text, maxsplit=1) if wild or "${" in text else [text]
    if re.search(patterns.head, head if rest else head + _END):
        return True
    return bool(patterns.within) and re.search(patterns.within, text) is not None

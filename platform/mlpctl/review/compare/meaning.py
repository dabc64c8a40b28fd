"""Determines whether two IAM policies allow and deny the same, whatever their notation."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, product
from typing import Any, Final, NamedTuple

from mlpctl.review.compare.equality import canonical, truth, word
from mlpctl.review.iam.patterns import matches
from mlpctl.review.values.plain import Value, items

_MOST: Final = 20_000
"""Maximum number of combinations of a policy's principals, actions and resources that are compared."""

_ACCOUNT: Final = re.compile(r"(\d{12})")
_ROOT: Final = re.compile(r"arn:aws[\w-]*:iam::(\d{12}):root")
_NEGATED: Final = ("NotPrincipal", "NotAction", "NotResource")
_READ: Final = frozenset({"Sid", "Effect", "Principal", "Action", "Resource", "Condition", *_NEGATED})


def same_policy(old: Mapping[str, Value], new: Mapping[str, Value]) -> bool:
    """Whether two IAM policies mean the same.

    Names of statements, the order of statements and lists, how statements are joined, and capitals of actions,
    condition keys and booleans have no meaning; an account's number stands for its root.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
    """
    before, after = _meaning(old), _meaning(new)
    return before is not None and before == after


def same_bindings(old: Mapping[str, Value], new: Mapping[str, Value]) -> bool:
    """Whether two IAM policies of Google Cloud mean the same.

    The order of bindings and members, and how bindings of a role are joined, have no meaning.
    https://cloud.google.com/iam/docs/reference/rest/v1/Policy
    """
    before, after = _bindings(old), _bindings(new)
    return before is not None and before == after


def _bindings(policy: Mapping[str, Value]) -> frozenset[str] | None:
    """Every member of every role with its condition, and all other parts of a policy; None if it is not understood."""
    found = items(policy.get("bindings"))
    if not all(isinstance(each, Mapping) for each in found):
        return None
    grants = (
        canonical([each.get("role"), each.get("condition"), member])
        for each in found
        for member in items(each.get("members"))
    )
    return frozenset(
        {canonical({key: each for key, each in policy.items() if key not in ("bindings", "etag")}), *grants}
    )


def _meaning(policy: Mapping[str, Value]) -> frozenset[str] | None:
    """Everything that a policy allows and denies, one by one; None if that is too much or not understood."""
    statements = items(policy.get("Statement"))
    if not all(isinstance(each, Mapping) and each.keys() <= _READ for each in statements):
        return None
    atoms = [*islice((atom for each in statements for atom in _atoms(each)), _MOST + 1)]
    if len(atoms) > _MOST:
        return None
    # An unknown element of the policy, and the version of the language, count as they are.
    others = {key: value for key, value in policy.items() if key not in ("Statement", "Id")}
    return frozenset({canonical(others), *_needed(atoms)})


class _Atom(NamedTuple):
    """One action on one resource that a policy allows or denies."""

    rest: str
    action: Value
    resource: Value


def _needed(atoms: Iterable[_Atom]) -> Iterator[str]:
    """The atoms that no other one covers, e.g. `s3:GetObject` next to `s3:*`."""
    groups: dict[str, dict[tuple[str, str], _Atom]] = {}
    for each in atoms:
        groups.setdefault(each.rest, {})[canonical(each.action), canonical(each.resource)] = each
    for group in groups.values():
        wide = [each for each in group.values() if _is_wide(each.action) or _is_wide(each.resource)]
        wide = wide if len(wide) * len(group) <= _MOST else []
        for each in group.values():
            if not any(other is not each and _contains(other, each) for other in wide):
                yield canonical([*each])


def _is_wide(pattern: Value) -> bool:
    return isinstance(pattern, str) and "*" in pattern


def _contains(wide: _Atom, narrow: _Atom) -> bool:
    return _covers(wide.action, narrow.action) and _covers(wide.resource, narrow.resource)


def _covers(wide: Value, narrow: Value) -> bool:
    """Whether everything that one pattern matches is matched by another, as far as it is certain."""
    if wide == narrow:
        return True
    if type(wide) is not str or type(narrow) is not str or "${" in wide + narrow:
        return False
    # A question mark does not match what an asterisk stands for.
    return "*" in wide and not ("?" in wide and "*" in narrow) and matches(wide, narrow)


def _atoms(statement: Mapping[str, Any]) -> Iterator[_Atom]:
    parts = [_principals(statement), _actions(statement.get("Action")), items(statement.get("Resource"))]
    rest = {
        "Effect": statement.get("Effect"),
        "Condition": _condition(statement.get("Condition")),
        "NotPrincipal": sorted(map(canonical, _named(statement.get("NotPrincipal")))),
        "NotAction": sorted(map(canonical, _actions(statement.get("NotAction")))),
        "NotResource": sorted(map(canonical, items(statement.get("NotResource")))),
        "negated": [key for key in _NEGATED if key in statement],
    }
    common = canonical(rest)
    for principal, action, resource in product(*(each or [None] for each in parts)):
        yield _Atom(canonical([common, canonical(principal)]), action, resource)


def _principals(statement: Mapping[str, Any]) -> Sequence[Value]:
    return [] if "Principal" not in statement else _named(statement["Principal"])


def _named(principals: Value) -> list[Value]:
    """The principals, each with its kind."""
    if not isinstance(principals, Mapping):
        return [["AWS", "*"] if each == "*" else each for each in items(principals)]
    return [[kind, _principal(each)] for kind, named in principals.items() for each in items(named)]


def _principal(name: Value) -> Value:
    """A principal; an account's number as the ARN of its root, whatever the partition."""
    if type(name) is not str:
        return name
    found = _ACCOUNT.fullmatch(name) or _ROOT.fullmatch(name)
    return f"root of {found[1]}" if found else name


def _actions(actions: Value) -> list[Value]:
    return [each.lower() if type(each) is str else each for each in items(actions)]


def _condition(condition: Value) -> Value:
    """All conditions, each with its operator and key; several may differ only in the capitals of these."""
    if not isinstance(condition, Mapping):
        return condition
    return sorted(
        canonical([str(operator).lower(), *each])
        for operator, keys in condition.items()
        for each in _keys(str(operator), keys)
    )


def _keys(operator: str, keys: Value) -> list[list[Value]]:
    """The keys of an operator with their values."""
    if not isinstance(keys, Mapping) or not keys:
        return [[keys]]
    return [
        [str(key).lower(), sorted({_text(operator, each) for each in items(values)})] for key, values in keys.items()
    ]


def _text(operator: str, value: Value) -> str:
    found = truth(operator, value)
    return canonical(word(found) if isinstance(found, bool | int) else found)

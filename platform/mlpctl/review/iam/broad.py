"""Finds broad permissions in IAM policies: all actions, all actions of a service, all principals."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import Final

from awsfacts.tables import read_table
from mlpctl.review.iam.evaluation import MOST, Extent, Permissions, statements
from mlpctl.review.iam.everybody import SERVICE, Answer, admits_everybody, for_everybody
from mlpctl.review.iam.patterns import ANY, sample
from mlpctl.review.values.plain import Value, items

_EVERYTHING: Final = f"{ANY}:{ANY}"
"""Stands for an action that no policy names."""

_ANYTHING: Final = f"arn:aws:{ANY}:{ANY}:0:{ANY}"
"""Stands for a resource that no policy names."""

_PARTITION: Final = re.compile(r"^arn:aws[\w-]*(?=[:*])")
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html"""

_ACCOUNT: Final = re.compile(
    r"^(arn:[^:]*:[^:]*:[^:]*:)(?:[\d*?]+|\$\{aws:(?:Principal|Resource|Source)Account\})(?=:)", re.IGNORECASE
)


@cache
def _escalations() -> Mapping[str, Mapping[str, Sequence[str]]]:
    """The actions of `escalations.yaml`, in lower case as IAM ignores case, by their group and kind of resource."""
    table: Mapping[str, Mapping[str, Sequence[str]]] = read_table("escalations.yaml", "mlpctl.review.iam")
    return {
        group: {kind: tuple(map(str.lower, actions)) for kind, actions in kinds.items()}
        for group, kinds in table.items()
    }


ESCALATES: Final = tuple(sorted(each for actions in _escalations()["writes"].values() for each in actions))
"""Actions that write or attach policies."""


def wildcards(policy: Value) -> set[str]:
    """The wildcard actions that a policy allows and does not deny."""
    own = Permissions([policy])
    found = set()
    for statement in statements(policy):
        found |= {f"all actions but {each}" for each in items(statement.get("NotAction"))}
        resources = [sample(each) for each in items(statement.get("Resource")) if isinstance(each, str)] or [ANY]
        for action in map(str, items(statement.get("Action"))):
            if _is_broad(action) and any(own.extent(sample(action.lower()), each) for each in resources):
                found.add(f"action {action}")
    return found


def more_widths(old: Value, new: Value) -> Iterator[bool]:
    """For each width that a policy has and had not, or under a condition only, whether it is certain.

    It is wider if it allows all actions of a service, or admits everybody.
    """
    texts = all(isinstance(each, str) or each is None for each in (old, new))
    yield from _widths_of_texts(*(each and str(each) for each in (old, new))) if texts else _more_widths(old, new)


@lru_cache(maxsize=64)
def _widths_of_texts(old: str | None, new: str | None) -> tuple[bool, ...]:
    return tuple(_more_widths(old, new))


def _more_widths(old: Value, new: Value) -> Iterator[bool]:
    before, after = (_admitted(each) for each in (old, new))
    # All principals but some are fewer than all.
    fewest = before[False]
    for excepts, answer in after.items():
        had = max(fewest, before[excepts])
        if answer > had:
            yield answer is Answer.YES and had is Answer.NO
    yield from _more_actions(old, new)


def _admitted(policy: Value) -> Mapping[bool, Answer]:
    """Whether a policy admits all principals, and whether all but some."""
    found = {False: Answer.NO, True: Answer.NO}
    for statement, answer in for_everybody(policy):
        excepts = bool(statement.get("NotPrincipal"))
        found[excepts] = max(found[excepts], answer)
    return found


def _more_actions(old: Value, new: Value) -> Iterator[bool]:
    """For each service of which a policy allows all actions and did not, whether that is certain."""
    had, has = Permissions([old]), Permissions([new])
    actions = _services(had, has)
    work = sum(
        len(actions) * (each.statements.actions.size + len(each.resources))
        + len(each.resources) * each.statements.resources.size
        for each in (had, has)
    )
    if work > MOST:
        yield False
        return
    for action in actions:
        if _most(has, action) > _most(had, action):
            yield True


def _most(policy: Permissions, action: str) -> Extent:
    """How far a policy allows an action on any resource, if deny statements with conditions do not count."""
    return min(Extent.EXCEPTED, max(policy.extents(action).values(), default=Extent.NONE))


def _services(*policies: Permissions) -> Sequence[str]:
    """An action that no policy names, of each service that one of them names and of one that none names."""
    found = {_EVERYTHING: None}
    for statement in (one for each in policies for one in each.statements.all):
        for action in (str(each).lower() for name in ("Action", "NotAction") for each in items(statement.get(name))):
            if service := SERVICE.match(action):
                found[f"{service[0]}:{ANY}"] = None
            if _is_broad(action) and action.strip("*?:"):
                found[sample(action)] = None
    return tuple(found)


def lets_in_everybody(policy: Value) -> bool:
    """Whether a policy allows all principals."""
    return admits_everybody(policy) is Answer.YES


def powers(policies: Iterable[Value]) -> Mapping[str, Extent]:
    """How far policies allow everything, or let a principal grant itself everything."""
    together = tuple(policies)
    if all(isinstance(each, str) for each in together):
        return _powers_of_texts(tuple(map(str, together)))
    return _powers(together)


@lru_cache(maxsize=64)
def _powers_of_texts(policies: tuple[str, ...]) -> Mapping[str, Extent]:
    return _powers(policies)


def _powers(policies: Iterable[Value]) -> Mapping[str, Extent]:
    own = Permissions(policies, _anywhere)
    found = {_EVERYTHING: own.extent(_EVERYTHING, _ANYTHING)}
    for kinds in _escalations().values():
        for kind, actions in kinds.items():
            for action in actions:
                far = own.extent(action, f"arn:aws:iam::0:{kind}/{ANY}")
                # A condition may require a permissions boundary for the grants.
                found[action] = Extent.NONE if far is Extent.CONDITIONAL else far
    return found


def _anywhere(resource: str) -> str:
    """A resource in the partition and the account of the samples: a policy grants something only in its own."""
    return _ACCOUNT.sub(r"\g<1>0", _PARTITION.sub("arn:aws", resource))


def more_powers(old: Iterable[Value], new: Iterable[Value]) -> Iterator[bool]:
    """For each power that policies give and did not, or gave under a condition only, whether it is certain."""
    after = powers(new)
    if not any(after.values()):
        return
    before = powers(old)
    for action, far in after.items():
        if far > before[action]:
            # A deny statement with a condition may have applied to little.
            yield before[action] is not Extent.EXCEPTED


def _is_broad(action: object) -> bool:
    """Whether an action covers a whole service or all services: `s3:*`, `s3:?*`, `*`."""
    _, colon, name = str(action).partition(":")
    return "*" in str(action) if not colon else "*" in name and not name.strip("*?:")

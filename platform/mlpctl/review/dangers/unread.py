"""Lists what the plan grants to whom but hides as a secret, so that the review cannot tell."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Final

from awsfacts.records import Holding, Watch
from mlpctl.review.compare.paths import value_at
from mlpctl.review.dangers.watched import watches_of
from mlpctl.review.plan.model import Change, Op
from mlpctl.review.report.model import Unchecked
from mlpctl.review.values.plain import HIDDEN, Masked, Secret, Value, document, items, root, walk

_POLICIES: Final = frozenset({"opened", "federated", "allowsAnything", "widened"})
"""Tests that read IAM policies."""

_GRANTING: Final = (Op.CREATE, Op.UPDATE, Op.REPLACE, Op.IMPORT)

_PRINCIPALS: Final = frozenset({"Effect", "Principal", "NotPrincipal"})
_NAMES: Final = frozenset({"Action", "NotAction", "Resource", "NotResource"})


def unread(changes: Iterable[Change]) -> Iterator[Unchecked]:
    """The resources whose grants are secret and may have changed."""
    found = [each.urn for each in changes if each.op in _GRANTING and _hides(each)]
    if found:
        yield Unchecked(
            what="Secret policies and other secret grants",
            why="the plan hides whom they let in, and to what",
            urns=found,
        )


def _hides(change: Change) -> bool:
    """Whether a property that grants access is secret, and new or changed."""
    return any(
        watch.harm is Holding.IDENTITY
        and watch.test != "changed"
        and _is_hidden(change.new or {}, watch)
        and not _stays(change, root(watch.property))
        for watch in watches_of(change)
    )


def _stays(change: Change, name: str) -> bool:
    """Whether a property keeps its value."""
    old, new = (value_at(inputs or {}, name) for inputs in (change.old, change.new))
    if old is None or old != new:
        return False
    # Values that the engine hides are equal to all others.
    compared = all(each.mark for _, each in walk(new) if isinstance(each, Secret))
    return compared or name not in map(root, (*change.reported, *change.forced_by))


def _is_hidden(inputs: Mapping[str, Value], watch: Watch) -> bool:
    ways = accumulate(watch.property.split("."), "{}.{}".format)
    values = [value for way in ways for value in items(value_at(inputs, way.removesuffix("[]")))]
    if any(isinstance(each, Secret) for each in values):
        return True
    return watch.test in _POLICIES and any(map(_is_unreadable, items(value_at(inputs, watch.property))))


def _is_unreadable(policy: Value) -> bool:
    """Whether what decides whom a policy lets in, and to what, is secret."""
    content = document(policy) if isinstance(policy, str) else policy
    if not isinstance(content, Mapping):
        return isinstance(policy, Masked)
    return any(map(_hides_terms, items(content.get("Statement"))))


def _hides_terms(statement: Value) -> bool:
    if not isinstance(statement, Mapping):
        return _is_secret(statement)
    if any(_is_secret(each) for name in _PRINCIPALS for _, each in walk(statement.get(name))):
        return True
    # A secret part of a name, such as that of an account, leaves it a name, but a part of an action may be a wildcard.
    texts = [(name, each) for name in _NAMES for _, each in walk(statement.get(name))]
    return any(_is_secret(each) or ("Action" in name and HIDDEN in str(each)) for name, each in texts)


def _is_secret(value: Value) -> bool:
    return isinstance(value, Secret) or (isinstance(value, str) and str(value) == HIDDEN)

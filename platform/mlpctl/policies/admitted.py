"""Which connections the NetworkPolicies of a namespace admit, for rules."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Final

from mlpctl.policies.checks import any_of, number
from mlpctl.policies.estate import NotEvaluated, Resource
from mlpctl.policies.pairs import Pairs
from mlpctl.policies.pods import Part
from mlpctl.review.compare.paths import value_at
from mlpctl.review.values import addresses
from mlpctl.review.values.plain import Value

_LAST_PORT: Final = 65_535
_NAME: Final = "kubernetes.io/metadata.name"
"""Label of every namespace:
https://kubernetes.io/docs/reference/labels-annotations-taints/#kubernetes-io-metadata-name"""


def by_label(policies: Iterable[Resource]) -> tuple[Pairs[Resource], NotEvaluated | None]:
    """Policies by the labels that they require, and why it is not known whether there are others.

    Of several with the same spec, it is the first one.
    """
    found: dict[str, tuple[Resource, Value]] = {}
    unclear: NotEvaluated | None = None
    try:
        for each in policies:
            labels = value_at(each.inputs, "spec.podSelector.matchLabels")
            found.setdefault(repr(each.inputs.get("spec")), (each, labels))
    except NotEvaluated as error:
        unclear = error
    return Pairs(found.values()), unclear


def admits_every_pod(rules: Sequence[Part]) -> bool:
    """Whether the rules of a policy allow all sources to reach all TCP ports.

    Raises:
        NotEvaluated: this is not known yet.
    """
    ranges: list[Value] = []

    def admits(rule: Part) -> bool:
        peers = [*rule.parts("from")]
        if not _has_every_port([*rule.parts("ports")]):
            return False
        ranges.extend(each.get("ipBlock.cidr") for each in peers)
        return not peers or any_of(peers, _is_every_pod)

    def together() -> bool:
        return any(addresses.is_internet(some, family) for family, some in addresses.parsed(ranges).items())

    ways: list[Callable[[], bool]] = [*(partial(admits, each) for each in rules), together]
    return any_of(ways, lambda way: way())


def _has_every_port(ports: Sequence[Part]) -> bool:
    """Whether ports of a rule are all ports of TCP; without any, a rule is for all ports of all protocols."""
    found: list[tuple[int, int]] = []
    for each in ports:
        if each.get("protocol", "TCP") == "TCP":
            first = each.get("port")
            if first is None:
                return True
            if isinstance(first, int | float):
                found.append((int(first), int(number(each.get("endPort")) or first)))
    left = 1
    for low, high in sorted(found):
        if low > left:
            return False
        left = max(left, high + 1)
    return not ports or left > _LAST_PORT


def _is_every_pod(peer: Part) -> bool:
    if str(peer.get("ipBlock.cidr", "")).endswith("/0"):
        return True
    spaces = peer.get("namespaceSelector")
    if spaces is None or peer.get("podSelector.matchLabels") or peer.get("podSelector.matchExpressions"):
        return False
    of_all = [each.get("key") == _NAME and each.get("operator") == "Exists" for each in _expressions(peer)]
    return not peer.get("namespaceSelector.matchLabels") and all(of_all)


def _expressions(peer: Part) -> Iterator[Part]:
    return peer.item("namespaceSelector").parts("matchExpressions")

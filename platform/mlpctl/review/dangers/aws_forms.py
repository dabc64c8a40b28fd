"""Aligns the new form of an AWS resource with its old one, where both mean the same to AWS."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, Final

from mlpctl.review.compare.aws_rules import protocol_of
from mlpctl.review.compare.equality import canonical, is_empty, word
from mlpctl.review.plan.model import Change
from mlpctl.review.types.kinds import short_type
from mlpctl.review.values.plain import Value, is_hidden, items, whole

_Parts = Callable[[Mapping[str, Any]], Any]


def aligned(change: Change) -> Change:
    """A change, with the old values of the properties that together mean the same as before."""
    rows = _FORMS.get(short_type(change.type), ())
    if not rows or change.old is None or change.new is None:
        return change
    new = dict(change.new)
    for names, parts in rows:
        values = [each.get(name) for each in (change.old, new) for name in names]
        if is_hidden(values):
            continue
        before, after = parts(change.old), parts(new)
        if before is not None and before == after:
            new = {key: each for key, each in new.items() if key not in names}
            new |= {name: change.old[name] for name in names if name in change.old}
    return replace(change, new=new)


def _subnets(inputs: Mapping[str, Any]) -> frozenset[str] | None:
    """The subnets of a load balancer; None if it has fixed addresses in one of them."""
    found = {str(each) for each in items(inputs.get("subnets"))}
    for each in items(inputs.get("subnetMappings")):
        if not isinstance(each, Mapping) or not is_empty({**each, "subnetId": None, "outpostId": None}):
            return None
        found.add(str(each.get("subnetId")))
    return frozenset(found)


def _forwarded(name: str) -> _Parts:
    """The actions of a listener, in which a single target group may be named alone.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Action.html
    """

    def parts(inputs: Mapping[str, Any]) -> str:
        return canonical([_action(each) for each in items(inputs.get(name))])

    return parts


def _action(action: Value) -> Any:
    if not isinstance(action, Mapping) or action.get("type") != "forward":
        return action
    forward = action.get("forward")
    groups = items(forward.get("targetGroups")) if isinstance(forward, Mapping) else []
    others = {key: each for key, each in action.items() if key not in ("targetGroupArn", "forward")}
    stays = isinstance(forward, Mapping) and _sticks(forward.get("stickiness"))
    if stays or len(groups) > 1 or not all(isinstance(each, Mapping) for each in groups):
        return action
    # The weight of the only group has no effect, except that it gets nothing with a weight of 0.
    if any(word(each.get("weight")) == "0" for each in groups):
        return action
    named = {*map(str, items(action.get("targetGroupArn"))), *(str(each.get("arn")) for each in groups)}
    return {**others, "groups": sorted(named)}


def _sticks(stickiness: Value) -> bool:
    return any(isinstance(each, Mapping) and word(each.get("enabled")) == "true" for each in items(stickiness))


def _in_order(name: str) -> _Parts:
    """The rules of a network ACL by their order; the order of rules with the same action has no effect.

    https://docs.aws.amazon.com/vpc/latest/userguide/vpc-network-acls.html
    """

    def parts(inputs: Mapping[str, Any]) -> list[tuple[str, frozenset[str]]] | None:
        rules = items(inputs.get(name))
        numbers = [_number(each) for each in rules]
        if not rules or any(each is None for each in numbers) or len({*numbers}) < len(rules):
            return None
        ordered = [rule for _, rule in sorted(zip(numbers, rules, strict=True), key=lambda each: each[0] or 0)]
        runs = groupby(ordered, key=lambda rule: str(rule.get("action")).lower())
        return [(action, frozenset(map(_content, run))) for action, run in runs]

    return parts


def _number(rule: Value) -> int | None:
    number = next((rule[key] for key in _NUMBERS if key in rule), None) if isinstance(rule, Mapping) else None
    return whole(number)


def _content(rule: Mapping[str, Any]) -> str:
    """What a rule is about, in normal form, without its number and its action."""
    said = {key: word(each).lower() for key, each in rule.items() if key not in _OUTSIDE and not is_empty(each)}
    return canonical(said | {key: protocol_of(said[key]) for key in ("protocol",) if key in said})


_NUMBERS: Final = ("ruleNo", "ruleNumber")
_OUTSIDE: Final = (*_NUMBERS, "action")

_BALANCER: Final = ((("subnets", "subnetMappings"), _subnets),)
_LISTENER: Final = ((("defaultActions",), _forwarded("defaultActions")),)
_LISTENER_RULE: Final = ((("actions",), _forwarded("actions")),)
_ACL: Final = tuple(((name,), _in_order(name)) for name in ("ingress", "egress"))

_FORMS: Final[Mapping[str, Sequence[tuple[Sequence[str], _Parts]]]] = {
    **{f"aws:{module}/loadBalancer": _BALANCER for module in ("lb", "alb")},
    **{f"aws:{module}/listener": _LISTENER for module in ("lb", "alb")},
    **{f"aws:{module}/listenerRule": _LISTENER_RULE for module in ("lb", "alb")},
    "aws:ec2/networkAcl": _ACL,
    "aws:ec2/defaultNetworkAcl": _ACL,
}
"""Properties with several equivalent forms, and the function that both forms have in common, by type."""

"""What a stack file allows people and exempts from rules, compared with another stack file entry by entry."""

import fnmatch
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mlpctl.config.platform import Platform
from mlpctl.config.problems import Keys
from mlpctl.settings.policies import Permission, Waiver
from mlplatform.compute.eks_cluster.spec import AccessLevel, ClusterAccess
from mlplatform.registries.image_registry.spec import Scanning

COMPARING: Final = "ML-OPS-04"
"""The rule that makes this comparison. Its waivers accept what the comparison finds, so they are not compared."""


@dataclass(frozen=True)
class Wider:
    """Something that one stack allows and another does not."""

    path: Keys
    value: str
    """What it allows."""

    than: str
    """What the other allows instead; `none` for nothing."""

    loses: bool = True
    """Whether it may lead to a loss of data."""

    opens: bool = True
    """Whether it may let intruders in."""

    lapses: bool = False
    """Whether a person answers for it until its last day: a waiver or an approval."""


def wider(
    one: Platform, other: Platform, mandatory: Callable[[str], Container[str]] = lambda profile: ()
) -> Iterator[Wider]:
    """What `one` allows and `other` does not.

    That is access to the cluster, namespaces without guards, images without scans or copies, violations of rules,
    regions, instance types, waivers and approvals.

    Principals are compared by their names, whatever their entries are called, because the same people have roles of
    different ARNs in different accounts. A waiver or an approval is covered by one for the same resources that is valid
    as long.

    Args:
        one: a stack.
        other: the stack that it is compared with.
        mandatory: the IDs of the rules that are mandatory in a profile.
    """
    yield from _access(one, other)
    yield from _namespaces(one, other)
    yield from _unguarded(one, other)
    yield from _registry(one, other)
    yield from _rules(one, other, mandatory)
    yield from _regions(one, other)
    yield from _instance_types(one, other)
    yield from _permissions("waivers", one.policies.waivers, other.policies.waivers)
    yield from _permissions("approvals", one.policies.approvals, other.policies.approvals)


def _access(one: Platform, other: Platform) -> Iterator[Wider]:
    for name, entry in one.cluster.access.items():
        who = _principal(name, entry, one)
        theirs = [each for key, each in other.cluster.access.items() if _principal(key, each, other) == who]
        groups = {group for each in theirs for group in each.groups}
        if not {*entry.groups} <= groups or not any(_at_most(entry, each) for each in theirs):
            than = "; ".join(_written(each) for each in theirs)
            yield Wider(("cluster", "access", name), _written(entry), than or "none", loses=False)


def _principal(name: str, entry: ClusterAccess, platform: Platform) -> tuple[str, str, str]:
    """Kind, name and account of a principal; the account is empty for an account that the stack is deployed to."""
    if entry.role is not None:
        return "role", entry.role, ""
    if entry.principal_arn is None:
        return "entry", name, ""
    parts = entry.principal_arn.split(":", 5)
    kind, _, path = parts[5].partition("/")
    own = not platform.allowed_accounts or parts[4] in platform.allowed_accounts
    return kind, path.rsplit("/", 1)[-1], "" if own else parts[4]


def _at_most(one: ClusterAccess, other: ClusterAccess) -> bool:
    """Whether one entry's level, in its namespaces, is included in the other's."""
    if one.level is None:
        return True
    if other.level is None:
        return False
    order = [*AccessLevel]
    within = not other.namespaces or (
        one.namespaces and all(_covered(each, other.namespaces) for each in one.namespaces)
    )
    return order.index(one.level) >= order.index(other.level) and bool(within)


def _written(entry: ClusterAccess) -> str:
    who = entry.role or (entry.principal_arn or "").rpartition(":")[2]
    level = entry.level.value if entry.level else ""
    where = f"in {', '.join(entry.namespaces)}" if entry.namespaces else ""
    groups = f"groups {', '.join(entry.groups)}" if entry.groups else ""
    rights = ", ".join(filter(None, [f"{level} {where}".rstrip(), groups]))
    return f"{who}: {rights}" if who else rights


def _namespaces(one: Platform, other: Platform) -> Iterator[Wider]:
    """Namespaces that the platform leaves as they are, while it guards them in the other stack."""
    guarded = {*other.guardrails.namespaces, *other.inference, *other.team_namespaces, *other.workload_namespaces}
    guarded -= {*other.guardrails.existing_namespaces}
    if any(each in guarded for each in one.guardrails.existing_namespaces):
        own, theirs = (each.guardrails.existing_namespaces for each in (one, other))
        yield Wider(("guardrails", "existingNamespaces"), _list(own), _list(theirs), loses=False)


def _unguarded(one: Platform, other: Platform) -> Iterator[Wider]:
    """Namespaces of workloads that have all guards in the other stack, and only a Pod Security Standard here."""
    own, theirs = one.guardrails.namespaces, other.guardrails.namespaces
    elsewhere = {*one.team_namespaces, *one.guardrails.existing_namespaces}
    if any(each in theirs and each not in own and each not in elsewhere for each in one.workload_namespaces):
        yield Wider(("guardrails", "namespaces"), _list([*own]), _list([*theirs]), loses=False)


def _registry(one: Platform, other: Platform) -> Iterator[Wider]:
    """Images that are scanned or copied in the other stack.

    One stack has these settings for all that are deployed to the same account and region.
    """
    theirs = other.images.account
    accounts = {*one.allowed_accounts}
    same = one.region == other.region and accounts and accounts <= {*other.allowed_accounts}
    if theirs is None or one.images.account or same:
        return
    scanned = theirs.scanning is Scanning.ENHANCED
    if scanned or theirs.replicate_to:
        than = f"scanning {theirs.scanning.value}, copies in {_list(theirs.replicate_to)}"
        yield Wider(("images", "account"), "none", than, loses=bool(theirs.replicate_to), opens=scanned)


def _rules(one: Platform, other: Platform, mandatory: Callable[[str], Container[str]]) -> Iterator[Wider]:
    """Rules that the other stack makes mandatory, and that are not mandatory here."""
    own, theirs = one.policies.mandatory, other.policies.mandatory
    left = [each for each in theirs if each not in own]
    if left and (missing := [each for each in left if each not in mandatory(one.profile.value)]):
        yield Wider(("policies", "mandatory"), _list(own), _list(missing))


def _regions(one: Platform, other: Platform) -> Iterator[Wider]:
    if not {*_elsewhere(one)} <= {*_elsewhere(other)}:
        path = ("policies", "allowedRegions")
        own, theirs = (_list(each.policies.allowed_regions, "default") for each in (one, other))
        yield Wider(path, own, theirs, loses=False)


def _elsewhere(platform: Platform) -> list[str]:
    """The allowed regions without those that are always in use: the stack's own, and those of replicas of images."""
    account = platform.images.account
    used = {platform.region, *(account.replicate_to if account else ())}
    return [each for each in platform.policies.allowed_regions if each not in used]


def _instance_types(one: Platform, other: Platform) -> Iterator[Wider]:
    """Whether more types may run.

    Without a list, any may run, but accelerated ones only where the platform puts them. A list with a pattern for all
    types lifts this limit too.
    """
    own, theirs = one.policies.allowed_instance_types, other.policies.allowed_instance_types
    everything = any("*" in each and not each.strip("*.") for each in own)
    if (theirs and not own) or (own and not theirs and everything) or (theirs and not all_covered(own, theirs)):
        yield Wider(("policies", "allowedInstanceTypes"), _list(own, "any"), _list(theirs, "any"), loses=False)


def _permissions(field: str, own: Sequence[Permission], theirs: Sequence[Permission]) -> Iterator[Wider]:
    for index, each in enumerate(own):
        if _rule(each) == COMPARING:
            continue
        same = [known for known in theirs if _rule(known) == _rule(each) and _covered(each.resource, [known.resource])]
        if not any(known.expires >= each.expires for known in same):
            than = ", ".join(_permission(known) for known in same) or "none"
            # A rule may protect against either threat; an approval is always for a loss.
            yield Wider(("policies", field, index), _permission(each), than, opens=field == "waivers", lapses=True)


def _rule(permission: Permission) -> str:
    return permission.rule if isinstance(permission, Waiver) else ""


def _permission(permission: Permission) -> str:
    what = f"{_rule(permission)} for {permission.resource}" if _rule(permission) else permission.resource
    return f"{what} until {permission.expires}"


def all_covered(own: Sequence[str], theirs: Sequence[str]) -> bool:
    """Whether each pattern matches only what one of the others matches."""
    return all(_covered(each, theirs) for each in own)


def _covered(pattern: str, patterns: Sequence[str]) -> bool:
    """Whether one of the patterns matches all that a pattern matches; a `*` in a text matches only another `*`."""
    return any(fnmatch.fnmatchcase(pattern, each) for each in patterns)


def _list(values: Sequence[str], empty: str = "none") -> str:
    return ", ".join(values) or empty

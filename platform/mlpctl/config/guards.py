"""Settings that protect a stack, and a comparison of the protection of two stacks."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Network, collapse_addresses
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from mlpctl.config.grants import Wider, all_covered, wider
from mlpctl.config.platform import Platform
from mlpctl.config.problems import Keys, dotted
from mlplatform.registries.image_registry.spec import Scanning
from mlplatform.security.cluster_guardrails.spec import Enforcement
from mlplatform.security.guarded_namespace import PodSecurity
from mlplatform.security.workload_identity.spec import BucketUse, ImageUse, QueueUse

AtLeastAsStrict = Callable[[Any, Any], bool]
"""Whether the first of two values protects at least as well as the second."""


class Against(Enum):
    """What a setting protects against."""

    INTRUDERS = "intruders"
    LOSS = "loss"
    COST = "cost"


@dataclass(frozen=True)
class Guard:
    """A setting that protects a stack."""

    against: Against
    holds: AtLeastAsStrict
    by_name: bool = False
    """Whether an entry of a mapping is compared only with the entry of the same name."""

    alike: str = ""
    """A field of the entry. Entries of different names are compared only if they have the same value in it."""


def _more(one: Any, other: Any) -> bool:
    return bool(one >= other)


def _less(one: Any, other: Any) -> bool:
    return bool(one <= other)


def _every(one: Any, other: Any) -> bool:
    return {*one} >= {*other}


def _only(one: Any, other: Any) -> bool:
    return {*one} <= {*other}


def _only_networks(one: Any, other: Any) -> bool:
    """Whether the networks of `other` contain every network of `one`."""
    wide = [*collapse_addresses(map(IPv4Network, other))]
    return all(any(network.subnet_of(each) for each in wide) for network in map(IPv4Network, one))


def _only_ports(one: Any, other: Any) -> bool:
    """Whether `other` allows every port of every network that `one` allows."""
    return all(
        _only_networks([rule["cidr"]], [each["cidr"] for each in other if port in each["ports"]])
        for rule in one
        for port in rule["ports"]
    )


def _only_registries(one: Any, other: Any) -> bool:
    """Whether every registry, or part of one, of `one` is a registry of `other` or a part of one."""
    return all(f"{each}/".startswith(tuple(f"{registry}/" for registry in other)) for each in one)


def _only_these(one: Any, other: Any) -> bool:
    """Like `_only`, for a list that allows everything if it is empty."""
    return not other or bool(one)


def _there(one: Any, other: Any) -> bool:
    return one is not None or other is None


def _in_order(kinds: Iterable[Enum]) -> AtLeastAsStrict:
    """Compares values of an enumeration, from the least strict one to the strictest."""
    order = [each.value for each in kinds]
    return lambda one, other: order.index(one) >= order.index(other)


_scanned = _in_order(Scanning)
_enforced = _in_order(Enforcement)
_standard = _in_order([PodSecurity.BASELINE, PodSecurity.RESTRICTED])


def _no_more_access(one: Any, other: Any) -> bool:
    """Whether `other` has every access that `one` has."""
    return all(
        name in other
        and RIGHTS[_use(access)] <= RIGHTS[_use(other[name])]
        and _prefix(access).startswith(_prefix(other[name]))
        for name, access in one.items()
    )


def _use(access: Any) -> str:
    return str(access["access"] if isinstance(access, dict) else access)


def _prefix(access: Any) -> str:
    return str(access["prefix"] if isinstance(access, dict) else "")


RIGHTS: Final[Mapping[str, frozenset[str]]] = {
    use.value: frozenset({use.value}) for kind in (BucketUse, ImageUse, QueueUse) for use in kind
} | {
    BucketUse.READ_WRITE.value: frozenset({BucketUse.READ.value, BucketUse.WRITE.value}),
    ImageUse.PUSH.value: frozenset({ImageUse.PULL.value, ImageUse.PUSH.value}),
}
"""The rights that each kind of access of a workload includes."""

_NAMESPACES: Final[Mapping[str, Guard]] = {
    "namespaces.*.callers": Guard(Against.INTRUDERS, _only, by_name=True),
    "namespaces.*.calls": Guard(Against.INTRUDERS, _only, by_name=True),
    "namespaces.*.egress": Guard(Against.INTRUDERS, _only_networks, by_name=True),
    "namespaces.*.egressRules": Guard(Against.INTRUDERS, _only_ports, by_name=True),
    "namespaces.*.podSecurity": Guard(Against.INTRUDERS, _standard, by_name=True),
    "namespaces.*.s3": Guard(Against.INTRUDERS, _less, by_name=True),
}
"""The guards of namespaces that the platform or a team creates, by their path in the section."""

GUARDS: Final[Mapping[str, Guard]] = {
    "allowedAccounts": Guard(Against.INTRUDERS, _only_these),
    "buckets.*.noncurrentDays": Guard(Against.LOSS, _more, alike="role"),
    "buckets.*.retain": Guard(Against.LOSS, _more, alike="role"),
    "cluster.creatorIsAdmin": Guard(Against.INTRUDERS, _less),
    "cluster.deletionProtection": Guard(Against.LOSS, _more),
    "cluster.logDays": Guard(Against.INTRUDERS, _more),
    "cluster.logTypes": Guard(Against.INTRUDERS, _every),
    "cluster.nodeSessions": Guard(Against.INTRUDERS, _less),
    "cluster.privateAccessCidrs": Guard(Against.INTRUDERS, _only_networks),
    "cluster.privateAccessSecurityGroups": Guard(Against.INTRUDERS, _only),
    "cluster.publicAccessCidrs": Guard(Against.INTRUDERS, _only_networks),
    "cost.maxMonthlyDeltaUsd": Guard(Against.COST, _there),
    "cost.maxMonthlyUsd": Guard(Against.COST, _there),
    "guardrails.allowedRegistries": Guard(Against.INTRUDERS, _only_registries),
    "guardrails.enforcement.gpuNodes": Guard(Against.INTRUDERS, _enforced),
    "guardrails.enforcement.hostAccess": Guard(Against.INTRUDERS, _enforced),
    "guardrails.enforcement.images": Guard(Against.INTRUDERS, _enforced),
    "guardrails.enforcement.resources": Guard(Against.INTRUDERS, _enforced),
    "guardrails.enforcement.services": Guard(Against.INTRUDERS, _enforced),
    "guardrails.exemptNamespaces": Guard(Against.INTRUDERS, _only),
    **{f"guardrails.{path}": each for path, each in _NAMESPACES.items()},
    "guardrails.priorityClasses": Guard(Against.INTRUDERS, _only),
    "images.account.replicateTo": Guard(Against.LOSS, _every),
    "images.account.scanning": Guard(Against.INTRUDERS, _scanned),
    "images.repositories.*.keepNewest": Guard(Against.LOSS, _more),
    "images.repositories.*.mutableTags": Guard(Against.INTRUDERS, all_covered),
    "images.repositories.*.retain": Guard(Against.LOSS, _more),
    "images.repositories.*.scanOnPush": Guard(Against.INTRUDERS, _more),
    "images.repositories.*.sharedWith": Guard(Against.INTRUDERS, _only),
    "inference.*.callers": Guard(Against.INTRUDERS, _only),
    "inference.*.egress": Guard(Against.INTRUDERS, _only_networks),
    "inference.*.egressRules": Guard(Against.INTRUDERS, _only_ports),
    "keys.deletionWindowDays": Guard(Against.LOSS, _more),
    "keys.perDomain": Guard(Against.INTRUDERS, _more),
    "keys.retain": Guard(Against.LOSS, _more),
    "keys.rotationDays": Guard(Against.INTRUDERS, _less),
    "network.existing.flowLogs": Guard(Against.INTRUDERS, _more),
    "network.flowLogDays": Guard(Against.INTRUDERS, _more),
    "network.otherAccounts": Guard(Against.INTRUDERS, _only),
    "network.readableBuckets": Guard(Against.INTRUDERS, _only),
    "permissionsBoundary": Guard(Against.INTRUDERS, _there),
    "policies.packs": Guard(Against.INTRUDERS, _every),
    "protect": Guard(Against.LOSS, _more),
    "sharedFilesystems.*.accessPoints.*.namespaces": Guard(Against.INTRUDERS, _only, by_name=True),
    "sharedFilesystems.*.backup": Guard(Against.LOSS, _more),
    "sharedFilesystems.*.ownKey": Guard(Against.INTRUDERS, _more),
    "sharedFilesystems.*.retain": Guard(Against.LOSS, _more),
    "teams.*.editors": Guard(Against.INTRUDERS, _only, by_name=True),
    **{f"teams.*.{path}": each for path, each in _NAMESPACES.items()},
    "teams.*.serviceAccounts.*.buckets": Guard(Against.INTRUDERS, _no_more_access, by_name=True),
    "teams.*.serviceAccounts.*.images": Guard(Against.INTRUDERS, _no_more_access, by_name=True),
    "teams.*.viewers": Guard(Against.INTRUDERS, _only, by_name=True),
    "workloads.*.buckets": Guard(Against.INTRUDERS, _no_more_access, by_name=True),
    "workloads.*.images": Guard(Against.INTRUDERS, _no_more_access, by_name=True),
    "workloads.*.queues": Guard(Against.INTRUDERS, _no_more_access, by_name=True),
    "workloads.*.secrets": Guard(Against.INTRUDERS, _only, by_name=True),
}
"""The guards by their path in a stack file; `*` stands for every entry of a mapping. True is more than False."""


@dataclass(frozen=True)
class Weaker:
    """A guard that is weaker in one stack than in another."""

    path: str
    """Its path in the weaker stack."""

    value: Any
    than: Any
    against: Against
    lapses: bool = False
    """Whether a person answers for it until its last day: a waiver or an approval."""


def weaker(
    one: Platform,
    other: Platform,
    against: Iterable[Against] = Against,
    mandatory: Callable[[str], Container[str]] = lambda profile: (),
) -> list[Weaker]:
    """The guards that are weaker in `one` than in `other`.

    Entries of mappings are compared by name. An entry that only `one` has is compared with every entry of `other`,
    or every one that is alike, unless its guard is compared by name only. A guard of an entry that only `other` has is
    not a weakness. What the stacks allow people and exempt from rules is compared by `grants.wider`.

    Args:
        one: a stack.
        other: the stack that it is compared with.
        against: the threats.
        mandatory: the IDs of the rules that are mandatory in a profile.
    """
    own, theirs = (each.model_dump(mode="json", by_alias=True) for each in (one, other))
    wanted, kinds = _values(theirs), {*against}
    found = []
    for (pattern, path), value in _values(own).items():
        guard = GUARDS[pattern]
        if (pattern, path) in wanted:
            others = [wanted[pattern, path]]
        elif guard.by_name:
            others = []
        else:
            like = _alike(own, path, guard)
            others = [
                each for (where, its), each in wanted.items() if where == pattern and _alike(theirs, its, guard) == like
            ]
        missed = next((each for each in others if not guard.holds(value, each)), None)
        if missed is not None and guard.against in kinds:
            found.append(Weaker(dotted(path), value, missed, guard.against))
    allowed = ((each, _threats(each) & kinds) for each in wider(one, other, mandatory))
    return found + [
        Weaker(dotted(each.path), each.value, each.than, next(kind for kind in Against if kind in threats), each.lapses)
        for each, threats in allowed
        if threats
    ]


def _threats(allowed: Wider) -> set[Against]:
    """The threats that something allowed opens a way for."""
    return {kind for kind, it_does in ((Against.INTRUDERS, allowed.opens), (Against.LOSS, allowed.loses)) if it_does}


def table(found: Iterable[Weaker], one: str, other: str) -> Table:
    """Format weaker guards as a table for a terminal."""
    result = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Setting", one, other, "Protects against"):
        result.add_column(heading, overflow="fold", no_wrap=heading == "Setting")
    for each in found:
        result.add_row(*(Text(written(cell)) for cell in (each.path, each.value, each.than, each.against.value)))
    return result


def _alike(data: Any, path: Keys, guard: Guard) -> Any:
    """What the entry of a guard has in common with those that it is compared with."""
    if not guard.alike:
        return None
    for key in path[:-1]:
        data = data[key]
    return data[guard.alike]


def _values(data: Any) -> dict[tuple[str, Keys], Any]:
    """The value of every guard of a platform, by pattern and path."""
    return {(pattern, path): value for pattern in GUARDS for path, value in _at(data, tuple(pattern.split(".")), ())}


def _at(node: Any, pattern: tuple[str, ...], path: Keys) -> Iterator[tuple[Keys, Any]]:
    if not pattern:
        yield path, node
        return
    first, *rest = pattern
    for key in (node or ()) if first == "*" or node is None else (first,):
        yield from _at(node[key], tuple(rest), (*path, key))


def written(value: Any) -> str:
    """Format the value of a guard."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return (
            ", ".join(f"{name}: {_use(access)} {_prefix(access)}".rstrip() for name, access in value.items()) or "none"
        )
    if isinstance(value, list):
        return ", ".join(_entry(each) for each in value) or "none"
    return str(value)


def _entry(value: Any) -> str:
    """Format an entry of a list: text, or a rule with a network and ports."""
    return f"{value['cidr']} {', '.join(map(str, value['ports']))}" if isinstance(value, dict) else str(value)

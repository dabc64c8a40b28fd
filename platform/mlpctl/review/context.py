"""A plan with derived facts that several checks use."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from mlpctl.review import claims
from mlpctl.review.apart import Apart
from mlpctl.review.containers import own_names
from mlpctl.review.exposure import Exposures
from mlpctl.review.plan import Change, Op, Plan
from mlpctl.review.reach import Reaches
from mlpctl.review.report import Difference
from mlpctl.review.targets import Targets
from mlpctl.review.values import Unknown

_STAYS: Final = frozenset({Op.SAME, Op.UPDATE, Op.IMPORT, Op.READ, Op.REFRESH})


@dataclass(frozen=True)
class Context:
    """A plan with derived facts that are computed once."""

    plan: Plan

    @cached_property
    def by_id(self) -> Mapping[str, Change]:
        """Existing resources by their provider IDs."""
        return {each.id: each for each in self.plan if each.custom and each.id}

    @cached_property
    def comes_by_name(self) -> frozenset[str]:
        """Names that only new resources have: other resources may use these names instead of references."""
        comes, stays = set[str](), set[str]()
        for each in self.plan:
            if each.custom:
                (comes if each.op in (Op.CREATE, Op.REPLACE) else stays).update(own_names(each.type, each.new or {}))
        return frozenset(comes - stays)

    @cached_property
    def changing_users(self) -> frozenset[str]:
        """URNs of the dependencies of all changing resources."""
        changing = (each for each in self.plan if each.op not in (Op.SAME, Op.READ))
        return frozenset(urn for each in changing for found in each.depends.values() for urn in found)

    @cached_property
    def made_with(self) -> Counter[str]:
        """Number of resources by provider."""
        return Counter(each.provider for each in self.plan if each.custom)

    @cached_property
    def exposures(self) -> Exposures:
        """What the plan opens to the internet."""
        return Exposures(self.plan, self.targets)

    @cached_property
    def targets(self) -> Targets:
        """The old and new targets of the plan's grants and rules."""
        return Targets(self.plan, self.by_id, self.named)

    @cached_property
    def reaches(self) -> Reaches:
        """The traffic that the plan's security groups allow."""
        return Reaches(self.plan, self.targets)

    @cached_property
    def apart(self) -> Apart:
        """The settings that move between resources without a change."""
        return Apart(self.plan, self.named)

    @cached_property
    def policies(self) -> claims.Policies:
        """The reclaim policies of the plan's volumes and storage classes."""
        return claims.reclaim_policies(self.plan)

    @cached_property
    def compared(self) -> dict[tuple[str, str], tuple[Difference, ...]]:
        """The differences of properties that several watches compare, by URN and path."""
        return {}

    def exists(self, change: Change, name: str) -> bool:
        """Whether the resource that a property of a new resource, or a changed property, refers to already exists."""
        # A plan may omit unchanged resources.
        if any(urn not in self.plan.by_urn for urn in change.depends.get(name, ())):
            return True
        moves = self.targets.moves(change, name)
        if named := [*self.plan.causes(change, name)] if moves else self.named(change, name):
            return any(each.op in _STAYS for each in named)
        # A literal, or a value from another stack or a lookup, refers to an existing resource.
        value = (change.new or {}).get(name)
        if moves and isinstance(value, Unknown):
            return True
        return isinstance(value, str) and bool(value) and value not in self.comes_by_name

    def named(self, change: Change, name: str) -> tuple[Change, ...]:
        """The resources that a property refers to, by the plan's dependencies or by their IDs."""
        found = [*self.plan.causes(change, name)]
        for inputs in (change.old, change.new):
            value = (inputs or {}).get(name)
            if isinstance(value, str) and value in self.by_id:
                found.append(self.by_id[value])
        return tuple({each.urn: each for each in found if each.custom}.values())

"""A plan, and what dangers ask of it more than once."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from mlpctl.review import claims
from mlpctl.review.containers import own_names
from mlpctl.review.exposure import Exposures
from mlpctl.review.plan import Change, Op, Plan
from mlpctl.review.reach import Reaches

_STAYS: Final = frozenset({Op.SAME, Op.UPDATE, Op.IMPORT, Op.READ, Op.REFRESH})


@dataclass(frozen=True)
class Context:
    """A plan, and what is asked of it more than once."""

    plan: Plan

    @cached_property
    def by_id(self) -> Mapping[str, Change]:
        """What is there already, by the provider's ids, as other resources name it."""
        return {each.id: each for each in self.plan if each.custom and each.id}

    @cached_property
    def comes_by_name(self) -> frozenset[str]:
        """Names that only what the plan makes bears: by these other resources may name it without a reference."""
        comes, stays = set[str](), set[str]()
        for each in self.plan:
            if each.custom:
                (comes if each.op in (Op.CREATE, Op.REPLACE) else stays).update(own_names(each.type, each.new or {}))
        return frozenset(comes - stays)

    @cached_property
    def changing_users(self) -> frozenset[str]:
        """What something that changes is made from."""
        changing = (each for each in self.plan if each.op not in (Op.SAME, Op.READ))
        return frozenset(urn for each in changing for found in each.depends.values() for urn in found)

    @cached_property
    def made_with(self) -> Counter[str]:
        """How many resources each provider makes."""
        return Counter(each.provider for each in self.plan if each.custom)

    @cached_property
    def exposures(self) -> Exposures:
        """What the plan opens to the internet."""
        return Exposures(self.plan, self.named)

    @cached_property
    def reaches(self) -> Reaches:
        """What the plan's security groups let through."""
        return Reaches(self.plan, self.named, self.by_id)

    @cached_property
    def policies(self) -> claims.Policies:
        """What the plan's volumes and classes of volumes do with their files."""
        return claims.reclaim_policies(self.plan)

    def exists(self, change: Change, name: str) -> bool:
        """Whether what a property of a new resource names is there already."""
        # A plan need not list what stays as it is.
        if any(urn not in self.plan.by_urn for urn in change.depends.get(name, ())):
            return True
        if named := self.named(change, name):
            return any(each.op in _STAYS for each in named)
        # What the program names by a literal, or by what another stack or a look-up says, is there already.
        value = (change.new or {}).get(name)
        return isinstance(value, str) and bool(value) and value not in self.comes_by_name

    def named(self, change: Change, name: str) -> tuple[Change, ...]:
        """The resources that a property names: by the plan's dependencies, or by their ids."""
        found = [*self.plan.causes(change, name)]
        for inputs in (change.old, change.new):
            value = (inputs or {}).get(name)
            if isinstance(value, str) and value in self.by_id:
                found.append(self.by_id[value])
        return tuple({each.urn: each for each in found if each.custom}.values())

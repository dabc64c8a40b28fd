"""A plan with derived facts that several checks use."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from mlpctl.review.firewalls.exposure import Exposures
from mlpctl.review.firewalls.reach import Reaches
from mlpctl.review.kubernetes import claims
from mlpctl.review.plan.model import Change, Op, Plan
from mlpctl.review.relations.apart import Apart
from mlpctl.review.relations.containers import own_names
from mlpctl.review.relations.owners import Owners, may_be
from mlpctl.review.relations.targets import Targets
from mlpctl.review.report.model import Difference
from mlpctl.review.values.plain import Unknown, document

_STAYS: Final = frozenset({Op.SAME, Op.UPDATE, Op.IMPORT, Op.READ, Op.REFRESH})


@dataclass(frozen=True)
class Context:
    """A plan with derived facts that are computed once."""

    plan: Plan
    twins: Mapping[str, Change] = field(default_factory=dict)
    """The deleted twins of the resources that count as updated although they are created, by the URN of these."""

    @cached_property
    def gone_twins(self) -> frozenset[str]:
        """URNs of the deleted twins."""
        return frozenset(each.urn for each in self.twins.values())

    @cached_property
    def by_id(self) -> Owners:
        """Existing resources by their provider IDs."""
        return Owners(self.plan)

    @cached_property
    def types_by_name(self) -> Mapping[str, Mapping[str, bool]]:
        """The types of the resources with a name, and whether one exists before the update.

        Other resources may use these names instead of references.
        """
        found: dict[str, dict[str, bool]] = defaultdict(dict)
        for each in self.plan:
            if each.custom:
                stays = each.op not in (Op.CREATE, Op.REPLACE)
                for name in own_names(each.type, each.new or {}):
                    found[name][each.type] = stays or found[name].get(each.type, False)
        return found

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
        return Targets(self.plan, self.by_id, self.owners)

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
        if named := self._causes(change, name) if moves else self.owners(change, name):
            return any(each.op in _STAYS for each in named)
        # A literal, or a value from another stack or a lookup, refers to an existing resource.
        value = (change.new or {}).get(name)
        if moves and isinstance(value, Unknown):
            return True
        return isinstance(value, str) and bool(value) and not self._comes_by_name(change, name, value)

    def _comes_by_name(self, change: Change, name: str, value: str) -> bool:
        """Whether only new resources have the name, or one of the names in the JSON text, that a property contains."""
        if document(value):
            service = change.type.rpartition(":")[0].partition("/")[0]
            named = (self.types_by_name.get(each, {}) for each in set(re.findall(r"[\w.-]+", value)))
            others = [each for types in named for each in types.items() if each[0] != change.type]
            return any(type.startswith(service) and not stays for type, stays in others)
        # A grant may have the name of what it is for as its own.
        types = {type: stays for type, stays in self.types_by_name.get(value, {}).items() if type != change.type}
        fitting = [stays for type, stays in types.items() if may_be(change.type, name, type)]
        return bool(fitting) and not any(fitting)

    def named(self, change: Change, name: str) -> tuple[Change, ...]:
        """The resources that a property depends on, by the plan's dependencies or by their IDs."""
        found = [*self.plan.causes(change, name)]
        for inputs in (change.old, change.new):
            found += self.by_id.find(change, name, (inputs or {}).get(name))
        return tuple({each.urn: each for each in found if each.custom}.values())

    def owners(self, change: Change, name: str, side: str = "new") -> tuple[Change, ...]:
        """The resources that a property refers to, such as the bucket of a setting, and not other settings of it."""
        sides = (change.old, change.new) if side == "old" else (change.new, change.old)
        for inputs in sides:
            if found := self.by_id.find(change, name, (inputs or {}).get(name)):
                return found
        return self._causes(change, name)

    def _causes(self, change: Change, name: str) -> tuple[Change, ...]:
        """The resources that a property refers to, by the plan's dependencies.

        `bucket` of a setting may depend on the same property of another setting, which then leads to the bucket.
        """
        found: dict[str, Change] = {}
        seen: set[str] = set()
        waiting = [each for each in self.plan.causes(change, name) if each.custom]
        while waiting:
            each = waiting.pop()
            if each.urn in seen:
                continue
            seen.add(each.urn)
            onward = () if may_be(change.type, name, each.type) or name not in each.inputs else self._onward(each, name)
            waiting += onward
            if not onward:
                found[each.urn] = each
        fitting = [each for each in found.values() if may_be(change.type, name, each.type)]
        return tuple(fitting or found.values())

    def _onward(self, change: Change, name: str) -> Sequence[Change]:
        by_id = self.by_id.find(change, name, change.inputs.get(name))
        return by_id or [each for each in self.plan.causes(change, name) if each.custom]

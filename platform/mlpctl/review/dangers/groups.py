"""Groups the changes of a plan by component."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from mlpctl import urns
from mlpctl.review.compare.paths import value_at
from mlpctl.review.dangers import reasons
from mlpctl.review.dangers.context import Context
from mlpctl.review.plan.model import Change, Op, Plan
from mlpctl.review.report.cost import Money
from mlpctl.review.report.model import Certainty, Difference, Group, Row, Unknowns
from mlpctl.review.report.wording import ALONE
from mlpctl.review.types.kinds import UNLISTED_FACTS, kind
from mlpctl.review.values.plain import Value, dotted
from mlpctl.review.values.short import short

MAX_FACTS: Final = 6
"""Maximum number of facts of one resource."""

_UNCHANGED: Final = frozenset({Op.SAME, Op.READ})
_OP_ORDER: Final = [Op.DELETE, Op.REPLACE, Op.UPDATE, Op.CREATE, Op.IMPORT, Op.FORGET, Op.REFRESH, Op.GONE]


def component_of(plan: Plan, change: Change) -> str:
    """Class and name of the outermost component of a resource, `GpuNodePool inference`; empty if it has none.

    A resource that creates others, such as a Terraform module, also counts as a component.
    """
    top = plan.component(change)
    found = plan.by_urn.get(top)
    if top in plan.makers:
        return f"{urns.class_name(top)} {urns.name(top)}"
    # A parent that the plan does not contain is known only by its URN; it counts as a component.
    if top == change.urn and change.custom:
        return ""
    if found is not None and found.custom:
        return ""
    return f"{urns.class_name(top)} {urns.name(top)}"


def counts(plan: Plan) -> dict[Op, int]:
    """Number of resources by operation, without components and providers."""
    return _counted(plan.changes)


def groups(plan: Plan, monthly_delta_usd: Mapping[str, Money] | None = None) -> tuple[Group, ...]:
    """The changes by outermost component; resources without a component come last.

    `monthly_delta_usd` contains the change of the cost by component title, or `ALONE`.
    """
    members: dict[str, list[Change]] = {}
    for change in plan:
        if change.custom and change.op not in _UNCHANGED and not is_default_provider(change):
            members.setdefault(component_of(plan, change) or ALONE, []).append(change)
    made = []
    context = Context(plan)
    for title in sorted(members, key=lambda each: (each == ALONE, each)):
        changes = sorted(members[title], key=_place)
        top = plan.component(changes[0])
        made.append(
            Group(
                title=title,
                words="" if title == ALONE else kind(urns.kind(top)).words,
                counts=_counted(changes),
                monthly_delta_usd=(monthly_delta_usd or {}).get(title),
                rows=tuple(row(change, context) for change in changes),
            )
        )
    return tuple(made)


def row(change: Change, context: Context | None = None) -> Row:
    """The row of a changed resource; `context` is its plan, if any."""
    context = context or Context(Plan((change,)))
    found = context.plan.differs(change)
    return Row(
        urn=change.urn,
        name=change.name,
        type=change.type,
        words=kind(change.type).words,
        op=change.op,
        certainty=Certainty.MAY if change.forced_by_unknown else Certainty.WILL,
        differences=found.shown,
        noise=found.noise,
        more=found.more,
        facts=_facts(change),
        retained=change.retained,
        reasons=tuple(reasons.besides(context, change)),
    )


def unknowns(plan: Plan) -> tuple[Unknowns, ...]:
    """The resources with unknown inputs."""
    return tuple(
        Unknowns(urn=change.urn, name=change.name, words=kind(change.type).words, paths=paths)
        for change in sorted(plan, key=lambda each: (kind(each.type).words, each.name, each.urn))
        if change.custom and change.op not in _UNCHANGED and (paths := _unknown_paths(change))
    )


def _unknown_paths(change: Change) -> tuple[str, ...]:
    # Every tag occurs twice: in `tags`, and in `tagsAll` with the provider's default tags.
    return tuple(dotted(path) for path in change.unknowns if path[:1] != ("tagsAll",))


def _place(change: Change) -> tuple[int, str, str, str]:
    """Sort key of a resource, independent of the engine's order."""
    return _OP_ORDER.index(change.op), kind(change.type).words, change.name, change.urn


def _facts(change: Change) -> tuple[Difference, ...]:
    """The most important inputs of a created or removed resource; none for others."""
    if (change.old is None) == (change.new is None):
        return ()
    comes = change.old is None
    found = []
    for path in kind(change.type).facts or UNLISTED_FACTS:
        value: Value = value_at(change.inputs, path)
        if value not in (None, "", [], {}):
            # A list with one item is shown as the item.
            text = short(value[0] if isinstance(value, list) and len(value) == 1 else value)
            found.append(Difference(path=path, old=None if comes else text, new=text if comes else None, forces=False))
    return tuple(found[:MAX_FACTS])


def is_counted(change: Change) -> bool:
    """Whether it is a resource in a cloud: not a component, a provider or the stack itself."""
    return change.custom and not change.is_provider and change.type != urns.STACK_TYPE


def _counted(changes: "tuple[Change, ...] | list[Change]") -> dict[Op, int]:
    counted = Counter(each.op for each in changes if is_counted(each))
    return {op: counted[op] for op in Op if counted[op]}


def is_default_provider(change: Change) -> bool:
    """Whether it is a default provider, which the engine creates if the program names none."""
    return change.is_provider and urns.name(change.urn).startswith("default")

"""Why the engine replaces or deletes a resource: the properties that force it, or another reason that it names.

If no property forces a replacement, the engine reports a key that is not a property, or none:
`pkg/resource/deploy/step_generator.go` of Pulumi, `diff` and `applyReplaceOnChanges`.
"""

from collections.abc import Iterator
from typing import Final

from mlpctl.review.dangers.context import Context
from mlpctl.review.plan.finding import line
from mlpctl.review.plan.model import PROVIDER, Change, Op
from mlpctl.review.types.kinds import kind
from mlpctl.review.values.plain import UNKNOWN, root
from mlpctl.text import all_of

_HAPPENS: Final = {
    Op.CREATE: "is created",
    Op.UPDATE: "changes",
    Op.REPLACE: "is replaced",
    Op.DELETE: "is deleted",
    Op.IMPORT: "is imported",
}


UNPROTECTED: Final = "protect: true → false"
UNRETAINED: Final = "retainOnDelete: true → false"
NO_REASON: Final = "the engine gives no reason"


def forcing(context: Context, change: Change) -> Iterator[str]:
    """The reasons for a replacement or deletion, with the sources of unknown values."""
    if change.op is Op.REPLACE:
        yield from _properties(context, change)
    yield from _others(context, change)


def besides(context: Context, change: Change) -> Iterator[str]:
    """The reasons for a change other than its properties, and protection that is removed."""
    yield from _others(context, change)
    if change.unprotected:
        yield UNPROTECTED
    if change.unretained:
        yield UNRETAINED


def _others(context: Context, change: Change) -> Iterator[str]:
    """The reasons for a replacement or deletion other than properties."""
    if change.op is Op.DELETE:
        yield from _deleted_with(context, change)
    if change.op is Op.REPLACE:
        found = [*_options(context, change)]
        yield from found
        if not found and not any(each.forces for each in context.plan.differs(change).shown):
            yield from _dependencies(context, change)


def _options(context: Context, change: Change) -> Iterator[str]:
    """Reasons for a replacement that are not properties of the resource."""
    blamed = {key for key in change.forced_by if key not in (change.old or {}) and key not in (change.new or {})}
    if change.tainted:
        yield "it is tainted"
    elif "id" in blamed:
        yield "an option of the preview requests its replacement"
    if "replaceWith" in blamed or (change.replaced_with and not change.forced_by):
        with_it = (context.plan.by_urn.get(urn) for urn in change.replaced_with)
        names = [_called(each) for each in with_it if each and each.op is Op.REPLACE]
        yield f"replaceWith: {all_of(names)} {'is' if len(names) == 1 else 'are'} replaced" if names else "replaceWith"
    if PROVIDER in blamed:
        provider = context.plan.by_urn.get(change.provider)
        replaced = provider is not None and provider.op is Op.REPLACE
        if provider and replaced:
            yield _replaced_provider(context, provider)
        elif not _moves(change):
            yield "its provider changes"
    if "#initerror" in blamed:
        yield "its last creation or update failed partway"
    if change.triggered:
        yield "its replacementTrigger changes"


def _moves(change: Change) -> bool:
    """Whether the resource moves to a provider with another name."""
    return bool(change.old_provider) and change.provider != change.old_provider


def _replaced_provider(context: Context, provider: Change) -> str:
    happens = "may be replaced" if provider.forced_by_unknown else "is replaced"
    why = next((each for each in forcing(context, provider) if each != NO_REASON), "")
    return f"its provider {provider.name} {happens}" + (f", since {why}" if why else "")


def sources(context: Context, change: Change, path: str) -> str:
    """The changes that an unknown value depends on, as the end of a sentence."""
    moving = [each for each in context.named(change, root(path)) if each.op in _HAPPENS]
    moving.sort(key=lambda each: (each.op is not Op.REPLACE, each.urn))
    found = [f"{_called(each)} {_HAPPENS[each.op]}" for each in moving[:2]]
    more = [f"{len(moving) - 2} more change"] if len(moving) > 2 else []
    return f", since {' and '.join([*found, *more])}" if found else ""


def _properties(context: Context, change: Change) -> Iterator[str]:
    """The properties that force a replacement."""
    asked = {root(each) for each in change.replaces_on}
    for each in context.plan.differs(change).shown:
        # A provider, the engine's own key, only differs if its name does.
        if each.forces and (each.path != PROVIDER or PROVIDER in (change.new or {}) or _moves(change)):
            source = sources(context, change, each.path) if each.new == str(UNKNOWN) else ""
            by_program = " (by replaceOnChanges)" if "*" in asked or root(each.path) in asked else ""
            yield line(each) + source + by_program


def _dependencies(context: Context, change: Change) -> Iterator[str]:
    """Reasons for a replacement for which the engine reports no property."""
    provider = context.plan.by_urn.get(change.provider)
    if provider and provider.op is Op.REPLACE:
        yield _replaced_provider(context, provider)
        return
    if change.pending:
        yield "an interrupted update already deleted it"
        return
    urns = dict.fromkeys([urn for each in change.depends.values() for urn in each] + [*change.after])
    gone = [each for urn in urns if (each := context.plan.by_urn.get(urn)) and each.op is Op.REPLACE]
    if gone:
        verb = "is" if len(gone) == 1 else "are"
        yield f"{all_of([_called(each) for each in gone[:3]])} {verb} replaced"
        return
    yield NO_REASON


def _deleted_with(context: Context, change: Change) -> Iterator[str]:
    whole = context.plan.by_urn.get(change.deleted_with)
    if whole and whole.op in (Op.DELETE, Op.REPLACE):
        yield f"deletedWith: {_called(whole)} {_HAPPENS[whole.op]}"


def _called(change: Change) -> str:
    return f"{kind(change.type).words} {change.name}"

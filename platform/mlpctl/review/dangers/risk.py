"""Finds the dangers of a plan: loss of data, capacity, serving and permissions."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from awsfacts.records import Holding, Record
from mlpctl.review.compare.paths import holds
from mlpctl.review.dangers import aws_forms, reasons, watched
from mlpctl.review.dangers.context import Context
from mlpctl.review.dangers.groups import component_of
from mlpctl.review.dangers.renamed import renamed
from mlpctl.review.dangers.watch_tests import joined
from mlpctl.review.firewalls import reach
from mlpctl.review.kubernetes import claims, kubernetes_forms
from mlpctl.review.lifecycle.expiry import expiries
from mlpctl.review.plan.finding import HARMS, Finding, Tier
from mlpctl.review.plan.model import Change, Op, Plan
from mlpctl.review.reading import retention
from mlpctl.review.relations.containers import left_in
from mlpctl.review.report.model import Certainty, Danger, Harm
from mlpctl.review.types.kinds import kind

MAX_CAUSES: Final = 5
"""Maximum number of properties that a danger names."""

MOVES: Final = "the new one has another address, which its clients have to use"
"""Effect of the replacement of a resource with an address."""

_GOES: Final = frozenset({Op.DELETE, Op.REPLACE})
_OF_THE_NEW_ONE: Final = frozenset({Harm.IDENTITY})
"""Harms of a changed property that also apply if the old resource is retained and only the new one has the change."""

_HARM_ORDER: Final = [*Harm]
_OP_ORDER: Final = [Op.DELETE, Op.REPLACE, Op.FORGET, Op.UPDATE]

_THEN: Final = {
    Holding.DATA: "its data is lost",
    Holding.CAPACITY: "its capacity is released",
    Holding.SERVING: "it stops serving",
    Holding.IDENTITY: "permissions change",
}
"""Effect of a deletion, for types whose record does not describe it."""

_VERBS: Final = {Op.CREATE: "Creates", Op.SAME: "Unprotects", Op.DELETE: "Deletes", Op.REPLACE: "Replaces"}


def dangers(plan: Plan) -> tuple[Danger, ...]:
    """The dangers of a plan, worst first; the order is deterministic."""
    context = Context(*renamed(plan))
    found: list[tuple[tuple[Any, ...], Danger]] = []
    for change in context.plan:
        if not change.custom or change.op is Op.READ:
            continue
        by_harm: dict[Harm, list[Finding]] = {}
        for finding in _findings(context, change):
            by_harm.setdefault(finding.harm, []).append(finding)
        if Harm.DATA in by_harm and (weaker := by_harm.pop(Harm.PROTECTION, None)):
            by_harm[Harm.DATA] += [replace(each, harm=Harm.DATA) for each in weaker]
        found += [_ranked(context, change, findings) for findings in by_harm.values()]
    return tuple(danger for _, danger in sorted(found, key=lambda each: each[0]))


def _findings(context: Context, change: Change) -> Iterator[Finding]:
    """All findings about a change."""

    def exists(name: str) -> bool:
        return context.exists(change, name)

    if (reach.is_rule(change) and context.reaches.same(change)) or context.apart.takes(change):
        return
    if change.op in _GOES or change.op is Op.FORGET:
        # What the deletion of a twin may remove is reported for the created one, except for data.
        ends = (each for each in _going(context, change) if each.harm is Harm.DATA)
        yield from ends if change.urn in context.gone_twins else _going(context, change)
    if gone := context.twins.get(change.urn):
        yield from _same_as(context, gone)
    exposed = [*context.exposures.of(change, exists)]
    yield from (each.finding for each in exposed)
    if change.op in (Op.UPDATE, Op.REPLACE):
        same_form = aws_forms.aligned(kubernetes_forms.aligned(change))
        changing = watched.changing(context, same_form, reported={name for each in exposed for name in each.roots})
        # A replacement that retains the old resource destroys nothing.
        left = change.retained and change.op is Op.REPLACE
        others = (*watched.weakening(same_form), *watched.moving(context, change))
        yield from (each for each in (*changing, *others) if not left or each.harm in _OF_THE_NEW_ONE)
    if change.op is Op.CREATE:
        yield from watched.coming(context, change)
    if change.op in (Op.CREATE, Op.UPDATE, Op.REPLACE):
        yield from expiries(change, exists=exists, named=lambda name: context.owners(change, name))
    for each in claims.claims_lost(context.policies, change):
        yield replace(each, because=(*each.because, *reasons.forcing(context, change)))
    if change.op in (Op.SAME, Op.UPDATE, Op.REPLACE):
        yield from _unguarded(change)


def _going(context: Context, change: Change) -> Iterator[Finding]:
    """What is lost with a resource that is deleted, replaced or no longer managed."""
    found = kind(change.type)
    old = change.old or change.inputs
    safe = (found.restorable_from_inputs and change.op is Op.REPLACE) or not holds(old, found.data_if)
    holdings = [each for each in found.holds if not (safe and each is Holding.DATA)]
    if not holdings or (found.unless and holds(old, found.unless)) or claims.keeps_files(change):
        return
    kept = retention.kept_data(change.type, old) or claims.volume_kept(context.policies, change)
    kept = kept if holdings[0] is Holding.DATA else ""
    holdings = holdings[1:] if len(holdings) > 1 and kept else holdings
    holding = holdings[0]
    # A retained resource keeps its data; only the clients of its address have to change.
    if change.op is Op.FORGET or (change.retained and not (Holding.SERVING in holdings and found.moves)):
        return
    holding = Holding.SERVING if change.retained else holding
    if change.is_provider and (change.op is Op.DELETE or not context.made_with[change.urn]):
        return
    if found.part_of and _goes_too(context.owners(change, found.part_of, "old")):
        return
    comes_first = change.op is Op.REPLACE and not (change.deletes_first or found.moves)
    if holding is Holding.SERVING and comes_first and not kept:
        return
    may = change.forced_by_unknown
    verb = "Deletes" if change.op is Op.DELETE else "May replace" if may else "Replaces"
    scarce = watched.accelerators(context, change, "old") if Holding.CAPACITY in found.holds else ()
    orphans = claims.orphans(change)
    parts = [
        "its pods are retained but no longer managed"
        if orphans
        else _consequence(context, change, found, holding, kept),
        "" if change.retained else claims.claims_kept(change),
        *(note.says for note in found.notes if holds(old, note.when) and not change.retained),
        f"resources created with it: {context.made_with[change.urn]:,}" if change.is_provider else "",
        watched.scarcity(scarce),
        f"its deletion fails, since {left_in(change.held_by)} in it" if change.held_by else "",
    ]
    guarded = holding is Holding.DATA and bool(kept or found.guards)
    yield Finding(
        Harm.PROTECTION if guarded else HARMS[holding],
        _tier(found, holding, weaker=guarded or orphans or (holding is Holding.CAPACITY and not scarce)),
        f"{verb} {_called(change, found)}: {joined(parts)}",
        Certainty.MAY if may else Certainty.WILL,
        tuple(reasons.forcing(context, change)),
        lead=True,
    )


def _same_as(context: Context, gone: Change) -> Iterator[Finding]:
    """What may be lost of a created resource with the deletion of its twin."""
    part_of = kind(gone.type).part_of
    if part_of and any(each.op in _GOES for each in context.owners(gone, part_of, "old")):
        return
    for each in _going(context, gone):
        if each.harm is not Harm.DATA:
            lost = each.says.removeprefix(f"{_VERBS[Op.DELETE]} {_called(gone, kind(gone.type))}: ")
            same = f"{gone.name} is the same one, so that the creation fails, or the deletion of {gone.name} deletes it"
            yield replace(each, says=joined([same, lost]), lead=False)


def _goes_too(wholes: Sequence[Change]) -> bool:
    """Whether the resource that another one is a part of is deleted in the cloud too."""
    return bool(wholes) and all(each.op in _GOES and not each.retained for each in wholes)


def _tier(found: Record, holding: Holding, *, weaker: bool) -> Tier:
    """Severity of the loss of a resource."""
    if found.guards or weaker:
        return Tier.WEAKER
    return Tier.WORST if holding is Holding.DATA else Tier.LOST


def _consequence(context: Context, change: Change, found: Record, holding: Holding, kept: str) -> str:
    """Effect of the deletion or replacement of a resource."""
    if change.retained:
        moves = found.moves if isinstance(found.moves, str) else MOVES
        return f"{moves}; the old one stays in the cloud, but the stack no longer manages it"
    if kept:
        empty = ", but the new one starts without the old data" if change.op is Op.REPLACE else ""
        return joined([_stops(change, found, _THEN[holding]) if holding is Holding.SERVING else "", f"{kept}{empty}"])
    then = claims.volume_fate(context.policies, change) or found.then or _THEN[holding]
    if holding is Holding.SERVING:
        return _stops(change, found, then)
    before = change.deletes_first and change.op is Op.REPLACE and holding is Holding.CAPACITY
    return f"{then} before the new one exists" if before else then


def _stops(change: Change, found: Record, then: str) -> str:
    """Effect of the deletion or replacement of a resource that serves requests."""
    if change.op is not Op.REPLACE:
        return then
    if change.deletes_first:
        return f"{then} until the new one exists"
    return found.moves if isinstance(found.moves, str) else MOVES


def _unguarded(change: Change) -> Iterator[Finding]:
    """Protection that the program removes."""
    found = kind(change.type)
    if found.holds and change.unprotected:
        yield Finding(
            Harm.PROTECTION,
            Tier.WEAKER,
            f"the engine no longer rejects the deletion of {'the new one' if change.op is Op.REPLACE else 'it'}",
            because=(reasons.UNPROTECTED,),
        )
    if found.holds and change.unretained:
        what = "a deletion of the new one" if change.op is Op.REPLACE else "a deletion"
        says = f"{what} will no longer retain it in the cloud"
        yield Finding(Harm.PROTECTION, Tier.WEAKER, says, because=(reasons.UNRETAINED,))


def _ranked(context: Context, change: Change, findings: Sequence[Finding]) -> tuple[tuple[Any, ...], Danger]:
    """One danger from all findings of one harm, with its sort key."""
    found = kind(change.type)
    op = Op.CREATE if change.urn in context.twins else change.op
    lead = next((each for each in findings if each.lead), None)
    first = lead.says if lead else ""
    ends = [
        part for each in sorted(findings, key=lambda each: each.tier) if not each.lead for part in each.says.split("; ")
    ]
    says = joined(part for part in ends if part not in first)
    verb = "May replace" if change.forced_by_unknown else _VERBS.get(op, "Changes")
    text = joined([first, says]) if lead else f"{verb} {_called(change, found)}: {says}"
    if change.protected and change.op in _GOES:
        text += "; the engine rejects this, since it is protected"
    certain = any(each.certainty is Certainty.WILL for each in ([lead] if lead else findings))
    because = [*dict.fromkeys(each for finding in findings for each in finding.because)]
    harm = findings[0].harm
    danger = Danger(
        urn=change.urn,
        name=change.name,
        words=found.words,
        component=component_of(context.plan, change),
        op=op,
        harm=harm,
        certainty=Certainty.WILL if certain else Certainty.MAY,
        because=_limited(because),
        protected=change.protected,
        retained=change.retained or change.op is Op.FORGET,
        text=f"{text}.",
    )
    rank = (
        danger.retained and lead is not None,
        min(each.tier for each in findings),
        not certain,
        _HARM_ORDER.index(harm),
        _OP_ORDER.index(op) if op in _OP_ORDER else len(_OP_ORDER),
        change.urn,
    )
    return rank, danger


def _limited(texts: Sequence[str]) -> tuple[str, ...]:
    if len(texts) <= MAX_CAUSES:
        return tuple(texts)
    return (*texts[: MAX_CAUSES - 1], f"and {len(texts) - MAX_CAUSES + 1:,} more")


def _called(change: Change, found: Record) -> str:
    return f"the {found.words} {change.name}"

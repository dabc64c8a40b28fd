"""Writes a report as GitHub Markdown that never exceeds the size limit of a pull request comment."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from mlpctl import urns
from mlpctl.review.cost.book import MONTH_HOURS, STALE_DAYS
from mlpctl.review.report import wording
from mlpctl.review.report.cost import Cost, Limit, ResourceCost
from mlpctl.review.report.model import Certainty, Difference, Group, Report, Row
from mlpctl.review.writers import inert, markdown_rules
from mlpctl.review.writers.inert import cell, code, prose, prose_cell
from mlpctl.review.writers.losses import circle, loss_forms, losses, what
from mlpctl.review.writers.marker import marker
from mlpctl.review.writers.pieces import Fuller, Listing, Piece, Sequel, Whole, everything, share, size
from mlpctl.review.writers.verdict import LONGEST
from mlpctl.text import amount, change, number, shorten, visible

LIMIT: Final = 65_536
"""Maximum size in bytes of UTF-8. GitHub accepts 65,536 characters for the text of a pull request and 262,144 bytes for
a comment; a text of this many bytes never has more characters, whichever way they are counted."""

LEAST: Final = 32_768
"""The lowest limit at which the verdict and all counts always fit."""

MOST_NODES: Final = 24
"""Maximum number of components in the diagram; GitHub does not render diagrams of more than 50,000 characters."""

_MOST_STEPS: Final = 3
_MOST_UNCHANGED: Final = 6
"""Maximum number of resources with an unchanged cost that are listed."""

_MOST_FACTS: Final = 8
_MOST_DIFFERENCES: Final = 40
_MOST_PATHS: Final = 12
_MOST_REASONS: Final = 12
_NAME: Final = 120
_SHORT_NAME: Final = 80
_SHORTER_NAME: Final = 40
_VALUE: Final = 200
_MOST_LINES: Final = 20

_ALARMS: Final[Mapping[str, str]] = {"will": "CAUTION", "may": "WARNING", "fine": "NOTE"}
"""GitHub's alert types by the alert level of a review."""

_COLOURS: Final[Mapping[str, str]] = {
    "will": "fill:#ffebe9,stroke:#cf222e,color:#82071e",
    "may": "fill:#fff8c5,stroke:#bf8700,color:#633c01",
    "gone": "fill:#fff1e5,stroke:#bc4c00,color:#762c00",
    "changed": "fill:#ddf4ff,stroke:#0969da,color:#0a3069",
    "made": "fill:#dafbe1,stroke:#1a7f37,color:#0f5323",
}


def markdown(report: Report, limit: int = LIMIT) -> str:
    """Write a report of at most `limit` bytes.

    The verdict and every resource that is deleted, replaced or causes harm are always included: if there are many, by
    name alone, then as patterns such as `shard-{0001..0999}-bucket`. About 60,000 bytes of names that cannot be
    abbreviated fit, e.g. 2,000 names of 27 letters; beyond that, the report contains the number of the other names. All
    other sections shrink and say how much they leave out.
    """
    if limit < LEAST:
        raise ValueError(f"limit is {limit} bytes; allowed: at least {LEAST}")
    top, foot = _top(report), _foot(limit)
    others: list[tuple[Piece, float]] = [
        (_limits(report), 1 / 4),
        (_invalid(report), 1 / 8),
        (_cost(report), 1 / 4),
        (_cost_by_resource(report), 1 / 8),
        (_picture(report), 1 / 4),
        (_violations(report), 1 / 8),
        (markdown_rules.piece(report.rules), 1 / 4),
        (_notes(report), 1 / 8),
        (_outputs(report), 1 / 8),
        (_messages(report), 1 / 8),
        (_unchecked(report), 1 / 8),
        (_unknowns(report), 1 / 8),
        (_diff(report), 1),
    ]
    room = limit - size(top) - size(foot)
    lost = losses(report, room - sum(size(piece.smallest) for piece, _ in others))
    texts = share(others, room - size(lost))
    limits, invalid, cost, resources, picture, violations, rules, notes, outputs, messages, *rest = texts
    unchecked, unknowns, diff = rest
    whole = [
        *(top, lost, rules, notes, violations, cost, resources, limits, invalid, picture, diff, outputs),
        *(unknowns, unchecked, messages),
    ]
    shortened = lost != next(loss_forms(report, sys.maxsize)) or texts != [everything(piece) for piece, _ in others]
    return "".join(whole).rstrip("\n") + "\n" + (foot if shortened else "")


def _top(report: Report) -> str:
    """The summary at the top: title, verdict, failures and next steps."""
    will = any(danger.certainty is Certainty.WILL for danger in report.dangers)
    kind = _ALARMS[wording.alarm(report)]
    lines = [f"**{prose(report.verdict, LONGEST)}**"]
    if report.dangers:
        lines.append(f"{circle(will)} **{', '.join(wording.by_harm(report.dangers))}**")
    if report.limits:
        broken = sum(limit.broken for limit in report.limits)
        lines.append(
            f"❌ {number(broken, 'limit')} exceeded" if broken else f"✅ within {number(len(report.limits), 'limit')}"
        )
    if report.invalid:
        lines.append(f"❌ {number(len(report.invalid), 'object')} rejected by the Kubernetes API schemas")
    if mandatory := sum(each.mandatory for each in report.violations):
        lines.append(f"❌ {number(mandatory, 'mandatory policy violation')}")
    if report.rules:
        lines.append(markdown_rules.in_short(report.rules))
    if report.incomplete:
        lines.append(f"⚠️ {wording.unfinished(report)}: {prose(report.incomplete, 400)}")
    if report.sandbox:
        lines.append(f"*{wording.in_sandbox(report)}*")
    lines.append(f"**Next:** {prose('. '.join(wording.next_steps(report)[:_MOST_STEPS]), 600)}.")
    quoted = "\n>\n".join(f"> {line}" for line in lines)
    title = f"## {wording.title(report)} of {code(report.project, _NAME)}, stack {code(report.stack, _NAME)}"
    hidden = marker(report.project, report.stack, wording.title(report).lower())
    return f"{hidden}\n{title}\n\n> [!{kind}]\n{quoted}\n\n{_origin(report)}"


def _origin(report: Report) -> str:
    """The commit, the run, the time and the version."""
    origin = report.origin
    if origin is None:
        return ""
    parts = [
        f"commit {code(origin.commit[:12])}" if origin.commit else "",
        inert.link("run", origin.run_url) if origin.run_url else "",
        code(origin.time),
        f"mlpctl {code(origin.version)}" if origin.version else "",
    ]
    return f"<sub>{' · '.join(filter(None, parts))}</sub>\n\n"


def _foot(limit: int) -> str:
    return f"\n*Shortened to {limit:,} bytes: the HTML page and the JSON of this review are complete.*\n"


# Cost and limits


def _cost(report: Report) -> Piece:
    cost = report.cost
    if cost is None:
        return Whole("")
    totals = cost.totals
    components = wording.by_component(cost)
    total = _cost_row("**all**", wording.whole(cost))
    table = f"| Component | Before | After | Change | Minimum | Maximum | Unpriced |\n| :-- |{' --: |' * 6}\n{total}"
    head = f"### Cost in US dollars per month\n\n{table}"
    assumed = wording.assumptions(cost)
    region = f" in {code(cost.region)}" if cost.region else ""
    notes = [f"List prices{region}; a month has {MONTH_HOURS} hours"]
    if totals.stale:
        notes.append(f"Older than {STALE_DAYS} days: {number(totals.stale, 'price')}")
    if assumed:
        notes.append(f"Assumptions: {_some([code(each, _SHORT_NAME) for each in assumed])}")
    foot, least = (
        "".join(f"\n- {note}" for note in [*notes, *_without_price(cost, reasons)]) + "\n\n"
        for reasons in (True, False)
    )
    return Listing(
        head,
        [_cost_row(cell(each.title, _NAME), each) for each in components],
        foot,
        lambda left: f"\n{_left_out(left, 'component')}",
        f"{head}\n{_left_out(len(components), 'component')}{least}",
    )


def _cost_by_resource(report: Report) -> Piece:
    """Cost of each resource, collapsed."""
    found = wording.by_resource(report.cost) if report.cost else []
    if not found:
        return Whole("")
    head = (
        f"<details><summary>Cost by resource ({len(found):,})</summary>\n\n"
        "| Resource | Before | After | Change |\n| :-- | --: | --: | --: |\n"
    )
    smallest = _left_out(len(found), "resource")
    changed = sum(each.monthly_usd != each.before_monthly_usd for each in found)
    items = [_resource_cost(each) for each in found[: max(changed, _MOST_UNCHANGED)]]
    same = f"\n*{number(len(found) - len(items), 'resource')} with unchanged cost not listed.*\n"
    foot = f"{same if len(found) > len(items) else ''}\n</details>\n\n"
    return Listing(head, items, foot, lambda left: f"\n{_left_out(left, 'resource')}", smallest)


def _resource_cost(each: ResourceCost) -> str:
    now, before = each.monthly_usd, each.before_monthly_usd
    delta = now.expected - before.expected if now and before else 0.0
    change = f"{'+' if delta > 0 else ''}{amount(delta)}" if now and before else wording.NO_PRICE
    amounts = [amount(side.expected) if side else wording.NO_PRICE for side in (before, now)]
    what = f"{prose_cell(each.words, _SHORTER_NAME)} {cell(urns.name(each.urn), _SHORTER_NAME)}"
    return f"| {what} | {amounts[0]} | {amounts[1]} | {change} |\n"


def _without_price(cost: Cost, reasons: bool) -> Iterator[str]:
    """The resources that the totals do not include, or include only in part, and why."""
    totals = cost.totals
    for title, count, found in (
        ("Unpriced, not included in the totals", totals.unpriced, wording.unpriced(cost)),
        ("Partly priced", totals.partly, wording.partly(cost)),
    ):
        if count:
            yield f"{title}: {number(count, 'resource')}" + (_reasons(found) if reasons else "")


def _reasons(found: Mapping[tuple[str, str], int]) -> str:
    lines = [
        f"\n  - {prose(words, _SHORT_NAME)} ({count:,}): {prose(why, _NAME)}"
        for (words, why), count in [*found.items()][:_MOST_REASONS]
    ]
    more = sum([*found.values()][_MOST_REASONS:])
    return "".join(lines) + (f"\n  - and {number(more, 'resource')} more" if more else "")


def _cost_row(title: str, cost: wording.ComponentCost) -> str:
    now = cost.now
    least, most = (amount(now.min), amount(now.max)) if wording.is_range(now) else ("", "")
    unpriced = f"{cost.unpriced:,}" if cost.unpriced else ""
    return f"| {title} | {' | '.join(cost.amounts)} | {least} | {most} | {unpriced} |\n"


def _limits(report: Report) -> Piece:
    limits = sorted(report.limits, key=lambda limit: not limit.broken)
    return _listing("Limits", [_limit(each) for each in limits], "limit")


def _limit(limit: Limit) -> str:
    sign = "❌" if limit.broken else "✅"
    return f"- {sign} {code(limit.name, _NAME)}: {prose(limit.text, 300)}\n"


def _invalid(report: Report) -> Piece:
    items = []
    for each in report.invalid:
        problems = [f"  - {prose(problem, 400)}\n" for problem in each.problems[:_MOST_PATHS]]
        if (more := len(each.problems) - len(problems)) > 0:
            problems.append(f"  - and {number(more, 'problem')} more\n")
        items.append(f"- {code(each.name, _NAME)}\n{''.join(problems)}")
    return _listing("Rejected by the Kubernetes API schemas", items, "object")


# What changes


def _diff(report: Report) -> Piece:
    head = f"### {wording.changes(report)}\n\n"
    if not report.groups:
        nothing = f"{head}{wording.without_changes(report)}\n\n"
        return Whole(nothing, nothing)
    return Sequel(head, [_group(each) for each in report.groups], lambda left: _left_out(left, "component"))


def _group(group: Group) -> Piece:
    """The rows of a component: all with the inputs of new resources, all without them, or the first rows only."""
    rows = wording.ordered(group.rows)
    delta = group.monthly_delta_usd
    words = f" · {inert.html_prose(group.words)}" if group.words else ""
    cost = f" · {inert.html_code(change(delta.expected))} per month" if delta and delta.expected else ""
    summary = f"{inert.html_code(group.title, _NAME)}{words} · {wording.counted(group.counts)}{cost}"
    head = f"<details><summary>{summary}</summary>\n\n"
    smallest = f"{head}{_left_out(len(rows), 'resource')}</details>\n\n"

    def listing(*, facts: bool) -> Piece:
        items = [_row(row, facts=facts) for row in rows]
        return Listing(head, items, "</details>\n\n", lambda left: _left_out(left, "resource"), smallest)

    return Fuller(listing(facts=True), listing(facts=False))


def _row(row: Row, *, facts: bool) -> str:
    noise = f" · {number(row.noise, 'insignificant difference')} hidden" if row.noise else ""
    lines = [line for each in row.differences[:_MOST_DIFFERENCES] for line in _lines(each)]
    if (more := max(0, len(row.differences) - _MOST_DIFFERENCES) + row.more) > 0:
        lines.append(f"  and {number(more, 'difference')} more")
    if facts and row.facts:
        lines += [line for each in row.facts[:_MOST_FACTS] for line in _lines(each)]
        if (more := len(row.facts) - _MOST_FACTS) > 0:
            lines.append(f"  and {number(more, 'input')} more")
    block = f"{inert.fence(lines, 'diff')}\n\n" if lines else ""
    reasons = f" · {', '.join(code(each) for each in row.reasons)}" if row.reasons else ""
    return f"{what(row)}{reasons}{noise}\n\n{block}"


def _lines(each: Difference) -> Iterator[str]:
    """A difference as lines of a diff; one that forces a replacement is marked."""
    path = shorten(visible(each.path), _NAME)
    if each.forces:
        yield f"! {path} forces the replacement"
    if each.excerpt:
        yield f"  {path}: {shorten(visible(f'{each.old} → {each.new}'), _VALUE)}"
        yield from (shorten(visible(line), _VALUE) for line in each.excerpt.splitlines())
        return
    for sign, value in (("-", each.old), ("+", each.new)):
        if value is not None:
            yield f"{sign} {path}: {shorten(visible(value), _VALUE)}"


def _picture(report: Report) -> Piece:
    """A diagram of the components that change, colored by their most severe change, with their dependencies."""
    groups = [group for group in report.groups if group.title != wording.ALONE]
    if not 2 <= len(groups) <= MOST_NODES:
        return Whole("")
    numbers = {group.title: f"c{number}" for number, group in enumerate(groups)}
    lines = ["flowchart LR"]
    for group in groups:
        signs = " ".join(f"{count} {wording.word(op)}" for op, count in wording.counts(group.counts))
        colour = wording.component_state(report, group)
        lines.append(f'  {numbers[group.title]}["{inert.label(group.title)}<br/>{signs}"]:::{colour}')
    drawn = {(numbers.get(edge.source), numbers.get(edge.target)) for edge in report.edges}
    lines += [f"  {source} --> {target}" for source, target in sorted((s, t) for s, t in drawn if s and t)]
    lines += [f"  classDef {name} {style}" for name, style in _COLOURS.items()]
    head = "<details><summary>Diagram of the changed components</summary>\n\n"
    legend = "Red: will do harm. Yellow: may do harm. Orange: deletes or replaces. Blue: changes. Green: creates.\n\n"
    return Whole(f"{head}{inert.fence(lines, 'mermaid')}\n\n{legend}</details>\n\n")


# Unknown and unchecked parts, policies and messages


def _unknowns(report: Report) -> Piece:
    items = [
        f"- {prose(each.words, _NAME)} {code(each.name, _NAME)}: {_some([code(path) for path in each.paths])}\n"
        for each in report.unknowns
    ]
    # The first creation of a stack has many, all of them expected.
    return _listing("Known only after the update", items, "resource", fold=len(items) > _MOST_PATHS)


def _unchecked(report: Report) -> Piece:
    items = []
    for each in report.unchecked:
        names = f" ({_some([code(urns.name(urn), _NAME) for urn in each.urns])})" if each.urns else ""
        items.append(f"- **{prose(each.what, 200)}**: {prose(each.why, 400)}{names}\n")
    return _listing("Not checked", items, "item")


def _violations(report: Report) -> Piece:
    items = []
    for each in report.violations:
        sign = "❌" if each.mandatory else "⚠️"
        where = f" on {code(each.name, _NAME)}" if each.name else ""
        items.append(f"- {sign} {prose(wording.violation(each), _NAME)}{where}: {prose(each.text, 400)}\n")
    return _listing("Policy violations", items, "violation")


def _notes(report: Report) -> Piece:
    return _listing("Notes", [f"- {prose(each, 400)}\n" for each in report.notes], "note")


def _outputs(report: Report) -> Piece:
    items = [f"{line}\n" for each in report.outputs for line in _lines(each)]
    if not items:
        return Whole("")
    head = f"### Changed stack outputs ({len(report.outputs):,})\n\n"
    least = head + _left_out(len(report.outputs), "output")
    block = inert.fence([item.rstrip("\n") for item in items], "diff")
    return Whole(f"{head}{block}\n\n", least)


def _messages(report: Report) -> Piece:
    items = []
    for each in report.messages:
        lines = [shorten(visible(line), _VALUE) for line in each.splitlines()]
        more = [f"and {number(len(lines) - _MOST_LINES, 'line')} more"] if len(lines) > _MOST_LINES else []
        items.append(f"{inert.fence([*lines[:_MOST_LINES], *more], 'text')}\n\n")
    return _listing("Engine messages", items, "message")


def _listing(title: str, items: Sequence[str], noun: str, *, fold: bool = False) -> Piece:
    if not items:
        return Whole("")
    head = f"### {title} ({len(items):,})\n\n"
    least = head + _left_out(len(items), noun)
    if not fold:
        return Listing(head, items, "\n", lambda left: f"\n{_left_out(left, noun)}", least)
    opened = f"{head}<details><summary>{number(len(items), noun)}</summary>\n\n"
    return Listing(opened, items, "\n</details>\n\n", lambda left: f"\n{_left_out(left, noun)}", least)


def _some(texts: Sequence[str]) -> str:
    """The first texts, and the number of the others."""
    more = len(texts) - _MOST_PATHS
    return ", ".join(texts[:_MOST_PATHS]) + (f" and {more:,} more" if more > 0 else "")


def _left_out(count: int, noun: str) -> str:
    return f"*{number(count, noun)} not shown here.*\n\n"

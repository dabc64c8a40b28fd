"""Writes dangers and losses in Markdown: one sentence each, or names only if there are too many."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from mlpctl.review.report import wording
from mlpctl.review.report.model import Certainty, Danger, Difference, Group, Report, Row
from mlpctl.review.writers import inert
from mlpctl.review.writers.inert import code, prose
from mlpctl.review.writers.pieces import grouped, size
from mlpctl.text import all_of, number, shorten, visible

_SCREEN: Final = 12
"""Number of lines of a list before the rest is collapsed."""

_SPARE: Final = 3
"""Number of further lines that are not worth collapsing."""

_MOST_CAUSES: Final = 4
_NAME: Final = 120
_SHORT_NAME: Final = 80

_DANGERS: Final = "### Dangers"
_OTHERS: Final = "### Also deleted, replaced or no longer managed"
_Heads = Mapping[str, Sequence[str]]


def losses(report: Report, room: int) -> str:
    """Dangers and other losses, in the fullest form that fits."""
    return next(text for text in loss_forms(report, room) if size(text) <= room)


def loss_forms(report: Report, room: int) -> Iterator[str]:
    """All forms, fullest first."""
    dangers, others = report.dangers, [*wording.other_losses(report)]
    # Sentences must leave room for costs and differences; names may use all of it.
    yield from (text for text in _losses_at_length(dangers, others) if size(text) <= room // 2)
    depths = [(_danger_names(dangers, depth), _other_names(others, depth)) for depth in (2, 1, 0)]
    worst = "".join(_danger(each, full=True) for each in dangers[:_SCREEN])
    for lead in (f"{worst}\n", ""):
        for fold in (False, True):
            for one, other in depths:
                yield _names(_DANGERS, one, fold=fold, lead=lead) + _names(_OTHERS, other, fold=fold)
    free = room - 2 * size(f"{_OTHERS} (1,000,000)\n\n{_by_name(1_000_000)}``````text\n\n``````\n\n</details>\n\n")
    for one, other in depths:
        part = free * _weight(one) // max(1, _weight(one) + _weight(other))
        yield _names(_DANGERS, one, part) + _names(_OTHERS, other, free - part)


def _losses_at_length(dangers: Sequence[Danger], others: Sequence[tuple[Group, Row]]) -> Iterator[str]:
    table = _danger_list(dangers, full=True)
    yield table + _other_list(others, full=True)
    shorter = _other_list(others, full=False)
    yield table + shorter
    table = _danger_list(dangers, full=False)
    yield table + shorter
    yield table + _names(_OTHERS, _other_names(others, 2))


def _weight(heads: _Heads) -> int:
    return sum(size(name) + 3 for names in heads.values() for name in names)


def _names(title: str, heads: _Heads, most: int | None = None, *, fold: bool = False, lead: str = "") -> str:
    """Names below their headings, collapsed, with `lead` before them."""
    if not heads:
        return ""
    count = sum(map(len, heads.values()))
    names = inert.fence(grouped(heads, most, fold=fold), "text")
    return f"{title} ({count:,})\n\n{lead}{_by_name(count)}{names}\n\n</details>\n\n"


def _by_name(count: int) -> str:
    return f"<details><summary>{'All ' if count > 1 else ''}{count:,} by name</summary>\n\n"


def _danger_names(dangers: Sequence[Danger], depth: int) -> _Heads:
    """The names of dangers, grouped by harm and operation, then by kind of resource, then by component."""
    found: dict[str, list[str]] = {}
    for each in dangers:
        parts = [f"{wording.harm(each)}, {wording.happens(each.op, each.certainty)}", each.words]
        _add(found, parts, each.component, each.name, depth)
    return found


def _other_names(others: Sequence[tuple[Group, Row]], depth: int) -> _Heads:
    found: dict[str, list[str]] = {}
    for group, row in others:
        _add(found, [wording.happens(row.op, row.certainty), row.words], group.title, row.name, depth)
    return found


def _add(found: dict[str, list[str]], parts: Sequence[str], component: str, name: str, depth: int) -> None:
    head = " ".join(parts[: min(2, depth + 1)]) + (f" in {component or wording.ALONE}" if depth > 1 else "")
    found.setdefault(shorten(visible(head), _NAME), []).append(shorten(visible(name), _SHORT_NAME))


def _danger_list(dangers: Sequence[Danger], *, full: bool) -> str:
    """One sentence per danger; those beyond one screen are collapsed."""
    if not dangers:
        return ""
    return f"{_DANGERS} ({len(dangers):,})\n\n{_folded([_danger(each, full=full) for each in dangers], 'danger')}"


def _folded(lines: Sequence[str], noun: str) -> str:
    """Lines of a list; those beyond one screen are collapsed."""
    shown = len(lines) if len(lines) <= _SCREEN + _SPARE else _SCREEN
    text = "".join(lines[:shown]) + "\n"
    if rest := lines[shown:]:
        more = f"and {number(len(rest), noun)} more"
        text += f"<details><summary>{more}</summary>\n\n{''.join(rest)}\n</details>\n\n"
    return text


def _danger(danger: Danger, *, full: bool) -> str:
    may = danger.certainty is Certainty.MAY
    harm = f"{circle(not may)} **{wording.harm(danger)}**" + (f" ({wording.UNKNOWN_INPUT})" if may else "")
    before, after = wording.sentence(danger)
    where = f" in {code(danger.component, _NAME)}" if danger.component else ""
    named = f"{prose(before, _NAME)} {code(danger.name, _NAME)}{where}"
    kept = wording.standing(danger)
    if not full:
        return f"- {harm}: {named}{f'; {kept}' if kept else ''}\n"
    causes = [code(cause) for cause in danger.because[:_MOST_CAUSES]]
    if more := len(danger.because) - len(causes):
        causes.append(f"{number(more, 'property')} more")
    because = f" Because of {all_of(causes)}." if causes else ""
    kept = f" {kept[0].upper()}{kept[1:]}." if kept else ""
    # The text may end with a period or not; the sentence ends with exactly one.
    rest = prose(after.lstrip(": ").rstrip(". "), 320) if after.strip(":. ") else ""
    joint = ": " if after.startswith(":") else " "
    return f"- {harm}: {named}{f'{joint}{rest}' if rest else ''}.{because}{kept}\n"


def _other_list(others: Sequence[tuple[Group, Row]], *, full: bool) -> str:
    if not others:
        return ""
    lines = [_other_line(group, row, full) for group, row in others]
    return f"{_OTHERS} ({len(others):,})\n\n{_folded(lines, 'resource')}"


def _other_line(group: Group, row: Row, full: bool) -> str:
    forced = [code(each) for each in [*(_change(each) for each in row.differences if each.forces), *row.reasons]]
    cause = f", because of {all_of(forced[:_MOST_CAUSES])}" if full and forced else ""
    return f"- {what(row)} in {code(group.title, _NAME)}{cause}\n"


def what(row: Row) -> str:
    """Operation, kind and name of a resource: `**will replace** S3 bucket `models``."""
    doubt = f" ({wording.UNKNOWN_INPUT})" if row.certainty is Certainty.MAY else ""
    verb = f"**{wording.happens(row.op, row.certainty)}**{doubt}"
    left = f" ({wording.stays(row)})" if wording.stays(row) else ""
    return f"{verb} {prose(row.words, _NAME)} {code(row.name, _NAME)}{left}"


def circle(certain: bool) -> str:
    """A sign for a certain or a possible harm."""
    return "🔴" if certain else "🟠"


def _change(each: Difference) -> str:
    """A difference on one line."""
    if each.old is None or each.new is None:
        return each.path
    return f"{each.path}: {each.old} → {each.new}"

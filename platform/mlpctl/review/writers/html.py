"""Writes a report as one self-contained HTML page, which works without a network and without scripts."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import jinja2

from mlpctl import pages, text, urns
from mlpctl.review.cost.book import MONTH_HOURS, STALE_DAYS
from mlpctl.review.plan.model import Op
from mlpctl.review.report import wording
from mlpctl.review.report.model import Certainty, Danger, Group, Report
from mlpctl.review.writers import picture
from mlpctl.review.writers.inert import is_address
from mlpctl.text import shorten

MOST_OPEN: Final = 40
"""Maximum number of resources at which all components are initially expanded."""

MOST_BOXES: Final = 60
"""Maximum number of components in the diagram."""

_PACKAGE: Final = "mlpctl.review.writers"
_LONGEST: Final = 4_000
"""Maximum number of characters of one text; the JSON contains longer ones."""


@dataclass(frozen=True)
class _Bar:
    """Cost of a component, and the ends of its bars in percent of the most expensive component."""

    cost: wording.ComponentCost
    before: float
    now: float
    least: float
    most: float


@dataclass(frozen=True)
class _Box:
    """A component in the diagram."""

    box: picture.Box
    class_name: str
    name: str
    signs: str
    state: str
    group: int


def html(report: Report) -> str:
    """Write a report as an HTML page."""
    style, script = (pages.asset(_PACKAGE, each) for each in ("page.css", "page.js"))
    dangers = {danger.urn: danger for danger in reversed(report.dangers)}
    groups = sorted(enumerate(report.groups), key=lambda each: _gravity(each[1], dangers))
    return _page().render(
        report=report,
        policy=pages.policy(style, script),
        style=style,
        script=script,
        dangers=dangers,
        groups=groups,
        rows=_row_ids(report),
        picture=_picture(report),
        bars=_bars(report),
        state=wording.alarm(report),
        all_open=sum(len(group.rows) for group in report.groups) <= MOST_OPEN,
        month_hours=MONTH_HOURS,
        stale_days=STALE_DAYS,
    )


@functools.cache
def _page() -> jinja2.Template:
    environment = pages.environment(_PACKAGE, _LONGEST)
    environment.globals |= {
        "is_address": is_address,
        "w": wording,
        "t": text,
        "Op": Op,
        "Certainty": Certainty,
        "box_size": (picture.WIDTH, picture.HEIGHT),
    }
    environment.filters |= {"urn_name": urns.name}
    return environment.get_template("page.html.j2")


def _row_ids(report: Report) -> Mapping[str, str]:
    """The element ID of each resource, by URN."""
    rows = [row.urn for group in report.groups for row in group.rows]
    return {urn: f"r{number}" for number, urn in enumerate(dict.fromkeys(rows))}


def _gravity(group: Group, dangers: Mapping[str, Danger]) -> tuple[int, int]:
    """Sort key: groups with dangers first, then those with losses, then the others."""
    worst = [dangers[row.urn].certainty for row in group.rows if row.urn in dangers]
    harm = 0 if Certainty.WILL in worst else 1 if worst else 2
    return harm, 0 if any(row.op in wording.LEAVING for row in group.rows) else 1


def _bars(report: Report) -> Sequence[_Bar]:
    if report.cost is None:
        return ()
    costs = wording.by_component(report.cost)
    dearest = max((max(each.now.max, each.before.expected) for each in costs), default=0) or 1

    def percent(usd: float) -> float:
        # Keep small amounts visible.
        return max(0.4, round(100 * usd / dearest, 2)) if usd > 0 else 0

    return [
        _Bar(
            each,
            percent(each.before.expected),
            percent(each.now.expected),
            percent(each.now.min),
            percent(each.now.max),
        )
        for each in costs
    ]


def _picture(report: Report) -> tuple[picture.Picture, Sequence[_Box]] | None:
    """The diagram and the texts of its boxes; None for fewer than 2 or too many components."""
    groups = {group.title: number for number, group in enumerate(report.groups) if group.title != wording.ALONE}
    if not 2 <= len(groups) <= MOST_BOXES:
        return None
    drawn = picture.draw([*groups], [(edge.source, edge.target) for edge in report.edges])
    boxes = []
    for box in drawn.boxes:
        group = report.groups[groups[box.title]]
        class_name, _, name = box.title.partition(" ")
        signs = "  ".join(f"{wording.SIGNS[op]}{count:,}" for op, count in wording.counts(group.counts))
        state = wording.component_state(report, group)
        boxes.append(_Box(box, shorten(class_name, 26), shorten(name, 24), signs, state, groups[box.title]))
    return drawn, boxes

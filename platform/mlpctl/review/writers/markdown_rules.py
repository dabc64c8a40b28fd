"""The part of a Markdown report about rules."""

from typing import Final

from mlpctl.review.report.rules import RuleFinding, RuleGap, Rules
from mlpctl.review.writers.inert import code, prose
from mlpctl.review.writers.pieces import Listing, Piece, Whole
from mlpctl.text import number

_NAME: Final = 120
_TEXT: Final = 400
_MOST_NAMES: Final = 12


def piece(rules: Rules | None) -> Piece:
    """The violations, then what was not evaluated and the waivers; empty without any."""
    if rules is None or not (rules.findings or rules.gaps or rules.waivers):
        return Whole("")
    items = [
        *map(_finding, rules.findings),
        *map(_gap, rules.gaps),
        *(f"- ⚠️ {prose(each, _TEXT)}\n" for each in rules.waivers),
    ]
    head = f"### Rules\n\n{in_short(rules)}\n\n"
    return Listing(head, items, "\n", lambda left: f"\n*{number(left, 'line')} not shown here.*\n\n", f"{head}")


def in_short(rules: Rules) -> str:
    """The number of results of each kind, in one line."""
    waived = sum(bool(each.waived) for each in rules.findings)
    advisory = len(rules.findings) - rules.blocking - waived
    parts = [
        f"❌ {number(rules.blocking, 'mandatory violation')}" if rules.blocking else "",
        f"⚠️ {number(advisory, 'advisory violation')}" if advisory else "",
        f"{waived:,} waived" if waived else "",
        f"{number(len(rules.gaps), 'rule')} not evaluated" if rules.gaps else "",
        f"✅ {number(rules.passed, 'evaluation')} passed",
    ]
    return f"{', '.join(filter(None, parts))} (profile {code(rules.profile)})."


def _finding(each: RuleFinding) -> str:
    sign = "☑️" if each.waived else "❌" if each.mandatory else "⚠️"
    rest = f"Waived: {each.waived}" if each.waived else each.remedy
    return f"- {sign} {code(each.rule, _NAME)} {prose(each.text, _TEXT)} *{prose(rest, _TEXT)}*\n"


def _gap(each: RuleGap) -> str:
    names = [code(name, _NAME) for name in each.names[:_MOST_NAMES]]
    more = len(each.names) - len(names)
    where = f" for {', '.join(names)}{f' and {more:,} more' if more else ''}" if names else ""
    return f"- {code(each.rule, _NAME)} is not evaluated{where}: {prose(each.why, _TEXT)}.\n"

"""The verdict: one line that says everything which decides, and what was not evaluated or has no price."""

from mlpctl.review.plan.model import Op, Plan
from mlpctl.review.report.cost import Limit
from mlpctl.review.report.model import Invalid, Violation
from mlpctl.review.report.rules import RuleFinding, RuleGap, Rules
from mlpctl.review.writers import markdown, terminal
from mlpctl.review.writers.html import html
from mlpctl.review.writers.verdict import LONGEST, Findings, verdict
from unit.review import reports
from unit.review.report_parts import cost, cost_of, money, report
from unit.review.test_terminal import printed

MANY = 123_456


def gap() -> RuleGap:
    return RuleGap(rule="ML-S3-01", title="t", mandatory=True, names=(), why="")


def longest() -> str:
    """A verdict with every part, of a plan that is incomplete."""
    dear = cost_of("Node group", "n", "", Op.CREATE, money(9e8), money(1e8))
    unpriced = cost_of("S3 bucket", "b", "", Op.CREATE, None, unpriced="no source")
    partly = cost_of("VPC", "v", "", Op.CREATE, money(1), missing=("traffic",))
    found = cost([dear, unpriced, partly])
    totals = found.totals.model_copy(update={"unpriced": MANY, "partly": MANY, "unlisted": MANY})
    finding = RuleFinding(
        rule="r", title="t", severity="high", mandatory=True, urn="", name="", words="", text="", remedy=""
    )
    names = ("cost.maxMonthlyUsd", "cost.maxMonthlyDeltaUsd", "cost.maxUnpriced")
    return verdict(
        Plan(changes=(), incomplete="cut off", refresh_only=True),
        Findings(
            counts={op: MANY for op in Op if op is not Op.REPLACE},
            cost=found.model_copy(update={"totals": totals}),
            limits=[
                Limit(name=name, allowed=1, found=amount, broken=True, text="") for name in names for amount in (0, 2)
            ],
            invalid=[Invalid(urn="", name="", problems=())] * MANY,
            violations=[Violation(policy="p", pack="", mandatory=True, text="")] * MANY,
            rules=Rules(profile="prod", passed=0, findings=[finding] * MANY, gaps=[gap()] * MANY, expired=MANY),
        ),
    )


def test_no_format_shortens_a_verdict() -> None:
    text = longest()
    tail = "123,456 rules not evaluated; excluding 123,456 resources that the plan does not list"
    assert 400 < len(text) < LONGEST
    assert text.endswith(tail)
    found = report(verdict=text)
    for written in (markdown.markdown(found), html(found), printed(found, width=2_000)):
        plain = written.replace("`", "")
        assert "123,456 unpriced resources and parts of 123,456 others" in plain
        assert tail in plain


def test_an_untrusted_verdict_is_shortened() -> None:
    found = reports.nothing().model_copy(update={"verdict": "word " * 100_000})
    assert len(markdown.markdown(found)) < 10_000
    assert terminal.page(found)

"""The report of an audit: that of a review, with what is deployed in place of what changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mlpctl import urns
from mlpctl.audit.live import Unmanaged, not_judged, told
from mlpctl.audit.state import Deployment
from mlpctl.policies.evaluate import Evaluation
from mlpctl.policies.local import Local
from mlpctl.policies.stack import StackRules
from mlpctl.review.dangers.groups import counts, groups
from mlpctl.review.plan.model import Message, Op, Plan
from mlpctl.review.report.model import Report, Unchecked
from mlpctl.review.report.rules import Rules
from mlpctl.text import number
from mlplatform.component import STACK_TAG

SANDBOX: Final = Unchecked(
    what="AWS itself",
    why="the stack is deployed in a sandbox, which stores what AWS would enforce",
)
STATE_ONLY: Final = Unchecked(
    what="Changes outside of Pulumi, and resources that the state does not contain",
    why="the audit judges the state; mlpctl audit --live reads AWS and the cluster",
)
NOT_TAGGED: Final = Unchecked(
    what="Unmanaged resources without the stack's tag, and of IAM",
    why="AWS's tagging API finds resources by their tags, and does not support IAM",
)
LEFT_OUT: Final = "Resources that are being replaced"


@dataclass(frozen=True)
class Audit:
    """A stack that was judged."""

    report: Report
    plan: Plan
    evaluation: Evaluation
    stack: StackRules
    local: Local
    deployment: Deployment
    unmanaged: tuple[Unmanaged, ...] = ()
    live: bool = False


def report(
    plan: Plan, rules: Rules, gone: Sequence[Message], unmanaged: Sequence[Unmanaged] | None, tag: str, *, live: bool
) -> Report:
    """Report an audit.

    Args:
        plan: what is deployed, as a plan.
        rules: the results of the rules.
        gone: resources of the state that are not judged.
        unmanaged: resources with the stack's tag that the state does not contain; None if they were not looked for.
        tag: the value of the stack's tag.
        live: whether AWS and the cluster were read.
    """
    found = counts(plan)
    judged = sum(each.custom and not each.is_provider and each.op not in (Op.GONE, Op.READ) for each in plan)
    return Report(
        project=plan.project,
        stack=plan.stack,
        sandbox=plan.sandbox,
        incomplete=plan.incomplete,
        verdict=_verdict(judged, plan, rules, unmanaged or (), live=live),
        audit=True,
        counts=found,
        dangers=(),
        cost=None,
        limits=(),
        invalid=(),
        groups=groups(plan, {}),
        unknowns=(),
        unchecked=[
            *([SANDBOX] if plan.sandbox else []),
            *([NOT_TAGGED if live else STATE_ONLY] if unmanaged is not None else []),
            *not_judged(len(unmanaged or ()), "that the state does not contain"),
            *(Unchecked(what=f"{LEFT_OUT}: {urns.name(each.urn)}", why=each.text) for each in gone),
        ],
        messages=[each.text.strip() for each in plan.messages if each.severity != "info"],
        notes=told(unmanaged or (), f"{STACK_TAG}={tag}"),
        rules=rules,
    )


def _verdict(judged: int, plan: Plan, rules: Rules, unmanaged: Sequence[Unmanaged], *, live: bool) -> str:
    waived = sum(bool(each.waived) for each in rules.findings)
    advisory = len(rules.findings) - rules.blocking - waived
    own = sum(not each.made_by for each in unmanaged)
    drifted = [each.op for each in plan if each.op in (Op.REFRESH, Op.GONE)]
    parts = [
        number(rules.blocking, "mandatory violation") if rules.blocking else "no mandatory violation",
        number(rules.expired, "expired waiver") if rules.expired else "",
        number(advisory, "advisory violation") if advisory else "",
        f"{waived:,} waived" if waived else "",
        f"{number(len(rules.gaps), 'rule')} not evaluated" if rules.gaps else "",
        f"{drifted.count(Op.REFRESH):,} changed outside of Pulumi" if Op.REFRESH in drifted else "",
        f"{drifted.count(Op.GONE):,} gone already" if Op.GONE in drifted else "",
        "no drift" if live and not drifted else "",
        f"{own:,} not in the state, not evaluated" if own else "",
    ]
    return f"{number(judged, 'deployed resource')}: {', '.join(filter(None, parts))}"

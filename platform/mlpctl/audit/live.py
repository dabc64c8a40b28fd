"""What AWS and the cluster really contain: differences from the state, and resources that the state lacks."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from mlpctl.audit import state
from mlpctl.review.plan.model import Change, Op, Plan, PlanError
from mlpctl.review.reading import reader
from mlpctl.review.redact import scrub
from mlpctl.review.report.model import Unchecked
from mlpctl.stack import Stack, StackError
from mlpctl.text import number

BY_A_SERVICE: Final = "aws:"
"""Prefix of the tag keys that only AWS's services set:
https://docs.aws.amazon.com/personalize/latest/dg/personalize-managing-tags.html"""

_GENERATED: Final = re.compile(r"[a-z]+-([0-9a-f]{8}|[0-9a-f]{17})")
"""IDs of EC2, which are unique: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html"""

_FOUND: Final = frozenset({Op.REFRESH, Op.GONE})


@dataclass(frozen=True)
class Unmanaged:
    """A resource with the stack's tag that the state does not contain."""

    arn: str
    made_by: str
    """The tag, e.g. `aws:autoscaling:groupName`, by which the AWS service that created it marks it; empty without."""

    @property
    def type(self) -> str:
        """Service and kind as in AWS's tagging API, e.g. `ec2:subnet`; the service alone if the ARN has no kind."""
        service, rest = self.arn.split(":", 5)[2::3]
        kind, separator, _ = rest.replace(":", "/", 1).partition("/")
        return f"{service}:{kind}" if separator else service

    @property
    def id(self) -> str:
        """What follows the kind: `team/app` of `…:repository/team/app`."""
        return self.arn.split(":", 5)[-1].replace(":", "/", 1).partition("/")[2]

    @property
    def region(self) -> str:
        """Its region; empty for a global resource."""
        return self.arn.split(":")[3]


def refreshed(stack: Stack, *, sandbox: bool) -> Plan:
    """The plan of a refresh, which contains what the engine reads from AWS and the cluster. Nothing is changed.

    Raises:
        StackError: the refresh failed; the message contains its errors, with secrets redacted.
    """
    done = stack.run("refresh", "--preview-only", "--json", "--stack", stack.name)
    try:
        if done.returncode == 0:
            return reader.read(done.stdout, sandbox=sandbox)
    except PlanError:
        pass
    text = scrub((done.stderr.strip() or done.stdout.strip())[-2000:])
    raise StackError(f"The resources of {stack.name} cannot be read: {text}")


def really(plan: Plan, refresh: Plan) -> Plan:
    """The plan of a state with what a refresh found in place of what the state contains.

    Rules then judge the inputs that the providers read, and the differences from the state are changes.
    """
    found = {each.urn: each for each in refresh if each.op in _FOUND}
    changes = tuple(_found(each, found.get(each.urn)) for each in plan)
    incomplete = " ".join(filter(None, (plan.incomplete, refresh.incomplete)))
    messages = (*plan.messages, *refresh.messages)
    return replace(plan, changes=changes, refresh_only=True, incomplete=incomplete, messages=messages)


def _found(known: Change, found: Change | None) -> Change:
    if found is None:
        return known
    return replace(found, depends=found.depends or known.depends, after=found.after or known.after)


def unmanaged(tagged: Mapping[str, Mapping[str, str]], *deployments: state.Deployment) -> list[Unmanaged]:
    """The tagged resources that no state contains.

    A state contains a resource by its ARN; by an ID that EC2 generated; or, if the ARN of the state's resource is not
    known, by type, ID and region.

    Args:
        tagged: the tags of each ARN with the stack's tag.
        deployments: the states.
    """
    arns = {arn for each in deployments for arn in state.arns(each)}
    known = {one for each in deployments for one in state.without_arn(each)}
    generated = {id for each in deployments for id in state.ids(each) if _GENERATED.fullmatch(id)}
    found = [
        Unmanaged(arn, next((key for key in sorted(tags) if key.startswith(BY_A_SERVICE)), ""))
        for arn, tags in sorted(tagged.items())
        if arn not in arns
    ]
    return [
        each
        for each in found
        if not (each.type.startswith("ec2:") and each.id in generated) and known.isdisjoint(_as_known(each))
    ]


def _as_known(found: Unmanaged) -> Iterator[state.Known]:
    """A resource as a state without its ARN may contain it."""
    for region in (found.region, ""):
        yield state.Known(found.type.replace("-", "").lower(), found.id, region)


def regions(deployment: state.Deployment, own: str | None) -> Sequence[str | None]:
    """The regions of a stack: its own, and those in the ARNs of its state; `None` is that of the environment."""
    found = {arn.split(":")[3] for arn in state.arns(deployment) if arn.count(":") >= 5}
    return [own, *sorted(each for each in found if each and each != own)]


def not_judged(count: int, where: str) -> list[Unchecked]:
    """That no rule is evaluated for unmanaged resources; empty without any.

    Args:
        count: their number.
        where: what they are, e.g. `of no stack`.
    """
    why = "they are listed, but no rule is evaluated for them, because no state contains their inputs"
    return [Unchecked(what=f"{number(count, 'resource')} {where}", why=why)] if count else []


def told(found: Iterable[Unmanaged], tag: str) -> list[str]:
    """Sentences about unmanaged resources: first those that no service created."""
    return [
        f"{each.arn} has the tag {tag}, but is not in the state"
        + (
            f": the AWS service that sets {each.made_by} created it for a resource of the stack."
            if each.made_by
            else "."
        )
        for each in sorted(found, key=lambda each: (bool(each.made_by), each.arn))
    ]

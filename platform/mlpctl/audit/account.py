"""Audits all stacks of a project in an account, and finds the resources that belong to none of them."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from mlpctl import project
from mlpctl.audit import judge, live
from mlpctl.audit.account_model import AccountReport, AuditedStack, StrayResource
from mlpctl.audit.live import Unmanaged
from mlpctl.audit.state import Deployment
from mlpctl.ending import message
from mlpctl.recover.search import tagged_by_project
from mlpctl.review.report.model import Origin, Report, Unchecked
from mlpctl.stack import Stack, StackError, in_backend
from mlpctl.text import number
from mlplatform.component import NAME_TAG, STACK_TAG

NO_STACKS: Final = "The backend has no stack of the project, so there is nothing to judge."
ELSEWHERE: Final = Unchecked(
    what="Resources in other regions, without a tag of the project, and of IAM",
    why="AWS's tagging API finds resources by their tags in one region at a time, and does not support IAM",
)

Tagged = Mapping[str, Mapping[str, str]]
Watch = Callable[[str], None]


@dataclass(frozen=True)
class _Read:
    """What was read of one stack."""

    stack: Stack
    deployment: Deployment | None = None
    """Its state; None if it cannot be read."""

    report: Report | None = None
    fault: str = ""
    regions: Sequence[str | None] = ()


def audit(root: Path, today: date, source: Origin, watch: Watch) -> AccountReport:
    """Audit all stacks of a project in the backend and the account of this shell. Nothing is changed.

    A stack that cannot be read or judged is reported as such, and the others are audited all the same.

    Args:
        root: folder of the project.
        today: the day on which waivers, approvals and versions are valid or not.
        source: the origin of the audit.
        watch: is called with what is being read.

    Raises:
        StackError: the backend cannot be read.
    """
    found = []
    for each in in_backend(root):
        watch(f"Reading {each.name}")
        found.append(_read(each, today, source))
    places = dict.fromkeys(place for each in found for place in each.regions)
    name = project.name(root)
    watch("Looking for other resources")
    incomplete = "" if found else NO_STACKS
    tagged: Tagged = {}
    try:
        tagged = tagged_by_project(os.environ, name, places or [None])
    except StackError as error:
        incomplete = f"Resources that no state contains were not found. {error}"
    return _report(name, [each for each in places if each], source, found, tagged, incomplete)


def _read(stack: Stack, today: date, source: Origin) -> _Read:
    own = project.region(stack.root, stack.name)
    places: Sequence[str | None] = [own]
    deployment: Deployment | None = None
    try:
        stack.ensure_whole()
        deployment = stack.deployment()
        places = live.regions(deployment, own)
        if not deployment.get("resources"):
            return _Read(stack, deployment, regions=places)
        ours = judge.stack_file(stack.root, stack.name)
        plan = judge.read(stack, deployment, ours, sandbox=False, really=True)
        done = judge.judge(stack, deployment, plan, ours, source, None, today, really=True)
        return _Read(stack, deployment, done.report, regions=places)
    except Exception as error:
        # Whatever is wrong with one stack, the others are audited.
        return _Read(stack, deployment, fault=message(error), regions=places)


def _report(
    name: str, regions: Sequence[str], source: Origin, found: Sequence[_Read], tagged: Tagged, incomplete: str
) -> AccountReport:
    strangers = live.unmanaged(tagged, *(each.deployment for each in found if each.deployment is not None))
    unread = {each.stack.tag: 0 for each in found if each.deployment is None}
    stray = []
    for each in sorted(strangers, key=lambda each: (bool(each.made_by), each.arn)):
        tag = tagged[each.arn][STACK_TAG]
        if tag in unread:
            unread[tag] += 1
        else:
            stray.append(_stray(each, tagged[each.arn]))
    stacks = [
        AuditedStack(stack=each.stack.name, report=each.report, fault=each.fault, unread=unread.get(each.stack.tag, 0))
        for each in found
    ]
    return AccountReport(
        project=name,
        regions=regions,
        origin=source,
        verdict=_verdict(stacks, stray),
        incomplete=incomplete,
        stacks=stacks,
        strangers=stray,
        unchecked=[*live.not_judged(len(stray), "of no stack"), ELSEWHERE],
    )


def _stray(found: Unmanaged, tags: Mapping[str, str]) -> StrayResource:
    shown = {key: tags[key] for key in (STACK_TAG, NAME_TAG, found.made_by) if key in tags}
    return StrayResource(arn=found.arn, type=found.type, tags=shown, made_by=found.made_by)


def _verdict(stacks: Sequence[AuditedStack], strangers: Sequence[StrayResource]) -> str:
    rules = [each.report.rules for each in stacks if each.report and each.report.rules]
    broken = sum(each.blocking for each in rules)
    expired = sum(each.expired for each in rules)
    failed = sum(bool(each.fault) for each in stacks)
    own = sum(not each.made_by for each in strangers)
    parts = [
        f"{failed:,} not audited" if failed else "",
        number(broken, "mandatory violation") if broken else "no mandatory violation",
        number(expired, "expired waiver") if expired else "",
        f"{number(own, 'resource')} of no stack, not evaluated" if own else "no resource of no stack",
    ]
    return f"{number(len(stacks), 'stack')}: {', '.join(filter(None, parts))}"

"""Checks of the credentials: their account, their expiry and the regions that are enabled."""

import datetime
from collections.abc import Iterable, Iterator
from typing import Any, Final

from awsfacts.partitions import AWS, CHINA, GOVCLOUD, partition_of
from mlpctl.doctor.asking import Answers, Question
from mlpctl.doctor.finding import Check, Finding, Level, Wanted
from mlplatform.component import STACK_TAG

UPDATE_MINUTES: Final = 60
"""Minutes that the credentials should last: the first update creates a control plane, add-ons and nodes."""

HOMES: Final = {AWS: "us-east-1", CHINA: "cn-north-1", GOVCLOUD: "us-gov-west-1"}
"""A region of each partition that is always enabled; in other partitions, the stack's region is used."""


def home(region: str) -> str:
    """A region of the same partition that is enabled in every account."""
    return HOMES.get(partition_of(region), region)


def identity(wanted: Wanted) -> Question:
    """The caller. It is asked in a region that is always enabled."""
    return Question("sts", "GetCallerIdentity", region=home(wanted.region))


def regions(wanted: Wanted) -> Question:
    """All regions, with whether the account has enabled them."""
    return Question("ec2", "DescribeRegions", {"AllRegions": True}, "Regions", home(wanted.region))


def tagged(wanted: Wanted) -> Question:
    """The resources that the stack has created."""
    filters = [{"Key": STACK_TAG, "Values": [wanted.tag]}]
    return Question("resourcegroupstaggingapi", "GetResources", {"TagFilters": filters}, "ResourceTagMappingList")


def cluster(wanted: Wanted) -> Question:
    """The stack's cluster, if it exists."""
    return Question("eks", "DescribeCluster", {"name": wanted.cluster_name})


def own_cluster(wanted: Wanted, answers: Answers) -> Any:
    """The stack's cluster; None if it does not exist yet, or if this is not known."""
    found = (answers.get(cluster(wanted)) or {}).get("cluster")
    return found if found and found.get("tags", {}).get(STACK_TAG) == wanted.tag else None


def stops(wanted: Wanted, answers: Answers) -> str:
    """Why other questions would be pointless, e.g. because this is another account; empty if they are not."""
    findings = (*_account(wanted, answers), *_region(wanted, answers)) if answers.get(identity(wanted)) else ()
    if not findings:
        return "AWS did not accept the credentials"
    return next((each.fact for each in findings if each.level is Level.BLOCKS), "")


def _account(wanted: Wanted, answers: Answers) -> Iterator[Finding]:
    question = identity(wanted)
    refusal = answers.refusal(question)
    if refusal is not None:
        fact = f"AWS did not accept the credentials: {refusal.code}: {refusal.message}"
        yield Finding(
            Level.BLOCKS, fact, question, fix="Sign in to AWS; `aws sts get-caller-identity` shows the identity."
        )
        return
    found, allowed = answers(question), wanted.platform.allowed_accounts
    whose = f"The account is {found['Account']}, the identity {found['Arn']}"
    if not allowed:
        fix = f'Set allowedAccounts: ["{found["Account"]}"], so that no other account can be changed by mistake.'
        yield Finding(Level.NOTE, f"{whose}; allowedAccounts allows any account", question, "allowedAccounts", fix)
    elif found["Account"] in allowed:
        yield Finding(Level.PASSES, whose, question, "allowedAccounts")
    else:
        fact = f"The account is {found['Account']}; allowedAccounts has {', '.join(allowed)}"
        fix = f"Use credentials of {' or '.join(allowed)}; these are those of {found['Arn']}."
        yield Finding(Level.BLOCKS, fact, question, "allowedAccounts", fix)


def _session(wanted: Wanted, answers: Answers) -> Iterator[Finding]:
    answers(identity(wanted))
    if wanted.expires is None:
        if wanted.temporary:
            fact = "The credentials are temporary, and their expiry is not known"
            fix = f"Make sure that they last {UPDATE_MINUTES} minutes or more."
            yield Finding(Level.NOT_CHECKED, fact, fix=fix)
        else:
            yield Finding(Level.PASSES, "The credentials do not expire, or are renewed automatically")
        return
    left = wanted.expires - wanted.now
    fact = (
        f"The credentials expire at {wanted.expires:%Y-%m-%d %H:%M} UTC, in {int(left.total_seconds() // 60)} minutes"
    )
    short = left < datetime.timedelta(minutes=UPDATE_MINUTES)
    fix = f"Sign in again before an update: the first one takes up to {UPDATE_MINUTES} minutes."
    yield Finding(Level.WARNS, fact, fix=fix) if short else Finding(Level.PASSES, fact)


def _region(wanted: Wanted, answers: Answers) -> Iterator[Finding]:
    status = {each["RegionName"]: each["OptInStatus"] for each in answers(regions(wanted))}
    copies = wanted.platform.images.account.replicate_to if wanted.platform.images.account else []
    asked = [(wanted.region, "aws:region"), *((each, "images.account.replicateTo") for each in copies)]
    for region, field in asked:
        yield _enabled(region, field, status.get(region), regions(wanted))


def _enabled(region: str, field: str, status: str | None, question: Question) -> Finding:
    if status is None:
        return Finding(Level.BLOCKS, f"AWS lists no region {region}", question, field, "Correct the region.")
    if status == "not-opted-in":
        fix = f"Enable it (`aws account enable-region --region-name {region}`, some minutes), or use another region."
        return Finding(
            Level.BLOCKS, f"The region {region} is not enabled in the account ({status})", question, field, fix
        )
    return Finding(Level.PASSES, f"The region {region} is enabled ({status})", question, field)


def _first(wanted: Wanted, answers: Answers) -> Iterable[Question]:
    return (identity(wanted),)


CHECKS: Final = (
    Check("identity.account", "the account against `allowedAccounts`", _account, _first),
    Check("identity.session", "the expiry of the credentials", _session, _first),
    Check("identity.region", "whether the regions are enabled in the account", _region, lambda w, _: (regions(w),)),
)

"""The section `policies` of a stack file: stricter levels, waivers and approvals."""

import fnmatch
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic.alias_generators import to_camel

from awsfacts.zones import REGION
from mlpctl.model import Model
from mlpctl.settings.rule_ids import RESERVED, RULE_IDS
from mlpctl.text import nearest

MAX_ENTRIES: Final = 200
MAX_PACKS: Final = 20

MOST_DAYS: Final = 366
"""Maximum term, in days from today, of what a person allows."""


def _known(id: str) -> str:
    if id.startswith(RESERVED) and id not in RULE_IDS:
        near = nearest(id, RULE_IDS)
        hint = f"; did you mean {near}?" if near else ""
        raise ValueError(f"{id} is no rule of docs/rules.md{hint}")
    return id


RuleId = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]*(-[A-Z0-9]+)+$", examples=["ML-S3-07"]), AfterValidator(_known)]

Region = Annotated[str, Field(pattern=f"^{REGION}$", examples=["us-east-1"])]
InstanceTypes = Annotated[str, Field(max_length=64, pattern=r"^[a-z0-9*][a-z0-9.*-]*$", examples=["g6.*"])]


NAMES_LOGS: Final = re.compile(r"(?<![a-z])(audits?|cloudtrail|logs?)(?![a-z])", re.IGNORECASE)
"""A word in the name of a bucket for logs, e.g. in `prod-audit-logs-1a2b3c`."""


def is_allowed(instance_type: str, patterns: Iterable[str]) -> bool:
    """Whether an instance type is one of the types, or matches one of the patterns."""
    return any(fnmatch.fnmatchcase(instance_type, pattern) for pattern in patterns)


PackFolder = Annotated[
    str,
    Field(
        max_length=200,
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$",
        examples=["policies/acme"],
    ),
]

_LINE: Final = re.compile(r"\w(?:[\w .,:;()/#@+-]*[\w.)])?")


def _one_line(value: str) -> str:
    if not _LINE.fullmatch(value):
        raise ValueError("allowed: one line of words in any language, with . , : ; ( ) / # @ + - between them")
    return value


Line = Annotated[str, AfterValidator(_one_line)]


def _soon(day: date) -> date:
    if day > datetime.now(UTC).date() + timedelta(days=MOST_DAYS):
        raise ValueError(f"allowed: a day within {MOST_DAYS} days from today, when it is renewed or removed")
    return day


class Permission(Model):
    """Something that a person allows for a while."""

    resource: str = Field(max_length=200, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", examples=["models-bucket"])
    """Logical name of the one resource."""

    reason: Line = Field(min_length=10, max_length=500, examples=["copied to the new account"])
    """Why it is allowed, for reviewers and auditors."""

    owner: Line = Field(max_length=100, examples=["team-ml"])
    """The person or team that answers for it."""

    expires: Annotated[date, AfterValidator(_soon)]
    """The last day on which it is valid, at most 366 days from today, e.g. `2027-01-31`."""


class Waiver(Permission):
    """An accepted violation of a rule. After its last day, it blocks every update until it is renewed or removed."""

    rule: RuleId
    """The rule that may be violated."""

    resource: str = Field(
        max_length=200, pattern=r"^(\*[*_.-]*)?[A-Za-z0-9][A-Za-z0-9_.*-]*$", examples=["models-bucket"]
    )
    """Logical name of the resource, with `*` as a wildcard in a part of it; the path of the field for a
    violation of ML-OPS-04, e.g. `cluster.logDays`; `stack` for any other violation by the stack as a whole."""

    def may_be_for(self, name: str) -> bool:
        """Whether it may be for a resource whose logical name begins with `name`, a dash and more."""
        start, wildcard, _ = self.resource.partition("*")
        return start.startswith(f"{name}-") or bool(wildcard and f"{name}-".startswith(start))


class PolicySettings(Model):
    """Rules for the stack: which are mandatory, and what is allowed for a while."""

    mandatory: list[RuleId] = Field(default=[], max_length=MAX_ENTRIES)
    """Rules that are mandatory in this stack, although they are advisory in its profile."""

    allowed_regions: list[Region] = Field(default=[], max_length=MAX_ENTRIES)
    """Regions that resources, and copies of their data, may be in. Default: the stack's own region, and those in
    `images.account.replicateTo`."""

    allowed_instance_types: list[InstanceTypes] = Field(default=[], max_length=MAX_ENTRIES)
    """Instance types that may run, with `*` as a wildcard: of all node groups, `cluster.system` included, and of
    endpoints. Default: any type, but types with GPUs or other accelerators only in node groups, AWS Batch and
    endpoints."""

    packs: list[PackFolder] = Field(default=[], max_length=MAX_PACKS)
    """Folders with rules of your own, relative to the project. Their Python modules are run, with the trust of the
    program itself, in previews with the policy pack, in reviews and in audits; never for an existing plan file."""

    waivers: list[Waiver] = Field(default=[], max_length=MAX_ENTRIES)
    """Accepted violations."""

    approvals: list[Permission] = Field(default=[], max_length=MAX_ENTRIES)
    """Resources whose deletion or replacement is approved although data, GPU capacity or a served model is lost."""

    @model_validator(mode="after")
    def _lists_have_no_duplicates(self) -> Self:
        again = []
        for name in type(self).model_fields:
            entries = getattr(self, name)
            for index, entry in enumerate(entries):
                if entry in entries[:index]:
                    what = "equal to another entry" if isinstance(entry, Model) else entry
                    again.append(f"{to_camel(name)}[{index}] is {what} again; allowed: each entry once")
        if again:
            raise ValueError("\n".join(again))
        return self

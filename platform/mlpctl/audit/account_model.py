"""The report of an audit of an account."""

from collections.abc import Mapping, Sequence

from mlpctl.model import Model
from mlpctl.review.report.model import Origin, Outcome, Report, Unchecked


class AuditedStack(Model):
    """A stack of the project in the backend."""

    stack: str
    report: Report | None = None
    """Its audit; null if it has no resources, or if it could not be audited."""

    fault: str = ""
    """Why it could not be audited; empty if it was."""

    unread: int = 0
    """Number of resources with its tag that no other stack's state contains, if its state could not be read: they may
    belong to it."""

    @property
    def outcome(self) -> Outcome:
        """Its part of the exit code."""
        if self.fault:
            return Outcome.PARTIAL
        return self.report.outcome if self.report else Outcome.KEPT


class StrayResource(Model):
    """A resource with a tag of the project that no stack's state contains."""

    arn: str
    type: str
    """Service and kind, e.g. `ec2:subnet`."""

    tags: Mapping[str, str]
    """The tags that led to it: of the stack and, if it has them, of the logical name and of an AWS service."""

    made_by: str
    """The tag by which the AWS service that created it marks it; empty if no service did."""


class AccountReport(Model):
    """An audit of all stacks of a project in an account."""

    format: int = 1
    """Version of this format."""

    project: str
    regions: Sequence[str]
    """The regions in which resources were looked for; empty for the region of the shell alone."""

    origin: Origin
    verdict: str
    incomplete: str
    """Why the report may be incomplete; empty if it is complete."""

    stacks: Sequence[AuditedStack]
    strangers: Sequence[StrayResource]
    """Resources with a tag of the project that no stack's state contains; those that no AWS service created first."""

    unchecked: Sequence[Unchecked]

    @property
    def outcome(self) -> Outcome:
        """The worst outcome of the stacks; partial if the report is incomplete."""
        own = Outcome.PARTIAL if self.incomplete else Outcome.KEPT
        return max([own, *(each.outcome for each in self.stacks)])

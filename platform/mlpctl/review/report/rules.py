"""The part of a review's report about rules."""

from collections.abc import Sequence

from mlpctl.model import Model


class RuleFinding(Model):
    """A violation of a rule by a resource or by the stack."""

    rule: str
    """ID of the rule."""

    title: str
    """The requirement as a sentence."""

    severity: str
    """`low`, `medium`, `high` or `critical`."""

    mandatory: bool
    """Whether it blocks the update."""

    urn: str
    """The resource; empty for the stack."""

    name: str
    """Its logical name; empty for the stack."""

    words: str
    """Kind of the resource for readers: `S3 bucket`; empty for the stack."""

    text: str
    """What is wrong, as a sentence with the resource's name."""

    remedy: str
    reason: str = ""
    """Why the requirement matters."""

    serves: Sequence[str] = ()
    """Controls of frameworks that the rule serves, e.g. `fsbp:S3.1`."""

    field: str = ""
    """The path in the stack file of the field that decides the violation, e.g. `cluster.logTypes`, or else of the
    resource's component, e.g. `gpuPools.inference`; empty without one."""

    line: int | None = None
    """The line of that field in the stack file, or of the innermost section around it that the file has; null if the
    file is not at hand."""

    waived: str = ""
    """Reason, owner and last day of the waiver that accepts it; empty without one."""


class RuleGap(Model):
    """A rule that could not be evaluated for some resources."""

    rule: str
    title: str
    mandatory: bool
    names: Sequence[str]
    """Logical names of the resources; empty for the stack."""

    why: str
    """The reason for the first of them."""


class Rules(Model):
    """The results of all rules."""

    profile: str
    """The profile whose levels apply; empty for a program without the platform's config, whose rules are advisory."""

    passed: int
    """Number of passed evaluations: one for each rule and resource that it is for."""

    findings: Sequence[RuleFinding]
    """Violations: blocking ones first, then by severity; waived ones last."""

    gaps: Sequence[RuleGap]
    """Rules that were not evaluated, mandatory ones first."""

    waivers: Sequence[str] = ()
    """Waivers that match no violation, and waivers that have expired, as sentences."""

    file: str = ""
    """The stack file, relative to the repository; empty if it is not at hand."""

    line: int | None = None
    """The line of the platform's section in the stack file; null if the file is not at hand."""

    packs: Sequence[str] = ()
    """Folders of own rules that the stack's config names, and whose rules were not loaded and not evaluated."""

    expired: int = 0
    """Number of expired waivers, each of which blocks the update."""

    @property
    def blocking(self) -> int:
        """Number of violations that block the update."""
        return sum(each.mandatory and not each.waived for each in self.findings)

    @property
    def passes(self) -> bool:
        """Whether nothing blocks the update."""
        return not self.blocking and not self.expired

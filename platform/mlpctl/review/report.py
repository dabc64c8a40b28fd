"""What a review tells, before anything is written: one model for Markdown, HTML and JSON."""

from collections.abc import Mapping, Sequence
from enum import Enum, IntEnum

from mlpctl.review.report_cost import Cost, Limit, Model, Money
from mlpctl.review.resource import Op


class Outcome(IntEnum):
    """How a review, or an estimate, ends: its exit code."""

    KEPT = 0
    """All limits are kept."""

    BROKEN = 1
    """A limit is broken, an object is refused, or a mandatory policy is violated."""

    PARTIAL = 3
    """The plan is not all of it: what is not there was not held to anything."""

    @classmethod
    def of(cls, passes: bool, incomplete: str) -> "Outcome":
        """How it ends where all limits are kept or not, and the plan lacks something or nothing."""
        return cls.PARTIAL if passes and incomplete else cls.KEPT if passes else cls.BROKEN


class Harm(Enum):
    """What a change may do that a later one does not undo."""

    DATA = "destroysData"
    CAPACITY = "dropsCapacity"
    SERVING = "interruptsServing"
    IDENTITY = "changesIdentity"
    PROTECTION = "lowersProtection"
    """Nothing is lost by it; a later change may lose what was guarded until now."""


class Certainty(Enum):
    """Whether it will happen."""

    WILL = "will"
    MAY = "may"
    """Only a value that is not known yet speaks for it."""


class Danger(Model):
    """Something that a reviewer must see."""

    urn: str
    name: str
    words: str
    """What it is, for people: `S3 bucket`."""

    component: str
    """Class and name of the component that it belongs to; empty where it stands alone."""

    op: Op
    harm: Harm
    certainty: Certainty
    because: Sequence[str]
    """Properties that cause it, with old and new value where they are known; empty for a deletion."""

    protected: bool
    retained: bool
    text: str
    """One sentence: what happens."""


class Difference(Model):
    """One property that changes."""

    path: str
    old: str | None
    """What it was, in short; None where it was not there."""

    new: str | None
    """What it will be, in short; None where it goes."""

    forces: bool
    """Whether it forces a replacement."""

    excerpt: str = ""
    """Where texts of several lines differ, as a unified diff of a few lines; `old` and `new` then say their lengths."""


class Row(Model):
    """One resource that changes."""

    urn: str
    name: str
    type: str
    words: str
    op: Op
    certainty: Certainty
    differences: Sequence[Difference]
    """What changes of a resource that was there; what a new one is made of is not a difference."""

    noise: int
    """Differences that mean nothing, folded: reordered lists, unchanged defaults, computed hashes, tags' order."""

    more: int = 0
    """Differences that were left out, since there are too many."""

    facts: Sequence[Difference] = ()
    """The inputs of one that is made, or that goes."""

    retained: bool = False
    """Whether what leaves the state stays in the cloud."""

    reasons: Sequence[str] = ()
    """Why it is replaced or deleted, apart from the properties that force it; protection that is taken away."""


class Group(Model):
    """A component, or what stands alone."""

    title: str
    """`GpuNodePool inference`; or `Without a component`."""

    words: str
    """What it is, for people: `GPU node pool`."""

    counts: Mapping[Op, int]
    monthly_delta_usd: "Money | None"
    rows: Sequence[Row]


class Unchecked(Model):
    """Something that the review could not check."""

    what: str
    why: str
    urns: Sequence[str] = ()


class Unknowns(Model):
    """Inputs of one resource that are not known before the update."""

    urn: str
    name: str
    words: str
    paths: Sequence[str]


class Invalid(Model):
    """An object that the API's schema refuses."""

    urn: str
    name: str
    problems: Sequence[str]


class Violation(Model):
    """What a policy of the engine has against a resource or the stack."""

    policy: str
    pack: str
    mandatory: bool
    """Whether the engine refuses the update for it."""

    text: str
    urn: str = ""
    """Empty for one of the whole stack."""

    name: str = ""


class Edge(Model):
    """One component that uses another: a resource of the first takes a value of a resource of the second."""

    source: str
    """Title of the component that uses."""

    target: str
    """Title of the component that is used."""


class Origin(Model):
    """Where a review comes from."""

    commit: str
    """The commit that was reviewed; empty where it is not known."""

    run_url: str
    """Address of the CI service's run; empty where there is none."""

    time: str
    """When the review was made, `2026-11-28 22:10 UTC`."""

    version: str
    """Version of mlpctl; empty where it is not installed."""


class Report(Model):
    """A review."""

    project: str
    stack: str
    sandbox: bool
    """Whether the plan was made in the sandbox."""

    incomplete: str
    verdict: str
    """One line: counts and the change of cost."""

    refresh: bool = False
    """Whether it is of `pulumi refresh`: nothing changes but the state."""

    counts: Mapping[Op, int]
    """Resources that a provider makes, by what happens to them."""

    dangers: Sequence[Danger]
    """Worst first."""

    cost: Cost | None
    limits: Sequence[Limit]
    invalid: Sequence[Invalid]
    groups: Sequence[Group]
    unknowns: Sequence[Unknowns]
    unchecked: Sequence[Unchecked]
    messages: Sequence[str]
    """Warnings and errors of the engine."""

    notes: Sequence[str] = ()
    """What the plan comes to that no single change shows."""

    violations: Sequence[Violation] = ()
    """What the engine's policies have against the plan, mandatory ones first."""

    outputs: Sequence[Difference] = ()
    """Outputs of the stack that change; only the stream of events has them."""

    edges: Sequence[Edge] = ()
    """Which components use which, for the picture."""

    origin: Origin | None = None
    """Where the review comes from."""

    @property
    def passes(self) -> bool:
        """Whether no limit is broken, no object is refused, and no mandatory policy is violated."""
        refused = self.invalid or any(each.mandatory for each in self.violations)
        return not refused and not any(limit.broken for limit in self.limits)

    @property
    def outcome(self) -> Outcome:
        """How the review ends."""
        return Outcome.of(self.passes, self.incomplete)


Group.model_rebuild()

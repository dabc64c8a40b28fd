"""The model of a review that all formats (terminal, Markdown, HTML, JSON) are written from."""

from collections.abc import Mapping, Sequence
from enum import Enum, IntEnum

from mlpctl.model import Model
from mlpctl.review.report.cost import Cost, Limit, Money
from mlpctl.review.report.rules import Rules
from mlpctl.review.values.resource import Op


class Outcome(IntEnum):
    """The result of a review or an estimate: its exit code."""

    KEPT = 0
    """No limit is exceeded."""

    BROKEN = 1
    """A limit is exceeded, an object is rejected, or a mandatory policy or rule is violated."""

    PARTIAL = 3
    """The plan is incomplete: the missing part was not checked."""

    @classmethod
    def of(cls, passes: bool, incomplete: str) -> "Outcome":
        """The outcome of a review that passes or not, and of a plan that is incomplete or not."""
        return cls.PARTIAL if passes and incomplete else cls.KEPT if passes else cls.BROKEN


class Harm(Enum):
    """The harm of a change, which a later change does not undo."""

    DATA = "destroysData"
    CAPACITY = "dropsCapacity"
    SERVING = "interruptsServing"
    IDENTITY = "changesIdentity"
    PROTECTION = "lowersProtection"
    """Nothing is lost by itself; a later change may destroy what was protected until now."""


class Certainty(Enum):
    """Whether the harm will or may happen."""

    WILL = "will"
    MAY = "may"
    """Only a value that is not known yet causes it."""


class Danger(Model):
    """A harmful change that a reviewer must see."""

    urn: str
    name: str
    words: str
    """Kind of the resource for readers: `S3 bucket`."""

    component: str
    """Class and name of its component; empty if it has none."""

    op: Op
    harm: Harm
    certainty: Certainty
    because: Sequence[str]
    """Properties that cause it, with the known old and new values; empty for a deletion."""

    protected: bool
    retained: bool
    text: str
    """One sentence that describes what happens."""


class Difference(Model):
    """One property that changes."""

    path: str
    old: str | None
    """The old value, abbreviated; null if there was none."""

    new: str | None
    """The new value, abbreviated; null if it is removed."""

    forces: bool
    """Whether it forces a replacement."""

    excerpt: str = ""
    """A short unified diff of texts with several lines; `old` and `new` then contain their lengths."""


class Row(Model):
    """One resource that changes."""

    urn: str
    name: str
    type: str
    words: str
    op: Op
    certainty: Certainty
    differences: Sequence[Difference]
    """Changed inputs of an existing resource; the inputs of a new resource are not differences."""

    noise: int
    """Number of insignificant differences, which are not listed: order, unchanged defaults, computed hashes."""

    more: int = 0
    """Number of further differences that are not listed because there are too many."""

    facts: Sequence[Difference] = ()
    """The most important inputs of a resource that is created or deleted."""

    retained: bool = False
    """Whether a resource that leaves the state stays in the cloud."""

    reasons: Sequence[str] = ()
    """Reasons for a replacement or deletion, other than the properties that force it; protection that is removed."""


class Group(Model):
    """The resources of a component, or those without a component."""

    title: str
    """Class and name: `GpuNodePool inference`; or `Without a component`."""

    words: str
    """Kind of the component for readers: `GPU node pool`."""

    counts: Mapping[Op, int]
    monthly_delta_usd: "Money | None"
    rows: Sequence[Row]


class Unchecked(Model):
    """Something that the review could not check."""

    what: str
    why: str
    urns: Sequence[str] = ()


class Unknowns(Model):
    """Inputs of one resource that are known only after the update."""

    urn: str
    name: str
    words: str
    paths: Sequence[str]


class Invalid(Model):
    """A Kubernetes object that the API schema rejects."""

    urn: str
    name: str
    problems: Sequence[str]


class Violation(Model):
    """A violation of a Pulumi policy by a resource or the stack."""

    policy: str
    pack: str
    mandatory: bool
    """Whether the engine stops the update because of it."""

    text: str
    urn: str = ""
    """Empty for a violation by the whole stack."""

    name: str = ""


class Edge(Model):
    """A component that uses another: a resource of the first depends on a resource of the second."""

    source: str
    """Title of the component that uses the other."""

    target: str
    """Title of the used component."""


class Origin(Model):
    """The origin of a review."""

    commit: str
    """The reviewed commit; empty if unknown."""

    run_url: str
    """URL of the CI run; empty without one."""

    time: str
    """Time of the review, `2026-11-28 22:10 UTC`."""

    version: str
    """Version of mlpctl; empty if it is not installed as a package."""


class Report(Model):
    """A review."""

    project: str
    stack: str
    sandbox: bool
    """Whether the plan was created in the sandbox."""

    incomplete: str
    """Why the plan may be incomplete; empty if it is complete."""

    verdict: str
    """One line with the counts and the change of the cost."""

    audit: bool = False
    """Whether it is an audit of what is deployed, and not a review of what a plan changes."""

    refresh: bool = False
    """Whether the plan is one of `pulumi refresh`: only the state changes."""

    counts: Mapping[Op, int]
    """Number of resources by operation, without components and providers."""

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
    """Findings that no single change shows."""

    violations: Sequence[Violation] = ()
    """Violations of Pulumi policies, mandatory ones first."""

    rules: Rules | None = None
    """The results of the platform's rules; null for a program without the platform's config."""

    outputs: Sequence[Difference] = ()
    """Changed stack outputs; only the stream of events contains them."""

    edges: Sequence[Edge] = ()
    """Dependencies between components, for the diagram."""

    origin: Origin | None = None
    """The origin of the review."""

    @property
    def passes(self) -> bool:
        """Whether no limit is exceeded, no object is rejected, and no mandatory policy or rule is violated."""
        refused = self.invalid or any(each.mandatory for each in self.violations)
        allowed = self.rules is None or self.rules.passes
        return allowed and not refused and not any(limit.broken for limit in self.limits)

    @property
    def outcome(self) -> Outcome:
        """The outcome of the review."""
        return Outcome.of(self.passes, self.incomplete)


Group.model_rebuild()

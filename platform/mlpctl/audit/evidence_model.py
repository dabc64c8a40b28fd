"""The model of the evidence that auditors get."""

from collections.abc import Mapping, Sequence
from enum import Enum

from mlpctl.model import Model
from mlpctl.review.report.model import Difference, Origin, Unchecked


class Verdict(Enum):
    """The result of a rule for a resource, a stack, or all of its resources, worst first."""

    ERROR = "error"
    """The rule itself failed."""

    FAIL = "fail"
    NOT_EVALUATED = "notEvaluated"
    """The rule needs a value that is secret or not known."""

    WAIVED = "waived"
    """It is violated, and the stack file accepts this for a while."""

    PASS = "pass"
    NOT_APPLICABLE = "notApplicable"
    """The stack has no resource that the rule is for, or the rule judges changes."""

    OFF = "off"
    """The rule is not evaluated in the profile of the stack."""


class Waived(Model):
    """Who accepts a violation, why, and until when."""

    reason: str
    owner: str
    expires: str
    """The last day, `2027-01-31`."""


class Result(Model):
    """The result of a rule for one resource, or for the stack."""

    urn: str
    """The resource; empty for the stack."""

    name: str
    words: str
    """Kind of the resource for readers: `S3 bucket`; empty for the stack."""

    outcome: Verdict
    text: str
    """The violation, or why the rule was not evaluated; empty if it passes."""

    waiver: Waived | None = None


class RuleEvidence(Model):
    """One rule, with its result for each resource."""

    rule: str
    title: str
    reason: str
    remedy: str
    severity: str
    level: str
    """`mandatory`, `advisory` or `off` in this stack."""

    own: bool
    """Whether it is a rule of the team, from `policies.packs`."""

    serves: Sequence[str]
    """Controls of frameworks that it serves, e.g. `fsbp:S3.1`."""

    types: Sequence[str]
    """Type tokens of the resources that it is for; empty for a rule for the whole stack."""

    outcome: Verdict
    """The worst of the results."""

    counts: Mapping[Verdict, int]
    results: Sequence[Result]


class ServedControl(Model):
    """A control of a framework that rules serve."""

    id: str
    """The framework's ID of the control, e.g. `S3.1`."""

    rules: Sequence[str]
    outcome: Verdict
    """The worst result of these rules. A rule that passes does not prove that the whole control is fulfilled."""


class Coverage(Model):
    """What the rules cover of a framework. Controls that are not listed are not covered."""

    key: str
    name: str
    version: str
    url: str
    controls: Sequence[ServedControl]


class TypeCount(Model):
    """A type of resources in the stack that no rule judges by itself."""

    type: str
    words: str
    resources: int


class Drift(Model):
    """A resource that differs from the state, or that is gone."""

    urn: str
    name: str
    words: str
    gone: bool
    differences: Sequence[Difference]


class Stranger(Model):
    """A resource with the stack's tag that the state does not contain."""

    arn: str
    made_by: str
    """The tag by which the AWS service that created it marks it; empty if no service did."""


class State(Model):
    """The state that was judged."""

    sha256: str
    """Digest of the content of `deployment` in `pulumi stack export`, as JSON with sorted keys and without blanks."""

    resources: int
    """Number of its resources that a provider manages."""


class StackFile(Model):
    """The stack file whose levels and waivers apply."""

    path: str
    sha256: str


class Evidence(Model):
    """What was judged, how, and with which results."""

    format: int = 1
    """Version of this format."""

    project: str
    stack: str
    profile: str
    """The profile whose levels apply; empty for a program without the platform's config."""

    sandbox: bool
    """Whether the stack is deployed in a sandbox instead of AWS."""

    live: bool
    """Whether AWS and the cluster were read; otherwise the state was judged."""

    origin: Origin
    state: State
    stack_file: StackFile | None
    """Null without a stack file."""

    verdict: str
    passes: bool
    """Whether no mandatory rule is violated and no waiver has expired."""

    incomplete: str
    """Why the evidence may be incomplete; empty if it is complete."""

    counts: Mapping[Verdict, int]
    """Number of results."""

    rules: Sequence[RuleEvidence]
    frameworks: Sequence[Coverage]
    types_without_rules: Sequence[TypeCount]
    waivers: Sequence[str]
    """Waivers and approvals that have expired or match nothing, as sentences."""

    drift: Sequence[Drift]
    """Empty if AWS was not read."""

    unmanaged: Sequence[Stranger]
    """Empty if AWS was not read."""

    unchecked: Sequence[Unchecked]

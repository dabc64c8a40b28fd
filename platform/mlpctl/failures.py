"""What went wrong in an update, by component, config field, AWS's code and remedy: pure functions over plain data."""

import functools
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from pydantic import BaseModel, ConfigDict

from awsfacts.quotas import quota
from awsfacts.tables import read_table
from mlpctl import urns
from mlpctl.config.places import places
from mlpctl.config.problems import Keys

NO_ADVICE: Final = "There is no advice for this error here."

_ENGINES_OWN: Final = (urns.STACK_TYPE, urns.PROVIDER_TYPE)

# The AWS SDK for Go, which Terraform's provider and so the official plugin is made with.
_SDK_ERROR: Final = re.compile(
    r"operation error (?P<service>[^:]+): (?P<operation>\w+), "
    r"(?:exceeded maximum number of attempts, \d+, )?(?:https response error StatusCode: \d+, )?"
    r"(?:RequestID: [^,]*, )?(?:HostID: [^,]*, )?(?:api error )?(?P<code>[A-Z][\w.]*): (?P<message>.*)",
    re.DOTALL,
)
# What EC2 says of a launch, in the words of the scaling group; and the health of what EKS made, by either provider.
_LAUNCH: Final = re.compile(
    r"instances?\. (?P<code>[A-Z]\w+) - (?P<message>.*?)(?: Launching EC2 instance failed\.|$)", re.I
)
_UNHEALTHY: Final = re.compile(
    r"(?:\b(?:CREATE_|UPDATE_)?FAILED\b|'Failed').*?: (?:[\w., -]+: )?(?P<code>[A-Z][A-Za-z0-9]+): (?P<message>.*)",
    re.DOTALL,
)
# What keeps a pod from running, as Kubernetes' reason; the official provider has it in brackets.
_POD: Final = re.compile(
    r"\[?\b(?P<code>Unschedulable|ImagePullBackOff|ErrImagePull|CreateContainerConfigError|CrashLoopBackOff|OOMKilled)\b"
    r"[\]:,]* ?(?P<message>.*)",
    re.DOTALL,
)
# That a Deployment does not become ready: all that the provider tells of it where no container says why.
_ROLLOUT: Final = re.compile(r"\[(?P<code>MinimumReplicasUnavailable|ProgressDeadlineExceeded)\]")
_SANDBOX: Final = re.compile(r"\b(?P<operation>[A-Z]\w+): (?P<code>[A-Z][\w.]+): (?P<message>.*)", re.DOTALL)

PROTECTED: Final = "Protected"
"""The code, of ours, for what the engine refuses since a resource is protected."""

_PROTECTED: Final = re.compile(r"because it is protected|currently marked for protection")

_GONE: Final = re.compile(r"code = Unavailable\b|did not begin responding to RPC connections|connection refused")
"""How the engine says that a provider does not answer; the code for it is ours."""

UNREACHABLE: Final = re.compile(
    r"configured Kubernetes cluster is unreachable|(?:due to|with) unreachable cluster|"
    r"Kubernetes API server .{0,200}is unreachable"
)
"""How the Kubernetes provider says that it reached no API server: at an update, a refresh, a release and a check.

It has no codes; the advice is under EKS's own."""

FAILED_CREATION: Final = re.compile(r"\bCREATE_FAILED\b|'FAILED'|\bis FAILED\b")
"""How an error says that AWS made something which never worked. Such a thing has to be replaced; AWS repairs none."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Advice(_Model):
    """What an error means and what helps against it."""

    codes: Sequence[str]
    """Codes of the error, by the services that it comes from."""

    says: str = ""
    """Regular expression for the part of the message that tells it from others of its codes."""

    means: str
    remedy: str
    """What to do. `{quotas}` stands for the quotas of the pool's instance types."""

    fields: Mapping[str, Sequence[str]] = {}
    """Fields that steer it, below the component's place, by the component's class."""


class Config(Protocol):
    """A stack's config, as `mlpctl.config` loads it."""

    @property
    def platform(self) -> Any:
        """The specs."""

    @property
    def path(self) -> Any:
        """The file."""

    @property
    def lines(self) -> Mapping[Keys, int]:
        """Line of each value."""


@dataclass(frozen=True)
class Failure:
    """One resource that could not be made, changed or deleted."""

    urn: str
    said: str
    """The error, on one line."""

    code: str = ""
    """AWS's code; empty where the error is not one of AWS."""

    operation: str = ""
    """AWS's operation, where the error names it."""

    @property
    def resource(self) -> str:
        """The resource's logical name."""
        return urns.name(self.urn)

    @property
    def type(self) -> str:
        """The resource's type, e.g. `aws:eks/nodeGroup:NodeGroup`."""
        return urns.kind(self.urn)

    @property
    def made(self) -> bool:
        """Whether AWS made the resource, which then failed."""
        return bool(FAILED_CREATION.search(self.said))


@dataclass(frozen=True)
class Place:
    """A field of the stack file."""

    path: str
    line: int | None
    """Its line, or that of the nearest value around it; None where the file says nothing of it."""


@dataclass(frozen=True)
class Explanation:
    """A failure as its user reads it."""

    failure: Failure
    component: str
    """The outermost component, `GpuNodePool inference`; empty for a resource outside of any."""

    places: Sequence[Place]
    """The fields that steer it: at least the component's own place, where it has one."""

    means: str
    remedy: str


@functools.cache
def advices() -> Sequence[Advice]:
    """Everything that is known of errors."""
    return tuple(Advice.model_validate(each) for each in read_table("failures.yaml", "mlpctl"))


@dataclass(frozen=True)
class Update:
    """What an update tells of itself."""

    failures: Sequence[Failure] = ()
    """One for each resource that failed."""

    parents: Mapping[str, str] = field(default_factory=dict)
    """The parent's URN of each resource that it came to, made or not."""


def read(events: Iterable[str]) -> Update:
    """Read the engine's event log, a JSON object a line."""
    found: dict[str, Failure] = {}
    parents: dict[str, str] = {}
    for line in events:
        event = json.loads(line)
        if metadata := (event.get("resourcePreEvent") or {}).get("metadata"):
            parents[metadata["urn"]] = (metadata.get("new") or metadata.get("old") or {}).get("parent", "")
        diagnostic = event.get("diagnosticEvent") or {}
        urn, severity = diagnostic.get("urn", ""), diagnostic.get("severity")
        if severity != "error" or not urn:
            continue
        failure = parse(urn, diagnostic.get("message", ""))
        if urns.kind(urn).startswith(_ENGINES_OWN) and failure.code != "ProviderGone":
            continue
        # The engine says more than once that a resource failed; AWS's words are in one of them.
        if urn not in found or (failure.code and not found[urn].code):
            found[urn] = failure
    return Update(tuple(found.values()), parents)


def parse(urn: str, message: str) -> Failure:
    """Find AWS's code, operation and words in an error of a provider: the sandbox's or the official one."""
    text = " ".join(re.sub(r"<\{%[^%]*%\}>", "", message).split())
    text = re.sub(r"^1 error occurred: \* ", "", text)
    if _PROTECTED.search(text):
        return Failure(urn, text, PROTECTED)
    if launch := _LAUNCH.search(text):
        return Failure(urn, text, launch["code"], "RunInstances")
    if UNREACHABLE.search(text):
        return Failure(urn, text, "ClusterUnreachable")
    for pattern in (_SDK_ERROR, _UNHEALTHY, _POD, _ROLLOUT, _SANDBOX):
        if match := pattern.search(text):
            return Failure(urn, text, match["code"], match.groupdict().get("operation") or "")
    return Failure(urn, text, "ProviderGone" if _GONE.search(text) else "")


def explain(update: Update, config: Config) -> list[Explanation]:
    """Tell the failures of an update by component, field and remedy."""
    return [_explain(each, update.parents, config) for each in update.failures]


def advise(failure: Failure) -> Advice | None:
    """What is known of a failure's error."""
    for each in advices():
        if failure.code in each.codes and re.search(each.says, failure.said):
            return each
    return None


def place(component: str) -> str | None:
    """Where a stack file describes the component of this URN; None where it does not."""
    pattern = places().get(urns.class_name(component))
    return pattern.format(name=urns.name(component)) if pattern else None


def _explain(failure: Failure, parents: Mapping[str, str], config: Config) -> Explanation:
    top = urns.outermost(failure.urn, parents)
    name, where = urns.class_name(top), place(top)
    advice = advise(failure)
    below = advice.fields.get(name, ()) if advice else ()
    paths = [f"{where}.{each}" for each in below] or [where] if where else []
    spec = _at(config.platform, where)
    return Explanation(
        failure,
        f"{name} {urns.name(top)}" if where else "",
        [Place(path, _line(config, path)) for path in paths],
        advice.means if advice else NO_ADVICE,
        advice.remedy.format(quotas=_quotas(spec)) if advice else "",
    )


def _quotas(spec: Any) -> str:
    """The quotas that a pool's instance types count against, or those of the pool inside a component."""
    pool = spec if hasattr(spec, "instance_types") else getattr(spec, "system", None)
    types: Sequence[str] = getattr(pool, "instance_types", ())
    spot = getattr(getattr(pool, "capacity", None), "value", "") == "spot"
    found = dict.fromkeys(filter(None, (quota(each, spot=spot) for each in types)))
    return " and ".join(found) or "running instances of this family"


def _at(platform: Any, path: str | None) -> Any:
    """The spec at a component's place; None where there is none."""
    if path is None:
        return None
    top, _, name = path.partition(".")
    found = getattr(platform, re.sub(r"(?<=[a-z])([A-Z])", lambda match: f"_{match[1].lower()}", top), None)
    return found.get(name) if name and isinstance(found, Mapping) else found


def _line(config: Config, path: str) -> int | None:
    keys: Keys = tuple(path.split("."))
    while keys and keys not in config.lines:
        keys = keys[:-1]
    return config.lines.get(keys)

"""Explain the failures of an update: component, config field, error code and remedy. Pure functions over plain data."""

import functools
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from awsfacts.quotas import quota
from awsfacts.tables import Row, read_table
from mlpctl import failure_forms, urns
from mlpctl.config.places import places
from mlpctl.config.problems import Keys

NO_ADVICE: Final = "No advice is available for this error."

_ENGINES_OWN: Final = (urns.STACK_TYPE, urns.PROVIDER_TYPE)

# Error format of the AWS SDK for Go, which Terraform's provider and therefore the official plugin use.
_SDK_ERROR: Final = re.compile(
    r"operation error (?P<service>[^:]+): (?P<operation>\w+), "
    r"(?:exceeded maximum number of attempts, \d+, )?(?:https response error StatusCode: \d+, )?"
    r"(?:RequestID: [^,]*, )?(?:HostID: [^,]*, )?(?:api error )?(?P<code>[A-Z][\w.]*): (?P<message>.*)",
    re.DOTALL,
)
# EC2's launch error as the Auto Scaling group reports it, and EKS's health issues as either provider reports them.
_LAUNCH: Final = re.compile(
    r"instances?\. (?P<code>[A-Z]\w+) - (?P<message>.*?)(?: Launching EC2 instance failed\.|$)", re.I
)
_UNHEALTHY: Final = re.compile(
    r"(?:\b(?:CREATE_|UPDATE_)?FAILED\b|'Failed').*?: (?:[\w., -]+: )?(?P<code>[A-Z][A-Za-z0-9]+): (?P<message>.*)",
    re.DOTALL,
)
# Kubernetes' reason why a pod does not run. The official provider writes it in brackets.
_POD: Final = re.compile(
    r"\[?\b(?P<code>Unschedulable|ImagePullBackOff|ErrImagePull|CreateContainerConfigError|CrashLoopBackOff|OOMKilled)\b"
    r"[\]:,]* ?(?P<message>.*)",
    re.DOTALL,
)
# A Deployment does not become ready. This is the provider's whole message if no container reports a reason.
_ROLLOUT: Final = re.compile(r"\[(?P<code>MinimumReplicasUnavailable|ProgressDeadlineExceeded)\]")
_SANDBOX: Final = re.compile(r"\b(?P<operation>[A-Z]\w+): (?P<code>[A-Z][\w.]+): (?P<message>.*)", re.DOTALL)

PROTECTED: Final = "Protected"
"""This project's own code for changes that the engine rejects because a resource is protected."""

_PROTECTED: Final = re.compile(r"because it is protected|currently marked for protection")

_GONE: Final = re.compile(r"code = Unavailable\b|did not begin responding to RPC connections|connection refused")
"""The engine's messages for a provider that does not respond. The code for them is this project's own."""

UNREACHABLE: Final = re.compile(
    r"configured Kubernetes cluster is unreachable|(?:due to|with) unreachable cluster|"
    r"Kubernetes API server .{0,200}is unreachable"
)
"""The Kubernetes provider's messages for an unreachable API server: in an update, a refresh, a release and a check.

The provider has no error codes; the advice is listed under the code that EKS uses."""

FAILED_CREATION: Final = re.compile(r"\bCREATE_FAILED\b|'FAILED'|\bis FAILED\b")
"""Errors about a resource that AWS created but that never worked. AWS does not repair it; it has to be replaced."""


class Advice(Row):
    """The meaning of an error, and its remedy."""

    codes: Sequence[str]
    """Codes of the error; services use different codes for the same error."""

    says: str = ""
    """Regular expression for the message, where the code alone does not identify the error."""

    means: str
    remedy: str
    """What to do. `{quotas}` is replaced by the quotas of the pool's instance types."""

    fields: Mapping[str, Sequence[str]] = {}
    """Fields that affect it, by component class, relative to the component's place in the stack file."""


class Config(Protocol):
    """A stack's config as loaded by `mlpctl.config`."""

    @property
    def platform(self) -> Any:
        """The specs."""

    @property
    def path(self) -> Any:
        """The file."""

    @property
    def lines(self) -> Mapping[Keys, int]:
        """Line number of each value."""


@dataclass(frozen=True)
class Failure:
    """One resource that could not be created, changed or deleted."""

    urn: str
    message: str
    """The error, on one line."""

    code: str = ""
    """AWS's error code; empty if the error does not come from AWS."""

    operation: str = ""
    """AWS's operation, if the error names it."""

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
        """Whether AWS created the resource before it failed."""
        return bool(FAILED_CREATION.search(self.message))


@dataclass(frozen=True)
class Place:
    """A field of the stack file."""

    path: str
    line: int | None
    """Its line, or the line of the nearest enclosing value; None if the file contains neither."""


@dataclass(frozen=True)
class Explanation:
    """A failure as shown to the user."""

    failure: Failure
    component: str
    """The outermost component, e.g. `GpuNodePool inference`; empty for a resource outside of components."""

    places: Sequence[Place]
    """The fields that affect it: at least the component's own place, if it has one."""

    means: str
    remedy: str


@functools.cache
def advices() -> Sequence[Advice]:
    """All known errors."""
    return tuple(Advice.model_validate(each) for each in read_table("failures.yaml", "mlpctl"))


@functools.cache
def codes() -> frozenset[str]:
    """The codes of all known errors of AWS and of Kubernetes' pods."""
    return frozenset(code for each in advices() for code in each.codes) - {PROTECTED}


@dataclass(frozen=True)
class Update:
    """The result of an update."""

    failures: Sequence[Failure] = ()
    """One for each resource that failed."""

    parents: Mapping[str, str] = field(default_factory=dict)
    """The parent's URN of each resource that the update reached, whether it was created or not."""


def read(events: Iterable[str]) -> Update:
    """Read the engine's event log, which has one JSON object per line."""
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
        # The engine reports a failed resource more than once; only one of the events contains AWS's message.
        if urn not in found or (failure.code and not found[urn].code):
            found[urn] = failure
    return Update(tuple(found.values()), parents)


def parse(urn: str, message: str) -> Failure:
    """Find AWS's code, operation and message in an error of the sandbox's or the official provider."""
    text = " ".join(re.sub(r"<\{%[^%]*%\}>", "", message).split())
    text = re.sub(r"^1 error occurred: \* ", "", text)
    if _PROTECTED.search(text):
        return Failure(urn, text, PROTECTED)
    if launch := _LAUNCH.search(text):
        return Failure(urn, text, launch["code"], "RunInstances")
    if UNREACHABLE.search(text):
        return Failure(urn, text, "ClusterUnreachable")
    known = codes()
    for pattern in (_SDK_ERROR, _UNHEALTHY):
        if match := pattern.search(text):
            return Failure(urn, text, match["code"], match.groupdict().get("operation") or "")
    # A Deployment whose pods are refused is also not ready.
    if refused := failure_forms.of_kubernetes(text):
        return Failure(urn, text, refused)
    for pattern in (_POD, _ROLLOUT):
        if match := pattern.search(text):
            return Failure(urn, text, match["code"])
    code, operation = failure_forms.of_a_tool(text)
    if code:
        return Failure(urn, text, code, operation)
    match = _SANDBOX.search(text)
    # Before the message of an error, `AccessDenied: User: arn:…` has its code, and no operation.
    if match and not failure_forms.is_code(match["operation"], known) and match["code"] != "User":
        return Failure(urn, text, match["code"], match["operation"])
    if _GONE.search(text):
        return Failure(urn, text, "ProviderGone")
    return Failure(urn, text, failure_forms.bare(text, known))


def explain(update: Update, config: Config) -> list[Explanation]:
    """Explain the failures of an update by component, field and remedy."""
    return [_explain(each, update.parents, config) for each in update.failures]


def advise(failure: Failure) -> Advice | None:
    """The advice for a failure; None if there is none."""
    for each in advices():
        if failure.code in each.codes and re.search(each.says, failure.message):
            return each
    return None


def place(component: str) -> str | None:
    """The place of the component with this URN in a stack file; None if it has none."""
    pattern = places().get(urns.class_name(component))
    return pattern.format(name=urns.name(component)) if pattern else None


def line(config: Config, path: str) -> int | None:
    """The line of a field of the stack file, or of the nearest enclosing value; None if the file has neither."""
    keys: Keys = tuple(path.split("."))
    while keys and keys not in config.lines:
        keys = keys[:-1]
    return config.lines.get(keys)


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
        [Place(path, line(config, path)) for path in paths],
        advice.means if advice else NO_ADVICE,
        advice.remedy.format(quotas=_quotas(spec)) if advice else "",
    )


def _quotas(spec: Any) -> str:
    """The quotas for the instance types of a pool, or of the pool inside a component."""
    pool = spec if hasattr(spec, "instance_types") else getattr(spec, "system", None)
    types: Sequence[str] = getattr(pool, "instance_types", ())
    spot = getattr(getattr(pool, "capacity", None), "value", "") == "spot"
    found = dict.fromkeys(filter(None, (quota(each, spot=spot) for each in types)))
    return " and ".join(found) or "running instances of this family"


def _at(platform: Any, path: str | None) -> Any:
    """The spec at a component's place; None if there is none."""
    if path is None:
        return None
    top, _, name = path.partition(".")
    found = getattr(platform, re.sub(r"(?<=[a-z])([A-Z])", lambda match: f"_{match[1].lower()}", top), None)
    return found.get(name) if name and isinstance(found, Mapping) else found

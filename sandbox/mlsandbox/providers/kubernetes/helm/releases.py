"""`kubernetes:helm.sh/v3:Release` in the sandbox: recorded, its CRDs registered, nothing rendered.

The record is the one that Helm keeps, so `helm list` and `helm get values` show it. CustomResourceDefinitions of charts
in the table (`charts.yaml`) are registered with open schemas where they do not exist yet. Deleting a release deletes
the definitions that it registered unless the chart keeps them; Helm's finer points (hooks, policies on single objects,
upgrades of definitions in templates) are not played.
"""

import difflib
import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import yaml
from pulumi_kubernetes.helm.v3 import ReleaseArgs
from pydantic.alias_generators import to_camel

from mlsandbox.providers.kubernetes.cluster import ApiError, Cluster
from mlsandbox.providers.kubernetes.helm import charts
from mlsandbox.providers.kubernetes.helm.record import DEPLOYED, OWNER_LABELS, SECRET, Revision, now, revisions
from mlsandbox.providers.kubernetes.naming import unique_name
from mlsandbox.providers.kubernetes.objects import DEFAULT_NAMESPACE, Kind, Object, Reference, dig, parse_id
from mlsandbox.providers.kubernetes.readiness import AWAITED
from mlsandbox.providers.kubernetes.waiting import DELETE_TIMEOUT_S, Waits
from mlsandbox.providers.protocol import (
    UNKNOWN,
    Change,
    Difference,
    Failure,
    Properties,
    ProviderError,
    Subject,
    compare,
    has_unknown,
)

KEYS = frozenset(to_camel(name) for name in inspect.signature(ReleaseArgs).parameters)
"""What a Release can be told, from the SDK's class."""

NOT_RENDERED = "not rendered: the sandbox records the release and registers the CRDs of its chart"

# Helm's and pulumi-kubernetes' default for `maxHistory`.
_MAX_HISTORY = 10

_MANAGER = "helm"
_OWNER = "meta.helm.sh/release-name"
_OWNER_NAMESPACE = "meta.helm.sh/release-namespace"
_NAMESPACE = Kind("v1", "Namespace")
_DEFINITION = Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition")


class Say(Protocol):
    """How to speak to the user about the release."""

    def __call__(self, message: str, *, lasting: bool = False) -> None:
        """Show `message`, for good if it is `lasting`."""


def check(
    subject: Subject, olds: Properties, news: Properties, seed: bytes, namespace: str
) -> tuple[Properties, Sequence[Failure]]:
    """Name the release and its namespace; refuse what a Release does not have."""
    inputs = {key: value for key, value in news.items() if value is not None and key != "compat"}
    failures = [Failure(key, f"{key} is not a property of a Helm release.{_meant(key)}") for key in news.keys() - KEYS]
    if not inputs.get("chart"):
        failures.append(Failure("chart", "chart is missing; a Helm release needs the chart's name or address."))
    try:
        _values(inputs)
    except ProviderError as error:
        failures.append(Failure("valueYamlFiles", str(error)))
    inputs.setdefault("name", olds.get("name") or unique_name(subject.name, seed))
    inputs.setdefault("namespace", olds.get("namespace") or namespace)
    return inputs, failures


def difference(olds: Properties, news: Properties) -> Difference:
    """A release with another name or in another namespace is another release; all else is an upgrade."""
    changes = [
        Change(one.path, one.kind, replaces=one.path in (("name",), ("namespace",))) for one in compare(olds, news)
    ]
    return Difference(changes)


def foreseen(inputs: Properties, number: int | None) -> Properties:
    """The outputs in a preview; `number` is the revision to come, if it is known."""
    status = {key: inputs.get(key, UNKNOWN) for key in ("name", "namespace", "version")}
    chart = inputs.get("chart", UNKNOWN)
    status |= {
        "chart": charts.chart_name(chart) if isinstance(chart, str) else UNKNOWN,
        "revision": number or UNKNOWN,
        "status": DEPLOYED,
    }
    return {"description": NOT_RENDERED, **inputs, "status": status}


class Releases:
    """The releases in one cluster."""

    def __init__(self, cluster: Cluster, waits: Waits, say: Say) -> None:
        self._cluster = cluster
        self._waits = waits
        self._say = say

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        """Install: id and outputs. A name that a release has already is refused, as Helm does."""
        name, namespace = str(inputs["name"]), str(inputs["namespace"])
        if self._history(name, namespace) and not inputs.get("replace"):
            raise ProviderError(
                f"Helm release {namespace}/{name} exists already: Helm cannot re-use a name that is still in use."
            )
        self._ensure_namespace(inputs)
        return f"{namespace}/{name}", self._deploy(inputs, [])

    def update(self, inputs: Properties) -> Properties:
        """Upgrade: outputs. The revisions before stay as superseded, as many as `maxHistory` allows."""
        history = self._history(str(inputs["name"]), str(inputs["namespace"]))
        if not history:
            raise ProviderError(
                f"Helm release {inputs['namespace']}/{inputs['name']} has no record in the cluster any more. Run "
                "`pulumi refresh` to forget it; the next update installs it again."
            )
        return self._deploy(inputs, history)

    def read(self, id: str, inputs: Properties) -> tuple[Properties, Properties] | None:
        """Inputs and outputs as Helm's record has them; None if there is no record."""
        namespace, name = parse_id(id)
        namespace = namespace or DEFAULT_NAMESPACE
        history = self._history(name, namespace)
        if not history:
            return None
        last = history[-1]
        seen = dict(inputs) or {"chart": last.chart, "name": name, "namespace": namespace}
        if charts.chart_name(str(seen["chart"])) != last.chart:
            seen["chart"] = last.chart
        if last.version and (not inputs or "version" in inputs):
            seen["version"] = last.version
        if dict(last.values) != _values(seen):
            seen.pop("valueYamlFiles", None)
            seen["values"] = dict(last.values)
        return seen, _outputs(seen, last)

    def delete(self, id: str, chart: str, timeout_s: float) -> None:
        """Uninstall: the records go, and the release's own definitions unless the chart keeps them."""
        namespace, name = parse_id(id)
        namespace = namespace or DEFAULT_NAMESPACE
        known = charts.find(chart)
        if known and not known.keep:
            self._unregister(name, namespace, timeout_s or DELETE_TIMEOUT_S)
        for revision in self._history(name, namespace):
            self._cluster.delete(revision.reference)

    def _deploy(self, inputs: Properties, history: Sequence[Revision]) -> Properties:
        name, namespace, values = str(inputs["name"]), str(inputs["namespace"]), _values(inputs)
        self._register(str(inputs["chart"]), name, namespace, values, skip=inputs.get("skipCrds") is True)
        time = now()
        revision = Revision(
            name=name,
            namespace=namespace,
            number=history[-1].number + 1 if history else 1,
            chart=str(inputs["chart"]),
            version=str(inputs.get("version") or ""),
            values=values,
            description=str(inputs.get("description") or NOT_RENDERED),
            first_deployed=history[0].first_deployed if history else time,
            last_deployed=time,
        )
        self._cluster.apply(revision.secret(), _MANAGER, force=True)
        for earlier in history:
            if earlier.status == DEPLOYED:
                self._cluster.apply(earlier.superseded().secret(), _MANAGER, force=True)
        most = int(inputs.get("maxHistory") or _MAX_HISTORY)
        for forgotten in history[: max(len(history) + 1 - most, 0)]:
            self._cluster.delete(forgotten.reference)
        self._say(f"Helm release {namespace}/{name} is {NOT_RENDERED}", lasting=True)
        return _outputs(inputs, revision)

    def _register(self, chart: str, name: str, namespace: str, values: Mapping[str, Any], *, skip: bool) -> None:
        known = charts.find(chart)
        if known is None or skip or not known.installs(values):
            return
        made = [made for one in charts.definitions(known) if (made := self._registered(one, name, namespace))]
        how = AWAITED[(_DEFINITION.group, _DEFINITION.name)]
        for definition in made:
            self._waits.until_ready(self._cluster, definition, how, how.timeout_s, self._say)
        if made:
            self._say(f"{len(made)} CRDs registered as of {', '.join(charts.releases(known))}")

    def _registered(self, definition: Object, name: str, namespace: str) -> Object | None:
        """The definition if it was made now; None if it exists, which Helm leaves alone too."""
        metadata = definition["metadata"]
        metadata["labels"] = {"app.kubernetes.io/managed-by": "Helm"}
        metadata["annotations"] |= {_OWNER: name, _OWNER_NAMESPACE: namespace}
        try:
            return self._cluster.create(definition, _MANAGER)
        except ApiError as error:
            if error.reason == "AlreadyExists":
                return None
            raise

    def _unregister(self, name: str, namespace: str, timeout_s: float) -> None:
        owned = [
            definition
            for definition in self._cluster.list(_DEFINITION, labels="app.kubernetes.io/managed-by=Helm")
            if dig(definition, "metadata", "annotations", _OWNER) == name
            and dig(definition, "metadata", "annotations", _OWNER_NAMESPACE) == namespace
        ]
        for definition in owned:
            self._cluster.delete(Reference.to(definition), uid=definition["metadata"]["uid"])
        for definition in owned:
            self._waits.until_gone(self._cluster, definition, timeout_s, self._say)

    def _ensure_namespace(self, inputs: Properties) -> None:
        namespace = str(inputs["namespace"])
        if self._cluster.get(Reference(_NAMESPACE, namespace)) is not None:
            return
        if not inputs.get("createNamespace"):
            raise ProviderError(
                f"There is no namespace {namespace} for Helm release {inputs['name']}. Make it first, or set "
                "createNamespace."
            )
        item = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        self._cluster.apply(item, _MANAGER)

    def _history(self, name: str, namespace: str) -> list[Revision]:
        return revisions(iter(self._cluster.list(SECRET, namespace, f"{OWNER_LABELS},name={name}")))


def _outputs(inputs: Properties, revision: Revision) -> Properties:
    status: Properties = {
        "chart": charts.chart_name(revision.chart),
        "name": revision.name,
        "namespace": revision.namespace,
        "revision": revision.number,
        "status": revision.status,
    }
    if revision.version:
        status["version"] = revision.version
    return {**inputs, "description": revision.description, "resourceNames": {}, "status": status}


def _values(inputs: Properties) -> dict[str, Any]:
    """The values of the files, and those of `values` over them. Raises `ProviderError` for an unreadable file."""
    merged: dict[str, Any] = {}
    assets = inputs.get("valueYamlFiles") or []
    for asset in assets if isinstance(assets, list) else ():
        if not has_unknown(asset):
            merged = _over(merged, _asset_values(asset))
    given = inputs.get("values")
    return _over(merged, given) if isinstance(given, Mapping) else merged


def _asset_values(asset: Any) -> Mapping[str, Any]:
    text, path = dig(asset, "text"), dig(asset, "path")
    try:
        if text is None:
            if path is None or not Path(path).is_absolute():
                raise ProviderError(
                    "valueYamlFiles: the sandbox reads text assets and files by their absolute path; use a "
                    "pulumi.StringAsset, or `values`."
                )
            text = Path(path).read_text(encoding="utf-8")
        content = yaml.safe_load(text)
    except (OSError, yaml.YAMLError) as error:
        raise ProviderError(f"valueYamlFiles: {path or 'an asset'} cannot be read: {error}") from None
    if not isinstance(content, Mapping):
        raise ProviderError(f"valueYamlFiles: {path or 'an asset'} is not a mapping of values.")
    return content


def _over(under: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for key, value in upper.items():
        below = merged.get(key)
        merged[key] = _over(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged


def _meant(key: str) -> str:
    near = difflib.get_close_matches(key, KEYS, n=1)
    return f" Did you mean {near[0]}?" if near else ""

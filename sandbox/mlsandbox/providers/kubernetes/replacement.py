"""Which changes an object cannot take in place, so that Pulumi makes it anew."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlsandbox.providers.kubernetes.annotations import AUTONAMED, is_true
from mlsandbox.providers.kubernetes.objects import DEFAULT_NAMESPACE, Kind, dig
from mlsandbox.providers.protocol import Change, Difference, Path, Properties, compare

_EACH: str = "*"
"""In a pattern: every item of a list."""

Pattern = tuple[str, ...]


def _fields(*paths: str) -> tuple[Pattern, ...]:
    return tuple(tuple(path.split(".")) for path in paths)


def _container_fields(*lists: str) -> tuple[Pattern, ...]:
    names = (
        "args command env image imagePullPolicy lifecycle livenessProbe ports readinessProbe resources securityContext "
        "stdin stdinOnce terminationMessagePath terminationMessagePolicy tty volumeDevices volumeMounts workingDir"
    )
    return tuple(("spec", name, _EACH, field) for name in lists for field in names.split())


_IDENTITY = _fields("metadata.name", "metadata.namespace")
_SELECTOR = _fields("spec.selector")
_ROLE = _fields("roleRef")
_VOLUME_SOURCES = (
    "awsElasticBlockStore azureDisk azureFile cephfs cinder csi fc flexVolume flocker gcePersistentDisk glusterfs "
    "hostPath iscsi local nfs photonPersistentDisk portworxVolume quobyte rbd scaleIO storageos vsphereVolume"
)
_POD_FIELDS = (
    "affinity automountServiceAccountToken dnsConfig dnsPolicy enableServiceLinks hostAliases hostIPC hostNetwork "
    "hostPID hostname imagePullSecrets nodeName nodeSelector overhead preemptionPolicy priority priorityClassName "
    "readinessGates restartPolicy runtimeClassName schedulerName securityContext serviceAccount serviceAccountName "
    "shareProcessNamespace subdomain terminationGracePeriodSeconds volumes"
)

FORCE_NEW: Mapping[tuple[str, str], tuple[Pattern, ...]] = {
    ("apps", "DaemonSet"): _SELECTOR,
    ("apps", "Deployment"): _SELECTOR,
    ("apps", "StatefulSet"): _fields(
        "spec.podManagementPolicy",
        "spec.revisionHistoryLimit",
        "spec.selector",
        "spec.serviceName",
        "spec.volumeClaimTemplates",
    ),
    ("batch", "Job"): _fields("spec.completions", "spec.parallelism", "spec.selector", "spec.template"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): _ROLE,
    ("rbac.authorization.k8s.io", "RoleBinding"): _ROLE,
    ("storage.k8s.io", "StorageClass"): _fields("parameters", "provisioner"),
    ("", "PersistentVolume"): _fields(*(f"spec.{source}" for source in _VOLUME_SOURCES.split())),
    ("", "PersistentVolumeClaim"): _fields(
        "spec.accessModes", "spec.selector", "spec.storageClassName", "spec.volumeName"
    ),
    ("", "Pod"): _fields(*(f"spec.{field}" for field in _POD_FIELDS.split()))
    + _container_fields("containers", "initContainers"),
    ("", "ResourceQuota"): _fields("spec.scopes"),
    ("", "Service"): _fields("spec.clusterIP"),
}
"""Fields by group and kind that the official provider replaces for: `forceNew` in pulumi-kubernetes,
provider/pkg/provider/diff.go. Secrets and ConfigMaps, which depend on its configuration, are in `patterns`."""


def patterns(kind: Kind, news: Mapping[str, Any], mutable: bool) -> Sequence[Pattern]:
    """Fields of the object whose change replaces it.

    A ConfigMap's or Secret's data replaces it unless the provider is configured to change it in place (`mutable`), so
    that pods notice; an object that is `immutable` is always replaced.
    """
    found = _IDENTITY + FORCE_NEW.get((kind.group, kind.name), ())
    frozen = not mutable or news.get("immutable") is True
    if kind == Kind("v1", "Secret"):
        found += _fields("type", "stringData", "data") if frozen else _fields("type")
    if kind == Kind("v1", "ConfigMap") and frozen:
        found += _fields("binaryData", "data")
    return found


def difference(
    kind: Kind, olds: Properties, news: Properties, *, mutable: bool = False, patch: bool = False
) -> Difference:
    """What an update of the inputs `olds` to `news` does.

    An object without a namespace is in the default one, so that naming it is no change. A patch never replaces the
    object that it patches: only its identity counts.
    """
    olds, news = _in_default_namespace(olds, news)
    replacing = _IDENTITY if patch else patterns(kind, news, mutable)
    changes = [
        Change(
            change.path,
            change.kind,
            replaces=_changes_kind(change.path, olds, news)
            or any(_reaches(pattern, change.path, olds, news) for pattern in replacing),
        )
        for change in compare(olds, news)
    ]
    replaced = any(change.replaces for change in changes)
    return Difference(changes, delete_before_replace=replaced and _keeps_fixed_name(olds, news))


def _in_default_namespace(olds: Properties, news: Properties) -> tuple[Properties, Properties]:
    old, new = dig(olds, "metadata", "namespace"), dig(news, "metadata", "namespace")
    if (old or DEFAULT_NAMESPACE) != (new or DEFAULT_NAMESPACE) or old == new:
        return olds, news
    return _placed(olds), _placed(news)


def _placed(inputs: Properties) -> Properties:
    return {**inputs, "metadata": {**(inputs.get("metadata") or {}), "namespace": DEFAULT_NAMESPACE}}


def _changes_kind(path: Path, olds: Properties, news: Properties) -> bool:
    if path == ("kind",):
        return True
    return path == ("apiVersion",) and (
        str(olds.get("apiVersion")).rpartition("/")[0] != str(news.get("apiVersion")).rpartition("/")[0]
    )


def _reaches(pattern: Pattern, path: Path, olds: Properties, news: Properties) -> bool:
    """Whether the change at `path` is of a field of the pattern, of a part of it, or of something that holds it."""
    shared = min(len(pattern), len(path))
    if not all(want in (_EACH, got) for want, got in zip(pattern[:shared], path[:shared], strict=True)):
        return False
    rest = pattern[shared:]
    return not rest or any(_holds(dig(side, *path), rest) for side in (olds, news))


def _holds(value: object, pattern: Pattern) -> bool:
    if not pattern:
        return value is not None
    if pattern[0] == _EACH:
        return isinstance(value, list) and any(_holds(item, pattern[1:]) for item in value)
    return isinstance(value, Mapping) and _holds(value.get(pattern[0]), pattern[1:])


def _keeps_fixed_name(olds: Properties, news: Properties) -> bool:
    """Whether old and new object cannot exist side by side, since the program names both the same."""
    identities: Iterator[tuple[Any, Any]] = (
        (dig(olds, *field), dig(news, *field)) for field in (("metadata", "name"), ("metadata", "namespace"))
    )
    return not is_true(news, AUTONAMED) and all(old == new for old, new in identities)

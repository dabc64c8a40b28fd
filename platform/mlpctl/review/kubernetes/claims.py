"""Finds Kubernetes volumes that are deleted with their objects, or when an object is scaled in.

https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#persistentvolumeclaim-retention: the claims of a
StatefulSet's pods are deleted with it, or when it is scaled in, only if its retention policy says so.
https://kubernetes.io/docs/concepts/storage/persistent-volumes/#reclaiming: the reclaim policy determines whether the
deletion of a claim deletes its volume: `Delete` is the default of a storage class, `Retain` that of a volume created
manually.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from mlpctl import urns
from mlpctl.review.compare.paths import value_at
from mlpctl.review.plan.finding import Finding, Tier, causes
from mlpctl.review.plan.model import Change, Op
from mlpctl.review.report.model import Certainty, Harm
from mlpctl.review.values.plain import Unknown, Value

POLICY: Final = "spec.persistentVolumeClaimRetentionPolicy"
CLAIM: Final = "kubernetes:core/v1:PersistentVolumeClaim"
VOLUME: Final = "kubernetes:core/v1:PersistentVolume"
CLASS: Final = "kubernetes:storage.k8s.io/v1:StorageClass"
WORKLOADS: Final = ("apps", "apps.kruise.io", "batch", "extensions")
"""API groups of Kubernetes whose objects own pods."""

PROPAGATION: Final = 'metadata.annotations["pulumi.com/deletionPropagationPolicy"]'
"""How the Kubernetes provider deletes an object; with `orphan` the objects that it owns are retained.

https://github.com/pulumi/pulumi-kubernetes/blob/master/provider/pkg/metadata/annotations.go
"""

KEPT: Final = "its storage class retains the volumes"

DEFAULT: Final = 'metadata.annotations["storageclass.kubernetes.io/is-default-class"]'

Policies = Mapping[tuple[str, str], str]
"""Reclaim policies by kind (`volume`, `claim` or `class`) and name; the default class also has an empty name.

The policy of a claim is that of its bound volume; the name of a claim is prefixed with its namespace.
"""


def reclaim_policies(changes: Iterable[Change]) -> Policies:
    """The reclaim policies of the volumes and storage classes of a plan."""
    found: dict[tuple[str, str], str] = {}
    for change in changes:
        inputs = change.old or change.inputs
        name = value_at(inputs, "metadata.name")
        if change.type == VOLUME:
            policy = str(value_at(inputs, "spec.persistentVolumeReclaimPolicy") or "Retain")
            if isinstance(name, str):
                found["volume", name] = policy
            if bound := _named(value_at(inputs, "spec.claimRef")):
                found["claim", bound] = policy
        elif change.type == CLASS and change.op is Op.CREATE:
            # Existing volumes were not created by a new class.
            continue
        elif change.type == CLASS and isinstance(name, str):
            policy = str(value_at(inputs, "reclaimPolicy") or "Delete")
            found["class", name] = policy
            if value_at(inputs, DEFAULT) == "true":
                found["class", ""] = policy
    return found


def orphans(change: Change) -> bool:
    """Whether the pods and claims that a Kubernetes object owns are retained when it is deleted."""
    found = value_at(change.old or {}, PROPAGATION)
    group = change.type.removeprefix(urns.KUBERNETES).split("/")[0]
    return group in WORKLOADS and isinstance(found, str) and found.lower() == "orphan"


def claims_lost(policies: Policies, change: Change) -> Iterator[Finding]:
    """The claims that are deleted with a Kubernetes object, or with some of its pods."""
    if not change.type.startswith(urns.KUBERNETES) or change.retained or change.old is None:
        return
    if not _templates(change.old):
        return
    # The deletion of a patch only releases its fields.
    if change.op in (Op.DELETE, Op.REPLACE) and not change.type.endswith("Patch"):
        yield from _with_the_object(policies, change)
    elif change.op is Op.UPDATE:
        yield from _with_its_pods(policies, change)


def volume_fate(policies: Policies, change: Change) -> str:
    """The loss of the volume of a deleted claim; empty if it is retained, or unknown from the plan."""
    return "the volume and its files are lost" if _claim_policy(policies, change) == "Delete" else ""


def volume_kept(policies: Policies, change: Change) -> str:
    """What retains the files of a deleted claim; empty if nothing does, or if it is unknown from the plan."""
    return KEPT.replace("volumes", "volume") if _claim_policy(policies, change) == "Retain" else ""


def _claim_policy(policies: Policies, change: Change) -> str:
    """The reclaim policy of a claim's volume; empty if the plan does not contain it."""
    if change.type != CLAIM:
        return ""
    old = change.old or change.inputs
    bound = policies.get(("claim", _named(value_at(old, "metadata"))), "")
    return bound or _policy(policies, value_at(old, "spec"))


def _named(reference: Value) -> str:
    """Namespace and name of an object; empty if it has no name."""
    name, namespace = (value_at(reference, way) for way in ("name", "namespace"))
    return f"{namespace or 'default'}/{name}" if isinstance(name, str) else ""


def keeps_files(change: Change) -> bool:
    """Whether the files of a deleted volume are retained, which is the default of a volume created manually."""
    return change.type == VOLUME and value_at(change.old or {}, "spec.persistentVolumeReclaimPolicy") in (
        None,
        "Retain",
    )


def _with_the_object(policies: Policies, change: Change) -> Iterator[Finding]:
    """Claims that are deleted with the object."""
    policy = value_at(change.old, f"{POLICY}.whenDeleted")
    if policy != "Delete" or orphans(change):
        return
    may = change.forced_by_unknown
    verb = "is deleted too" if change.op is Op.DELETE else "is deleted too, and the new one starts empty"
    harm, says, tier = _lost(policies, change, f"every volume claim of its pods {verb}")
    certainty = Certainty.MAY if may else Certainty.WILL
    yield Finding(harm, tier, says, certainty, (f"{POLICY}.whenDeleted: Delete",))


def _with_its_pods(policies: Policies, change: Change) -> Iterator[Finding]:
    """Claims that are deleted with the pods when the number of replicas decreases."""
    new = change.new or {}
    policy, before, after = (
        value_at(new, f"{POLICY}.whenScaled"),
        value_at(change.old, "spec.replicas"),
        value_at(new, "spec.replicas"),
    )
    was = before if isinstance(before, int | float) else 1 if before is None else 0
    will = 1 if after is None else after
    doubtful = isinstance(policy, Unknown) or isinstance(will, Unknown)
    if not (policy == "Delete" or isinstance(policy, Unknown)) or was == 0:
        return
    if not doubtful and not (isinstance(will, int | float) and will < was):
        return
    harm, says, tier = _lost(policies, change, "the volume claims of the removed pods are deleted too")
    because = (*causes(before, after, "spec.replicas"), f"{POLICY}.whenScaled: {policy}")
    yield Finding(harm, tier, says, Certainty.MAY if doubtful else Certainty.WILL, because)


def _lost(policies: Policies, change: Change, what: str) -> tuple[Harm, str, Tier]:
    """The harm, the sentence and the severity, which depend on the reclaim policies of the claims' volumes."""
    found = {_policy(policies, value_at(each, "spec")) for each in _templates(change.old or {})}
    if found == {"Retain"}:
        return Harm.PROTECTION, f"{what}; {KEPT}", Tier.WEAKER
    doubt = "" if found == {"Delete"} else " unless their storage class retains the volumes"
    return Harm.DATA, f"{what}; their data is lost{doubt}", Tier.WORST


def claims_kept(change: Change) -> str:
    """The remark about claims that are retained when their object is deleted; empty if there are none."""
    kept = orphans(change) or value_at(change.old or {}, f"{POLICY}.whenDeleted") != "Delete"
    return "its volume claims are retained" if kept and change.old and _templates(change.old) else ""


def _templates(inputs: Mapping[str, Value]) -> Sequence[Value]:
    """The claim templates of the pods; for kinds with another format of them, one empty template."""
    for way in ("spec.volumeClaimTemplates", "spec.storage.volumeClaimTemplate", "spec.storage.volumeClaimTemplates"):
        if (found := value_at(inputs, way)) is not None:
            return found if isinstance(found, list) else [found]
    own = str(value_at(inputs, "kind")) != "StatefulSet" and value_at(inputs, "kind") is not None
    return [{}] if own and value_at(inputs, POLICY) is not None else []


def _policy(policies: Policies, claim: Value) -> str:
    """The reclaim policy of a claim's volume, from its volume or class in the plan; empty if neither is there."""
    volume, named = (value_at(claim, way) for way in ("volumeName", "storageClassName"))
    found = policies.get(("volume", volume), "") if isinstance(volume, str) else ""
    return found or (policies.get(("class", named or ""), "") if isinstance(named, str | None) else "")

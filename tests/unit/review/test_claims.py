"""Kubernetes volumes: when their data is deleted with other objects, and when it is retained."""

from typing import Any

import pytest

from changes import change, plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.plan.model import Change, Op
from mlpctl.review.report.model import Certainty, Danger, Harm
from mlpctl.review.values.plain import UNKNOWN

SET, CLAIM, VOLUME = (
    "kubernetes:apps/v1:StatefulSet",
    "kubernetes:core/v1:PersistentVolumeClaim",
    "kubernetes:core/v1:PersistentVolume",
)
CLASS, NAMESPACE = "kubernetes:storage.k8s.io/v1:StorageClass", "kubernetes:core/v1:Namespace"
DEFINITION = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"
PROMETHEUS = "kubernetes:monitoring.coreos.com/v1:Prometheus"

DELETE, SCALE = {"whenDeleted": "Delete"}, {"whenScaled": "Delete"}


def stateful(
    policy: Any = None, replicas: Any = 3, *, storage: str = "", notes: Any = None, **spec: Any
) -> dict[str, Any]:
    template = {"metadata": {"name": "data"}, "spec": {"storageClassName": storage} if storage else {}}
    made = {"replicas": replicas, "volumeClaimTemplates": [template], **spec}
    if policy is not None:
        made["persistentVolumeClaimRetentionPolicy"] = policy
    return {"kind": "StatefulSet", "metadata": {"name": "db", "annotations": notes or {}}, "spec": made}


def lost(*changes: Change) -> list[Danger]:
    return [each for each in dangers(plan(*changes)) if each.harm is Harm.DATA]


def unguarded(*changes: Change) -> list[Danger]:
    return [each for each in dangers(plan(*changes)) if each.harm is Harm.PROTECTION]


def orphan(value: str) -> Any:
    return {"pulumi.com/deletionPropagationPolicy": value}


GONE: dict[str, tuple[Any, bool]] = {
    "by default its claims stay": (stateful(), False),
    "retained by its policy": (stateful({"whenDeleted": "Retain", "whenScaled": "Delete"}), False),
    "deleted by its policy": (stateful(DELETE), True),
    "without pods": (stateful(DELETE, 0), True),
    "without claims": (stateful(DELETE, volumeClaimTemplates=[]), False),
    "with its owner orphaned": (stateful(DELETE, notes=orphan("Orphan")), False),
    "in small letters": (stateful(DELETE, notes=orphan("orphan")), False),
    "in the background": (stateful(DELETE, notes=orphan("background")), True),
    "in the foreground": (stateful(DELETE, notes=orphan("Foreground")), True),
    "with Helm's annotation, which the engine does not read": (
        stateful(DELETE, notes={"helm.sh/resource-policy": "keep"}),
        True,
    ),
}


@pytest.mark.parametrize("op", [Op.DELETE, Op.REPLACE])
@pytest.mark.parametrize("name", GONE)
def test_claims_are_deleted_with_their_set_if_its_policy_says_so(name: str, op: Op) -> None:
    old, goes = GONE[name]
    found = lost(change(SET, op, old=old, new=None if op is Op.DELETE else stateful()))
    assert len(found) == goes
    for each in found:
        assert each.certainty is Certainty.WILL and "every volume claim of its pods" in each.text
        assert each.text.startswith("Deletes the" if op is Op.DELETE else "Replaces the")
        assert (len(each.because) > 1) is (op is Op.REPLACE), "a replacement has its own reason too"
        assert each.because[0] == "spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Delete"


def test_retained_claims_are_reported() -> None:
    (danger,) = dangers(plan(change(SET, Op.DELETE, inputs=stateful())))
    assert danger.harm is Harm.SERVING and danger.text.endswith(
        "its pods are terminated; its volume claims are retained."
    )
    found = dangers(plan(change(SET, Op.DELETE, inputs=stateful(DELETE))))
    assert [each.harm for each in found] == [Harm.DATA, Harm.SERVING] and "retained" not in found[1].text
    (danger,) = dangers(plan(change(SET, Op.DELETE, inputs=stateful(DELETE, notes=orphan("orphan")))))
    assert "its pods are retained but no longer managed; its volume claims are retained" in danger.text


def test_a_retained_set_keeps_its_claims() -> None:
    assert lost(change(SET, Op.DELETE, inputs=stateful(DELETE), retained=True)) == []
    assert lost(update(SET, stateful(DELETE), stateful(DELETE), op=Op.REPLACE, retained=True)) == []


def test_a_possible_replacement_may_lose_data() -> None:
    new = {**stateful(DELETE), "metadata": UNKNOWN}
    (danger,) = lost(update(SET, stateful(DELETE), new, op=Op.REPLACE, forced_by=("metadata.name",)))
    assert danger.certainty is Certainty.MAY and danger.text.startswith("May replace the ")


SCALED: dict[str, tuple[Any, Any, Certainty | None]] = {
    "fewer pods": (stateful(SCALE, 3), stateful(SCALE, 1), Certainty.WILL),
    "no pods": (stateful(SCALE, 3), stateful(SCALE, 0), Certainty.WILL),
    "more pods": (stateful(SCALE, 1), stateful(SCALE, 3), None),
    "as many pods": (stateful(SCALE, 3), stateful(SCALE, 3), None),
    "fewer pods with retained claims": (stateful(None, 3), stateful(None, 1), None),
    "fewer pods under a policy for its deletion": (stateful(DELETE, 3), stateful(DELETE, 1), None),
    "fewer pods and a new policy that deletes their claims": (stateful(None, 3), stateful(SCALE, 1), Certainty.WILL),
    "fewer pods and a removed policy": (stateful(SCALE, 3), stateful(None, 1), None),
    "one pod by default": (stateful(SCALE, 3), stateful(SCALE, None), Certainty.WILL),
    "an unknown number": (stateful(SCALE, 3), stateful(SCALE, UNKNOWN), Certainty.MAY),
    "no claims": (stateful(SCALE, 3, volumeClaimTemplates=[]), stateful(SCALE, 1, volumeClaimTemplates=[]), None),
}


@pytest.mark.parametrize("name", SCALED)
def test_claims_are_deleted_with_removed_pods_if_the_policy_says_so(name: str) -> None:
    old, new, certainty = SCALED[name]
    found = [each for each in lost(update(SET, old, new)) if "of the removed pods" in each.text]
    assert [each.certainty for each in found] == ([certainty] if certainty else [])
    assert not certainty or any(each.startswith("spec.replicas: 3 → ") for each in found[0].because)


@pytest.mark.parametrize(("key", "text"), [("whenDeleted", "a deletion will"), ("whenScaled", "scaling in will also")])
def test_a_policy_that_changes_to_delete_lowers_protection(key: str, text: str) -> None:
    (danger,) = unguarded(update(SET, stateful(), stateful({key: "Delete"})))
    assert text in danger.text
    assert unguarded(update(SET, stateful({key: "Delete"}), stateful({key: "Retain"}))) == []


@pytest.mark.parametrize(
    ("policy", "text", "harm"),
    [
        ("Retain", "its storage class retains the volumes", Harm.PROTECTION),
        ("Delete", "their data is lost.", Harm.DATA),
        (None, "their data is lost.", Harm.DATA),
    ],
)
def test_the_storage_class_of_the_claims_determines_whether_volumes_are_lost(
    policy: Any, text: str, harm: Harm
) -> None:
    made = {"metadata": {"name": "fast"}, **({"reclaimPolicy": policy} if policy else {})}
    storage = change(CLASS, Op.SAME, name="fast", inputs=made)
    found = dangers(plan(storage, change(SET, Op.DELETE, inputs=stateful(DELETE, storage="fast"))))
    assert [text in each.text for each in found if each.harm is harm] == [True]
    (danger,) = lost(change(SET, Op.DELETE, inputs=stateful(DELETE, storage="fast")))
    assert "unless their storage class retains the volumes" in danger.text


def test_other_kinds_with_such_a_policy_lose_their_claims_too() -> None:
    spec = {"replicas": 2, "persistentVolumeClaimRetentionPolicy": DELETE, "storage": {"volumeClaimTemplate": {}}}
    for type, kind in ((PROMETHEUS, "Prometheus"), ("kubernetes:apps.kruise.io/v1beta1:StatefulSet", "StatefulSet")):
        spec["volumeClaimTemplates"] = [{}]
        assert len(lost(change(type, Op.DELETE, inputs={"kind": kind, "spec": spec}))) == 1


def test_separate_claims_lose_their_volumes_unless_those_are_retained() -> None:
    claim = change(CLAIM, Op.DELETE, inputs={"spec": {"storageClassName": "fast"}})
    assert "the volume is lost unless its storage class retains it" in lost(claim)[0].text
    storage = change(CLASS, Op.SAME, inputs={"metadata": {"name": "fast"}, "reclaimPolicy": "Delete"})
    assert "the volume and its files are lost." in lost(storage, claim)[0].text


IN_CLASS = {"metadata": {"name": "files"}, "spec": {"storageClassName": "fast"}}
BY_NAME = {"metadata": {"name": "files"}, "spec": {"volumeName": "disk"}}
KEPT: dict[str, tuple[Any, str, Any]] = {
    "by its class": (IN_CLASS, CLASS, {"metadata": {"name": "fast"}, "reclaimPolicy": "Retain"}),
    "by the volume that it names": (BY_NAME, VOLUME, {"metadata": {"name": "disk"}}),
    "by the volume that is bound to it": (
        IN_CLASS,
        VOLUME,
        {
            "metadata": {"name": "pvc-1"},
            "spec": {"persistentVolumeReclaimPolicy": "Retain", "claimRef": {"namespace": "default", "name": "files"}},
        },
    ),
}


@pytest.mark.parametrize("op", [Op.DELETE, Op.REPLACE])
@pytest.mark.parametrize("name", KEPT)
def test_deleting_a_claim_with_a_retained_volume_destroys_nothing(name: str, op: Op) -> None:
    inputs, type, keeper = KEPT[name]
    (danger,) = dangers(
        plan(
            change(type, Op.SAME, name="keeper", inputs=keeper),
            change(CLAIM, op, old=inputs, new=None if op is Op.DELETE else inputs),
        )
    )
    assert (danger.harm, "its storage class retains the volume" in danger.text) == (Harm.PROTECTION, True)
    assert ("starts without" in danger.text) is (op is Op.REPLACE)


def test_the_bound_volume_takes_precedence_over_its_storage_class() -> None:
    volume = {
        "spec": {"persistentVolumeReclaimPolicy": "Delete", "claimRef": {"namespace": "default", "name": "files"}}
    }
    storage = change(CLASS, Op.SAME, inputs={"metadata": {"name": "fast"}, "reclaimPolicy": "Retain"})
    claim = change(CLAIM, Op.DELETE, inputs=IN_CLASS)
    assert len(lost(storage, change(VOLUME, Op.SAME, inputs=volume), claim)) == 1


def test_a_new_storage_class_does_not_apply_to_existing_volumes() -> None:
    storage = change(CLASS, Op.CREATE, inputs={"metadata": {"name": "fast"}, "reclaimPolicy": "Retain"})
    assert "unless its storage class retains it" in lost(storage, change(CLAIM, Op.DELETE, inputs=IN_CLASS))[0].text


@pytest.mark.parametrize(("policy", "goes"), [("Retain", False), (None, False), ("Delete", True), ("Recycle", True)])
def test_manually_created_volumes_are_retained_by_default(policy: Any, goes: bool) -> None:
    spec = {"spec": {"persistentVolumeReclaimPolicy": policy} if policy else {}}
    assert bool(lost(change(VOLUME, Op.DELETE, inputs=spec))) is goes
    assert bool(unguarded(update(VOLUME, {"spec": {}}, spec))) is goes


@pytest.mark.parametrize("op", [Op.DELETE, Op.REPLACE])
@pytest.mark.parametrize(("type", "text"), [(NAMESPACE, "everything in it"), (DEFINITION, "every object of its kind")])
def test_deleting_namespaces_and_definitions_deletes_their_objects(type: str, text: str, op: Op) -> None:
    notes = {"metadata": {"annotations": orphan("orphan")}}
    for old in ({}, notes):
        (danger,) = lost(change(type, op, old=old, new=None if op is Op.DELETE else {}))
        assert text in danger.text
    assert all("is deleted" not in each.text for each in lost(change(type, op, retained=True)))


def test_a_definition_without_a_version_no_longer_serves_it() -> None:
    old, new = (
        {"spec": {"versions": [{"name": each, "served": True} for each in names]}} for names in (("v1", "v2"), ("v2",))
    )
    (danger,) = dangers(plan(update(DEFINITION, old, new)))
    assert (danger.harm, danger.because[0].split(":")[0]) == (Harm.SERVING, 'spec.versions["v1"]')


def test_a_patch_changes_its_object_and_its_deletion_destroys_nothing() -> None:
    patch = "kubernetes:apps/v1:StatefulSetPatch"
    (danger,) = dangers(plan(update(patch, {"spec": {"replicas": 2}}, {"spec": {"replicas": 0}})))
    assert danger.harm is Harm.SERVING
    assert dangers(plan(change(patch, Op.DELETE, inputs=stateful(DELETE)))) == ()


def test_the_default_class_applies_to_claims_without_a_class() -> None:
    notes = {"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}
    storage = change(CLASS, Op.SAME, inputs={"metadata": {"name": "gp3", **notes}, "reclaimPolicy": "Retain"})
    claim = change(CLAIM, Op.DELETE, inputs={"spec": {}})
    assert "its storage class retains the volume" in unguarded(storage, claim)[0].text
    named = change(CLAIM, Op.DELETE, inputs={"spec": {"storageClassName": "other"}})
    assert "unless its storage class retains it" in lost(storage, named)[0].text

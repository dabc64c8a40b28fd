"""Replacements of which a digest lists no steps: an old one of the same name goes first, and it stops serving."""

import json
from datetime import date
from typing import Any

import pytest

from mlpctl.review import assemble, reader
from mlpctl.review.cost import book
from mlpctl.review.plan import Op
from mlpctl.review.report import Harm, Report
from unit.review.engine import ROOT, Step, digest, events, state

BOOK = book.load()
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
FIRST = "until the new one exists"
OBJECTS = [
    "apps/v1:Deployment", "apps/v1:StatefulSet", "apps/v1:DaemonSet", "core/v1:Service", "core/v1:Pod", "batch/v1:Job",
    "networking.k8s.io/v1:Ingress", "gateway.networking.k8s.io/v1:Gateway", "ray.io/v1:RayService", "core/v1:ConfigMap",
    "serving.kserve.io/v1beta1:InferenceService",
]  # fmt: skip


def review(type: str, old: Any, new: Any, *paths: str, bare: bool = False) -> Report:
    plan = json.loads(digest(ROOT, Step("replace", state(type, "it", old), state(type, "it", new), paths)))
    for name in ("replaceReasons", "diffReasons", "detailedDiff") if bare else ():
        del plan["steps"][1][name]
    return assemble.review(reader.read(json.dumps(plan)), BOOK, date(2026, 11, 1))


def named(name: Any, color: str, namespace: str = "prod", **annotations: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, **({"annotations": annotations} if annotations else {})}
    return {"metadata": metadata, "spec": {"selector": {"color": color}}}


def said(report: Report) -> str:
    return " ".join(each.text for each in report.dangers)


@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize("kind", OBJECTS)
def test_an_object_that_keeps_its_name_is_deleted_first(kind: str, bare: bool) -> None:
    report = review(f"kubernetes:{kind}", named("web", "a"), named("web", "b"), "spec.selector", bare=bare)
    assert FIRST in said(report) and report.counts == {Op.REPLACE: 1}
    assert report.verdict.startswith("1 to replace")
    assert Harm.SERVING in {each.harm for each in report.dangers}


OTHERS: dict[str, tuple[Any, Any]] = {
    "another name": (named("web", "a"), named("web2", "b")),
    "another namespace": (named("web", "a"), named("web", "b", "test")),
    "a name that is not known yet": (named("web", "a"), named(UNKNOWN, "b")),
    "a name that the provider made": (
        named("web-1a2b3c", "a", **{"pulumi.com/autonamed": "true"}),
        named("web-1a2b3c", "b", **{"pulumi.com/autonamed": "true"}),
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_an_object_with_a_new_name_is_created_first(name: str) -> None:
    assert said(review("kubernetes:apps/v1:Deployment", *OTHERS[name], "spec.selector")) == ""


def test_an_object_of_another_provider_is_created_first() -> None:
    assert FIRST not in said(review("kubernetes:apps/v1:Deployment", named("web", "a"), named("web", "a"), "provider"))


SERVICE, GROUP = "aws:ecs/service:Service", "aws:lb/targetGroup:TargetGroup"


@pytest.mark.parametrize("type", [SERVICE, GROUP])
def test_a_bridged_resource_with_a_name_from_the_program_is_deleted_first(type: str) -> None:
    def inputs(port: int, *defaults: str) -> dict[str, Any]:
        return {"name": "web", "port": port, "__defaults": ["region", *defaults]}

    assert FIRST in said(review(type, inputs(1), inputs(2), "port"))
    assert said(review(type, inputs(1, "name"), inputs(2, "name"), "port")) == "", "the provider named it"
    assert said(review(type, {"name": "web", "port": 1}, {"name": "web", "port": 2}, "port")) == ""
    assert said(review(type, inputs(1), {**inputs(2), "name": "web2"}, "port")) == ""


@pytest.mark.parametrize("write", [digest, events])
@pytest.mark.parametrize("first", [False, True])
def test_listed_steps_take_precedence_over_names(first: bool, write: Any) -> None:
    old = state("kubernetes:apps/v1:Deployment", "it", named("web", "a"))
    new = {**old, "inputs": named("web", "b")}
    steps = [
        Step("create-replacement", old, new, ("spec.selector",), logical=False),
        Step("replace", old, new, ("spec.selector",)),
        Step("delete-replaced", {**old, "delete": True}, logical=False),
    ]
    report = assemble.review(reader.read(write(ROOT, *(reversed(steps) if first else steps))), BOOK, date(2026, 11, 1))
    assert (FIRST in said(report)) is first

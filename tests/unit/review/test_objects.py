"""Kubernetes objects are validated by the API schemas if their cluster does not exist yet."""

from typing import Any

import pytest

from mlpctl.review.kubernetes import api_schemas
from mlpctl.review.kubernetes.objects import check, problems
from mlpctl.review.plan.model import Change, Op, Plan
from mlpctl.review.values.plain import UNKNOWN, Secret, Value

HEAD = "urn:pulumi:dev::mlplatform::"
PROVIDER = f"{HEAD}pulumi:providers:kubernetes::cluster"


def provider(kubeconfig: Value) -> Change:
    return Change(PROVIDER, Op.CREATE, new={"kubeconfig": kubeconfig})


def thing(type: str, name: str = "x", op: Op = Op.CREATE, **inputs: Any) -> Change:
    return Change(f"{HEAD}kubernetes:{type}::{name}", op, new=inputs, provider=PROVIDER)


SERVICE = {"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": 80}]}}
WRONG = {**SERVICE, "spec": {"ports": [{"port": "80"}]}}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"ports": [{"port": 80}]}, []),
        ({"ports": [{"port": "http"}]}, ["spec.ports[0].port is 'http'; allowed: integer"]),
        ({"ports": [{"port": 80, "protocol": "tcp"}]}, ["spec.ports[0].protocol is 'tcp'; allowed: SCTP, TCP, UDP"]),
        ({"ports": [{"name": "http"}]}, ["spec.ports[0] has no port"]),
        ({"selectors": {}}, ["spec has unknown fields: selectors (did you mean selector?)"]),
        ({"ports": [{"port": UNKNOWN}], "selector": UNKNOWN, "type": UNKNOWN}, []),
        ({"ports": [{"port": 80, "targetPort": Secret("secret")}]}, []),
    ],
)
def test_an_invalid_field_is_reported_with_its_value_and_the_allowed_ones(spec: Any, expected: list[str]) -> None:
    assert list(problems("v1/Service", {**SERVICE, "spec": spec})) == expected


@pytest.mark.parametrize("right", ["16", "500m", "2Gi", 4, 0.5, "1e3", "-1"])
def test_quantities(right: Any) -> None:
    assert problems("v1/ResourceQuota", {"spec": {"hard": {"cpu": right}}}) == ()


@pytest.mark.parametrize("wrong", ["12 cores", "2GiB", "Gi", True])
def test_invalid_quantities(wrong: Any) -> None:
    (problem,) = problems("v1/ResourceQuota", {"spec": {"hard": {"cpu": wrong}}})
    assert problem.startswith(f"spec.hard.cpu is {wrong!r}; allowed: ")


def test_all_problems_are_reported_at_once() -> None:
    spec = {"replicas": "2", "template": {"spec": {"containers": [{"image": 5}]}}}
    problem = problems("apps/v1/Deployment", {"spec": spec})
    assert "spec has no selector" in problem
    assert "spec.replicas is '2'; allowed: integer" in problem
    assert "spec.template.spec.containers[0] has no name" in problem
    assert "spec.template.spec.containers[0].image is 5; allowed: string" in problem


def test_only_objects_without_a_cluster_are_validated() -> None:
    wrong = thing("core/v1:Service", **WRONG)
    assert check(Plan((provider("known"), wrong))).invalid == ()
    (found,) = check(Plan((provider(UNKNOWN), wrong))).invalid
    assert (found.urn, found.name) == (wrong.urn, "Service x")
    gone = Change(wrong.urn, Op.DELETE, old=WRONG, provider=PROVIDER)
    assert check(Plan((provider(UNKNOWN), gone))).invalid == ()


def test_objects_without_a_schema_are_counted() -> None:
    pool = thing("karpenter.sh/v1:NodePool", apiVersion="karpenter.sh/v1", kind="NodePool")
    release = thing("helm.sh/v3:Release", "chart", chart="keda")
    service = thing("core/v1:Service", **SERVICE)
    found = {each.what: each for each in check(Plan((provider(UNKNOWN), pool, release, service))).unchecked}
    assert found["karpenter.sh/v1/NodePool"].urns == [pool.urn]
    assert found["helm.sh/v3/Release"].urns == [release.urn]
    (rest,) = [each for what, each in found.items() if what.startswith("Admission")]
    assert (rest.urns, api_schemas.load()["version"] in rest.why) == ([service.urn], True)


def test_a_long_value_is_truncated() -> None:
    (problem,) = problems("v1/Service", {**SERVICE, "spec": {"ports": [{"port": "x" * 1000}]}})
    assert len(problem) < 200

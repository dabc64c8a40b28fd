"""An inference service as tests of `InferenceService` declare it."""

from typing import Any

import pulumi_kubernetes as k8s

from mlplatform import InferenceService, InferenceServiceSpec
from mlplatform.serving.inference_service.pods import (
    container,
)
from mlplatform.testing import Plan, declare


def wanted(**more: Any) -> InferenceServiceSpec:
    return InferenceServiceSpec(**{"image": "server:v1", "pool": "inference", **more})


def made(asked: InferenceServiceSpec) -> dict[str, Any]:
    return container("chat", asked, str(asked.image), asked.env)


def at_home(inference: dict[str, Any], **more: Any) -> Plan:
    args: dict[str, Any] = {"inference": {"pool": "inference", **inference}, **more}
    return declare(lambda: InferenceService("chat", args))  # type: ignore[arg-type]  # the test's own words


def pod_of(plan: Plan) -> dict[str, Any]:
    pod: dict[str, Any] = plan.one(k8s.apps.v1.Deployment).inputs["spec"]["template"]["spec"]["containers"][0]
    return pod

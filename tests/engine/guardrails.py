"""Asks an API server whether it would accept pods and Services, without creating them."""

import copy
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from typing import Any

import yaml

TABLE = Path(__file__).with_name("guardrails.yaml")

CREATED = 201

PATHS: Mapping[str, str] = {
    **{kind: f"/api/v1/namespaces/{{}}/{kind.lower()}s" for kind in ("Pod", "Service")},
    **{kind: f"/apis/apps/v1/namespaces/{{}}/{kind.lower()}s" for kind in ("Deployment", "StatefulSet", "DaemonSet")},
    **{kind: f"/apis/batch/v1/namespaces/{{}}/{kind.lower()}s" for kind in ("Job", "CronJob")},
}


def cases(**names: str) -> Iterator[tuple[str, str, dict[str, Any], Mapping[str, Any]]]:
    """Every case of the table: its name, kind, the spec of the pod or Service, and the case itself.

    `names` are values of `${…}`.
    """
    table = yaml.safe_load(Template(TABLE.read_text(encoding="utf-8")).safe_substitute(names))
    for case in table["cases"]:
        kinds = case.get("kind", "Pod")
        for kind in kinds if isinstance(kinds, list) else [kinds]:
            yield (
                f"{case['case']} ({kind})",
                kind,
                merged(table["service" if kind == "Service" else "pod"], case["change"]),
                case,
            )


def merged(value: Any, change: Any) -> Any:
    """A value with a change; null removes a key."""
    if isinstance(value, dict) and isinstance(change, dict):
        both = {
            key: merged(value.get(key), change[key]) if key in change else value[key] for key in {**value, **change}
        }
        return {key: each for key, each in both.items() if each is not None}
    if isinstance(value, list) and isinstance(change, list) and all(isinstance(each, dict) for each in change):
        return [merged(old, new) for old, new in zip(value, change, strict=True)]
    return copy.deepcopy(change)


def manifest(kind: str, pod: Mapping[str, Any]) -> dict[str, Any]:
    """An object of a kind with these pods; for a Service, with this spec."""
    labels = {"app": "probe"}
    template: dict[str, Any] = {"metadata": {"labels": labels}, "spec": pod}
    spec: dict[str, Any] = {"selector": {"matchLabels": labels}, "template": template}
    if kind in ("Job", "CronJob"):
        spec = {"template": {**template, "spec": {**pod, "restartPolicy": "Never"}}}
    if kind == "StatefulSet":
        spec["serviceName"] = "probe"
    if kind == "CronJob":
        spec = {"schedule": "0 0 * * *", "jobTemplate": {"spec": spec}}
    if kind in ("Pod", "Service"):
        spec = dict(pod)
    group = {"Pod": "v1", "Service": "v1", "Job": "batch/v1", "CronJob": "batch/v1"}.get(kind, "apps/v1")
    return {"apiVersion": group, "kind": kind, "metadata": {"name": "probe", "labels": labels}, "spec": spec}


def answer(api: Any, namespace: str, kind: str, pod: Mapping[str, Any]) -> tuple[int, str]:
    """The API server's status and message for an object that it does not create. Warnings are a message."""
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    request = api.param_serialize(
        "POST",
        PATHS[kind].format(namespace),
        query_params=[("dryRun", "All")],
        header_params=headers,
        body=manifest(kind, pod),
        auth_settings=["BearerToken"],
    )
    response = api.call_api(*request)
    body = json.loads(response.read())
    warnings = " ".join(value for key, value in response.headers.items() if key.lower() == "warning")
    return response.status, warnings if response.status == CREATED else body["message"]


def wrong(api: Any, namespace: str, guarded: str, policies: str, **names: str) -> list[str]:
    """The cases that the API server answers otherwise than the table says.

    Args:
        api: an administrator's client.
        namespace: the namespace to ask about.
        guarded: the namespace with guards to ask about.
        policies: the prefix of the policies' names.
        names: values of `${…}` in the table.
    """
    found = []
    for name, kind, pod, case in cases(**names):
        status, message = answer(api, guarded if case.get("guarded") else namespace, kind, pod)
        policy = f"ValidatingAdmissionPolicy '{policies}-{case.get('refused')}'"
        about = [policies in message] if "refused" not in case else [policy not in message, case["says"] not in message]
        if any(about) or ("refused" not in case and status != CREATED):
            found.append(f"{name}: {status} {message}")
    return found

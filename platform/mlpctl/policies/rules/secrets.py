"""Rules for secrets: where they are kept, and where they must not be."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pulumi_aws as aws
import pulumi_kubernetes as k8s

from mlpctl.policies.checks import parts
from mlpctl.policies.estate import NotEvaluated, Resource, token
from mlpctl.policies.pods import PATCH, WORKLOADS
from mlpctl.policies.rule import FROM_STAGING, Field, Severity, rule
from mlpctl.review.redact import Redactor, signs
from mlpctl.review.values.plain import HIDDEN, Masked, Secret, Unknown, Value, document, items

MOST_DAYS: Final = 90
"""Longest time between rotations: https://docs.aws.amazon.com/securityhub/latest/userguide/secretsmanager-controls.html"""

_RATE: Final = re.compile(r"rate\((\d+) days?\)")

_MAPPINGS: Final = {
    token(aws.lambda_.Function): ("environment.variables",),
    token(aws.sagemaker.Model): ("primaryContainer.environment",),
    token(k8s.core.v1.ConfigMap): ("data", "binaryData"),
}
"""Paths of mappings of names to values in plain text."""


@rule(
    "ML-SEC-01",
    aws.secretsmanager.Secret,
    aws.lambda_.Function,
    aws.ecs.TaskDefinition,
    aws.codebuild.Project,
    aws.sagemaker.Model,
    k8s.core.v1.ConfigMap,
    k8s.core.v1.ConfigMapPatch,
    *WORKLOADS,
    reason="A secret in plain text is read by everybody who can see the resource, and an old one by whoever saw it.",
    remedy="Keep it in Secrets Manager with kmsKeyId and a SecretRotation, and let the workload read it from there.",
    severity=Severity.HIGH,
    levels=FROM_STAGING,
    serves=[
        "fsbp:SecretsManager.1",
        "fsbp:SecretsManager.4",
        "nist:AC-2(1)",
        "checkov:CKV_AWS_149",
        "checkov:CKV2_AWS_57",
    ],
    fields=[Field("InferenceService", "env")],
)
def secrets_are_kept_safely(resource: Resource) -> Iterator[str]:
    """A secret is encrypted with a key of the account and rotated; none is in an environment or a ConfigMap."""
    if resource.type == token(aws.secretsmanager.Secret):
        yield from _kept(resource)
    else:
        yield from _exposed(_variables(resource))


def _kept(secret: Resource) -> Iterator[str]:
    """What is wrong with a secret in Secrets Manager."""
    if not secret.has("kmsKeyId") or str(secret.inputs["kmsKeyId"]).endswith("alias/aws/secretsmanager"):
        yield "is encrypted with the AWS managed key: kmsKeyId names no key of the account"
    rotations = secret.referring(aws.secretsmanager.SecretRotation, "secretId")
    if not any(each.get("rotationEnabled", True) is not False for each in rotations):
        yield "is never rotated: it has no SecretRotation"
    for each in rotations:
        rate = _RATE.fullmatch(str(each.get("rotationRules.scheduleExpression", "")))
        days = int(rate[1]) if rate else each.get("rotationRules.automaticallyAfterDays", 0)
        if isinstance(days, int | float) and days > MOST_DAYS:
            yield f"is rotated every {days:g} days: {each.name} allows more than {MOST_DAYS}"


def _exposed(variables: Iterator[tuple[str, Value]]) -> Iterator[str]:
    """The variables that contain a secret.

    Raises:
        NotEvaluated: after the known ones, if a variable with the name of a secret is not known yet.
    """
    unknown = ""
    for name, value in variables:
        if isinstance(value, Unknown):
            unknown = unknown or (name if signs.named_secret(name) else "")
        elif _is_secret(name, value):
            yield f"contains a secret in plain text: {name}"
    if unknown:
        raise NotEvaluated(f"{unknown} is not known yet")


def _is_secret(name: str, value: Value) -> bool:
    """Whether a value is a secret, or contains one, by its mark, its name or its form."""
    if isinstance(value, str) and HIDDEN in value:
        return True
    if isinstance(value, str) and value:
        value = Redactor().value(value, name)
    return isinstance(value, Secret | Masked)


def _variables(resource: Resource) -> Iterator[tuple[str, Value]]:
    """The names and values of environment variables, or of the entries of a ConfigMap."""
    for path in _MAPPINGS.get(resource.type.removesuffix(PATCH), ()):
        yield from _entries(resource, path)
    if resource.type == token(aws.sagemaker.Model):
        for container in parts(resource, "containers"):
            yield from _entries(container, "environment")
    elif resource.type == token(aws.codebuild.Project):
        for each in parts(resource, "environment.environmentVariables"):
            if each.get("type", "PLAINTEXT") == "PLAINTEXT":
                yield str(each.get("name")), each.inputs.get("value")
    elif resource.type == token(aws.ecs.TaskDefinition):
        yield from _of_task(resource)
    elif resource.type.startswith("kubernetes:"):
        yield from _of_pods(resource.inputs)


def _entries(resource: Resource, path: str) -> Iterator[tuple[str, Value]]:
    """The entries of a mapping; the whole if it is secret."""
    above, _, key = path.rpartition(".")
    for holder in parts(resource, above) if above else [resource]:
        found = holder.inputs.get(key)
        yield from found.items() if isinstance(found, Mapping) else [] if found is None else [(path, found)]


def _of_task(task: Resource) -> Iterator[tuple[str, Value]]:
    """The environment variables of an ECS task."""
    found = task.inputs.get("containerDefinitions")
    if isinstance(found, Secret):
        yield "containerDefinitions", found
    elif isinstance(found, Unknown):
        raise NotEvaluated("containerDefinitions is not known yet")
    for container in items(document(found) if isinstance(found, str) else found):
        for each in items(container.get("environment")) if isinstance(container, Mapping) else ():
            if isinstance(each, Mapping):
                yield str(each.get("name")), each.get("value")


def _of_pods(value: Any) -> Iterator[tuple[str, Value]]:
    """The environment variables of pods, at any depth.

    Raises:
        NotEvaluated: a part that may contain containers is not known yet.
    """
    if not isinstance(value, Mapping):
        return
    for key, each in value.items():
        if key in ("containers", "initContainers", "ephemeralContainers", "env", "spec", "template", "jobTemplate"):
            if isinstance(each, Unknown):
                raise NotEvaluated(f"{key} is not known yet")
            for one in items(each):
                if key == "env" and isinstance(one, Mapping):
                    yield str(one.get("name")), one.get("value")
                else:
                    yield from _of_pods(one)

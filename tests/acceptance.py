"""Predict whether the APIs accept a plan: Kubernetes by schemas and name rules, AWS by models and documented limits.

No API is called. The schemas are those that an API server publishes, the models are botocore's, and the limits are
those that the sandbox's local AWS API enforces.
"""

import itertools
import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network
from typing import Any, Final

from mlpctl.review.kubernetes import api_schemas, objects
from mlplatform.testing import ACCOUNT_ID, Declared, Plan
from mlsandbox.endpoint.limits import CHECKED, Request, refusal
from mlsandbox.providers.aws import DECLARATIONS, values
from mlsandbox.providers.aws.api import MODELS
from mlsandbox.providers.aws.declaration import Declaration
from mlsandbox.providers.aws.settings import Settings
from mlsandbox.providers.aws.steps import Create

LABEL: Final = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
SUBDOMAIN: Final = rf"(?=.{{1,253}}\Z){LABEL}(\.{LABEL})*"
QUALIFIED: Final = r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
FILE: Final = r"(?!\.\.|\.\Z)[-._a-zA-Z0-9]{1,253}"
PORT: Final = r"[1-9][0-9]{0,4}|(?=.*[a-z])(?!.*--)[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?"
IMAGE: Final = r"[^\s:@]+(:[0-9]{1,5}/[^\s:@]+)?(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?"
POSITIVE: Final = r"(?!0+(\.0+)?([a-zA-Z]|\Z))[0-9.]+(m|k|Ki|M|Mi|G|Gi|T|Ti)?"

GRAMMAR: Final[Mapping[str, str]] = {
    "metadata.name": SUBDOMAIN,
    "metadata.namespace": LABEL,
    "labels.*": rf"({QUALIFIED})?",
    "matchLabels.*": rf"({QUALIFIED})?",
    "nodeSelector.*": rf"({QUALIFIED})?",
    "env.*.name": r"(?!\.\.|\.\Z)[-._a-zA-Z][-._a-zA-Z0-9]*",
    "env.*.value": r"[^\0]*",
    "args.*": r"[^\0]*",
    "secretKeyRef.name": SUBDOMAIN,
    "secretKeyRef.key": FILE,
    "imagePullSecrets.*.name": SUBDOMAIN,
    "serviceAccountName": SUBDOMAIN,
    "containers.*.image": IMAGE,
    "ports.*.name": PORT,
    "ports.*.port": PORT,
    "ports.*.containerPort": PORT,
    "httpGet.path": r"/(?!/)[^\s#]*",
    "requests.*": POSITIVE,
    "limits.*": POSITIVE,
    "sizeLimit": POSITIVE,
    "data.*.key": FILE,
}
"""Patterns for strings in an object, by the end of their paths. The schemas do not contain these rules:
https://kubernetes.io/docs/concepts/overview/working-with-objects/"""

KEYS: Final = ("labels", "matchLabels", "nodeSelector", "annotations")
"""Mappings whose keys are qualified names."""

STAND_IN: Final = re.compile(r"arn:aws:mock:[^:]*:[0-9]*:mock/(?P<name>[\w-]+)")
"""The placeholder for the ARN of a resource under mocks."""

STAND_IN_ID: Final = re.compile(r"[\w-]+-id|arn:aws:kms:[^:]*:[0-9]*:key/[\w-]+")
KEY_ARN: Final = f"arn:aws:kms:us-east-1:{ACCOUNT_ID}:key/00000000-0000-0000-0000-000000000000"

IDS: Final = {
    "fileSystemId": "fs-00000000000000000",
    "kmsKeyId": KEY_ARN,
    "securityGroups": "sg-00000000000000000",
    "subnetId": "subnet-00000000000000000",
}
"""Valid IDs that replace the mock IDs of resources, for types whose format AWS's models define."""

DECLARED: Final = {each.token: each for each in DECLARATIONS}


def refused(plan: Plan) -> list[str]:
    """What the APIs would reject, one sentence per problem."""
    found = []
    for each in plan:
        if each.type.startswith("kubernetes:"):
            found += by_kubernetes(each)
        elif each.type in DECLARED:
            found += by_aws(each, DECLARED[each.type])
    return found


def by_kubernetes(each: Declared) -> Iterator[str]:
    value: Any = whole(each.inputs)
    kind = f"{value['apiVersion']}/{value['kind']}"
    # The schema of a custom resource is installed with its definition.
    for problem in objects.problems(kind, value) if kind in api_schemas.load()["kinds"] else ():
        yield f"{each.name}: {problem}"
    for path, text in leaves(value):
        for end, pattern in GRAMMAR.items():
            if ends_with(path, end.split(".")) and not re.fullmatch(pattern, str(text), re.DOTALL):
                yield f"{each.name}: {'.'.join(path)} is {text}"
        for above, key in itertools.pairwise(path):
            prefix, _, name = key.rpartition("/")
            if above in KEYS and not (
                re.fullmatch(QUALIFIED, name) and (not prefix or re.fullmatch(SUBDOMAIN, prefix))
            ):
                yield f"{each.name}: {above} has the key {key}"
    for block in blocks(value):
        outer = IPv4Network(block["cidr"])
        for inner in map(IPv4Network, block.get("except", ())):
            if inner == outer or not inner.subnet_of(outer):
                yield f"{each.name}: {inner} is not a subnet of {outer}"


def by_aws(each: Declared, declaration: Declaration) -> Iterator[str]:
    settings = Settings.of({"region": "us-east-1"})
    given = with_ids(whole(each.inputs)) if declaration.service == "efs" else whole(each.inputs)
    inputs, failures = values.checked(declaration, settings, each.name, {}, given, each.name.encode())
    for failure in failures:
        yield f"{each.type} {each.name}: {failure.path} {failure.reason}"
    step = declaration.create
    if failures or not isinstance(step, Create) or declaration.service not in CHECKED:
        return
    tags = declaration.tag_parameters(step.operation, inputs.get("tagsAll") or {}) if declaration.tags else {}
    parameters = {**declaration.request(step.operation, inputs).parameters, **step.more(inputs), **tags, **step.fixed}
    # Whether the key policy allows CloudWatch Logs can only be checked for an existing key.
    parameters.pop("kmsKeyId", None)
    model = MODELS.operation(declaration.service, step.operation)
    request = Request(declaration.service, model.name, parameters, ACCOUNT_ID, "us-east-1")
    if wrong := refusal(request, model):
        yield f"{each.type} {each.name}: {wrong.code}: {wrong.message}"


def with_ids(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs with ids of AWS's form for those of mocks."""

    def real(key: str, value: Any) -> Any:
        if isinstance(value, list):
            return [real(key, each) for each in value]
        return IDS[key] if key in IDS and STAND_IN_ID.fullmatch(str(value)) else value

    return {key: real(key, value) for key, value in inputs.items()}


def whole(node: Any) -> Any:
    """Inputs as sent to an API: integers instead of the engine's floats, and ARNs instead of placeholders."""
    if isinstance(node, Mapping):
        return {key: whole(value) for key, value in node.items()}
    if isinstance(node, list):
        return [whole(value) for value in node]
    if isinstance(node, str):
        return STAND_IN.sub(arn, node)
    return int(node) if isinstance(node, float) and node.is_integer() else node


def arn(found: re.Match[str]) -> str:
    name = found["name"]
    if name.endswith("-bucket"):
        return f"arn:aws:s3:::{name}-id"
    return KEY_ARN if name.startswith("keys-") else f"arn:aws:iam::{ACCOUNT_ID}:role/{name}"


def leaves(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    below = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else None
    if below is None:
        yield path, node
    for key, value in below or ():
        yield from leaves(value, (*path, str(key)))


def ends_with(path: tuple[str, ...], end: list[str]) -> bool:
    tail = path[-len(end) :]
    return len(tail) == len(end) and all(part in ("*", key) for part, key in zip(end, tail, strict=True))


def blocks(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if "ipBlock" in node:
            yield node["ipBlock"]
        for value in node.values():
            yield from blocks(value)
    elif isinstance(node, list):
        for value in node:
            yield from blocks(value)

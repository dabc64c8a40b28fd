"""Generated previews of any size, in the format of `pulumi preview --json`."""

import base64
import json
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

PREFIX: Final = "urn:pulumi:large::mlplatform::"
STACK: Final = f"{PREFIX}pulumi:pulumi:Stack::mlplatform-large"
UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
ACCOUNT: Final = "123456789012"
KEY: Final = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/0f5c8a1d-2e3b-4a69-97c1-5d0e8f7a6b42"

_FAMILIES: Final = ("g5.2xlarge", "g6.2xlarge", "g6e.12xlarge", "p5.48xlarge", "m7i.2xlarge", "inf2.8xlarge")
_LARGE_BYTES: Final = 256 * 1024

Inputs = dict[str, Any]
Change = Callable[[Inputs, random.Random], tuple[str, bool]]
"""Changes inputs in place. Returns the path of the change, and whether it replaces the resource."""


def plan_of(resources: int, seed: int = 0) -> dict[str, Any]:
    """A preview of `resources` resources, including the stack. The same seed gives the same preview.

    About half are unchanged, the others are updated, created, deleted or replaced. One in 400 has a large value.
    """
    chance = random.Random(seed)
    steps = [stack()]
    makers = _platform(chance)
    while len(steps) < resources:
        steps.append(next(makers))
    return digest(steps)


def digest(steps: list[dict[str, Any]]) -> dict[str, Any]:
    """The engine's output for these steps."""
    counts: dict[str, int] = {}
    for each in steps:
        counts[each["op"]] = counts.get(each["op"], 0) + 1
    return {
        "config": {"aws:region": "us-east-1", "mlplatform:platform": '{"owner":"ml-platform","profile":"prod"}'},
        "steps": steps,
        "diagnostics": [{"severity": "warning", "message": "warning: this plan is generated\n"}],
        "duration": 90_000_000_000,
        "changeSummary": counts,
    }


def _platform(chance: random.Random) -> Iterator[dict[str, Any]]:
    """An endless sequence of components with their children."""
    number = 0
    while True:
        for component, children in (("DataBucket", _bucket), ("GpuNodePool", _pool), ("InferenceService", _service)):
            name = f"{component.lower()}-{number}"
            urn = f"{PREFIX}mlplatform:index:{component}::{name}"
            fate = chance.random()
            op = "create" if fate < 0.1 else "delete" if fate < 0.18 else "same"
            yield step(op, urn, STACK, {"name": name}, {"name": name}, custom=False)
            for role, type_, inputs, change in children(name, chance):
                child = f"{PREFIX}mlplatform:index:{component}${type_}::{name}-{role}"
                yield _changed(op, child, urn, inputs, change, chance)
        number += 1


def _changed(op: str, urn: str, parent: str, inputs: Inputs, change: Change, chance: random.Random) -> dict[str, Any]:
    """The step of a child: the operation of its component, or a separate change."""
    if op != "same" or chance.random() < 0.6:
        return step(op, urn, parent, inputs, inputs)
    after = dict(inputs)
    path, replaces = change(after, chance)
    made = step("replace" if replaces else "update", urn, parent, inputs, after)
    made["detailedDiff"] = {path: {"kind": "update-replace" if replaces else "update", "inputDiff": True}}
    made["diffReasons"] = [path.split(".")[0].split("[")[0]]
    if replaces:
        made["replaceReasons"] = made["diffReasons"]
        made["oldState"]["delete"] = chance.random() < 0.5
    return made


def step(
    op: str, urn: str, parent: str, before: Mapping[str, Any], after: Mapping[str, Any], custom: bool = True
) -> dict[str, Any]:
    """A step with the states before and after it."""
    type_ = urn.split("::")[2].split("$")[-1]
    package = type_.split(":")[0]
    provider = f"{PREFIX}pulumi:providers:{package}::default::5b1c7c1e-5b0a-4f7e-9c39-7d1f0a6f1b11"
    state: dict[str, Any] = {"urn": urn, "custom": custom, "type": type_, "parent": parent}
    if custom:
        state["provider"] = provider
    made: dict[str, Any] = {"op": op, "urn": urn, "detailedDiff": None} | ({"provider": provider} if custom else {})
    if op != "create":
        known = {
            "id": f"id-{urn.rsplit('::', 1)[-1]}",
            "outputs": {**before, "arn": f"arn:aws:x:us-east-1:{ACCOUNT}:y"},
        }
        made["oldState"] = {**state, **(known if custom else {}), "inputs": before}
    if op != "delete":
        made["newState"] = {**state, "inputs": after, "propertyDependencies": {name: [] for name in after}}
    return made


def stack() -> dict[str, Any]:
    """The step of the stack itself."""
    state = {"urn": STACK, "custom": False, "type": "pulumi:pulumi:Stack"}
    return {"op": "same", "urn": STACK, "oldState": state, "newState": state, "detailedDiff": None}


def tags(name: str) -> dict[str, str]:
    """The tags of a resource."""
    made = {"Name": name, "environment": "prod", "owner": "ml-platform", "mlplatform:stack": "mlplatform/large"}
    return {**made, "team": f"team-{sum(name.encode()) % 7}"}


def _retag(inputs: Inputs, chance: random.Random) -> tuple[str, bool]:
    inputs["tags"] = inputs["tagsAll"] = {**inputs["tags"], "owner": f"owner-{chance.randrange(100)}"}
    return "tags.owner", False


def _rename(property_: str) -> Change:
    def change(inputs: Inputs, chance: random.Random) -> tuple[str, bool]:
        inputs[property_] = UNKNOWN if chance.random() < 0.3 else f"{inputs[property_]}-{chance.randrange(100)}"
        return property_, True

    return change


def _bucket(name: str, chance: random.Random) -> Iterator[tuple[str, str, Inputs, Change]]:
    tagged = tags(name)
    bucket = f"{name}-{chance.getrandbits(28):07x}"
    statement = {
        "Action": "s3:*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        "Effect": "Deny",
        "Principal": "*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
    }
    policy = json.dumps({"Statement": [statement], "Version": "2012-10-17"})
    yield "bucket", "aws:s3/bucket:Bucket", {"bucket": bucket, "tags": tagged, "tagsAll": tagged}, _rename("bucket")
    yield "policy", "aws:s3/bucketPolicy:BucketPolicy", {"bucket": bucket, "policy": policy}, _rename("bucket")
    rules = [{"id": "old", "status": "Enabled", "noncurrentVersionExpiration": {"noncurrentDays": 30}}]
    settings = {"bucket": bucket, "rules": rules}

    def expire(inputs: Inputs, chance: random.Random) -> tuple[str, bool]:
        days = {"noncurrentDays": chance.randrange(1, 30)}
        inputs["rules"] = [{"id": "old", "status": "Enabled", "noncurrentVersionExpiration": days}]
        return "rules[0].noncurrentVersionExpiration.noncurrentDays", False

    yield "lifecycle", "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", settings, expire


def _pool(name: str, chance: random.Random) -> Iterator[tuple[str, str, Inputs, Change]]:
    tagged = tags(name)
    size = _LARGE_BYTES if chance.random() < 0.01 else 400
    script = "#!/bin/bash\nset -e\n" + "".join(
        f"echo step {each} of {name} >> /var/log/boot\n" for each in range(size // 40)
    )
    template = {"userData": base64.b64encode(script.encode()).decode(), "tags": tagged, "tagsAll": tagged}
    group = {
        "clusterName": "mlplatform-large",
        "nodeRoleArn": f"arn:aws:iam::{ACCOUNT}:role/{name}",
        "instanceTypes": [chance.choice(_FAMILIES)],
        "subnetIds": [f"subnet-{chance.getrandbits(68):017x}" for _ in range(3)],
        "scalingConfig": {"desiredSize": 1, "maxSize": chance.randrange(2, 20), "minSize": 0},
        "launchTemplate": {"id": f"lt-{chance.getrandbits(68):017x}", "version": "1"},
        "tags": tagged,
        "tagsAll": tagged,
    }

    def machine(inputs: Inputs, chance: random.Random) -> tuple[str, bool]:
        if chance.random() < 0.5:
            inputs["scalingConfig"] = {**inputs["scalingConfig"], "maxSize": chance.randrange(20, 40)}
            return "scalingConfig.maxSize", False
        inputs["instanceTypes"] = [chance.choice(_FAMILIES), "g4dn.xlarge"]
        return "instanceTypes[0]", True

    yield "template", "aws:ec2/launchTemplate:LaunchTemplate", template, _retag
    yield "nodes", "aws:eks/nodeGroup:NodeGroup", group, machine
    role = {"assumeRolePolicy": '{"Version": "2012-10-17"}', "name": name, "tags": tagged, "tagsAll": tagged}
    yield "role", "aws:iam/role:Role", role, _retag


def _rewrite(inputs: Inputs, chance: random.Random) -> tuple[str, bool]:
    """Change a line of a file."""
    inputs["data"] = {"serve.yaml": inputs["data"]["serve.yaml"] + f"batch: {chance.randrange(64)}\n"}
    return 'data["serve.yaml"]', False


def _service(name: str, chance: random.Random) -> Iterator[tuple[str, str, Inputs, Change]]:
    labels = {"app.kubernetes.io/name": name, "team": tags(name)["team"]}
    container = {
        "name": "server",
        "image": f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/serving@sha256:{chance.getrandbits(256):064x}",
        "args": ["--model", "Qwen/Qwen3-8B", "--max-model-len", "16384"],
        "env": [{"name": "HF_HOME", "value": "/tmp/huggingface"}, {"name": "HF_TOKEN", "value": "[secret]"}],
        "resources": {"limits": {"nvidia.com/gpu": 1, "memory": "24Gi"}, "requests": {"cpu": "4", "memory": "24Gi"}},
    }
    metadata = {"name": name, "namespace": "serving", "labels": labels}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {"replicas": 2, "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}}},
    }

    def replicas(inputs: Inputs, chance: random.Random) -> tuple[str, bool]:
        inputs["spec"] = {**inputs["spec"], "replicas": chance.randrange(3, 9)}
        return "spec.replicas", False

    yield "deployment", "kubernetes:apps/v1:Deployment", deployment, replicas
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "data": {"serve.yaml": _yaml(name, chance)},
    }
    yield "config", "kubernetes:core/v1:ConfigMap", config, _rewrite


def _yaml(name: str, chance: random.Random) -> str:
    lines = (f"route-{each}:\n  path: /{name}/{each}\n  weight: {chance.randrange(100)}\n" for each in range(12))
    return "".join(lines)

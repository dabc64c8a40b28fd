"""Comparison of the safeguards of two stacks."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from mlpctl import config
from mlpctl.config import Platform
from mlpctl.config.guards import GUARDS, Against, table, weaker

STACKS = Path(__file__).parents[3] / "stacks"

NO_GUARDS = {
    "buckets.*.abortUploadDays",
    "buckets.*.expireDays",
    "buckets.*.expirePrefixes",
    "buckets.*.infrequentAccessDays",
    "buckets.*.role",
    "cluster.addonVersions",
    "cluster.system",
    "cluster.version",
    "cost.maxUnpriced",
    "rolePath",
    "cost.usage",
    "gpuPools",
    "guardrails.namespaces.*.containerCpu",
    "guardrails.namespaces.*.containerMemory",
    "guardrails.namespaces.*.quota",
    "images.pullThrough",
    "images.repositories.*.releaseTags",
    "images.repositories.*.untaggedDays",
    "inference.*.commandArgs",
    "inference.*.drainSeconds",
    "inference.*.cpu",
    "inference.*.env",
    "inference.*.gpus",
    "inference.*.healthPath",
    "inference.*.image",
    "inference.*.imageFrom",
    "inference.*.maxReplicas",
    "inference.*.memory",
    "inference.*.minReplicas",
    "inference.*.model",
    "inference.*.pool",
    "inference.*.port",
    "inference.*.probeTimeoutSeconds",
    "inference.*.pullSecrets",
    "inference.*.restartAfterMinutes",
    "inference.*.runAsUser",
    "inference.*.secretEnv",
    "inference.*.sharedMemory",
    "inference.*.sparePods",
    "inference.*.startupMinutes",
    "inference.*.targetCpuPercent",
    "inference.*.volumes",
    "network.cidr",
    "network.endpointPreset",
    "network.existing.gatewayEndpoints",
    "network.existing.podSubnets",
    "network.existing.privateSubnets",
    "network.existing.publicSubnets",
    "network.existing.vpcId",
    "network.interfaceEndpoints",
    "network.nat",
    "network.podCidr",
    "network.zones",
    "owner",
    "profile",
    "sharedFilesystems.*.accessPoints.*.gid",
    "sharedFilesystems.*.accessPoints.*.ownerGid",
    "sharedFilesystems.*.accessPoints.*.ownerUid",
    "sharedFilesystems.*.accessPoints.*.path",
    "sharedFilesystems.*.accessPoints.*.permissions",
    "sharedFilesystems.*.accessPoints.*.secondaryGids",
    "sharedFilesystems.*.accessPoints.*.uid",
    "sharedFilesystems.*.archiveDays",
    "sharedFilesystems.*.infrequentAccessDays",
    "sharedFilesystems.*.returnOnAccess",
    "tags",
    "teams.*.namespaces.*.containerCpu",
    "teams.*.namespaces.*.containerMemory",
    "teams.*.namespaces.*.quota",
    "teams.*.serviceAccounts.*.namespace",
    "workloads.*.namespace",
    "workloads.*.serviceAccount",
}
"""Fields that are not safeguards. For a new field, decide whether it is one."""

GRANTS = {
    "cluster.access",
    "guardrails.existingNamespaces",
    "images.account",
    "policies.allowedInstanceTypes",
    "policies.allowedRegions",
    "policies.approvals",
    "policies.mandatory",
    "policies.waivers",
}
"""Fields that are compared entry by entry; `test_grants.py` tests them."""


EXISTING: Any = {
    "vpcId": "vpc-0a1b2c3d4e5f60718",
    "privateSubnets": {"us-east-1a": "subnet-0a1b2c3d", "us-east-1b": "subnet-1a1b2c3d"},
}


def stack(name: str) -> Platform:
    return config.read(STACKS / f"Pulumi.{name}.yaml").platform


def test_staging_is_not_weaker_than_prod_against_intruders() -> None:
    assert weaker(stack("staging"), stack("prod"), [Against.INTRUDERS]) == []


def test_prod_is_not_weaker_than_staging() -> None:
    assert weaker(stack("prod"), stack("staging")) == []


def test_every_field_is_classified_as_a_guard_or_not() -> None:
    def paths(node: Any, path: tuple[str, ...]) -> set[str]:
        dotted = (
            ".".join(path)
            .replace("example", "*")
            .replace("sample", "*")
            .replace(".team.", ".*.")
            .replace(".job.", ".*.")
        )
        if dotted in {*NO_GUARDS, *GRANTS, *GUARDS}:
            return {dotted}
        if not isinstance(node, dict) or not node:
            return {dotted}
        return {each for key, value in node.items() for each in paths(value, (*path, key))}

    whole = Platform.model_validate(
        {
            "profile": "dev",
            "owner": "a",
            "network": {"existing": EXISTING},
            "cluster": {"privateAccessCidrs": ["192.168.0.0/20"]},
            "buckets": {"example": {}},
            "sharedFilesystems": {"example": {"accessPoints": {"example": {}}}},
            "gpuPools": {"a": {"instanceTypes": ["g6.2xlarge"], "nodes": 2}},
            "inference": {"example": {"image": "a:1", "pool": "a", "egress": ["10.9.0.0/18"]}},
            "images": {"repositories": {"example": {}}, "account": {}},
            "workloads": {"example": {"queues": {"q": "send"}}},
            "guardrails": {"namespaces": {"sample": {}}},
            "teams": {
                "example": {"namespaces": {"team": {}}, "serviceAccounts": {"job": {"buckets": {"example": "read"}}}}
            },
        },
    )
    undecided = paths(whole.model_dump(mode="json", by_alias=True), ()) - NO_GUARDS - GRANTS - {*GUARDS}
    assert not undecided


@pytest.mark.parametrize("pattern", GUARDS)
def test_a_weakened_guard_is_found(pattern: str) -> None:
    weak: Any = {
        "allowedAccounts": [],
        "cluster.nodeSessions": True,
        "cluster.privateAccessCidrs": ["10.0.0.0/8", "192.168.0.0/20"],
        "cluster.privateAccessSecurityGroups": ["sg-12345678"],
        "buckets.*.noncurrentDays": 1,
        "buckets.*.retain": False,
        "cluster.creatorIsAdmin": True,
        "cluster.deletionProtection": False,
        "cluster.logDays": 1,
        "cluster.logTypes": ["api"],
        "cluster.publicAccessCidrs": ["198.51.99.0/24"],
        "cost.maxMonthlyDeltaUsd": None,
        "cost.maxMonthlyUsd": None,
        "guardrails.allowedRegistries": ["docker.io"],
        "guardrails.enforcement.gpuNodes": "audit",
        "guardrails.enforcement.hostAccess": "warn",
        "guardrails.enforcement.images": "audit",
        "guardrails.enforcement.resources": "warn",
        "guardrails.enforcement.services": "audit",
        "guardrails.exemptNamespaces": ["agents"],
        "guardrails.namespaces.*.callers": ["web"],
        "guardrails.namespaces.*.calls": ["chat"],
        "guardrails.namespaces.*.egress": ["10.9.0.0/18"],
        "guardrails.namespaces.*.egressRules": [{"cidr": "10.0.0.0/8", "ports": [6379]}],
        "guardrails.namespaces.*.podSecurity": "baseline",
        "guardrails.namespaces.*.s3": True,
        "guardrails.priorityClasses": ["important"],
        "images.account.replicateTo": [],
        "images.account.scanning": "basic",
        "images.repositories.*.keepNewest": 1,
        "images.repositories.*.mutableTags": ["cache-*", "latest"],
        "images.repositories.*.retain": False,
        "images.repositories.*.scanOnPush": False,
        "images.repositories.*.sharedWith": ["123456789012"],
        "inference.*.callers": ["everybody"],
        "inference.*.egress": ["0.0.0.0/0", "10.9.0.0/18"],
        "inference.*.egressRules": [{"cidr": "10.0.0.0/8", "ports": [6379]}],
        "keys.deletionWindowDays": 7,
        "keys.perDomain": False,
        "keys.retain": False,
        "keys.rotationDays": 2560,
        "network.existing.flowLogs": False,
        "network.flowLogDays": 1,
        "network.otherAccounts": ["123456789012"],
        "network.readableBuckets": ["public-datasets"],
        "permissionsBoundary": None,
        "policies.packs": [],
        "protect": False,
        "sharedFilesystems.*.accessPoints.*.namespaces": ["batch", "web"],
        "sharedFilesystems.*.backup": False,
        "sharedFilesystems.*.ownKey": False,
        "sharedFilesystems.*.retain": False,
        "teams.*.editors": ["staff"],
        "teams.*.namespaces.*.callers": ["web"],
        "teams.*.namespaces.*.calls": ["chat"],
        "teams.*.namespaces.*.egress": ["10.9.0.0/18"],
        "teams.*.namespaces.*.egressRules": [{"cidr": "10.0.0.0/8", "ports": [6379]}],
        "teams.*.namespaces.*.podSecurity": "baseline",
        "teams.*.namespaces.*.s3": True,
        "teams.*.serviceAccounts.*.buckets": {"example": "readWrite"},
        "teams.*.serviceAccounts.*.images": {"example-a": "push"},
        "teams.*.viewers": ["staff"],
        "workloads.*.buckets": {"example": {"access": "readWrite", "prefix": "a/"}},
        "workloads.*.images": {"example": "push"},
        "workloads.*.queues": {"work": "send", "other": "send"},
        "workloads.*.secrets": ["token", "other"],
    }
    strict, lax = (yaml.safe_load(STRICT) for _ in range(2))
    if pattern == "keys.retain":
        # Retained data would outlive its key.
        for each in (strict, lax):
            each["images"]["repositories"], each["buckets"], each["workloads"] = {}, {}, {}
    if pattern.startswith("network.existing"):
        for each in (strict, lax):
            each["network"] = {"existing": {**EXISTING, "flowLogs": True}}
    if pattern.startswith("guardrails.namespaces"):
        # A model creates the namespace with its name.
        for each in (strict, lax):
            each["inference"], each["workloads"] = {}, {}
            each["guardrails"] = {"namespaces": {"example": {}}}
    if pattern.startswith("teams"):
        for each in (strict, lax):
            each.update(yaml.safe_load(TEAM))
    if pattern.endswith(".calls"):
        # The model admits the caller.
        for each in (strict, lax):
            each["inference"] = {"chat": {"image": "a:1", "pool": next(iter(each["gpuPools"])), "callers": ["example"]}}
    holder, (*way, last) = lax, pattern.replace("*", "example").split(".")
    for key in way:
        holder = holder[key]
    holder[last] = weak[pattern]
    (found,) = weaker(Platform.model_validate(lax), Platform.model_validate(strict))
    assert found.path == pattern.replace("*", "example")
    assert weaker(Platform.model_validate(strict), Platform.model_validate(lax)) == []


TEAM = """
inference: {}
workloads: {}
cluster:
  privateAccessCidrs: [192.168.0.0/20]
  access: { staff: { principalArn: "arn:aws:iam::123456789012:role/staff", groups: [staff] } }
images: { repositories: { example-a: {} } }
buckets: { example: {} }
teams:
  example:
    namespaces: { example: {} }
    serviceAccounts: { example: { buckets: { example: read }, images: { example-a: pull } } }
"""

STRICT = """
profile: dev
owner: a
allowedAccounts: ["123456789012"]
network: { zones: [us-east-1a, us-east-1b], flowLogDays: 365 }
buckets: { example: { noncurrentDays: 90, retain: true } }
sharedFilesystems:
  example: { ownKey: true, retain: true, accessPoints: { example: { namespaces: [web] } } }
cluster:
  creatorIsAdmin: false
  privateAccessCidrs: [192.168.0.0/20]
  access: { admins: { principalArn: "arn:aws:iam::123456789012:role/admins", level: clusterAdmin } }
  deletionProtection: true
  logDays: 365
  logTypes: [api, audit]
images:
  account: { scanning: enhanced, replicateTo: [eu-west-1] }
  repositories: { example: { keepNewest: 50, mutableTags: [cache-*], retain: true, scanOnPush: true } }
permissionsBoundary: boundary
protect: true
workloads:
  example:
    buckets: { example: { access: read, prefix: a/ } }
    images: { example: pull }
    queues: { work: send }
    secrets: [token]
gpuPools: { pool: { instanceTypes: [g6.2xlarge], nodes: 2, maxNodes: 4 } }
inference: { example: { image: "a:1", pool: pool, egress: [10.9.0.0/18] } }
guardrails: { enforcement: { images: deny } }
cost: { maxMonthlyUsd: 100, maxMonthlyDeltaUsd: 10 }
policies: { packs: [policies/acme] }
keys: { deletionWindowDays: 30, perDomain: true, retain: true, rotationDays: 90 }
"""


@pytest.mark.parametrize(
    ("access", "weaker_than_reading_a"),
    [
        ({"access": "read", "prefix": "a/"}, False),
        ({"access": "read", "prefix": "a/b/"}, False),
        ({"access": "read", "prefix": ""}, True),
        ({"access": "write", "prefix": "a/"}, True),
    ],
)
def test_access_to_a_part_is_not_weaker(access: dict[str, str], weaker_than_reading_a: bool) -> None:
    one = yaml.safe_load(STRICT)
    one["workloads"]["example"]["buckets"]["example"] = access
    assert bool(weaker(Platform.model_validate(one), Platform.model_validate(yaml.safe_load(STRICT)))) is (
        weaker_than_reading_a
    )


def test_a_workload_in_only_one_stack_is_not_compared() -> None:
    one = yaml.safe_load(STRICT)
    one["workloads"]["other"] = {"queues": {"else": "consume"}}
    assert weaker(Platform.model_validate(one), Platform.model_validate(yaml.safe_load(STRICT))) == []


def test_an_egress_rule_is_compared_with_those_for_the_same_and_wider_networks() -> None:
    def stack(*rules: tuple[str, list[int]]) -> Platform:
        made = yaml.safe_load(STRICT)
        made["inference"]["example"]["egressRules"] = [{"cidr": cidr, "ports": ports} for cidr, ports in rules]
        return Platform.model_validate(made)

    here = stack(("10.0.0.0/8", [22, 6379]), ("10.9.0.0/16", [80]))
    assert weaker(stack(("10.0.0.0/8", [6379])), here) == []
    assert weaker(stack(("10.9.1.0/24", [80, 6379])), here) == []
    (found,) = weaker(stack(("10.8.0.0/16", [80, 6379])), here)
    assert "10.8.0.0/16 80, 6379" in [str(cell) for cell in table([found], "one", "other").columns[1].cells]


def test_an_entry_with_another_name_is_compared_with_every_entry() -> None:
    one = yaml.safe_load(STRICT)
    one["buckets"]["other"] = {"noncurrentDays": 30, "retain": True}
    (found,) = weaker(Platform.model_validate(one), Platform.model_validate(yaml.safe_load(STRICT)))
    assert (found.path, found.value, found.than) == ("buckets.other.noncurrentDays", 30, 90)


def test_an_entry_with_another_name_is_compared_with_those_that_are_alike() -> None:
    one, other = (yaml.safe_load(STRICT) for _ in range(2))
    other["buckets"]["runs"] = {"role": "checkpoints", "noncurrentDays": 7}
    one["buckets"] |= {"runs": other["buckets"]["runs"], "more": {"role": "checkpoints", "noncurrentDays": 7}}
    assert weaker(Platform.model_validate(one), Platform.model_validate(other)) == []
    one["buckets"]["more"]["noncurrentDays"] = 6
    (found,) = weaker(Platform.model_validate(one), Platform.model_validate(other))
    assert (found.path, found.value, found.than) == ("buckets.more.noncurrentDays", 6, 7)


@pytest.mark.parametrize(
    ("place", "own", "theirs", "holds"),
    [
        ("cluster.privateAccessCidrs", ["192.168.0.0/21"], ["192.168.0.0/20"], True),
        ("cluster.privateAccessCidrs", ["192.168.0.0/20"], ["192.168.0.0/21", "192.168.8.0/21"], True),
        ("cluster.privateAccessCidrs", ["192.168.0.0/20"], ["192.168.0.0/21", "192.168.8.0/22"], False),
        ("cluster.publicAccessCidrs", ["16.1.0.0/16"], ["16.0.0.0/8"], True),
        ("cluster.publicAccessCidrs", ["16.1.0.0/16"], [], False),
        ("inference.example.egress", ["203.0.113.0/25"], ["203.0.113.0/24"], True),
        ("guardrails.allowedRegistries", ["docker.io/vllm"], ["docker.io"], True),
        ("guardrails.allowedRegistries", ["docker.io"], ["docker.io/vllm"], False),
        ("guardrails.allowedRegistries", ["docker.io/vllm-x"], ["docker.io/vllm"], False),
        ("images.repositories.example.mutableTags", ["dev-1", "dev-a*"], ["dev-*"], True),
        ("images.repositories.example.mutableTags", ["dev-*"], ["dev-1"], False),
        ("cost.maxMonthlyUsd", 2000, 100, True),
    ],
)
def test_a_part_of_what_is_allowed_is_not_weaker(place: str, own: Any, theirs: Any, holds: bool) -> None:
    def stack(value: Any) -> Platform:
        made = yaml.safe_load(STRICT)
        holder, (*way, last) = made, place.split(".")
        for key in way:
            holder = holder[key]
        holder[last] = value
        return Platform.model_validate(made)

    assert [each.path for each in weaker(stack(own), stack(theirs))] == ([] if holds else [place])


def test_a_missing_limit_of_cost_is_neither_a_way_for_intruders_nor_a_loss() -> None:
    unlimited = yaml.safe_load(STRICT) | {"cost": {}}
    one, other = Platform.model_validate(unlimited), Platform.model_validate(yaml.safe_load(STRICT))
    assert [each.against for each in weaker(one, other)] == [Against.COST] * 2
    assert weaker(one, other, [Against.INTRUDERS, Against.LOSS]) == []

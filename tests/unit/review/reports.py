"""Example reports for the tests of the formats."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from mlpctl.review.plan.model import Op
from mlpctl.review.report import wording
from mlpctl.review.report.cost import Assumption, Limit, PriceUse, ResourceCost
from mlpctl.review.report.model import (
    Certainty,
    Edge,
    Harm,
    Invalid,
    Report,
    Row,
    Unchecked,
    Unknowns,
)
from unit.review.report_parts import cost, cost_of, danger, difference, group, money, report, row, urn

PLATFORM: Sequence[tuple[str, str, Sequence[tuple[str, str, Mapping[str, str]]]]] = [
    ("KeyRing keys", "Encryption keys", [
        ("KMS key", f"keys-{use}", {"enableKeyRotation": "true", "deletionWindowInDays": "30"})
        for use in ("data", "images", "logs", "secrets", "disks")
    ]),
    ("Network network", "Network", [
        ("VPC", "network-vpc", {"cidrBlock": "10.60.0.0/16", "enableDnsSupport": "true"}),
        *(("Subnet", f"network-private-us-east-1{zone}", {"availabilityZone": f"us-east-1{zone}"}) for zone in "abc"),
        *(("NAT gateway", f"network-nat-us-east-1{zone}", {"connectivityType": "public"}) for zone in "abc"),
    ]),
    ("DataBucket models", "Data bucket", [
        ("S3 bucket", "models-bucket", {"forceDestroy": "false"}),
        ("Bucket versioning", "models-versioning", {"versioningConfiguration.status": "Enabled"}),
        ("Bucket policy", "models-policy", {"policy": '{"Statement":[{"Action":"s3:*","Effect":"Deny"}]}'}),
    ]),
    ("EksCluster cluster", "EKS cluster", [
        ("EKS cluster", "cluster-control-plane", {"version": "1.36", "vpcConfig.endpointPublicAccess": "false"}),
        ("Node group", "cluster-system-nodes", {"instanceTypes[0]": "m7i.2xlarge", "scalingConfig.minSize": "3"}),
        ("EKS add-on", "cluster-vpc-cni", {"addonName": "vpc-cni"}),
    ]),
    ("GpuNodePool inference", "GPU node pool", [
        ("Launch template", "inference-template", {"metadataOptions.httpTokens": "required"}),
        ("Node group", "inference-nodes", {"instanceTypes[0]": "g6e.12xlarge", "scalingConfig.minSize": "2"}),
        ("IAM role", "inference-role", {}),
    ]),
    ("GpuNodePool training", "GPU node pool", [
        ("Launch template", "training-template", {"metadataOptions.httpTokens": "required"}),
        ("Node group", "training-nodes", {"instanceTypes[0]": "p5.48xlarge", "scalingConfig.minSize": "0"}),
    ]),
    ("InferenceService assistant", "Inference service", [
        ("Deployment", "assistant-deployment", {"spec.replicas": "2"}),
        ("Service", "assistant-service", {"spec.type": "ClusterIP"}),
    ]),
]  # fmt: skip

EDGES = [
    ("Network network", "KeyRing keys"),
    ("DataBucket models", "KeyRing keys"),
    ("EksCluster cluster", "Network network"),
    ("EksCluster cluster", "KeyRing keys"),
    ("GpuNodePool inference", "EksCluster cluster"),
    ("GpuNodePool training", "EksCluster cluster"),
    ("InferenceService assistant", "GpuNodePool inference"),
    ("InferenceService assistant", "DataBucket models"),
]

PRICES = {
    "EKS cluster": (73.0, 73.0, 73.0),
    "NAT gateway": (32.85, 45.60, 45.60),
    "KMS key": (1.0, 1.0, 1.0),
    "cluster-system-nodes": (882.96, 882.96, 1765.92),
    "inference-nodes": (15319.49, 15319.49, 45958.46),
    "training-nodes": (0.0, 40179.2, 80358.4),
    "models-bucket": (11.5, 11.5, 11.5),
}


def _price_use(words: str, usd: float) -> PriceUse:
    return PriceUse(
        row=f"ec2/us-east-1/{words}",
        usd=usd / 730,
        unit="hour",
        quantity=730,
        source="AWS price list",
        date="2026-06-01" if words == "NAT gateway" else "2026-11-02",
        stale=words == "NAT gateway",
    )


def _assumptions(words: str) -> Sequence[Assumption]:
    if words == "NAT gateway":
        return (Assumption(name="natGb", value=283, unit="GB", given=False),)
    if words == "S3 bucket":
        return (Assumption(name="s3StorageGb", value=500, unit="GB", given=True),)
    return ()


def _platform_costs(op: Op) -> list[ResourceCost]:
    found = []
    for title, _, resources in PLATFORM:
        for words, name, _ in resources:
            price = PRICES.get(name) or PRICES.get(words)
            more: dict[str, Any] = {}
            if words == "Image repository":
                more["unpriced"] = "no source for its price was read"
            elif price:
                more |= {"prices": (_price_use(words, price[1]),), "assumptions": _assumptions(words)}
            else:
                more["free"] = "AWS does not charge for it"
            now = money(*price) if price else None
            found.append(cost_of(words, name, title, op, now, None if op is Op.CREATE else now, **more))
    return found


def first_creation() -> Report:
    """The first creation of a GPU platform."""
    costs = _platform_costs(Op.CREATE)
    costs.append(
        cost_of("Image repository", "images-serving", "ImageRegistry images", Op.CREATE, None, unpriced="no source")
    )
    groups = [
        group(
            title,
            words,
            [row(kind, name, Op.CREATE, facts=facts) for kind, name, facts in resources],
            money(*(sum((PRICES.get(n) or PRICES.get(k) or (0, 0, 0))[i] for k, n, _ in resources) for i in range(3))),
        )
        for title, words, resources in PLATFORM
    ]
    images = [row("Image repository", f"images-{use}", Op.CREATE) for use in ("serving", "training")]
    return report(
        [*groups, group("ImageRegistry images", "Image registry", images)],
        cost=cost(costs),
        edges=[Edge(source=source, target=target) for source, target in EDGES],
        unknowns=[
            Unknowns(urn=urn("Node group", f"{pool}-nodes"), name=f"{pool}-nodes", words="Node group", paths=paths)
            for pool, paths in (
                ("inference", ["nodeRoleArn", "launchTemplate.version"]),
                ("training", ["nodeRoleArn", "launchTemplate.version", "subnetIds[0]"]),
            )
        ],
        unchecked=[
            Unchecked(
                what="7 Kubernetes objects",
                why="the cluster does not exist yet; their fields were checked against the API's schemas",
                urns=[urn("Deployment", "assistant-deployment"), urn("Service", "assistant-service")],
            )
        ],
    )


def pool_changed() -> Report:
    """The instance type of a GPU pool changes: its nodes are replaced and serving is interrupted."""
    types = difference("instanceTypes[0]", "g5.12xlarge", "g6e.12xlarge", forces=True)
    nodes = row(
        "Node group", "inference-nodes", Op.REPLACE, types, difference("scalingConfig.maxSize", "4", "6"), noise=2
    )
    template = row("Launch template", "inference-template", Op.UPDATE, difference("imageId", "ami-0aaa", "ami-0bbb"))
    service = row(
        "Deployment",
        "assistant-deployment",
        Op.REPLACE,
        difference("spec.selector", "app: assistant", "(known after the update)", forces=True),
        certainty=Certainty.MAY,
    )
    costs = [
        cost_of(
            "Node group",
            "inference-nodes",
            "GpuNodePool inference",
            Op.REPLACE,
            money(*PRICES["inference-nodes"]),
            money(8280.54, 8280.54, 16561.07),
            prices=(_price_use("g6e.12xlarge", 15319.49),),
        ),
        *(each for each in _platform_costs(Op.SAME) if each.component != "GpuNodePool inference"),
    ]
    pool, serving = "GpuNodePool inference", "InferenceService assistant"
    return report(
        [
            group(pool, "GPU node pool", [nodes, template], money(7038.95, 7038.95, 29397.39)),
            group(serving, "Inference service", [service]),
        ],
        dangers=[
            danger(nodes, pool, Harm.CAPACITY, "Two g5.12xlarge go; whether AWS has g6e.12xlarge free, nobody knows."),
            danger(service, serving, Harm.SERVING, "The pods stop before new ones are ready."),
        ],
        cost=cost(costs),
        limits=[
            Limit(
                name="cost.maxMonthlyUsd",
                allowed=80_000,
                found=56_651.45,
                broken=False,
                text="$56,651 a month; $80,000 are allowed",
            )
        ],
        edges=[Edge(source=serving, target=pool)],
        unknowns=[Unknowns(urn=service.urn, name=service.name, words=service.words, paths=["spec.selector"])],
    )


def bucket_deleted() -> Report:
    """A bucket is deleted with its objects."""
    bucket = row("S3 bucket", "models-bucket", Op.DELETE, facts={"forceDestroy": "true", "bucket": "models-1f2e"})
    policy = row("Bucket policy", "models-policy", Op.DELETE)
    title = "DataBucket models"
    return report(
        [group(title, "Data bucket", [bucket, policy], money(-11.5))],
        sandbox=False,
        dangers=[
            danger(bucket, title, Harm.DATA, "The bucket goes with all objects in it.", protected=True, retained=True)
        ],
        cost=cost([cost_of("S3 bucket", "models-bucket", title, Op.DELETE, money(0), money(11.5))]),
    )


def database_replaced() -> Report:
    """A database without a component, of another program, is replaced."""
    database = row(
        "Database",
        "features",
        Op.REPLACE,
        difference("engineVersion", "15.4", "16.2"),
        difference("kmsKeyId", "alias/aws/rds", "alias/features", forces=True),
        difference("password", "(secret)", "(secret)"),
    )
    return report(
        [group(wording.ALONE, "", [database])],
        project="shop",
        stack="live",
        sandbox=False,
        dangers=[danger(database, "", Harm.DATA, "The old database is deleted with its data.")],
    )


def secret_rotated() -> Report:
    """A secret value changes and is not shown."""
    version = row("Secret version", "hub-token", Op.UPDATE, difference("secretString", "(secret)", "(secret)"))
    return report([group("ImageRegistry images", "Image registry", [version])])


def only_tags() -> Report:
    """Tags change, with many insignificant differences."""
    rows = [
        row("Subnet", f"network-private-us-east-1{zone}", Op.UPDATE, difference("tags.owner", "ml", "ai"), noise=4)
        for zone in "abc"
    ]
    return report([group("Network network", "Network", rows, money(0))], cost=cost(_platform_costs(Op.SAME)))


def nothing() -> Report:
    """No changes."""
    return report(cost=cost(_platform_costs(Op.SAME)))


def incomplete() -> Report:
    """The engine stopped early."""
    return report(
        [group("Network network", "Network", [row("VPC", "network-vpc", Op.CREATE)])],
        incomplete="The program failed before it came to its end.",
        messages=["error: Program failed with an unhandled exception: KeyError: 'zones'"],
    )


def limits_broken() -> Report:
    """Limits of the stack's config are exceeded, and an object is rejected."""
    made = first_creation()
    limits = [
        Limit(
            name="cost.maxMonthlyUsd",
            allowed=40_000,
            found=56_650,
            broken=True,
            text="$56,650 a month; $40,000 are allowed",
        ),
        Limit(name="cost.maxMonthlyDeltaUsd", allowed=60_000, found=56_650, broken=False, text="within $60,000"),
    ]
    refused = Invalid(
        urn=urn("Deployment", "assistant-deployment"),
        name="assistant-deployment",
        problems=["spec.replicas: a whole number is needed, 'two' was given"],
    )
    return made.model_copy(update={"limits": limits, "invalid": [refused]})


@cache
def many(count: int = 2_000, *, destructive: int = 40, name: str = "shard-{number:04}-bucket") -> Report:
    """A given number of changed resources, of which a given number destroy data."""
    rows: dict[str, list[Row]] = {}
    dangers = []
    for number in range(count):
        title = f"DataBucket shard-{number % 50}"
        op = Op.REPLACE if number < destructive else (Op.UPDATE, Op.CREATE, Op.UPDATE, Op.DELETE)[number % 4]
        if op is Op.DELETE and number >= destructive:
            op = Op.UPDATE
        made = row(
            "S3 bucket",
            name.format(number=number),
            op,
            *(
                difference(
                    f"lifecycleRules[{rule}].expiration.days", str(rule + 30), str(rule + 60), forces=op is Op.REPLACE
                )
                for rule in range(0 if op is Op.CREATE else 4)
            ),
            facts={"bucket": f"shard-{number:04}", "forceDestroy": "false"} if op is Op.CREATE else {},
            noise=number % 3,
        )
        rows.setdefault(title, []).append(made)
        if op is Op.REPLACE and number % 2 == 0:
            dangers.append(danger(made, title, Harm.DATA))
    costs = [
        cost_of("S3 bucket", each.name, title, each.op, money(11.5), money(10), assumptions=_assumptions("S3 bucket"))
        for title, found in rows.items()
        for each in found
    ]
    return report(
        [group(title, "Data bucket", found, money(1.5 * len(found))) for title, found in rows.items()],
        dangers=dangers,
        cost=cost(costs),
    )


ALL = (
    first_creation,
    pool_changed,
    bucket_deleted,
    database_replaced,
    secret_rotated,
    only_tags,
    nothing,
    incomplete,
    limits_broken,
    many,
)

"""Parts of example reports: rows, groups, dangers and costs."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from mlpctl.review.plan.model import Op
from mlpctl.review.report import wording
from mlpctl.review.report.cost import Cost, CostTotals, Money, ResourceCost
from mlpctl.review.report.model import (
    Certainty,
    Danger,
    Difference,
    Group,
    Harm,
    Report,
    Row,
)

TYPES = {
    "VPC": "aws:ec2/vpc:Vpc",
    "Subnet": "aws:ec2/subnet:Subnet",
    "NAT gateway": "aws:ec2/natGateway:NatGateway",
    "Interface endpoint": "aws:ec2/vpcEndpoint:VpcEndpoint",
    "KMS key": "aws:kms/key:Key",
    "KMS alias": "aws:kms/alias:Alias",
    "S3 bucket": "aws:s3/bucket:Bucket",
    "Bucket policy": "aws:s3/bucketPolicy:BucketPolicy",
    "Bucket versioning": "aws:s3/bucketVersioning:BucketVersioning",
    "EKS cluster": "aws:eks/cluster:Cluster",
    "EKS add-on": "aws:eks/addon:Addon",
    "Node group": "aws:eks/nodeGroup:NodeGroup",
    "Launch template": "aws:ec2/launchTemplate:LaunchTemplate",
    "IAM role": "aws:iam/role:Role",
    "Image repository": "aws:ecr/repository:Repository",
    "Deployment": "kubernetes:apps/v1:Deployment",
    "Service": "kubernetes:core/v1:Service",
    "Database": "aws:rds/instance:Instance",
    "Secret version": "aws:secretsmanager/secretVersion:SecretVersion",
}


def money(*amounts: float) -> Money:
    """Minimum, expected and maximum amount, or one amount for all."""
    low, expected, high = amounts if len(amounts) == 3 else amounts * 3
    return Money(min=low, expected=expected, max=high)


def urn(words: str, name: str) -> str:
    return f"urn:pulumi:prod::mlplatform::{TYPES.get(words, 'aws:x/y:Y')}::{name}"


def difference(path: str, old: str | None, new: str | None, *, forces: bool = False) -> Difference:
    return Difference(path=path, old=old, new=new, forces=forces)


def row(words: str, name: str, op: Op = Op.UPDATE, *differences: Difference, **more: Any) -> Row:
    facts = tuple(
        difference(path, value if op is Op.DELETE else None, None if op is Op.DELETE else value)
        for path, value in more.pop("facts", {}).items()
    )
    given = {"certainty": Certainty.WILL, "noise": 0, "facts": facts, **more}
    return Row(
        urn=urn(words, name),
        name=name,
        type=TYPES.get(words, "aws:x/y:Y"),
        words=words,
        op=op,
        differences=differences,
        **given,
    )


def group(title: str, words: str, rows: Sequence[Row], delta: Money | None = None) -> Group:
    return Group(title=title, words=words, counts=Counter(each.op for each in rows), monthly_delta_usd=delta, rows=rows)


def danger(of: Row, component: str, harm: Harm, text: str = "", **more: Any) -> Danger:
    given = {
        "because": [f"{each.path}: {each.old} → {each.new}" for each in of.differences if each.forces],
        "protected": False,
        "retained": False,
        **more,
    }
    return Danger(
        urn=of.urn,
        name=of.name,
        words=of.words,
        component=component,
        op=of.op,
        harm=harm,
        certainty=of.certainty,
        text=text or f"The {of.words} {of.name} is gone afterwards.",
        **given,
    )


def cost_of(
    words: str, name: str, component: str, op: Op, now: Money | None, before: Money | None = None, **more: Any
) -> ResourceCost:
    return ResourceCost(
        urn=urn(words, name),
        type=TYPES.get(words, "aws:x/y:Y"),
        words=words,
        component=component,
        team="ml-platform",
        op=op,
        monthly_usd=money(0) if op is Op.DELETE else now,
        before_monthly_usd=money(0) if op is Op.CREATE else before,
        **{"free": "", "unpriced": "", **more},
    )


def cost(resources: Sequence[ResourceCost]) -> Cost:
    def total(amounts: Iterable[Money | None]) -> Money:
        known = [each for each in amounts if each]
        return Money(
            min=sum(each.min for each in known),
            expected=sum(each.expected for each in known),
            max=sum(each.max for each in known),
        )

    components = dict.fromkeys(each.component for each in resources)
    now, before = total(each.monthly_usd for each in resources), total(each.before_monthly_usd for each in resources)
    totals = CostTotals(
        monthly_usd=now,
        before_monthly_usd=before,
        delta_monthly_usd=now - before,
        by_component={
            title: total(each.monthly_usd for each in resources if each.component == title) for title in components
        },
        by_team={"ml-platform": now},
        unpriced=sum(bool(each.unpriced) for each in resources),
        free=sum(bool(each.free) for each in resources),
        stale=len({use.row for each in resources for use in each.prices if use.stale}),
    )
    return Cost(region="us-east-1", totals=totals, resources=resources)


def report(groups: Sequence[Group] = (), **more: Any) -> Report:
    counts: Counter[Op] = Counter()
    for each in groups:
        counts.update(each.counts)
    found: Cost | None = more.get("cost")
    delta = f"; {wording.change(found.totals.delta_monthly_usd.expected)} per month" if found else ""
    return Report(
        groups=groups,
        **{
            "project": "mlplatform",
            "stack": "prod",
            "sandbox": True,
            "incomplete": "",
            "verdict": f"{wording.counted(counts) if counts else 'nothing changes'}{delta}",
            "counts": counts,
            "dangers": (),
            "cost": None,
            "limits": (),
            "invalid": (),
            "unknowns": (),
            "unchecked": (),
            "messages": (),
            "edges": (),
            **more,
        },
    )

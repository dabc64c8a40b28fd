"""VPC endpoints: the services that have one, their names and their policies."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from awsfacts.partitions import AWS, CHINA, partition_of
from mlplatform import iam
from mlplatform.refusals import similar
from mlplatform.registries.image_registry import spec as images

DATA: Final = Path(__file__).with_name("endpoint_services.json")
"""Services with interface endpoints, with source and date."""

GATEWAY_SERVICES: Final = ("s3", "dynamodb")
"""Services with gateway endpoints, which are free: https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html"""

NODES_NEED: Final = {
    "ec2": "the network plugin attaches addresses to nodes",
    "ecr.api": "nodes sign in to the image registry",
    "ecr.dkr": "nodes pull images",
    "eks": "nodes join the cluster",
    "eks-auth": "pods get their roles",
    "logs": "programs write logs",
    "sts": "programs sign in to AWS",
}
"""Services that nodes and pods of every cluster use, with the reason:
https://docs.aws.amazon.com/eks/latest/userguide/private-clusters.html"""

LAYERS: Final = "s3"
"""The service that stores the layers of ECR images."""

REGISTRY_BUCKETS: Final = {"us-east-1": ("docker-images-prod", "quayio-production-s3")}
"""Buckets of Docker Hub and Quay, to which they redirect clients, by region:
https://docs.docker.com/desktop/setup/allow-list/ and
https://docs.redhat.com/en/documentation/openshift_container_platform/4.17/html/installation_configuration/configuring-firewall"""

_OWN_PRINCIPALS: Final = frozenset(
    {
        "autoscaling",
        "ec2",
        "ec2messages",
        "elasticfilesystem",
        "elasticloadbalancing",
        "monitoring",
        "ssm",
        "ssmmessages",
    }
)
"""Services whose endpoints allow all actions of the account's principals. Many of their actions have no resource whose
account a policy could check."""

_OWN_DATA: Final = frozenset({"kms", "logs", "secretsmanager", "sns", "sqs"})
"""Services through which data could be sent to another account. Their endpoints allow only the account's resources."""


@dataclass(frozen=True)
class Limits:
    """The accounts and buckets that can be used through a network's endpoints."""

    account_id: str
    partition: str
    region: str

    other_accounts: Sequence[str] = ()
    """Other accounts whose roles and resources may be used like those of the network's account."""

    readable_buckets: Sequence[str] = ()
    """Buckets of other accounts that may be read."""

    @property
    def accounts(self) -> list[str]:
        """The accounts whose resources may be used."""
        return [self.account_id, *self.other_accounts]


def unknown(services: Sequence[str]) -> list[str]:
    """Problems of names of services: one sentence per service that has no interface endpoint."""
    problems = []
    for service in services:
        if service in GATEWAY_SERVICES:
            problems.append(
                f"{service}: allowed: services without a gateway endpoint, since {service} has one, which is free"
            )
        elif service not in _data()["services"]:
            near = similar(service.rsplit(".", 1)[-1], _data()["services"], most=3, cutoff=0.5)
            allowed = ", ".join(near) or "ecr.api, sts, secretsmanager"
            problems.append(f"{service}: allowed: services with an interface endpoint, e.g. {allowed}")
    return problems


def service_name(service: str, region: str) -> str:
    """The endpoint service name of an AWS service.

    >>> service_name("s3", "us-east-1"), service_name("sts", "cn-north-1")
    ('com.amazonaws.us-east-1.s3', 'cn.com.amazonaws.cn-north-1.sts')
    """
    prefixed = partition_of(region) == CHINA and service in _data()["prefixedInChina"]
    # https://docs.amazonaws.cn/en_us/vpc/latest/privatelink/aws-services-privatelink-support.html
    ends = ".cn" if partition_of(region) == CHINA and service == "transcribe" else ""
    return f"{'cn.' if prefixed else ''}com.amazonaws.{region}.{service}{ends}"


def gateway_policy(service: str, limits: Limits) -> str:
    """The policy of a gateway endpoint: it allows the account's own data, and layers of images.

    Layers are in buckets of AWS, or of registries that redirect clients in the same region to their buckets:
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html#ecr-minimum-s3-perms and, in each region,
    https://github.com/kubernetes/registry.k8s.io
    """
    if service != LAYERS:
        return iam.document(_own_resources([f"{service}:*"], limits, "DataOfTheAccount"))
    layers = [f"prod-{limits.region}-starport-layer-bucket", *REGISTRY_BUCKETS.get(limits.region, ())]
    if limits.partition == AWS:
        layers.append(f"prod-registry-k8s-io-{limits.region}")
    readable = [f"arn:{limits.partition}:s3:::{bucket}" for bucket in limits.readable_buckets]
    return iam.document(
        _own_resources(["s3:*"], limits, "DataOfTheAccount"),
        iam.allow(
            ["s3:GetObject"],
            on=[f"arn:{limits.partition}:s3:::{bucket}/*" for bucket in layers],
            to=ANYONE,
            sid="LayersOfImages",
        ),
        *(
            [
                iam.allow(
                    ["s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket"],
                    on=[arn for bucket in readable for arn in (bucket, f"{bucket}/*")],
                    to=ANYONE,
                    sid="BucketsOfOthers",
                )
            ]
            if readable
            else []
        ),
    )


def interface_policy(service: str, limits: Limits) -> str | None:
    """The policy of an interface endpoint; None if its service supports no policy, or for the default policy.

    Endpoints of EKS support none: https://docs.aws.amazon.com/eks/latest/userguide/vpc-interface-endpoints.html
    """
    if service in ("ecr.api", "ecr.dkr"):
        # Images of EKS's add-ons are in registries of AWS's accounts.
        return iam.document(
            _own_resources(["ecr:*"], limits, "RepositoriesOfTheAccount"),
            _own_principals([*images.PULL, "ecr:GetAuthorizationToken"], limits, "PullsFromEverywhere"),
        )
    if service == "sts":
        # A request with a token of an identity provider is not signed, so it has no principal yet.
        return iam.document(
            _own_principals(["sts:*"], limits, "PrincipalsOfTheAccount"),
            _own_resources(["sts:AssumeRoleWithWebIdentity"], limits, "RolesOfTheAccount", signed=False),
        )
    if service in _OWN_DATA:
        return iam.document(_own_resources(["*"], limits, "DataOfTheAccount"))
    if service in _OWN_PRINCIPALS:
        return iam.document(_own_principals(["*"], limits, "PrincipalsOfTheAccount"))
    return None


ANYONE: Final = {"AWS": "*"}
"""Any principal. An endpoint policy only limits access; principals also need permissions from their own policies."""


def _own_principals(actions: Sequence[str], limits: Limits, sid: str) -> iam.Statement:
    return iam.allow(
        actions, on=["*"], to=ANYONE, when={"StringEquals": {"aws:PrincipalAccount": limits.accounts}}, sid=sid
    )


def _own_resources(actions: Sequence[str], limits: Limits, sid: str, *, signed: bool = True) -> iam.Statement:
    when: dict[str, Any] = {"aws:ResourceAccount": limits.accounts}
    if signed:
        when["aws:PrincipalAccount"] = limits.accounts
    return iam.allow(actions, on=["*"], to=ANYONE, when={"StringEquals": when}, sid=sid)


@cache
def _data() -> Any:
    return json.loads(DATA.read_text())

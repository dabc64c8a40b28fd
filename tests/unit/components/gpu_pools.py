"""A pool as tests of `GpuNodePool` declare it."""

import base64
import tomllib
from typing import Any

import pulumi_aws as aws

from mlplatform import GpuNodePool, GpuNodePoolSpec
from mlplatform.testing import Plan, declare

RELEASE = "1.65.0-0be31b34"
TAGS = {"owner": "ml", "cost-centre": "4711"}


def pool(look_ups: dict[str, Any] | None = None, **wanted: Any) -> Plan:
    spec = GpuNodePoolSpec(**{"instance_types": ["g6.2xlarge"], **wanted})
    return declare(
        lambda: GpuNodePool(
            "train",
            {
                "pool": spec,
                "cluster_name": "main",
                "cluster_version": "1.36",
                "cluster_endpoint": "https://main.example",
                "cluster_certificate_authority": "Q0E=",
                "cluster_service_cidr": "10.100.0.0/16",
                "cluster_security_group_id": "sg-c1c1c1c1",
                "subnet_ids": ["subnet-aaaaaaaa"],
                "disks_key_arn": "arn:aws:kms:us-east-1:123456789012:key/disks",
                "account_id": "123456789012",
                "region": "us-east-1",
                "tags": TAGS,
            },
        ),
        look_ups=look_ups,
    )


def nodes(**wanted: Any) -> Any:
    return pool(**wanted).one(aws.eks.NodeGroup).inputs


def template(**wanted: Any) -> Any:
    return pool(**wanted).one(aws.ec2.LaunchTemplate).inputs


def settings(**wanted: Any) -> tuple[str, dict[str, Any]]:
    """The user data as text, and its settings parsed as TOML."""
    text = base64.b64decode(template(**wanted)["userData"]).decode()
    return text, tomllib.loads(text)["settings"]

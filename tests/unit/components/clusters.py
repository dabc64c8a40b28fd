"""A cluster as tests of `EksCluster` declare it."""

from typing import Any

import pulumi_aws as aws
import pytest

from mlplatform import EksCluster, EksClusterSpec
from mlplatform.checks.arguments import ArgumentsError
from mlplatform.testing import Plan, declare

ADMIN = {"principal_arn": "arn:aws:iam::123456789012:role/admins", "level": "clusterAdmin"}

REACHED: Any = {"private_access_cidrs": ["192.168.0.0/20"]}


def cluster(look_ups: Any = None, more: Any = None, **wanted: Any) -> Plan:
    args: Any = {
        "cluster": EksClusterSpec(**{**REACHED, **wanted}),
        "subnet_ids": ["subnet-aaaaaaaa", "subnet-bbbbbbbb"],
        "secrets_key_arn": "arn:aws:kms:us-east-1:123456789012:key/secrets",
        "logs_key_arn": "arn:aws:kms:us-east-1:123456789012:key/logs",
        "disks_key_arn": "arn:aws:kms:us-east-1:123456789012:key/disks",
    }

    def program() -> None:
        # Outputs can only be created while a program runs.
        given = {key: value() if callable(value) else value for key, value in (more or {}).items()}
        EksCluster("main", {**args, **given})

    return declare(program, look_ups=look_ups)


def control_plane(**wanted: Any) -> Any:
    return cluster(**wanted).one(aws.eks.Cluster).inputs


def refused(**more: Any) -> dict[str, str]:
    with pytest.raises(ArgumentsError) as error:
        cluster(more=more)
    return {each.path: each.reason for each in error.value.problems}

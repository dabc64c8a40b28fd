"""The required arguments of each component. A component without a case here fails the contract tests."""

from collections.abc import Callable, Mapping
from typing import Any

import pulumi

import mlplatform
from mlplatform.component import Component

KEY = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"

CASES: Mapping[type[Component], Mapping[str, Any]] = {
    mlplatform.KeyRing: {"keys": {}, "account_id": "123456789012", "region": "us-east-1"},
    mlplatform.Network: {
        "vpc": {"zones": ["us-east-1a", "us-east-1b"]},
        "region": "us-east-1",
        "account_id": "123456789012",
        "logs_key_arn": KEY,
    },
    mlplatform.StateBackend: {"state": {}, "account_id": "123456789012", "region": "us-east-1"},
    mlplatform.DeployIdentity: {
        "identity": {"github": {"repository": "org/platform", "environment": "production"}},
        "state_bucket_arn": "arn:aws:s3:::states",
        "state_key_arn": KEY,
        "account_id": "123456789012",
    },
    mlplatform.PrivateRunner: {
        "runner": {"repository": "https://github.com/org/platform.git", "image": f"registry/runner@sha256:{'0' * 64}"},
        "connection_arn": "arn:aws:codeconnections:us-east-1:123456789012:connection/1",
        "backend_url": "s3://states?region=us-east-1",
        "permissions_boundary_arn": "arn:aws:iam::123456789012:policy/deploy-limits",
        "stack_permissions_boundary_arn": "arn:aws:iam::123456789012:policy/mlplatform/deploy-roles",
        "stack_role_path": "/mlplatform/",
        "logs_key_arn": KEY,
        "vpc_id": "vpc-1",
        "subnet_ids": ["subnet-aaaaaaaa", "subnet-bbbbbbbb"],
        "cluster_name": "cluster",
        "cluster_security_group_id": "sg-cccccccc",
        "account_id": "123456789012",
        "region": "us-east-1",
    },
    mlplatform.DataBucket: {"bucket": {}, "data_key_arn": KEY},
    mlplatform.SharedFilesystem: {
        "filesystem": {"accessPoints": {"team": {"namespaces": ["team"]}}},
        "vpc_id": "vpc-1",
        "subnet_ids": {"us-east-1a": "subnet-aaaaaaaa", "us-east-1b": "subnet-bbbbbbbb"},
        "cluster_security_group_id": "sg-cccccccc",
        "driver_role_name": "cluster-file-driver",
        "data_key_arn": KEY,
    },
    mlplatform.EksCluster: {
        "cluster": {"privateAccessCidrs": ["192.168.0.0/20"]},
        "subnet_ids": ["subnet-aaaaaaaa", "subnet-bbbbbbbb"],
        "secrets_key_arn": KEY,
        "logs_key_arn": KEY,
        "disks_key_arn": KEY,
    },
    mlplatform.GpuNodePool: {
        "pool": {"instanceTypes": ["g6.2xlarge"]},
        "cluster_name": "cluster",
        "subnet_ids": ["subnet-aaaaaaaa", "subnet-bbbbbbbb"],
        "disks_key_arn": KEY,
    },
    mlplatform.ImageRegistry: {
        "images": {"repositories": {"serving": {}}},
        "images_key_arn": KEY,
        "account_id": "123456789012",
        "region": "us-east-1",
    },
    mlplatform.WorkloadIdentity: {
        "workload": {"queues": {"jobs": "consume"}},
        "cluster_name": "cluster",
        "account_id": "123456789012",
        "region": "us-east-1",
    },
    mlplatform.ClusterGuardrails: {
        "guardrails": {"namespaces": {"guarded": {}}},
        "registry_url": "registry.example.com",
    },
    mlplatform.TeamWorkspace: {
        "team": {
            "namespaces": {"lab": {}},
            "serviceAccounts": {"trainer": {"images": {"training": "pull"}}},
        },
        "cluster_name": "cluster",
        "bucket_arns": {},
        "repository_arns": {"training": "arn:aws:ecr:us-east-1:123456789012:repository/training"},
        "account_id": "123456789012",
        "region": "us-east-1",
    },
    mlplatform.InferenceService: {"inference": {"image": "model-server:v1", "pool": "inference"}},
}


def build(component: type[Component], name: str = "example", **more: Any) -> Callable[[], object]:
    """A program that creates one component from its case."""
    make: Any = component
    return lambda: make(name, {**CASES[component], **more}, pulumi.ResourceOptions())

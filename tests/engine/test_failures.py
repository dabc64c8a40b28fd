"""AWS fails in the middle of the graph of the stack `local`: what is told, what stays, and that the next `up` completes it.

The tests of this file follow one another on one stack.
"""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from mlpctl import failures
from mlpctl.config import read
from mlpctl.failures import Explanation, explain
from mlpctl.sandbox import faults
from mlpctl.stack import SandboxStack

pytestmark = pytest.mark.engine

ROUNDS = [
    # One round is one `up`, in which independent resources fail at once: code → what is asked for, component, field.
    {
        "VpcLimitExceeded": (("CreateVpc", {}), "Network network", "network"),
        "BucketAlreadyExists": (("CreateBucket", {"match": "datasets"}), "DataBucket datasets", "buckets.datasets"),
        "AccessDenied": (("CreateBucket", {"match": "artifacts"}), "DataBucket artifacts", "buckets.artifacts"),
        "LimitExceeded": (("CreateRole", {"match": "cluster"}), "EksCluster cluster", "cluster"),
    },
    {
        "AddressLimitExceeded": (("AllocateAddress", {}), "Network network", "network.nat"),
        "InvalidSubnet.Conflict": (("CreateSubnet", {"match": "us-east-1b"}), "Network network", "network.cidr"),
        "MalformedPolicy": (("PutBucketPolicy", {"match": "artifacts", "message": "x"}), "DataBucket artifacts", ""),
    },
    {"UnsupportedAvailabilityZoneException": (("CreateCluster", {}), "EksCluster cluster", "cluster")},
    {"ResourceLimitExceeded": (("CreateCluster", {"later": True}), "EksCluster cluster", "cluster")},
    {
        "ConfigurationConflict": (
            ("CreateAddon", {"match": "kube-proxy", "later": True}),
            "EksCluster cluster",
            "cluster.addonVersions",
        ),
        "ResourceInUseException": (("CreateAddon", {"match": "vpc-cni"}), "EksCluster cluster", "cluster"),
    },
    {
        "InsufficientInstanceCapacity": (
            ("CreateNodegroup", {"match": "inference", "later": True}),
            "GpuNodePool inference",
            "gpuPools.inference.instanceTypes",
        ),
    },
    {
        "MaxSpotInstanceCountExceeded": (
            ("CreateNodegroup", {"match": "inference", "later": True}),
            "GpuNodePool inference",
            "gpuPools.inference.capacity",
        ),
    },
]

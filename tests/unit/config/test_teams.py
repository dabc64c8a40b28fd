"""Teams and guardrails in a stack file."""

import datetime
from typing import Any

from mlpctl.config import Platform
from mlpctl.config.warnings import warnings


def platform(**more: Any) -> Platform:
    values = {
        "profile": "dev",
        "owner": "a",
        "network": {"zones": ["us-east-1a", "us-east-1b"]},
        "cluster": {"privateAccessCidrs": ["192.168.0.0/20"]},
        "gpuPools": {"gpu": {"instanceTypes": ["g6.12xlarge"], "maxNodes": 2}},
        "buckets": {"data": {}},
        **more,
    }
    return Platform.model_validate(values)


def test_a_quota_that_the_pools_cannot_satisfy_is_a_warning() -> None:
    made = platform(
        guardrails={"namespaces": {"batch": {"quota": {"gpus": 9}}}},
        teams={"lab": {"namespaces": {"lab": {"quota": {"gpus": 8}}, "more": {"quota": {"gpus": 10}}}}},
    )
    assert [each for each in warnings(made, datetime.date(2026, 1, 1)) if "quota" in each] == [
        "guardrails.namespaces.batch.quota.gpus is 9; the pools have at most 8 GPUs.",
        "teams.lab.namespaces.more.quota.gpus is 10; the pools have at most 8 GPUs.",
    ]


def test_namespaces_of_workloads_are_created_unless_something_else_creates_them() -> None:
    made = platform(
        workloads={
            name: {"namespace": namespace, "serviceAccount": name, "queues": {"jobs": "send"}}
            for name, namespace in {"a": "batch", "b": "batch", "d": "default", "e": "kube-system"}.items()
        }
    )
    assert made.workload_namespaces == ["batch"]


def test_a_service_account_of_a_team_cannot_be_that_of_a_workload() -> None:
    workload = {"namespace": "lab", "serviceAccount": "trainer", "queues": {"jobs": "send"}}
    team = {"namespaces": {"lab": {}}, "serviceAccounts": {"trainer": {"buckets": {"data": "read"}}}}
    try:
        platform(workloads={"trainer": workload}, teams={"lab": team})
    except ValueError as error:
        assert "teams.lab.serviceAccounts.trainer is for service account trainer in namespace lab" in str(error)
    else:
        raise AssertionError("accepted")

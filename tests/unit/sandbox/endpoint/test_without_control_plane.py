"""EKS without a running control plane: waiting resources, deletions and health issues."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from mlsandbox.ground.layout import Layout

pytestmark = pytest.mark.engine


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "the condition was not met in time"
        time.sleep(0.05)


def test_node_groups_wait_for_nodes_and_deletions_finish(
    tmp_path: Path, run: Callable[..., AbstractContextManager[Any]], new_account: Any
) -> None:
    layout = Layout(tmp_path / "sandbox")
    layout.prepare()
    account = new_account(layout)
    eks, where = account.eks, {"clusterName": "main", "nodegroupName": "system"}
    with run(layout):
        account.prepare()
        account.cluster()
        account.nodegroup()

    with run(layout, "kubernetes"):
        update = eks.update_nodegroup_config(**where, scalingConfig={"desiredSize": 1})["update"]

        def issues() -> list[str]:
            found = eks.describe_nodegroup(**where)["nodegroup"]
            assert found["status"] == "UPDATING"
            return [issue["code"] for issue in found["health"]["issues"]]

        eventually(lambda: issues() == ["ClusterUnreachable"])
        described = eks.describe_update(name="main", updateId=update["id"], nodegroupName="system")["update"]
        assert described["status"] == "InProgress"
        assert account.refused("update_nodegroup_config", **where, scalingConfig={"desiredSize": 2})[0] == (
            "ResourceInUseException"
        )
        eks.delete_nodegroup(**where)
        eventually(lambda: eks.list_nodegroups(clusterName="main")["nodegroups"] == [])
        eks.delete_cluster(name="main")
        eventually(lambda: eks.list_clusters()["clusters"] == [])

        account.cluster()
        time.sleep(0.5)
        cluster = eks.describe_cluster(name="main")["cluster"]
        assert cluster["status"] == "CREATING"
        assert not {"endpoint", "certificateAuthority"} & cluster.keys()
        assert account.refused("create_addon", clusterName="main", addonName="vpc-cni")[0] == "InvalidRequestException"

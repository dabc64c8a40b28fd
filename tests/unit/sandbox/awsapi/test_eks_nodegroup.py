"""Managed node groups by boto3: what AWS answers, and what it refuses."""

from typing import Any

import pytest


@pytest.fixture
def cluster(account: Any) -> Any:
    account.cluster(version="1.35")
    return account


def describe(account: Any, name: str = "system") -> dict[str, Any]:
    found: dict[str, Any] = account.eks.describe_nodegroup(clusterName="main", nodegroupName=name)["nodegroup"]
    return found


def template(account: Any, name: str, **data: Any) -> str:
    made = account.ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)
    return str(made["LaunchTemplate"]["LaunchTemplateId"])


def test_a_node_group_says_what_it_was_not_told(cluster: Any) -> None:
    cluster.nodegroup()

    group = describe(cluster)

    assert group["scalingConfig"] == {"minSize": 1, "maxSize": 2, "desiredSize": 2}
    assert (group["amiType"], group["capacityType"], group["diskSize"]) == ("AL2023_x86_64_STANDARD", "ON_DEMAND", 20)
    assert group["instanceTypes"] == ["t3.medium"]
    assert group["updateConfig"] == {"maxUnavailable": 1}
    assert group["nodeRepairConfig"] == {"enabled": False}
    assert group["version"] == "1.35"
    assert group["releaseVersion"].startswith("1.35.0-")
    assert group["resources"]["autoScalingGroups"][0]["name"].startswith("eks-system-")
    assert not {"launchTemplate", "labels", "taints", "remoteAccess"} & group.keys()


def test_the_launch_template_decides(cluster: Any) -> None:
    id = template(cluster, "gpu-decides", InstanceType="g6.2xlarge")

    cluster.nodegroup("gpu", launchTemplate={"id": id, "version": "$Latest"})

    group = describe(cluster, "gpu")
    assert group["launchTemplate"] == {"id": id, "name": "gpu-decides", "version": "1"}
    assert group["amiType"] == "AL2023_x86_64_NVIDIA"
    assert not {"instanceTypes", "diskSize"} & group.keys()


def test_the_role_of_the_nodes_is_let_in_as_long_as_a_group_uses_it(cluster: Any) -> None:
    where = {"clusterName": "main", "principalArn": cluster.node_role}
    cluster.nodegroup("one")
    cluster.nodegroup("two")
    assert cluster.eks.describe_access_entry(**where)["accessEntry"]["type"] == "EC2_LINUX"

    cluster.eks.delete_nodegroup(clusterName="main", nodegroupName="one")
    assert cluster.eks.describe_access_entry(**where)
    cluster.eks.delete_nodegroup(clusterName="main", nodegroupName="two")
    assert cluster.refused("describe_access_entry", **where)[0] == "ResourceNotFoundException"


def test_labels_and_taints_change(cluster: Any) -> None:
    gpu = {"key": "gpu", "value": "true", "effect": "NO_SCHEDULE"}
    cluster.nodegroup(labels={"a": "1", "b": "2"}, taints=[gpu])

    update = cluster.eks.update_nodegroup_config(
        clusterName="main",
        nodegroupName="system",
        labels={"addOrUpdateLabels": {"a": "3", "c": "4"}, "removeLabels": ["b"]},
        taints={"removeTaints": [gpu], "addOrUpdateTaints": [{"key": "spot", "effect": "PREFER_NO_SCHEDULE"}]},
    )["update"]

    group = describe(cluster)
    assert group["labels"] == {"a": "3", "c": "4"}
    assert group["taints"] == [{"key": "spot", "effect": "PREFER_NO_SCHEDULE"}]
    told = cluster.eks.describe_update(name="main", updateId=update["id"], nodegroupName="system")["update"]
    assert {param["type"] for param in told["params"]} == {
        "LabelsToAdd",
        "LabelsToRemove",
        "TaintsToAdd",
        "TaintsToRemove",
    }


def test_the_size_changes(cluster: Any) -> None:
    cluster.nodegroup()
    where = {"clusterName": "main", "nodegroupName": "system"}

    cluster.eks.update_nodegroup_config(**where, scalingConfig={"maxSize": 5, "desiredSize": 3})

    assert describe(cluster)["scalingConfig"] == {"minSize": 1, "maxSize": 5, "desiredSize": 3}
    refusal = cluster.refused("update_nodegroup_config", **where, scalingConfig={"desiredSize": 9})
    assert refusal == ("InvalidParameterException", "desired capacity 9 can't be greater than max size 5")


def test_a_new_version_of_the_launch_template_is_taken(cluster: Any) -> None:
    id = template(cluster, "gpu-versions", InstanceType="g6.2xlarge")
    cluster.nodegroup("gpu", launchTemplate={"id": id})
    data = {"InstanceType": "g6.4xlarge"}
    cluster.ec2.create_launch_template_version(LaunchTemplateId=id, LaunchTemplateData=data)
    where = {"clusterName": "main", "nodegroupName": "gpu"}

    cluster.eks.update_nodegroup_version(**where, launchTemplate={"id": id, "version": "2"})

    assert describe(cluster, "gpu")["launchTemplate"]["version"] == "2"
    other = template(cluster, "another", InstanceType="g6.2xlarge")
    assert "cannot be changed" in cluster.refused("update_nodegroup_version", **where, launchTemplate={"id": other})[1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"instanceTypes": ["g99.huge"]}, "The following supplied instance types do not exist: [g99.huge]"),
        ({"instanceTypes": ["m7g.large"], "amiType": "AL2023_x86_64_STANDARD"}, "not a valid instance type"),
        ({"instanceTypes": ["m7i.large"], "amiType": "AL2023_x86_64_NVIDIA"}, "not a valid instance type"),
        ({"capacityType": "CHEAP"}, "Value 'CHEAP' at 'capacityType' failed to satisfy constraint"),
        ({"scalingConfig": {"minSize": 3, "maxSize": 2, "desiredSize": 2}}, "can't be greater than maximum size 2"),
        ({"version": "1.36"}, "newer than cluster version 1.35"),
        ({"updateConfig": {"maxUnavailable": 1, "maxUnavailablePercentage": 10}}, "Only one of"),
        ({"taints": [{"value": "x", "effect": "NO_SCHEDULE"}]}, "A taint needs a key and an effect"),
        ({"nodeRole": "arn:aws:iam::123456789012:role/cluster"}, "required service principals [ec2.amazonaws.com]"),
        ({"subnets": ["subnet-0"]}, "The subnet ID 'subnet-0' does not exist"),
        ({"amiType": "CUSTOM"}, "needs a launch template that names an image"),
    ],
)
def test_a_wrong_node_group_is_refused(cluster: Any, change: dict[str, Any], said: str) -> None:
    arguments = {"clusterName": "main", "nodeRole": cluster.node_role, "subnets": cluster.subnets, **change}

    code, message = cluster.refused("create_nodegroup", nodegroupName="system", **arguments)

    assert code == "InvalidParameterException"
    assert said in message
    assert cluster.eks.list_nodegroups(clusterName="main")["nodegroups"] == []


def test_a_launch_template_and_its_rivals_are_refused(cluster: Any) -> None:
    id = template(cluster, "rival", InstanceType="g6.2xlarge")
    arguments = {"clusterName": "main", "nodeRole": cluster.node_role, "subnets": cluster.subnets}

    for rival in ({"instanceTypes": ["g6.xlarge"]}, {"diskSize": 100}, {"remoteAccess": {"ec2SshKey": "me"}}):
        code, _ = cluster.refused(
            "create_nodegroup", nodegroupName="gpu", launchTemplate={"id": id}, **arguments, **rival
        )
        assert code == "InvalidParameterException"
    missing = cluster.refused("create_nodegroup", nodegroupName="gpu", launchTemplate={"id": "lt-0"}, **arguments)
    assert missing == ("InvalidRequestException", "Launch template lt-0 does not exist.")


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({"team": "ml platform!"}, "Label value 'ml platform!' of team is invalid"),
        ({"team": "ml\n"}, "is invalid"),
        ({"team": "-ml"}, "is invalid"),
        ({"a b": "c"}, "Label key 'a b' is not a valid Kubernetes qualified name"),
        ({"Team.example/x": "c"}, "is not a valid Kubernetes qualified name"),
        ({"node.kubernetes.io/role": "gpu"}, "Label cannot contain reserved prefixes"),
        ({"eks.amazonaws.com/x": "gpu"}, "Label cannot contain reserved prefixes"),
    ],
)
def test_a_label_that_no_node_can_have_is_refused_and_a_right_one_taken_afterwards(
    cluster: Any, labels: dict[str, str], said: str
) -> None:
    asked = {"clusterName": "main", "nodeRole": cluster.node_role, "subnets": cluster.subnets}
    code, message = cluster.refused("create_nodegroup", nodegroupName="labelled", labels=labels, **asked)
    assert (code, said in message) == ("InvalidParameterException", True), message
    cluster.nodegroup("labelled", labels={"team": "ml", "example.com/a_b.c": "1"})
    where = {"clusterName": "main", "nodegroupName": "labelled"}
    assert said in cluster.refused("update_nodegroup_config", **where, labels={"addOrUpdateLabels": labels})[1]
    assert describe(cluster, "labelled")["status"] == "ACTIVE"


@pytest.mark.parametrize(("key", "value"), [("a b", "x"), ("gpu", "not this"), ("k8s.io/x", "y")])
def test_a_taint_that_no_node_can_have_is_refused(cluster: Any, key: str, value: str) -> None:
    taint = {"key": key, "value": value, "effect": "NO_SCHEDULE"}
    asked = {"clusterName": "main", "nodeRole": cluster.node_role, "subnets": cluster.subnets}
    refused = cluster.refused("create_nodegroup", nodegroupName="tainted", taints=[taint], **asked)
    assert refused[0] == "InvalidParameterException"
    assert refused[1].startswith("Taint ")

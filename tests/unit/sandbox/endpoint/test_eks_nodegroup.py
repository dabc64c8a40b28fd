"""Managed node groups, tested with boto3."""

import base64
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Event
from typing import Any

import pytest
from moto.ssm.models import ParameterDict

from mlsandbox.endpoint import public_images
from mlsandbox.endpoint.extensions import bottlerocket


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


def test_a_node_group_has_aws_defaults(cluster: Any) -> None:
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


def test_settings_of_the_launch_template_take_precedence(cluster: Any) -> None:
    id = template(cluster, "gpu-decides", InstanceType="g6.2xlarge")

    cluster.nodegroup("gpu", launchTemplate={"id": id, "version": "$Latest"})

    group = describe(cluster, "gpu")
    assert group["launchTemplate"] == {"id": id, "name": "gpu-decides", "version": "1"}
    assert group["amiType"] == "AL2023_x86_64_NVIDIA"
    assert not {"instanceTypes", "diskSize"} & group.keys()


def test_the_node_role_has_access_while_a_group_uses_it(cluster: Any) -> None:
    where = {"clusterName": "main", "principalArn": cluster.node_role}
    cluster.nodegroup("one")
    cluster.nodegroup("two")
    assert cluster.eks.describe_access_entry(**where)["accessEntry"]["type"] == "EC2_LINUX"

    cluster.eks.delete_nodegroup(clusterName="main", nodegroupName="one")
    assert cluster.eks.describe_access_entry(**where)
    cluster.eks.delete_nodegroup(clusterName="main", nodegroupName="two")
    assert cluster.refused("describe_access_entry", **where)[0] == "ResourceNotFoundException"


def test_labels_and_taints_can_be_changed(cluster: Any) -> None:
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
    recorded = cluster.eks.describe_update(name="main", updateId=update["id"], nodegroupName="system")["update"]
    assert {param["type"] for param in recorded["params"]} == {
        "LabelsToAdd",
        "LabelsToRemove",
        "TaintsToAdd",
        "TaintsToRemove",
    }


def test_the_size_can_be_changed(cluster: Any) -> None:
    cluster.nodegroup()
    where = {"clusterName": "main", "nodegroupName": "system"}

    cluster.eks.update_nodegroup_config(**where, scalingConfig={"maxSize": 5, "desiredSize": 3})

    assert describe(cluster)["scalingConfig"] == {"minSize": 1, "maxSize": 5, "desiredSize": 3}
    refusal = cluster.refused("update_nodegroup_config", **where, scalingConfig={"desiredSize": 9})
    assert refusal == ("InvalidParameterException", "desired capacity 9 can't be greater than max size 5")


BEHIND, NEWEST = "1.62.1-ea1afdd6", "1.65.0-0be31b34"
WHERE = {"clusterName": "main", "nodegroupName": "system"}


@pytest.mark.parametrize("release", ["1.54.0-5043decc", "1.65.0-00000000", "1.65.0", "latest"])
def test_a_release_without_an_image_for_the_version_is_rejected(account: Any, release: str) -> None:
    account.cluster(version="1.36")
    asked = {"nodeRole": account.node_role, "subnets": account.subnets, "amiType": "BOTTLEROCKET_x86_64"}
    assert account.refused("create_nodegroup", **WHERE, **asked, releaseVersion=release) == (
        "InvalidParameterException",
        f"Requested release version {release} is not valid for kubernetes version 1.36.",
    )


def test_an_update_without_a_release_uses_the_latest_one(cluster: Any) -> None:
    id = template(cluster, "pinned", InstanceType="m7i.large")
    cluster.nodegroup(amiType="BOTTLEROCKET_x86_64", releaseVersion=BEHIND, launchTemplate={"id": id})
    cluster.ec2.create_launch_template_version(LaunchTemplateId=id, LaunchTemplateData={"InstanceType": "m7i.xlarge"})
    cluster.eks.update_nodegroup_version(**WHERE, launchTemplate={"id": id, "version": "2"})
    assert describe(cluster)["releaseVersion"] == NEWEST


def test_a_node_group_cannot_be_rolled_back(cluster: Any) -> None:
    cluster.nodegroup(amiType="BOTTLEROCKET_x86_64", releaseVersion=NEWEST)
    code, message = cluster.refused("update_nodegroup_version", **WHERE, releaseVersion=BEHIND)
    assert code == "InvalidParameterException"
    assert "cannot roll back a node group to an earlier AMI version" in message
    refusal = cluster.refused("update_nodegroup_version", **WHERE, version="1.34")
    assert "cannot roll back a node group to an earlier Kubernetes version" in refusal[1]


def image(account: Any, version: str = "1.35", release: str = NEWEST, variant: str = "") -> str:
    name = f"/aws/service/bottlerocket/aws-k8s-{version}{variant}/x86_64/{release}/image_id"
    return str(account.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])


def joining(account: Any, name: str = "main") -> str:
    found = account.eks.describe_cluster(name="main")["cluster"]
    text = (
        f'[settings.kubernetes]\ncluster-name = "{name}"\napi-server = "{found["endpoint"]}"\n'
        f'cluster-certificate = "{found["certificateAuthority"]["data"]}"\n'
    )
    return base64.b64encode(text.encode()).decode()


def test_public_parameters_list_the_releases_of_a_variant(account: Any) -> None:
    pages = account.client("ssm").get_paginator("get_parameters_by_path")
    path = "/aws/service/bottlerocket/aws-k8s-1.36-nvidia/arm64"
    found = [each["Name"] for page in pages.paginate(Path=path, Recursive=True) for each in page["Parameters"]]
    assert f"{path}/{NEWEST}/image_id" in found
    assert f"{path}/{NEWEST}/image_version" in found
    assert not any("1.54.0" in name for name in found)


def test_no_request_sees_partly_loaded_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    store = ParameterDict("123456789012", "ap-south-1")
    begun, go_on, make = Event(), Event(), bottlerocket._parameter

    def slowly(*given: Any) -> Any:
        begun.set()
        go_on.wait()
        return make(*given)

    def load() -> int:
        bottlerocket._load_parameters(store, public_images.ROOT)
        return len(store)

    monkeypatch.setattr(bottlerocket, "_parameter", slowly)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(load)
        begun.wait()
        second = pool.submit(load)
        wait([second], timeout=0.2)
        go_on.set()
        assert second.result() == first.result() == 4 * len([*public_images.images("ap-south-1")])


def test_a_parameter_contains_a_stable_image_id(account: Any) -> None:
    id = image(account, "1.36", variant="-nvidia")
    (found,) = account.ec2.describe_images(ImageIds=[id])["Images"]
    assert found["Name"] == f"bottlerocket-aws-k8s-1.36-nvidia-x86_64-v{NEWEST}"
    assert id == image(account, "1.36", variant="-nvidia") != image(account, "1.36")
    found = public_images.find("us-east-1", id)
    assert found is not None
    assert found.id == id


def test_nodes_use_the_image_of_the_template_and_follow_its_changes(cluster: Any) -> None:
    data = {"InstanceType": "m7i.large", "UserData": joining(cluster)}
    id = template(cluster, "by-id", **data, ImageId=image(cluster, release=BEHIND))
    cluster.nodegroup(launchTemplate={"id": id})
    group = describe(cluster)
    assert (group["amiType"], group["releaseVersion"]) == ("CUSTOM", image(cluster, release=BEHIND))

    cluster.ec2.create_launch_template_version(
        LaunchTemplateId=id, LaunchTemplateData={**data, "ImageId": image(cluster)}
    )
    newer = {"launchTemplate": {"id": id, "version": "2"}}
    cluster.eks.update_nodegroup_version(**WHERE, **newer)

    assert describe(cluster)["releaseVersion"] == image(cluster)
    assert "cannot specify version" in cluster.refused("update_nodegroup_version", **WHERE, **newer, version="1.35")[1]
    assert "requires a launch template" in cluster.refused("update_nodegroup_version", **WHERE)[1]


def test_a_group_with_an_eks_image_rejects_a_custom_image(cluster: Any) -> None:
    id = template(cluster, "mixed", InstanceType="m7i.large")
    cluster.nodegroup(amiType="BOTTLEROCKET_x86_64", launchTemplate={"id": id})
    data = {"InstanceType": "m7i.large", "UserData": joining(cluster), "ImageId": image(cluster)}
    cluster.ec2.create_launch_template_version(LaunchTemplateId=id, LaunchTemplateData=data)
    refusal = cluster.refused("update_nodegroup_version", **WHERE, launchTemplate={"id": id, "version": "2"})
    assert "You cannot specify an image id within the launch template" in refusal[1]


def test_a_missing_image_is_rejected(cluster: Any) -> None:
    id = template(cluster, "nowhere", InstanceType="m7i.large", ImageId="ami-0123456789abcdef0")
    asked = {"nodeRole": cluster.node_role, "subnets": cluster.subnets, "launchTemplate": {"id": id}}
    assert "ami-0123456789abcdef0" in cluster.refused("create_nodegroup", **WHERE, **asked)[1]


@pytest.mark.parametrize(
    ("named", "expected"),
    [(None, "missing or wrong cluster-name, api-server"), ("other", "missing or wrong cluster-name")],
)
def test_nodes_without_the_settings_of_their_cluster_do_not_join(
    cluster: Any, named: str | None, expected: str
) -> None:
    data = {"InstanceType": "m7i.large", "ImageId": image(cluster)}
    id = template(cluster, f"lost-{named}", **data, **({"UserData": joining(cluster, named)} if named else {}))
    cluster.nodegroup(launchTemplate={"id": id})
    (issue,) = describe(cluster)["health"]["issues"]
    assert describe(cluster)["status"] == "CREATE_FAILED"
    assert issue["code"] == "NodeCreationFailure"
    assert expected in issue["message"]


def test_a_failed_update_to_nodes_that_do_not_join_does_not_change_the_group(cluster: Any) -> None:
    data = {"InstanceType": "m7i.large", "ImageId": image(cluster)}
    id = template(cluster, "breaks", **data, UserData=joining(cluster))
    cluster.nodegroup(launchTemplate={"id": id})
    cluster.ec2.create_launch_template_version(LaunchTemplateId=id, LaunchTemplateData=data)
    update = cluster.eks.update_nodegroup_version(**WHERE, launchTemplate={"id": id, "version": "2"})["update"]
    found = cluster.eks.describe_update(name="main", updateId=update["id"], nodegroupName="system")["update"]
    assert (found["status"], found["errors"][0]["errorCode"]) == ("Failed", "NodeCreationFailure")
    assert describe(cluster)["launchTemplate"]["version"] == "1"


def test_a_node_group_can_use_a_new_launch_template_version(cluster: Any) -> None:
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
    ("change", "expected"),
    [
        ({"instanceTypes": ["g99.huge"]}, "The following supplied instance types do not exist: [g99.huge]"),
        ({"instanceTypes": ["m7g.large"], "amiType": "AL2023_x86_64_STANDARD"}, "not a valid instance type"),
        ({"instanceTypes": ["m7i.large"], "amiType": "AL2023_x86_64_NVIDIA"}, "not a valid instance type"),
        ({"capacityType": "CHEAP"}, "Value 'CHEAP' at 'capacityType' failed to satisfy constraint"),
        ({"scalingConfig": {"minSize": 3, "maxSize": 2, "desiredSize": 2}}, "can't be greater than maximum size 2"),
        ({"version": "1.36"}, "newer than cluster version 1.35"),
        ({"updateConfig": {"maxUnavailable": 1, "maxUnavailablePercentage": 10}}, "Only one of"),
        ({"taints": [{"value": "x", "effect": "NO_SCHEDULE"}]}, "A taint must have a key and an effect"),
        ({"nodeRole": "arn:aws:iam::123456789012:role/cluster"}, "required service principals [ec2.amazonaws.com]"),
        ({"subnets": ["subnet-0"]}, "The subnet ID 'subnet-0' does not exist"),
        ({"amiType": "CUSTOM"}, "requires a launch template that specifies an image"),
    ],
)
def test_an_invalid_node_group_is_rejected(cluster: Any, change: dict[str, Any], expected: str) -> None:
    arguments = {"clusterName": "main", "nodeRole": cluster.node_role, "subnets": cluster.subnets, **change}

    code, message = cluster.refused("create_nodegroup", nodegroupName="system", **arguments)

    assert code == "InvalidParameterException"
    assert expected in message
    assert cluster.eks.list_nodegroups(clusterName="main")["nodegroups"] == []


def test_settings_that_conflict_with_the_launch_template_are_rejected(cluster: Any) -> None:
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
    ("labels", "expected"),
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
def test_an_invalid_label_is_rejected_and_a_valid_one_accepted_afterwards(
    cluster: Any, labels: dict[str, str], expected: str
) -> None:
    asked = {"clusterName": "main", "nodeRole": cluster.node_role, "subnets": cluster.subnets}
    code, message = cluster.refused("create_nodegroup", nodegroupName="labelled", labels=labels, **asked)
    assert (code, expected in message) == ("InvalidParameterException", True), message
    cluster.nodegroup("labelled", labels={"team": "ml", "example.com/a_b.c": "1"})
    where = {"clusterName": "main", "nodegroupName": "labelled"}
    assert expected in cluster.refused("update_nodegroup_config", **where, labels={"addOrUpdateLabels": labels})[1]
    assert describe(cluster, "labelled")["status"] == "ACTIVE"


@pytest.mark.parametrize(("key", "value"), [("a b", "x"), ("gpu", "not this"), ("k8s.io/x", "y")])
def test_an_invalid_taint_is_rejected(cluster: Any, key: str, value: str) -> None:
    taint = {"key": key, "value": value, "effect": "NO_SCHEDULE"}
    asked = {"clusterName": "main", "nodeRole": cluster.node_role, "subnets": cluster.subnets}
    refused = cluster.refused("create_nodegroup", nodegroupName="tainted", taints=[taint], **asked)
    assert refused[0] == "InvalidParameterException"
    assert refused[1].startswith("Taint ")


def test_the_size_of_the_scaling_group_is_that_of_the_node_group(cluster: Any) -> None:
    made = cluster.nodegroup(
        "scaled", scalingConfig={"minSize": 1, "desiredSize": 2, "maxSize": 3}, subnets=cluster.subnets
    )
    (name,) = (each["name"] for each in made["resources"]["autoScalingGroups"])
    scaling = cluster.client("autoscaling")
    tag = {"ResourceId": name, "ResourceType": "auto-scaling-group", "Key": "team", "Value": "ml"}
    scaling.create_or_update_tags(Tags=[{**tag, "PropagateAtLaunch": True}])

    def found(**asked: Any) -> list[dict[str, Any]]:
        groups: list[dict[str, Any]] = scaling.describe_auto_scaling_groups(**asked)["AutoScalingGroups"]
        return groups

    for filters in (
        [{"Name": "tag:team", "Values": ["nlp", "ml"]}],
        [{"Name": "tag-key", "Values": ["team"]}, {"Name": "tag-value", "Values": ["ml"]}],
    ):
        (group,) = found(Filters=filters)
        assert (group["AutoScalingGroupName"], group["MinSize"], group["MaxSize"]) == (name, 1, 3)
    assert group["Tags"] == [{**tag, "PropagateAtLaunch": True}]
    assert (group["DesiredCapacity"], len(group["Instances"])) == (2, 2)
    assert found(Filters=[{"Name": "tag:team", "Values": ["nlp"]}]) == []
    assert found(AutoScalingGroupNames=["other"]) == []

    scaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=3)
    assert describe(cluster, "scaled")["scalingConfig"]["desiredSize"] == 3
    assert len(found(AutoScalingGroupNames=[name])[0]["Instances"]) == 3
    for wanted, expected in ((4, "4 is above max value 3"), (0, "0 is below min value 1")):
        refused = cluster.refused(
            "set_desired_capacity", "autoscaling", AutoScalingGroupName=name, DesiredCapacity=wanted
        )
        assert refused == ("ValidationError", f"New SetDesiredCapacity value {expected} for the AutoScalingGroup.")
    gone = cluster.refused("set_desired_capacity", "autoscaling", AutoScalingGroupName="other", DesiredCapacity=1)
    assert gone == ("ValidationError", "AutoScalingGroup name not found - null: other")

"""EKS on the real control plane: authentication, access policies, node groups, and cleanup of a cluster."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kubernetes
import pytest
from kubernetes.client import ApiException

from engine.eks_bench import Bench, bench, eventually
from engine.programs import Program
from mlpctl import failures
from mlsandbox import Sandbox
from mlsandbox.endpoint.eks import rollout
from mlsandbox.tools import toolchain

__all__ = ["bench"]  # fixture

pytestmark = pytest.mark.engine

POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKS{}Policy"


def refused(call: Callable[[], Any]) -> int:
    with pytest.raises(ApiException) as caught:
        call()
    status: int = caught.value.status
    return status


def status_of(call: Callable[[], Any]) -> int:
    try:
        call()
    except ApiException as refusal:
        answer: int = refusal.status
        return answer
    return 200


def config_map(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "data": {"a": "b"}}


def test_the_creator_has_all_permissions(bench: Bench) -> None:
    creator = bench.enter()
    creator.create_namespaced_config_map("kube-system", config_map("creators"))
    assert creator.list_node().items == []


def test_a_wrong_secret_key_is_rejected(bench: Bench) -> None:
    impostor = bench.enter(AWS_SECRET_ACCESS_KEY="x" * 40)
    assert refused(impostor.list_namespace) == 401


def test_an_unknown_access_key_is_rejected(bench: Bench) -> None:
    stranger = bench.enter(AWS_ACCESS_KEY_ID="AKIAAAAAAAAAAAAAAAAA")
    assert refused(stranger.list_namespace) == 401


def test_a_token_for_another_cluster_is_rejected(bench: Bench) -> None:
    assert refused(bench.enter(cluster="other").list_namespace) == 401


def test_an_identity_without_an_access_entry_is_rejected_until_it_has_one(bench: Bench) -> None:
    iam, eks = bench.aws("iam"), bench.aws("eks")
    user = iam.create_user(UserName="guest")["User"]["Arn"]
    key = iam.create_access_key(UserName="guest")["AccessKey"]
    guest = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}

    assert refused(bench.enter(**guest).list_namespace) == 401
    eks.create_access_entry(clusterName="main", principalArn=user, kubernetesGroups=["guests"])
    # The identity is known now, but its group has no permissions. The API server caches a token's result for ten
    # seconds, and tokens created in the same second are identical.
    eventually(lambda: status_of(bench.enter(**guest).list_namespace) == 403)
    iam.update_access_key(UserName="guest", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    eventually(lambda: status_of(bench.enter(**guest).list_namespace) == 401)


def test_a_role_with_the_view_policy_can_read_but_not_write(bench: Bench) -> None:
    role = bench.role("viewer", AWS="arn:aws:iam::123456789012:root")
    eks = bench.aws("eks")
    eks.create_access_entry(clusterName="main", principalArn=role)
    where = {"clusterName": "main", "principalArn": role, "policyArn": POLICY.format("View")}
    eks.associate_access_policy(**where, accessScope={"type": "cluster"})

    viewer = bench.enter("--role-arn", role)

    assert "default" in [namespace.metadata.name for namespace in viewer.list_namespace().items]
    assert refused(lambda: viewer.create_namespaced_config_map("default", config_map("viewers"))) == 403
    assert refused(lambda: viewer.list_namespaced_secret("default")) == 403


def test_a_policy_for_a_namespace_is_limited_to_it(bench: Bench) -> None:
    role = bench.role("editor", AWS="arn:aws:iam::123456789012:root")
    eks = bench.aws("eks")
    eks.create_access_entry(clusterName="main", principalArn=role)
    where = {"clusterName": "main", "principalArn": role, "policyArn": POLICY.format("Edit")}
    eks.associate_access_policy(**where, accessScope={"type": "namespace", "namespaces": ["team"]})
    # The namespace is created after its policy, which AWS allows.
    bench.admin.create_namespace({"metadata": {"name": "team"}})
    editor = bench.enter("--role-arn", role)

    def writes() -> bool:
        try:
            editor.create_namespaced_config_map("team", config_map("editors"))
        except ApiException as refusal:
            assert refusal.status == 403
            return False
        return True

    eventually(writes)
    assert refused(lambda: editor.create_namespaced_config_map("default", config_map("editors"))) == 403
    eks.disassociate_access_policy(**where)
    # The API server still caches the token's groups, but the binding is removed in the next synchronization.
    eventually(lambda: status_of(lambda: editor.list_namespaced_config_map("team")) == 403)


def test_the_nodes_follow_their_node_group(bench: Bench) -> None:
    eks = bench.aws("eks")
    config = eks.describe_cluster(name="main")["cluster"]["resourcesVpcConfig"]
    where = {"clusterName": "main", "nodegroupName": "gpu"}
    eks.create_nodegroup(
        **where,
        nodeRole=bench.role("node", Service="ec2.amazonaws.com"),
        subnets=config["subnetIds"],
        instanceTypes=["g6.2xlarge"],
        scalingConfig={"minSize": 0, "maxSize": 4, "desiredSize": 2},
        labels={"team": "ml"},
        taints=[{"key": "nvidia.com/gpu", "value": "true", "effect": "NO_SCHEDULE"}],
    )
    eventually(lambda: bench.nodegroup_status("gpu") == "ACTIVE")

    nodes = bench.admin.list_node(label_selector="eks.amazonaws.com/nodegroup=gpu").items
    assert [node.status.allocatable["nvidia.com/gpu"] for node in nodes] == ["1", "1"]
    zones = {node.metadata.labels["topology.kubernetes.io/zone"] for node in nodes}
    assert zones == {"us-east-1a", "us-east-1b"}
    pod = {
        "containers": [{"name": "c", "image": "c:1", "resources": {"limits": {"nvidia.com/gpu": "1"}}}],
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
    }
    for name in ("one", "two"):
        bench.admin.create_namespaced_pod("default", {"metadata": {"name": name}, "spec": pod})
    eventually(lambda: {item.status.phase for item in bench.admin.list_namespaced_pod("default").items} == {"Running"})

    eks.update_nodegroup_config(
        **where,
        scalingConfig={"desiredSize": 1},
        labels={"removeLabels": ["team"], "addOrUpdateLabels": {"stage": "test"}},
    )
    assert bench.nodegroup_status("gpu") in ("UPDATING", "ACTIVE")
    eventually(lambda: bench.nodegroup_status("gpu") == "ACTIVE")
    (node,) = bench.admin.list_node().items
    assert node.metadata.labels["stage"] == "test"
    assert "team" not in node.metadata.labels
    assert [taint.key for taint in node.spec.taints] == ["nvidia.com/gpu"]
    # The kubelet of the removed node takes a moment to end its pod.
    eventually(lambda: len(bench.admin.list_namespaced_pod("default").items) == 1)

    bench.admin.delete_node(node.metadata.name)
    eventually(lambda: [item.metadata.name for item in bench.admin.list_node().items] == [node.metadata.name])

    eks.delete_nodegroup(**where)
    assert bench.nodegroup_status("gpu") in ("DELETING", None)
    eventually(lambda: bench.nodegroup_status("gpu") is None)
    assert bench.admin.list_node().items == []


def new_template_version(bench: Bench, template: str) -> str:
    data = {"InstanceType": "m7i.large"}
    made = bench.aws("ec2").create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData=data)
    return str(made["LaunchTemplateVersion"]["VersionNumber"])


def finished(bench: Bench, where: dict[str, str], update: str) -> dict[str, Any]:
    """The update after it has finished."""
    name = {"name": where["clusterName"], "nodegroupName": where["nodegroupName"], "updateId": update}
    found: dict[str, Any] = {}

    def ended() -> bool:
        found.update(bench.aws("eks").describe_update(**name)["update"])
        return bool(found["status"] != "InProgress")

    eventually(ended, 120)
    return found


def test_a_disruption_budget_delays_an_update_of_nodes(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollout, "EVICTION_S", 4.0)
    eks, ec2 = bench.aws("eks"), bench.aws("ec2")
    config = eks.describe_cluster(name="main")["cluster"]["resourcesVpcConfig"]
    data = {"InstanceType": "m7i.large"}
    made = ec2.create_launch_template(LaunchTemplateName="rolled", LaunchTemplateData=data)
    template = made["LaunchTemplate"]["LaunchTemplateId"]
    where = {"clusterName": "main", "nodegroupName": "rolled"}
    eks.create_nodegroup(
        **where,
        nodeRole=bench.role("rolled", Service="ec2.amazonaws.com"),
        subnets=config["subnetIds"],
        launchTemplate={"id": template, "version": "1"},
        scalingConfig={"minSize": 2, "maxSize": 2, "desiredSize": 2},
        updateConfig={"maxUnavailable": 1, "updateStrategy": "MINIMAL"},
    )
    eventually(lambda: bench.nodegroup_status("rolled") == "ACTIVE")
    labels = {"app": "model"}
    apps = kubernetes.client.AppsV1Api(bench.admin.api_client)
    policy = kubernetes.client.PolicyV1Api(bench.admin.api_client)
    template_spec = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "c:1"}]}}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template_spec}
    apps.create_namespaced_deployment("default", {"metadata": {"name": "model"}, "spec": spec})
    budget = {"selector": {"matchLabels": labels}, "maxUnavailable": 0}
    policy.create_namespaced_pod_disruption_budget("default", {"metadata": {"name": "model"}, "spec": budget})

    def available() -> int:
        return int(apps.read_namespaced_deployment("model", "default").status.available_replicas or 0)

    eventually(lambda: available() == 2)
    before = {node.metadata.name for node in bench.admin.list_node().items}

    def update(**options: Any) -> dict[str, Any]:
        version = new_template_version(bench, template)
        started = eks.update_nodegroup_version(**where, launchTemplate={"id": template, "version": version}, **options)
        return finished(bench, where, started["update"]["id"])

    failed = update()
    assert failed["status"] == "Failed"
    (error,) = failed["errors"]
    assert error["errorCode"] == "PodEvictionFailure"
    assert {*error["resourceIds"]} <= before
    group = eks.describe_nodegroup(**where)["nodegroup"]
    assert (group["status"], group["launchTemplate"]["version"]) == ("ACTIVE", "1")
    assert available() == 2, "pods that a budget protects must keep running"

    policy.patch_namespaced_pod_disruption_budget("model", "default", {"spec": {"maxUnavailable": 1}})
    monkeypatch.undo()
    assert update()["status"] == "Successful"
    rolled = bench.admin.list_node().items
    assert len(rolled) == 2
    assert {node.metadata.labels["eks.amazonaws.com/sourceLaunchTemplateVersion"] for node in rolled} == {"3"}
    eventually(lambda: available() == 2)

    policy.patch_namespaced_pod_disruption_budget("model", "default", {"spec": {"maxUnavailable": 0}})
    monkeypatch.setattr(rollout, "EVICTION_S", 2.0)
    assert update(force=True)["status"] == "Successful", "force deletes the remaining pods"

    apps.delete_namespaced_deployment("model", "default")
    policy.delete_namespaced_pod_disruption_budget("model", "default")
    eks.delete_nodegroup(**where)
    eventually(lambda: bench.nodegroup_status("rolled") is None)


def test_a_private_cluster_without_allowed_clients_is_unreachable(bench: Bench, root: Path, tmp_path: Path) -> None:
    eks, ec2 = bench.aws("eks"), bench.aws("ec2")
    access = {"endpointPublicAccess": False, "endpointPrivateAccess": True}
    eks.update_cluster_config(name="main", resourcesVpcConfig=access)
    sandbox = Sandbox(bench.layout, toolchain.SilentReporter())
    sandbox.build(cluster=False)
    program = Program.make(tmp_path / "inside", sandbox, root / ".venv")
    program.write(f"""
        provider = k8s.Provider("cluster", kubeconfig={bench.kubeconfig("main", {}).read_text()!r})
        k8s.core.v1.ConfigMap(
            "inside",
            metadata={{"name": "inside", "namespace": "default"}},
            data={{"a": "b"}},
            opts=pulumi.ResourceOptions(provider=provider),
        )
    """)

    assert refused(bench.enter().list_namespace) == 502
    assert bench.admin.list_namespace().items, "the sandbox's own administrator is not affected"
    program.pulumi("preview")
    output = program.refused("up", "--yes", "--skip-preview")
    assert re.search(r"configured Kubernetes cluster is unreachable: .*i/o timeout \(sandbox: .*is private", output), (
        output
    )
    failure = failures.parse("urn:pulumi:test::inside::kubernetes:core/v1:ConfigMap::inside", output)
    assert failure.code == "ClusterUnreachable"

    group = eks.describe_cluster(name="main")["cluster"]["resourcesVpcConfig"]["clusterSecurityGroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=443, ToPort=443, CidrIp="10.8.0.0/16"
    )
    program.up()
    assert bench.admin.read_namespaced_config_map("inside", "default").data == {"a": "b"}
    program.remove()
    eks.update_cluster_config(name="main", resourcesVpcConfig={"endpointPublicAccess": True})


def test_a_deleted_cluster_leaves_nothing(bench: Bench) -> None:
    admin = bench.admin
    admin.create_namespace({"metadata": {"name": "left"}})
    for namespace in ("left", "default"):
        stuck = config_map("stuck")
        stuck["metadata"]["finalizers"] = ["example.com/never"]
        admin.create_namespaced_config_map(namespace, stuck)
    rbac: Any = kubernetes.client.RbacAuthorizationV1Api(admin.api_client)
    rbac.create_cluster_role({"metadata": {"name": "left"}, "rules": []})

    bench.aws("eks").delete_cluster(name="main")
    assert bench.cluster_status() in ("DELETING", None)
    eventually(lambda: bench.cluster_status() is None, timeout_s=60)

    names = {namespace.metadata.name for namespace in admin.list_namespace().items}
    assert names == {"default", "kube-system", "kube-public", "kube-node-lease"}
    maps = {item.metadata.name for item in admin.list_config_map_for_all_namespaces().items}
    assert not {"stuck", "creators", "editors"} & maps
    roles = {role.metadata.name for role in rbac.list_cluster_role().items}
    assert "left" not in roles
    assert {"cluster-admin", "view", "eks:admin-view"} <= roles

import json
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from pydantic import ValidationError

from awsfacts import eks_versions
from mlplatform import EksCluster, EksClusterSpec
from mlplatform.checks.arguments import ArgumentsError
from mlplatform.compute.eks_cluster.addons import ADDONS, AFTER_NODES, BEFORE_NODES, OPTIONAL
from mlplatform.testing import Plan, declare
from unit.components.clusters import ADMIN, REACHED, cluster, control_plane, refused


def test_secrets_are_encrypted_and_audit_is_logged() -> None:
    inputs = control_plane()
    assert inputs["encryptionConfig"] == {
        "provider": {"keyArn": "arn:aws:kms:us-east-1:123456789012:key/secrets"},
        "resources": ["secrets"],
    }
    assert inputs["enabledClusterLogTypes"] == ["audit", "authenticator"]


def test_the_log_group_is_created_before_the_cluster_with_the_name_that_eks_uses() -> None:
    plan = cluster(log_days=30)
    group = plan.one(aws.cloudwatch.LogGroup)
    assert group.inputs["name"] == f"/aws/eks/{plan.one(aws.eks.Cluster).inputs['name']}/cluster"
    assert (group.inputs["kmsKeyId"], group.inputs["retentionInDays"]) == (
        "arn:aws:kms:us-east-1:123456789012:key/logs",
        30,
    )
    assert group.urn in plan.one(aws.eks.Cluster).depends_on


def test_addons_are_created_in_two_phases_before_and_after_the_nodes() -> None:
    plan = cluster()
    nodes = plan.one(aws.eks.NodeGroup)
    addons = {each.inputs["addonName"]: each for each in plan.of(aws.eks.Addon)}
    assert {*addons} == {*BEFORE_NODES, *AFTER_NODES}
    assert {addons[name].urn for name in BEFORE_NODES} <= nodes.depends_on
    assert all(nodes.urn in addons[name].depends_on for name in AFTER_NODES)
    assert not any(nodes.urn in addons[name].depends_on for name in BEFORE_NODES)


def test_the_secrets_store_addon_is_optional_and_is_created_after_the_nodes() -> None:
    name = "main-aws-secrets-store-csi-driver-provider"
    assert name not in [each.name for each in cluster().of(aws.eks.Addon)]
    args: Any = {
        "cluster": EksClusterSpec(**REACHED),
        "subnet_ids": ["subnet-aaaaaaaa", "subnet-bbbbbbbb"],
        "secrets_key_arn": "arn:aws:kms:us-east-1:123456789012:key/secrets",
        "logs_key_arn": "arn:aws:kms:us-east-1:123456789012:key/logs",
        "disks_key_arn": "arn:aws:kms:us-east-1:123456789012:key/disks",
        "secrets_store": True,
    }
    plan = declare(lambda: EksCluster("main", args))
    (nodes,) = plan.of(aws.eks.NodeGroup)
    assert nodes.urn in plan.one(aws.eks.Addon, name).depends_on


def test_the_driver_of_shared_file_systems_is_optional_and_its_role_has_no_permissions_yet() -> None:
    name = "main-aws-efs-csi-driver"
    without = cluster()
    assert name not in [each.name for each in without.of(aws.eks.Addon)]
    assert without.outputs["main"]["file_driver_role_name"] == ""
    plan = cluster(more={"shared_filesystems": True})
    addon, role = plan.one(aws.eks.Addon, name), plan.one(aws.iam.Role, "main-file-driver")
    assert plan.one(aws.eks.NodeGroup).urn in addon.depends_on
    assert [each["serviceAccount"] for each in addon.inputs["podIdentityAssociations"]] == ["efs-csi-controller-sa"]
    (statement,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
    condition = statement["Condition"]["StringEquals"]
    assert condition["aws:RequestTag/kubernetes-namespace"] == "kube-system"
    assert condition["aws:RequestTag/kubernetes-service-account"] == "efs-csi-controller-sa"
    assert [each for each in plan.of(aws.iam.RolePolicy) if each.name.startswith(role.name)] == []
    assert plan.outputs["main"]["file_driver_role_name"] == "main-file-driver-0000000"


def test_the_network_plugin_has_its_own_role_and_enforces_policies() -> None:
    plugin = cluster().one(aws.eks.Addon, "main-vpc-cni").inputs
    assert [each["serviceAccount"] for each in plugin["podIdentityAssociations"]] == ["aws-node"]
    assert json.loads(plugin["configurationValues"])["enableNetworkPolicy"] == "true"


def test_the_agent_that_reads_the_gpus_health_tolerates_the_gpu_taint() -> None:
    monitor = cluster().one(aws.eks.Addon, "main-eks-node-monitoring-agent").inputs
    (toleration,) = json.loads(monitor["configurationValues"])["dcgmAgent"]["tolerations"]
    assert toleration == {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}


def versions(**wanted: Any) -> dict[str, str]:
    return {each.inputs["addonName"]: each.inputs["addonVersion"] for each in cluster(**wanted).of(aws.eks.Addon)}


@pytest.mark.parametrize("version", eks_versions.offered())
def test_add_ons_follow_the_cluster_s_version(version: str) -> None:
    assert versions(version=version) == {
        name: eks_versions.addon_versions(name, version)[0] for name in ADDONS if name not in OPTIONAL
    }


def test_an_add_on_can_have_another_version_that_eks_offers() -> None:
    assert versions(addon_versions={"coredns": "v1.14.3-eksbuild.14"})["coredns"] == "v1.14.3-eksbuild.14"


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"addon_versions": {"core-dns": "v1"}}, "addonVersions has core-dns; allowed: vpc-cni"),
        ({"addon_versions": {"coredns": "latest"}}, "addonVersions.coredns is latest; allowed: v1.14.3-eksbuild.3"),
        (
            {"version": "1.35", "addon_versions": {"kube-proxy": "v1.36.0-eksbuild.14"}},
            r"kube-proxy is v1.36.0-eksbuild.14; allowed: v1.35.3-eksbuild.13, .* since version is 1.35",
        ),
        ({"version": "1.99"}, r"allowed: 1.31, .*1.36 \(EKS's versions of .*`mlpctl eks refresh` brings newer ones\)"),
    ],
)
def test_versions_that_eks_does_not_offer_are_rejected(wanted: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        EksClusterSpec(**wanted)


def test_system_nodes_of_a_pinned_image_wait_for_the_cluster() -> None:
    plan = cluster(system={"ami_release": "1.65.0-0be31b34"})
    template = plan.one(aws.ec2.LaunchTemplate)
    assert template.inputs["imageId"] == "ami-0123456789abcdef0"
    assert plan.one(aws.eks.Cluster).urn in template.depends_on
    assert "amiType" not in plan.one(aws.eks.NodeGroup).inputs


def test_pods_use_the_pod_subnet_in_the_zone_of_their_node() -> None:
    """With prefix delegation. An ENIConfig without security groups keeps those of the node."""
    plan = cluster(more={"pod_subnet_ids": {"us-east-1b": "subnet-bbbbbbbb", "us-east-1a": "subnet-aaaaaaaa"}})
    settings = json.loads(plan.one(aws.eks.Addon, "main-vpc-cni").inputs["configurationValues"])
    assert settings["env"] == {
        "ENABLE_PREFIX_DELEGATION": "true",
        "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": "true",
        "ENI_CONFIG_LABEL_DEF": "topology.kubernetes.io/zone",
    }
    assert settings["eniConfig"] == {
        "create": True,
        "region": "us-east-1",
        "subnets": {"us-east-1a": {"id": "subnet-aaaaaaaa"}, "us-east-1b": {"id": "subnet-bbbbbbbb"}},
    }


def test_system_nodes_are_x86_and_follow_the_cluster_s_version() -> None:
    nodes = cluster(version="1.35").one(aws.eks.NodeGroup).inputs
    assert (nodes["version"], nodes["amiType"]) == ("1.35", "BOTTLEROCKET_x86_64")
    for type in ("m7g.large", "c7gd.xlarge", "a1.large"):
        with pytest.raises(ValidationError, match="allowed: x86-64 types"):
            EksClusterSpec(system={"instance_types": [type]})  # type: ignore[arg-type]  # as YAML gives it
    assert EksClusterSpec(system={"instance_types": ["g4dn.xlarge", "m7i-flex.large"]})  # type: ignore[arg-type]  # as YAML gives it


def later(value: Any) -> Any:
    return lambda: pulumi.Output.from_input(value)


@pytest.mark.parametrize("count", ["1 entry", "17 entries"])
@pytest.mark.parametrize("whole", [False, True])
def test_a_control_plane_needs_two_to_sixteen_subnets(count: str, whole: bool) -> None:
    ids: Any = [f"subnet-{number:08x}" for number in range(int(count.split()[0]))]
    ids = later(ids) if whole else ids
    assert refused(subnet_ids=ids)["subnet_ids"].startswith(f"has {count}; allowed: 2 to 16 subnets, in two zones")


def test_subnets_that_are_outputs_are_counted() -> None:
    one = {"subnet_ids": lambda: [pulumi.Output.from_input("subnet-aaaaaaaa")]}
    assert refused(**one)["subnet_ids"].startswith("has 1 entry")
    assert cluster(more={"subnet_ids": lambda: ["subnet-aaaaaaaa", pulumi.Output.from_input("subnet-bbbbbbbb")]})


@pytest.mark.parametrize("later", [False, True])
def test_a_subnet_can_be_listed_only_once(later: bool) -> None:
    def ids() -> list[Any]:
        return ["subnet-aaaaaaaa", pulumi.Output.from_input("subnet-aaaaaaaa") if later else "subnet-aaaaaaaa"]

    assert refused(subnet_ids=ids) == {"subnet_ids": "has subnet-aaaaaaaa twice; allowed: each subnet once"}


def test_arguments_are_validated_with_the_same_rules_as_the_spec() -> None:
    wanted = EksClusterSpec(**REACHED, access={"ml": {"level": "view"}, "ops": ADMIN})
    assert refused(cluster=wanted, principal_arns={"ml": "ml"})["principal_arns.ml"].startswith('is "ml"; allowed: the')
    arn = "arn:aws:iam::123456789012:role/ml"
    china = arn.replace("aws", "aws-cn")
    keys = {f"{use}_key_arn": "arn:aws-cn:kms:cn-north-1:123456789012:key/a" for use in ("secrets", "logs", "disks")}
    assert refused(cluster=wanted, principal_arns={"ml": china}) == {
        "principal_arns": "is an ARN of the partition aws-cn; allowed: ARNs of aws, the component's"
    }
    assert refused(cluster=wanted, principal_arns={"ml": china}, partition="aws-cn", **keys) == {
        "cluster.access.ops.principalArn": "is an ARN of the partition aws; allowed: ARNs of aws-cn, the component's"
    }
    assert refused(private_access_security_groups={"runners": "runners"}) == {
        "private_access_security_groups.runners": 'is "runners"; allowed: IDs such as sg-0a1b2c3d4e5f67890'
    }
    small = EksClusterSpec(**REACHED, system={"instance_types": ["t3.small"]})
    assert refused(cluster=small, secrets_store=True)["cluster.system.instanceTypes"].startswith("has t3.small")


@pytest.mark.parametrize("whole", [False, True])
def test_keys_of_pod_subnets_are_zone_names_of_one_region(whole: bool) -> None:
    for given, message in (
        ({"use1-az1": "subnet-cccccccc"}, "has use1-az1; allowed: zones by their names, e.g. us-east-1a"),
        (
            {"us-east-1a": "subnet-cccccccc", "us-east-2a": "subnet-dddddddd"},
            "has zones of us-east-1, us-east-2; allowed: zones of one region",
        ),
    ):
        assert refused(pod_subnet_ids=later(given) if whole else given) == {"pod_subnet_ids": message}


def test_only_the_network_plugin_of_this_cluster_gets_its_role() -> None:
    role = cluster().one(aws.iam.Role, "main-network-plugin")
    (statement,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
    condition = statement["Condition"]["StringEquals"]
    assert condition.pop("aws:RequestTag/eks-cluster-arn").endswith("/main-control-plane")
    assert condition == {
        "aws:RequestTag/kubernetes-namespace": "kube-system",
        "aws:RequestTag/kubernetes-service-account": "aws-node",
    }


@pytest.mark.parametrize(("length", "release"), [(35, "1.65.0-0be31b34"), (40, None)])
def test_the_name_of_the_system_nodes_fits(length: int, release: str | None) -> None:
    def build(name: str) -> Plan:
        spec = {**REACHED, "system": {"amiRelease": release} if release else {}}
        keys = {f"{key}_key_arn": "arn:aws:kms:us-east-1:123456789012:key/key" for key in ("secrets", "logs", "disks")}
        args: Any = {"cluster": spec, "subnet_ids": ["subnet-aaaaaaaa", "subnet-bbbbbbbb"], **keys}
        return declare(lambda: EksCluster(name, args))

    assert len(build("c" * length).one(aws.eks.NodeGroup).name + "-0a1b2c3") <= 63
    with pytest.raises(ArgumentsError, match=f"allowed: .*at most {length} characters"):
        build("c" * (length + 1))

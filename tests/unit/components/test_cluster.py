import json
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from pydantic import ValidationError

from awsfacts import eks_versions
from mlplatform import EksCluster, EksClusterSpec
from mlplatform.checks.arguments import ArgumentsError
from mlplatform.compute.eks_cluster.access import endpoint_access
from mlplatform.compute.eks_cluster.addons import ADDONS, AFTER_NODES, BEFORE_NODES, OPTIONAL
from mlplatform.compute.eks_cluster.kubeconfig import TOKEN_COMMAND, kubeconfig, with_credentials_of
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


def test_the_endpoint_is_private_unless_networks_are_named() -> None:
    assert endpoint_access(EksClusterSpec()) == {"endpoint_private_access": True, "endpoint_public_access": False}
    public = endpoint_access(EksClusterSpec(public_access_cidrs=["203.0.113.0/24"]))
    assert public["endpoint_public_access"] is True
    assert public["public_access_cidrs"] == ["203.0.113.0/24"]


def test_the_whole_internet_is_rejected_as_an_allowlist() -> None:
    with pytest.raises(ValidationError, match="networks of /8 or narrower, not the whole internet"):
        EksClusterSpec(public_access_cidrs=["0.0.0.0/0"])


def test_secrets_are_encrypted_and_audit_is_logged() -> None:
    inputs = control_plane()
    assert inputs["encryptionConfig"] == {
        "provider": {"keyArn": "arn:aws:kms:us-east-1:123456789012:key/secrets"},
        "resources": ["secrets"],
    }
    assert inputs["enabledClusterLogTypes"] == ["audit", "authenticator"]


def test_access_uses_only_access_entries() -> None:
    assert control_plane()["accessConfig"] == {
        "authenticationMode": "API",
        "bootstrapClusterCreatorAdminPermissions": True,
    }


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


def test_an_access_entry_gets_its_policy_in_its_scope() -> None:
    viewer = {"principal_arn": "arn:aws:iam::123456789012:role/viewers", "level": "view", "namespaces": ["chat"]}
    plan = cluster(access={"viewers": viewer})
    assert plan.one(aws.eks.AccessEntry).inputs["principalArn"] == viewer["principal_arn"]
    association = plan.one(aws.eks.AccessPolicyAssociation).inputs
    assert association["policyArn"] == "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
    assert association["accessScope"] == {"type": "namespace", "namespaces": ["chat"]}


def test_the_private_endpoint_allows_only_the_listed_sources() -> None:
    public = cluster(private_access_cidrs=[], public_access_cidrs=["203.0.113.0/24"])
    assert public.of(aws.vpc.SecurityGroupIngressRule) == []
    plan = cluster(private_access_cidrs=["10.0.0.0/8"], private_access_security_groups=["sg-0a1b2c3d4e5f67890"])
    rules = {each.name: each.inputs for each in plan.of(aws.vpc.SecurityGroupIngressRule)}
    assert {*rules} == {"main-api-from-10-0-0-0-8", "main-api-from-sg-0a1b2c3d4e5f67890"}
    assert rules["main-api-from-10-0-0-0-8"]["cidrIpv4"] == "10.0.0.0/8"
    assert rules["main-api-from-sg-0a1b2c3d4e5f67890"]["referencedSecurityGroupId"] == "sg-0a1b2c3d4e5f67890"
    for rule in rules.values():
        assert rule["securityGroupId"] == plan.outputs["main"]["security_group_id"]
        assert (rule["ipProtocol"], rule["fromPort"], rule["toPort"]) == ("tcp", 443, 443)


def test_a_role_can_get_access_by_its_name() -> None:
    arn = "arn:aws-us-gov:iam::123456789012:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123"
    entry = cluster(
        {"aws:iam/getRole:getRole": lambda args: {"arn": arn, "id": args["name"], "name": args["name"]}},
        access={"admins": {"role": "AWSReservedSSO_Admin_0123", "level": "clusterAdmin"}},
    ).one(aws.eks.AccessEntry)
    assert entry.inputs["principalArn"] == arn


def test_roles_and_security_groups_that_the_program_creates_can_get_access() -> None:
    def program() -> None:
        role = aws.iam.Role("ml-engineers", assume_role_policy="{}")
        group = aws.ec2.SecurityGroup("runners")
        args: Any = {
            "cluster": {"access": {"ml": {"level": "view"}, "ops": ADMIN}},
            "principal_arns": {"ml": role.arn},
            "private_access_security_groups": {"runners": group.id},
            "subnet_ids": pulumi.Output.from_input(["subnet-aaaaaaaa", "subnet-bbbbbbbb"]),
            **{f"{key}_key_arn": "arn:aws:kms:us-east-1:123456789012:key/key" for key in ("secrets", "logs", "disks")},
        }
        EksCluster("main", args)

    plan = declare(program)
    entries = {each.name: each.inputs["principalArn"] for each in plan.of(aws.eks.AccessEntry)}
    assert entries["main-ml-access"].endswith("role/ml-engineers")
    assert entries["main-ops-access"] == ADMIN["principal_arn"]
    rule = plan.one(aws.vpc.SecurityGroupIngressRule, "main-api-from-runners")
    assert rule.inputs["referencedSecurityGroupId"] == plan.one(aws.ec2.SecurityGroup).id


@pytest.mark.parametrize(
    ("access", "principals", "message"),
    [
        ({"ml": {"level": "view"}}, {}, "cluster.access.ml names no principal; allowed: exactly one of role, princi"),
        ({"ml": ADMIN}, {"ml": "arn:x"}, "cluster.access.ml names more than one principal; allowed: exactly one of"),
        ({"ml": ADMIN}, {"nlp": "arn:x"}, "principal_arns.nlp has no entry; allowed: ml"),
    ],
)
def test_an_access_entry_has_exactly_one_principal(access: Any, principals: Any, message: str) -> None:
    with pytest.raises(ArgumentsError, match=message):
        cluster(access=access, more={"principal_arns": principals})


@pytest.mark.parametrize("sessions", [False, True])
def test_shell_sessions_are_optional_and_add_only_their_own_permissions(sessions: bool) -> None:
    plan = cluster(node_sessions=sessions)
    policies = {each.name: json.loads(each.inputs["policy"]) for each in plan.of(aws.iam.RolePolicy)}
    managed = [each.inputs["policyArn"] for each in plan.of(aws.iam.RolePolicyAttachment)]
    assert not [each for each in managed if "SSM" in each]
    assert [*policies] == (["main-system-sessions"] if sessions else [])
    for policy in policies.values():
        (statement,) = policy["Statement"]
        assert {each.split(":")[0] for each in statement["Action"]} == {"ssm", "ssmmessages"}
        assert [each for each in statement["Action"] if each.startswith("ssm:")] == ["ssm:UpdateInstanceInformation"]


def test_cluster_admins_cannot_be_limited_to_namespaces() -> None:
    with pytest.raises(ValidationError, match="level is clusterAdmin; allowed: admin, edit or view"):
        EksClusterSpec(access={"admins": {**ADMIN, "namespaces": ["chat"]}})  # type: ignore[dict-item]  # as YAML gives it


def test_the_output_access_contains_the_entries_and_the_creator() -> None:
    assert cluster(access={"ops": ADMIN}).outputs["main"]["access"] == {
        "(creator)": "clusterAdmin",
        "ops": "clusterAdmin",
    }
    view = {"principal_arn": "arn:aws:iam::123456789012:role/b", "level": "view"}
    without = cluster(access={"ops": ADMIN, "ml": view}, creator_is_admin=False)
    assert without.outputs["main"]["access"] == {"ops": "clusterAdmin", "ml": "view"}


def test_a_cluster_needs_an_administrator() -> None:
    with pytest.raises(ValidationError, match="access needs an entry with level clusterAdmin"):
        EksClusterSpec(creator_is_admin=False)
    assert EksClusterSpec(creator_is_admin=False, access={"admins": ADMIN})  # type: ignore[dict-item]  # as YAML gives it


def test_the_kubeconfig_contains_no_credential_and_signs_in_with_our_command() -> None:
    config = json.loads(kubeconfig("arn:aws:eks:eu-west-1:123456789012:cluster/main", "https://example", "Q0E="))
    (user,) = config["users"]
    assert user["user"].keys() == {"exec"}
    assert user["user"]["exec"]["command"] == TOKEN_COMMAND
    assert user["user"]["exec"]["args"] == ["--cluster", "main", "--region", "eu-west-1"]
    assert config["clusters"][0]["cluster"] == {"server": "https://example", "certificate-authority-data": "Q0E="}


def test_system_nodes_are_x86_and_follow_the_cluster_s_version() -> None:
    nodes = cluster(version="1.35").one(aws.eks.NodeGroup).inputs
    assert (nodes["version"], nodes["amiType"]) == ("1.35", "BOTTLEROCKET_x86_64")
    for type in ("m7g.large", "c7gd.xlarge", "a1.large"):
        with pytest.raises(ValidationError, match="allowed: x86-64 types"):
            EksClusterSpec(system={"instance_types": [type]})  # type: ignore[arg-type]  # as YAML gives it
    assert EksClusterSpec(system={"instance_types": ["g4dn.xlarge", "m7i-flex.large"]})  # type: ignore[arg-type]  # as YAML gives it


def signed_in(**aws_config: Any) -> Any:
    """The exec entry of the kubeconfig, for this configuration of the AWS provider."""
    found: list[str] = []
    plain = kubeconfig("arn:aws:eks:eu-west-1:123456789012:cluster/main", "https://example", "Q0E=")
    declare(
        lambda: with_credentials_of(pulumi.Config("aws"), plain).apply(found.append),
        {f"aws:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in aws_config.items()},
    )
    (user,) = json.loads(found[0])["users"]
    return user["user"]["exec"]


def test_the_program_signs_in_to_the_cluster_with_the_aws_provider_s_credentials() -> None:
    role = "arn:aws:iam::123456789012:role/deployer"
    assert "env" not in signed_in() and "--role-arn" not in signed_in()["args"]
    assert signed_in(profile="work")["env"] == [{"name": "AWS_PROFILE", "value": "work"}]
    assert signed_in(assumeRoles=[{"roleArn": role, "sessionName": "ci"}])["args"][-2:] == ["--role-arn", role]


def test_a_chain_of_assumed_roles_is_rejected() -> None:
    role = {"roleArn": "arn:aws:iam::123456789012:role/deployer"}
    with pytest.raises(pulumi.RunError, match="has 2 roles; allowed: one role with roleArn"):
        signed_in(assumeRoles=[role, role])
    with pytest.raises(pulumi.RunError, match="has 1 roles with externalId"):
        signed_in(assumeRoles=[{**role, "externalId": "x"}])


def refused(**more: Any) -> dict[str, str]:
    with pytest.raises(ArgumentsError) as error:
        cluster(more=more)
    return {each.path: each.reason for each in error.value.problems}


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


@pytest.mark.parametrize("groups", [None, {}])
def test_a_cluster_that_nobody_can_reach_is_rejected(groups: Any) -> None:
    wanted = EksClusterSpec(public_access_cidrs=[])
    problems = refused(cluster=wanted, private_access_security_groups=groups)
    assert problems["cluster.privateAccessCidrs"].startswith("is empty; allowed: networks with a route into the VPC")


@pytest.mark.parametrize(
    ("wanted", "groups"),
    [
        ({"public_access_cidrs": ["203.0.113.0/24"]}, None),
        ({"private_access_security_groups": ["sg-0a1b2c3d4e5f67890"]}, None),
        ({}, lambda: {"runners": pulumi.Output.from_input("sg-0a1b2c3d4e5f67890")}),
    ],
)
def test_any_source_of_access_is_sufficient(wanted: Any, groups: Any) -> None:
    assert cluster(more={"cluster": EksClusterSpec(**wanted), "private_access_security_groups": groups})


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

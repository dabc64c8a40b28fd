"""EKS clusters, add-ons, access entries and pod identity associations, tested with boto3."""

import base64
import datetime
from typing import Any

import pytest


def test_a_cluster_has_the_endpoint_of_the_local_control_plane(account: Any) -> None:
    account.cluster()

    cluster = account.eks.describe_cluster(name="main")["cluster"]

    assert cluster["status"] == "ACTIVE"
    assert cluster["endpoint"] == account.layout.kubernetes_endpoint
    assert base64.b64decode(cluster["certificateAuthority"]["data"]) == account.layout.ca_certificate.read_bytes()
    assert cluster["arn"] == "arn:aws:eks:us-east-1:123456789012:cluster/main"
    assert cluster["resourcesVpcConfig"]["vpcId"] == account.vpc


def test_a_cluster_has_aws_defaults(account: Any) -> None:
    cluster = account.cluster(accessConfig={})

    assert cluster["accessConfig"] == {
        "authenticationMode": "CONFIG_MAP",
        "bootstrapClusterCreatorAdminPermissions": True,
    }
    assert cluster["upgradePolicy"] == {"supportType": "EXTENDED"}
    assert "zonalShiftConfig" not in cluster
    assert cluster["deletionProtection"] is False
    assert cluster["kubernetesNetworkConfig"]["serviceIpv4Cidr"] == "172.20.0.0/16"
    assert cluster["resourcesVpcConfig"]["publicAccessCidrs"] == ["0.0.0.0/0"]
    assert [setup["enabled"] for setup in cluster["logging"]["clusterLogging"]] == [False]


def test_the_cluster_security_group_is_deleted_with_the_cluster(account: Any) -> None:
    group = account.cluster()["resourcesVpcConfig"]["clusterSecurityGroupId"]

    (rule,) = account.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
    assert rule["UserIdGroupPairs"][0]["GroupId"] == group
    account.eks.delete_cluster(name="main")
    assert account.refused("describe_security_groups", "ec2", GroupIds=[group])[0] == "InvalidGroup.NotFound"


@pytest.mark.parametrize("cidr", ["10.0.0.0/8", "203.0.113.0/24", "198.51.100.7/32"])
def test_a_reserved_network_cannot_be_a_client_on_the_internet(account: Any, cidr: str) -> None:
    config = {"subnetIds": account.subnets, "endpointPublicAccess": True, "publicAccessCidrs": ["52.94.0.0/22", cidr]}
    code, message = account.refused(
        "create_cluster", name="main", roleArn=account.cluster_role, resourcesVpcConfig=config
    )
    assert code == "InvalidParameterException"
    assert message == f"The following CIDRs are not allowed in publicAccessCidrs: [{cidr}]"


def test_a_second_cluster_is_rejected_in_every_region(account: Any) -> None:
    account.cluster()
    arguments = {"roleArn": account.cluster_role, "resourcesVpcConfig": {"subnetIds": account.subnets}}

    code, message = account.refused("create_cluster", name="second", **arguments)
    assert code == "ResourceLimitExceededException"
    assert "one EKS cluster at a time: delete the cluster 'main' in us-east-1 first" in message
    elsewhere = account.client("eks", "eu-central-1")
    with pytest.raises(elsewhere.exceptions.ResourceLimitExceededException):
        elsewhere.create_cluster(name="second", **arguments)
    assert account.refused("create_cluster", name="main", **arguments)[0] == "ResourceInUseException"


@pytest.mark.parametrize(
    ("change", "code", "expected"),
    [
        ({"roleArn": "arn:aws:iam::123456789012:role/nobody"}, "InvalidParameterException", "could not be assumed"),
        ({"version": "1.12"}, "InvalidParameterException", "unsupported Kubernetes version 1.12"),
        (
            {"resourcesVpcConfig": {"subnetIds": ["subnet-0", "subnet-1"]}},
            "InvalidParameterException",
            "The subnet ID 'subnet-0' does not exist",
        ),
        (
            {"encryptionConfig": [{"resources": ["secrets"], "provider": {"keyArn": "arn:aws:kms:x"}}]},
            "InvalidParameterException",
            "does not exist",
        ),
        (
            {"accessConfig": {"authenticationMode": "EVERYONE"}},
            "InvalidParameterException",
            "Value 'EVERYONE' at 'accessConfig.authenticationMode' failed to satisfy constraint",
        ),
    ],
)
def test_an_invalid_cluster_is_rejected(account: Any, change: dict[str, Any], code: str, expected: str) -> None:
    arguments = {"roleArn": account.cluster_role, "resourcesVpcConfig": {"subnetIds": account.subnets}, **change}

    found, message = account.refused("create_cluster", name="main", **arguments)

    assert found == code
    assert expected in message


def test_a_cluster_in_one_zone_is_rejected(account: Any) -> None:
    config = {"subnetIds": account.subnets[:1]}
    _, message = account.refused("create_cluster", name="main", roleArn=account.cluster_role, resourcesVpcConfig=config)
    assert message == "Subnets specified must be in at least two different AZs"


def test_a_cluster_in_an_unsupported_zone_is_rejected_with_the_supported_zones(account: Any) -> None:
    made = account.ec2.create_subnet(VpcId=account.vpc, CidrBlock="10.0.200.0/24", AvailabilityZoneId="use1-az3")
    config = {"subnetIds": [account.subnets[0], made["Subnet"]["SubnetId"]]}
    code, message = account.refused(
        "create_cluster", name="main", roleArn=account.cluster_role, resourcesVpcConfig=config
    )
    assert code == "UnsupportedAvailabilityZoneException"
    assert "because us-east-1e, the targeted availability zone" in message
    assert message.endswith("zones: us-east-1a, us-east-1b, us-east-1c, us-east-1d, us-east-1f")


def test_a_cluster_with_node_groups_or_deletion_protection_is_not_deleted(account: Any) -> None:
    account.cluster(deletionProtection=True)
    account.nodegroup()

    assert account.refused("delete_cluster", name="main")[0] == "ResourceInUseException"
    account.eks.delete_nodegroup(clusterName="main", nodegroupName="system")
    assert account.refused("delete_cluster", name="main")[0] == "InvalidRequestException"


def test_add_ons_and_access_entries_are_deleted_with_the_cluster(account: Any) -> None:
    account.cluster()
    account.eks.create_addon(clusterName="main", addonName="vpc-cni")
    account.eks.delete_cluster(name="main")
    account.cluster()

    assert account.eks.list_addons(clusterName="main")["addons"] == []
    assert account.eks.list_access_entries(clusterName="main")["accessEntries"] == [account.user]


def test_logging_creates_the_log_group(account: Any) -> None:
    account.cluster(logging={"clusterLogging": [{"types": ["audit"], "enabled": True}]})

    groups = account.client("logs").describe_log_groups(logGroupNamePrefix="/aws/eks/main/")["logGroups"]

    assert [group["logGroupName"] for group in groups] == ["/aws/eks/main/cluster"]


def test_a_change_is_recorded_as_an_update(account: Any) -> None:
    account.cluster()

    update = account.eks.update_cluster_config(
        name="main", resourcesVpcConfig={"endpointPublicAccess": False, "endpointPrivateAccess": True}
    )["update"]

    assert account.eks.describe_update(name="main", updateId=update["id"])["update"]["status"] == "Successful"
    assert update["type"] == "EndpointAccessUpdate"
    config = account.eks.describe_cluster(name="main")["cluster"]["resourcesVpcConfig"]
    assert (config["endpointPublicAccess"], config["publicAccessCidrs"]) == (False, [])
    assert account.eks.list_updates(name="main")["updateIds"] == [update["id"]]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"resourcesVpcConfig": {"endpointPublicAccess": True}}, "already at the desired configuration"),
        (
            {"resourcesVpcConfig": {"endpointPublicAccess": False}},
            "Private and public endpoint access cannot be false",
        ),
        (
            {"logging": {"clusterLogging": [{"types": ["api"], "enabled": False}]}},
            "No changes needed for the logging config provided",
        ),
        ({"accessConfig": {"authenticationMode": "CONFIG_MAP"}}, "Unsupported authentication mode update"),
        (
            {"deletionProtection": True, "upgradePolicy": {"supportType": "STANDARD"}},
            "Only one type of update can be allowed.",
        ),
    ],
)
def test_an_invalid_change_is_rejected(account: Any, change: dict[str, Any], expected: str) -> None:
    account.cluster()

    code, message = account.refused("update_cluster_config", name="main", **change)

    assert code == "InvalidParameterException"
    assert expected in message


def test_the_version_can_be_updated_by_one_minor_version(account: Any) -> None:
    account.cluster(version="1.33")

    assert account.refused("update_cluster_version", name="main", version="1.35")[0] == "InvalidParameterException"
    account.eks.update_cluster_version(name="main", version="1.34")
    assert account.eks.describe_cluster(name="main")["cluster"]["version"] == "1.34"


def test_encryption_can_be_enabled_only_once(account: Any) -> None:
    account.cluster()
    key = account.client("kms").create_key()["KeyMetadata"]["Arn"]
    config = [{"resources": ["secrets"], "provider": {"keyArn": key}}]

    account.eks.associate_encryption_config(clusterName="main", encryptionConfig=config)

    assert account.eks.describe_cluster(name="main")["cluster"]["encryptionConfig"] == config
    refusal = account.refused("associate_encryption_config", clusterName="main", encryptionConfig=config)
    assert refusal[0] == "InvalidParameterException"


def test_kubernetes_versions_have_an_end_of_support(account: Any) -> None:
    (found,) = account.eks.describe_cluster_versions(clusterVersions=["1.36"])["clusterVersions"]
    assert found["endOfStandardSupportDate"].date() == datetime.date(2027, 8, 2)


def test_a_cluster_update_is_rejected_if_nodes_are_too_old(account: Any) -> None:
    account.cluster(version="1.32")
    account.nodegroup()
    for version in ("1.33", "1.34", "1.35"):
        account.eks.update_cluster_version(name="main", version=version)
    code, message = account.refused("update_cluster_version", name="main", version="1.36")
    assert code == "InvalidRequestException"
    assert "Nodegroups system must be updated" in message
    account.eks.update_nodegroup_version(clusterName="main", nodegroupName="system", version="1.33")
    account.eks.update_cluster_version(name="main", version="1.36")
    refusal = account.refused(
        "create_nodegroup",
        clusterName="main",
        nodegroupName="old",
        nodeRole=account.node_role,
        subnets=account.subnets,
        version="1.32",
    )
    assert "4 minor versions older" in refusal[1]


def test_the_cluster_security_group_allows_traffic_between_its_members(account: Any) -> None:
    group = account.cluster()["resourcesVpcConfig"]["clusterSecurityGroupId"]
    (found,) = account.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    for rules in (found["IpPermissions"], found["IpPermissionsEgress"]):
        assert group in {pair["GroupId"] for rule in rules for pair in rule["UserIdGroupPairs"]}


def test_all_eks_resources_can_be_tagged(account: Any) -> None:
    arns = [account.cluster()["arn"], account.nodegroup()["nodegroupArn"]]
    arns.append(account.eks.create_addon(clusterName="main", addonName="coredns")["addon"]["addonArn"])
    entry = account.eks.describe_access_entry(clusterName="main", principalArn=account.user)["accessEntry"]
    association = account.eks.create_pod_identity_association(
        clusterName="main", namespace="team", serviceAccount="model", roleArn=account.pod_role
    )["association"]

    for arn in [*arns, entry["accessEntryArn"], association["associationArn"]]:
        account.eks.tag_resource(resourceArn=arn, tags={"team": "ml", "stage": "test"})
        account.eks.untag_resource(resourceArn=arn, tagKeys=["stage"])
        assert account.eks.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "ml"}
    unknown = account.refused("list_tags_for_resource", resourceArn=arns[0] + "x")
    assert unknown[0] == "ResourceNotFoundException"


def test_lists_are_paginated(account: Any) -> None:
    account.cluster()
    for name in ("coredns", "vpc-cni", "kube-proxy"):
        account.eks.create_addon(clusterName="main", addonName=name)

    first = account.eks.list_addons(clusterName="main", maxResults=2)
    second = account.eks.list_addons(clusterName="main", maxResults=2, nextToken=first["nextToken"])

    assert (first["addons"], second["addons"]) == (["coredns", "kube-proxy"], ["vpc-cni"])
    assert "nextToken" not in second


def test_an_operation_that_is_not_served_is_an_error(account: Any) -> None:
    assert account.refused("describe_insight", clusterName="main", id="x") == (
        "NotImplemented",
        "The sandbox does not serve the operation DescribeInsight of EKS.",
    )

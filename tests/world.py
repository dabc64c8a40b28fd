"""The resources in a sandbox that stacks of this project may have created, in AWS and in the cluster."""

from typing import Any

import kubernetes

from mlsandbox.ground.layout import ADMIN_ROLE


def world(sandbox: Any) -> list[tuple[str, str]]:
    """Kind and id of all resources in AWS and the cluster that a stack may have created, without AWS's defaults."""
    ec2, iam, eks, kms, logs = (sandbox.aws(name) for name in ("ec2", "iam", "eks", "kms", "logs"))
    core = kubernetes.client.CoreV1Api(sandbox.kubernetes())
    apps = kubernetes.client.AppsV1Api(sandbox.kubernetes())
    rbac = kubernetes.client.RbacAuthorizationV1Api(sandbox.kubernetes())
    admission = kubernetes.client.AdmissionregistrationV1Api(sandbox.kubernetes())
    vpcs = [each["VpcId"] for each in ec2.describe_vpcs()["Vpcs"] if not each["IsDefault"]]
    inside = {"Filters": [{"Name": "vpc-id", "Values": vpcs or ["none"]}]}
    tables = [
        (table["RouteTableId"], table)
        for table in ec2.describe_route_tables(**inside)["RouteTables"]
        if not any(each.get("Main") for each in table["Associations"])
    ]
    roles = [
        each["RoleName"]
        for each in iam.list_roles()["Roles"]
        if "service-role" not in each["Path"] and each["RoleName"] != ADMIN_ROLE
    ]
    keys = [kms.describe_key(KeyId=each["KeyId"])["KeyMetadata"] for each in kms.list_keys()["Keys"]]
    clusters = eks.list_clusters()["clusters"]
    gone = ("deleted", "deleting")
    there = {
        "Vpc": vpcs,
        "Subnet": [each["SubnetId"] for each in ec2.describe_subnets(**inside)["Subnets"]],
        "InternetGateway": [each["InternetGatewayId"] for each in ec2.describe_internet_gateways()["InternetGateways"]],
        "RouteTable": [id for id, _ in tables],
        "RouteTableAssociation": [
            each["RouteTableAssociationId"] for _, table in tables for each in table["Associations"]
        ],
        "Eip": [each["AllocationId"] for each in ec2.describe_addresses()["Addresses"]],
        "NatGateway": [
            each["NatGatewayId"] for each in ec2.describe_nat_gateways()["NatGateways"] if each["State"] not in gone
        ],
        "VpcEndpoint": [each["VpcEndpointId"] for each in ec2.describe_vpc_endpoints()["VpcEndpoints"]],
        "FlowLog": [each["FlowLogId"] for each in ec2.describe_flow_logs()["FlowLogs"]],
        "LaunchTemplate": [each["LaunchTemplateId"] for each in ec2.describe_launch_templates()["LaunchTemplates"]],
        "Role": [
            *roles,
            *(
                f"{each.metadata.namespace}/{each.metadata.name}"
                for each in rbac.list_role_for_all_namespaces().items
                if each.metadata.namespace not in ("kube-system", "kube-public")
            ),
        ],
        "RolePolicy": [
            f"{role}:{name}" for role in roles for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
        ],
        "RolePolicyAttachment": [
            f"{role}/{each['PolicyArn']}"
            for role in roles
            for each in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        ],
        "LogGroup": [each["logGroupName"] for each in logs.describe_log_groups()["logGroups"]],
        "Bucket": [each["Name"] for each in sandbox.aws("s3").list_buckets()["Buckets"]],
        "Key": [
            each["KeyId"] for each in keys if each["KeyManager"] == "CUSTOMER" and each["KeyState"] != "PendingDeletion"
        ],
        "Alias": [
            each["AliasName"]
            for each in kms.list_aliases()["Aliases"]
            if each.get("TargetKeyId") and not each["AliasName"].startswith("alias/aws/")
        ],
        "Cluster": clusters,
        "NodeGroup": [
            f"{cluster}:{name}"
            for cluster in clusters
            for name in eks.list_nodegroups(clusterName=cluster)["nodegroups"]
        ],
        "Addon": [
            f"{cluster}:{name}" for cluster in clusters for name in eks.list_addons(clusterName=cluster)["addons"]
        ],
        "Namespace": [
            each.metadata.name
            for each in core.list_namespace().items
            if each.metadata.name not in ("default", "kube-system", "kube-public", "kube-node-lease")
        ],
        "ValidatingAdmissionPolicy": [
            each.metadata.name for each in admission.list_validating_admission_policy().items
        ],
        "Deployment": [
            f"{each.metadata.namespace}/{each.metadata.name}"
            for each in apps.list_deployment_for_all_namespaces().items
            if each.metadata.namespace != "kube-system"
        ],
        "Service": [
            f"{each.metadata.namespace}/{each.metadata.name}"
            for each in core.list_service_for_all_namespaces().items
            if each.metadata.namespace not in ("default", "kube-system")
        ],
    }
    return [(kind, id) for kind, ids in there.items() for id in ids]

"""All stacks of this project meet the invariants, and each invariant detects a violation."""

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi_aws as aws
import pulumi_kubernetes as k8s
import pytest

from invariants import INVARIANTS, broken
from mlplatform.testing import Declared, Plan, token

ROOT = Path(__file__).parents[2]
STACKS = [*sorted((ROOT / "stacks").glob("Pulumi.*.yaml")), ROOT / "examples" / "shared-files" / "Pulumi.files.yaml"]
Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize("stack", STACKS, ids=lambda path: path.stem.removeprefix("Pulumi."))
def test_every_stack_meets_the_invariants(stack: Path, plan_of: Callable[[Path], Plan]) -> None:
    assert broken(plan_of(stack)) == []


ONCE_IN_A_REGION: Mapping[type, tuple[str, ...]] = {
    aws.ecr.RegistryScanningConfiguration: (),
    aws.ecr.ReplicationConfiguration: (),
    aws.ecr.PullThroughCacheRule: ("ecrRepositoryPrefix",),
    aws.ecr.RepositoryCreationTemplate: ("region", "prefix"),
}
"""Resources that exist once per account and region, or once per value of some inputs."""


def test_no_two_stacks_declare_the_same_account_setting(plan_of: Callable[[Path], Plan]) -> None:
    """They would overwrite each other's setting, and destroying one would reset it for the other."""
    setters = [
        (kind.__name__, *(each.inputs.get(name) for name in names), stack.stem)
        for stack in STACKS
        for kind, names in ONCE_IN_A_REGION.items()
        for each in plan_of(stack).of(kind)
    ]
    assert ("RegistryScanningConfiguration", "Pulumi.prod") in setters
    assert len({setter[:-1] for setter in setters}) == len(setters), setters


def without(kind: type) -> Callable[[Plan], Plan]:
    return lambda plan: Plan(tuple(each for each in plan if each.type != token(kind)))


def changed(kind: type, change: Change) -> Callable[[Plan], Plan]:
    """A plan in which the inputs of each resource of a kind are changed."""

    def apply(plan: Plan) -> Plan:
        made = copy.deepcopy(plan.resources)
        assert [change(each.inputs) for each in made if each.type == token(kind)], f"the plan has no {kind} to change"
        return Plan(made)

    return apply


def added(kind: type, **inputs: Any) -> Callable[[Plan], Plan]:
    new = Declared(token(kind), "new", parent="", inputs=inputs, custom=True, retained=False)
    return lambda plan: Plan((*plan, new))


def at(*path: str | int, value: Any) -> Change:
    """Set the value at a path; `None` removes it."""

    def change(inputs: Any) -> bool:
        for key in path[:-1]:
            inputs = inputs[key]
        if value is None:
            inputs.pop(path[-1], None)
        else:
            inputs[path[-1]] = value
        return True

    return change


def policy(**statement: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


POD = ("spec", "template", "spec")
CONTAINER = (*POD, "containers", 0, "securityContext")
DEPLOYMENT = k8s.apps.v1.Deployment
TEMPLATE = aws.ec2.LaunchTemplate
SEALED = ("rules", 0, "applyServerSideEncryptionByDefault")

ENDPOINT = {"vpcEndpointType": "Interface", "serviceName": "com.amazonaws.us-east-1.sts"}

BREAKS = [
    (
        "no_tag_replaces_nodes",
        lambda plan: Plan(
            tuple(replace(each, ignored=()) if each.type == token(TEMPLATE) else each for each in plan.resources)
        ),
    ),
    (
        "nothing_is_named_by_its_position",
        lambda plan: Plan(
            (
                *plan.resources,
                *(
                    Declared("x", f"hint-{number}", parent="", inputs={}, custom=True, retained=False)
                    for number in (0, 1)
                ),
            )
        ),
    ),
    ("no_two_resources_have_one_urn", lambda plan: Plan((*plan, plan.resources[-1]))),
    ("buckets_are_encrypted_with_a_key", without(aws.s3.BucketServerSideEncryptionConfiguration)),
    *[
        ("buckets_are_encrypted_with_a_key", changed(aws.s3.BucketServerSideEncryptionConfiguration, change))
        for change in (at(*SEALED, "sseAlgorithm", value="AES256"), at(*SEALED, "kmsMasterKeyId", value=None))
    ],
    ("buckets_block_public_access", without(aws.s3.BucketPublicAccessBlock)),
    *[
        ("buckets_block_public_access", changed(aws.s3.BucketPublicAccessBlock, at(guard, value=False)))
        for guard in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    ],
    ("buckets_have_acls_disabled", without(aws.s3.BucketOwnershipControls)),
    (
        "buckets_have_acls_disabled",
        changed(aws.s3.BucketOwnershipControls, at("rule", "objectOwnership", value="ObjectWriter")),
    ),
    ("buckets_require_tls", without(aws.s3.BucketPolicy)),
    (
        "buckets_require_tls",
        changed(aws.s3.BucketPolicy, lambda inputs: inputs.update(policy=inputs["policy"].replace("Secure", "Un"))),
    ),
    ("buckets_keep_versions", without(aws.s3.BucketVersioning)),
    ("file_systems_are_encrypted_with_a_key", added(aws.efs.FileSystem, kmsKeyId="x")),
    ("file_systems_are_encrypted_with_a_key", added(aws.efs.FileSystem, encrypted=True)),
    ("file_systems_are_reached_by_tls_only", added(aws.efs.FileSystem)),
    (
        "policies_name_their_principals",
        added(
            aws.efs.FileSystemPolicy,
            policy=policy(Action="elasticfilesystem:ClientMount", Principal={"AWS": "*"}, Resource="arn:x"),
        ),
    ),
    ("keys_rotate", changed(aws.kms.Key, at("enableKeyRotation", value=False))),
    ("logs_are_encrypted_and_expire", changed(aws.cloudwatch.LogGroup, at("kmsKeyId", value=None))),
    ("logs_are_encrypted_and_expire", changed(aws.cloudwatch.LogGroup, at("retentionInDays", value=None))),
    ("disks_are_encrypted_with_a_key", changed(TEMPLATE, at("blockDeviceMappings", value=None))),
    ("disks_are_encrypted_with_a_key", changed(TEMPLATE, at("blockDeviceMappings", 1, "ebs", "encrypted", value=None))),
    ("disks_are_encrypted_with_a_key", changed(TEMPLATE, at("blockDeviceMappings", 0, "ebs", "kmsKeyId", value=None))),
    ("disks_are_encrypted_with_a_key", added(aws.ebs.Volume, encrypted=True)),
    ("images_are_encrypted_with_a_key", added(aws.ecr.Repository)),
    ("nodes_require_imdsv2", changed(TEMPLATE, at("metadataOptions", value=None))),
    (
        "nodes_require_imdsv2",
        changed(TEMPLATE, at("metadataOptions", "httpTokens", value="optional")),
    ),
    (
        "nodes_require_imdsv2",
        changed(TEMPLATE, at("metadataOptions", "httpPutResponseHopLimit", value=2)),
    ),
    ("nodes_require_imdsv2", changed(aws.eks.NodeGroup, at("launchTemplate", value=None))),
    ("nodes_are_in_private_subnets", changed(aws.ec2.Subnet, at("mapPublicIpOnLaunch", value=True))),
    ("nodes_are_in_private_subnets", changed(aws.ec2.Route, at("gatewayId", value="igw-1"))),
    # No internet access, and no endpoint.
    ("private_subnets_reach_what_nodes_and_pods_need", changed(aws.ec2.Route, at("natGatewayId", value=None))),
    ("private_subnets_reach_what_nodes_and_pods_need", without(aws.ec2.RouteTableAssociation)),
    # Internet access, and an endpoint that overrides the service's DNS name and rejects all clients.
    (
        "private_subnets_reach_what_nodes_and_pods_need",
        added(aws.ec2.VpcEndpoint, **ENDPOINT, securityGroupIds=["nobody"], privateDnsEnabled=True),
    ),
    ("endpoints_allow_only_named_accounts", changed(aws.ec2.VpcEndpoint, at("policy", value=None))),
    *[
        ("endpoints_allow_only_named_accounts", added(aws.ec2.VpcEndpoint, **ENDPOINT, policy=document))
        for document in (
            policy(Action=["sts:*"], Principal={"AWS": "*"}, Resource="*"),
            policy(Action=["s3:GetObject"], Principal={"AWS": "*"}, Resource="*"),
        )
    ],
    (
        "endpoints_allow_only_named_accounts",
        changed(
            aws.ec2.VpcEndpoint,
            lambda inputs: inputs.update(policy=inputs["policy"].replace("aws:ResourceAccount", "aws:SourceAccount")),
        ),
    ),
    ("a_load_balancer_finds_two_public_subnets", changed(aws.ec2.Subnet, at("availabilityZone", value="us-east-1a"))),
    ("clusters_encrypt_their_secrets", changed(aws.eks.Cluster, at("encryptionConfig", value=None))),
    (
        "clusters_encrypt_their_secrets",
        changed(aws.eks.Cluster, at("encryptionConfig", "provider", "keyArn", value=None)),
    ),
    (
        "clusters_are_not_open_to_the_internet",
        changed(aws.eks.Cluster, at("vpcConfig", "endpointPrivateAccess", value=False)),
    ),
    (
        "clusters_are_not_open_to_the_internet",
        changed(aws.eks.Cluster, at("vpcConfig", "endpointPublicAccess", value=None)),
    ),
    (
        "clusters_are_not_open_to_the_internet",
        changed(
            aws.eks.Cluster,
            lambda inputs: inputs["vpcConfig"].update(endpointPublicAccess=True, publicAccessCidrs=["0.0.0.0/1"]),
        ),
    ),
    ("no_rule_allows_the_internet", added(aws.vpc.SecurityGroupIngressRule, cidrIpv4="0.0.0.0/0")),
    ("no_rule_allows_the_internet", added(aws.vpc.SecurityGroupIngressRule, cidrIpv6="::/0")),
    ("no_rule_allows_the_internet", added(aws.ec2.SecurityGroupRule, type="ingress", cidrBlocks=["0.0.0.0/0"])),
    ("no_rule_allows_the_internet", added(aws.ec2.SecurityGroup, ingress=[{"ipv6CidrBlocks": ["::/0"]}])),
    ("no_rule_allows_the_internet", added(aws.ec2.DefaultSecurityGroup, ingress=[{"cidrBlocks": ["0.0.0.0/0"]}])),
    ("services_stay_inside_the_cluster", changed(k8s.core.v1.Service, at("spec", "type", value="LoadBalancer"))),
    ("taggable_resources_have_tags", changed(aws.ec2.Vpc, at("tags", value=None))),
    ("taggable_resources_have_tags", changed(aws.eks.NodeGroup, at("tags", "owner", value=None))),
    ("policies_name_actions_and_resources", added(aws.iam.Policy, policy=policy(Action="*", Resource="arn:x"))),
    ("policies_name_actions_and_resources", added(aws.iam.Policy, policy=policy(Action=["s3:*"], Resource="arn:x"))),
    (
        "policies_name_actions_and_resources",
        added(aws.iam.RolePolicy, policy=policy(Action=["s3:GetObject"], Resource="*")),
    ),
    (
        "policies_name_actions_and_resources",
        added(aws.iam.Policy, policy=policy(NotAction=["iam:*"], Resource=["arn:x"])),
    ),
    (
        "policies_name_their_principals",
        added(aws.iam.Role, assumeRolePolicy=policy(Action="sts:AssumeRole", Principal={"AWS": "*"})),
    ),
    (
        "policies_name_their_principals",
        added(aws.s3.BucketPolicy, bucket="b", policy=policy(Action="s3:GetObject", Principal="*", Resource="arn:x")),
    ),
    *[
        ("pods_meet_the_restricted_standard", changed(DEPLOYMENT, change))
        for change in (
            at(*POD, "securityContext", "runAsNonRoot", value=False),
            at(*POD, "securityContext", "runAsUser", value=0),
            at(*POD, "securityContext", "seccompProfile", value=None),
            at(*POD, "hostNetwork", value=True),
            at(*POD, "volumes", 0, "hostPath", value={"path": "/"}),
            at(*POD, "initContainers", value=[{"name": "first"}]),
            at(*CONTAINER, value=None),
            at(*CONTAINER, "allowPrivilegeEscalation", value=True),
            at(*CONTAINER, "privileged", value=True),
            at(*CONTAINER, "capabilities", "drop", value=["NET_RAW"]),
            at(*CONTAINER, "capabilities", "add", value=["SYS_ADMIN"]),
            at(*CONTAINER, "readOnlyRootFilesystem", value=None),
        )
    ],
    ("namespaces_admit_restricted_pods_only", changed(k8s.core.v1.Namespace, at("metadata", "labels", value=None))),
]


@pytest.fixture(scope="module")
def local(plan_of: Callable[[Path], Plan]) -> Plan:
    return plan_of(STACKS[[path.stem for path in STACKS].index("Pulumi.local")])


@pytest.mark.parametrize(("name", "break_"), BREAKS, ids=[name for name, _ in BREAKS])
def test_each_invariant_detects_its_violations(name: str, break_: Callable[[Plan], Plan], local: Plan) -> None:
    assert list(INVARIANTS[name](break_(local)))


def test_each_invariant_has_a_violation() -> None:
    assert {name for name, _ in BREAKS} == {*INVARIANTS}

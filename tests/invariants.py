"""Rules that every plan must meet, for any stack file.

An invariant takes a plan and yields one sentence per violation. Invariants apply to resource types, not to components,
so that they also cover new components.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_network
from typing import Final

import pulumi_aws as aws
import pulumi_kubernetes as k8s

from mlplatform.compute.node_group.nodes import SESSION_ACTIONS
from mlplatform.delivery.deploy_identity.permissions import READ_REGISTRY
from mlplatform.foundation.network import endpoint_services
from mlplatform.foundation.network.reach import unreachable
from mlplatform.registries.image_registry.spec import PULL
from mlplatform.testing import Declared, Plan, token
from plan_parts import (
    Json,
    buckets_without,
    is_the_internet,
    is_true,
    listed,
    names_a_principal,
    pods,
    routes,
    service_of,
    statements,
    takes_tags,
)

Invariant = Callable[[Plan], Iterator[str]]

INVARIANTS: Final[dict[str, Invariant]] = {}
"""All invariants by name."""

WITHOUT_RESOURCE: Final = frozenset({"ecr:GetAuthorizationToken", *READ_REGISTRY, *SESSION_ACTIONS})
"""Actions that support only the resource `*`, or for which AWS documents no other resource:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html and the page
that `SESSION_ACTIONS` refers to."""

NO_ENDPOINT_POLICY: Final = frozenset({"eks", "eks-auth"})
"""Services whose endpoints do not support policies: https://docs.aws.amazon.com/eks/latest/userguide/vpc-interface-endpoints.html"""

READS: Final = frozenset({*PULL, "ecr:GetAuthorizationToken", "s3:GetObject", "s3:GetBucketLocation", "s3:ListBucket"})

WIDEST_ALLOW_LIST: Final = 8
"""Shortest prefix of a network that may access a cluster's API from the internet."""


def invariant(check: Invariant) -> Invariant:
    INVARIANTS[check.__name__] = check
    return check


def broken(plan: Plan) -> list[str]:
    """All violations of invariants."""
    return [f"{name}: {sentence}" for name, check in INVARIANTS.items() for sentence in check(plan)]


@invariant
def buckets_are_encrypted_with_a_key(plan: Plan) -> Iterator[str]:
    def encrypted(inputs: Json) -> bool:
        defaults = [rule.get("applyServerSideEncryptionByDefault") or {} for rule in inputs["rules"]]
        return all(each.get("sseAlgorithm") == "aws:kms" and each.get("kmsMasterKeyId") for each in defaults)

    yield from buckets_without(plan, aws.s3.BucketServerSideEncryptionConfiguration, encrypted)


@invariant
def buckets_block_public_access(plan: Plan) -> Iterator[str]:
    guards = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    yield from buckets_without(
        plan, aws.s3.BucketPublicAccessBlock, lambda inputs: all(inputs.get(guard) is True for guard in guards)
    )


@invariant
def buckets_have_acls_disabled(plan: Plan) -> Iterator[str]:
    yield from buckets_without(
        plan,
        aws.s3.BucketOwnershipControls,
        lambda inputs: inputs["rule"]["objectOwnership"] == "BucketOwnerEnforced",
    )


@invariant
def buckets_require_tls(plan: Plan) -> Iterator[str]:
    def denies_plain_text(inputs: Json) -> bool:
        return any(
            statement["Effect"] == "Deny"
            and statement["Principal"] == "*"
            and statement["Action"] in ("s3:*", ["s3:*"])
            and len(statement["Resource"]) == 2
            and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
            for statement in json.loads(inputs["policy"])["Statement"]
        )

    yield from buckets_without(plan, aws.s3.BucketPolicy, denies_plain_text)


@invariant
def buckets_keep_versions(plan: Plan) -> Iterator[str]:
    yield from buckets_without(
        plan, aws.s3.BucketVersioning, lambda inputs: inputs["versioningConfiguration"]["status"] == "Enabled"
    )


@invariant
def file_systems_are_encrypted_with_a_key(plan: Plan) -> Iterator[str]:
    for each in plan.of(aws.efs.FileSystem):
        if each.inputs.get("encrypted") is not True or not each.inputs.get("kmsKeyId"):
            yield f"{each.name} is not encrypted with a key of the account"


@invariant
def file_systems_are_reached_by_tls_only(plan: Plan) -> Iterator[str]:
    def refuses_plain_text(policy: Declared) -> bool:
        return any(
            statement["Effect"] == "Deny"
            and statement["Principal"] in ("*", {"AWS": "*"})
            and statement["Action"] == ["*"]
            and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
            for statement in json.loads(policy.inputs["policy"])["Statement"]
        )

    guarded = {each.inputs["fileSystemId"] for each in plan.of(aws.efs.FileSystemPolicy) if refuses_plain_text(each)}
    for each in plan.of(aws.efs.FileSystem):
        if f"{each.name}-id" not in guarded:
            yield f"{each.name} lets clients in without TLS"


@invariant
def keys_rotate(plan: Plan) -> Iterator[str]:
    for key in plan.of(aws.kms.Key):
        if key.inputs.get("enableKeyRotation") is not True:
            yield f"{key.name} is never rotated"


@invariant
def logs_are_encrypted_and_expire(plan: Plan) -> Iterator[str]:
    for group in plan.of(aws.cloudwatch.LogGroup):
        if not group.inputs.get("kmsKeyId"):
            yield f"{group.name} has no key"
        if not group.inputs.get("retentionInDays"):
            yield f"{group.name} has no retention period"


@invariant
def disks_are_encrypted_with_a_key(plan: Plan) -> Iterator[str]:
    for template in plan.of(aws.ec2.LaunchTemplate):
        volumes = [mapping.get("ebs") or {} for mapping in template.inputs.get("blockDeviceMappings") or [{}]]
        if not all(is_true(volume.get("encrypted")) and volume.get("kmsKeyId") for volume in volumes):
            yield f"{template.name} has a volume without a key"
    for volume in plan.of(aws.ebs.Volume):
        if not (is_true(volume.inputs.get("encrypted")) and volume.inputs.get("kmsKeyId")):
            yield f"{volume.name} has no key"


@invariant
def images_are_encrypted_with_a_key(plan: Plan) -> Iterator[str]:
    for repository in plan.of(aws.ecr.Repository):
        settings = repository.inputs.get("encryptionConfigurations") or [{}]
        if not all(each.get("encryptionType") == "KMS" and each.get("kmsKey") for each in settings):
            yield f"{repository.name} has no key"


@invariant
def nodes_require_imdsv2(plan: Plan) -> Iterator[str]:
    for template in plan.of(aws.ec2.LaunchTemplate):
        options = template.inputs.get("metadataOptions") or {}
        if options.get("httpTokens") != "required":
            yield f"{template.name} allows IMDSv1"
        if options.get("httpPutResponseHopLimit") != 1:
            yield f"{template.name} gives pods access to IMDS"
    for group in plan.of(aws.eks.NodeGroup):
        if not group.inputs.get("launchTemplate"):
            yield f"{group.name} has no launch template, and therefore EKS's default settings"


@invariant
def no_tag_replaces_nodes(plan: Plan) -> Iterator[str]:
    for template in plan.of(aws.ec2.LaunchTemplate):
        if "tagSpecifications" not in template.ignored:
            yield f"{template.name} does not ignore tag changes, each of which replaces the nodes"


@invariant
def nothing_is_named_by_its_position(plan: Plan) -> Iterator[str]:
    """Consecutive numbers at the end of names are positions in a list, which change when the list changes."""
    names = {(each.type, each.name) for each in plan}
    for type, name in sorted(names):
        stem, number = name.rstrip("0123456789"), name[len(name.rstrip("0123456789")) :]
        if stem.endswith("-") and number and (type, f"{stem}{int(number) + 1}") in names:
            yield f"{name} is named by its position in a list of {type}"


@invariant
def no_two_resources_have_one_urn(plan: Plan) -> Iterator[str]:
    urns = Counter(each.urn for each in plan)
    yield from (f"{urn} is the URN of {count} resources" for urn, count in urns.items() if urn and count > 1)


@invariant
def nodes_are_in_private_subnets(plan: Plan) -> Iterator[str]:
    for subnet in plan.of(aws.ec2.Subnet):
        if subnet.inputs.get("mapPublicIpOnLaunch") is not False:
            yield f"{subnet.name} assigns public IP addresses"
    public = {route.inputs["routeTableId"] for route in plan.of(aws.ec2.Route) if route.inputs.get("gatewayId")}
    reached = {
        each.inputs.get("subnetId")
        for each in plan.of(aws.ec2.RouteTableAssociation)
        if each.inputs["routeTableId"] in public
    }
    for group in plan.of(aws.eks.NodeGroup):
        for subnet_id in {*group.inputs["subnetIds"]} & reached:
            yield f"{group.name} has nodes in {subnet_id}, which is routed to the internet"


@invariant
def private_subnets_reach_what_nodes_and_pods_need(plan: Plan) -> Iterator[str]:
    needed = {**endpoint_services.NODES_NEED, endpoint_services.LAYERS: "nodes pull the layers of images"}
    for subnet, service, why in unreachable(*routes(plan), needed):
        yield f"{subnet.name} can't reach {service}: {why}"


@invariant
def endpoints_allow_only_named_accounts(plan: Plan) -> Iterator[str]:
    for each in plan.of(aws.ec2.VpcEndpoint):
        service = service_of(each)
        if not each.inputs.get("policy") and service not in NO_ENDPOINT_POLICY:
            yield f"{each.name} has no policy, and therefore allows access to all accounts"
        for statement in statements(each):
            equals = (statement.get("Condition") or {}).get("StringEquals") or {}
            reads = all(action in READS for action in listed(statement["Action"]))
            somewhere = "*" not in listed(statement.get("Resource")) or service.startswith("ecr.")
            if not (equals.keys() & {"aws:ResourceAccount", "aws:PrincipalAccount"}) and not (reads and somewhere):
                yield f"{each.name} allows any account"
            if not equals.get("aws:ResourceAccount") and service in ("s3", "dynamodb", "sqs") and not reads:
                yield f"{each.name} allows data transfer to other accounts"


@invariant
def a_load_balancer_finds_two_public_subnets(plan: Plan) -> Iterator[str]:
    """This applies to networks with internet access: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/"""
    gateways = plan.of(aws.ec2.InternetGateway)
    public = [each for each in plan.of(aws.ec2.Subnet) if "kubernetes.io/role/elb" in (each.inputs.get("tags") or {})]
    places = {each.inputs.get("availabilityZone") or each.inputs.get("availabilityZoneId") for each in public}
    if gateways and len(places) < 2:
        yield f"{gateways[0].name} serves subnets in {len(places)} zones"


@invariant
def clusters_encrypt_their_secrets(plan: Plan) -> Iterator[str]:
    for cluster in plan.of(aws.eks.Cluster):
        config = cluster.inputs.get("encryptionConfig") or {}
        if "secrets" not in config.get("resources", []) or not (config.get("provider") or {}).get("keyArn"):
            yield f"{cluster.name} stores secrets without a KMS key"


@invariant
def clusters_are_not_open_to_the_internet(plan: Plan) -> Iterator[str]:
    for cluster in plan.of(aws.eks.Cluster):
        access = cluster.inputs["vpcConfig"]
        if access.get("endpointPrivateAccess") is not True:
            yield f"{cluster.name} has no private endpoint"
        # EKS's defaults for absent fields: https://docs.aws.amazon.com/eks/latest/APIReference/API_VpcConfigRequest.html
        if access.get("endpointPublicAccess", True):
            for cidr in access.get("publicAccessCidrs") or ["0.0.0.0/0"]:
                if ip_network(cidr).prefixlen < WIDEST_ALLOW_LIST:
                    yield f"{cluster.name} is open to {cidr}"


@invariant
def no_rule_allows_the_internet(plan: Plan) -> Iterator[str]:
    for rule in plan.of(aws.vpc.SecurityGroupIngressRule):
        for cidr in (rule.inputs.get("cidrIpv4"), rule.inputs.get("cidrIpv6")):
            if is_the_internet(cidr):
                yield f"{rule.name} allows {cidr}"
    rules = [(each, each.inputs) for each in plan.of(aws.ec2.SecurityGroupRule) if each.inputs["type"] == "ingress"]
    for kind in (aws.ec2.SecurityGroup, aws.ec2.DefaultSecurityGroup):
        rules += [(group, rule) for group in plan.of(kind) for rule in group.inputs.get("ingress") or []]
    for declared, inputs in rules:
        for cidr in [*(inputs.get("cidrBlocks") or []), *(inputs.get("ipv6CidrBlocks") or [])]:
            if is_the_internet(cidr):
                yield f"{declared.name} allows {cidr}"


@invariant
def services_stay_inside_the_cluster(plan: Plan) -> Iterator[str]:
    for service in plan.of(k8s.core.v1.Service):
        if service.inputs["spec"].get("type", "ClusterIP") != "ClusterIP":
            yield f"{service.name} is reachable from outside the cluster"


@invariant
def taggable_resources_have_tags(plan: Plan) -> Iterator[str]:
    for each in plan:
        if each.custom and each.type.startswith("aws:") and takes_tags(each.type):
            missing = {"Name", "mlplatform:stack", "mlplatform:name", "owner", "environment"} - {
                *(each.inputs.get("tags") or {})
            }
            if missing:
                yield f"{each.name} lacks {', '.join(sorted(missing))}"


@invariant
def policies_name_actions_and_resources(plan: Plan) -> Iterator[str]:
    attached = {str(each.inputs["policyArn"]) for each in plan.of(aws.iam.RolePolicyAttachment)}
    # A permissions boundary grants nothing; it only limits other policies.
    limits = {str(each.inputs.get("permissionsBoundary")) for each in plan.of(aws.iam.Role)} - attached
    for each in plan:
        if each.type == token(aws.iam.Policy) and any(limit.endswith(f"/{each.name}") for limit in limits):
            continue
        # An endpoint policy does not grant permissions either.
        if each.type == token(aws.ec2.VpcEndpoint):
            continue
        # In a key policy or bucket policy, `*` is that key or bucket, and the principal names the account.
        own = each.type in (token(aws.kms.Key), token(aws.s3.BucketPolicy))
        for statement in statements(each):
            if statement["Effect"] != "Allow":
                continue
            actions, resources = listed(statement.get("Action")), listed(statement.get("Resource"))
            if "NotAction" in statement or "NotResource" in statement or "*" in actions:
                yield f"{each.name} allows all actions"
            if not own and any(action.endswith(":*") for action in actions):
                yield f"{each.name} allows all actions of a service"
            if not own and "*" in resources and not {*actions} <= WITHOUT_RESOURCE:
                yield f"{each.name} allows {', '.join(actions)} on all resources"


@invariant
def policies_name_their_principals(plan: Plan) -> Iterator[str]:
    for each in plan:
        for statement in statements(each) if each.type != token(aws.ec2.VpcEndpoint) else ():
            principal = statement.get("Principal")
            anyone = principal == "*" or (isinstance(principal, Mapping) and "*" in listed(principal.get("AWS")))
            if statement["Effect"] == "Allow" and anyone and not names_a_principal(statement.get("Condition") or {}):
                yield f"{each.name} allows anyone"


@invariant
def pods_meet_the_restricted_standard(plan: Plan) -> Iterator[str]:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted"""
    for each in plan:
        for pod in pods(each.inputs) if each.type.startswith("kubernetes:") else ():
            whole = pod.get("securityContext") or {}
            if any(pod.get(shared) for shared in ("hostNetwork", "hostPID", "hostIPC")):
                yield f"{each.name} uses host namespaces"
            if any("hostPath" in volume for volume in pod.get("volumes") or []):
                yield f"{each.name} mounts host paths"
            for container in [*pod["containers"], *(pod.get("initContainers") or [])]:
                own = container.get("securityContext") or {}
                effective = {**whole, **own}
                if effective.get("runAsNonRoot") is not True or effective.get("runAsUser") == 0:
                    yield f"{each.name} may run as root"
                if own.get("allowPrivilegeEscalation") is not False or own.get("privileged"):
                    yield f"{each.name} may escalate privileges"
                capabilities = own.get("capabilities") or {}
                if capabilities.get("drop") != ["ALL"] or {*(capabilities.get("add") or [])} - {"NET_BIND_SERVICE"}:
                    yield f"{each.name} keeps capabilities"
                if (effective.get("seccompProfile") or {}).get("type") != "RuntimeDefault":
                    yield f"{each.name} has no seccomp profile"
                if own.get("readOnlyRootFilesystem") is not True:
                    yield f"{each.name} may write to its image"


@invariant
def namespaces_admit_restricted_pods_only(plan: Plan) -> Iterator[str]:
    for namespace in plan.of(k8s.core.v1.Namespace):
        labels = namespace.inputs["metadata"].get("labels") or {}
        if labels.get("pod-security.kubernetes.io/enforce") != "restricted":
            yield f"{namespace.name} allows unrestricted pods"

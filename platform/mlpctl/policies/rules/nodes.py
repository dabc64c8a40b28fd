"""Rules for managed node groups."""

from collections.abc import Iterator
from typing import Final

import pulumi_aws as aws

from mlpctl.policies.checks import any_of, every, is_on, number, parts
from mlpctl.policies.estate import Resource, token
from mlpctl.policies.nodes import has_gpus, hides_metadata, launch_templates
from mlpctl.policies.pods import GPUS
from mlpctl.policies.rule import ALWAYS, FROM_STAGING, ONLY_ADVICE, Field, Severity, rule
from mlpctl.policies.subnets import foreign_subnets, is_public, subnets
from mlpctl.review.iam.evaluation import statements
from mlpctl.review.values.plain import items
from mlpctl.text import number as counted

_AUTOSCALER: Final = "k8s.io/cluster-autoscaler/"
"""Prefix of the tags by which the Cluster Autoscaler finds the groups that it scales:
https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/cloudprovider/aws/README.md"""

AGENT: Final = "eks-pod-identity-agent"
"""Add-on that gives pods the credentials of their own roles:
https://docs.aws.amazon.com/eks/latest/userguide/pod-id-agent-setup.html"""

NODE_POLICIES: Final = frozenset(
    {
        "AmazonEKSWorkerNodePolicy",
        "AmazonEKSWorkerNodeMinimalPolicy",
        "AmazonEC2ContainerRegistryPullOnly",
        "AmazonEC2ContainerRegistryReadOnly",
        "AmazonEKS_CNI_Policy",
        "AmazonSSMManagedInstanceCore",
        "AmazonSSMManagedEC2InstanceDefaultPolicy",
        "CloudWatchAgentServerPolicy",
    }
)
"""AWS's policies that nodes themselves need:
https://docs.aws.amazon.com/eks/latest/userguide/create-node-role.html and
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Container-Insights-setup-EKS-addon.html"""

DATA_SERVICES: Final = frozenset(
    {"*", "bedrock", "dynamodb", "kinesis", "rds-db", "s3", "sagemaker", "secretsmanager", "sns", "sqs"}
)
"""Prefixes of actions on data and models, which pods need and nodes don't."""

_BLOCKING: Final = ("NO_SCHEDULE", "NO_EXECUTE")


@rule(
    "ML-EKS-05",
    aws.eks.NodeGroup,
    reason="Everybody on the internet could try to log in to the nodes.",
    remedy="Remove remoteAccess and use Session Manager, or name sourceSecurityGroupIds.",
    severity=Severity.CRITICAL,
    levels=ALWAYS,
    serves=["checkov:CKV_AWS_100"],
)
def nodes_have_no_open_ssh(group: Resource) -> Iterator[str]:
    """A node group does not open SSH to the internet."""
    # https://docs.aws.amazon.com/eks/latest/APIReference/API_RemoteAccessConfig.html
    if group.has("remoteAccess.ec2SshKey") and not group.has("remoteAccess.sourceSecurityGroupIds"):
        yield "opens SSH to 0.0.0.0/0: remoteAccess has an ec2SshKey and no sourceSecurityGroupIds"


@rule(
    "ML-EKS-07",
    aws.eks.NodeGroup,
    aws.eks.Cluster,
    reason="With the role of its node, a pod could do whatever any other pod on that node may do.",
    remedy="Add eks-pod-identity-agent, give each workload its own role, and set httpPutResponseHopLimit to 1.",
    severity=Severity.HIGH,
    levels=FROM_STAGING,
    serves=["cis-eks:5.2.1"],
)
def pods_have_roles_of_their_own(resource: Resource) -> Iterator[str]:
    """Pods get credentials by their own identity and not by the role of their node."""
    if resource.type == token(aws.eks.Cluster):
        yield from _identities(resource)
    else:
        yield from every((_metadata, _policies), lambda check: check(resource))


def _identities(cluster: Resource) -> Iterator[str]:
    # https://docs.aws.amazon.com/eks/latest/userguide/automode.html: Auto Mode contains the agent.
    if is_on(cluster.get("computeConfig.enabled")):
        return
    sources = [
        *cluster.estate.of(aws.iam.OpenIdConnectProvider),
        *cluster.referring(aws.eks.Addon, "clusterName"),
    ]
    if not any_of(sources, lambda each: _gives_identities(each, cluster)):
        yield f"gives pods no identity: it has neither the add-on {AGENT} nor an OpenIdConnectProvider"


def _gives_identities(source: Resource, cluster: Resource) -> bool:
    """Whether an add-on of a cluster, or a provider of identities, gives its pods credentials."""
    if source.type == token(aws.eks.Addon):
        return bool(source.get("addonName") == AGENT)
    of_cluster = any(each.urn == cluster.urn for each in source.referred("url"))
    return of_cluster or "oidc.eks." in str(source.get("url"))


def _metadata(group: Resource) -> Iterator[str]:
    if not group.has("launchTemplate") and not hides_metadata(group):
        yield "has no launch template that keeps pods from the role of their node"
    for template in launch_templates(group):
        hops = number(template.get("metadataOptions.httpPutResponseHopLimit"))
        if template.get("metadataOptions.httpEndpoint") != "disabled" and hops != 1:
            limit = f"httpPutResponseHopLimit of {template.name} is {hops or 'not set'}"
            yield f"lets pods use the role of their node: {limit}"


def _policies(group: Resource) -> Iterator[str]:
    for role in group.referred("nodeRoleArn"):
        yield from every((_managed(role), _own(role)), iter)


def _managed(role: Resource) -> Iterator[str]:
    attachments = role.referring(aws.iam.RolePolicyAttachment, "role")
    arns = [*role.each("managedPolicyArns"), *(each.get("policyArn") for each in attachments if not _in_stack(each))]
    for arn in arns:
        name = str(arn).rsplit("/", 1)[-1]
        if ":iam::aws:policy/" in str(arn) and name not in NODE_POLICIES:
            yield f"gives every pod on its nodes the policy {name} of {role.name}"


def _own(role: Resource) -> Iterator[str]:
    """The violations of policies of the stack."""
    policies = [*parts(role, "inlinePolicies"), *role.referring(aws.iam.RolePolicy, "role")]
    for attachment in role.referring(aws.iam.RolePolicyAttachment, "role"):
        policies += [each for each in attachment.referred("policyArn") if each.type == token(aws.iam.Policy)]
    yield from every(policies, lambda each: _data(each, role))


def _data(policy: Resource, role: Resource) -> Iterator[str]:
    actions = [
        str(action)
        for statement in statements(policy.document("policy"))
        # What NotAction leaves is everything else.
        for action in (["*"] if "NotAction" in statement else items(statement.get("Action")))
        if str(action).split(":")[0].lower() in DATA_SERVICES
    ]
    if actions:
        yield f"gives every pod on its nodes permissions of {role.name}: {', '.join(actions)}"


def _in_stack(attachment: Resource) -> bool:
    return any(each.type == token(aws.iam.Policy) for each in attachment.referred("policyArn"))


@rule(
    "ML-EKS-08",
    aws.eks.NodeGroup,
    reason="Nodes in public subnets are reachable from the internet as soon as a security group allows it.",
    remedy="Use subnets whose route tables have no route to an internet gateway.",
    severity=Severity.HIGH,
    levels=ALWAYS,
    serves=["cis-eks:5.4.3"],
)
def nodes_are_in_private_subnets(group: Resource) -> Iterator[str]:
    """The nodes of a cluster are in private subnets."""
    yield from every(subnets(group, "subnetIds"), _public)
    foreign_subnets(group, "subnetIds")


def _public(subnet: Resource) -> Iterator[str]:
    if is_public(subnet):
        yield f"has nodes in {subnet.name}, which is routed to the internet"


@rule(
    "ML-EKS-09",
    aws.eks.NodeGroup,
    reason="A GPU node costs as much as dozens of others, and pods without GPUs would keep it running.",
    remedy="Set a taint, a maximum size and, in the profile dev, a minimum size of 0, or use GpuNodePool.",
    severity=Severity.MEDIUM,
    levels=FROM_STAGING,
    fields=[Field("GpuNodePool", "minNodes", says="always run")],
)
def gpu_pools_are_bounded(group: Resource) -> Iterator[str]:
    """A GPU node group has a taint and a maximum size, and in the profile dev it can scale to zero."""
    if has_gpus(group):
        yield from every((_taints, _sizes), lambda check: check(group))


@rule(
    "ML-COST-02",
    aws.eks.NodeGroup,
    reason="A GPU node that nobody uses at night and on weekends costs three times what its work does.",
    remedy=(
        "Add an autoscaling Schedule or an EventBridge Schedule that sets its size to 0, let a cluster autoscaler "
        "remove idle nodes, or set nodes to 0 while nobody works."
    ),
    severity=Severity.LOW,
    levels=ONLY_ADVICE,
    fields=[Field("GpuNodePool", "nodes")],
)
def gpu_nodes_in_dev_have_a_schedule(group: Resource) -> Iterator[str]:
    """In the profile dev, something stops GPU nodes that nobody uses."""
    if group.estate.settings.get("profile") != "dev" or not has_gpus(group):
        return
    size = number(group.get("scalingConfig.desiredSize"))
    if size and not _is_scheduled(group):
        yield f"has {counted(int(size), 'GPU node')} at all hours: no schedule and no autoscaler stops them"


def _is_scheduled(group: Resource) -> bool:
    tags = group.referring(aws.autoscaling.Tag, "autoscalingGroupName")
    return bool(
        any(str(each.get("tag.key", "")).startswith(_AUTOSCALER) for each in tags)
        or group.referring(aws.autoscaling.Schedule, "autoscalingGroupName")
        or group.referring(aws.scheduler.Schedule, "target")
    )


def _taints(group: Resource) -> Iterator[str]:
    taints = [each for each in parts(group, "taints") if each.get("effect") in _BLOCKING]
    keys = [str(each.get("key") or "a taint without a key") for each in taints]
    if not keys:
        yield "has GPUs and no taint that keeps other pods away"
    elif not any(map(GPUS.match, keys)):
        yield f"has GPUs and no taint for them: {', '.join(keys)} is none that guardrails and pods with GPUs know"


def _sizes(group: Resource) -> Iterator[str]:
    most = number(group.get("scalingConfig.maxSize"))
    if most is None:
        yield "has GPUs and no maximum size: maxSize is not set"
    least = number(group.get("scalingConfig.minSize"))
    if group.estate.settings.get("profile") == "dev" and least:
        yield f"has GPUs that always run in the profile dev: minSize is {least}"

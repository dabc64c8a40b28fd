"""Rules for networks: VPCs, subnets and VPC endpoints."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

import pulumi_aws as aws

from mlpctl.policies.checks import any_of, every, is_on
from mlpctl.policies.estate import Resource, token
from mlpctl.policies.routes import service_of
from mlpctl.policies.rule import ALWAYS, FROM_STAGING, ONLY_ADVICE, Field, Severity, rule
from mlpctl.policies.subnets import gives_addresses, is_public
from mlpctl.review.iam.evaluation import statements
from mlpctl.review.values.plain import items
from mlplatform.registries.image_registry.spec import PULL

NODES_USE: Final = ("s3", "ecr.api", "ecr.dkr", "sts", "logs", "ec2")
"""Services that nodes and pods of every cluster use:
https://docs.aws.amazon.com/eks/latest/userguide/private-clusters.html"""

MODELS_USE: Final = ("sagemaker.api", "sagemaker.runtime")
"""Services that clients of SageMaker use:
https://docs.aws.amazon.com/sagemaker/latest/dg/interface-vpc-endpoint.html"""

NO_POLICY: Final = frozenset({"eks", "eks-auth"})
"""Services whose endpoints do not support policies:
https://docs.aws.amazon.com/eks/latest/userguide/vpc-interface-endpoints.html"""

KEEPS_DATA: Final = frozenset({"s3", "dynamodb", "sqs"})
"""Services to whose resources in another account a program could send data."""

READS: Final = frozenset({*PULL, "ecr:GetAuthorizationToken", "s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket"})
"""Actions that read images, layers and public data, which may belong to any account."""

_ACCOUNTS: Final = frozenset({"aws:resourceaccount", "aws:principalaccount"})
_ORGANIZATIONS: Final = frozenset({"aws:resourceorgid", "aws:principalorgid"})


@rule(
    "ML-VPC-01",
    aws.ec2.Vpc,
    aws.ec2.DefaultVpc,
    reason="Without flow logs, nobody can find out which hosts an intruder reached.",
    remedy="Add a FlowLog with the traffic type ALL or REJECT for the VPC, or use Network.",
    severity=Severity.MEDIUM,
    levels=FROM_STAGING,
    serves=[
        "fsbp:EC2.6",
        "cis-aws:3.7",
        "nist:AC-4(26)",
        "nist:AU-12",
        "nist:CA-7",
        "soc2:CC7.2",
        "iso:A.8.15",
        "iso:A.8.16",
        "checkov:CKV2_AWS_11",
    ],
)
def vpc_has_flow_logs(vpc: Resource) -> Iterator[str]:
    """A VPC records its rejected traffic in flow logs."""
    logs = vpc.referring(aws.ec2.FlowLog, "vpcId")
    if not logs:
        yield "has no flow log"
    elif not any_of(logs, lambda log: log.get("trafficType") in ("ALL", "REJECT")):
        kinds = sorted({str(log.get("trafficType", "not set")) for log in logs})
        yield f"does not record rejected traffic: trafficType of {logs[0].name} is {', '.join(kinds)}"


@rule(
    "ML-VPC-02",
    aws.ec2.Vpc,
    aws.ec2.DefaultVpc,
    aws.ec2.DefaultSecurityGroup,
    reason="Whatever is started without a security group gets the default one, whose members reach each other.",
    remedy="Add a DefaultSecurityGroup without rules for the VPC, or use Network.",
    severity=Severity.HIGH,
    levels=ALWAYS,
    serves=[
        "fsbp:EC2.2",
        "cis-aws:5.4",
        "nist:AC-4(21)",
        "nist:SC-7(5)",
        "iso:A.8.20",
        "iso:A.8.22",
        "checkov:CKV2_AWS_12",
    ],
)
def default_security_group_is_closed(resource: Resource) -> Iterator[str]:
    """The default security group of a VPC has no rules."""
    if resource.type == token(aws.ec2.DefaultSecurityGroup):
        # The provider removes all rules of the group when it takes it over, so that it has only those in its inputs:
        # https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/default_security_group
        yield from every(("ingress", "egress"), lambda way: [f"has {way} rules"] if items(resource.get(way)) else [])
    elif not resource.referring(aws.ec2.DefaultSecurityGroup, "vpcId"):
        yield "leaves its default security group open: it has no DefaultSecurityGroup"
    # Rules refer to the group, or to the VPC, which has the group's ID as an output.
    for kind in (aws.vpc.SecurityGroupIngressRule, aws.vpc.SecurityGroupEgressRule, aws.ec2.SecurityGroupRule):
        for each in resource.referring(kind, "securityGroupId"):
            yield f"has a default security group with the rule {each.name}"


@rule(
    "ML-VPC-04",
    aws.ec2.Subnet,
    aws.ec2.DefaultSubnet,
    reason="Every host that starts in such a subnet is reachable from the internet, unless a security group stops it.",
    remedy="Set mapPublicIpOnLaunch to false, and give an address to the few hosts that need one.",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    serves=["fsbp:EC2.15", "nist:AC-4(21)", "nist:SC-7(3)", "soc2:CC6.6", "iso:A.8.20", "iso:A.8.22"],
)
def subnet_assigns_no_public_addresses(subnet: Resource) -> Iterator[str]:
    """A subnet does not assign public IP addresses on its own."""
    if gives_addresses(subnet):
        yield "assigns public IP addresses: mapPublicIpOnLaunch is on"
    if is_on(subnet.get("assignIpv6AddressOnCreation")) and is_public(subnet):
        yield "assigns public IP addresses: assignIpv6AddressOnCreation is on and it is routed to the internet"


@rule(
    "ML-VPC-05",
    aws.ec2.Vpc,
    reason="Without endpoints, requests to AWS need a way to the internet, and nothing limits whose data they reach.",
    remedy="Set network.endpointPreset to private in the stack file, or add a VpcEndpoint with private DNS names.",
    severity=Severity.MEDIUM,
    levels=ONLY_ADVICE,
    serves=["fsbp:EC2.10", "fsbp:EC2.55", "fsbp:EC2.56", "nist:AC-4(21)", "nist:SC-7(4)", "iso:A.8.20", "iso:A.8.22"],
    fields=[Field("Network", "endpointPreset"), Field("Network", "interfaceEndpoints")],
)
def vpc_has_endpoints(vpc: Resource) -> Iterator[str]:
    """A VPC has endpoints for the services that nodes and models use."""
    models = any(type.startswith("aws:sagemaker/") for type in vpc.estate.by_type)
    wanted = [*NODES_USE, *(MODELS_USE if models else ())]
    found = vpc.referring(aws.ec2.VpcEndpoint, "vpcId")
    missing = [each for each in wanted if not any_of(found, partial(_serves, each))]
    if missing:
        yield f"has no endpoint for {', '.join(missing)}"


def _serves(service: str, endpoint: Resource) -> bool:
    """Whether programs use an endpoint for a service: without private DNS names, they go around it."""
    if service_of(endpoint) != service:
        return False
    gateway = endpoint.get("vpcEndpointType", "Gateway") == "Gateway"
    return gateway or is_on(endpoint.get("privateDnsEnabled"))


@rule(
    "ML-VPC-07",
    aws.ec2.VpcEndpoint,
    reason="An intruder can send data through an open endpoint to an account of their own.",
    remedy="Add a policy with the condition aws:ResourceAccount or aws:PrincipalAccount, or use Network.",
    severity=Severity.MEDIUM,
    levels=FROM_STAGING,
    serves=["nist:AC-4(21)", "nist:SC-7(4)", "iso:A.8.20", "iso:A.8.22"],
)
def endpoint_allows_named_accounts(endpoint: Resource) -> Iterator[str]:
    """The policy of a VPC endpoint allows only named accounts, except for reading images and named data."""
    service = service_of(endpoint)
    if not service or service in NO_POLICY:
        return
    if endpoint.has("policy"):
        yield from _statements(endpoint, service)
    policies = endpoint.referring(aws.ec2.VpcEndpointPolicy, "vpcEndpointId")
    yield from every(policies, lambda each: _statements(each, service))
    if not endpoint.has("policy") and not policies:
        yield "has no policy, and therefore allows all accounts"


def _statements(holder: Resource, service: str) -> Iterator[str]:
    for statement in statements(holder.document("policy")):
        yield from _too_open(statement, service)


def _too_open(statement: Mapping[str, Any], service: str) -> Iterator[str]:
    limits = {
        key.lower()
        for operator, keys in _mapping(statement.get("Condition")).items()
        if operator.lower() in ("stringequals", "stringequalsignorecase", "arnequals")
        for key in _mapping(keys)
    }
    actions = items(statement.get("Action"))
    reads = bool(actions) and all(str(each) in READS for each in actions)
    named = "*" not in items(statement.get("Resource")) or service.startswith("ecr.")
    called = statement.get("Sid") or "a statement"
    if not limits & (_ACCOUNTS | _ORGANIZATIONS) and not (reads and named):
        yield f"allows all accounts in {called} of its policy"
    elif service in KEEPS_DATA and not limits & {"aws:resourceaccount", "aws:resourceorgid"} and not reads:
        yield f"allows data to be sent to all accounts in {called} of its policy"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}

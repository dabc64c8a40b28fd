"""What every plan of this project meets beyond its rules (`mlpctl.policies`), for any stack file.

An invariant takes a plan and yields one sentence per violation. Invariants apply to resource types, not to components,
so that they also cover new components. They are about how the library declares resources, such as their names, or
stricter than a rule can be for programs of others.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import pulumi_aws as aws

from mlplatform.compute.node_group.nodes import SESSION_ACTIONS
from mlplatform.delivery.deploy_identity.permissions import READ_REGISTRY
from mlplatform.testing import Declared, Plan, token

Json = Mapping[str, Any]
Invariant = Callable[[Plan], Iterator[str]]

INVARIANTS: Final[dict[str, Invariant]] = {}
"""All invariants by name."""

WITHOUT_RESOURCE: Final = frozenset({"ecr:GetAuthorizationToken", *READ_REGISTRY, *SESSION_ACTIONS})
"""Actions that support only the resource `*`, or for which AWS documents no other resource:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html and the page
that `SESSION_ACTIONS` refers to."""


def invariant(check: Invariant) -> Invariant:
    INVARIANTS[check.__name__] = check
    return check


def broken(plan: Plan) -> list[str]:
    """All violations of invariants."""
    return [f"{name}: {sentence}" for name, check in INVARIANTS.items() for sentence in check(plan)]


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
def a_load_balancer_finds_two_public_subnets(plan: Plan) -> Iterator[str]:
    """This applies to networks with internet access: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/"""
    gateways = plan.of(aws.ec2.InternetGateway)
    public = [each for each in plan.of(aws.ec2.Subnet) if "kubernetes.io/role/elb" in (each.inputs.get("tags") or {})]
    places = {each.inputs.get("availabilityZone") or each.inputs.get("availabilityZoneId") for each in public}
    if gateways and len(places) < 2:
        yield f"{gateways[0].name} serves subnets in {len(places)} zones"


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


def statements(declared: Declared) -> Iterator[Json]:
    """List the statements of every policy among a resource's inputs."""
    for key, value in declared.inputs.items():
        if key.lower().endswith("policy") and isinstance(value, str) and value.startswith("{"):
            yield from json.loads(value).get("Statement", ())


def names_a_principal(condition: Json) -> bool:
    """Whether a condition names principals, or requires a mount target.

    Only the sources in its security group can reach a mount target:
    https://docs.aws.amazon.com/efs/latest/ug/iam-access-control-nfs-efs.html
    """
    if condition.get("Bool", {}).get("elasticfilesystem:AccessedViaMountTarget") == "true":
        return True
    keys = {key for operator, keys in condition.items() if operator in ("ArnEquals", "StringEquals") for key in keys}
    return bool(keys & {"aws:PrincipalArn", "aws:PrincipalAccount", "kms:CallerAccount"})


def listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [] if value is None else [value]

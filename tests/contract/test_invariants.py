"""All stacks of this project meet the invariants, and each invariant detects a violation."""

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi_aws as aws
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


TEMPLATE = aws.ec2.LaunchTemplate


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
    ("file_systems_are_reached_by_tls_only", added(aws.efs.FileSystem)),
    (
        "policies_name_their_principals",
        added(
            aws.efs.FileSystemPolicy,
            policy=policy(Action="elasticfilesystem:ClientMount", Principal={"AWS": "*"}, Resource="arn:x"),
        ),
    ),
    ("a_load_balancer_finds_two_public_subnets", changed(aws.ec2.Subnet, at("availabilityZone", value="us-east-1a"))),
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
]


@pytest.fixture(scope="module")
def local(plan_of: Callable[[Path], Plan]) -> Plan:
    return plan_of(STACKS[[path.stem for path in STACKS].index("Pulumi.local")])


@pytest.mark.parametrize(("name", "break_"), BREAKS, ids=[name for name, _ in BREAKS])
def test_each_invariant_detects_its_violations(name: str, break_: Callable[[Plan], Plan], local: Plan) -> None:
    assert list(INVARIANTS[name](break_(local)))


def test_each_invariant_has_a_violation() -> None:
    assert {name for name, _ in BREAKS} == {*INVARIANTS}

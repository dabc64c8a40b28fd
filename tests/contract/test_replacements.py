"""A replacement neither removes nor collides with what it creates."""

import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pulumi_aws as aws
import pytest

import mlplatform
from golden_types import declared
from mlplatform.component import Component
from mlplatform.testing import Declared, Plan, declare, token
from mlsandbox.providers.aws import DECLARATIONS
from mlsandbox.providers.aws.declaration import Declaration
from mlsandbox.providers.aws.steps import Create

_spec = importlib.util.spec_from_file_location("cases", Path(__file__).with_name("cases.py"))
assert _spec and _spec.loader
cases = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(cases)

ROOT = Path(__file__).parents[2]
STACKS = [*sorted((ROOT / "stacks").glob("Pulumi.*.yaml")), ROOT / "examples" / "shared-files" / "Pulumi.files.yaml"]

UNIQUE: Final[Mapping[str, tuple[str, ...]]] = {
    # FlowLogAlreadyExists: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
    token(aws.ec2.FlowLog): ("vpcId", "trafficType", "logDestination"),
    # https://github.com/pulumi/pulumi-aws/issues/1483
    token(aws.ec2.NatGateway): ("allocationId",),
}
"""Inputs that identify a resource whose ID AWS chooses: AWS creates no second one with the same values."""

DELETED_FIRST_BY_THE_PROVIDER: Final = {
    token(each) for each in (aws.ecr.LifecyclePolicy, aws.efs.MountTarget, aws.iam.RolePolicyAttachment)
}
"""Types that this project uses and that have `DeleteBeforeReplace` in the official provider:
https://github.com/pulumi/pulumi-aws/blob/master/provider/resources.go"""


def identity(declaration: Declaration) -> tuple[str, ...]:
    """Inputs that identify a resource; empty where AWS chooses the ID and a second one can exist."""
    found = declaration.create.id if isinstance(declaration.create, Create) else None
    return found if isinstance(found, tuple) else UNIQUE.get(declaration.token, ())


def colliding(declaration: Declaration) -> frozenset[str]:
    """Inputs whose change replaces a resource by one with the same identity.

    A fixed name is none of them: the bridge of Pulumi's provider deletes such a resource first by itself.
    """
    own = identity(declaration)
    if not own or declaration.name is not None:
        return frozenset()
    return frozenset(path for path in declaration.replaces if path.split(".")[0] not in own)


COLLIDING: Final = {each.token: inputs for each in DECLARATIONS if (inputs := colliding(each))}


def not_deleted_first(plan: Plan) -> list[str]:
    def is_set(each: Declared) -> bool:
        return any(each.inputs.get(path.split(".")[0]) is not None for path in COLLIDING[each.type])

    return [
        each.name
        for each in plan
        if each.type in COLLIDING and each.type not in DELETED_FIRST_BY_THE_PROVIDER and is_set(each)
        if not each.deletes_first
    ]


def test_the_types_with_such_inputs_are_known() -> None:
    assert {*COLLIDING} & {*declared()} >= {
        token(each)
        for each in (aws.eks.AccessPolicyAssociation, aws.ecr.PullThroughCacheRule, aws.ec2.FlowLog, aws.ec2.NatGateway)
    }


@pytest.mark.parametrize("stack", STACKS, ids=lambda path: path.stem.removeprefix("Pulumi."))
def test_a_stack_deletes_what_a_replacement_would_collide_with(stack: Path, plan_of: Callable[[Path], Plan]) -> None:
    assert not_deleted_first(plan_of(stack)) == []


@pytest.mark.parametrize("component", [*cases.CASES], ids=lambda each: each.__name__)
def test_a_component_deletes_what_a_replacement_would_collide_with(component: type[Component]) -> None:
    assert not_deleted_first(declare(cases.build(component))) == []


def test_access_of_a_principal_is_deleted_before_its_scope_changes() -> None:
    """An association is an upsert, so that a deletion after it would leave the principal without access."""
    wanted = {
        "privateAccessCidrs": ["192.168.0.0/20"],
        "access": {"ml": {"principalArn": "arn:aws:iam::123456789012:role/ml", "level": "edit", "namespaces": ["a"]}},
    }
    plan = declare(cases.build(mlplatform.EksCluster, cluster=wanted))
    assert plan.one(aws.eks.AccessPolicyAssociation).deletes_first
    assert plan.one(aws.eks.AccessEntry).deletes_first


def test_the_sandbox_deletes_first_what_the_official_provider_deletes_first() -> None:
    """Otherwise, a replacement would work in the sandbox and fail with AWS."""
    # The sandbox replaces an association that the official provider changes in place.
    changed_in_place = {token(aws.ec2.RouteTableAssociation)}
    found = {each.token for each in DECLARATIONS if each.delete_first}
    assert found == DELETED_FIRST_BY_THE_PROVIDER | changed_in_place

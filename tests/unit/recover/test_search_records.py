"""What the records of types define for a lookup: waiters and queries of AWS."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore
import botocore.session
import pytest

from awsfacts import types
from awsfacts.recovery import Recovery
from mlpctl.recover.kinds import Look, known, method
from mlpctl.recover.plan import Idempotent
from mlsandbox.providers.aws import DECLARATIONS

STACKS = sorted((Path(__file__).parents[3] / "stacks").glob("Pulumi.*.yaml"))


def test_every_type_of_the_sandbox_can_be_found() -> None:
    assert {each.token for each in DECLARATIONS} <= {*known()}
    taggable = {each.token for each in DECLARATIONS if each.tags and each.delete}
    unlooked = {token for token in taggable if not isinstance(method(token), Look)}
    assert [token for token in unlooked if not isinstance(method(token), Idempotent)] == [], (
        "must be found by tags, or be idempotent to create"
    )


@pytest.mark.parametrize("stack", STACKS, ids=lambda path: path.stem.removeprefix("Pulumi."))
def test_every_type_of_the_stack_files_can_be_found(stack: Path, plan_of: Callable[[Path], Any]) -> None:
    found = (*known(), "kubernetes:", "pulumi:providers:")
    assert [each.type for each in plan_of(stack) if each.custom and not each.type.startswith(found)] == []


@pytest.mark.parametrize("type", [type for type in known() if isinstance(kind := method(type), Look) and kind.ready])
def test_every_waiter_exists_in_botocore(type: str) -> None:
    kind = method(type)
    assert isinstance(kind, Look)
    assert kind.ready
    model = botocore.session.get_session().get_waiter_model(kind.service)
    assert kind.ready.waiter in map(botocore.xform_name, model.waiter_names)


def query_of(type: str) -> Recovery | None:
    """The recovery record of a type, if it defines a query to AWS."""
    found = types.record(type).recovery
    return found if found and (found.list or found.get) else None


@pytest.mark.parametrize("type", [type for type in known() if query_of(type)])
def test_every_query_is_an_operation_of_the_service_with_these_members(type: str) -> None:
    found = query_of(type)
    assert found
    how = found.list or found.get
    assert how
    model = botocore.session.get_session().get_service_model(found.service)
    names = {botocore.xform_name(each): each for each in model.operation_names}
    operation = model.operation_model(names[how.operation])
    members = operation.output_shape.members
    if found.list:
        asked, item = operation.input_shape.members, members[found.list.items].member.members
        if found.list.filters:
            assert asked[found.list.filters].member.members.keys() >= {"Name", "Values"}
        assert found.list.call.keys() <= asked.keys()
        assert {found.list.id, *found.list.fields} <= item.keys()
        assert found.list.fields or "Tags" in item
        assert found.list.status == "State" or found.list.status in item
    elif found.get:
        assert {*found.get.call} == {*operation.input_shape.required_members}
        assert members[found.get.item].members.keys() & {"tags", "Tags"}

"""Each type of the golden plans has a record, a declaration in the sandbox and a lifecycle case."""

from functools import cache
from pathlib import Path

import pytest

from awsfacts.records import Record
from golden_types import declared
from mlpctl.review.types import records
from mlpctl.review.types.kinds import kind
from mlsandbox.providers.aws import DECLARATIONS

TESTS = Path(__file__).parents[1]
DECLARED = sorted(declared())
AWS = [type for type in DECLARED if type.startswith("aws:")]


@cache
def with_life_cycle() -> frozenset[str]:
    """The AWS types with a lifecycle case: a file with the name of the token."""
    found = [path.relative_to(TESTS / "types").with_suffix("").as_posix() for path in TESTS.glob("types/*/*.yaml")]
    return frozenset(each.token for each in DECLARATIONS if each.token.split(":")[1] in found)


def test_the_golden_plans_declare_many_types() -> None:
    assert len(AWS) >= 40
    assert {"kubernetes:core/v1:Service", "mlplatform:index:GpuNodePool"} <= {*DECLARED}


@pytest.mark.parametrize("type", DECLARED)
def test_a_declared_type_has_a_record_with_words_a_holding_and_a_cost(type: str) -> None:
    found = kind(type) if type.startswith("mlplatform:") else records.record(type)
    assert found.words, "what reviewers call it"
    assert found.priced or found.free or found.unpriced, "what it costs, or why it has no price"
    if not type.startswith(("mlplatform:", "pulumi:")):
        assert bool(found.holds) != bool(found.holds_nothing), "what its deletion harms, or why it harms nothing"


@pytest.mark.parametrize("type", AWS)
def test_a_declared_type_of_aws_is_found_again_created_and_tried(type: str) -> None:
    assert records.record(type).recovery, f"no recovery: its record in facts/awsfacts/types is {_file(type)}"
    assert type in {each.token for each in DECLARATIONS}, "no declaration in sandbox/mlsandbox/providers/aws"
    assert type in with_life_cycle(), "no life cycle case"


def test_what_the_sandbox_creates_has_a_cost_and_is_found_again() -> None:
    found = {each.token: records.record(each.token) for each in DECLARATIONS}
    assert [type for type, record in found.items() if not _has_cost(record) or not record.recovery] == []


def _has_cost(record: Record) -> bool:
    return bool(record.priced or record.free or record.unpriced)


def _file(type: str) -> str:
    return type.split(":")[1].split("/")[0] + ".yaml"

"""What becomes of arguments on their way through the check."""

from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from mlplatform.args import given
from mlplatform.testing import declare


def after(value: Any) -> Any:
    """What an output is, once it went through the check: value, whether it is known, and whether it is secret."""
    found: list[Any] = []

    async def look(output: pulumi.Output[Any]) -> None:
        known = await output.is_known()
        found.extend((await output.future() if known else None, known, await output.is_secret()))

    def program() -> pulumi.Output[Any]:
        checked: pulumi.Output[Any] = given("it", {"key": value()})["key"]
        return pulumi.Output.from_input(look(checked))

    declare(program)
    return tuple(found)


def test_a_value_that_is_there_comes_through_as_it_is() -> None:
    plain = {"text": "a", "flag": False, "days": 0, "none": None, "tags": {"a": ""}, "list": ["a"], "no": []}
    assert given("it", plain) == plain


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (lambda: pulumi.Output.from_input("a"), ("a", True, False)),
        (lambda: pulumi.Output.secret("a"), ("a", True, True)),
        (lambda: pulumi.Output.from_input({"a": "b"}), ({"a": "b"}, True, False)),
        (lambda: pulumi.Output.from_input({}), ({}, True, False)),
    ],
    ids=["plain", "secret", "mapping", "empty mapping"],
)
def test_an_output_keeps_its_value_and_its_secret(value: Callable[[], Any], expected: tuple[Any, ...]) -> None:
    assert after(value) == expected


def test_an_output_in_a_mapping_is_told_by_its_key() -> None:
    def program() -> None:
        given("it", {"bucket_arns": {"models": "arn:a", "raw-data": pulumi.Output.from_input("")}})

    with pytest.raises(pulumi.RunError, match=r"^it: bucket_arns\.raw-data is empty; allowed: a value"):
        declare(program)

"""What arguments that many components have may be: accounts, regions, partitions and tags."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pulumi

from awsfacts.partitions import AWS, partition_problem, region_problem
from mlplatform.component import PACKAGE
from mlplatform.refusals import ArgumentsError, Problem, shown

OWN_TAGS: Final = f"{PACKAGE}:"
"""How the keys of tags begin by which a resource is found again after a crash."""

MAX_TAGS: Final = 42
"""Most tags of one's own. AWS takes 50 of a resource, those of the component and of EKS among them:
https://docs.aws.amazon.com/tag-editor/latest/userguide/reference.html"""

MIN_ARN_COLONS: Final = 4
"""Fewer colons than these are in no ARN: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html"""

_ACCOUNT: Final = re.compile(r"[0-9]{12}")
"""An account's number; as a number it loses the zeros that it begins with."""


def account_problem(account: str) -> str | None:
    """What is wrong with an account that is known; None where nothing is."""
    return None if _ACCOUNT.fullmatch(account) else "allowed: an AWS account, 12 digits in quotes"


def tag_problems(key: str, tags: Mapping[str, Any]) -> Iterator[Problem]:
    """What AWS refuses of tags, and what the component sets itself.

    Args:
        key: the argument.
        tags: the tags.
    """
    if len(tags) > MAX_TAGS:
        yield Problem(key, f"has {len(tags)} entries; allowed: at most {MAX_TAGS}")
    for tag in tags:
        if tag.lower().startswith("aws:"):
            yield Problem(key, f"has {shown(tag)}; allowed: keys that do not begin with aws:, which is AWS's own")
        elif tag.startswith(OWN_TAGS):
            yield Problem(
                key, f"has {shown(tag)}; allowed: keys that do not begin with {OWN_TAGS}, which components set"
            )


def place_problems(region: str | None, partition: str | None, names: tuple[str, str]) -> Iterator[Problem]:
    """What is wrong with a component's region and partition.

    Args:
        region: the region, where it is known.
        partition: the partition, where it is known.
        names: what the two arguments are called.
    """
    if region is not None and (allowed := region_problem(region)):
        yield Problem(names[0], f"is {shown(region)}; allowed: {allowed}")
        region = None
    if partition is not None and (allowed := partition_problem(partition, region)):
        yield Problem(names[1], f"is {shown(partition)}; allowed: {allowed}")


def arn_problems(args: Mapping[str, Any], partition: str) -> Iterator[Problem]:
    """What is wrong with ARNs of another partition than the component's.

    Args:
        args: the arguments, of which those that are no ARNs, or not known yet, are left.
        partition: the component's partition.
    """
    for key, value in args.items():
        inside = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else [value]
        for each in inside:
            own = each.split(":")[1] if isinstance(each, str) and each.count(":") > MIN_ARN_COLONS else partition
            if own != partition and partition_problem(own) is None:
                yield Problem(key, f"names the partition {own}; allowed: ARNs of {partition}, the component's")


def placed(what: str, given: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a component whose region and partition are checked once they are known.

    Args:
        what: the component, e.g. `KeyRing keys`.
        given: its arguments by their names in Python, of which plain ones have been checked.
    """
    outputs = [key for key in ("region", "partition") if isinstance(given.get(key), pulumi.Output)]
    if not outputs:
        return given

    def checked(known: list[Any]) -> Any:
        region, partition = known
        if found := [*place_problems(region, partition, ("region", "partition"))]:
            raise ArgumentsError(what, found)
        return known[0] if outputs[0] == "region" else known[1]

    both = pulumi.Output.all(given.get("region"), given.get("partition", AWS))
    return {**given, outputs[0]: both.apply(checked)}

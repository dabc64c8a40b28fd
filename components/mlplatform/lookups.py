"""Look-ups: what a program asks AWS about that exists already."""

import re
from collections.abc import Callable
from typing import Final, TypeVar

import pulumi
import pulumi_aws as aws

R = TypeVar("R")

_ENGINES_WORDS: Final = re.compile(r"^(?:invoke of \S+ failed: |invocation of \S+ returned an error: |invoking \S+: )+")


def look_up(ask: Callable[[], R], wanted: str, remedy: str) -> R:
    """What a look-up answers.

    It takes the form that waits (`aws.get_secret`): an error of the other (`aws.get_secret_output`) ends a program in a
    traceback.

    Args:
        ask: The look-up, with its arguments.
        wanted: What is looked up and what for, as the beginning of a sentence that ends in "can't be looked up".
        remedy: What to do when AWS refuses.

    Raises:
        pulumi.RunError: AWS, or the provider, refuses; the engine prints it as it is.
    """
    try:
        return ask()
    # The SDK raises nothing narrower for what a provider says.
    except Exception as error:
        said = _ENGINES_WORDS.sub("", str(error)).strip()
        raise pulumi.RunError(f"{wanted} can't be looked up: {said}\n{remedy}") from None


def caller() -> tuple[str, str]:
    """The account that a program runs in, and its partition, e.g. `aws`.

    Raises:
        pulumi.RunError: AWS does not know who asks.
    """
    account = look_up(
        lambda: aws.get_caller_identity().account_id, "the account", "Sign in to AWS (`aws sts get-caller-identity`)."
    )
    return account, aws.get_partition().partition


def s3_cidrs(region: str) -> list[str]:
    """The addresses of S3 in a region, as a gateway endpoint's routes have them. AWS adds to them now and then.

    Raises:
        pulumi.RunError: AWS does not tell them.
    """
    found = look_up(
        lambda: aws.ec2.get_managed_prefix_list(name=f"com.amazonaws.{region}.s3").entries,
        "the addresses of S3, which models with weights in a bucket may call,",
        "Allow ec2:DescribeManagedPrefixLists and ec2:GetManagedPrefixListEntries for whoever runs Pulumi.",
    )
    return sorted(entry.cidr for entry in found)

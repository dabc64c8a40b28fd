"""Look-ups: what a program asks AWS about that exists already."""

import re
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import pulumi
import pulumi_aws as aws

R = TypeVar("R")

_ENGINES_WORDS: Final = re.compile(r"^(?:invoke of \S+ failed: |invocation of \S+ returned an error: |invoking \S+: )+")


_NOTHING: Final = ("no matching ", "couldn't find resource", "InvalidServiceName")
"""What the provider says when a look-up of one thing finds none."""


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


def find(ask: Callable[[], R], wanted: str, remedy: str) -> R | None:
    """What a look-up answers that may find nothing; None where it finds nothing.

    Args:
        ask: The look-up, with its arguments.
        wanted: What is looked up, as for `look_up`.
        remedy: What to do when AWS refuses.

    Raises:
        pulumi.RunError: AWS, or the provider, refuses for another reason.
    """
    try:
        return look_up(ask, wanted, remedy)
    except pulumi.RunError as error:
        if any(said in str(error) for said in _NOTHING):
            return None
        raise


def caller(allowed_accounts: Sequence[str] = (), opts: pulumi.InvokeOptions | None = None) -> tuple[str, str]:
    """The account that a program runs in, and its partition, e.g. `aws`.

    Args:
        allowed_accounts: Accounts in which the program may run; any, if empty.
        opts: Whose provider is asked; the program's, by default.

    Raises:
        pulumi.RunError: AWS rejects the credentials, or they belong to an account that is not allowed.
    """
    account = look_up(
        lambda: aws.get_caller_identity(opts=opts).account_id,
        "the account",
        "Sign in to AWS (`aws sts get-caller-identity`).",
    )
    if allowed_accounts and account not in allowed_accounts:
        raise pulumi.RunError(
            f"the AWS account is {account}; allowed: {', '.join(allowed_accounts)}, since allowedAccounts lists only "
            "these.\nUse credentials of one of them (`aws sts get-caller-identity` shows whose are in use)."
        )
    return account, aws.get_partition(opts=opts).partition


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

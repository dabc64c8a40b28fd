"""Lookups: queries of a program for AWS resources that exist already."""

import re
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import pulumi
import pulumi_aws as aws

R = TypeVar("R")

_ENGINES_WORDS: Final = re.compile(r"^(?:invoke of \S+ failed: |invocation of \S+ returned an error: |invoking \S+: )+")


_NOTHING: Final = ("no matching ", "couldn't find resource", "InvalidServiceName")
"""Parts of the provider's error messages if a lookup finds nothing."""


def look_up(ask: Callable[[], R], wanted: str, remedy: str) -> R:
    """The result of a lookup.

    Use the synchronous form of a function (`aws.get_secret`): an error of the asynchronous form
    (`aws.get_secret_output`) ends the program with a traceback.

    Args:
        ask: The lookup, with its arguments.
        wanted: What is looked up and why, as the beginning of a sentence that ends in "can't be looked up".
        remedy: What to do if the lookup fails.

    Raises:
        pulumi.RunError: AWS or the provider returns an error. The engine prints the message without a traceback.
    """
    try:
        return ask()
    # The SDK raises no narrower class for a provider's error.
    except Exception as error:
        message = _ENGINES_WORDS.sub("", str(error)).strip()
        raise pulumi.RunError(f"{wanted} can't be looked up: {message}\n{remedy}") from None


def find(ask: Callable[[], R], wanted: str, remedy: str) -> R | None:
    """The result of a lookup that may find nothing; None if it finds nothing.

    Args:
        ask: The lookup, with its arguments.
        wanted: What is looked up, as for `look_up`.
        remedy: What to do if the lookup fails.

    Raises:
        pulumi.RunError: AWS or the provider returns another error.
    """
    try:
        return look_up(ask, wanted, remedy)
    except pulumi.RunError as error:
        if any(part in str(error) for part in _NOTHING):
            return None
        raise


def caller(allowed_accounts: Sequence[str] = (), opts: pulumi.InvokeOptions | None = None) -> tuple[str, str]:
    """The account that a program runs in, and its partition, e.g. `aws`.

    Args:
        allowed_accounts: Accounts in which the program may run. Empty: any account.
        opts: Options that choose the provider. Default: the program's provider.

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
    """The CIDR blocks of S3 in a region, as in a gateway endpoint's routes. AWS adds more from time to time.

    Raises:
        pulumi.RunError: the lookup fails.
    """
    found = look_up(
        lambda: aws.ec2.get_managed_prefix_list(name=f"com.amazonaws.{region}.s3").entries,
        "the addresses of S3, which models with weights in a bucket may call,",
        "Allow ec2:DescribeManagedPrefixLists and ec2:GetManagedPrefixListEntries for the identity that runs Pulumi.",
    )
    return sorted(entry.cidr for entry in found)

"""Look-ups: what a program asks AWS about that exists already."""

import re
from collections.abc import Callable
from typing import Final, TypeVar

import pulumi
import pulumi_aws as aws

from mlplatform.clusters import Cluster, physical_name

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


def creator_has_no_entry(name: str, cluster: Cluster) -> None:
    """Refuse an access entry for whoever is about to create the cluster `name`.

    EKS makes one itself where the creator becomes an administrator, and knows one entry for each principal. It would
    refuse the second when the cluster is there: https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html

    Raises:
        pulumi.RunError: there is such an entry, or AWS refuses to say who runs the program.
    """
    if not (cluster.access and cluster.creator_is_admin):
        return
    creator = look_up(
        # Of an assumed role, the role, with its path.
        lambda: aws.iam.get_session_context(arn=aws.get_caller_identity().arn).issuer_arn,
        "the role that runs this program, which may not be in cluster.access,",
        "Allow iam:GetRole for it.",
    )
    mine = [entry for entry, access in cluster.access.items() if access.principal_arn == creator]
    if not mine:
        return
    made = look_up(
        lambda: aws.eks.get_clusters().names, "whether the cluster exists already", "Allow eks:ListClusters."
    )
    if physical_name(name) not in made:
        raise pulumi.RunError(
            f"cluster.access.{mine[0]} is for {creator}, which runs this program and becomes an administrator as the "
            "cluster's creator: EKS refuses a second access entry for it. Remove this entry, or set "
            "cluster.creatorIsAdmin to false to give the creator what the entry says."
        )

"""Who may assume the roles: trust policies for the OIDC tokens of pipelines.

Sources: https://docs.github.com/en/actions/reference/security/oidc, https://docs.gitlab.com/ci/cloud_services/aws/
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from awsfacts.partitions import dns_suffix
from mlplatform import iam
from mlplatform.delivery.deploy_identity.spec import DeployIdentitySpec, GithubJobs, GitlabJobs

GITHUB_HOST: Final = "token.actions.githubusercontent.com"

MAX_TRUST: Final = 2_048
"""Maximum size of a trust policy in characters, without white space:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""


class Issuer(NamedTuple):
    """An issuer of tokens, and the subjects of its tokens that may preview or deploy."""

    kind: str
    host: str
    exists: bool
    """Whether the account has its OIDC provider already."""

    previews: tuple[str, ...]
    """A `*` at the end stands for any text."""

    deploys: tuple[str, ...]


def issuers(wanted: DeployIdentitySpec) -> list[Issuer]:
    """The issuers that a spec names."""
    made = [_github(wanted.github) if wanted.github else None, _gitlab(wanted.gitlab) if wanted.gitlab else None]
    return [each for each in made if each]


def _github(jobs: GithubJobs) -> Issuer:
    repository = f"repo:{jobs.repository}"
    # In a subject, GitHub replaces the colons of names.
    place = f"environment:{jobs.environment.replace(':', '%3A')}" if jobs.environment else _head(str(jobs.branch))
    previews = ["pull_request", *map(_head, jobs.preview_branches)]
    return Issuer(
        "github",
        GITHUB_HOST,
        jobs.provider_exists,
        tuple(f"{repository}:{each}" for each in previews),
        (f"{repository}:{place}",),
    )


def _head(branch: str) -> str:
    return f"ref:refs/heads/{branch}"


def _gitlab(jobs: GitlabJobs) -> Issuer:
    branches = f"project_path:{jobs.project}:ref_type:branch:ref"
    return Issuer(
        "gitlab",
        jobs.host,
        jobs.provider_exists,
        tuple(f"{branches}:{each}" for each in jobs.preview_branches),
        (f"{branches}:{jobs.branch}",),
    )


def audience(partition: str) -> str:
    """The audience of the tokens, e.g. `sts.amazonaws.com`: the default of the action `configure-aws-credentials`.

    In China, jobs of GitHub Actions set it (https://github.com/aws-actions/configure-aws-credentials). Jobs of GitLab
    CI always do, with `id_tokens:NAME:aud`.
    """
    return f"sts.{dns_suffix(partition)}"


def provider_arn(host: str, account_id: str, partition: str) -> str:
    """The ARN of an account's OIDC provider for a host."""
    return f"arn:{partition}:iam::{account_id}:oidc-provider/{host}"


def trust_policy(accepted: Sequence[tuple[Issuer, Sequence[str]]], account_id: str, partition: str) -> str:
    """The trust policy of a role for tokens of issuers with one of the subjects."""
    return iam.document(
        *(
            iam.allow(
                ["sts:AssumeRoleWithWebIdentity"],
                on=[],
                to={"Federated": provider_arn(issuer.host, account_id, partition)},
                when=_conditions(issuer.host, audience(partition), subjects),
            )
            for issuer, subjects in accepted
        )
    )


def _conditions(host: str, aud: str, subjects: Sequence[str]) -> dict[str, dict[str, str | list[str]]]:
    """The conditions for tokens of a host. Without a wildcard, they compare for equality."""
    sent_to: dict[str, str | list[str]] = {f"{host}:aud": aud}
    subject: dict[str, str | list[str]] = {f"{host}:sub": [*subjects]}
    if any(each.endswith("*") for each in subjects):
        return {"StringEquals": sent_to, "StringLike": subject}
    return {"StringEquals": {**sent_to, **subject}}

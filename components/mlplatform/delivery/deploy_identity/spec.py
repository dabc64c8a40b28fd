"""The spec of the identities of pipelines: which jobs of which repository may preview, and which may deploy."""

import re
from typing import Final, Self

from pydantic import Field, field_validator, model_validator

from mlplatform import grammar
from mlplatform.spec import Spec

GITHUB: Final = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}(/[A-Za-z0-9._-]{1,100}|@[0-9]+/[A-Za-z0-9._-]{1,100}@[0-9]+)$"
"""`OWNER/REPO`, or `OWNER@OWNER-ID/REPO@REPO-ID`: https://docs.github.com/en/actions/reference/security/oidc"""

GITLAB: Final = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)+$"
"""https://docs.gitlab.com/user/reserved_names/"""

HOST: Final = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$"

ENVIRONMENT: Final = r"^[^*?\s]([^*?\n]{0,253}[^*?\s])?$"
"""Name of an environment, without wildcards of IAM:
https://docs.github.com/en/actions/reference/workflows-and-actions/deployments-and-environments"""

BRANCH: Final = r"^[A-Za-z0-9_][A-Za-z0-9_./+-]{0,199}$"
"""Git allows more characters, but neither `*` nor `?`: https://git-scm.com/docs/git-check-ref-format"""

BRANCHES: Final = r"[A-Za-z0-9_][A-Za-z0-9_./+-]{0,199}\*?"

PROJECT: Final = r"[A-Za-z0-9_.-]{1,100}"
"""`ValidateProjectName` of https://github.com/pulumi/pulumi/blob/v3.259.0/sdk/go/common/tokens/project.go"""

MAX_BRANCHES: Final = 5
"""Maximum number of branches that may preview: a trust policy has at most 2,048 characters
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html)."""


def _branches(value: list[str]) -> list[str]:
    wrong = [
        f"previewBranches[{index}] is {each}; allowed: a branch, or the beginning of branches with a * at its end, "
        "e.g. change/*"
        for index, each in enumerate(value)
        if not re.fullmatch(BRANCHES, each)
    ]
    if wrong:
        raise ValueError("\n".join(wrong))
    return value


class GithubJobs(Spec):
    """Jobs of GitHub Actions. Those for pull requests may preview."""

    repository: str = Field(pattern=GITHUB, examples=["my-org/platform", "my-org@123456/platform@456789"])
    """The repository. For a repository that was created, renamed or transferred after 2026-07-15, or that has immutable
    subject claims turned on, with both IDs: `OWNER@OWNER-ID/REPO@REPO-ID`. `gh api
    repos/OWNER/REPO/actions/oidc/customization/sub` shows which form it uses."""

    environment: str | None = Field(default=None, pattern=ENVIRONMENT, examples=["production"])
    """GitHub environment whose jobs may deploy. Its protection rules decide who approves a deployment, and from which
    branches. Either this or `branch`."""

    branch: str | None = Field(default=None, pattern=BRANCH, examples=["main"])
    """Branch whose jobs may deploy, which must be protected. Either this or `environment`."""

    preview_branches: list[str] = Field(default=[], max_length=MAX_BRANCHES)
    """Branches whose jobs may preview, in addition to jobs for pull requests: names, or `change/*` for all branches
    that begin with `change/`."""

    provider_exists: bool = False
    """The account has an OIDC provider for GitHub already, and it is used. An account can have only one."""

    _names = field_validator("preview_branches")(_branches)

    @model_validator(mode="after")
    def _one_place_deploys(self) -> Self:
        if (self.environment is None) == (self.branch is None):
            raise ValueError("environment and branch are both set or both missing; allowed: one of them")
        return self


class GitlabJobs(Spec):
    """Jobs of GitLab CI."""

    project: str = Field(pattern=GITLAB, examples=["my-group/platform"])
    """Path of the project, with its groups."""

    branch: str = Field(pattern=BRANCH, examples=["main"])
    """Branch whose jobs may deploy, which must be protected."""

    preview_branches: list[str] = Field(min_length=1, max_length=MAX_BRANCHES)
    """Branches whose jobs may preview, also in pipelines for merge requests: names, or `change/*` for all branches that
    begin with `change/`. At least one. A token of GitLab does not say that a job is for a merge request, so agree on a
    prefix for the branches of merge requests."""

    host: str = Field(default="gitlab.com", max_length=253, pattern=HOST, examples=["gitlab.example.com"])
    """Host of GitLab. AWS must be able to reach it."""

    provider_exists: bool = False
    """The account has an OIDC provider for this host already, and it is used. An account can have only one."""

    _names = field_validator("preview_branches")(_branches)


class DeployIdentitySpec(Spec):
    """Which pipelines may preview and deploy stacks."""

    github: GithubJobs | None = None
    """Jobs of GitHub Actions. Default: none."""

    gitlab: GitlabJobs | None = None
    """Jobs of GitLab CI. Default: none."""

    role_path: str = Field(
        default="mlplatform/", max_length=200, pattern=f"^{grammar.ROLE_PATH}$", examples=["mlplatform/"]
    )
    """Path below which the apply role may create and change IAM roles. Set `rolePath` of the stacks to it before their
    first update: a later change replaces their clusters."""

    admin_projects: list[str] = Field(default=["private-runner"], max_length=10)
    """Pulumi projects that only administrators deploy, e.g. those with a `PrivateRunner`: the apply role cannot write
    the states of their stacks. The project of this identity is always one of them. A stack of another project must not
    have the name of one of them."""

    session_hours: int = Field(default=1, ge=1, le=12)
    """Maximum duration of a session in hours. It must be longer than the longest update."""

    @field_validator("admin_projects")
    @classmethod
    def _project_names(cls, value: list[str]) -> list[str]:
        wrong = [each for each in value if not re.fullmatch(PROJECT, each)]
        if wrong:
            raise ValueError(
                f"{', '.join(wrong)}; allowed: names of projects with letters, digits, _, . and -, up to 100"
            )
        return value

    @model_validator(mode="after")
    def _somebody_deploys(self) -> Self:
        if self.github is None and self.gitlab is None:
            raise ValueError("github and gitlab are both missing; allowed: at least one of them")
        return self

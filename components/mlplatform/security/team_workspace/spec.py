"""The spec of a team's workspace."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from mlplatform import names
from mlplatform.people import check_groups
from mlplatform.security.cluster_guardrails.spec import check_own
from mlplatform.security.guarded_namespace import GuardedNamespaceSpec
from mlplatform.security.workload_identity.spec import (
    BucketAccess,
    BucketUse,
    ImageUse,
    WorkloadIdentitySpec,
)
from mlplatform.spec import Spec

MAX_NAMESPACES: Final = 10
MAX_ACCOUNTS: Final = 20
MAX_GROUPS: Final = 20


class TeamServiceAccount(Spec):
    """A service account of a team, and the permissions of its pods in AWS."""

    namespace: str | None = None
    """Namespace of the team. Default: the team's only namespace."""

    buckets: dict[str, BucketUse] = Field(default={})
    """Access to objects below `teams/TEAM/` in buckets of this stack, by the buckets' names: `read`, `write` or
    `readWrite`."""

    images: dict[str, ImageUse] = Field(default={})
    """Access to image repositories of this stack, by their names: `pull`, or `push` to those whose name begins with the
    team's name and a hyphen."""

    @model_validator(mode="after")
    def _it_may_do_something(self) -> Self:
        if not (self.buckets or self.images):
            raise ValueError("buckets is empty; allowed: at least one entry in buckets or images")
        return self


class TeamWorkspaceSpec(Spec):
    """The namespaces of a team, who may use them, and what its programs may use in AWS."""

    namespaces: dict[str, GuardedNamespaceSpec] = Field(min_length=1, max_length=MAX_NAMESPACES)
    """Namespaces of the team, by name, each with its own guards and quota."""

    editors: list[str] = Field(default=[], max_length=MAX_GROUPS)
    """Groups of people who run programs in the namespaces. They cannot change quotas, network policies, service
    accounts and permissions. People are in a group by `cluster.access.*.groups`."""

    viewers: list[str] = Field(default=[], max_length=MAX_GROUPS)
    """Groups of people who can see everything in the namespaces except secrets."""

    service_accounts: dict[str, TeamServiceAccount] = Field(default={}, max_length=MAX_ACCOUNTS)
    """Service accounts of the team's programs that use buckets or push images, by name."""

    @field_validator("namespaces")
    @classmethod
    def _namespaces_have_names(cls, value: dict[str, GuardedNamespaceSpec]) -> dict[str, GuardedNamespaceSpec]:
        check_own(value, "namespaces")
        return value

    @field_validator("editors", "viewers")
    @classmethod
    def _groups_have_names(cls, value: list[str], info: ValidationInfo) -> list[str]:
        check_groups(value, str(info.field_name))
        return value

    @field_validator("service_accounts")
    @classmethod
    def _accounts_have_names(cls, value: dict[str, TeamServiceAccount]) -> dict[str, TeamServiceAccount]:
        names.named(value, "serviceAccounts")
        if "default" in value:
            raise ValueError("serviceAccounts has default; allowed: other names, since every namespace has a default")
        return value

    @model_validator(mode="after")
    def _accounts_are_in_a_namespace(self) -> Self:
        allowed = f"allowed: a name of namespaces ({', '.join(self.namespaces)})"
        wrong = [
            f"serviceAccounts.{name}.namespace is {each.namespace or 'missing'}; {allowed}"
            for name, each in self.service_accounts.items()
            if (each.namespace or _only(self.namespaces)) not in self.namespaces
        ]
        if wrong:
            raise ValueError("\n".join(wrong))
        return self

    def on_s3(self, namespace: str) -> bool:
        """Whether the pods of a namespace may call S3: it is set, or a service account in it uses buckets."""
        return self.namespaces[namespace].s3 or any(
            each.buckets and (each.namespace or _only(self.namespaces)) == namespace
            for each in self.service_accounts.values()
        )


def _only(values: Mapping[str, object]) -> str | None:
    return next(iter(values)) if len(values) == 1 else None


def prefix(team: str) -> str:
    """Prefix of a team's objects in buckets."""
    return f"teams/{team}/"


def identities(team: str, wanted: TeamWorkspaceSpec) -> dict[str, WorkloadIdentitySpec]:
    """The workload identity of each service account of a team, by its logical name."""
    return {
        f"{team}-{name}": WorkloadIdentitySpec(
            namespace=each.namespace or _only(wanted.namespaces),
            service_account=name,
            buckets={bucket: BucketAccess(access=use, prefix=prefix(team)) for bucket, use in each.buckets.items()},
            images=each.images,
        )
        for name, each in wanted.service_accounts.items()
    }


def problems(
    team: str,
    wanted: TeamWorkspaceSpec,
    buckets: Iterable[str] | None = None,
    repositories: Iterable[str] | None = None,
) -> Iterator[str]:
    """What is wrong with the names in a team's workspace: sentences that begin with a field.

    Args:
        team: the team's name.
        wanted: its workspace.
        buckets: names of the buckets that there are. None: not checked.
        repositories: names of the image repositories that there are. None: not checked.
    """
    for name, account in wanted.service_accounts.items():
        if len(f"{team}-{name}") > names.MAX_COMPONENT_NAME:
            yield (
                f"serviceAccounts has {name}; allowed: names that have, with {team}- before them, at most "
                f"{names.MAX_COMPONENT_NAME} characters"
            )
        for kind, used, there in (("buckets", account.buckets, buckets), ("images", account.images, repositories)):
            known = None if there is None else [*there]
            for unknown in () if known is None else (each for each in used if each not in known):
                yield f"serviceAccounts.{name}.{kind} has {unknown}; allowed: {', '.join(known or ()) or 'none'}"
        for repository, use in account.images.items():
            if use is ImageUse.PUSH and not repository.startswith(f"{team}-"):
                yield (
                    f"serviceAccounts.{name}.images.{repository} is push; allowed: pull, or push to a repository whose "
                    f"name begins with {team}-"
                )

"""Rules for teams that several sections decide together, as in `rules`."""

from collections.abc import Callable, Iterator
from typing import Final

from mlpctl.config.sections import Sections
from mlplatform.security.team_workspace.spec import problems
from mlplatform.security.workload_identity.spec import service_account_of


def teams_use_existing_buckets_and_images(platform: Sections) -> Iterator[str]:
    """A team must refer to buckets and repositories of the stack, and push only to its own."""
    for name, team in platform.teams.items():
        for problem in problems(name, team, platform.buckets, platform.images.repositories):
            yield f"teams.{name}.{problem}"


def teams_have_people_who_exist(platform: Sections) -> Iterator[str]:
    """A team's groups must be groups of access entries: otherwise nobody is in them."""
    there = [*dict.fromkeys(group for access in platform.cluster.access.values() for group in access.groups)]
    for name, team in platform.teams.items():
        for field, groups in (("editors", team.editors), ("viewers", team.viewers)):
            for group in groups:
                if group not in there:
                    yield (
                        f"teams.{name}.{field} has {group}; allowed: groups in cluster.access.*.groups "
                        f"({', '.join(there) or 'none'})"
                    )


def namespaces_of_teams_are_created_once(platform: Sections) -> Iterator[str]:
    """A namespace has one owner: a team, a model, or the guardrails."""
    first = {name: f"inference.{name}" for name in platform.inference}
    first |= {name: f"guardrails.namespaces.{name}" for name in platform.guardrails.namespaces}
    first |= dict.fromkeys(platform.guardrails.existing_namespaces, "guardrails.existingNamespaces")
    for name, team in platform.teams.items():
        for namespace in team.namespaces:
            if (other := first.setdefault(namespace, f"teams.{name}")) != f"teams.{name}":
                yield f"teams.{name}.namespaces has {namespace}; allowed: another name, since {other} has it"


def namespaces_of_teams_have_only_their_programs(platform: Sections) -> Iterator[str]:
    """Whoever may create pods in a namespace can use each of its service accounts, and with it their roles in AWS.

    The roles of a team's own service accounts are limited to the team's prefix and repositories, those of workloads are
    not: https://docs.aws.amazon.com/eks/latest/userguide/pod-id-association.html
    """
    for name, workload in platform.workloads.items():
        namespace, _ = service_account_of(name, workload)
        if team := platform.team_namespaces.get(namespace):
            yield (
                f"workloads.{name}.namespace is {namespace}; allowed: namespaces that no team has, since all pods of "
                f"teams.{team} could use the workload's role; what the team's own programs use is in "
                f"teams.{team}.serviceAccounts"
            )


TEAM_RULES: Final[tuple[Callable[[Sections], Iterator[str]], ...]] = (
    teams_use_existing_buckets_and_images,
    teams_have_people_who_exist,
    namespaces_of_teams_are_created_once,
    namespaces_of_teams_have_only_their_programs,
)

"""Checks of names in AWS that a stack needs and that may be taken."""

from collections.abc import Iterator
from typing import Any, Final

from mlpctl.doctor.account import cluster, own_cluster
from mlpctl.doctor.asking import Answers, Question
from mlpctl.doctor.finding import Check, Finding, Level, Wanted
from mlpctl.doctor.references import repository
from mlplatform.registries.image_registry.spec import UPSTREAM_URLS

_REPOSITORIES: Final = Question("ecr", "DescribeRepositories", items="repositories")
_CACHES: Final = Question("ecr", "DescribePullThroughCacheRules", items="pullThroughCacheRules")


def _log_groups(wanted: Wanted) -> Question:
    return Question("logs", "DescribeLogGroups", {"logGroupNamePrefix": _log_group(wanted)}, "logGroups")


def _log_group(wanted: Wanted) -> str:
    """The log group of the control plane.

    Source: https://docs.aws.amazon.com/eks/latest/userguide/control-plane-logs.html
    """
    return f"/aws/eks/{wanted.cluster_name}/cluster"


def _taken_repositories(wanted: Wanted, answers: Answers) -> Iterator[Finding]:
    """Names that ECR would reject, because something else has them or an earlier stack left them behind."""
    names = {f"images.repositories.{name}": repository(wanted, name) for name in wanted.platform.images.repositories}
    if names:
        there = {each["repositoryName"] for each in answers(_REPOSITORIES)}
        yield from _names(names, there, "repository", _REPOSITORIES, own_cluster(wanted, answers) is not None)


def _taken_caches(wanted: Wanted, answers: Answers) -> Iterator[Finding]:
    caches = wanted.platform.images.pull_through
    if not caches:
        return
    rules: dict[str, Any] = {each["ecrRepositoryPrefix"]: each for each in answers(_CACHES)}
    names = {f"images.pullThrough.{name}": name for name in caches}
    yield from _names(names, {*rules}, "pull through cache", _CACHES, own_cluster(wanted, answers) is not None)
    for name, cache in caches.items():
        url = rules.get(name, {}).get("upstreamRegistryUrl")
        if url is not None and url != UPSTREAM_URLS[cache.upstream]:
            fact = f"The pull through cache {name} is of {url}, not of {UPSTREAM_URLS[cache.upstream]}"
            fix = "Another stack has it: use another name."
            yield Finding(Level.BLOCKS, fact, _CACHES, f"images.pullThrough.{name}", fix)


def _taken_log_groups(wanted: Wanted, answers: Answers) -> Iterator[Finding]:
    question = _log_groups(wanted)
    there = {each["logGroupName"] for each in answers(question)}
    exists = own_cluster(wanted, answers) is not None
    yield from _names({"cluster": _log_group(wanted)}, there, "log group", question, exists)


def _names(fields: dict[str, str], there: set[str], what: str, question: Question, exists: bool) -> Iterator[Finding]:
    for field, name in fields.items():
        if name not in there:
            yield Finding(Level.PASSES, f"No {what} has the name {name}", question, field)
        elif exists:
            yield Finding(Level.PASSES, f"The {what} {name} exists, and so does the stack's cluster", question, field)
        else:
            fact = f"There is a {what} {name} already, but no cluster of this stack"
            fix = "If an earlier stack left it behind, import or delete it; otherwise use another name."
            yield Finding(Level.WARNS, fact, question, field, fix)


CHECKS: Final = (
    Check(
        "names.repositories",
        "names of repositories that are taken",
        _taken_repositories,
        lambda w, _: (cluster(w), _REPOSITORIES) if w.platform.images.repositories else (),
    ),
    Check(
        "names.caches",
        "names of pull through caches that are taken",
        _taken_caches,
        lambda w, _: (cluster(w), _CACHES) if w.platform.images.pull_through else (),
    ),
    Check(
        "names.logs",
        "a log group that an earlier cluster left behind",
        _taken_log_groups,
        lambda w, _: (cluster(w), _log_groups(w)),
    ),
)

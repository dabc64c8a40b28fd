"""Rules for guardrails and namespaces that several sections decide together, as in `rules`."""

from collections.abc import Callable, Iterator
from typing import Final

from mlpctl.config.sections import Sections
from mlplatform.security.cluster_guardrails.spec import Enforcement
from mlplatform.security.guarded_namespace import GuardedNamespaceSpec
from mlplatform.security.workload_identity.spec import service_account_of


def guarded(platform: Sections) -> dict[str, GuardedNamespaceSpec]:
    """All namespaces with guards, by their path."""
    own = {f"guardrails.namespaces.{name}": each for name, each in platform.guardrails.namespaces.items()}
    return own | {
        f"teams.{team_name}.namespaces.{name}": each
        for team_name, team in platform.teams.items()
        for name, each in team.namespaces.items()
    }


def not_denied(platform: Sections) -> list[str]:
    """Policies of guardrails that do not reject requests, by their field."""
    values = platform.guardrails.enforcement.model_dump(by_alias=True)
    return [field for field, value in values.items() if value is not Enforcement.DENY]


def namespaces_are_created_once(platform: Sections) -> Iterator[str]:
    """A model creates the namespace with its name."""
    guardrails = platform.guardrails
    for field, given in (
        ("namespaces", [*guardrails.namespaces]),
        ("existingNamespaces", guardrails.existing_namespaces),
    ):
        for name in given:
            if name in platform.inference:
                yield f"guardrails.{field} has {name}; allowed: names other than those of models, which create theirs"


def existing_namespaces_are_those_of_workloads(platform: Sections) -> Iterator[str]:
    """The platform only creates the namespaces that it uses."""
    there = platform.workload_namespaces
    for name in platform.guardrails.existing_namespaces:
        if name not in there and name not in platform.inference:
            yield (
                f"guardrails.existingNamespaces has {name}; allowed: namespaces of workloads "
                f"({', '.join(there) or 'none'}), since no other would be created"
            )


def guarded_workloads_can_reach_their_buckets(platform: Sections) -> Iterator[str]:
    """The network policy of a guarded namespace denies S3 unless its spec allows it."""
    for name, workload in platform.workloads.items():
        namespace, _ = service_account_of(name, workload)
        guards = platform.guardrails.namespaces.get(namespace)
        if workload.buckets and guards and not guards.s3:
            yield (
                f"guardrails.namespaces.{namespace}.s3 is false; allowed: true, since workloads.{name} uses buckets "
                "and has its pods there"
            )


def models_have_their_callers(platform: Sections) -> Iterator[str]:
    """A call passes two network policies: that of the caller's namespace, and that of the model."""
    for place, guards in guarded(platform).items():
        namespace = place.rpartition(".")[2]
        for name in guards.calls:
            model, allowed = platform.inference.get(name), ""
            if model is None:
                allowed = f"names of inference ({', '.join(platform.inference) or 'none'})"
            elif namespace not in model.callers:
                allowed = f"models that admit it; add {namespace} to inference.{name}.callers"
            if allowed:
                yield f"{place}.calls has {name}; allowed: {allowed}"


GUARDRAIL_RULES: Final[tuple[Callable[[Sections], Iterator[str]], ...]] = (
    namespaces_are_created_once,
    existing_namespaces_are_those_of_workloads,
    guarded_workloads_can_reach_their_buckets,
    models_have_their_callers,
)

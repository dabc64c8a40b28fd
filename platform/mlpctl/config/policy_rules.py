"""Rules between `policies` and the rest of the platform, as in `rules`.

What a stack file declares must be in the lists that it allows: otherwise, each of its updates would break a
rule.
"""

from collections.abc import Callable, Iterator
from typing import Final

from mlpctl.config.sections import Sections
from mlpctl.settings.policies import is_allowed

INSTANCES_RULE: Final = "ML-COST-01"
REGIONS_RULE: Final = "ML-OPS-01"


def _waived(platform: Sections, rule: str) -> bool:
    """Whether the rule itself, with its waivers, decides."""
    return any(waiver.rule == rule for waiver in platform.policies.waivers)


def nodes_have_allowed_instance_types(platform: Sections) -> Iterator[str]:
    """A node group of the stack must have instance types that the stack allows."""
    allowed = platform.policies.allowed_instance_types
    if not allowed or _waived(platform, INSTANCES_RULE):
        return
    groups = {"cluster.system": platform.cluster.system.instance_types}
    groups |= {f"gpuPools.{name}": pool.instance_types for name, pool in platform.gpu_pools.items()}
    for place, types in groups.items():
        if wrong := [each for each in types if not is_allowed(each, allowed)]:
            yield (
                f"{place}.instanceTypes has {', '.join(wrong)}; allowed: the types in policies.allowedInstanceTypes "
                f"({', '.join(allowed)}); add it there, or a waiver of {INSTANCES_RULE}"
            )


def resources_are_in_allowed_regions(platform: Sections) -> Iterator[str]:
    """The stack's region, and those that images are copied to, must be allowed."""
    allowed = platform.policies.allowed_regions
    if not allowed or _waived(platform, REGIONS_RULE):
        return
    own = platform.region
    if own and own not in allowed:
        yield f"policies.allowedRegions is {', '.join(allowed)}; allowed: a list with {own}, the region of the stack"
    account = platform.images.account
    if wrong := [each for each in (account.replicate_to if account else ()) if each not in allowed]:
        yield (
            f"images.account.replicateTo has {', '.join(wrong)}; allowed: regions in policies.allowedRegions "
            f"({', '.join(allowed)})"
        )


POLICY_RULES: Final[tuple[Callable[[Sections], Iterator[str]], ...]] = (
    nodes_have_allowed_instance_types,
    resources_are_in_allowed_regions,
)

"""Rules between `policies` and the rest of the platform, as in `rules`.

A stack file must not declare what a rule that is mandatory in its profile rejects: each of its updates would be
blocked. If the stack file has waivers of such a rule, the rule itself decides.
"""

from collections.abc import Callable, Iterator
from typing import Final

from awsfacts.eks_settings import ControlPlaneLog
from mlpctl.config.sections import Profile, Sections
from mlpctl.settings.policies import is_allowed
from mlplatform.registries.image_registry.spec import Scanning

INSTANCES_RULE: Final = "ML-COST-01"
REGIONS_RULE: Final = "ML-OPS-01"
LOGS_RULE: Final = "ML-EKS-04"
SCANS_RULE: Final = "ML-ECR-01"
BACKUPS_RULE: Final = "ML-FS-03"


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


def enhanced_scanning(platform: Sections) -> bool:
    """Whether the account scans all images."""
    account = platform.images.account
    return account is not None and account.scanning is Scanning.ENHANCED


ALWAYS_LOGGED: Final = (ControlPlaneLog.AUDIT, ControlPlaneLog.AUTHENTICATOR)
"""Logs that profile prod requires without exception."""


def logs_are_complete(platform: Sections) -> Iterator[str]:
    """From profile staging on, all control plane logs are mandatory."""
    given = {*platform.cluster.log_types, *(ALWAYS_LOGGED if platform.profile is Profile.PROD else ())}
    missing = [each.value for each in ControlPlaneLog if each not in given]
    if missing and platform.profile is not Profile.DEV:
        yield from _mandatory(platform, LOGS_RULE, "cluster.logTypes", f"has no {', '.join(missing)}", "all types")


def staging_scans_and_backs_up(platform: Sections) -> Iterator[str]:
    """In profile staging, scans of images and backups are mandatory; profile prod requires them without exception."""
    if platform.profile is not Profile.STAGING:
        return
    if not enhanced_scanning(platform):
        for name, repository in platform.images.repositories.items():
            if not repository.scan_on_push:
                field = f"images.repositories.{name}.scanOnPush"
                allowed = "true, or images.account.scanning: enhanced"
                yield from _mandatory(platform, SCANS_RULE, field, "is false", allowed)
    for name, filesystem in platform.shared_filesystems.items():
        if not filesystem.backup:
            yield from _mandatory(platform, BACKUPS_RULE, f"sharedFilesystems.{name}.backup", "is false", "true")


def _mandatory(platform: Sections, rule: str, field: str, fault: str, allowed: str) -> Iterator[str]:
    if not _waived(platform, rule):
        yield f"{field} {fault}; allowed: {allowed}, or a waiver of {rule}, in profile {platform.profile.value}"


POLICY_RULES: Final[tuple[Callable[[Sections], Iterator[str]], ...]] = (
    nodes_have_allowed_instance_types,
    resources_are_in_allowed_regions,
    logs_are_complete,
    staging_scans_and_backs_up,
)

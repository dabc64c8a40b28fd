"""Rules between `policies` and the rest of the platform, as in `rules`.

A stack file must not declare what a rule that is mandatory in its profile rejects: each of its updates would be
blocked. If the stack file has a waiver of such a rule for resources of the component, the rule itself decides.
"""

from collections.abc import Callable, Iterator
from ipaddress import IPv4Network, collapse_addresses
from typing import Final

from awsfacts.addresses import WIDEST
from awsfacts.eks_settings import ControlPlaneLog
from awsfacts.principals import PERSON
from mlpctl.config.guardrail_rules import guarded
from mlpctl.config.sections import Profile, Sections
from mlpctl.settings.policies import NAMES_LOGS, is_allowed
from mlplatform.compute.eks_cluster.spec import AccessLevel
from mlplatform.registries.image_registry.spec import Scanning
from mlplatform.security.guarded_namespace import PodSecurity

INSTANCES_RULE: Final = "ML-COST-01"
REGIONS_RULE: Final = "ML-OPS-01"
LOGS_RULE: Final = "ML-EKS-04"
SCANS_RULE: Final = "ML-ECR-01"
BACKUPS_RULE: Final = "ML-FS-03"
PODS_RULE: Final = "ML-K8S-02"
API_RULE: Final = "ML-EKS-01"
PEOPLE_RULE: Final = "ML-EKS-06"
OBJECT_LOCK_RULE: Final = "ML-S3-10"

_CLUSTER: Final = "cluster"
_IMAGES: Final = "images"
"""Logical names of components of which a stack has one."""


def _waived(platform: Sections, rule: str, *names: str) -> bool:
    """Whether the rule itself, with its waivers, decides about resources with names like `NAME-…`."""
    waivers = [each for each in platform.policies.waivers if each.rule == rule]
    return any(each.may_be_for(name) for each in waivers for name in names)


def nodes_have_allowed_instance_types(platform: Sections) -> Iterator[str]:
    """A node group of the stack must have instance types that the stack allows."""
    allowed = platform.policies.allowed_instance_types
    if not allowed:
        return
    groups = {"cluster.system": (f"{_CLUSTER}-system", platform.cluster.system.instance_types)}
    groups |= {f"gpuPools.{name}": (name, pool.instance_types) for name, pool in platform.gpu_pools.items()}
    for place, (name, types) in groups.items():
        wrong = [each for each in types if not is_allowed(each, allowed)]
        if wrong and not _waived(platform, INSTANCES_RULE, name):
            yield (
                f"{place}.instanceTypes has {', '.join(wrong)}; allowed: the types in policies.allowedInstanceTypes "
                f"({', '.join(allowed)}); add it there, or a waiver of {INSTANCES_RULE}"
            )


def resources_are_in_allowed_regions(platform: Sections) -> Iterator[str]:
    """The stack's region, and those that images are copied to, must be allowed."""
    allowed = platform.policies.allowed_regions
    if not allowed or _waived(platform, REGIONS_RULE, *platform.components):
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
        fault = f"has no {', '.join(missing)}"
        yield from _mandatory(platform, LOGS_RULE, _CLUSTER, f"cluster.logTypes {fault}", "all types")


def images_are_scanned(platform: Sections) -> Iterator[str]:
    """Scans of images are mandatory in all profiles; profile prod requires them without exception."""
    if platform.profile is Profile.PROD or enhanced_scanning(platform):
        return
    for name, repository in platform.images.repositories.items():
        if not repository.scan_on_push:
            fault = f"images.repositories.{name}.scanOnPush is false"
            allowed = "true, or images.account.scanning: enhanced"
            yield from _mandatory(platform, SCANS_RULE, _IMAGES, fault, allowed)


def staging_is_as_safe_as_its_rules_require(platform: Sections) -> Iterator[str]:
    """In profile staging, backups, restricted pods and a closed API are mandatory.

    Profile prod requires them without exception.
    """
    if platform.profile is not Profile.STAGING:
        return
    for name, filesystem in platform.shared_filesystems.items():
        if not filesystem.backup:
            yield from _mandatory(platform, BACKUPS_RULE, name, f"sharedFilesystems.{name}.backup is false", "true")
    for place, namespace in guarded(platform).items():
        if namespace.pod_security is not PodSecurity.RESTRICTED:
            owner, _, name = place.removeprefix("teams.").partition(".namespaces.")
            fault = f"{place}.podSecurity is {namespace.pod_security.value}"
            yield from _mandatory(platform, PODS_RULE, f"{owner}-{name}", fault, PodSecurity.RESTRICTED.value)
    networks = platform.cluster.public_access_cidrs
    size = sum(each.num_addresses for each in collapse_addresses(map(IPv4Network, networks)))
    if size > WIDEST[4]:
        fault = f"cluster.publicAccessCidrs is {', '.join(networks)}, which is {size:,} addresses"
        yield from _mandatory(platform, API_RULE, _CLUSTER, fault, f"networks of {WIDEST[4]:,} addresses in all")


def people_are_no_lasting_administrators_of_production(platform: Sections) -> Iterator[str]:
    """In profile prod, no person is always an administrator of the cluster."""
    if platform.profile is not Profile.PROD:
        return
    for name, access in platform.cluster.access.items():
        principal = access.principal_arn or f":role/{access.role}"
        if access.level is AccessLevel.CLUSTER_ADMIN and PERSON.search(principal):
            fault = f"cluster.access.{name}.level is clusterAdmin for a person ({access.principal_arn or access.role})"
            allowed = "admin, edit or view, or a role that people assume for a while"
            yield from _mandatory(platform, PEOPLE_RULE, f"{_CLUSTER}-{name}", fault, allowed)


def production_has_no_unlocked_buckets_for_logs(platform: Sections) -> Iterator[str]:
    """In profile prod, a bucket for logs must lock its objects, which buckets of the platform do not."""
    if platform.profile is not Profile.PROD:
        return
    for name in filter(NAMES_LOGS.search, platform.buckets):
        allowed = "names without audit, cloudtrail and log, since buckets for logs need Object Lock"
        yield from _mandatory(platform, OBJECT_LOCK_RULE, name, f"buckets has {name}", allowed)


def _mandatory(platform: Sections, rule: str, name: str, fault: str, allowed: str) -> Iterator[str]:
    """The problem that a mandatory rule will be violated, unless a waiver is for resources with names like `name-…`."""
    if not _waived(platform, rule, name):
        waiver = f"a waiver of {rule} for {name}-*"
        yield f"{fault}; allowed: {allowed}, or {waiver}, in profile {platform.profile.value}"


POLICY_RULES: Final[tuple[Callable[[Sections], Iterator[str]], ...]] = (
    nodes_have_allowed_instance_types,
    resources_are_in_allowed_regions,
    logs_are_complete,
    images_are_scanned,
    staging_is_as_safe_as_its_rules_require,
    people_are_no_lasting_administrators_of_production,
    production_has_no_unlocked_buckets_for_logs,
)

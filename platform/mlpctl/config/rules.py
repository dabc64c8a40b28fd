"""Rules between the sections of a platform, as pure functions that yield problems.

A problem starts with the path of its field.
"""

import json
from collections.abc import Callable, Iterator
from typing import Final

from awsfacts import node_images
from awsfacts.partitions import partition_of
from mlpctl.config.cluster_rules import CLUSTER_RULES
from mlpctl.config.filesystem_rules import FILESYSTEM_RULES
from mlpctl.config.guardrail_rules import GUARDRAIL_RULES, guarded, not_denied
from mlpctl.config.model_rules import MODEL_RULES, pinned
from mlpctl.config.policy_rules import ALWAYS_LOGGED, POLICY_RULES, enhanced_scanning
from mlpctl.config.sections import Sections
from mlpctl.config.team_rules import TEAM_RULES
from mlplatform import grammar
from mlplatform.compute.eks_cluster.addons import OWN_ACCOUNTS
from mlplatform.compute.eks_cluster.spec import AccessLevel
from mlplatform.compute.gpu_node_pool.spec import name_problem, too_many_group_tags
from mlplatform.foundation.network import addressing
from mlplatform.security.guarded_namespace import PodSecurity
from mlplatform.security.workload_identity.spec import access_policy, service_account_of, too_large

YEAR_DAYS: Final = 365

ACCOUNT: Final = "000000000000"
LONGEST_REGION: Final = "ap-southeast-1"
_KEY: Final = f"arn:aws-us-gov:kms:{LONGEST_REGION}:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000"
_REPOSITORIES: Final = f"arn:aws-us-gov:ecr:{LONGEST_REGION}:{ACCOUNT}:repository/{'x' * 40}"
"""Placeholder ARNs that determine the size of a policy, for project and stack names of 40 characters in total."""


def pools_are_not_named_like_the_system_nodes(platform: Sections) -> Iterator[str]:
    """A model selects its pool's nodes by a label with the pool's name; the system nodes have such a label too."""
    for name in platform.gpu_pools:
        if allowed := name_problem(name):
            yield f"gpuPools has {name}; allowed: {allowed}"


def usage_is_of_existing_components(platform: Sections) -> Iterator[str]:
    """Usage for cost estimates belongs to a component of the stack or to a resource of one."""
    components = platform.components
    for name in platform.cost.usage:
        if name != "default" and not any(name == each or _is_below(name, each) for each in components):
            yield (
                f"cost.usage has {json.dumps(name)}; allowed: default, a component ({', '.join(components)}) or a "
                "resource of one, e.g. network-nat-us-east-1a"
            )


def _is_below(name: str, component: str) -> bool:
    return len(name) > len(component) + 1 and name.startswith(f"{component}-")


def buckets_have_names_that_s3_allows(platform: Sections) -> Iterator[str]:
    """A bucket's name in AWS is its name in the file, `-bucket-` and a few random characters."""
    for name in platform.buckets:
        if grammar.begins_reserved_bucket(name):
            yield f"buckets has {name}; allowed: names that S3 does not reserve ({', '.join(grammar.BUCKET_BEGINS)}…)"


def policies_of_workloads_are_within_the_limit(platform: Sections) -> Iterator[str]:
    """IAM limits the total size of a role's inline policies, not counting white space."""
    region = platform.region or LONGEST_REGION
    for place, workload in platform.identities.items():
        policy = access_policy(
            workload,
            account_id=ACCOUNT,
            region=region,
            partition=partition_of(region),
            bucket_arns={each: f"arn:aws-us-gov:s3:::{each}-bucket-0123abc" for each in workload.buckets},
            repository_arns={each: f"{_REPOSITORIES}/{each}" for each in workload.images},
            data_key_arn=_KEY,
            secrets_key_arn=_KEY,
            queue_arns={},
            secret_arns={},
        )
        if wrong := too_large(workload, policy):
            yield f"{place} {wrong}"


def pools_are_in_zones_of_the_network(platform: Sections) -> Iterator[str]:
    """A pool's zones must be zones of the network."""
    zones = platform.network.zone_names
    for name, pool in platform.gpu_pools.items():
        if elsewhere := [zone for zone in pool.zones if zone not in zones]:
            yield (
                f"gpuPools.{name}.zones has {', '.join(elsewhere)}; allowed: zones of the network ({', '.join(zones)})"
            )


def pools_with_the_same_reservation_agree(platform: Sections) -> Iterator[str]:
    """A capacity reservation has one instance type and one zone, and is either a capacity block or not.

    Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateCapacityReservation.html
    """
    first: dict[str, str] = {}
    for name, pool in platform.gpu_pools.items():
        id = pool.reservation.id if pool.reservation else None
        if id is None or first.setdefault(id, name) == name:
            continue
        other = platform.gpu_pools[first[id]]
        for field, own, its, what in (
            ("instanceTypes", pool.instance_types, other.instance_types, "has one instance type"),
            ("zones", pool.zones, other.zones, "is in one zone"),
            ("capacity", [pool.capacity.value], [other.capacity.value], "has one kind of capacity"),
        ):
            if own != its:
                yield (
                    f"gpuPools.{name}.{field} is {', '.join(own)}; allowed: {', '.join(its)}, since reservation "
                    f"{id}, which gpuPools.{first[id]} also uses, {what}; or another reservation"
                )


def node_images_support_the_cluster_version(platform: Sections) -> Iterator[str]:
    """A pinned node image must have a variant for the cluster's Kubernetes version."""
    version = platform.cluster.version
    fitting = node_images.releases(version)
    pools = {"cluster.system": platform.cluster.system.ami_release}
    pools |= {f"gpuPools.{name}": pool.ami_release for name, pool in platform.gpu_pools.items()}
    for place, release in pools.items():
        if release is not None and release not in fitting:
            yield (
                f"{place}.amiRelease is {release}; allowed: {', '.join(fitting) or 'none'} (releases of "
                f"{node_images.date()}; `mlpctl images refresh` brings newer ones), since cluster.version is {version}"
            )


def the_network_has_enough_addresses(platform: Sections) -> Iterator[str]:
    """Each zone's subnets have enough addresses for the control plane, the nodes and the pods' initial addresses.

    The subnets of an existing VPC are checked before anything is created.
    """
    network = platform.network
    if network.existing:
        return
    wrong = addressing.too_few(network.cidr, network.pod_cidr, network.zones, platform.nodes_by_zone)
    yield from (f"network.{field} {reason}" for field, reason in wrong.items())


def scaling_groups_are_within_the_tag_limit(platform: Sections) -> Iterator[str]:
    """An autoscaled pool's Auto Scaling group has the stack's tags, tags for labels, taint and GPUs, and EKS's own."""
    for name, pool in platform.gpu_pools.items():
        if wrong := too_many_group_tags(pool, len(platform.all_tags)):
            yield f"gpuPools.{name}.labels {wrong}"


def caches_have_a_route_to_the_internet(platform: Sections) -> Iterator[str]:
    """The first pull through a cache leaves the network.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html#ecr-vpc-endpoint-considerations
    """
    if platform.images.pull_through and platform.network.closed:
        yield (
            "network.nat is none; allowed: single or perZone, since the first pull through a cache in "
            "images.pullThrough leaves the network"
        )


def pods_can_reach_the_services_they_use(platform: Sections) -> Iterator[str]:
    """Without a route to the internet, each AWS service that pods use has an interface endpoint."""
    for reason in platform.network.without_endpoint(platform.services):
        yield f"network.interfaceEndpoints {reason}"


def workloads_use_existing_buckets_and_images(platform: Sections) -> Iterator[str]:
    """A workload must refer to buckets and repositories of the stack."""
    there = {"buckets": [*platform.buckets], "images": [*platform.images.repositories]}
    for name, workload in platform.workloads.items():
        for kind, section in (("buckets", "buckets"), ("images", "images.repositories")):
            for unknown in getattr(workload, kind):
                if unknown not in there[kind]:
                    yield (
                        f"workloads.{name}.{kind} has {unknown}; allowed: names of {section} "
                        f"({', '.join(there[kind]) or 'none'})"
                    )


def a_service_account_has_one_role(platform: Sections) -> Iterator[str]:
    """EKS allows one Pod Identity association, and thus one role, for a service account."""
    first: dict[tuple[str, str], str] = {**OWN_ACCOUNTS}
    for place, workload in platform.identities.items():
        namespace, account = service_account_of(place.removeprefix("workloads."), workload)
        if first.setdefault((namespace, account), place) != place:
            yield (
                f"{place} is for service account {account} in namespace {namespace}; allowed: one other "
                f"than that of {first[namespace, account]}, since a service account can have only one role"
            )


def keys_of_retained_data_are_retained(platform: Sections) -> Iterator[str]:
    """Retained data cannot be read after its key is deleted."""
    kept = {f"buckets.{name}": bucket.retain for name, bucket in platform.buckets.items()}
    kept |= {f"images.repositories.{name}": each.retain for name, each in platform.images.repositories.items()}
    shared = platform.shared_filesystems.items()
    kept |= {f"sharedFilesystems.{name}": each.retain for name, each in shared if not each.own_key}
    for place, retain in kept.items():
        if retain and not platform.keys.retain:
            yield f"{place}.retain is true; allowed: false, since keys.retain is false: the data would outlive its key"


def prod_has_all_safeguards(platform: Sections) -> Iterator[str]:
    """A production stack must not weaken its safeguards."""
    repositories = {f"images.repositories.{name}": each for name, each in platform.images.repositories.items()}
    shared = {f"sharedFilesystems.{name}": each for name, each in platform.shared_filesystems.items()}
    scanned = enhanced_scanning(platform)
    guards = {
        "protect must be true": platform.protect,
        "cluster.publicAccessCidrs must be empty": not platform.cluster.public_access_cidrs,
        "cluster.deletionProtection must be true": platform.cluster.deletion_protection,
        # Otherwise only the identity that created the cluster, usually a pipeline, could use kubectl.
        "cluster.access must have an entry with level clusterAdmin": any(
            access.level is AccessLevel.CLUSTER_ADMIN for access in platform.cluster.access.values()
        ),
        # Otherwise credentials of another account would create the production stack there.
        "allowedAccounts must contain the AWS account": platform.allowed_accounts,
        "cluster.logTypes must contain audit and authenticator": {*ALWAYS_LOGGED} <= {*platform.cluster.log_types},
        f"cluster.logDays must be {YEAR_DAYS} or more": platform.cluster.log_days >= YEAR_DAYS,
        f"network.flowLogDays must be {YEAR_DAYS} or more": platform.network.flow_log_days >= YEAR_DAYS,
        "keys.perDomain must be true": platform.keys.per_domain,
        "keys.retain must be true": platform.keys.retain,
        **{f"buckets.{name}.retain must be true": bucket.retain for name, bucket in platform.buckets.items()},
        **{f"{place}.retain must be true": each.retain for place, each in shared.items()},
        **{f"{place}.backup must be true": each.backup for place, each in shared.items()},
        # Otherwise a new node group would use whichever image is the latest at that time.
        "cluster.system.amiRelease must be set": platform.cluster.system.ami_release,
        **{f"gpuPools.{name}.amiRelease must be set": pool.ami_release for name, pool in platform.gpu_pools.items()},
        **dict(pinned(name, model) for name, model in platform.inference.items()),
        **{f"{place}.retain must be true": each.retain for place, each in repositories.items()},
        **dict.fromkeys((f"guardrails.enforcement.{each} must be deny" for each in not_denied(platform)), False),
        **{
            f"{place}.podSecurity must be restricted": each.pod_security is PodSecurity.RESTRICTED
            for place, each in guarded(platform).items()
        },
        **{f"{place}.scanOnPush must be true": each.scan_on_push or scanned for place, each in repositories.items()},
    }
    if platform.profile.value == "prod":
        yield from (f"{guard} in profile prod" for guard, kept in guards.items() if not kept)


RULES: Final[tuple[Callable[[Sections], Iterator[str]], ...]] = (
    *MODEL_RULES,
    *FILESYSTEM_RULES,
    *CLUSTER_RULES,
    *GUARDRAIL_RULES,
    *TEAM_RULES,
    *POLICY_RULES,
    pools_are_not_named_like_the_system_nodes,
    usage_is_of_existing_components,
    buckets_have_names_that_s3_allows,
    policies_of_workloads_are_within_the_limit,
    pools_are_in_zones_of_the_network,
    pools_with_the_same_reservation_agree,
    node_images_support_the_cluster_version,
    the_network_has_enough_addresses,
    scaling_groups_are_within_the_tag_limit,
    caches_have_a_route_to_the_internet,
    pods_can_reach_the_services_they_use,
    workloads_use_existing_buckets_and_images,
    a_service_account_has_one_role,
    keys_of_retained_data_are_retained,
    prod_has_all_safeguards,
)

"""The spec of the nodes for the cluster's own services, and their managed node group."""

from pydantic import Field, field_validator, model_validator

from awsfacts import allocatable, instances, node_images
from awsfacts.node_images import RELEASE
from mlplatform.compute.gpu_node_pool.spec import POOL_LABEL, SYSTEM_POOL
from mlplatform.compute.node_group.nodes import MAX_DISK_GB, Disk, Pool
from mlplatform.compute.node_group.scaling import MAX_NODES, Capacity, Scaling


class SystemPool(Scaling):
    """The nodes that run the cluster's own services."""

    instance_types: list[str] = Field(default=["m7i.large"], min_length=1, max_length=20)
    """x86-64 instance types of the Nitro System in order of preference, each with room for the cluster's add-ons."""

    min_nodes: int = Field(default=2, ge=1, le=MAX_NODES)
    """Minimum number of nodes."""

    nodes: int = Field(default=2, ge=1, le=MAX_NODES)
    """Desired number of nodes, from `minNodes` to `maxNodes`."""

    disk_gb: int = Field(default=50, ge=20, le=MAX_DISK_GB)
    """Volume for images and pods, in GB."""

    ami_release: str | None = Field(default=None, pattern=RELEASE)
    """Release of the nodes' image, e.g. `1.65.0-0be31b34`. It must have images for the cluster's version. Nodes keep it
    until this field changes. Default: EKS's latest release when the nodes are created and whenever their Kubernetes
    version or launch settings change. Setting or removing it replaces the pool."""

    @field_validator("instance_types")
    @classmethod
    def _types_run_the_image(cls, value: list[str]) -> list[str]:
        node_images.types(value, node_images.not_for_plain_nodes, lambda facts: _holds_addons(facts, 1, True))
        return value

    @model_validator(mode="after")
    def _nodes_hold_the_addons(self) -> "SystemPool":
        if wrong := too_small(self, secrets_store=False):
            raise ValueError(wrong)
        return self


def too_small(pool: SystemPool, *, secrets_store: bool) -> str | None:
    """The problem if instance types have no room for the pods of the cluster's add-ons; None if all have.

    Args:
        pool: the nodes.
        secrets_store: whether the add-on `SECRETS_STORE` is installed too.
    """
    facts = instances.known(pool.instance_types)
    wrong = [each for each in facts if not _holds_addons(each, pool.nodes, secrets_store)]
    if not wrong:
        return None
    more = all(_holds_addons(each, allocatable.SYSTEM_COPIES, secrets_store) for each in wrong)
    count = f"{pool.nodes} {'node' if pool.nodes == 1 else 'nodes'}"
    return (
        f"instanceTypes has {', '.join(each.name for each in wrong)}; allowed: types with 4 GiB of memory or more such "
        f"as m7i.large{f', or {allocatable.SYSTEM_COPIES} nodes' if more else ''}, since {count} of this type would "
        "have no room for the pods of the cluster's add-ons"
    )


def _holds_addons(facts: instances.InstanceType, nodes: int, secrets_store: bool) -> bool:
    return allocatable.holds_system_pods(facts.vcpus, facts.memory_mib, nodes, secrets_store=secrets_store)


def system_nodes(pool: SystemPool) -> Pool:
    """The managed node group of the cluster's own services."""
    own = {POOL_LABEL: SYSTEM_POOL}
    return Pool(
        instance_types=pool.instance_types,
        capacity=Capacity.ON_DEMAND,
        scaling=pool,
        disk=Disk(pool.disk_gb),
        labels=own,
        first_labels=own,
        taints=[],
        ami_release=pool.ami_release,
    )

"""The sandbox's state of EKS clusters, in the format of AWS's responses."""

import random
import string
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from moto.core.base_backend import BackendDict, BaseBackend

from mlsandbox.endpoint.eks.errors import InvalidRequest, NotFound

SERVICE = "eks"

Shape = dict[str, Any]
"""A structure of botocore's EKS model, by the names of its members."""

LOCK = threading.RLock()
"""Held while the backends' state is read or changed. Not a part of the backends, because those are pickled."""


@dataclass(frozen=True)
class ControlPlane:
    """The control plane behind the sandbox's one cluster."""

    endpoint: str
    """URL of the Kubernetes API server."""

    certificate_authority: str
    """CA of the API server's certificate: PEM, base64-encoded."""

    serves: bool = True
    """False if there is no API server: clusters and node groups are then ACTIVE immediately, without nodes."""


@dataclass
class Instance:
    """An EC2 instance of a node group and its Kubernetes node."""

    id: str
    """`i-` and 17 hexadecimal digits."""

    type: str
    """Instance type, e.g. `g6.2xlarge`."""

    private_ip: str
    """Address in its subnet."""

    subnet_id: str
    zone: str
    revision: int = 0
    """The `NodegroupRecord.revision` whose labels and taints its node has."""

    launch: str = ""
    """The launch configuration that it was started with (`rollout.launch_key`)."""

    draining_since: float | None = None
    """When draining started, as a Unix timestamp in seconds; None if it is not draining."""


@dataclass(frozen=True)
class Rollout:
    """A replacement of a group's nodes in progress, with the group's previous settings."""

    members: Shape
    """Members of the `Nodegroup` that are restored if the update fails."""

    instance_type: str
    disk_gib: int
    update_id: str = ""
    force: bool = False
    """Whether pods that cannot be evicted are deleted."""


@dataclass
class NodegroupRecord:
    """A managed node group."""

    shape: Shape
    """A `Nodegroup` of the model."""

    instance_type: str
    """Type of new instances. Later changes to the launch template have no effect, because EKS uses a copy of it."""

    disk_gib: int
    """Size of the root volume."""

    instances: list[Instance] = field(default_factory=list)
    """The group's instances, oldest first."""

    revision: int = 0
    """The number of changes to labels and taints."""

    retired_labels: set[str] = field(default_factory=set)
    """Labels that the group's nodes had before and must no longer have."""

    launch_issue: Shape | None = None
    """The health issue if EC2 cannot launch instances."""

    rollout: Rollout | None = None
    """The replacement of its nodes, while one is in progress."""

    scaling_group_tags: dict[str, Shape] = field(default_factory=dict)
    """Tags of its Auto Scaling group, by key."""


@dataclass
class AccessEntryRecord:
    """A principal's access to a cluster."""

    shape: Shape
    """An `AccessEntry` of the model."""

    policies: dict[str, Shape] = field(default_factory=dict)
    """`AssociatedAccessPolicy`s by policy ARN."""


@dataclass
class UpdateRecord:
    """An update of a cluster, or of a node group or add-on in it."""

    shape: Shape
    """An `Update` of the model."""

    nodegroup: str | None = None
    addon: str | None = None


@dataclass
class ClusterRecord:
    """A cluster and its node groups, add-ons, access entries, associations and updates."""

    shape: Shape
    """A `Cluster` of the model."""

    creator_arn: str | None = None
    """IAM principal that is an administrator without an access entry, in clusters that do not support entries."""

    nodegroups: dict[str, NodegroupRecord] = field(default_factory=dict)
    addons: dict[str, Shape] = field(default_factory=dict)
    access_entries: dict[str, AccessEntryRecord] = field(default_factory=dict)
    pod_identities: dict[str, Shape] = field(default_factory=dict)
    updates: dict[str, UpdateRecord] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The cluster's name."""
        return str(self.shape["name"])

    def nodegroup(self, name: str) -> NodegroupRecord:
        """The node group `name`. Raises `NotFound`."""
        if name not in self.nodegroups:
            raise NotFound(f"No node group found for name: {name}.")
        return self.nodegroups[name]

    def active(self) -> "ClusterRecord":
        """This cluster, if it can be changed. Raises `InvalidRequest`."""
        if self.shape["status"] != "ACTIVE":
            raise InvalidRequest(f"Cluster '{self.name}' is not in ACTIVE status")
        return self

    def record_update(
        self, kind: str, params: dict[str, str], *, nodegroup: str | None = None, addon: str | None = None
    ) -> Shape:
        """Record a completed change for `DescribeUpdate`."""
        update: Shape = {
            "id": str(uuid.uuid4()),
            "status": "Successful",
            "type": kind,
            "params": [{"type": name, "value": value} for name, value in params.items()],
            "createdAt": now(),
            "errors": [],
        }
        self.updates[update["id"]] = UpdateRecord(update, nodegroup, addon)
        return update


class EksBackend(BaseBackend):
    """EKS of one account in one region."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.clusters: dict[str, ClusterRecord] = {}
        self.uncleaned = False
        """Whether the control plane still contains objects of a deleted cluster."""

    def cluster(self, name: str) -> ClusterRecord:
        """The cluster `name`. Raises `NotFound`."""
        if name not in self.clusters:
            raise NotFound(f"No cluster found for name: {name}.")
        return self.clusters[name]

    def arn(self, resource: str) -> str:
        """The ARN of an EKS resource, e.g. of `cluster/main`."""
        return f"arn:{self.partition}:eks:{self.region_name}:{self.account_id}:{resource}"


eks_backends: BackendDict[EksBackend] = BackendDict(EksBackend, SERVICE)


def all_backends() -> Iterator[EksBackend]:
    """EKS of every account and region in use. Under `LOCK`."""
    for _, _, backend in list(eks_backends.iter_backends()):
        # moto's annotation lacks the type of these backends.
        assert isinstance(backend, EksBackend)
        yield backend


def all_clusters() -> Iterator[tuple[EksBackend, ClusterRecord]]:
    """Every cluster of every account and region. Under `LOCK`."""
    for backend in all_backends():
        for cluster in list(backend.clusters.values()):
            yield backend, cluster


@dataclass(frozen=True)
class Call:
    """The backend and the caller of a request."""

    backend: EksBackend
    control_plane: ControlPlane
    access_key: str
    """ID of the access key that signed it."""


Operation = Callable[[Call, Shape], Shape]
"""Implements an operation. Request and response have the names of botocore's model."""


def now() -> datetime:
    """The current time in UTC, with the resolution of AWS's responses."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def random_id(length: int, alphabet: str = string.ascii_lowercase + string.digits) -> str:
    """`length` random characters, as in AWS's IDs."""
    return "".join(random.choices(alphabet, k=length))

"""What the sandbox knows of EKS clusters, in the form in which AWS answers."""

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
"""A structure of botocore's model of EKS by the names of its members."""

LOCK = threading.RLock()
"""Held by whoever reads or changes what the backends hold; no part of them, since they are pickled."""


@dataclass(frozen=True)
class ControlPlane:
    """The control plane behind the sandbox's one cluster."""

    endpoint: str
    """URL of the Kubernetes API server."""

    certificate_authority: str
    """CA that signed the API server's certificate: PEM, base64."""

    serves: bool = True
    """False where the AWS API has no API server: clusters and node groups are then ACTIVE at once, without nodes."""


@dataclass
class Instance:
    """An EC2 instance of a node group and the node that it is in Kubernetes."""

    id: str
    """`i-` and 17 hex digits."""

    type: str
    """Instance type, e.g. `g6.2xlarge`."""

    private_ip: str
    """Address in its subnet."""

    subnet_id: str
    zone: str
    revision: int = 0
    """The `NodegroupRecord.revision` whose labels and taints its node carries."""

    launch: str = ""
    """The launch configuration that it was started with (`rollout.launch_key`)."""

    draining_since: float | None = None
    """When its pods were first told to leave, in seconds since 1970; None while they may stay."""


@dataclass(frozen=True)
class Rollout:
    """A replacement of a group's nodes under way, with what the group was before."""

    members: Shape
    """Members of the `Nodegroup` that a failure brings back."""

    instance_type: str
    disk_gib: int
    update_id: str = ""
    force: bool = False
    """Whether pods that do not leave are deleted."""


@dataclass
class NodegroupRecord:
    """A managed node group."""

    shape: Shape
    """A `Nodegroup` of the model."""

    instance_type: str
    """What new instances are. A later change of the launch template does not matter: EKS works with a copy."""

    disk_gib: int
    """Size of the root volume."""

    instances: list[Instance] = field(default_factory=list)
    """What the group runs, oldest first."""

    revision: int = 0
    """Counts the changes of labels and taints."""

    retired_labels: set[str] = field(default_factory=set)
    """Labels that the group gave its nodes before and does no more."""

    launch_issue: Shape | None = None
    """The health issue of instances that EC2 does not start."""

    rollout: Rollout | None = None
    """The replacement of its nodes, while one is under way."""

    scaling_group_tags: dict[str, Shape] = field(default_factory=dict)
    """Tags of its Auto Scaling group, by key."""


@dataclass
class AccessEntryRecord:
    """Who may enter a cluster."""

    shape: Shape
    """An `AccessEntry` of the model."""

    policies: dict[str, Shape] = field(default_factory=dict)
    """`AssociatedAccessPolicy`s by policy ARN."""


@dataclass
class UpdateRecord:
    """A change of a cluster or of something in it."""

    shape: Shape
    """An `Update` of the model."""

    nodegroup: str | None = None
    addon: str | None = None


@dataclass
class ClusterRecord:
    """A cluster and what belongs to it."""

    shape: Shape
    """A `Cluster` of the model."""

    creator_arn: str | None = None
    """IAM principal that is administrator without an access entry, in a cluster whose authentication has no entries."""

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
        """This cluster if it takes changes. Raises `InvalidRequest`."""
        if self.shape["status"] != "ACTIVE":
            raise InvalidRequest(f"Cluster '{self.name}' is not in ACTIVE status")
        return self

    def record_update(
        self, kind: str, params: dict[str, str], *, nodegroup: str | None = None, addon: str | None = None
    ) -> Shape:
        """Note a change that is done, as `DescribeUpdate` will tell it."""
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
        """Whether a cluster is gone whose objects are still in the control plane."""

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
        # moto's annotation forgets which backends these are.
        assert isinstance(backend, EksBackend)
        yield backend


def all_clusters() -> Iterator[tuple[EksBackend, ClusterRecord]]:
    """Every cluster of every account and region. Under `LOCK`."""
    for backend in all_backends():
        for cluster in list(backend.clusters.values()):
            yield backend, cluster


@dataclass(frozen=True)
class Call:
    """One request: where it goes and whose it is."""

    backend: EksBackend
    control_plane: ControlPlane
    access_key: str
    """Id of the access key that signed it."""


Operation = Callable[[Call, Shape], Shape]
"""Answers an operation: request in, response out, both by the names of botocore's model."""


def now() -> datetime:
    """This moment, in UTC, in the resolution that AWS answers in."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def random_id(length: int, alphabet: str = string.ascii_lowercase + string.digits) -> str:
    """`length` random characters, as AWS puts them into ids."""
    return "".join(random.choices(alphabet, k=length))

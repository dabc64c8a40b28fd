"""Reconciles the control plane with EKS: nodes of node groups, access policies, and deleted clusters."""

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from urllib.parse import quote

from mlsandbox.cluster.controllers import Controllers
from mlsandbox.cluster.eks import cleaning, definitions, nodes, rbac
from mlsandbox.cluster.kube import Kube, KubeError, Object, UnreachableError
from mlsandbox.endpoint.eks import clusters, instance_types, network, nodegroups, rollout
from mlsandbox.endpoint.eks.backend import (
    LOCK,
    Call,
    ClusterRecord,
    EksBackend,
    Instance,
    NodegroupRecord,
    all_backends,
    all_clusters,
)
from mlsandbox.endpoint.eks.service import EksService
from mlsandbox.endpoint.server import Server
from mlsandbox.ground.layout import Layout
from mlsandbox.ground.record import ControllersChanged

_PENDING_S = 0.2
"""Seconds until the next reconciliation while a change is in progress."""

_WATCH_S = 2.0
"""Seconds until the next reconciliation of a cluster, whose users may have deleted a node or created a namespace."""

_NODES = "/api/v1/nodes"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Node:
    """A node that should exist."""

    manifest: Object
    record: NodegroupRecord
    instance: Instance

    @property
    def name(self) -> str:
        return str(self.manifest["metadata"]["name"])


class Reconciler:
    """A thread that reconciles the cluster whenever EKS has changed, and every few seconds.

    - A cluster becomes ACTIVE when the API server is ready. Objects of a deleted cluster are removed before.
    - The custom resource definitions of an add-on are registered as long as the add-on exists. The controller of an
      add-on runs as long as the add-on exists, if the user has requested this controller.
    - A node group becomes ACTIVE when all its nodes are Ready, and its deletion ends when all its nodes are deleted. A
      node that a user deleted is created again.
    - A node that an update replaces is drained first: its pods are evicted as disruption budgets allow, and if they do
      not leave in time the update fails. If a node group shrinks or is deleted, the pods are deleted at once.
    - While the API server is not reachable, node groups that wait for nodes have the health issue
      `ClusterUnreachable`. Deletions finish at once, and nodes and objects are removed when the API server is back.
    """

    def __init__(
        self, layout: Layout, eks: EksService, server: Server, controllers_changed: ControllersChanged
    ) -> None:
        self._kube = Kube(layout)
        self._controllers = Controllers(layout, self._kube, controllers_changed)
        self._eks = eks
        self._server = server
        self._stopping = threading.Event()
        # The control plane may have nodes of a cluster that is missing in the last snapshot.
        self._reconciled = False
        self._thread = threading.Thread(target=self._run, name="eks-reconciler", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread after the current reconciliation."""
        self._stopping.set()
        self._eks.changed.set()
        self._thread.join()
        self._kube.close()

    def stop_controllers(self) -> None:
        """Stop the controllers for good, while the control plane still runs."""
        self._controllers.stop()

    def _run(self) -> None:
        try:
            self._repeat()
        finally:
            self._controllers.stop()

    def _repeat(self) -> None:
        pause: float | None = 0.0
        while not self._stopping.is_set():
            self._eks.changed.wait(pause)
            self._eks.changed.clear()
            try:
                pause = self._reconcile()
            except UnreachableError:
                pause = _PENDING_S
            except KubeError as problem:
                # Conflicts and rate limits resolve by themselves; other errors should appear in the log each time.
                logger.warning("the Kubernetes API rejected a change by EKS: %s", problem)
                pause = 1.0
            except Exception:
                # Without this thread, waiting for a cluster or node group would never end.
                logger.exception("cannot reconcile the cluster with EKS")
                pause = 1.0

    def _reconcile(self) -> float | None:
        """Reconcile once. Returns the seconds until the next time, or None if it can wait until EKS changes."""
        with self._state():
            busy = any(True for _ in all_clusters())
            uncleaned = [backend for backend in all_backends() if backend.uncleaned]
        if not busy and not uncleaned and self._reconciled:
            return None
        if not self._kube.ready():
            self._wait_for_control_plane()
            return 1.0
        if uncleaned:
            self._clean()
            with self._state(changes=True):
                for backend in uncleaned:
                    backend.uncleaned = False
        self._activate()
        pending = self._reconcile_nodes()
        self._reconciled = True
        self._reconcile_api_objects()
        self._run_controllers()
        self._finish_deletions()
        if pending:
            return _PENDING_S
        return _WATCH_S if busy else None

    def _wait_for_control_plane(self) -> None:
        endpoint = self._eks.control_plane.endpoint
        issue = {
            "code": "ClusterUnreachable",
            "message": f"The sandbox's control plane is not reachable at {endpoint}. The nodes join when it is.",
        }
        with self._state() as changes:
            for backend, cluster in all_clusters():
                for record in list(cluster.nodegroups.values()):
                    if record.shape["status"] == "DELETING":
                        nodegroups.forget(cluster, record)
                        self._reconciled = False
                        changes.set()
                    elif record.shape["status"] in ("CREATING", "UPDATING"):
                        record.shape["health"] = {"issues": [issue]}
                if cluster.shape["status"] == "DELETING" and not cluster.nodegroups:
                    clusters.forget(self._call(backend), cluster)
                    backend.uncleaned = True
                    changes.set()

    def _activate(self) -> None:
        with self._state():
            found = list(all_clusters())
        waiting = [one for one in found if one[1].shape["status"] == "CREATING"]
        # Also once after a restart with existing clusters: this version may bind more policies than the previous one.
        if waiting or (found and not self._reconciled):
            rbac.install(self._kube)
        if not waiting:
            return
        with self._state(changes=True):
            for backend, cluster in waiting:
                if cluster.shape["status"] == "CREATING":
                    clusters.activate(self._call(backend), cluster)

    def _reconcile_nodes(self) -> bool:
        """Create, change and remove nodes. Returns whether a node group still waits for its nodes."""
        present = {nodes.instance_id(node): node for node in self._listed()}
        self._relaunch()
        self._roll(present)
        wanted = self._wanted()
        # Remove nodes first: a new node may have the address, and therefore the name, of a removed one.
        for id in present.keys() - wanted.keys():
            self._remove(present[id]["metadata"]["name"])
        for id, node in wanted.items():
            if id not in present:
                self._kube.create(_NODES, node.manifest)
            elif node.instance.revision != node.record.revision:
                self._relabel(node, present[id])
        # Changes since the first list show up here or in the next reconciliation.
        remaining = self._listed()
        pending = False
        with self._state() as changes:
            for _, cluster in all_clusters():
                for record in list(cluster.nodegroups.values()):
                    if record.shape["status"] not in ("CREATING", "UPDATING", "DELETING"):
                        continue
                    if not _is_reconciled(record, [node for node in remaining if nodes.belongs(node, record.shape)]):
                        pending = True
                    elif record.shape["status"] == "DELETING":
                        nodegroups.forget(cluster, record)
                        changes.set()
                    else:
                        nodegroups.settled(cluster, record)
                        changes.set()
        return pending

    def _roll(self, present: Mapping[str, Object]) -> None:
        """Advance every rollout by one step. `present` has the nodes by instance ID."""
        with self._state():
            rolling = [
                (backend, cluster, record, list(record.instances), record.rollout.force)
                for backend, cluster in all_clusters()
                for record in cluster.nodegroups.values()
                if record.rollout is not None and record.shape["status"] == "UPDATING"
            ]
        for backend, cluster, record, instances, force in rolling:
            names = {one.id: nodes.name(one, backend.region_name) for one in instances}
            draining = [one for one in instances if one.draining_since is not None]
            empty = {one.id for one in draining if one.id not in present or self._drained(one, names[one.id], force)}
            ready = {one.id for one in instances if one.id in present and nodes.is_ready(present[one.id])}
            late = [names[one.id] for one in draining if one.id not in empty and _is_late(one)]
            if late and not force:
                self._fail_update(cluster, record, late)
                continue
            with self._state(changes=True):
                if record.rollout is not None:
                    self._step(backend, cluster, record, ready, empty)

    def _relaunch(self) -> None:
        """Launch the missing instances of node groups again, as Auto Scaling groups do."""
        with self._state() as changes:
            for backend, cluster in all_clusters():
                for record in cluster.nodegroups.values():
                    if record.shape["status"] == "DEGRADED" and record.launch_issue is not None:
                        nodegroups.place(backend, cluster, record, record.shape["scalingConfig"]["desiredSize"])
                        if record.launch_issue is None:
                            nodegroups.rest(record)
                            changes.set()

    def _step(
        self, backend: EksBackend, cluster: ClusterRecord, record: NodegroupRecord, ready: set[str], empty: set[str]
    ) -> None:
        shape = record.shape
        zones = {place.zone for place in network.places(backend, shape["subnets"])}
        step = rollout.step(
            record.instances,
            shape["scalingConfig"]["desiredSize"],
            rollout.launch_key(record),
            parallel=rollout.parallel(shape),
            surge=rollout.surge(shape, len(zones)),
            ready=ready,
            empty=empty,
        )
        record.instances = [
            replace(one, draining_since=time.time()) if one.id in step.drain else one
            for one in record.instances
            if one.id not in step.terminate
        ]
        if step.launch:
            nodegroups.place(backend, cluster, record, len(record.instances) + step.launch)
            if record.launch_issue is not None:
                rollout.fail(cluster, record, rollout.launch_failure(shape["nodegroupName"]))

    def _fail_update(self, cluster: ClusterRecord, record: NodegroupRecord, stuck: list[str]) -> None:
        """Fail an update because pods did not leave the nodes `stuck`."""
        with self._state(changes=True):
            if record.rollout is not None:
                rollout.fail(cluster, record, rollout.eviction_failure(record.shape["nodegroupName"], stuck))
        for name in stuck:
            self._kube.merge(f"{_NODES}/{name}", {"spec": {"unschedulable": None}})

    def _drained(self, instance: Instance, name: str, force: bool) -> bool:
        """Drain a node. Returns whether it is empty except for DaemonSet pods."""
        self._kube.merge(f"{_NODES}/{name}", {"spec": {"unschedulable": True}})
        left = [pod for pod in self._pods(name) if not _stays(pod)]
        for pod in left:
            meta = pod["metadata"]
            if meta.get("deletionTimestamp"):
                continue
            if not self._kube.evict(meta["namespace"], meta["name"]) and force and _is_late(instance):
                self._kube.delete(f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}")
        return not left

    def _pods(self, node_name: str) -> list[Object]:
        return self._kube.items(f"/api/v1/pods?fieldSelector={quote(f'spec.nodeName={node_name}')}")

    def _wanted(self) -> dict[str, _Node]:
        """The nodes that should exist, by instance ID."""
        wanted: dict[str, _Node] = {}
        with self._state():
            for backend, cluster in all_clusters():
                for record in cluster.nodegroups.values():
                    for instance in record.instances:
                        facts = instance_types.find(instance.type)
                        assert facts is not None, "checked when the node group was created"
                        manifest = nodes.manifest(record.shape, instance, facts, backend.region_name, record.disk_gib)
                        wanted[instance.id] = _Node(manifest, record, instance)
        return wanted

    def _listed(self) -> list[Object]:
        return self._kube.items(f"{_NODES}?labelSelector={quote(nodes.NODEGROUP_LABEL)}")

    def _relabel(self, node: _Node, present: Object) -> None:
        revision = node.record.revision
        labels: dict[str, str | None] = {**dict.fromkeys(node.record.retired_labels), **nodes.labels(node.record.shape)}
        # Kubernetes itself taints nodes by their conditions, e.g. if they are not ready.
        kept = [taint for taint in present["spec"].get("taints", ()) if taint["key"].startswith("node.kubernetes.io/")]
        taints = [*nodes.taints(node.record.shape), *kept]
        self._kube.merge(f"{_NODES}/{node.name}", {"metadata": {"labels": labels}, "spec": {"taints": taints}})
        with self._state(changes=True):
            node.instance.revision = revision

    def _remove(self, name: str) -> None:
        try:
            self._kube.merge(f"{_NODES}/{name}", {"spec": {"unschedulable": True}})
        except KubeError as problem:
            if problem.status != 404:
                raise
        for pod in self._pods(name):
            meta = pod["metadata"]
            self._kube.delete(f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}")
        self._kube.delete(f"{_NODES}/{name}")

    def _reconcile_api_objects(self) -> None:
        """Bind access policies in their namespaces and register the definitions of add-ons.

        Namespaces that do not exist yet are found by a later reconciliation.
        """
        with self._state():
            found = [cluster for _, cluster in all_clusters() if cluster.shape["status"] == "ACTIVE"]
            wanted = rbac.bindings(entry for cluster in found for entry in cluster.access_entries.values())
            addons = [name for cluster in found for name in cluster.addons]
        if found:
            rbac.sync(self._kube, wanted)
            definitions.sync(self._kube, addons)

    def _run_controllers(self) -> None:
        """Run the requested controllers of the add-ons."""
        with self._state():
            active = [cluster for _, cluster in all_clusters() if cluster.shape["status"] == "ACTIVE"]
            addons = {name for cluster in active for name in cluster.addons}
        self._controllers.sync(addons)

    def _clean(self) -> None:
        """Delete the objects of deleted clusters, and before that stop the controllers, which use them."""
        self._controllers.sync(())
        cleaning.clean(self._kube)

    def _finish_deletions(self) -> None:
        """Finish the deletion of clusters."""
        with self._state():
            ending = [one for one in all_clusters() if one[1].shape["status"] == "DELETING"]
        if not ending:
            return
        self._clean()
        with self._state(changes=True):
            for backend, cluster in ending:
                clusters.forget(self._call(backend), cluster)

    def _call(self, backend: EksBackend) -> Call:
        return Call(backend, self._eks.control_plane, access_key="")

    @contextmanager
    def _state(self, *, changes: bool = False) -> Iterator[threading.Event]:
        """Lock EKS's state, never during a snapshot. After a change, set the event that it yields."""
        with self._server.gate.shared(), LOCK:
            changed = threading.Event()
            try:
                yield changed
            finally:
                if changes or changed.is_set():
                    self._server.changed.set()


def _is_reconciled(record: NodegroupRecord, present: list[Object]) -> bool:
    """Whether the node group has exactly the desired nodes, Ready and with the current labels and taints."""
    return (
        {nodes.instance_id(node) for node in present} == {instance.id for instance in record.instances}
        and all(nodes.is_ready(node) for node in present)
        and all(instance.revision == record.revision for instance in record.instances)
        and (record.rollout is None or _is_rolled_out(record))
    )


def _is_rolled_out(record: NodegroupRecord) -> bool:
    size = record.shape["scalingConfig"]["desiredSize"]
    return rollout.done(record.instances, size, rollout.launch_key(record))


def _is_late(instance: Instance) -> bool:
    return instance.draining_since is not None and time.time() - instance.draining_since > rollout.EVICTION_S


def _stays(pod: Object) -> bool:
    """Whether a pod stays on a drained node: a DaemonSet would create its pods again."""
    return any(owner["kind"] == "DaemonSet" for owner in pod["metadata"].get("ownerReferences", ()))

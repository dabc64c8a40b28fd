"""The order in which a node group's nodes are replaced in an update."""

from dataclasses import replace
from typing import Any

import pytest

from mlsandbox.endpoint.eks import rollout
from mlsandbox.endpoint.eks.backend import ClusterRecord, Instance, NodegroupRecord


def instance(number: int, launch: str = "old", *, draining: bool = False) -> Instance:
    return Instance(
        f"i-{number}", "g6.2xlarge", f"10.0.0.{number}", "subnet-a", "a", 0, launch, 1.0 if draining else None
    )


def group(size: int = 2, **config: Any) -> dict[str, Any]:
    return {
        "nodegroupName": "gpu",
        "version": "1.35",
        "releaseVersion": "1.35.0-1",
        "scalingConfig": {"minSize": 0, "maxSize": 9, "desiredSize": size},
        "updateConfig": config or {"maxUnavailable": 1},
        "status": "UPDATING",
        "health": {"issues": []},
    }


class Simulation:
    """A rollout in which new nodes are Ready immediately and draining ones empty immediately."""

    def __init__(self, size: int, parallel: int, surge: int) -> None:
        self.instances = [instance(number) for number in range(size)]
        self.size, self.parallel, self.surge = size, parallel, surge
        self.counts: list[int] = []
        self.most_draining = 0

    def run(self) -> None:
        for _ in range(50):
            if rollout.done(self.instances, self.size, "new"):
                return
            ids = {one.id for one in self.instances}
            draining = {one.id for one in self.instances if one.draining_since is not None}
            self.most_draining = max(self.most_draining, len(draining))
            step = rollout.step(
                self.instances,
                self.size,
                "new",
                parallel=self.parallel,
                surge=self.surge,
                ready=ids,
                empty=draining,
            )
            kept = [one for one in self.instances if one.id not in step.terminate]
            marked = [replace(one, draining_since=1.0) if one.id in step.drain else one for one in kept]
            fresh = [instance(100 + len(self.counts) * 10 + number, "new") for number in range(step.launch)]
            self.instances = [*marked, *fresh]
            self.counts.append(len(self.instances))
        raise AssertionError(f"the rollout does not end: {self.instances}")


def test_minimal_never_exceeds_the_desired_size() -> None:
    simulation = Simulation(size=3, parallel=1, surge=0)
    simulation.run()
    assert max(simulation.counts) == 3
    assert simulation.most_draining == 1


def test_default_launches_the_surge_first_and_never_falls_below_the_desired_size() -> None:
    simulation = Simulation(size=3, parallel=1, surge=4)
    simulation.run()
    assert simulation.counts[0] == 7
    assert min(simulation.counts) == 3
    assert simulation.most_draining == 1


def test_max_unavailable_nodes_drain_at_once() -> None:
    simulation = Simulation(size=4, parallel=2, surge=0)
    simulation.run()
    assert simulation.most_draining == 2


@pytest.mark.parametrize("surge", [0, 2])
def test_a_node_that_is_not_ready_delays_the_next_one(surge: int) -> None:
    instances = [instance(1), instance(2, "new")]
    step = rollout.step(instances, 2 - surge, "new", parallel=1, surge=surge, ready={"i-1"}, empty=set())
    assert step == rollout.Step()


def test_a_node_that_is_not_drained_delays_the_next_one() -> None:
    instances = [instance(1, draining=True), instance(2)]
    step = rollout.step(instances, 2, "new", parallel=1, surge=0, ready={"i-1", "i-2"}, empty=set())
    assert step == rollout.Step()


def test_nodes_with_the_new_version_are_kept() -> None:
    instances = [instance(1, "new"), instance(2)]
    step = rollout.step(instances, 2, "new", parallel=2, surge=0, ready={"i-1", "i-2"}, empty=set())
    assert step == rollout.Step(drain=("i-2",))


@pytest.mark.parametrize(
    ("config", "zones", "parallel", "surge"),
    [
        ({"maxUnavailable": 1}, 2, 1, 4),
        ({"maxUnavailable": 9}, 2, 9, 9),
        ({"maxUnavailable": 1, "updateStrategy": "MINIMAL"}, 3, 1, 0),
        ({"maxUnavailablePercentage": 50}, 1, 5, 5),
        ({"maxUnavailablePercentage": 1}, 1, 1, 2),
    ],
)
def test_parallel_and_surge(config: dict[str, Any], zones: int, parallel: int, surge: int) -> None:
    shape = group(10, **config)
    assert (rollout.parallel(shape), rollout.surge(shape, zones)) == (parallel, surge)


def test_a_failed_update_leaves_the_group_active_with_its_old_version_and_remaining_nodes() -> None:
    record = NodegroupRecord(group(), "g6.2xlarge", 100)
    record.shape["launchTemplate"] = {"id": "lt-1", "version": "1"}
    before, key = rollout.before(record), rollout.launch_key(record)
    cluster = ClusterRecord({"name": "main"}, nodegroups={"gpu": record})
    update = cluster.record_update("VersionUpdate", {}, nodegroup="gpu")
    record.shape |= {"version": "1.36", "launchTemplate": {"id": "lt-1", "version": "2"}}
    record.instance_type = "g6.4xlarge"
    assert rollout.launch_key(record) != key
    record.rollout = replace(before, update_id=update["id"])
    record.instances = [instance(1, draining=True), instance(2, "new")]

    rollout.fail(cluster, record, rollout.eviction_failure("gpu", ["ip-10-0-0-1.ec2.internal"]))

    assert update["status"] == "Failed"
    assert update["errors"] == [
        {
            "errorCode": "PodEvictionFailure",
            "errorMessage": "Reached max retries while trying to evict pods from nodes in node group gpu",
            "resourceIds": ["ip-10-0-0-1.ec2.internal"],
        }
    ]
    assert record.shape["status"] == "ACTIVE"
    assert rollout.launch_key(record) == key
    assert [(one.launch, one.draining_since) for one in record.instances] == [("old", None), ("new", None)]

"""Checks of the account's quotas for running vCPUs, by family of instance types."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from awsfacts import instances
from awsfacts.quotas import quota
from mlpctl.doctor.asking import Answers, NotAnsweredError, Question
from mlpctl.doctor.finding import Check, Finding, Found, Level, Wanted
from mlpctl.doctor.quotas import increase, limit, limits, unlisted
from mlpctl.tags import pairs
from mlplatform.component import STACK_TAG
from mlplatform.compute.node_group.scaling import Capacity

COMPUTE: Final = "ec2"
"""Code of EC2 in Service Quotas, which has the quotas for vCPUs."""

_RUNNING: Final = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
INSTANCES: Final = Question("ec2", "DescribeInstances", {"Filters": _RUNNING}, "Reservations")
RESERVATIONS: Final = Question("ec2", "DescribeCapacityReservations", items="CapacityReservations")

BLOCK: Final = "capacity-block"
"""The lifecycle of instances in Capacity Blocks, and the type of these reservations:
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CapacityReservation.html"""

_CLUSTER_TAG: Final = "eks:cluster-name"
"""EKS's tag of the instances of managed node groups:
https://docs.aws.amazon.com/eks/latest/userguide/eks-using-tags.html"""


@dataclass(frozen=True)
class Group:
    """A group of nodes in the stack file."""

    path: str
    instance_types: Sequence[str]
    nodes: int
    max_nodes: int
    spot: bool = False
    reserved: bool = False


def groups(wanted: Wanted) -> list[Group]:
    """All groups of nodes of the stack."""
    system = wanted.platform.cluster.system
    pools = wanted.platform.gpu_pools.items()
    return [
        Group("cluster.system", system.instance_types, system.nodes, system.max_nodes),
        *(
            Group(
                f"gpuPools.{name}",
                pool.instance_types,
                pool.nodes,
                pool.max_nodes,
                pool.capacity is Capacity.SPOT,
                pool.reservation is not None,
            )
            for name, pool in pools
        ),
    ]


def instances_of(answers: Answers) -> list[Any]:
    """The running instances of the account in the region.

    Raises:
        NotAnsweredError: AWS did not list them.
    """
    return [instance for each in answers(INSTANCES) for instance in each["Instances"]]


def is_own(instance: Mapping[str, Any], wanted: Wanted) -> bool:
    """Whether an instance is a node of this stack."""
    tags = pairs(instance.get("Tags"))
    return tags.get(STACK_TAG) == wanted.tag or tags.get(_CLUSTER_TAG) == wanted.cluster_name


def _vcpus(instance_type: str) -> int:
    facts = instances.find(instance_type)
    return facts.vcpus if facts else 0


def _needs(groups: Iterable[Group]) -> dict[str, list[tuple[Group, int]]]:
    """The groups that count against each quota, by its code and name, with the vCPUs of their largest type."""
    found: dict[str, list[tuple[Group, int]]] = {}
    for group in groups:
        sizes: dict[str, int] = {}
        for each in group.instance_types:
            if name := quota(each, spot=group.spot):
                sizes[name] = max(sizes.get(name, 0), _vcpus(each))
        for name, size in sizes.items():
            found.setdefault(name, []).append((group, size))
    return found


def _in_use(name: str, wanted: Wanted, answers: Answers) -> int:
    """The vCPUs of other instances that count against a quota, unused capacity reservations included.

    Active and unused Capacity Reservations count against the quotas of On-Demand Instances:
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-capacity-reservations.html
    """
    running: int = sum(
        _vcpus(each["InstanceType"])
        for each in instances_of(answers)
        if quota(each["InstanceType"], spot=each.get("InstanceLifecycle") == "spot") == name
        and each.get("InstanceLifecycle") != BLOCK
        and not is_own(each, wanted)
    )
    unused: int = sum(
        _vcpus(each["InstanceType"]) * each.get("AvailableInstanceCount", 0)
        for each in answers.get(RESERVATIONS) or ()
        if each["State"] == "active"
        and each.get("ReservationType") != BLOCK
        and quota(each["InstanceType"], spot=False) == name
    )
    return running + unused


def _vcpu_quotas(wanted: Wanted, answers: Answers) -> Iterator[Found]:
    everything = groups(wanted)
    for group in everything:
        if group.reserved:
            fact = f"The nodes of {group.path} run in reserved capacity, so they need no free quota"
            yield Finding(Level.NOTE, fact, field=f"{group.path}.reservation")
    for name, needs in sorted(_needs(each for each in everything if not each.reserved).items()):
        code = name.partition(" ")[0]
        path = needs[-1][0].path
        try:
            value, question = limit(code, COMPUTE, wanted, answers)
            used = _in_use(name, wanted, answers)
        except NotAnsweredError as error:
            yield error.about(f"{path}.instanceTypes")
            continue
        if value is None:
            yield unlisted(name, question, f"{path}.instanceTypes")
            continue
        first = sum(group.nodes * size for group, size in needs)
        most = sum(group.max_nodes * size for group, size in needs)
        yield _vcpu_finding(
            name, code, value, used, (first, most), [each for each, _ in needs], question, wanted.region
        )


def _vcpu_finding(
    name: str,
    code: str,
    value: float,
    used: int,
    needed: tuple[int, int],
    counted: Sequence[Group],
    question: Question,
    region: str,
) -> Finding:
    first, most = needed
    paths = ", ".join(each.path for each in counted)
    fact = (
        f"{name} is {value:g} vCPUs, of which {used} are in use; {paths} {_need(counted)} {first} at first and {most} "
        "with maxNodes"
    )
    level, goal, part = Level.PASSES, most, "instanceTypes"
    if used + first > value:
        level, goal, part = Level.BLOCKS, most, "nodes"
    elif used + most > value:
        level, part = Level.WARNS, "maxNodes"
    fix = f"{increase(COMPUTE, code, used + goal, region)}, or use fewer nodes or another family."
    return Finding(level, fact, question, f"{counted[-1].path}.{part}", "" if level is Level.PASSES else fix)


def _need(counted: Sequence[Group]) -> str:
    return "needs" if len(counted) == 1 else "need"


def _asks_vcpus(wanted: Wanted, answers: Answers) -> Iterator[Question]:
    names = _needs(each for each in groups(wanted) if not each.reserved)
    yield from limits(((each.partition(" ")[0], COMPUTE) for each in names), wanted, answers)
    yield from (INSTANCES, RESERVATIONS)


CHECKS: Final = (
    Check("quotas.vcpus", "vCPUs of every family against `nodes` and `maxNodes`", _vcpu_quotas, _asks_vcpus),
)

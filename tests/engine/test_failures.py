"""AWS fails in the middle of the graph of the stack `local`: the report, the state, and the next `up`.

The tests of this file run one after another on one stack. One request in five is throttled throughout.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from mlpctl.config import read
from mlpctl.failures import NO_ADVICE, explain
from mlpctl.stack import SandboxStack
from mlsandbox.host import faults

pytestmark = pytest.mark.engine


@dataclass(frozen=True)
class Case:
    """One failure, and the expected report."""

    operation: str
    code: str
    component: str
    path: str
    how: Mapping[str, Any] = field(default_factory=dict)


ROUNDS: Sequence[Sequence[Case]] = [
    # Each round is one `up`, in which independent resources fail.
    [
        Case("CreateVpc", "VpcLimitExceeded", "Network network", "network"),
        Case("CreateBucket", "BucketAlreadyExists", "DataBucket datasets", "buckets.datasets", {"match": "datasets"}),
        Case("CreateBucket", "AccessDenied", "DataBucket artifacts", "buckets.artifacts", {"match": "artifacts"}),
        Case("CreateRole", "LimitExceeded", "Network network", "network", {"match": "flow-log"}),
    ],
    [Case("AllocateAddress", "AddressLimitExceeded", "Network network", "network.nat")],
    [Case("CreateCluster", "ResourceLimitExceeded", "EksCluster cluster", "cluster", {"later": True})],
    [
        Case(
            *("CreateAddon", "ConfigurationConflict", "EksCluster cluster", "cluster.addonVersions"),
            {"match": "vpc-cni", "later": True},
        ),
        Case("CreateAddon", "ResourceInUseException", "EksCluster cluster", "cluster", {"match": "kube-proxy"}),
    ],
    [
        Case(
            *("CreateNodegroup", "VcpuLimitExceeded", "EksCluster cluster", "cluster.system.instanceTypes"),
            {"match": "cluster-system", "later": True},
        )
    ],
    [
        Case(
            *("CreateNodegroup", "InsufficientInstanceCapacity", "GpuNodePool inference"),
            *("gpuPools.inference.instanceTypes", {"match": "inference-nodes", "later": True}),
        )
    ],
]


@pytest.fixture(scope="module", autouse=True)
def protected(project: Any) -> Iterator[None]:
    """Protect the stack, as in production: the engine then rejects the replacement of failed creations."""
    project.edit("protect", value=True)
    yield
    project.edit("protect", value=False)
    project.pulumi("up", "--yes", "--skip-preview", "--stack", "local")


@pytest.fixture
def stack(project: Any, monkeypatch: pytest.MonkeyPatch) -> SandboxStack:
    """The stack as `mlpctl up` uses it. A failure does not prevent the others of its round."""
    monkeypatch.setenv("PULUMI_CONTINUE_ON_ERROR", "true")
    return SandboxStack(project.folder, "local", project.sandbox)


def fail(stack: SandboxStack, cases: Sequence[Case]) -> None:
    stack.sandbox.succeed()
    requested = [faults.fault(case.operation, case.code, **case.how) for case in cases]
    too_new = "Role with arn: x, could not be assumed because it does not exist or the trusted entity is not correct"
    requested.append(faults.fault("CreateCluster", "InvalidParameterException", message=too_new, times=1))
    requested.append(faults.fault("*", "ThrottlingException", rate=0.2))
    for each in requested:
        faults.add(stack.sandbox.layout, each)


def deployment(project: Any) -> dict[str, Any]:
    exported = json.loads(project.pulumi("stack", "export", "--stack", "local").stdout)["deployment"]
    assert isinstance(exported, dict)
    return exported


@pytest.mark.parametrize("cases", ROUNDS, ids=lambda cases: "-".join(case.code for case in cases))
def test_a_failed_update_is_explained_and_leaves_a_valid_state(
    stack: SandboxStack, project: Any, cases: Sequence[Case]
) -> None:
    fail(stack, cases)
    config = read(project.folder / "stacks" / "Pulumi.local.yaml")
    wanted, found = {case.code for case in cases}, dict[str, Any]()
    # Resources that depend on a failed resource have no inputs. The provider reports this without a code, and the
    # program ends. Therefore, an update may end before it reaches all resources of the round.
    for _ in range(3):
        code, result = stack.update()
        assert code != 0
        found |= {each.failure.code: each for each in explain(result, config) if each.failure.code}
        if {*found} >= wanted:
            break
    assert {*found} == wanted, "throttling and eventual consistency are retried"
    for case in cases:
        explanation = found[case.code]
        assert explanation.component == case.component
        assert case.path in [place.path for place in explanation.places]
        assert explanation.means != NO_ADVICE
        assert explanation.remedy
    assert not deployment(project).get("pending_operations")


def test_the_next_update_completes_despite_throttling(stack: SandboxStack, project: Any) -> None:
    fail(stack, [])
    code, result = stack.update()
    throttled = stack.sandbox.planned()[-1].struck
    stack.sandbox.succeed()
    assert (code, result.failures) == (0, ())
    assert throttled
    assert project.preview() == []
    assert not stack.failed_creations()


def test_failed_resources_are_not_left_in_aws(project: Any, sandbox: Any) -> None:
    """Failed resources were replaced and deleted: each resource exists once."""
    eks = sandbox.aws("eks")
    (cluster,) = eks.list_clusters()["clusters"]
    groups = eks.list_nodegroups(clusterName=cluster)["nodegroups"]
    statuses = {
        eks.describe_nodegroup(clusterName=cluster, nodegroupName=each)["nodegroup"]["status"] for each in groups
    }
    assert (len(groups), statuses) == (2, {"ACTIVE"})
    in_state = {
        each["id"] for each in deployment(project)["resources"] if each["type"] == "aws:eks/nodeGroup:NodeGroup"
    }
    assert in_state == {f"{cluster}:{each}" for each in groups}
    buckets = [each["Name"] for each in sandbox.aws("s3").list_buckets()["Buckets"]]
    assert len(buckets) == len({name.rsplit("-", 1)[0] for name in buckets})

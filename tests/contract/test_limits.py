"""Names derived from the longest names, and the maximum number of tags, fit AWS's limits."""

import importlib.util
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pulumi
import pulumi_aws as aws
import pytest
import yaml

import mlplatform
from mlpctl.config.sections import MAX_FILESYSTEMS, MAX_TAGS
from mlpctl.keys import PLATFORM
from mlplatform.compute.eks_cluster.access import physical_name
from mlplatform.iam import ROLE_SIZE
from mlplatform.names import MAX_COMPONENT_NAME
from mlplatform.storage.shared_filesystem.spec import driver_policy
from mlplatform.testing import Declared, Plan, declare, token
from mlsandbox.providers.aws import DECLARATIONS

_spec = importlib.util.spec_from_file_location("cases", Path(__file__).with_name("cases.py"))
assert _spec and _spec.loader
cases = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(cases)

LIMITS: Final = {each.token: (each.name.property, each.name.longest) for each in DECLARATIONS if each.name} | {
    # https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreatePullThroughCacheRule.html
    token(aws.ecr.PullThroughCacheRule): ("ecrRepositoryPrefix", 30),
    # https://docs.aws.amazon.com/codebuild/latest/APIReference/API_CreateProject.html
    token(aws.codebuild.Project): ("name", 150),
    # https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepositoryCreationTemplate.html
    token(aws.ecr.RepositoryCreationTemplate): ("prefix", 256),
}
"""The property with a resource's name, and its maximum length."""

RANDOM: Final = len("-0123abc")
"""What Pulumi puts behind a logical name: https://www.pulumi.com/docs/iac/concepts/resources/names/#autonaming"""

EKS_TAGS: Final = (
    "eks:cluster-name",
    "eks:nodegroup-name",
    "k8s.io/cluster-autoscaler/NAME",
    "k8s.io/cluster-autoscaler/enabled",
    "kubernetes.io/cluster/NAME",
)
"""Tags that EKS adds to a node group's Auto Scaling group and its instances. Tags of `aws:` do not count."""

TAGS: Final = 50
"""Tags of a resource at most: https://docs.aws.amazon.com/tag-editor/latest/userguide/reference.html"""

FABRIC: Final = {
    "pool": {"instanceTypes": ["p5.48xlarge"], "zones": ["us-east-1a"], "efa": True, "placementGroup": True},
    "cluster_security_group_id": "sg-11111111",
}
CLOSED: Final = {"vpc": {"zones": ["us-east-1a", "us-east-1b"], "nat": "none", "endpointPreset": "private"}}
NO_ACCOUNTS: Final = {"team": {"namespaces": {"x" * 20: {}}}}
"""The names of a team and of a service account together are as long as the name of a component."""

CACHES: Final = {"images": {"repositories": {"x" * 20: {}}, "pullThrough": {"y" * 20: {"upstream": "quay.io"}}}}


def longest_names() -> Plan:
    """Every component, with the longest name and all optional parts."""
    name = "x" * MAX_COMPONENT_NAME
    more: dict[type, dict[str, Any]] = {
        mlplatform.Network: CLOSED,
        mlplatform.GpuNodePool: FABRIC,
        mlplatform.ImageRegistry: CACHES,
        mlplatform.TeamWorkspace: NO_ACCOUNTS,
    }

    def program() -> None:
        for component in cases.CASES:
            cases.build(component, name, **more.get(component, {}))()

    return declare(program)


def test_names_derived_from_the_longest_name_fit() -> None:
    plan = longest_names()
    assert {*LIMITS} <= {each.type for each in plan}, "each limit is one of something that a component makes"
    assert [each.type for each in plan if each.type not in LIMITS and takes_a_name(each)] == []
    for each in plan:
        if each.type in LIMITS:
            field, limit = LIMITS[each.type]
            physical = len(each.inputs[field]) if field in each.inputs else len(each.name) + RANDOM
            assert physical <= limit, f"{each.type} {each.name}: {physical} of {limit} characters"


def test_the_longest_name_is_as_long_as_the_tightest_limit_allows() -> None:
    """The limit is that of an IAM role."""
    roles = [len(each.name) + RANDOM for each in longest_names().of(aws.iam.Role)]
    assert max(roles) == LIMITS[token(aws.iam.Role)][1]


def test_the_most_tags_leave_room_for_the_platform_s_and_eks_s_own(
    tmp_path: Path, root: Path, plan_of: Callable[[Path], Plan]
) -> None:
    data = yaml.safe_load((root / "stacks" / "Pulumi.local.yaml").read_bytes())
    data["config"][PLATFORM]["tags"] = {f"k{number}": "v" for number in range(MAX_TAGS)}
    stack = tmp_path / "Pulumi.local.yaml"
    stack.write_text(yaml.safe_dump(data))
    plan = plan_of(stack)
    tagged = [each for each in plan if each.inputs.get("tags")]
    assert max(len(each.inputs["tags"]) for each in tagged) <= TAGS
    templates = plan.of(aws.ec2.LaunchTemplate)
    for specification in (each for template in templates for each in template.inputs["tagSpecifications"]):
        assert len({*specification["tags"]} | {*EKS_TAGS}) <= TAGS


def test_the_policies_of_the_most_file_systems_fit_on_the_role_of_their_driver() -> None:
    """Without white space, which IAM does not count."""
    arn = "arn:aws-us-gov:elasticfilesystem:ap-southeast-1:123456789012:file-system/fs-0123456789abcdef0"
    size = len("".join(driver_policy(arn).split()))
    assert MAX_FILESYSTEMS * size <= ROLE_SIZE < (MAX_FILESYSTEMS + 1) * size


def test_a_cluster_s_name_that_eks_rejects_is_rejected_before_anything_is_created(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for project in ("long" * 25, "with.dots"):
        monkeypatch.setattr(pulumi, "get_project", lambda project=project: project)
        with pytest.raises(pulumi.RunError, match=r"is .*-cluster; allowed: letters, digits, - and _, at most 100"):
            declare(lambda: physical_name("cluster"))


def test_a_repository_s_name_that_ecr_rejects_is_rejected_before_anything_is_created(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pulumi, "get_project", lambda: "LongNames")
    with pytest.raises(pulumi.RunError, match=r"the repository would be LongNames/test/serving; allowed: lower-case"):
        declare(cases.build(mlplatform.ImageRegistry))
    declare(cases.build(mlplatform.ImageRegistry, namespace="ml/prod"))
    with pytest.raises(pulumi.RunError, match=r"would be ml//prod/serving; allowed: lower-case"):
        declare(cases.build(mlplatform.ImageRegistry, namespace="ml//prod"))


def takes_a_name(each: Declared) -> bool:
    """Whether resources of this type have a name in AWS, which Pulumi generates if a program sets none."""
    module, _, kind = each.type.removeprefix("aws:").partition(":")
    if not each.type.startswith("aws:"):
        return False
    sdk = getattr(getattr(aws, module.split("/")[0]), kind)
    return "name" in inspect.signature(sdk._internal_init).parameters

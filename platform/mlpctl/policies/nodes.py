"""What node groups and Auto Scaling groups start, for rules."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pulumi_aws as aws

from awsfacts import instances
from mlpctl.policies.checks import parts
from mlpctl.policies.estate import NotEvaluated, Resource, token
from mlpctl.review.values.plain import items

_GPU_FAMILY: Final = re.compile(r"(g|p|inf|trn|dl)[0-9]")
"""Families of instance types with GPUs or other accelerators: https://docs.aws.amazon.com/ec2/latest/instancetypes/ac.html"""

_GPU_IMAGE: Final = re.compile(r"NVIDIA|GPU")
"""Types of images with a GPU driver:
https://docs.aws.amazon.com/eks/latest/APIReference/API_Nodegroup.html#AmazonEKS-Type-Nodegroup-amiType"""

_TEMPLATE: Final = token(aws.ec2.LaunchTemplate)
_PATHS: Final = ("launchTemplate", "mixedInstancesPolicy.launchTemplate.launchTemplateSpecification")
_INPUTS: Final = ("launchTemplate", "mixedInstancesPolicy", "launchTemplateConfigs")
_NAMES: Final = ("id", "name", "launchTemplateId", "launchTemplateName")


def launch_templates(group: Resource) -> list[Resource]:
    """The launch templates of an instance, a node group, an Auto Scaling group or a spot fleet; none if it has none.

    Raises:
        NotEvaluated: a template is not known yet, or not part of the stack.
    """
    caused = {each.urn: each for by in _INPUTS for each in group.referred(by) if each.type == _TEMPLATE}
    found = {**caused}
    foreign = False
    for reference in _references(group):
        given = [reference.get(key) for key in _NAMES] if isinstance(reference, Mapping) else [reference]
        named = group.estate.called(given, aws.ec2.LaunchTemplate)
        found |= {each.urn: each for each in named}
        # One whose ID is not known yet is among those that the engine names.
        foreign = foreign or not (named or caused)
    if foreign:
        raise NotEvaluated("its launch template is not part of the stack")
    return [*found.values()]


def _references(group: Resource) -> Iterator[Any]:
    """What names launch templates in an input."""
    for path in _PATHS:
        if group.has(path):
            above, _, key = path.rpartition(".")
            holder = group.get(above) if above else group.inputs
            yield holder[key]
    yield from (each.inputs.get("launchTemplateSpecification") for each in parts(group, "launchTemplateConfigs"))


def hides_metadata(group: Resource) -> bool:
    """Whether nodes of a node group without a launch template require IMDSv2 and keep their metadata from pods.

    EKS creates nodes of Amazon Linux 2023 with a hop limit of 1:
    https://docs.aws.amazon.com/eks/latest/userguide/al2023.html

    Raises:
        NotEvaluated: its image is not known yet.
    """
    return str(group.get("amiType", "")).startswith("AL2023")


def instance_types(group: Resource) -> list[str]:
    """The instance types that a node group or its launch template names.

    Raises:
        NotEvaluated: they are not known.
    """
    types = [str(each) for each in group.each("instanceTypes")]
    if not types:
        types = [str(each) for template in launch_templates(group) for each in items(template.get("instanceType"))]
    return types


def has_gpus(group: Resource) -> bool:
    """Whether the nodes of a group have GPUs or other accelerators.

    Raises:
        NotEvaluated: its instance types are not known.
    """
    image = group.inputs.get("amiType")
    return (isinstance(image, str) and bool(_GPU_IMAGE.search(image))) or any(map(_is_gpu_type, instance_types(group)))


def _is_gpu_type(name: Any) -> bool:
    facts = instances.find(str(name).lower())
    return facts.gpus > 0 if facts and facts.gpus else _GPU_FAMILY.match(str(name).lower()) is not None

"""What a platform stack tells other stacks."""

import inspect
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from importlib import metadata
from typing import Any, Final, Self, get_args

import pulumi
from pydantic import TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from mlplatform.component import PACKAGE

VERSION: Final = 1
"""Version of the outputs. A field may be added under the same one, by `later`. Whoever removes a field, renames it or
changes what it means raises the version."""

VERSION_OUTPUT: Final = "outputsVersion"
"""The stack output that tells the version."""

_OTHERWISE: Final = "otherwise"


def later(otherwise: Any) -> Any:
    """A field that came later within a version; `otherwise` is its value where a platform does not tell it yet."""
    return field(metadata={_OTHERWISE: otherwise})


@dataclass(frozen=True, kw_only=True)
class PlatformOutputs:
    """A platform, as the stacks see it that build on it. Each field is a stack output by its camelCase name."""

    region: pulumi.Output[str]
    """AWS region, e.g. `us-east-1`."""

    vpc_id: pulumi.Output[str]
    """The network."""

    private_subnet_ids: pulumi.Output[list[str]]
    """Private subnets, one a zone."""

    public_subnet_ids: pulumi.Output[list[str]] = later([])
    """Public subnets, one a zone, for load balancers that face the internet; none where no route leads there."""

    pod_subnet_ids: pulumi.Output[dict[str, str]] = later({})
    """The subnet of the pods of each zone, by the zone's name; empty where pods share the private subnets."""

    vpc_cidrs: pulumi.Output[list[str]] = later([])
    """Networks of the VPC; none where the platform does not export them yet."""

    data_key_arn: pulumi.Output[str]
    """Key for buckets and file systems."""

    logs_key_arn: pulumi.Output[str]
    """Key for log groups."""

    secrets_key_arn: pulumi.Output[str]
    """Key for Kubernetes secrets and Secrets Manager."""

    disks_key_arn: pulumi.Output[str]
    """Key for node volumes."""

    images_key_arn: pulumi.Output[str]
    """Key for container images."""

    buckets: pulumi.Output[dict[str, str]]
    """Physical names of the buckets by their names in the stack file."""

    bucket_arns: pulumi.Output[dict[str, str]]
    """ARNs of the buckets by their names in the stack file."""

    repositories: pulumi.Output[dict[str, str]]
    """URLs of the image repositories by their names in the stack file."""

    cluster_name: pulumi.Output[str]
    """The EKS cluster."""

    cluster_endpoint: pulumi.Output[str]
    """URL of the cluster's API server."""

    kubeconfig: pulumi.Output[str]
    """Kubeconfig of the cluster, as JSON. It holds no secret: whoever uses it signs in as themselves."""

    gpu_pools: pulumi.Output[list[str]]
    """Names of the GPU pools, which a model's `pool` is one of."""

    inference_endpoints: pulumi.Output[dict[str, str]]
    """URLs of the models inside the cluster, by their names in the stack file."""

    volume_handles: pulumi.Output[dict[str, str]] = later({})
    """What pods mount of shared file systems, by `FILESYSTEM/ACCESSPOINT` of the stack file: values of the argument
    `volume_handles` of an `InferenceService`."""

    storage_classes: pulumi.Output[dict[str, str]] = later({})
    """StorageClasses of the shared file systems by their names in the stack file."""

    cluster_security_group_id: pulumi.Output[str | None] = later(None)
    """Security group of the cluster's private endpoint and of all its nodes. None where the platform does not export it
    yet."""

    cluster_access: pulumi.Output[dict[str, str]] = later({})
    """Who may use the cluster: the level of each entry of `cluster.access`, and of `(creator)`, whoever created the
    cluster, where that is an administrator."""

    @classmethod
    def export(cls, **values: pulumi.Input[Any]) -> None:
        """Make the fields outputs of this stack, beside the version.

        Args:
            values: every field that was there from the first, and any that came later, by its name here.

        Raises:
            TypeError: a field is missing or unknown.
        """
        kinds = _kinds(cls)
        wrong = [f"{each.name} is missing" for each in fields(cls) if _is_required(each) and each.name not in values]
        wrong += [f"{name} is unknown" for name in values if name not in kinds]
        if wrong:
            raise TypeError(f"the outputs of a platform: {', '.join(wrong)}")
        pulumi.export(VERSION_OUTPUT, VERSION)
        for name, value in values.items():
            pulumi.export(to_camel(name), pulumi.Output.from_input(value).apply(kinds[name].validate_python))

    @classmethod
    def of(cls, stack: pulumi.StackReference) -> Self:
        """Read a platform from its stack. An output that is secret there is secret here.

        Where the stack is no platform, or one of another version, or does not tell a field, each output fails with a
        `pulumi.RunError` that names the stack and all that is wrong with it.
        """
        told = pulumi.Output.all(stack.name, stack.outputs)
        # One secret output says nothing of the others, nor of whether all are there.
        checked = pulumi.Output.unsecret(told.apply(lambda known: _check(cls, *known)))

        def read(each: Field[Any]) -> pulumi.Output[Any]:
            value = pulumi.Output.all(checked, stack.get_output(to_camel(each.name)))
            return value.apply(lambda known: each.metadata.get(_OTHERWISE) if known[1] is None else known[1])

        return cls(**{each.name: read(each) for each in fields(cls)})


def _is_required(each: Field[Any]) -> bool:
    return _OTHERWISE not in each.metadata


def _kinds(outputs: type[PlatformOutputs]) -> dict[str, TypeAdapter[Any]]:
    """What each field holds, by its name."""
    return {each.name: TypeAdapter(get_args(each.type)[0]) for each in fields(outputs)}


def _check(outputs: type[PlatformOutputs], stack: str, told: Mapping[str, Any]) -> None:
    version = told.get(VERSION_OUTPUT)
    if version is None:
        raise pulumi.RunError(
            f"stack {stack} has no output {VERSION_OUTPUT}: it is no platform, or was never brought up"
        )
    if version != VERSION:
        version = int(version) if isinstance(version, float) else version
        raise pulumi.RunError(
            f"stack {stack} has outputs of version {version!r}; allowed: {VERSION}. Use the release of mlplatform that "
            f"made it: this is {metadata.version(PACKAGE)}"
        )
    problems, kinds = [], _kinds(outputs)
    for each in fields(outputs):
        name = to_camel(each.name)
        if name not in told:
            problems += [f"{name} is missing"] if _is_required(each) else []
            continue
        try:
            kinds[each.name].validate_python(told[name])
        except ValidationError:
            # Without the value, which may be a secret.
            problems.append(f"{name} is no {inspect.formatannotation(get_args(each.type)[0])}")
    if problems:
        raise pulumi.RunError(f"the outputs of stack {stack} are not those of a platform: {', '.join(problems)}")

"""The outputs of a platform stack, which other stacks read."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from importlib import metadata
from typing import Any, Final, NotRequired, Self, TypeAlias, TypedDict, Unpack, get_args

import pulumi
from pydantic import TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from mlplatform.component import PACKAGE

VERSION: Final = 1
"""Version of the outputs. Adding a field with `later` keeps the version. Removing a field, renaming it or changing its
meaning requires a new version."""

VERSION_OUTPUT: Final = "outputsVersion"
"""The stack output that contains the version."""

_OTHERWISE: Final = "otherwise"


def later(otherwise: Any) -> Any:
    """A field added later within a version. `otherwise` is its value if a platform does not export it yet."""
    return field(metadata={_OTHERWISE: otherwise})


_Strings: TypeAlias = pulumi.Input[Sequence[pulumi.Input[str]]]
_ByName: TypeAlias = pulumi.Input[Mapping[str, pulumi.Input[str]]]


class Exported(TypedDict):
    """What a platform exports: the fields that `PlatformOutputs` documents, as its program passes them.

    Fields of `PlatformOutputs` that are `later` are `NotRequired`.
    """

    region: pulumi.Input[str]
    vpc_id: pulumi.Input[str]
    private_subnet_ids: _Strings
    public_subnet_ids: NotRequired[_Strings]
    pod_subnet_ids: NotRequired[_ByName]
    vpc_cidrs: NotRequired[_Strings]
    data_key_arn: pulumi.Input[str]
    logs_key_arn: pulumi.Input[str]
    secrets_key_arn: pulumi.Input[str]
    disks_key_arn: pulumi.Input[str]
    images_key_arn: pulumi.Input[str]
    buckets: _ByName
    bucket_arns: _ByName
    repositories: _ByName
    cluster_name: pulumi.Input[str]
    cluster_endpoint: pulumi.Input[str]
    kubeconfig: pulumi.Input[str]
    gpu_pools: _Strings
    inference_endpoints: _ByName
    volume_handles: NotRequired[_ByName]
    storage_classes: NotRequired[_ByName]
    cluster_security_group_id: NotRequired[pulumi.Input[str]]
    cluster_access: NotRequired[_ByName]


@dataclass(frozen=True, kw_only=True)
class PlatformOutputs:
    """A platform, as dependent stacks see it. Each field is a stack output with the field's camelCase name."""

    region: pulumi.Output[str]
    """AWS region, e.g. `us-east-1`."""

    vpc_id: pulumi.Output[str]
    """ID of the VPC."""

    private_subnet_ids: pulumi.Output[list[str]]
    """Private subnets, one per zone."""

    public_subnet_ids: pulumi.Output[list[str]] = later([])
    """Public subnets, one per zone, for internet-facing load balancers. Empty if the network has none."""

    pod_subnet_ids: pulumi.Output[dict[str, str]] = later({})
    """Subnet of the pods in each zone, by the zone's name. Empty if pods share the private subnets."""

    vpc_cidrs: pulumi.Output[list[str]] = later([])
    """CIDR blocks of the VPC. Empty if the platform does not export them yet."""

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
    """Kubeconfig of the cluster, as JSON. It contains no secret: users sign in with their own credentials."""

    gpu_pools: pulumi.Output[list[str]]
    """Names of the GPU pools, for a model's `pool`."""

    inference_endpoints: pulumi.Output[dict[str, str]]
    """URLs of the models inside the cluster, by their names in the stack file."""

    volume_handles: pulumi.Output[dict[str, str]] = later({})
    """Volume handles of the shared file systems' access points, by `FILESYSTEM/ACCESSPOINT` in the stack file, for the
    argument `volume_handles` of an `InferenceService`."""

    storage_classes: pulumi.Output[dict[str, str]] = later({})
    """Names of the StorageClasses of the shared file systems, by their names in the stack file."""

    cluster_security_group_id: pulumi.Output[str | None] = later(None)
    """Security group of the cluster's private endpoint and of all its nodes. None if the platform does not export it
    yet."""

    cluster_access: pulumi.Output[dict[str, str]] = later({})
    """Access to the cluster: the level of each entry of `cluster.access`. `(creator)` is the principal that created the
    cluster, if it is an administrator."""

    @classmethod
    def export(cls, **values: Unpack[Exported]) -> None:
        """Export the fields and the version as outputs of this stack.

        Args:
            values: all fields that are not `later`, and any that are, by their Python names.

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
        """Read a platform's outputs from its stack. Secret outputs stay secret.

        If the stack is not a platform, has another version of the outputs, or lacks a field, each output fails with a
        `pulumi.RunError` that names the stack and all problems.
        """
        found = pulumi.Output.all(stack.name, stack.outputs)
        # One secret output would make the result of the check, and so all outputs, secret.
        checked = pulumi.Output.unsecret(found.apply(lambda known: _check(cls, *known)))

        def read(each: Field[Any]) -> pulumi.Output[Any]:
            value = pulumi.Output.all(checked, stack.get_output(to_camel(each.name)))
            return value.apply(lambda known: each.metadata.get(_OTHERWISE) if known[1] is None else known[1])

        return cls(**{each.name: read(each) for each in fields(cls)})


def _is_required(each: Field[Any]) -> bool:
    return _OTHERWISE not in each.metadata


def _kinds(outputs: type[PlatformOutputs]) -> dict[str, TypeAdapter[Any]]:
    """The type of each field, by its name."""
    return {each.name: TypeAdapter(get_args(each.type)[0]) for each in fields(outputs)}


def _check(outputs: type[PlatformOutputs], stack: str, exported: Mapping[str, Any]) -> None:
    version = exported.get(VERSION_OUTPUT)
    if version is None:
        raise pulumi.RunError(
            f"stack {stack} has no output {VERSION_OUTPUT}: it is not a platform, or was never deployed"
        )
    if version != VERSION:
        version = int(version) if isinstance(version, float) else version
        raise pulumi.RunError(
            f"stack {stack} has outputs of version {version!r}; allowed: {VERSION}. Use the release of mlplatform that "
            f"deployed it: this is {metadata.version(PACKAGE)}"
        )
    problems, kinds = [], _kinds(outputs)
    for each in fields(outputs):
        name = to_camel(each.name)
        if name not in exported:
            problems += [f"{name} is missing"] if _is_required(each) else []
            continue
        try:
            kinds[each.name].validate_python(exported[name])
        except ValidationError:
            # Without the value, which may be a secret.
            problems.append(f"{name} is not of type {inspect.formatannotation(get_args(each.type)[0])}")
    if problems:
        raise pulumi.RunError(f"the outputs of stack {stack} are not those of a platform: {', '.join(problems)}")

"""Launch templates of node groups, from moto's EC2."""

import base64
import tomllib
from dataclasses import dataclass
from typing import Any

from moto.core.exceptions import ServiceException
from moto.ec2.models import ec2_backends

from mlsandbox.endpoint.eks.backend import ClusterRecord, EksBackend, Shape
from mlsandbox.endpoint.eks.errors import InvalidParameter, InvalidRequest
from mlsandbox.endpoint.public_images import find as find_image

DEFAULT_DISK_GIB = 20
"""Default size of the root volume of EKS's images."""

ROOT_DEVICES = ("/dev/xvda", "/dev/sda1")


@dataclass(frozen=True)
class Launch:
    """The settings of nodes in a launch template version."""

    template: Shape
    """`LaunchTemplateSpecification` with ID, name and version number."""

    instance_type: str | None
    image_id: str | None
    disk_gib: int
    """Size of the root volume."""

    user_data: str = ""
    """Decoded user data."""


def find(backend: EksBackend, asked: Shape) -> Launch:
    """The launch template version that `asked` identifies by ID or name. Raises EKS's errors if it does not exist."""
    if bool(asked.get("id")) == bool(asked.get("name")):
        raise InvalidParameter("You must specify either the launch template ID or the launch template name, not both.")
    ec2 = ec2_backends[backend.account_id][backend.region_name]
    for template in list(ec2.launch_templates.values()):
        if asked.get("id") in (None, template.id) and asked.get("name") in (None, template.name):
            break
    else:
        raise InvalidRequest(f"Launch template {asked.get('id') or asked.get('name')} does not exist.")
    try:
        version = template.get_version(asked.get("version") or "$Default")
    except (ServiceException, ValueError):
        raise InvalidRequest(f"Launch template {template.id} has no version {asked.get('version')}.") from None
    data: dict[str, Any] = version.data
    sizes = [
        mapping["Ebs"]["VolumeSize"]
        for mapping in data.get("BlockDeviceMappings", ())
        if mapping.get("DeviceName") in ROOT_DEVICES and mapping.get("Ebs", {}).get("VolumeSize")
    ]
    return Launch(
        {"id": template.id, "name": template.name, "version": str(version.number)},
        version.instance_type or None,
        version.image_id or None,
        int(sizes[0]) if sizes else DEFAULT_DISK_GIB,
        base64.b64decode(str(data.get("UserData") or "")).decode(errors="replace"),
    )


def check_image(backend: EksBackend, start: Launch) -> None:
    """Raise `InvalidRequest` if the launch template specifies an image that EC2 does not have."""
    ec2 = ec2_backends[backend.account_id][backend.region_name]
    try:
        ec2.describe_images(ami_ids=[str(start.image_id)])
    except ServiceException as problem:
        raise InvalidRequest(f"Launch template {start.template['id']} is not valid: {problem.message}") from None


def why_not_joining(cluster: ClusterRecord, region: str, start: Launch | None) -> str | None:
    """Why a node with the template's image would not join its cluster; None if it would.

    If the template specifies an image, EKS does not add to the user data: https://docs.aws.amazon.com/eks/latest/userguide/launch-templates.html
    """
    if start is None or not start.image_id or find_image(region, start.image_id) is None:
        return None
    try:
        settings = tomllib.loads(start.user_data).get("settings", {}).get("kubernetes", {})
    except tomllib.TOMLDecodeError as problem:
        return f"the user data is not valid TOML: {problem}"
    shape = cluster.shape
    wanted = {
        "cluster-name": cluster.name,
        "api-server": shape.get("endpoint"),
        "cluster-certificate": shape.get("certificateAuthority", {}).get("data"),
    }
    wrong = [name for name, value in wanted.items() if settings.get(name) != value]
    return f"settings.kubernetes in the user data has a missing or wrong {', '.join(wrong)}" if wrong else None

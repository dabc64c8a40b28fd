"""Launch templates of node groups, as moto's EC2 knows them."""

from dataclasses import dataclass
from typing import Any

from moto.core.exceptions import ServiceException
from moto.ec2.models import ec2_backends

from mlpctl.sandbox.awsapi.eks.backend import EksBackend, Shape
from mlpctl.sandbox.awsapi.eks.errors import InvalidParameter, InvalidRequest

DEFAULT_DISK_GIB = 20
"""Root volume of EKS's images, where nobody says otherwise."""

ROOT_DEVICES = ("/dev/xvda", "/dev/sda1")


@dataclass(frozen=True)
class Launch:
    """What a launch template version decides about a node."""

    template: Shape
    """`LaunchTemplateSpecification` with id, name and version as a number."""

    instance_type: str | None
    image_id: str | None
    disk_gib: int
    """Size of the root volume."""


def find(backend: EksBackend, asked: Shape) -> Launch:
    """The launch template version that `asked` names by id or name. Raises EKS's errors when there is none."""
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
    )

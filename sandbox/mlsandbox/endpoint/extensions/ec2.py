"""Corrections of moto's EC2: launch templates, VPC endpoints and instances."""

import threading
import time
from typing import Any, Final

from moto.ec2.models import EC2Backend, launch_templates
from moto.ec2.models.instances import InstanceBackend
from moto.ec2.models.launch_templates import LaunchTemplate
from moto.ec2.models.vpcs import VPCBackend, VPCEndPoint

from mlsandbox.endpoint.extensions.extension import Extension, Kind


class _LaunchTemplate(LaunchTemplate):
    """A launch template that returns its current tags and does not apply them to what it launches.

    moto keeps the tags from the creation and adds them to the tag specifications of the first version.
    """

    def __init__(
        self,
        backend: Any,
        name: str,
        template_data: dict[str, Any],
        version_description: str,
        tag_spec: dict[str, dict[str, str]],
    ) -> None:
        specifications = [
            one for one in template_data.pop("TagSpecifications", ()) if one["ResourceType"] != "launch-template"
        ]
        if specifications:
            template_data["TagSpecifications"] = specifications
        super().__init__(backend, name, template_data, version_description, tag_spec)

    @property
    def tags(self) -> list[dict[str, str]]:
        return self.get_tags()

    @tags.setter
    def tags(self, value: list[dict[str, str]]) -> None:
        """Ignore the value that moto's constructor sets."""


_create_vpc_endpoint = VPCBackend.create_vpc_endpoint
_modify_vpc_endpoint = VPCBackend.modify_vpc_endpoint
_delete_vpc_endpoints = VPCBackend.delete_vpc_endpoints


def _create_typed_vpc_endpoint(self: EC2Backend, *given: Any, **named: Any) -> VPCEndPoint:
    """On AWS, the default endpoint type is Gateway. moto sets no default and cannot delete such an endpoint."""
    endpoint = _create_vpc_endpoint(self, *given, **named)
    endpoint.vpc_endpoint_type = endpoint.vpc_endpoint_type or "Gateway"
    return endpoint


def _modify_vpc_endpoint_with_routes(self: EC2Backend, vpc_id: str, *changes: Any, **named: Any) -> None:
    """AWS adds and removes a gateway endpoint's routes with its route tables; moto does this only at creation."""
    endpoint = self.describe_vpc_endpoints([vpc_id])[0]
    before = set(endpoint.route_table_ids or ())
    _modify_vpc_endpoint(self, vpc_id, *changes, **named)
    after = set(endpoint.route_table_ids or ())
    if prefix_list := endpoint.destination_prefix_list_id:
        for table in after - before:
            self.create_route(table, None, gateway_id=endpoint.id, destination_prefix_list_id=prefix_list)
        for table in before - after:
            self.delete_route(table, prefix_list)


def _delete_and_forget_vpc_endpoints(self: EC2Backend, vpce_ids: list[str] | None = None) -> None:
    """AWS returns a deleted endpoint for a short time, moto forever. moto also fails if a route table was deleted."""
    for endpoint in [self.vpc_end_points[id] for id in vpce_ids or () if id in self.vpc_end_points]:
        endpoint.route_table_ids = [id for id in endpoint.route_table_ids or () if id in self.route_tables]
        _delete_vpc_endpoints(self, [endpoint.id])
        del self.vpc_end_points[endpoint.id]


_run_instances = InstanceBackend.run_instances
_terminate_instances = InstanceBackend.terminate_instances
_launching = threading.Lock()

TERMINATED_S: Final = 3600.0
"""Seconds for which a terminated instance is still visible.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/terminating-instances.html
"""


def _run_instances_in_turn(self: EC2Backend, *given: Any, **named: Any) -> Any:
    """Launch instances one request at a time, because moto's launches are not thread-safe."""
    with _launching:
        _forget_terminated(self)
        return _run_instances(self, *given, **named)


def _terminate_and_forget_instances(self: EC2Backend, instance_ids: list[str]) -> Any:
    """On AWS, a terminated instance remains visible for about an hour; in moto, forever."""
    with _launching:
        _forget_terminated(self)
        ended = _terminate_instances(self, instance_ids)
        for instance, _ in ended:
            vars(instance).setdefault("terminated_at", time.time())
        return ended


def _forget_terminated(backend: EC2Backend) -> None:
    shown_since = time.time() - TERMINATED_S
    for id, reservation in list(backend.reservations.items()):
        reservation.instances = [
            one for one in reservation.instances if vars(one).get("terminated_at", shown_since) >= shown_since
        ]
        if not reservation.instances:
            del backend.reservations[id]


def _apply() -> None:
    launch_templates.LaunchTemplate = _LaunchTemplate  # type: ignore[misc]  # mypy rejects assignments to a class name
    VPCBackend.create_vpc_endpoint = _create_typed_vpc_endpoint  # type: ignore[assignment,method-assign]  # intended
    VPCBackend.modify_vpc_endpoint = _modify_vpc_endpoint_with_routes  # type: ignore[assignment,method-assign]  # intended
    VPCBackend.delete_vpc_endpoints = _delete_and_forget_vpc_endpoints  # type: ignore[assignment,method-assign]  # intended
    InstanceBackend.run_instances = _run_instances_in_turn  # type: ignore[assignment,method-assign]  # intended
    InstanceBackend.terminate_instances = _terminate_and_forget_instances  # type: ignore[assignment,method-assign]  # intended


EXTENSION: Final = Extension(
    "ec2",
    (
        "CreateLaunchTemplate",
        "CreateVpcEndpoint",
        "DeleteVpcEndpoints",
        "ModifyVpcEndpoint",
        "RunInstances",
        "TerminateInstances",
    ),
    Kind.CORRECTED,
    _apply,
)

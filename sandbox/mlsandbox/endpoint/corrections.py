"""Where moto answers otherwise than AWS, so that a plan would never become quiet. Each goes when moto answers right."""

import json
import threading
import time
from typing import Any, Final

from moto.core.responses import ActionResult
from moto.ec2.models import EC2Backend, launch_templates
from moto.ec2.models.instances import InstanceBackend
from moto.ec2.models.launch_templates import LaunchTemplate
from moto.ec2.models.vpcs import VPCBackend, VPCEndPoint
from moto.iam.exceptions import NotFoundException
from moto.iam.models import IAMBackend, Role
from moto.iam.responses import IamResponse
from moto.kms.models import Key
from moto.kms.responses import KmsResponse
from moto.logs.models import LogsBackend
from moto.rds.exceptions import DBSubnetGroupNotFoundError
from moto.rds.models import DBSubnetGroup, RDSBackend


class _LaunchTemplate(LaunchTemplate):
    """A launch template whose tags are those that it has now, and no part of what it launches.

    moto keeps the tags of the creation, and adds them to the tag specifications of the first version.
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
        """Ignore what moto's constructor sets."""


_create_vpc_endpoint = VPCBackend.create_vpc_endpoint
_modify_vpc_endpoint = VPCBackend.modify_vpc_endpoint
_delete_vpc_endpoints = VPCBackend.delete_vpc_endpoints


def _create_typed_vpc_endpoint(self: EC2Backend, *given: Any, **named: Any) -> VPCEndPoint:
    """An endpoint whose type nobody gave is a gateway to AWS; moto leaves it without a type and cannot delete it."""
    endpoint = _create_vpc_endpoint(self, *given, **named)
    endpoint.vpc_endpoint_type = endpoint.vpc_endpoint_type or "Gateway"
    return endpoint


def _modify_vpc_endpoint_with_routes(self: EC2Backend, vpc_id: str, *changes: Any, **named: Any) -> None:
    """AWS adds and removes a gateway endpoint's routes with its route tables; moto does so at creation only."""
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
    """AWS shows a deleted endpoint for moments, moto for ever; and moto stumbles over a route table that has gone."""
    for endpoint in [self.vpc_end_points[id] for id in vpce_ids or () if id in self.vpc_end_points]:
        endpoint.route_table_ids = [id for id in endpoint.route_table_ids or () if id in self.route_tables]
        _delete_vpc_endpoints(self, [endpoint.id])
        del self.vpc_end_points[endpoint.id]


_enable_key_rotation = KmsResponse.enable_key_rotation
_get_key_rotation_status = KmsResponse.get_key_rotation_status

DEFAULT_ROTATION_DAYS = 365
"""https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKeyRotation.html"""


def _key_of(response: KmsResponse) -> Key:
    return response.kms_backend.keys[response.kms_backend.get_key_id(response._get_param("KeyId"))]


def _enable_key_rotation_with_period(self: KmsResponse) -> str:
    """AWS keeps how often a key rotates; moto forgets it."""
    answer = _enable_key_rotation(self)
    _key_of(self).rotation_period_days = self._get_param("RotationPeriodInDays") or DEFAULT_ROTATION_DAYS  # type: ignore[attr-defined]  # as meant
    return answer


def _get_key_rotation_status_with_period(self: KmsResponse) -> str:
    answer = json.loads(_get_key_rotation_status(self))
    key = _key_of(self)
    if key.key_rotation_status:
        answer["RotationPeriodInDays"] = getattr(key, "rotation_period_days", DEFAULT_ROTATION_DAYS)
    return json.dumps({"KeyId": key.arn, **answer})


_create_role = IAMBackend.create_role
_put_role_permissions_boundary = IAMBackend.put_role_permissions_boundary


def _create_bounded_role(
    self: IAMBackend, role_name: str, trust: str, path: str, boundary: str | None, *given: Any, **named: Any
) -> Role:
    """AWS bounds a role by a policy that is there; moto by any ARN."""
    _check_boundary(self, boundary)
    return _create_role(self, role_name, trust, path, boundary, *given, **named)


def _put_checked_permissions_boundary(self: IAMBackend, role_name: str, permissions_boundary: str) -> None:
    _check_boundary(self, permissions_boundary)
    _put_role_permissions_boundary(self, role_name, permissions_boundary)


def _check_boundary(backend: IAMBackend, boundary: str | None) -> None:
    if boundary and boundary not in backend.managed_policies:
        raise NotFoundException(f"Scope ARN: {boundary} does not exist or is not attachable.")


def _list_instance_profiles_below(self: IamResponse) -> ActionResult:
    """AWS lists the profiles below a path; moto all."""
    prefix = self._get_param("PathPrefix") or "/"
    found = [one for one in self.backend.get_instance_profiles() if str(one.path or "/").startswith(prefix)]
    return ActionResult({"InstanceProfiles": found})


_remove_role_from_instance_profile = IAMBackend.remove_role_from_instance_profile


def _remove_role_that_is_there(self: IAMBackend, profile_name: str, role_name: str) -> None:
    """AWS says that a role is not in the profile; moto breaks down."""
    if self.get_role(role_name) not in self.get_instance_profile(profile_name).roles:
        raise NotFoundException(f"Role {role_name} is not in instance profile {profile_name}")
    _remove_role_from_instance_profile(self, profile_name, role_name)


_run_instances = InstanceBackend.run_instances
_terminate_instances = InstanceBackend.terminate_instances
_launching = threading.Lock()

TERMINATED_S: Final = 3600.0
"""Seconds for which a terminated instance is still shown.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/terminating-instances.html
"""


def _run_instances_in_turn(self: EC2Backend, *given: Any, **named: Any) -> Any:
    """Moto's launches get in each other's way."""
    with _launching:
        _forget_terminated(self)
        return _run_instances(self, *given, **named)


def _terminate_and_forget_instances(self: EC2Backend, instance_ids: list[str]) -> Any:
    """AWS shows a terminated instance for about an hour, moto for ever."""
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


def _modify_and_keep_subnet_group(
    self: RDSBackend, subnet_name: str, description: str, subnets: list[Any]
) -> DBSubnetGroup:
    """Keep a subnet group that is modified, which moto forgets."""
    if subnet_name not in self.subnet_groups:
        raise DBSubnetGroupNotFoundError(subnet_name)
    modified = _modify_subnet_group(self, subnet_name, description, subnets)
    self.subnet_groups[subnet_name] = modified
    return modified


_modify_subnet_group = RDSBackend.modify_db_subnet_group


_delete_log_group = LogsBackend.delete_log_group


def _delete_log_group_and_tags(self: LogsBackend, log_group_name: str) -> None:
    """A log group's tags go with it; moto gives them to the next group of the name."""
    group = self.groups.get(log_group_name)
    _delete_log_group(self, log_group_name)
    if group is not None:
        self.tagger.delete_all_tags_for_resource(group.arn)


def apply() -> None:
    """Put the corrections in place, for the whole process. A second time changes nothing."""
    KmsResponse.enable_key_rotation = _enable_key_rotation_with_period  # type: ignore[method-assign]  # as meant
    KmsResponse.get_key_rotation_status = _get_key_rotation_status_with_period  # type: ignore[method-assign]  # as meant
    IAMBackend.create_role = _create_bounded_role  # type: ignore[assignment,method-assign]  # as meant
    IAMBackend.put_role_permissions_boundary = _put_checked_permissions_boundary  # type: ignore[method-assign]  # as meant
    launch_templates.LaunchTemplate = _LaunchTemplate  # type: ignore[misc]  # mypy has classes fixed
    VPCBackend.create_vpc_endpoint = _create_typed_vpc_endpoint  # type: ignore[assignment,method-assign]  # as meant
    VPCBackend.modify_vpc_endpoint = _modify_vpc_endpoint_with_routes  # type: ignore[assignment,method-assign]  # as meant
    VPCBackend.delete_vpc_endpoints = _delete_and_forget_vpc_endpoints  # type: ignore[assignment,method-assign]  # as meant
    IamResponse.list_instance_profiles = _list_instance_profiles_below  # type: ignore[method-assign]  # as meant
    IAMBackend.remove_role_from_instance_profile = _remove_role_that_is_there  # type: ignore[method-assign]  # as meant
    InstanceBackend.run_instances = _run_instances_in_turn  # type: ignore[assignment,method-assign]  # as meant
    InstanceBackend.terminate_instances = _terminate_and_forget_instances  # type: ignore[assignment,method-assign]  # as meant
    RDSBackend.modify_db_subnet_group = _modify_and_keep_subnet_group  # type: ignore[method-assign]  # as meant
    LogsBackend.delete_log_group = _delete_log_group_and_tags  # type: ignore[method-assign]  # as meant

"""Corrections of moto's IAM: permissions boundaries and instance profiles."""

from typing import Any, Final

from moto.core.responses import ActionResult
from moto.iam.exceptions import NotFoundException
from moto.iam.models import IAMBackend, Role
from moto.iam.responses import IamResponse

from mlsandbox.endpoint.extensions.extension import Extension, Kind

_create_role = IAMBackend.create_role
_put_role_permissions_boundary = IAMBackend.put_role_permissions_boundary


def _create_bounded_role(
    self: IAMBackend, role_name: str, trust: str, path: str, boundary: str | None, *given: Any, **named: Any
) -> Role:
    """AWS requires that the permissions boundary exists; moto accepts any ARN."""
    _check_boundary(self, boundary)
    return _create_role(self, role_name, trust, path, boundary, *given, **named)


def _put_checked_permissions_boundary(self: IAMBackend, role_name: str, permissions_boundary: str) -> None:
    _check_boundary(self, permissions_boundary)
    _put_role_permissions_boundary(self, role_name, permissions_boundary)


def _check_boundary(backend: IAMBackend, boundary: str | None) -> None:
    if boundary and boundary not in backend.managed_policies:
        raise NotFoundException(f"Scope ARN: {boundary} does not exist or is not attachable.")


def _list_instance_profiles_below(self: IamResponse) -> ActionResult:
    """AWS lists the profiles with the path prefix; moto lists all."""
    prefix = self._get_param("PathPrefix") or "/"
    found = [one for one in self.backend.get_instance_profiles() if str(one.path or "/").startswith(prefix)]
    return ActionResult({"InstanceProfiles": found})


_remove_role_from_instance_profile = IAMBackend.remove_role_from_instance_profile


def _remove_role_that_is_there(self: IAMBackend, profile_name: str, role_name: str) -> None:
    """AWS returns an error if the role is not in the profile; moto raises an internal error."""
    if self.get_role(role_name) not in self.get_instance_profile(profile_name).roles:
        raise NotFoundException(f"Role {role_name} is not in instance profile {profile_name}")
    _remove_role_from_instance_profile(self, profile_name, role_name)


def _apply() -> None:
    IAMBackend.create_role = _create_bounded_role  # type: ignore[assignment,method-assign]  # intended
    IAMBackend.put_role_permissions_boundary = _put_checked_permissions_boundary  # type: ignore[method-assign]  # intended
    IamResponse.list_instance_profiles = _list_instance_profiles_below  # type: ignore[method-assign]  # intended
    IAMBackend.remove_role_from_instance_profile = _remove_role_that_is_there  # type: ignore[method-assign]  # intended


EXTENSION: Final = Extension(
    "iam",
    (
        "CreateRole",
        "ListInstanceProfiles",
        "PutRolePermissionsBoundary",
        "RemoveRoleFromInstanceProfile",
    ),
    Kind.CORRECTED,
    _apply,
)

"""A correction of moto's RDS: a modified subnet group is stored."""

from typing import Any, Final

from moto.rds.exceptions import DBSubnetGroupNotFoundError
from moto.rds.models import DBSubnetGroup, RDSBackend

from mlsandbox.endpoint.extensions.extension import Extension, Kind


def _modify_and_keep_subnet_group(
    self: RDSBackend, subnet_name: str, description: str, subnets: list[Any]
) -> DBSubnetGroup:
    """Store a modified subnet group, which moto does not."""
    if subnet_name not in self.subnet_groups:
        raise DBSubnetGroupNotFoundError(subnet_name)
    modified = _modify_subnet_group(self, subnet_name, description, subnets)
    self.subnet_groups[subnet_name] = modified
    return modified


_modify_subnet_group = RDSBackend.modify_db_subnet_group


def _apply() -> None:
    RDSBackend.modify_db_subnet_group = _modify_and_keep_subnet_group  # type: ignore[method-assign]  # intended


EXTENSION: Final = Extension(
    "rds",
    ("ModifyDBSubnetGroup",),
    Kind.CORRECTED,
    _apply,
)

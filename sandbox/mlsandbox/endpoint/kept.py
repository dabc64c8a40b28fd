"""What the sandbox serves itself, where moto has nothing or too little."""

from collections.abc import Mapping

from mlsandbox.endpoint import ecr, placement, scaling_groups
from mlsandbox.endpoint.eks.backend import SERVICE
from mlsandbox.endpoint.eks.service import OPERATIONS

KEPT_BY_SANDBOX: Mapping[str, tuple[str, ...]] = {
    SERVICE: tuple(sorted(OPERATIONS)),
    "autoscaling": scaling_groups.OPERATIONS,
    "ec2": placement.OPERATIONS,
    ecr.SERVICE: tuple(sorted(ecr.OPERATIONS)),
}
"""AWS operations by service that the sandbox answers from its own store; every other one is moto's."""

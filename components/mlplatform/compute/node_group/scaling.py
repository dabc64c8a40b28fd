"""How many nodes a group has, and how they are bought."""

from enum import Enum
from typing import Final, Self

from pydantic import Field, model_validator

from mlplatform.spec import Spec

MAX_NODES: Final = 450
"""Nodes in a managed node group at most: https://docs.aws.amazon.com/eks/latest/userguide/service-quotas.html"""


class Capacity(Enum):
    """How nodes are bought."""

    ON_DEMAND = "onDemand"
    SPOT = "spot"
    CAPACITY_BLOCK = "capacityBlock"


CAPACITY_TYPES: Final = {
    Capacity.ON_DEMAND: "ON_DEMAND",
    Capacity.SPOT: "SPOT",
    Capacity.CAPACITY_BLOCK: "CAPACITY_BLOCK",
}
"""https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateNodegroup.html"""


class Scaling(Spec):
    """How many nodes a pool has."""

    min_nodes: int = Field(default=0, ge=0, le=MAX_NODES)
    """Fewest nodes."""

    nodes: int = Field(default=0, ge=0, le=MAX_NODES)
    """Nodes that run now, between the fewest and the most."""

    max_nodes: int = Field(default=4, ge=1, le=MAX_NODES)
    """Most nodes, and so the ceiling of what the pool can cost."""

    update_minutes: int | None = Field(default=None, ge=15, le=10080)
    """Minutes that an update of the nodes may take before it counts as failed. Default: 60, or more for a large pool:
    25 for each round of one node (a tenth of the nodes where there may be more than 10)."""

    @model_validator(mode="after")
    def _nodes_lie_within_limits(self) -> Self:
        if self.min_nodes > self.max_nodes:
            raise ValueError(f"minNodes is {self.min_nodes}; allowed: up to maxNodes ({self.max_nodes})")
        if not self.min_nodes <= self.nodes <= self.max_nodes:
            raise ValueError(
                f"nodes is {self.nodes}; allowed: minNodes ({self.min_nodes}) to maxNodes ({self.max_nodes})"
            )
        return self

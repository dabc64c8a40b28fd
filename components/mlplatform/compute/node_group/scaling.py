"""The number of nodes of a group, and their purchase option."""

from enum import Enum
from typing import Final, Self

from pydantic import Field, model_validator

from mlplatform.spec import Spec

MAX_NODES: Final = 450
"""Maximum number of nodes in a managed node group: https://docs.aws.amazon.com/eks/latest/userguide/service-quotas.html"""


class Capacity(Enum):
    """Purchase option of nodes."""

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
    """The number of nodes of a pool."""

    min_nodes: int = Field(default=0, ge=0, le=MAX_NODES)
    """Minimum number of nodes."""

    nodes: int = Field(default=0, ge=0, le=MAX_NODES)
    """Desired number of nodes, from `minNodes` to `maxNodes`."""

    max_nodes: int = Field(default=4, ge=1, le=MAX_NODES)
    """Maximum number of nodes, which limits the pool's cost."""

    update_minutes: int | None = Field(default=None, ge=15, le=10080)
    """Minutes after which an update of the nodes fails. Default: 60, or more for a large pool: 25 for each node, or for
    each tenth of the nodes if `maxNodes` is more than 10."""

    @model_validator(mode="after")
    def _nodes_lie_within_limits(self) -> Self:
        if self.min_nodes > self.max_nodes:
            raise ValueError(f"minNodes is {self.min_nodes}; allowed: up to maxNodes ({self.max_nodes})")
        if not self.min_nodes <= self.nodes <= self.max_nodes:
            raise ValueError(
                f"nodes is {self.nodes}; allowed: minNodes ({self.min_nodes}) to maxNodes ({self.max_nodes})"
            )
        return self

"""The config of one stack."""

from typing import Any, Self

from pydantic import model_validator

from mlpctl.config import model_rules, rules
from mlpctl.config.sections import Sections


class Platform(Sections):
    """The config of one stack of the platform."""

    @property
    def outside(self) -> list[str]:
        """What this stack can reach only through a route to the internet."""
        caches = ", ".join(self.images.pull_through)
        first = [f"images.pullThrough has {caches}, whose first pull leaves the network"] if caches else []
        return [*first, *(need for need, _ in model_rules.from_outside(self))]

    @property
    def needs(self) -> dict[str, Any]:
        """The requirements that the network must meet, as arguments of `Network`."""
        return {"services": self.services, "outside": self.outside, "nodes": self.nodes_by_zone}

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        if problems := [problem for rule in rules.RULES for problem in rule(self)]:
            raise ValueError("\n".join(problems))
        return self

"""What a stack's config says of rules."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from pydantic import ValidationError

from mlpctl.policies.rule import Levels
from mlpctl.settings.policies import PolicySettings
from mlpctl.text import nearest

APPROVALS: Final = "ML-CHANGE-01"
"""The rule for losses, which only reviews judge."""


@dataclass(frozen=True)
class StackRules:
    """The levels and exceptions of one stack."""

    profile: str
    """`dev`, `staging` or `prod`; empty for a program without the platform's config."""

    policies: PolicySettings
    settings: Mapping[str, Any]
    """The platform's section of the stack file with all defaults, as far as it is valid; empty without one."""

    @classmethod
    def of(cls, platform: Mapping[str, Any], policies: PolicySettings) -> Self:
        """Read the platform's section of a stack file, as it is in the file, whose section `policies` is valid."""
        profile = platform.get("profile")
        return cls(
            profile if isinstance(profile, str) and profile in Levels.__dataclass_fields__ else "",
            policies,
            _complete(platform),
        )

    def unknown(self, known: Iterable[str]) -> str:
        """The first ID of a rule in the section `policies` that is not known, as a sentence; empty without one."""
        ids = {*known, APPROVALS}
        named = [(f"mandatory[{index}]", id) for index, id in enumerate(self.policies.mandatory)]
        named += [(f"waivers[{index}].rule", each.rule) for index, each in enumerate(self.policies.waivers)]
        for place, id in named:
            if id not in ids:
                near = nearest(id, ids)
                hint = f" Did you mean {near}?" if near else ""
                return f"policies.{place} is {id}, which is no rule of the platform or of policies.packs.{hint}"
        return ""


def _complete(given: Mapping[str, Any]) -> Mapping[str, Any]:
    if not given:
        return {}
    # This imports the components, which programs without the platform's config do not need.
    from mlpctl.config import Platform, profiles

    filled = profiles.fill(profiles.PROFILES, Platform, given)
    try:
        return Platform.model_validate(filled.data).model_dump(mode="json", by_alias=True)
    except ValidationError:
        # A plan may have redacted a part of it.
        return given

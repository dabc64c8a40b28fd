"""What a stack's config says of rules."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from pydantic import ValidationError

from mlpctl.policies.rule import Levels
from mlpctl.settings.policies import PolicySettings


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

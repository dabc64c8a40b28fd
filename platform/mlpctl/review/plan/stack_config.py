"""The platform's section of the stack config that a plan contains."""

import json
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from mlpctl.errors import InputError
from mlpctl.keys import PLATFORM
from mlpctl.review.plan.model import Plan

PROFILES: Final = ("dev", "staging", "prod")
"""The profiles, as in `mlpctl.config`, which other programs' reviews need not load."""

ModelT = TypeVar("ModelT", bound=BaseModel)


class SettingsError(InputError):
    """A section of the config is invalid; the message is for the user."""


def platform(plan: Plan) -> Mapping[str, Any]:
    """The platform's section of a plan's config; empty for a program without it.

    Raises:
        SettingsError: it is not an object in JSON.
    """
    if not is_there(plan):
        return {}
    value = plan.config[PLATFORM]
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except json.JSONDecodeError:
        raise SettingsError(
            f"The value of {PLATFORM} in the plan's config is not JSON, so its limits cannot be read."
        ) from None
    if not isinstance(found, Mapping):
        raise SettingsError(f"The plan's config is invalid: {profile_fault(found)}.")
    return found


def is_there(plan: Plan) -> bool:
    """Whether a plan's config has the platform's section, valid or not."""
    return PLATFORM in plan.config


def profile_fault(platform: Any) -> str:
    """Why the platform's section has an invalid profile, which decides on the levels of rules; empty if it has not."""
    names = f"allowed: {', '.join(PROFILES)}"
    if not isinstance(platform, Mapping):
        return f"{PLATFORM} is not an object"
    if "profile" not in platform:
        # Other programs may use a section of it, such as the limits of `cost`, without a profile.
        return ""
    profile = platform["profile"]
    if not isinstance(profile, str) or profile not in PROFILES:
        return f"profile is not valid; {names}"
    return ""


def section(plan: Plan, name: str, model: type[ModelT]) -> ModelT:
    """One section of the platform's config, e.g. `cost`; with the model's defaults if it is missing.

    Raises:
        SettingsError: it is invalid.
    """
    try:
        return model.model_validate(platform(plan).get(name, {}))
    except ValidationError as error:
        problems = "; ".join(
            f"{name}.{'.'.join(map(str, each['loc']))}: {each['msg'].lower()}" for each in error.errors()
        )
        raise SettingsError(f"The plan's config is invalid: {problems}.") from None

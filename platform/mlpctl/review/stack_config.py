"""The platform's section of the stack config that a plan contains."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from mlpctl.errors import InputError
from mlpctl.keys import PLATFORM
from mlpctl.review.plan import Plan

ModelT = TypeVar("ModelT", bound=BaseModel)


class SettingsError(InputError):
    """A section of the config is invalid; the message is for the user."""


def platform(plan: Plan) -> Mapping[str, Any]:
    """The platform's section of a plan's config; empty without one.

    Raises:
        SettingsError: it is not JSON.
    """
    value = plan.config.get(PLATFORM)
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except json.JSONDecodeError:
        raise SettingsError(
            f"The value of {PLATFORM} in the plan's config is not JSON, so its limits cannot be read."
        ) from None
    return found if isinstance(found, Mapping) else {}


def section(plan: Plan, name: str, model: type[ModelT]) -> ModelT:
    """One section of the platform's config, e.g. `cost`; with the model's defaults if it is missing.

    Raises:
        SettingsError: it is invalid.
    """
    try:
        return model.model_validate(platform(plan).get(name) or {})
    except ValidationError as error:
        problems = "; ".join(
            f"{name}.{'.'.join(map(str, each['loc']))}: {each['msg'].lower()}" for each in error.errors()
        )
        raise SettingsError(f"The plan's config is invalid: {problems}.") from None
